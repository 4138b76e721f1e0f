package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
)

// noWait stands for Sleep.
func noWait(context.Context, time.Duration) error { return nil }

func graph(t testing.TB, ctx context.Context, steps []Step, o Options, do Do) []Result {
	t.Helper()
	if o.Sleep == nil {
		o.Sleep = noWait
	}
	rs, err := Graph(ctx, steps, o, do)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if r.Name != steps[i].Name || r.Status == "" {
			t.Fatalf("result %d is %+v, of step %s", i, r, steps[i].Name)
		}
	}
	return rs
}

// statuses writes results for comparing: "a built, b failed, c blocked by b".
func statuses(rs []Result) string {
	text := ""
	for i, r := range rs {
		if i > 0 {
			text += ", "
		}
		text += r.Name + " " + string(r.Status)
		if r.BlockedBy != "" {
			text += " by " + r.BlockedBy
		}
	}
	return text
}

func step(name string, needs ...string) Step { return Step{Name: name, Needs: needs} }

func failing(names ...string) Do {
	return func(_ context.Context, s Step, _ int) (bool, error) {
		if slices.Contains(names, s.Name) {
			return false, fault.New(fault.Data, "bad rows")
		}
		return false, nil
	}
}

func TestFailureBlocksWhatNeedsIt(t *testing.T) {
	steps := []Step{step("d", "c", "x"), step("a"), step("b", "a"), step("c", "b"), step("x"), step("y", "x"), step("e", "y", "b")}
	for _, c := range []struct{ fail, want string }{
		{"", "d built, a built, b built, c built, x built, y built, e built"},
		{"a", "d blocked by a, a failed, b blocked by a, c blocked by a, x built, y built, e blocked by a"},
		{"x", "d blocked by x, a built, b built, c built, x failed, y blocked by x, e blocked by x"},
		{"d", "d failed, a built, b built, c built, x built, y built, e built"},
	} {
		if got := statuses(graph(t, t.Context(), steps, Options{Parallel: 3}, failing(c.fail))); got != c.want {
			t.Errorf("%q fails: %s, want %s", c.fail, got, c.want)
		}
	}
	// With several failures the first need in the order written is named, however they come about.
	for range 50 {
		rs := graph(t, t.Context(), []Step{step("a"), step("b"), step("c"), step("z", "b", "c", "a")}, Options{Parallel: 4}, failing("a", "b"))
		if got := statuses(rs); got != "a failed, b failed, c built, z blocked by b" {
			t.Fatal(got)
		}
	}
}

func TestSkippedStepsLetOthersGoOn(t *testing.T) {
	rs := graph(t, t.Context(), []Step{step("a"), step("b", "a")}, Options{}, func(_ context.Context, s Step, _ int) (bool, error) {
		return s.Name == "a", nil
	})
	if got := statuses(rs); got != "a skipped, b built" {
		t.Error(got)
	}
	if r := rs[1]; r.Attempts != 1 || r.Started.IsZero() || r.Ended.Before(r.Started) || r.Started.Before(rs[0].Ended) {
		t.Errorf("result %+v after %+v", r, rs[0])
	}
}

func TestOrder(t *testing.T) {
	var order []string
	notify := func(e Event) {
		if e.Kind == Started {
			order = append(order, e.Step)
		}
	}
	graph(t, t.Context(), []Step{step("e", "b"), step("d"), step("c"), step("b"), step("a")}, Options{Parallel: 1, Notify: notify}, failing())
	if want := []string{"d", "c", "b", "e", "a"}; !slices.Equal(order, want) {
		t.Errorf("begun in the order %v, want %v", order, want)
	}
}

func TestWrongGraphs(t *testing.T) {
	for name, steps := range map[string][]Step{
		"named twice":  {step("a"), step("a")},
		"unknown need": {step("a", "b")},
		"needs itself": {step("a", "a")},
		"cycle":        {step("z"), step("a", "c"), step("b", "a"), step("c", "b"), step("d", "c")},
	} {
		rs, err := Graph(t.Context(), steps, Options{}, func(context.Context, Step, int) (bool, error) {
			t.Errorf("%s: a step was begun", name)
			return false, nil
		})
		if err == nil || rs != nil || fault.ClassOf(err) != fault.Internal {
			t.Errorf("%s: %v, %v", name, rs, err)
		}
	}
	if rs, err := Graph(t.Context(), nil, Options{}, failing()); err != nil || len(rs) != 0 {
		t.Errorf("no steps: %v, %v", rs, err)
	}
	if rs := graph(t, t.Context(), []Step{step("a"), step("b", "a", "a")}, Options{}, failing()); statuses(rs) != "a built, b built" {
		t.Errorf("a need written twice: %s", statuses(rs))
	}
}

// drawSteps makes a graph without cycles whose steps stand in any order.
func drawSteps(rt *rapid.T) []Step {
	n := rapid.IntRange(0, 14).Draw(rt, "n")
	steps := make([]Step, n)
	for i := range steps {
		steps[i] = Step{Name: fmt.Sprint("s", i), Weight: rapid.Int64Range(-1, 12).Draw(rt, "weight"), Retries: rapid.IntRange(0, 2).Draw(rt, "retries")}
		for k := range i {
			if rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
				steps[i].Needs = append(steps[i].Needs, fmt.Sprint("s", k))
			}
		}
	}
	return rapid.Permutation(steps).Draw(rt, "steps")
}

