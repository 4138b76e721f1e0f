package cases

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
)

// Fitter looks whether values fit their types, by having the engine stage them: all values of one type at once, and halves
// of them where that fails.
type Fitter struct {
	Session engine.Session
	Dir     string // a folder for files that are not kept
	byType  map[string][]define.Cell
}

// add takes the values of rows whose columns are known.
func (f *Fitter) add(rows *define.Rows, columns []job.Column) {
	if rows == nil {
		return
	}
	if f.byType == nil {
		f.byType = map[string][]define.Cell{}
	}
	for _, row := range rows.List {
		for _, cell := range row.Cells {
			if i := find(columns, cell.Column); i >= 0 && !cell.IsNull() {
				f.byType[columns[i].Type] = append(f.byType[columns[i].Type], cell)
			}
		}
	}
}

func (f *Fitter) check(ctx context.Context) ([]project.Problem, error) {
	types := make([]string, 0, len(f.byType))
	for typ := range f.byType {
		types = append(types, typ)
	}
	sort.Strings(types)
	defer os.RemoveAll(filepath.Join(f.Dir, "fit"))
	var problems []project.Problem
	for _, typ := range types {
		found, err := f.misfits(ctx, f.byType[typ], typ)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	f.byType = nil
	return problems, nil
}

// misfits finds the values that do not fit.
func (f *Fitter) misfits(ctx context.Context, cells []define.Cell, typ string) ([]project.Problem, error) {
	err := f.stage(ctx, cells, typ)
	switch {
	case err == nil:
		return nil, nil
	case !errors.Is(err, errNotJSON) && fault.ClassOf(err) != fault.Data && fault.ClassOf(err) != fault.Usage:
		return nil, err
	case len(cells) == 1:
		return []project.Problem{misfit(cells[0], typ, err)}, nil
	}
	half := len(cells) / 2
	left, err := f.misfits(ctx, cells[:half], typ)
	if err != nil {
		return nil, err
	}
	right, err := f.misfits(ctx, cells[half:], typ)
	return append(left, right...), err
}

func misfit(c define.Cell, typ string, err error) project.Problem {
	p := c.Problem("column %q: %s is not %s", c.Column, c.Describe(), strings.ToLower(typ))
	switch {
	case errors.Is(err, errNotJSON):
		return p.WithHint("%v", err)
	case strings.Contains(typ, "STRUCT"):
		return p.WithHint("a struct names all of its members, with null for those that have no value")
	}
	return p
}

func (f *Fitter) stage(ctx context.Context, cells []define.Cell, typ string) error {
	rows := &define.Rows{}
	for _, c := range cells {
		rows.List = append(rows.List, define.Row{Cells: []define.Cell{{Node: c.Node, Column: "value"}}})
	}
	columns := []job.Column{{Name: "value", Type: typ}}
	sql, err := selectRows(rows, columns)
	if err != nil {
		return err
	}
	_, err = f.Session.Stage(ctx, job.Write{SQL: sql, Columns: columns, Dir: filepath.Join(f.Dir, "fit"), Prefix: "values"}, "", nil)
	return err
}
