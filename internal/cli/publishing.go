package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/publish"
	"weir/internal/run"
	"weir/internal/sink"
	sinkkinds "weir/internal/sink/kinds"
)

// publishing is one destination of one table, a step of its own in a run.
type publishing struct {
	table *define.Table
	to    define.Publish
}

// step names it among the steps of a run. No table's name has a space.
func (p publishing) step() string { return p.table.Name + " to " + p.to.To }

// publisher publishes what this workspace's lake holds.
func (w *workspace) publisher() *publish.Publisher {
	return &publish.Publisher{Lake: w.lake, Engine: w.engine, Sink: w.sink, Scratch: w.scratch.part("refused")}
}

// sink opens a connection as a destination.
func (w *workspace) sink(ctx context.Context, name string) (sink.Sink, error) {
	c := w.project.Connections[name]
	s, err := sinkkinds.All()[c.Type].Open(ctx, c.Config, sink.Env{Root: w.project.Root, Resolve: w.project.Resolver.Resolve})
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", name, err)
	}
	return s, nil
}

// destinations are those of tables, in the order of the graph.
func (w *workspace) destinations(tables []string) (out []publishing) {
	chosen := map[string]bool{}
	for _, name := range tables {
		chosen[name] = true
	}
	for _, name := range w.graph.Order {
		t := w.graph.Nodes[name].Table
		for _, to := range t.Publish {
			if chosen[name] {
				out = append(out, publishing{t, to})
			}
		}
	}
	return out
}

// publishes says whether runs publish: where the environment says so, and what is built is what the lake shows.
func (w *workspace) publishes(o runOptions) bool {
	return w.project.Publish && o.branch == "" && o.limit == 0
}

// publishSteps adds destinations to the steps of an execution.
func (e *execution) publishSteps(steps []run.Step, to []publishing) []run.Step {
	e.publishing = map[string]publishing{}
	if e.w.reached == nil {
		e.w.reached = map[string]bool{}
	}
	building := map[string]bool{}
	for _, s := range steps {
		building[s.Name] = true
	}
	for _, p := range to {
		s := run.Step{Name: p.step(), Timeout: p.table.Timeout, Retries: p.table.Retries}
		if building[p.table.Name] {
			s.Needs = []string{p.table.Name}
		}
		e.publishing[s.Name] = p
		steps = append(steps, s)
	}
	return steps
}

// publish brings one destination to where its table is, and writes down what came of it.
func (e *execution) publish(ctx context.Context, p publishing, attempt int) (bool, error) {
	if e.options.follow && e.stands(p) {
		return true, nil
	}
	note := journal.Publish{RunID: e.run.ID, Table: p.table.Name, Destination: p.to.To, Attempt: attempt, Status: journal.PublishRunning,
		Mode: string(p.to.Mode), Started: time.Now().UTC()}
	if err := e.j.Publish(ctx, note); err != nil {
		return false, err
	}
	out, err := e.w.publisher().Publish(ctx, publish.Task{Table: p.table, To: p.to, RunID: e.run.ID, Time: e.run.Time, Full: e.options.republish, Again: e.again,
		Observe: func(s publish.Progress) { e.show.observe(p.step(), s, 0) }})
	e.show.forget(p.step())
	note.Ended = time.Now().UTC()
	published(&note, out, err)
	e.mu.Lock()
	e.brought[p.step()] = out
	e.w.reached[p.step()] = err == nil
	e.mu.Unlock()
	return out.Skipped, errors.Join(err, e.j.Publish(context.WithoutCancel(ctx), note))
}

// stands says, in a session that follows, that the destination was reached and its table has not been built since: it is not asked
// again every second.
func (e *execution) stands(p publishing) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.w.reached[p.step()] && e.outcomes[p.table.Name].Skipped
}

func published(n *journal.Publish, out publish.Outcome, err error) {
	l := out.Loaded
	n.Before, n.Full, n.Why, n.Rejects = out.Before, out.Full, out.Why, out.Rejects
	n.Rows, n.Written, n.Deleted, n.Refused, n.Bytes = l.Brought, l.Written, l.Deleted, l.Refused, l.Bytes
	switch {
	case err == nil && out.Skipped:
		n.Status, n.Snapshot = journal.PublishSkipped, out.Snapshot
	case err == nil:
		n.Status, n.Snapshot = journal.Published, out.Snapshot
	default:
		n.Status = journal.PublishFailed
		if fault.ClassOf(err) == fault.Canceled {
			n.Status = journal.PublishInterrupted
		}
		n.Class, n.Error, n.Hint = string(fault.ClassOf(err)), err.Error(), fault.HintOf(err)
	}
}

