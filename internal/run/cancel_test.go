package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
)

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var left atomic.Int32
	steps := []Step{step("bad"), step("done"), step("slow", "done"), step("stubborn", "done"), step("next", "slow"), step("late", "bad", "slow"), step("idle", "next")}
	both := make(chan struct{}, 2)
	rs := graph(t, ctx, steps, Options{Parallel: 2}, func(ctx context.Context, s Step, _ int) (bool, error) {
		switch s.Name {
		case "bad":
			return false, fault.New(fault.Data, "bad rows")
		case "slow", "stubborn":
			both <- struct{}{}
			for len(both) < 2 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
			<-ctx.Done()
			time.Sleep(5 * time.Millisecond)
			left.Add(1)
			if s.Name == "slow" {
				return false, fmt.Errorf("read: %w", ctx.Err())
			}
		}
		return false, nil
	})
	if n := left.Load(); n != 2 {
		t.Errorf("Graph came back when %d of 2 running steps had ended", n)
	}
	want := "bad failed, done built, slow interrupted, stubborn built, next interrupted, late blocked by bad, idle interrupted"
	if got := statuses(rs); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if rs[2].Attempts != 1 || !errors.Is(rs[2].Err, context.Canceled) || rs[4].Attempts != 0 || !rs[4].Started.IsZero() {
		t.Errorf("interrupted as %+v and %+v", rs[2], rs[4])
	}
	if Exit(rs) != fault.ExitInterrupted {
		t.Errorf("exit %d", Exit(rs))
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rs := graph(t, ctx, []Step{step("a"), step("b", "a")}, Options{}, func(context.Context, Step, int) (bool, error) {
		t.Error("a step was begun")
		return false, nil
	})
	if got := statuses(rs); got != "a interrupted, b interrupted" {
		t.Error(got)
	}
}

func TestCancelCutsAWaitShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Sleep: func(ctx context.Context, _ time.Duration) error { // the true one, for a time no test would wait
		cancel()
		return sleep(ctx, time.Hour)
	}}
	rs := graph(t, ctx, []Step{{Name: "a", Retries: 5}, step("b", "a")}, o, func(context.Context, Step, int) (bool, error) {
		return false, fault.New(fault.Unavailable, "no")
	})
	if got := statuses(rs); got != "a interrupted, b interrupted" || rs[0].Attempts != 1 || rs[0].Err == nil {
		t.Errorf("%s: %+v", got, rs[0])
	}
}

// TestWhatACancelledStepSays tells what a cancelled context made of a step from what the step found out.
func TestWhatACancelledStepSays(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Status
	}{
		{nil, Built},
		{context.Canceled, Interrupted},
		{errors.New("INTERRUPT Error"), Interrupted},
		{fault.New(fault.Unavailable, "connection closed"), Interrupted},
		{fault.New(fault.Data, "bad rows"), Failed},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := graph(t, ctx, []Step{{Name: "a", Retries: 3}}, Options{}, func(context.Context, Step, int) (bool, error) {
			cancel()
			return false, c.err
		})[0]
		if r.Status != c.want || r.Attempts != 1 {
			t.Errorf("%v: %+v, want %s", c.err, r, c.want)
		}
	}
	r := graph(t, t.Context(), []Step{step("a")}, Options{}, func(context.Context, Step, int) (bool, error) { return false, context.Canceled })[0]
	if r.Status != Failed || fault.ClassOf(r.Err) != fault.Internal {
		t.Errorf("a step that says it was cancelled when nobody did is %s with %v", r.Status, r.Err)
	}
}

// TestCancelAnywhere cancels any graph at any step: every step has a result, and none began after the cancelling.
func TestCancelAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		at := rapid.IntRange(0, 14).Draw(rt, "at")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var mu sync.Mutex // no attempt begins between the count and the cancelling
		begun := 0
		parallel := rapid.IntRange(1, 3).Draw(rt, "parallel")
		rs, err := Graph(ctx, steps, Options{Parallel: parallel, Sleep: noWait}, func(ctx context.Context, _ Step, _ int) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			if begun++; begun == at+1 {
				cancel()
			}
			return false, ctx.Err()
		})
		if err != nil {
			rt.Fatal(err)
		}
		done := map[string]bool{}
		for _, r := range rs {
			done[r.Name] = r.Status == Built
			if r.Status != Built && r.Status != Interrupted {
				rt.Errorf("%+v", r)
			}
		}
		for _, s := range steps {
			for _, n := range s.Needs {
				if done[s.Name] && !done[n] {
					rt.Errorf("%s is built without %s", s.Name, n)
				}
			}
		}
		if begun > at+parallel {
			rt.Errorf("%d attempts, cancelled in attempt %d with %d at once", begun, at+1, parallel)
		}
	})
}

func TestExit(t *testing.T) {
	failed := func(c fault.Class) Result { return Result{Status: Failed, Err: fmt.Errorf("x: %w", fault.New(c, "x"))} }
	built, skipped, blocked, interrupted := Result{Status: Built}, Result{Status: Skipped}, Result{Status: Blocked}, Result{Status: Interrupted}
	for _, c := range []struct {
		rs   []Result
		want int
	}{
		{nil, fault.ExitDone},
		{[]Result{built, skipped}, fault.ExitDone},
		{[]Result{failed(fault.Data)}, fault.ExitData},
		{[]Result{failed(fault.Usage)}, fault.ExitUsage},
		{[]Result{failed(fault.Unavailable)}, fault.ExitNotNow},
		{[]Result{failed(fault.Conflict)}, fault.ExitNotNow},
		{[]Result{{Status: Failed, Err: errors.New("x")}}, fault.ExitInternal},
		{[]Result{{Status: Failed}}, fault.ExitInternal},
		{[]Result{failed(fault.Data), blocked, skipped}, fault.ExitData},
		{[]Result{failed(fault.Unavailable), failed(fault.Data)}, fault.ExitData},
		{[]Result{failed(fault.Data), failed(fault.Internal), failed(fault.Usage)}, fault.ExitInternal},
		{[]Result{built, failed(fault.Data), blocked}, fault.ExitPartly},
		{[]Result{built, failed(fault.Data), interrupted}, fault.ExitInterrupted},
		{[]Result{interrupted}, fault.ExitInterrupted},
	} {
		if got := Exit(c.rs); got != c.want {
			t.Errorf("%s: exit %d, want %d", statuses(c.rs), got, c.want)
		}
	}
}
