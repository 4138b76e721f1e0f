package build

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

// Deed is what is done to rejects, by whom and why.
type Deed struct {
	RunID string
	Time  time.Time // logical time of the run
	By    string
	Why   string
}

// Discard settles rejects without taking them. Nothing but the ledger changes, which keeps who did it and why.
func (b *Builder) Discard(ctx context.Context, table string, d Deed, ids []string) error {
	if err := b.note(ctx, table, d, lake.RejectDiscarded, ids, nil); err != nil {
		return fmt.Errorf("discard rejects of %s: %w", table, err)
	}
	return nil
}

// Edit gives open rejects another raw form, by id. What they were stays; what is replayed from here on is the new form.
func (b *Builder) Edit(ctx context.Context, table string, d Deed, raws map[string]string) error {
	if err := b.note(ctx, table, d, lake.RejectEdited, slices.Sorted(maps.Keys(raws)), raws); err != nil {
		return fmt.Errorf("edit rejects of %s: %w", table, err)
	}
	return nil
}

// note commits a deed that changes no rows.
func (b *Builder) note(ctx context.Context, table string, d Deed, what lake.RejectDeed, ids []string, raws map[string]string) error {
	st, err := b.load(ctx, table)
	if err != nil {
		return err
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	closes, err := b.closingsOf(ctx, s, st, ids)
	if err != nil {
		return err
	}
	n := d.note(what, closes)
	for _, c := range closes {
		if _, id, _ := strings.Cut(c, "/"); raws != nil {
			n.Raws = append(n.Raws, raws[id])
		}
	}
	at, err := st.table.NoteRejects(ctx, n)
	if err != nil {
		return err
	}
	in := lake.Intent{RunID: d.RunID, Time: d.Time, Notes: []string{at}}
	if what == lake.RejectDiscarded {
		in.CloseRejects = closes
	}
	return b.settle(ctx, table, in, closes)
}

func (d Deed) note(what lake.RejectDeed, closings []string) lake.RejectNote {
	return lake.RejectNote{What: what, By: d.By, At: time.Now().UTC().Truncate(time.Second), Run: d.RunID, Why: d.Why, Rejects: closings}
}

// RejectNotes are what was done to rejects of a table, oldest first.
func (b *Builder) RejectNotes(ctx context.Context, table string) ([]lake.RejectNote, error) {
	st, err := b.load(ctx, table)
	if err != nil || st.table == nil {
		return nil, err
	}
	return st.table.RejectNotes(ctx)
}

// settle commits a change of the ledger alone. What has to be open still is checked with the ledger that it replaces.
func (b *Builder) settle(ctx context.Context, table string, in lake.Intent, open []string) error {
	t, err := b.Lake.Table(ctx, table)
	if err != nil {
		return err
	}
	in.Table, in.SchemaID, in.LastColumnID = table, t.SchemaID(), t.LastColumnID()
	in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		if err := stillOpen(ctx, t, open); err != nil {
			return lake.Change{}, job.Counts{}, err
		}
		rows, err := t.RowCount(ctx)
		return lake.Change{}, job.Counts{Before: rows, After: rows}, err
	}
	_, err = b.Lake.Commit(ctx, in)
	return err
}

// SetPosition moves splits of a table's position: base are the values they have now.
func (b *Builder) SetPosition(ctx context.Context, table, runID string, at time.Time, base, next job.Position) error {
	if err := b.settle(ctx, table, lake.Intent{RunID: runID, Time: at, Base: base, Next: next}, nil); err != nil {
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
	return was, is, b.settle(ctx, t.Name, lake.Intent{RunID: runID, Time: at, Server: is}, nil)
}
