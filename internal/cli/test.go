package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/cases"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
)

type testOptions struct {
	selection
	junit string
	watch bool
	json  bool
}

func (a *app) testCommand() *cobra.Command {
	var o testOptions
	c := &cobra.Command{
		Use:   "test [SELECTION...]",
		Short: "Run the unit tests of SQL tables",
		Long: `Run the unit tests of SQL tables: the cases in tests/marts/daily.yaml are about the table marts.daily.

Each case gives rows to what the table reads, builds the table in a lake of its own, as a run would, and compares its
rows with those expected. Nothing of the project's lake is touched. A case that fails ends the command with exit
code 3, a mistake in a test or a definition with 2. docs/testing.md tells how cases are written.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.patterns = args
			if o.watch {
				return a.watchTests(c.Context(), o)
			}
			return a.with(c.Context(), func(w *workspace) error { return w.test(c.Context(), o) })
		},
	}
	selectionFlags(c, &o.selection)
	c.Flags().StringVar(&o.junit, "junit", "", "file to write the results to as JUnit XML")
	c.Flags().BoolVar(&o.watch, "watch", false, "run again what is affected whenever a file of the project changes, until Ctrl-C")
	c.Flags().BoolVar(&o.json, "json", false, "print the results as JSON")
	a.memoryFlag(c)
	return c
}

// test runs the cases of the selected tables and reports.
func (w *workspace) test(ctx context.Context, o testOptions) error {
	started := time.Now()
	suites, err := w.testSuites(ctx, o)
	if err != nil {
		return err
	}
	results, err := w.runSuites(ctx, suites)
	if err != nil {
		return err
	}
	if o.junit != "" {
		if err := w.writeJUnit(o.junit, results, started); err != nil {
			return err
		}
	}
	if o.json {
		err = writeJSON(w.app.out, w.tested(results, time.Since(started)))
	} else {
		w.reportTests(results, time.Since(started))
	}
	if err == nil && slices.ContainsFunc(results, func(r cases.Result) bool { return !r.Passed() }) {
		return exitCode(fault.ExitData)
	}
	return err
}

// testSuites reads the tests of the selected tables. Every mistake in any test is reported, in whatever table's.
func (w *workspace) testSuites(ctx context.Context, o testOptions) ([]*cases.Suite, error) {
	tables, _, err := w.resolve(ctx, o.selection)
	if err != nil {
		return nil, err
	}
	all, err := w.readTests(ctx, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Usage, "there are no tests").WithHint("tests/marts/daily.yaml holds the cases of the table marts.daily; see docs/testing.md")
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(s *cases.Suite) bool { return !slices.Contains(tables, s.Table) })
	if len(chosen) == 0 {
		return nil, fault.New(fault.Usage, "none of the selected tables has tests").WithHint("tests/ is about %s", testedTables(all))
	}
	return chosen, nil
}

func testedTables(suites []*cases.Suite) string {
	var names []string
	for _, s := range suites {
		names = append(names, s.Table)
	}
	more := ""
	if len(names) > 10 {
		names, more = names[:10], ", …"
	}
	return strings.Join(names, ", ") + more
}

// readTests reads all of tests/ and checks what can be checked without a build: of tables that are sound, everything.
func (w *workspace) readTests(ctx context.Context, sound func(table string) bool) ([]*cases.Suite, error) {
	tests, problems := define.LoadTests(w.project)
	tests = slices.DeleteFunc(tests, func(t *define.Tests) bool { return !sound(t.Table) })
	known, found, err := w.knownColumns(ctx, tests)
	if err != nil {
		return nil, err
	}
	problems = append(problems, found...)
	var suites []*cases.Suite
	for _, t := range tests {
		s, found := cases.NewSuite(w.graph, t, known)
		problems = append(problems, found...)
		suites = append(suites, s)
	}
	s, err := w.engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err = cases.Fit(ctx, suites, &cases.Fitter{Session: s, Dir: w.scratch.part("fit")})
	if err != nil {
		return nil, err
	}
	return suites, define.NewProblems(append(problems, found...))
}

// knownColumns binds the tables that have tests, and what they read, and nothing else.
func (w *workspace) knownColumns(ctx context.Context, tests []*define.Tests) (cases.Known, []project.Problem, error) {
	s, err := w.engine.Session(ctx)
	if err != nil {
		return cases.Known{}, nil, err
	}
	defer s.Close()
	return cases.Bind(ctx, w.graph, tests, s, w.params(), w.testColumns)
}

// testColumns gives the columns of a table that reads a source, and whether there are no others. Tests run where the
// source cannot be reached, too: then only what is declared is known.
func (w *workspace) testColumns(ctx context.Context, t *define.Table) (cols []job.Column, whole bool, err error) {
	cols, err = w.sourceColumns(ctx, t)
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case err != nil:
		return t.Columns, false, nil
	}
	// Where a source has nothing to look at yet, what it says of itself is what is declared.
	whole = len(cols) > 0 && !slices.EqualFunc(cols, t.Columns, func(a, b job.Column) bool { return a.Name == b.Name })
	return declaredOver(cols, t.Columns), whole, nil
}

// declaredOver gives columns as the next build of their table makes them: the lake may hold those of an older definition.
func declaredOver(cols, declared []job.Column) []job.Column {
	cols = slices.Clone(cols)
	for _, d := range declared {
		i := slices.IndexFunc(cols, func(c job.Column) bool { return strings.EqualFold(c.Name, d.Name) })
		if i < 0 {
			cols = append(cols, d)
			continue
		}
		cols[i].Type = d.Type
	}
	return cols
}

func (w *workspace) runSuites(ctx context.Context, suites []*cases.Suite) ([]cases.Result, error) {
	dir, err := filepath.Abs(w.scratch.part("cases"))
	if err != nil {
		return nil, fault.New(fault.Usage, "find scratch folder: %w", err)
	}
	r := &cases.Runner{Engine: w.engine, Macros: w.project.Macros, Vars: w.project.Vars, Dir: dir}
	return r.Run(ctx, suites)
}

// reportTests prints a line a table, what went wrong, and how many there were.
func (w *workspace) reportTests(results []cases.Result, took time.Duration) {
	var failed int64
	g := &grid{}
	for i := 0; i < len(results); {
		suite, n, bad := results[i].Suite, int64(0), int64(0)
		for ; i < len(results) && results[i].Suite == suite; i++ {
			if n++; !results[i].Passed() {
				bad++
			}
		}
		said := plural(n, "case") + " passed"
		if bad > 0 {
			said = fmt.Sprintf("%s of %s failed", count(bad), plural(n, "case"))
		}
		g.add(suite.Table, said)
		failed += bad
	}
	g.write(w.app.out)
	for _, r := range results {
		if !r.Passed() {
			fmt.Fprintf(w.app.out, "\n%s", w.app.redact(r.Report()))
		}
	}
	fmt.Fprintf(w.app.out, "\n%s passed, %s failed in %s\n", count(int64(len(results))-failed), count(failed), seconds(took))
}

// tested is what weir test prints as JSON.
type tested struct {
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Seconds float64      `json:"seconds"`
	Cases   []testedCase `json:"cases"`
}

type testedCase struct {
	Table   string  `json:"table"`
	Name    string  `json:"name"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
	Report  string  `json:"report,omitempty"` // what went wrong
}

func (w *workspace) tested(results []cases.Result, took time.Duration) tested {
	out := tested{Seconds: took.Seconds(), Cases: []testedCase{}}
	for _, r := range results {
		if r.Passed() {
			out.Passed++
		} else {
			out.Failed++
		}
		out.Cases = append(out.Cases, testedCase{Table: r.Suite.Table, Name: r.Case.Name, File: r.Suite.File, Line: r.Case.Line,
			Passed: r.Passed(), Seconds: r.Took.Seconds(), Report: w.app.redact(r.Report())})
	}
	return out
}

func (w *workspace) writeJUnit(path string, results []cases.Result, started time.Time) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fault.New(fault.Usage, "--junit: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := cases.WriteJUnit(f, w.project.Name, results, started, w.app.redact); err != nil {
		return fault.New(fault.Unavailable, "--junit: %w", err)
	}
	return nil
}
