package build

import (
	"context"
	"errors"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/lake"
)

// state is what the lake knows of a table before a build.
type state struct {
	table  *lake.Table // nil: the table does not exist
	ledger lake.Ledger
}

func (b *Builder) load(ctx context.Context, name string) (state, error) {
	t, err := b.Lake.Table(ctx, name)
	if errors.Is(err, lake.ErrNoTable) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	l, err := t.Ledger(ctx)
	if err != nil {
		return state{}, err
	}
	return state{table: t, ledger: l}, nil
}

func (s state) empty() bool {
	if s.table == nil {
		return true
	}
	_, ok := s.table.Snapshot()
	return !ok
}

func (s state) committed(runID string) bool {
	return s.table != nil && s.ledger.HasRun(runID)
}

func (s state) snapshot() int64 {
	if s.table == nil {
		return 0
	}
	if snap, ok := s.table.Snapshot(); ok {
		return snap.ID
	}
	return 0
}

// columns are the table's columns today, without the provenance column.
func (s state) columns() []job.Column {
	if s.table == nil {
		return nil
	}
	var known []job.Column
	for _, c := range s.table.Columns() {
		if c.Name != FileColumn {
			known = append(known, c)
		}
	}
	return known
}

// FileColumn names the column that keeps a row's file, so that a changed file can replace its own rows.
const FileColumn = "_file"

// DefinitionChanged says whether a table's definition is not the one it was last built from. A table that does not
// exist yet has changed.
func (b *Builder) DefinitionChanged(ctx context.Context, t Task) (bool, error) {
	if t.Table.Mode == define.View {
		return false, nil
	}
	s, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return false, err
	}
	c := change(t, s)
	return s.table == nil || c.Way != Nothing || len(c.Renames) > 0, nil
}
