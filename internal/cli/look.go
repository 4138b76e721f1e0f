package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/plan"
	"weir/internal/publish"
)

// lookReport is what a destination would get.
type lookReport struct {
	Table       string   `json:"table"`
	Destination string   `json:"destination"`
	Action      string   `json:"action"` // publish, skip, blocked or error
	Full        bool     `json:"full,omitempty"`
	Why         string   `json:"why,omitempty"`
	Rows        int64    `json:"rows"`
	Deleted     int64    `json:"deleted"`
	Creates     bool     `json:"creates,omitempty"`
	Shape       []string `json:"shape,omitempty"`
	Error       string   `json:"error,omitempty"`
	Later       bool     `json:"later,omitempty"` // only after its table is built it is known what
}

// look says what one destination would get now. The error is what kept it from being told, and stands in the report, too.
func (w *workspace) look(ctx context.Context, p publishing, full bool) (lookReport, error) {
	out, err := w.publisher().Publish(ctx, publish.Task{Table: p.table, To: p.to, Time: time.Now().UTC(), Full: full, Look: true})
	rep := lookReport{Table: p.table.Name, Destination: p.to.To, Action: lookPublish, Full: out.Full, Why: out.Why, Rows: out.Rows, Deleted: out.Gone,
		Creates: out.Loaded.Creates, Shape: shapeTexts(out.Loaded.Changes)}
	switch {
	case err != nil:
		rep.Action, rep.Error = plan.Error, w.app.redact(strings.TrimPrefix(err.Error(), "publish "+p.step()+": "))
	case out.Skipped:
		rep.Action = plan.Skip
	}
	return rep, err
}

// lookToPublish says what a publish would do.
func (w *workspace) lookToPublish(ctx context.Context, to []publishing, o publishOptions) error {
	reports := []lookReport{}
	var first error
	for _, p := range to {
		rep, err := w.look(ctx, p, o.full)
		if fault.ClassOf(err) == fault.Canceled {
			return err
		}
		if first == nil {
			first = err
		}
		reports = append(reports, rep)
	}
	if o.json {
		if err := writeJSON(w.app.out, reports); err != nil {
			return err
		}
	} else {
		w.printLook(reports)
	}
	if first == nil {
		return nil
	}
	if hint := fault.HintOf(first); hint != "" && !o.json {
		fmt.Fprintln(w.app.err, "  "+w.app.redact(hint))
	}
	return exitCode(fault.ExitCode(first))
}

func (w *workspace) printLook(reports []lookReport) {
	g := &grid{}
	for _, r := range reports {
		g.add(r.Table, r.Destination, r.Action, lookText(r))
	}
	g.write(w.app.out)
}

// lookText is what is said of a destination behind its action.
func lookText(r lookReport) string {
	switch {
	case r.Action == plan.Error:
		return r.Error
	case r.Action != lookPublish || r.Later:
		return r.Why
	}
	what := plural(r.Rows, "row")
	if r.Deleted > 0 {
		what += fmt.Sprintf(", %s to delete", plural(r.Deleted, "key"))
	}
	if r.Full {
		what += " · all rows: " + r.Why
	}
	if r.Creates {
		what += " · makes the table"
	}
	for _, s := range r.Shape {
		what += " · " + s
	}
	return what
}

// lookPublish is the action of a destination that would get something; the others are those of a plan's steps.
const lookPublish = "publish"

// planPublish says what a run of the plan would bring where, as far as the lake knows it now: what a build will change nobody
// knows before. The error is the first that would stop a destination.
func (w *workspace) planPublish(ctx context.Context, p plan.Plan) (out []lookReport, first error) {
	steps := map[string]plan.Step{}
	var tables []string
	for _, s := range p.Steps {
		steps[s.Table] = s
		tables = append(tables, s.Table)
	}
	for _, to := range w.destinations(tables) {
		rep, err := w.planDestination(ctx, steps[to.table.Name], to)
		if fault.ClassOf(err) == fault.Canceled {
			return nil, err
		}
		if first == nil {
			first = err
		}
		out = append(out, rep)
	}
	return out, first
}

func (w *workspace) planDestination(ctx context.Context, s plan.Step, to publishing) (lookReport, error) {
	rep := lookReport{Table: s.Table, Destination: to.to.To, Rows: -1}
	switch s.Action {
	case plan.Error, plan.Blocked:
		rep.Action, rep.Why = plan.Blocked, "needs "+s.Table
		return rep, nil
	case plan.Build:
		if _, err := w.lake.Table(ctx, s.Table); isNoTable(err) {
			rep.Action, rep.Why, rep.Later = lookPublish, "all rows of "+s.Table+" once it is built", true
			return rep, nil
		}
	}
	rep, err := w.look(ctx, to, false)
	if s.Action != plan.Build || err != nil {
		return rep, err
	}
	changes := "what is built in " + s.Table
	if rep.Action == lookPublish {
		changes = lookText(rep) + ", and " + changes
	}
	rep.Action, rep.Why, rep.Later = lookPublish, changes, true
	return rep, nil
}
