// Measures the weir program against plain DuckDB, both as child processes on the same data in the same run.
//
//	go run ./bench [-case NAME] [-reps 3] [-memory 1GB]
//
// One line a case goes to standard output, what it rests on to standard error:
//
//	bench <case> ratio=<x> goal=<y> rows_s=<n> cpu_s=<n> rss_mb=<n> baseline="<what>"
//
// BENCH_DIR is where data is made once and kept (a folder of the system's temporary one by default), SCALE shrinks it
// (0.1 is a tenth of the rows). See docs/benchmarks.md for what each figure means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "raw":
		err = runRaw(ctx, os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "deletes":
		err = runDeletes(ctx, os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "postgres":
		err = runPostgres(ctx, os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "decode":
		err = runDecode(ctx, os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "changes":
		err = runChanges(ctx, os.Args[2:])
	default:
		err = runCases(ctx, os.Args[1:])
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the same for every case.
type settings struct {
	reps   int
	memory string  // of weir and of DuckDB, as both read it
	scale  float64 // of all row counts
	cache  string  // made data, kept between runs
	work   string  // projects and outputs, removed at the end
	weir   string  // the program
	self   string  // this program, for the raw side
}

func runCases(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("case", "", "run only this case (comma-separated for several)")
	s := settings{scale: 1}
	flags.IntVar(&s.reps, "reps", 3, "measurements a side; the median counts")
	flags.StringVar(&s.memory, "memory", "1GB", "memory budget of both sides")
	list := flags.Bool("list", false, "list the cases")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		for _, c := range cases() {
			fmt.Printf("%-22s %s\n", c.name, c.what)
		}
		return nil
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if s.reps < 1 || flags.NArg() > 0 {
		return errors.New("usage: bench [-case NAME] [-reps N] [-memory SIZE]")
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(s.work)
	var failed []error
	for _, c := range chosen {
		r, err := c.run(ctx, &s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
			fmt.Fprintf(os.Stderr, "%s could not be measured: %v\n", c.name, err)
			continue
		}
		fmt.Println(r.line(c))
	}
	return errors.Join(failed...)
}

func choose(only string) ([]benchCase, error) {
	if only == "" {
		return cases(), nil
	}
	var chosen []benchCase
	var names []string
	for _, c := range cases() {
		names = append(names, c.name)
	}
	for _, name := range strings.Split(only, ",") {
		n := len(chosen)
		for _, c := range cases() {
			if c.name == strings.TrimSpace(name) {
				chosen = append(chosen, c)
			}
		}
		if len(chosen) == n {
			return nil, fmt.Errorf("no case %q; there are: %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

// prepare makes the folders and builds the program.
func (s *settings) prepare(ctx context.Context) (err error) {
	if text := os.Getenv("SCALE"); text != "" {
		if s.scale, err = strconv.ParseFloat(text, 64); err != nil || s.scale <= 0 {
			return fmt.Errorf("SCALE=%s is not a number above 0", text)
		}
	}
	if err := s.folders(); err != nil {
		return err
	}
	return s.buildWeir(ctx)
}

// folders makes those of data and of work.
func (s *settings) folders() (err error) {
	if s.cache = os.Getenv("BENCH_DIR"); s.cache == "" {
		s.cache = filepath.Join(os.TempDir(), "weir-bench")
	}
	if s.cache, err = filepath.Abs(s.cache); err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	if err := os.MkdirAll(s.cache, 0o755); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	// On the same disk as the data.
	if s.work, err = os.MkdirTemp(s.cache, "work-"); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	if s.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return nil
}

// rows scales a row count.
func (s *settings) rows(full int64) int64 { return max(1000, int64(float64(full)*s.scale)) }