// watch sees what happens in a graph at once.
type watch struct {
	mu       sync.Mutex
	running  int
	weight   int64
	finished map[string]bool
	wrong    []string
}

func (w *watch) enter(s Step, o Options) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	w.weight += max(0, s.Weight)
	if w.running > o.Parallel || o.Budget > 0 && w.weight > o.Budget && w.running > 1 {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %d attempts of weight %d at once", s.Name, w.running, w.weight))
	}
	for _, n := range s.Needs {
		if !w.finished[n] {
			w.wrong = append(w.wrong, s.Name+" began before "+n+" was done")
		}
	}
}

func (w *watch) leave(s Step, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	w.weight -= max(0, s.Weight)
	w.finished[s.Name] = w.finished[s.Name] || done
}

// TestAnyGraph holds for any graph: needs come first, budget and parallelism are kept, every error is tried again as
// often as it may be, and a failure blocks exactly those that need it.
func TestAnyGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		o := Options{Parallel: rapid.IntRange(1, 4).Draw(rt, "parallel"), Budget: rapid.Int64Range(0, 10).Draw(rt, "budget"), Sleep: noWait}
		failures := map[string]int{} // how many attempts of a step fail with an error that can pass; -1: one that cannot
		for _, s := range steps {
			failures[s.Name] = rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, -1}).Draw(rt, "failures")
		}
		w := &watch{finished: map[string]bool{}}
		notified := map[string]int{}
		o.Notify = func(e Event) { notified[e.Step+" "+string(e.Kind)]++ }
		results, err := Graph(context.Background(), steps, o, func(_ context.Context, s Step, attempt int) (bool, error) {
			w.enter(s, o)
			err := drawn(failures[s.Name], attempt)
			w.leave(s, err == nil)
			return false, err
		})
		if err != nil || len(w.wrong) > 0 {
			rt.Fatal(err, w.wrong)
		}
		checkResults(rt, steps, results, failures, notified)
	})
}

func drawn(failures, attempt int) error {
	switch {
	case failures < 0:
		return fault.New(fault.Data, "bad rows")
	case attempt <= failures:
		return fault.New(fault.Unavailable, "try later")
	}
	return nil
}

func checkResults(rt *rapid.T, steps []Step, results []Result, failures, notified map[string]int) {
	failed, byName := map[string]bool{}, map[string]Step{}
	for _, s := range steps {
		byName[s.Name] = s
		failed[s.Name] = failures[s.Name] < 0 || failures[s.Name] > s.Retries
	}
	var root func(s Step) string // the failed step that blocks this one, "" for none
	root = func(s Step) string {
		for _, n := range s.Needs {
			if by := root(byName[n]); by != "" {
				return by
			}
			if failed[n] {
				return n
			}
		}
		return ""
	}
	for i, r := range results {
		s := steps[i]
		want, attempts := Built, failures[s.Name]+1
		if by := root(s); by != "" {
			want, attempts = Blocked, 0
			if r.BlockedBy != by {
				rt.Errorf("%s is blocked by %q, want %q", s.Name, r.BlockedBy, by)
			}
		} else if failed[s.Name] {
			want, attempts = Failed, s.Retries+1
			if failures[s.Name] < 0 {
				attempts = 1
			}
		}
		if r.Name != s.Name || r.Status != want || r.Attempts != attempts || (r.Err != nil) != (want == Failed) {
			rt.Errorf("%+v, want %s after %d attempts", r, want, attempts)
		}
		if notified[s.Name+" started"] != attempts || notified[s.Name+" retrying"] != max(0, attempts-1) || notified[s.Name+" finished"] != 1 {
			rt.Errorf("%s: notified of %v", s.Name, notified)
		}
	}
}

func TestHeavyStepIsNotOvertaken(t *testing.T) {
	var order []string
	o := Options{Parallel: 8, Budget: 10, Notify: func(e Event) {
		if e.Kind == Started {
			order = append(order, e.Step)
		}
	}}
	steps := []Step{{Name: "light", Weight: 6}, {Name: "heavy", Weight: 50}, {Name: "small", Weight: 1}, {Name: "nothing"}}
	w := &watch{finished: map[string]bool{}}
	graph(t, t.Context(), steps, o, func(_ context.Context, s Step, _ int) (bool, error) {
		w.enter(s, o)
		time.Sleep(time.Millisecond)
		w.leave(s, true)
		return false, nil
	})
	if want := []string{"light", "heavy", "small", "nothing"}; !slices.Equal(order, want) || len(w.wrong) > 0 {
		t.Errorf("begun in the order %v, want %v; %v", order, want, w.wrong)
	}
}

func TestStepsRunSideBySide(t *testing.T) {
	var meet sync.WaitGroup
	meet.Add(3)
	rs := graph(t, t.Context(), []Step{step("a"), step("b"), step("c")}, Options{Parallel: 3}, func(ctx context.Context, _ Step, _ int) (bool, error) {
		meet.Done()
		met := make(chan struct{})
		go func() { meet.Wait(); close(met) }()
		select {
		case <-met:
			return false, nil
		case <-time.After(30 * time.Second):
			return false, errors.New("nobody came")
		}
	})
	if got := statuses(rs); got != "a built, b built, c built" {
		t.Error(got)
	}
}