// noteUnbegun writes down that a destination was not reached.
func (e *execution) noteUnbegun(ctx context.Context, p publishing, r run.Result) error {
	n := journal.Publish{RunID: e.run.ID, Table: p.table.Name, Destination: p.to.To, Mode: string(p.to.Mode), Status: journal.PublishBlocked, Why: "needs " + r.BlockedBy}
	if r.Status == run.Interrupted {
		n.Status, n.Why = journal.PublishInterrupted, "not started"
	}
	return e.j.Publish(ctx, n)
}

// publishReport is a destination in a run's result.
type publishReport struct {
	Table       string  `json:"table"`
	Destination string  `json:"destination"`
	Status      string  `json:"status"`
	Mode        string  `json:"mode"`
	Why         string  `json:"why,omitempty"`
	Full        bool    `json:"full,omitempty"`
	Snapshot    int64   `json:"snapshot,omitempty"`
	Rows        int64   `json:"rows"`
	Written     int64   `json:"written"`
	Deleted     int64   `json:"deleted"`
	Refused     int64   `json:"refused"`
	Attempts    int     `json:"attempts"`
	Seconds     float64 `json:"seconds"`
	Class       string  `json:"class,omitempty"`
	Error       string  `json:"error,omitempty"`
	Hint        string  `json:"hint,omitempty"`
	Blocked     string  `json:"blocked_by,omitempty"`
}

// publishedWord is the status of a destination that got what it needed.
const publishedWord = "published"

func (e *execution) publishReport(p publishing, r run.Result) publishReport {
	out := e.brought[r.Name]
	l := out.Loaded
	rep := publishReport{Table: p.table.Name, Destination: p.to.To, Status: string(r.Status), Mode: string(p.to.Mode), Why: out.Why, Full: out.Full, Snapshot: out.Snapshot,
		Rows: l.Brought, Written: l.Written, Deleted: l.Deleted, Refused: l.Refused, Attempts: r.Attempts, Seconds: r.Ended.Sub(r.Started).Seconds(), Blocked: r.BlockedBy}
	if r.Status == run.Built {
		rep.Status = publishedWord
	}
	if r.Err != nil {
		rep.Class, rep.Error, rep.Hint = string(fault.ClassOf(r.Err)), e.w.app.redact(r.Err.Error()), e.w.app.redact(fault.HintOf(r.Err))
	}
	return rep
}

// published shows how a destination came out.
func (d *display) published(p publishing, r run.Result, out publish.Outcome) {
	line := fmt.Sprintf("%-*s  ", d.width, p.table.Name)
	pad := strings.Repeat(" ", d.width) + "           "
	switch r.Status {
	case run.Built:
		d.print(line + "published to " + p.to.To + ": " + broughtText(out) + "  " + seconds(r.Ended.Sub(r.Started)))
		for _, text := range shapeTexts(out.Loaded.Changes) {
			d.print(pad + text)
		}
		if n := out.Loaded.Refused; n > 0 {
			d.print(fmt.Sprintf("%s%s refused and left out there: weir rejects show %s", pad, plural(n, "row"), p.table.Name))
		}
	case run.Skipped:
		if d.following {
			return
		}
		d.print(line + "skipped  " + p.to.To + " is up to date: " + out.Why)
	case run.Failed:
		d.print(line + "FAILED   to " + p.to.To + ": " + strings.TrimPrefix(r.Err.Error(), "publish "+p.step()+": "))
		if hint := fault.HintOf(r.Err); hint != "" {
			d.print(pad + hint)
		}
	case run.Blocked:
		d.print(line + "blocked  to " + p.to.To + ": needs " + r.BlockedBy)
	case run.Interrupted:
		d.print(line + "interrupted  to " + p.to.To)
	}
}

// broughtText says what a load did.
func broughtText(out publish.Outcome) string {
	l := out.Loaded
	text := plural(l.Brought, "row")
	if l.Written != l.Brought {
		text += fmt.Sprintf(", %s written", count(l.Written))
	}
	if l.Deleted > 0 {
		text += fmt.Sprintf(", %s deleted", count(l.Deleted))
	}
	if out.Full {
		text += " · all rows: " + out.Why
	}
	return text
}

func shapeTexts(c sink.Changes) (out []string) {
	for _, name := range c.Added {
		out = append(out, "new column "+name)
	}
	for _, name := range c.Renamed {
		out = append(out, "renamed column "+name)
	}
	for _, name := range c.Widened {
		out = append(out, "wider column "+name)
	}
	return out
}
