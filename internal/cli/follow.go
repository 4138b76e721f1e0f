package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/run"
	"weir/internal/source"
)

// follow runs the selected tables again and again until it is stopped. A run in which nothing was out of date leaves no trace.
// After a run with failures it waits longer each time, up to a minute.
func (w *workspace) follow(ctx context.Context, j *journal.Journal, o runOptions, tables []string) error {
	if err := w.mayFollow(tables, o.every); err != nil {
		return err
	}
	if !o.json {
		fmt.Fprintf(w.app.out, "following every %s; stop with Ctrl-C\n", o.every)
	}
	for {
		failed, err := w.round(ctx, j, o, tables)
		if ctx.Err() != nil {
			return nil // being stopped is how following ends
		}
		if err != nil {
			return err
		}
		wait := o.every
		if failed > 0 {
			wait = min(o.every<<min(failed, 10), max(time.Minute, o.every))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// mayFollow wants every followed feed to say how many records it may turn away: no one is there to look when one does not fit.
func (w *workspace) mayFollow(tables []string, every time.Duration) error {
	if every < 100*time.Millisecond {
		return fault.New(fault.Usage, "--every: %s is too often", every).WithHint("100ms is the least")
	}
	var problems []error
	for _, name := range tables {
		t := w.project.Tables[name]
		if follows(t) && !t.Says("max_rejects") {
			problems = append(problems, fault.New(fault.Usage, "%s: a followed feed declares max_rejects: with a limit of 0 the first change that does not fit stops the table until someone comes", t.PlaceOf("from")))
		}
	}
	return errors.Join(problems...)
}

// round is one run of a session that follows. It gives how many rounds in a row have failed.
func (w *workspace) round(ctx context.Context, j *journal.Journal, o runOptions, tables []string) (failed int, err error) {
	r, err := w.beginRun(ctx, j, o, nil)
	if err != nil {
		return 0, err
	}
	e := newExecution(w, j, r, o)
	e.show.following = true
	results, err := e.do(ctx, tables)
	keep := context.WithoutCancel(ctx)
	if err != nil {
		return 0, errors.Join(err, j.Finish(keep, r.ID, journal.Failed))
	}
	if idle(results) {
		return 0, errors.Join(e.acknowledge(keep), j.Forget(keep, r.ID))
	}
	var code exitCode
	if err := e.finish(keep, results); err != nil && !errors.As(err, &code) {
		return 0, err
	}
	w.failures++
	if code == exitCode(fault.ExitDone) {
		w.failures = 0
	}
	return w.failures, nil
}

// idle says whether a run changed nothing and nothing failed.
func idle(results []run.Result) bool {
	for _, r := range results {
		if r.Status != run.Skipped && (r.Status != run.Interrupted || r.Attempts > 0) {
			return false
		}
	}
	return true
}

// acknowledge lets the sources of a run's feeds forget what the lake has.
func (e *execution) acknowledge(ctx context.Context) error {
	var errs []error
	for _, o := range e.w.sources.all() {
		if f, ok := o.(source.Follower); ok {
			errs = append(errs, f.Acknowledge(ctx))
		}
	}
	return errors.Join(errs...)
}

// feeds writes down how far the feeds of a run's tables are behind.
func (e *execution) feeds(ctx context.Context, results []run.Result) {
	asked := map[string]bool{}
	for _, r := range results {
		t := e.w.project.Tables[r.Name]
		if t == nil || asked[t.Connection] || !follows(t) { // a destination is no table
			continue
		}
		asked[t.Connection] = true
		measures, err := e.w.lag(ctx, t)
		text, jerr := json.Marshal(measures)
		if err != nil || jerr != nil || len(measures) == 0 {
			continue // a figure about a source that does not answer now is no failure of the run
		}
		_ = e.j.Event(ctx, journal.Event{RunID: e.run.ID, Kind: "feed", Message: t.Connection + " " + string(text)})
	}
}

func follows(t *define.Table) bool {
	r, ok := t.Reader.(source.Following)
	return ok && r.Follows()
}
