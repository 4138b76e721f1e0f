package cases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/job"
	"weir/internal/lake"
)

// fixture fills the inputs of a case: it commits to them what their own builds would, with change-sets where rows change or
// go, so that the table under test reads them as it reads any table of the lake.
type fixture struct {
	lake    *lake.Lake
	session engine.Session
	dir     string // for files that are not kept
}

// errGiven is wrapped by errors about rows a case gives that cannot come about.
var errGiven = errors.New("given")

// commit writes one version of an input. given is nil for no rows.
func (f *fixture) commit(ctx context.Context, in *input, g *define.Given, run string, at time.Time) error {
	table, err := f.lake.Table(ctx, in.name)
	if errors.Is(err, lake.ErrNoTable) {
		table, err = nil, nil
	}
	if err != nil {
		return err
	}
	stage, err := f.lake.NewStage(ctx, in.name, run)
	if err != nil {
		return err
	}
	v := &version{f: f, in: in, table: table, stage: stage, columns: lake.AssignIDs(in.columns, table)}
	if v.ids, err = lake.FieldIDs(v.columns, table); err != nil {
		return err
	}
	if err := v.make(ctx, g); err != nil {
		return errors.Join(err, stage.Discard(context.WithoutCancel(ctx)))
	}
	intent := lake.Intent{Table: in.name, RunID: run, Time: at, New: &lake.TableSpec{Columns: v.columns}, SchemaID: -1, Plan: v.plan}
	if table != nil {
		intent.SchemaID, intent.LastColumnID = table.SchemaID(), table.LastColumnID()
	}
	if _, err := f.lake.Commit(ctx, intent); err != nil {
		return errors.Join(err, stage.Discard(context.WithoutCancel(ctx)))
	}
	return stage.Done(ctx)
}

// version is the next version of an input.
type version struct {
	f       *fixture
	in      *input
	table   *lake.Table // as it is, nil for none
	stage   *lake.Stage
	columns []job.Column
	ids     string

	add     []job.File
	whole   bool     // add is all the rows, not only new ones
	changes []string // files of the change-set
	counts  job.Counts
}

func (v *version) plan(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
	var change lake.Change
	counts := v.counts
	if t != nil {
		var err error
		if counts.Before, err = t.RowCount(ctx); err != nil {
			return change, counts, err
		}
		if v.whole {
			files, err := t.Files(ctx)
			if err != nil {
				return change, counts, err
			}
			for _, file := range files {
				change.Remove = append(change.Remove, file.Path)
			}
		}
	}
	counts.After = counts.Before + counts.Inserted - counts.Deleted
	var err error
	change.Add, change.ChangeSet, err = v.stage.Seal(ctx, v.add, v.changes)
	return change, counts, err
}

// make stages what the version adds, or all its rows where some change or go.
func (v *version) make(ctx context.Context, g *define.Given) error {
	if g == nil {
		return nil
	}
	if v.appends(g) {
		rows := g.Rows
		if rows == nil {
			rows = g.Add
		}
		return v.append(ctx, rows)
	}
	if err := v.begin(ctx); err != nil {
		return err
	}
	steps := []struct {
		rows *define.Rows
		do   func(ctx context.Context, rows *define.Rows, from string) error
	}{{g.Replace, v.replace}, {g.Remove, v.remove}, {g.Change, v.change}, {g.Rows, v.come}, {g.Add, v.insert}}
	for i, step := range steps {
		if step.rows == nil {
			continue
		}
		if err := v.step(ctx, fmt.Sprintf("given%d", i), step.rows, step.do); err != nil {
			return err
		}
	}
	return v.finish(ctx)
}

// appends says whether rows only come to those there are.
func (v *version) appends(g *define.Given) bool {
	if g.Change != nil || g.Remove != nil || g.Replace != nil {
		return false
	}
	if g.Rows == nil {
		return true
	}
	_, filled := v.snapshot()
	return !filled || len(v.in.table.Key) == 0
}

func (v *version) snapshot() (id int64, ok bool) {
	if v.table == nil {
		return 0, false
	}
	s, ok := v.table.Snapshot()
	return s.ID, ok
}

func (v *version) append(ctx context.Context, rows *define.Rows) (err error) {
	if len(rows.List) == 0 {
		return nil
	}
	sql, err := selectRows(rows, v.columns)
	if err != nil {
		return err
	}
	if v.in.table.Mode == define.Upsert && v.names(rows, v.key()) {
		if err := v.once(ctx, rows, "("+sql+")"); err != nil {
			return err
		}
	}
	v.add, err = v.f.session.Stage(ctx, job.Write{SQL: sql, Columns: v.columns, Dir: v.stage.Dir(), Prefix: "given"}, v.ids, nil)
	v.counts.Inserted = int64(len(rows.List))
	return err
}
