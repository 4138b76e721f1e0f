// Package run carries out steps in the order of their needs: side by side, within a memory budget, trying again what can
// pass, and keeping a failure to those that need what failed (promise 8). It knows nothing of what a step does.
package run

import (
	"context"
	"runtime"
	"time"
)

// Step is one thing to do.
type Step struct {
	Name    string
	Needs   []string      // steps that must have come through before; each is among the graph's
	Timeout time.Duration // of one attempt; 0: none
	Retries int           // attempts after the first, for errors that can pass
	Weight  int64         // what it asks of the budget, bytes
}

// Status is how a step came out.
type Status string

// Statuses of a step.
const (
	Built       Status = "built"
	Skipped     Status = "skipped" // nothing had to be done; those that need it go on
	Failed      Status = "failed"
	Blocked     Status = "blocked"     // something it needs failed; never begun
	Interrupted Status = "interrupted" // the context was cancelled before it was done
)

// Result is how one step came out. Times are UTC; of a step that was never begun they are zero and so is Attempts.
type Result struct {
	Name      string
	Status    Status
	Err       error // of the last attempt, where it failed or was interrupted
	Attempts  int
	Started   time.Time // of the first attempt
	Ended     time.Time // of the last
	BlockedBy string    // the failed step at the root of a blocked one
}

// Do does one attempt of a step, counted from 1. It says whether there was nothing to do. It must end soon after its
// context does: Graph waits for it.
type Do func(ctx context.Context, step Step, attempt int) (skipped bool, err error)

// Kind says what an Event tells.
type Kind string

// Kinds of event. Every step has exactly one Finished, blocked and interrupted steps included.
const (
	Started  Kind = "started"  // an attempt begins
	Retrying Kind = "retrying" // an attempt failed with Err, the next one begins after Wait
	Finished Kind = "finished" // Result tells how
)

// Event is something that happens to a step while the graph runs.
type Event struct {
	Kind    Kind
	Step    string
	Attempt int
	Err     error
	Wait    time.Duration
	Result  Result
}

// Options are how a graph is run.
type Options struct {
	Parallel int   // attempts at the same time; 0: the number of processors
	Budget   int64 // what the weights of attempts at the same time add up to at most, bytes; 0: no limit
	// Notify, where set, is called for each event, one at a time. Nothing else is started while it runs.
	Notify func(Event)
	// Sleep waits before another attempt, and ends early with its context; nil: by the clock. Its error is not looked at.
	Sleep func(ctx context.Context, d time.Duration) error
}

func (o Options) withDefaults() Options {
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	if o.Notify == nil {
		o.Notify = func(Event) {}
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Graph does the steps and gives a result for each, in the order of steps. Whatever becomes of the steps stands in the
// results; an error means that the graph itself is wrong (two steps of one name, an unknown need, a cycle) and that
// nothing was begun.
//
// Steps that are ready begin in the order of steps. None overtakes an earlier one that waits for room in the budget, so
// that a heavy step gets its turn; one heavier than the whole budget runs alone. A failed step blocks those that need
// it, however indirectly, and no other (promise 8). An error of class unavailable or conflict is tried again after a
// wait during which the step holds neither a place nor memory. When ctx is cancelled, so are the running attempts; they
// are waited for, and what was not begun is interrupted.
func Graph(ctx context.Context, steps []Step, o Options, do Do) ([]Result, error) {
	nodes, err := link(steps)
	if err != nil {
		return nil, err
	}
	s := &schedule{nodes: nodes, o: o.withDefaults(), do: do, done: make(chan outcome, len(nodes))}
	s.run(ctx)
	results := make([]Result, len(nodes))
	for i, n := range nodes {
		results[i] = n.result
	}
	return results, nil
}
