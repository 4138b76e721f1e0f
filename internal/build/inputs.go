package build

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/model"
	"weir/internal/source"
)

// beginSQL fixes the snapshots of the inputs. It gives nil where they, and the definition, are those of the last build.
func (w *work) beginSQL(ctx context.Context) (*reading, error) {
	tables, next, deferred, err := w.b.inputs(ctx, w.t)
	if err != nil {
		return nil, err
	}
	w.out.Deferred = deferred
	if w.out.Limited, err = w.limitOf(ctx, tables); err != nil {
		return nil, err
	}
	w.out.Inputs = map[string]int64{}
	for name, t := range tables {
		if snap, ok := t.Snapshot(); ok {
			w.out.Inputs[name] = snap.ID
		}
	}
	if w.t.Table.Incremental != nil {
		return w.beginIncremental(ctx, tables, next)
	}
	if w.unchanged(next) {
		w.out.Why = "inputs unchanged since " + w.since()
		return nil, nil
	}
	return w.whole(ctx, tables, next, w.t.Table.SQL)
}

// whole reads all that the inputs hold.
func (w *work) whole(ctx context.Context, tables map[string]*lake.Table, next job.Position, sql string) (*reading, error) {
	cols, err := w.open(ctx, tables, sql)
	if err != nil {
		return nil, err
	}
	return &reading{
		rel:    source.Relation{Relation: job.Relation{SQL: sql, Columns: cols, Rows: -1, Bytes: w.out.BytesRead}},
		params: w.params(),
		base:   w.state.ledger.Position, next: next, whole: true, full: true,
	}, nil
}

// open makes the inputs readable in the session and gives the columns of a query over them.
func (w *work) open(ctx context.Context, tables map[string]*lake.Table, sql string) ([]job.Column, error) {
	bytes, err := w.b.Views(ctx, w.s, w.t.Inputs, tables, w.params())
	if err != nil {
		return nil, err
	}
	w.out.BytesRead = bytes
	cols, err := w.s.DescribeParams(ctx, sql, w.params())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.t.Table.File, err)
	}
	return cols, nil
}

func (w *work) unchanged(next job.Position) bool {
	return !w.t.Full && w.state.table != nil && w.state.ledger.Position.Equal(next) && w.change.Way != FullBuild
}

func (w *work) since() string {
	if w.state.table == nil {
		return "the last build"
	}
	if snap, ok := w.state.table.Snapshot(); ok && snap.RunID != "" {
		return "run " + job.RunNumber(snap.RunID)
	}
	return "the last build"
}

// params are the project's vars and the run's logical time.
func (w *work) params() job.Params { return w.b.params(w.t) }

func (b *Builder) params(t Task) job.Params {
	p := job.Params{"run_time": t.Time}
	for k, v := range b.Vars {
		p[k] = v
	}
	return p
}

// inputs loads the tables a task reads and gives the position that names their snapshots.
func (b *Builder) inputs(ctx context.Context, t Task) (map[string]*lake.Table, job.Position, []Deferred, error) {
	var deferred []Deferred
	tables, next := map[string]*lake.Table{}, job.Position{}
	for _, in := range t.Inputs {
		if in.View != "" {
			continue
		}
		table, elsewhere, err := b.Input(ctx, in.Name)
		if errors.Is(err, lake.ErrNoTable) {
			return nil, nil, nil, fault.New(fault.Usage, "input %s has not been built yet", in.Name).
				WithHint("weir run +%s builds it and what it needs first", t.Table.Name)
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("read input %s: %w", in.Name, err)
		}
		tables[in.Name] = table
		next[in.Name] = b.position(table, elsewhere)
		if elsewhere != nil {
			deferred = append(deferred, *elsewhere)
		}
	}
	return tables, next, deferred, nil
}

// PositionOf is the value that stands for a version of an input in the positions of the tables that read it.
func PositionOf(t *lake.Table) string { return strconv.FormatInt(t.RowsSince(), 10) }

// Views makes inputs readable by their names in a session: a lake table as a scan of its files, a view as its SQL, and the
// project's macros between them, since a macro may read tables and a view may call macros. It gives the bytes of the
// tables' files.
func (b *Builder) Views(ctx context.Context, s engine.Session, inputs []Input, tables map[string]*lake.Table, p job.Params) (int64, error) {
	var bytes int64
	for _, in := range inputs {
		if in.View != "" {
			continue
		}
		rel, err := tables[in.Name].Scan(ctx, lake.ScanOptions{})
		if err != nil {
			return 0, fmt.Errorf("read input %s: %w", in.Name, err)
		}
		bytes += rel.Bytes
		if err := s.View(ctx, in.Name, rel.SQL); err != nil {
			return 0, fmt.Errorf("input %s: %w", in.Name, err)
		}
	}
	later := CreateMacros(ctx, s, b.Macros)
	for _, in := range inputs {
		if in.View == "" {
			continue
		}
		if err := s.View(ctx, in.Name, model.Bind(in.View, p)); err != nil {
			return 0, fmt.Errorf("input %s: %w", in.Name, err)
		}
		// What is left reads views, or tables that this build does not: then nothing it runs calls it.
		later = CreateMacros(ctx, s, later)
	}
	return bytes, nil
}

// Executor runs a statement.
type Executor interface {
	Exec(ctx context.Context, sql string) error
}

// CreateMacros makes macros in a session and gives back those that cannot be made, because what they read is not there. A
// file may call macros of a file that comes after it.
func CreateMacros(ctx context.Context, s Executor, macros []define.Macro) (left []define.Macro) {
	for {
		left = nil
		for _, m := range macros {
			if err := s.Exec(ctx, m.SQL); err != nil {
				left = append(left, m)
			}
		}
		if len(left) == 0 || len(left) == len(macros) {
			return left
		}
		macros = left
	}
}
