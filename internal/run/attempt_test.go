package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
)

func TestRetry(t *testing.T) {
	passing := func(c fault.Class, until int) Do {
		return func(_ context.Context, _ Step, attempt int) (bool, error) {
			if attempt < until {
				return false, fmt.Errorf("read: %w", fault.New(c, "no"))
			}
			return false, nil
		}
	}
	for _, c := range []struct {
		class    fault.Class
		until    int
		want     Status
		attempts int
	}{
		{fault.Unavailable, 3, Built, 3},
		{fault.Conflict, 2, Built, 2},
		{fault.Unavailable, 9, Failed, 4},
		{fault.Data, 2, Failed, 1},
		{fault.Usage, 2, Failed, 1},
		{fault.Internal, 2, Failed, 1},
	} {
		var waits []time.Duration
		var told []Event
		o := Options{Sleep: func(_ context.Context, d time.Duration) error {
			waits = append(waits, d)
			return nil
		}, Notify: func(e Event) { told = append(told, e) }}
		r := graph(t, t.Context(), []Step{{Name: "a", Retries: 3}}, o, passing(c.class, c.until))[0]
		if r.Status != c.want || r.Attempts != c.attempts || len(waits) != c.attempts-1 || (r.Err == nil) != (c.want == Built) {
			t.Errorf("%s until attempt %d: %+v after waits %v", c.class, c.until, r, waits)
		}
		n := 0
		for _, e := range told {
			if e.Kind == Retrying {
				if e.Err == nil || e.Wait != waits[n] || e.Attempt != n+1 {
					t.Errorf("told %+v, waited %v", e, waits)
				}
				n++
			}
		}
		if last := told[len(told)-1]; n != len(waits) || last.Kind != Finished || last.Result != r {
			t.Errorf("told of %d retries and at the end %+v", n, last)
		}
	}
}

// TestWaitingStepLeavesItsPlace has a step wait for its next attempt until another one, which needs its place and its
// memory, is done.
func TestWaitingStepLeavesItsPlace(t *testing.T) {
	other := make(chan struct{})
	o := Options{Parallel: 1, Budget: 10, Sleep: func(ctx context.Context, _ time.Duration) error {
		select {
		case <-other:
		case <-ctx.Done():
		}
		return ctx.Err()
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rs := graph(t, ctx, []Step{{Name: "a", Retries: 1, Weight: 10}, {Name: "b", Weight: 10}}, o, func(_ context.Context, s Step, attempt int) (bool, error) {
		if s.Name == "b" {
			close(other)
		} else if attempt == 1 {
			return false, fault.New(fault.Unavailable, "no")
		}
		return false, nil
	})
	if got := statuses(rs); got != "a built, b built" {
		t.Error(got)
	}
}

func TestTimeout(t *testing.T) {
	deadlines := 0
	r := graph(t, t.Context(), []Step{{Name: "a", Timeout: time.Millisecond, Retries: 1}}, Options{}, func(ctx context.Context, _ Step, _ int) (bool, error) {
		<-ctx.Done()
		deadlines++
		return false, fmt.Errorf("read: %w", ctx.Err())
	})[0]
	if r.Status != Failed || r.Attempts != 2 || deadlines != 2 || fault.ClassOf(r.Err) != fault.Unavailable || !errors.Is(r.Err, context.DeadlineExceeded) {
		t.Errorf("%+v after %d deadlines", r, deadlines)
	}
	if !strings.HasPrefix(r.Err.Error(), "timed out after 1ms: ") || fault.HintOf(r.Err) == "" {
		t.Errorf("a timeout reads %q", r.Err)
	}
	late := func(err error) Result {
		return graph(t, t.Context(), []Step{{Name: "a", Timeout: time.Millisecond}}, Options{}, func(ctx context.Context, _ Step, _ int) (bool, error) {
			<-ctx.Done()
			return false, err
		})[0]
	}
	if r := late(nil); r.Status != Built {
		t.Errorf("a step that came through at the last moment is %+v", r)
	}
	if r := late(fault.New(fault.Data, "bad rows")); fault.ClassOf(r.Err) != fault.Data {
		t.Errorf("bad rows found at the last moment are %v", r.Err)
	}
	if r := late(errors.New("INTERRUPT")); fault.ClassOf(r.Err) != fault.Unavailable {
		t.Errorf("an engine stopped by its deadline gives %v", r.Err)
	}
	for d, want := range map[time.Duration]string{2 * time.Minute: "2m", time.Hour: "1h", 90 * time.Second: "1m30s", 90 * time.Minute: "1h30m",
		10 * time.Second: "10s", 20 * time.Minute: "20m", 10 * time.Hour: "10h", 3610 * time.Second: "1h0m10s", 100 * time.Millisecond: "100ms"} {
		if got := fault.Short(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

func TestPanic(t *testing.T) {
	for name, do := range map[string]func(){
		"text":  func() { panic("oh no") },
		"error": func() { panic(io.ErrUnexpectedEOF) },
		"nil":   func() { panic(nil) },
		"index": func() { _ = []int{}[cap(make([]int, 0))] },
		"exit":  func() { runtime.Goexit() },
		// A class that the panic's error bears does not count.
		"class": func() { panic(fault.New(fault.Unavailable, "not now")) },
	} {
		rs := graph(t, t.Context(), []Step{{Name: "a", Retries: 3}, step("b", "a"), step("c")}, Options{Parallel: 2}, func(_ context.Context, s Step, _ int) (bool, error) {
			if s.Name == "a" {
				do()
			}
			return false, nil
		})
		if got := statuses(rs); got != "a failed, b blocked by a, c built" || rs[0].Attempts != 1 {
			t.Errorf("%s: %s after %d attempts", name, got, rs[0].Attempts)
		}
		if err := rs[0].Err; fault.ClassOf(err) != fault.Internal || strings.Contains(err.Error(), "goroutine ") || strings.Contains(err.Error(), ".go:") {
			t.Errorf("%s: %v of class %s", name, err, fault.ClassOf(err))
		}
	}
	r := graph(t, t.Context(), []Step{step("a")}, Options{}, func(context.Context, Step, int) (bool, error) { panic(io.ErrUnexpectedEOF) })[0]
	if !errors.Is(r.Err, io.ErrUnexpectedEOF) {
		t.Errorf("the error of a panic is lost: %v", r.Err)
	}
}
