package build

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/lake"
)

// peekIncremental says what an incremental build would do; all is what a full one would read.
func (w *work) peekIncremental(ctx context.Context, tables map[string]*lake.Table, next job.Position, all Peek) (Peek, error) {
	inc := w.t.Table.Incremental
	skip := Peek{Why: "inputs unchanged since " + w.since()}
	if inc.Window != nil {
		return w.peekWindow(ctx, next, all, skip)
	}
	if w.unchanged(next) {
		return skip, nil
	}
	why := w.fullBuild(next)
	var c lake.Changes
	if why == "" {
		var err error
		if c, why, err = w.changes(ctx, tables[inc.Input]); err != nil {
			return all, err
		}
		if why == "" && w.reshaped(next, c) {
			why = "columns of " + inc.Input + " changed"
		}
	}
	if why != "" {
		all.Why = fullBuildFor(why)
		return all, nil
	}
	if c.Commits == 0 {
		return skip, nil
	}
	what := "new rows only"
	if len(inc.By) > 0 {
		what = "touched groups of " + strings.Join(inc.By, ", ")
	}
	commits := "1 commit"
	if c.Commits > 1 {
		commits = fmt.Sprintf("%d commits", c.Commits)
	}
	return Peek{Build: true, Rows: max(c.Before.Rows, c.After.Rows), Bytes: c.Before.Bytes + c.After.Bytes,
		Why: fmt.Sprintf("%s: %s of %s since %s", what, commits, inc.Input, w.since())}, nil
}

func fullBuildFor(why string) string {
	if why == "first build" {
		return why
	}
	return "full build: " + why
}

// peekWindow says which windows a build would compute.
func (w *work) peekWindow(ctx context.Context, next job.Position, all, skip Peek) (p Peek, err error) {
	was := w.state.ledger.Position
	if why := w.fullBuild(apart(next, was)); why != "" {
		all.Why = fullBuildFor(why)
		return all, nil
	}
	last, err := time.Parse(time.RFC3339Nano, was[windowSplit])
	if err != nil {
		all.Why = fullBuildFor("its windows were not computed before")
		return all, nil
	}
	win := window{def: w.t.Table.Incremental.Window}
	if win.typ, err = WindowType(w.t.Table, w.state.columns()); err != nil {
		return all, err
	}
	s, err := w.b.Engine.Open(ctx)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := w.t.Time
	if now.IsZero() {
		now = time.Now()
	}
	r, lastEnd, err := win.since(ctx, s, last, now)
	if err != nil {
		return all, err
	}
	if w.sameInputs(next) && lastEnd == r.To {
		return skip, nil
	}
	all.Why = fmt.Sprintf("%s from %s to %s", win.def.Column, r.From, r.To)
	return all, nil
}
