package build

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/source"
)

// Discard settles rejects without taking them. Nothing but the ledger changes.
func (b *Builder) Discard(ctx context.Context, table, runID string, at time.Time, ids []string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("discard rejects of %s: %w", table, err)
		}
	}()
	st, err := b.load(ctx, table)
	if err != nil {
		return err
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	closes, err := b.closings(ctx, s, st, "id IN ("+literals(ids)+")")
	if err != nil {
		return err
	}
	return b.settle(ctx, table, lake.Intent{RunID: runID, Time: at, CloseRejects: closes})
}

// settle commits a change of the ledger alone.
func (b *Builder) settle(ctx context.Context, table string, in lake.Intent) error {
	t, err := b.Lake.Table(ctx, table)
	if err != nil {
		return err
	}
	in.Table, in.SchemaID, in.LastColumnID = table, t.SchemaID(), t.LastColumnID()
	in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		rows, err := t.RowCount(ctx)
		return lake.Change{}, job.Counts{Before: rows, After: rows}, err
	}
	_, err = b.Lake.Commit(ctx, in)
	return err
}

// SetPosition moves splits of a table's position: base are the values they have now.
func (b *Builder) SetPosition(ctx context.Context, table, runID string, at time.Time, base, next job.Position) error {
	if err := b.settle(ctx, table, lake.Intent{RunID: runID, Time: at, Base: base, Next: next}); err != nil {
		return fmt.Errorf("set position of %s: %w", table, err)
	}
	return nil
}

// AcceptServer makes a table's position one of the server its connection leads to now (promise 7).
func (b *Builder) AcceptServer(ctx context.Context, t *define.Table, runID string, at time.Time) (was, is string, err error) {
	st, err := b.load(ctx, t.Name)
	if err != nil {
		return "", "", err
	}
	if st.table == nil {
		return "", "", fault.New(fault.Usage, "accept server of %s: it has not been built yet", t.Name)
	}
	src, err := b.Source(ctx, t)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if is, err = src.Server(ctx); err != nil {
		return "", "", err
	}
	was = st.ledger.Server
	if was == is {
		return was, is, nil
	}
	if p, ok := src.(source.Portable); ok {
		if err := p.Portable(ctx, st.ledger.Position); err != nil {
			return "", "", fmt.Errorf("accept server of %s: %w", t.Name, err)
		}
	}
	return was, is, b.settle(ctx, t.Name, lake.Intent{RunID: runID, Time: at, Server: is})
}

// Replayed says what a replay took.
type Replayed struct {
	Outcome Outcome
	Taken   int64
	Still   []record.Reject // rejected again; they stay in the queue
}

// Replay builds from rejects alone: a build whose position is the set of their ids. Records that fail again stay
// where they are.
func (b *Builder) Replay(ctx context.Context, t Task, rejects []record.Reject) (Replayed, error) {
	out, err := b.replay(ctx, t, rejects)
	if err != nil {
		return out, fmt.Errorf("replay rejects of %s: %w", t.Table.Name, err)
	}
	return out, nil
}

func (b *Builder) replay(ctx context.Context, t Task, rejects []record.Reject) (out Replayed, err error) {
	st, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return out, err
	}
	if st.table == nil {
		return out, fault.New(fault.Usage, "the table has not been built yet")
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return out, err
	}
	defer s.Close()
	w := &work{b: b, t: t, s: s, state: st}
	defer w.close()
	w.out.Before, w.out.After = st.snapshot(), st.snapshot()
	r := &replaying{work: w, rejects: rejects}
	err = r.run(ctx)
	out.Outcome, out.Still = w.out, r.still
	if err == nil {
		out.Taken = w.out.Counts.Accepted + w.out.Counts.Superseded + w.out.Counts.Stale
		return out, nil
	}
	return out, errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
}
