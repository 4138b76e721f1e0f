// Package publish copies tables, or what changed in them, to destinations outside the lake, each exactly once: a destination
// keeps its own position, which moves in the transaction that brings the rows (promise 1).
package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/sink"
)

// Publisher publishes the tables of one project.
type Publisher struct {
	Lake   *lake.Lake
	Engine engine.Engine
	// Sink opens a connection as a destination.
	Sink func(ctx context.Context, connection string) (sink.Sink, error)
	// Scratch is a local folder for what was refused, until the lake keeps it.
	Scratch string
}

// Task is one table and one of its destinations.
type Task struct {
	Table *define.Table
	To    define.Publish
	RunID string
	Time  time.Time // logical time of the run
	Full  bool      // bring all rows, whatever the destination has
	// Again are rows that the destination refused and that are to be sent once more, where it has all changes.
	Again []record.Reject
	Look  bool // say what would be done, and do nothing
	// Observe, where set, is given the session whose rows are brought, so that progress can be shown.
	Observe func(p Progress)
}

// Progress is read by another goroutine while rows are brought.
type Progress interface {
	Progress() (percent float64, rows, total uint64)
}

// Outcome is what was done, or of a task that only looks what would be.
type Outcome struct {
	Skipped  bool
	Full     bool   // all rows were brought
	Why      string // why it was skipped, or why all rows were brought
	Before   int64  // snapshot the destination held, 0 for none
	Snapshot int64  // that it holds now
	Rows     int64  // to be brought, about; -1 where only a load tells
	Gone     int64  // keys to be deleted
	Loaded   sink.Loaded
	Rejects  string // where refused rows lie; "" for none
}

// Publish brings a destination to where its table is.
func (p *Publisher) Publish(ctx context.Context, t Task) (Outcome, error) {
	out, err := p.publish(ctx, t)
	if err != nil {
		return out, fmt.Errorf("publish %s to %s: %w", t.Table.Name, t.To.To, err)
	}
	return out, nil
}

func (p *Publisher) publish(ctx context.Context, t Task) (out Outcome, err error) {
	s, err := p.Sink(ctx, t.To.Connection)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Begin(ctx, sink.Target{Name: t.To.To, Schema: t.To.Schema, Table: t.To.Table, Look: t.Look})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	w := &work{p: p, t: t, sink: s, load: l}
	defer w.close()
	err = w.run(ctx)
	return w.out, err
}

// work is one publish under way.
type work struct {
	p     *Publisher
	t     Task
	sink  sink.Sink
	load  sink.Load
	table *lake.Table
	snap  lake.Snapshot
	at    int64 // the snapshot since which the table holds its rows
	s     engine.Session

	stored  sink.Position
	found   bool
	columns []sink.Column
	shape   sink.Changes // that the destination needs for them
	out     Outcome
}

func (w *work) close() {
	if w.s != nil {
		_ = w.s.Close()
	}
}

func (w *work) run(ctx context.Context) error {
	// The table is loaded under the destination's lock: what is older than the position is then not merely late.
	if err := w.loadTable(ctx); err != nil {
		return err
	}
	w.stored, w.found = w.load.Stored()
	w.out.Before, w.out.Snapshot = w.stored.Snapshot, w.at
	if err := w.chooseColumns(ctx); err != nil {
		return err
	}
	var err error
	if w.shape, err = w.load.Check(ctx, sink.Delivery{Mode: w.mode(), Key: w.keyed(), Columns: w.columns}); err != nil {
		return err
	}
	what, err := w.decide(ctx)
	if err != nil || w.out.Skipped {
		return err
	}
	if w.s, err = w.p.Engine.Open(ctx); err != nil {
		return err
	}
	if w.t.Observe != nil {
		w.t.Observe(w.s)
	}
	d, err := w.delivery(ctx, what)
	if err != nil {
		return err
	}
	if w.t.Look {
		w.out.Loaded.Changes = w.shape
		return nil
	}
	return w.bring(ctx, d)
}

// mode is how the load changes the destination.
func (w *work) mode() sink.Mode {
	if w.t.To.Mode == define.PublishHistory {
		return sink.Upsert
	}
	return sink.Mode(w.t.To.Mode)
}

// keyed is the key of a load that goes by one.
func (w *work) keyed() []string {
	if w.mode() == sink.Upsert {
		return w.t.To.Key
	}
	return nil
}

// bring applies the delivery and commits it with the position.
func (w *work) bring(ctx context.Context, d sink.Delivery) (err error) {
	w.out.Loaded, err = w.load.Apply(ctx, d)
	if errors.Is(err, sink.ErrTooMany) {
		err = w.tooMany()
	}
	if len(w.out.Loaded.Rejects) > 0 {
		// They belong to the run, whether the load is committed or not.
		var kerr error
		w.out.Rejects, kerr = w.keep(context.WithoutCancel(ctx))
		err = errors.Join(err, kerr)
	}
	if err != nil {
		return err
	}
	return w.load.Commit(ctx, w.position(d))
}

// position is what the destination holds after the load.
func (w *work) position(d sink.Delivery) sink.Position {
	p := sink.Position{Table: w.t.Table.Name, UUID: w.table.UUID(), Snapshot: w.at, Number: w.snap.Number, Run: w.t.RunID, Mode: d.Mode, Rows: w.out.Loaded.Written, At: time.Now().UTC()}
	p.Sole = w.found && w.stored.Sole || w.out.Loaded.Empty || d.Mode == sink.Replace
	for _, c := range w.columns {
		p.Columns = append(p.Columns, sink.PublishedColumn{ID: c.ID, Name: c.Name, Type: c.Type})
	}
	return p
}

// loadTable loads the table as it is now.
func (w *work) loadTable(ctx context.Context) (err error) {
	name := w.t.Table.Name
	if w.table, err = w.p.Lake.Table(ctx, name); errors.Is(err, lake.ErrNoTable) {
		return fault.New(fault.Usage, "%s has not been built yet", name).WithHint("weir run +%s builds it", name)
	}
	if err != nil {
		return err
	}
	var ok bool
	if w.snap, ok = w.table.Snapshot(); !ok {
		return fault.New(fault.Usage, "%s has not been built yet", name).WithHint("weir run +%s builds it", name)
	}
	if w.snap.Limited > 0 {
		return fault.New(fault.Usage, "%s was built from a part of its rows (--limit %d)", name, w.snap.Limited).WithHint("weir run %s builds all of it", name)
	}
	w.at = w.table.RowsSince()
	return nil
}
