package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/internal/job"
)

// The test binary is also the child: it writes runs into the journal of its environment, without end or a number of
// times, and says each one on standard output once it is written.
const (
	childPath = "JOURNAL_CHILD_PATH"
	childRuns = "JOURNAL_CHILD_RUNS"
)

func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	if path == "" {
		os.Exit(m.Run())
	}
	runs, _ := strconv.Atoi(os.Getenv(childRuns))
	if err := child(context.Background(), path, runs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context, path string, runs int) error {
	j, err := Open(ctx, path)
	if err != nil {
		return err
	}
	for n := 0; runs == 0 || n < runs; n++ {
		r, err := j.Begin(ctx, Run{Project: "child"})
		if err != nil {
			return err
		}
		if err := writeRun(ctx, j, r.ID); err != nil {
			return err
		}
		fmt.Println(r.ID)
	}
	return j.Close()
}

// writeRun writes four builds, an event, two rules and the end.
func writeRun(ctx context.Context, j *Journal, run string) error {
	var errs []error
	for i := range 4 {
		b := Build{RunID: run, Table: fmt.Sprintf("raw.t%d", i), Attempt: 1, Status: BuildRunning}
		errs = append(errs, j.Build(ctx, b))
		b.Status, b.Counts = BuildBuilt, job.Counts{Read: 10, Accepted: 10}
		errs = append(errs, j.Build(ctx, b))
	}
	rules := []RuleResult{{RunID: run, Table: "raw.t0", Rule: "a"}, {RunID: run, Table: "raw.t0", Rule: "b"}}
	errs = append(errs, j.Event(ctx, Event{RunID: run, Kind: "note"}), j.Rules(ctx, rules), j.Finish(ctx, run, Done))
	return errors.Join(errs...)
}

func startChild(t *testing.T, path string, runs int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childPath+"="+path, childRuns+"="+strconv.Itoa(runs))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewScanner(out)
}

// TestProcessesAtOnce has processes and goroutines make one journal together and write into it.
func TestProcessesAtOnce(t *testing.T) {
	const processes, goroutines, each = 3, 4, 8
	path := filepath.Join(t.TempDir(), "journal.db")
	var wg sync.WaitGroup
	for range processes {
		c, out := startChild(t, path, each)
		wg.Go(func() {
			for out.Scan() {
			}
			if err := c.Wait(); err != nil {
				t.Errorf("child: %v", err)
			}
		})
	}
	j := open(t, path)
	for range goroutines {
		wg.Go(func() {
			for range each {
				r, err := j.Begin(context.Background(), Run{})
				if err = errors.Join(err, writeRun(context.Background(), j, r.ID)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	runs, err := j.Runs(t.Context(), 0)
	if err != nil || len(runs) != (processes+goroutines)*each {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	for i, r := range runs {
		if r.Number != int64(len(runs)-i) {
			t.Errorf("run %d from the last has number %d", i, r.Number)
		}
		wholeRun(t, j, r)
	}
}

func wholeRun(t *testing.T, j *Journal, r Run) {
	t.Helper()
	bs, err1 := j.Builds(t.Context(), r.ID)
	es, err2 := j.Events(t.Context(), r.ID)
	rs, err3 := j.RuleResults(t.Context(), r.ID, "")
	if err := errors.Join(err1, err2, err3); err != nil || r.Status != Done || len(bs) != 4 || len(es) != 1 || len(rs) != 2 {
		t.Errorf("run %s is %s with %d builds, %d events, %d rules: %v", r.ID, r.Status, len(bs), len(es), len(rs), err)
	}
}

// TestKilled kills a writing process a few times: everything it was told to be written is there and whole, its last run
// is found unfinished, and the next process goes on.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	said := map[string]bool{}
	for round := range 8 {
		c, out := startChild(t, path, 0)
		for range 1 + round {
			if !out.Scan() {
				t.Fatalf("the child ended early: %v", c.Wait())
			}
			said[out.Text()] = true
		}
		time.Sleep(time.Duration(round) * 3 * time.Millisecond) // into the middle of some write
		if err := c.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		afterKill(t, path, said)
	}
}

func afterKill(t *testing.T, path string, said map[string]bool) {
	t.Helper()
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for id := range said {
		r, err := j.RunByID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		wholeRun(t, j, r)
	}
	gone, err := j.Unfinished(t.Context())
	if err != nil || len(gone) > 1 {
		t.Fatalf("unfinished runs are %+v, %v", gone, err)
	}
	for _, r := range gone {
		if err := j.Interrupt(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		got, err := j.RunByID(t.Context(), r.ID)
		bs, berr := j.Builds(t.Context(), r.ID)
		if err != nil || berr != nil || got.Status != Interrupted || got.Ended.IsZero() || got.Error == "" {
			t.Errorf("interrupted as %+v, %v, %v", got, err, berr)
		}
		for _, b := range bs {
			if b.Status == BuildRunning {
				t.Errorf("build of %s is still running in an interrupted run", b.Table)
			}
		}
	}
	if gone, err = j.Unfinished(t.Context()); err != nil || len(gone) != 0 {
		t.Errorf("after interrupting, unfinished runs are %+v, %v", gone, err)
	}
}

func TestUnfinishedJudgesOnlyWhatItCan(t *testing.T) {
	j := fresh(t)
	c, _ := startChild(t, filepath.Join(t.TempDir(), "other.db"), 1)
	_ = c.Wait()
	dead := c.Process.Pid
	gone := begin(t, j, Run{PID: dead, Host: j.host})
	ours := begin(t, j, Run{})
	begin(t, j, Run{PID: dead, Host: "another-machine"})
	ended := begin(t, j, Run{PID: dead, Host: j.host})
	if err := j.Finish(t.Context(), ended.ID, Failed); err != nil {
		t.Fatal(err)
	}
	want := []string{gone.ID}
	if mark(os.Getpid()) != "" { // a PID that was given again to another process
		again := begin(t, j, Run{})
		if _, err := j.db.Exec(`UPDATE runs SET process = 'earlier/1' WHERE id = ?`, again.ID); err != nil {
			t.Fatal(err)
		}
		want = append(want, again.ID)
	}
	rs, err := j.Unfinished(t.Context())
	var got []string
	for _, r := range rs {
		got = append(got, r.ID)
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("unfinished runs are %v, %v, want %v", got, err, want)
	}
	if err := j.Interrupt(t.Context(), ended.ID); err != nil {
		t.Fatal(err)
	}
	if r, err := j.RunByID(t.Context(), ended.ID); err != nil || r.Status != Failed {
		t.Errorf("a run that had ended is %s, %v", r.Status, err)
	}
	if r, err := j.RunByID(t.Context(), ours.ID); err != nil || r.Status != Running {
		t.Errorf("a run of a living process is %s, %v", r.Status, err)
	}
}
