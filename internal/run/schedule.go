package run

import (
	"context"
	"slices"
	"time"

	"weir/internal/fault"
)

// schedule runs a graph. All its fields belong to the goroutine of run; attempts and waits are goroutines of their own
// that answer on done.
type schedule struct {
	nodes   []*node
	o       Options
	do      Do
	ready   []int        // nodes that may begin, in the order of the graph
	running int          // attempts under way
	waiting int          // nodes between two attempts
	weight  int64        // of the attempts under way
	done    chan outcome // has room for an answer of every node, so that none is ever stuck with one
}

// outcome is the end of an attempt, or of the wait before the next one.
type outcome struct {
	node    int
	waited  bool // a wait is over
	skipped bool
	err     error
	ended   time.Time
}

func (s *schedule) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // where Notify panics, attempts are not left running
	for i, n := range s.nodes {
		if n.open == 0 {
			s.ready = append(s.ready, i)
		}
	}
	s.begin(ctx)
	for s.running+s.waiting > 0 {
		out := <-s.done
		if out.waited {
			s.waiting--
			s.makeReady(out.node) // does not begin again where the wait was cut short by the context
		} else {
			s.running--
			s.weight -= s.nodes[out.node].weight()
			s.judge(ctx, out)
		}
		s.begin(ctx)
	}
	s.interruptRest()
}

// begin starts ready nodes as long as there is room for the first of them.
func (s *schedule) begin(ctx context.Context) {
	for len(s.ready) > 0 && s.fits(s.nodes[s.ready[0]]) && ctx.Err() == nil {
		i := s.ready[0]
		s.ready = s.ready[1:]
		n := s.nodes[i]
		if n.result.Attempts++; n.result.Attempts == 1 {
			n.result.Started = time.Now().UTC()
		}
		s.running++
		s.weight += n.weight()
		s.o.Notify(Event{Kind: Started, Step: n.step.Name, Attempt: n.result.Attempts})
		go s.attempt(ctx, i, n.step, n.result.Attempts)
	}
}

// attempt answers on done whatever becomes of the step, even where it ends its goroutine (runtime.Goexit).
func (s *schedule) attempt(ctx context.Context, i int, step Step, n int) {
	out := outcome{node: i, err: fault.New(fault.Internal, "%s ended its goroutine", step.Name)}
	defer func() {
		out.ended = time.Now().UTC()
		s.done <- out
	}()
	out.skipped, out.err = attemptOnce(ctx, step, n, s.do)
}

// fits says whether there is room beside what runs. A node heavier than the budget has room where nothing runs, and
// leaves none.
func (s *schedule) fits(n *node) bool {
	if s.running == 0 {
		return true
	}
	return s.running < s.o.Parallel && (s.o.Budget <= 0 || n.weight() <= s.o.Budget-s.weight)
}

func (n *node) weight() int64 { return max(0, n.step.Weight) }

// judge decides what follows from the end of an attempt.
func (s *schedule) judge(ctx context.Context, out outcome) {
	n := s.nodes[out.node]
	n.result.Err, n.result.Ended = out.err, out.ended
	switch {
	case out.err == nil && out.skipped:
		s.settle(n, Skipped)
	case out.err == nil:
		s.settle(n, Built)
	case ctx.Err() != nil && !verdict(out.err):
		s.settle(n, Interrupted)
	case fault.Retryable(out.err) && n.result.Attempts <= n.step.Retries:
		s.wait(ctx, out.node)
	default:
		s.settle(n, Failed)
	}
}

// verdict says whether an error is about the step itself and not what a cancelled context makes of one.
func verdict(err error) bool {
	c := fault.ClassOf(err)
	return c == fault.Usage || c == fault.Data
}

// wait lets some time pass before the next attempt.
func (s *schedule) wait(ctx context.Context, i int) {
	n := s.nodes[i]
	d := fault.Backoff(n.result.Attempts)
	s.waiting++
	s.o.Notify(Event{Kind: Retrying, Step: n.step.Name, Attempt: n.result.Attempts, Err: n.result.Err, Wait: d})
	go func() {
		_ = s.o.Sleep(ctx, d)
		s.done <- outcome{node: i, waited: true}
	}()
}

func (s *schedule) makeReady(i int) {
	at, _ := slices.BinarySearch(s.ready, i)
	s.ready = slices.Insert(s.ready, at, i)
}

// settle gives a node its result and goes on with those that waited for it alone: they become ready, or have a result
// themselves. A node is judged once all it needs has a result, so that what it is blocked by does not hang on chance.
func (s *schedule) settle(n *node, status Status) {
	n.result.Status = status
	s.o.Notify(Event{Kind: Finished, Step: n.step.Name, Attempt: n.result.Attempts, Err: n.result.Err, Result: n.result})
	for _, i := range n.needed {
		next := s.nodes[i]
		if next.open--; next.open > 0 {
			continue
		}
		held, by := s.held(next)
		if held == "" {
			s.makeReady(i)
			continue
		}
		next.result.BlockedBy = by
		s.settle(next, held)
	}
}

// held says what keeps a node from beginning, "" for nothing: a failure, named at its root, counts before an
// interruption.
func (s *schedule) held(n *node) (status Status, by string) {
	for _, i := range n.needs {
		switch need := s.nodes[i]; need.result.Status {
		case Failed:
			return Blocked, need.step.Name
		case Blocked:
			return Blocked, need.result.BlockedBy
		case Interrupted:
			status = Interrupted
		}
	}
	return status, ""
}

// interruptRest gives a result to what was ready when the context was cancelled, and with it to all that needs it.
func (s *schedule) interruptRest() {
	for _, i := range s.ready {
		s.settle(s.nodes[i], Interrupted)
	}
	s.ready = nil
}
