package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/publish"
	"weir/internal/record"
	"weir/internal/run"
)

// execution is one run under way.
type execution struct {
	w       *workspace
	j       *journal.Journal
	run     journal.Run
	options runOptions
	show    *display

	publishing map[string]publishing // steps that publish, by name

	mu       sync.Mutex
	outcomes map[string]build.Outcome
	brought  map[string]publish.Outcome

	again []record.Reject // refused rows, to be sent once more
}

func newExecution(w *workspace, j *journal.Journal, r journal.Run, o runOptions) *execution {
	return &execution{w: w, j: j, run: r, options: o, show: newDisplay(w.app, o.json), outcomes: map[string]build.Outcome{}, brought: map[string]publish.Outcome{}}
}

func (e *execution) do(ctx context.Context, tables []string) ([]run.Result, error) {
	b := e.w.building(tables)
	steps := e.w.steps(tables)
	e.show.start(e.run, len(steps), e.options.place())
	defer e.show.stop()
	if e.w.publishes(e.options) {
		steps = e.publishSteps(steps, e.w.destinations(tables))
	}
	return run.Graph(ctx, steps, run.Options{Parallel: parallel(e.options.jobs), Notify: e.notify}, e.step(b))
}

// step does one step: a build, or a publish.
func (e *execution) step(b *build.Builder) run.Do {
	return func(ctx context.Context, s run.Step, attempt int) (bool, error) {
		if p, ok := e.publishing[s.Name]; ok {
			return e.publish(ctx, p, attempt)
		}
		return e.build(ctx, b, s.Name, attempt)
	}
}

// build makes one table and writes down what came of it.
func (e *execution) build(ctx context.Context, b *build.Builder, name string, attempt int) (bool, error) {
	task := e.w.graph.Task(name)
	task.RunID, task.Time, task.Full, task.Destroy = e.run.ID, e.run.Time, e.options.full, e.options.destroy
	task.Limit, task.Destroy = e.options.limit, task.Destroy || e.options.limit > 0 && e.options.branch != "" // main keeps it all
	task.Forward = e.options.forward
	task.Observe = func(p build.Progress, bytes int64) { e.show.observe(name, p, bytes) }
	note := journal.Build{RunID: e.run.ID, Table: name, Attempt: attempt, Status: journal.BuildRunning,
		Mode: string(task.Table.Mode), Started: time.Now().UTC(), Definition: task.Definition}
	if err := e.j.Build(ctx, note); err != nil {
		return false, err
	}
	out, err := b.Build(ctx, task)
	e.show.forget(name)
	note.Ended = time.Now().UTC()
	e.fill(&note, out, err)
	e.mu.Lock()
	e.outcomes[name] = out
	e.mu.Unlock()
	keep := context.WithoutCancel(ctx) // what happened is written down even when the run is being interrupted
	return out.Skipped, errors.Join(err, e.j.Build(keep, note), e.j.Rules(keep, ruleResults(e.run.ID, name, "", out)))
}

func (e *execution) fill(n *journal.Build, out build.Outcome, err error) {
	n.Counts, n.BytesRead, n.BytesWritten = out.Counts, out.BytesRead, out.BytesWritten
	n.SnapshotBefore, n.Snapshot, n.Inputs, n.Files = out.Before, out.After, out.Inputs, out.Files
	n.PeakMemory, n.Why, n.Rejects = peakMemory(), out.Why, out.Rejects
	switch {
	case err == nil && out.Skipped:
		n.Status = journal.BuildSkipped
	case err == nil:
		n.Status = journal.BuildBuilt
	default:
		n.Status = journal.BuildFailed
		if fault.ClassOf(err) == fault.Canceled {
			n.Status = journal.BuildInterrupted
		}
		n.Class, n.Error, n.Hint = string(fault.ClassOf(err)), err.Error(), fault.HintOf(err)
	}
}

// ruleResults are the rules of a build, of a part of the table where it was about one.
func ruleResults(runID, table, part string, out build.Outcome) []journal.RuleResult {
	var rs []journal.RuleResult
	for _, o := range out.Rules {
		rs = append(rs, journal.RuleResult{RunID: runID, Table: table, Part: part, Rule: o.Rule.Text, OnFail: string(o.Rule.OnFail), Passed: o.Passed,
			Failed: o.Failed, Total: o.Total, Reason: o.Reason, Metrics: o.Metrics})
	}
	return rs
}

// notify shows what the runner says and keeps it in the journal.
func (e *execution) notify(ev run.Event) {
	e.mu.Lock()
	out, brought := e.outcomes[ev.Step], e.brought[ev.Step]
	e.mu.Unlock()
	p, publishes := e.publishing[ev.Step]
	table := ev.Step
	if publishes {
		table = p.table.Name
	}
	switch ev.Kind {
	case run.Retrying:
		e.show.retry(table, e.w.app.redact(ev.Err.Error()), ev.Wait)
		_ = e.j.Event(context.Background(), journal.Event{RunID: e.run.ID, Table: table, Kind: "retry", Message: fmt.Sprintf("again in %s: %v", ev.Wait, ev.Err)})
	case run.Finished:
		if publishes {
			e.show.published(p, ev.Result, brought)
			return
		}
		e.show.done(ev.Result, out)
	}
}
