package build

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/model/groups"
)

// Planner binds SQL against inputs without rows and gives its bound plan.
type Planner interface {
	Executor
	View(ctx context.Context, name, sql string) error
	DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error)
	PlanJSON(ctx context.Context, sql string) (string, error)
}

// stubTable is the empty table that stands for the driving input while a plan is looked at.
const stubTable = "__weir_input"

// Follow judges whether a table's SQL can be kept up the way its definition says, and gives for each column of by the expression
// over a row of the input that says in which group the row is counted. The inputs are views of the session by then; that of
// the driving one is left as an empty table with the given columns. The error is class usage and names the way out.
func Follow(ctx context.Context, s Planner, t *define.Table, input []job.Column, p job.Params) ([]groups.Key, error) {
	inc := t.Incremental
	cols := make([]string, len(input))
	for i, c := range input {
		cols[i] = job.Quote(c.Name) + " " + c.Type
	}
	if err := s.Exec(ctx, "CREATE OR REPLACE TABLE "+stubTable+" ("+strings.Join(cols, ", ")+")"); err != nil {
		return nil, fmt.Errorf("stand in for %s: %w", inc.Input, err)
	}
	if err := s.View(ctx, inc.Input, "SELECT * FROM "+stubTable); err != nil {
		return nil, fmt.Errorf("stand in for %s: %w", inc.Input, err)
	}
	sql := model.Bind(t.SQL, p)
	plan, err := s.PlanJSON(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.File, err)
	}
	if inc.RowLocal() {
		return nil, refusedLocal(inc, groups.Local(plan, stubTable))
	}
	if inc.Window != nil {
		return nil, nil
	}
	out, err := s.DescribeParams(ctx, sql, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.File, err)
	}
	by := make([]int, len(inc.By))
	for i, name := range inc.By {
		if by[i] = indexOf(out, name); by[i] < 0 {
			return nil, fault.New(fault.Usage, "incremental by: column %q is not among the SQL's%s", name, nearest(name, out))
		}
	}
	keys, err := groups.Keys(plan, stubTable, by)
	if err != nil {
		return nil, refusedBy(inc, err)
	}
	return keys, sameTypes(ctx, s, inc, keys, by, out)
}

func refusedLocal(inc *define.Incremental, err error) error {
	var refused *groups.Refused
	if !errors.As(err, &refused) {
		return err
	}
	return fault.New(fault.Usage, "incremental without by reads only new rows of %s, but %s", inc.Input, refused.Reason).
		WithHint("name the columns that group rows: incremental: { input: %s, by: [day] }", inc.Input)
}

func refusedBy(inc *define.Incremental, err error) error {
	var refused *groups.Refused
	if !errors.As(err, &refused) {
		return err
	}
	if col := (*groups.Column)(nil); errors.As(err, &col) {
		return fault.New(fault.Usage, "incremental by: column %q %s", inc.By[col.Index], refused.Reason).
			WithHint("by names columns that every GROUP BY, PARTITION BY and DISTINCT has, and that are expressions over a row of %s", inc.Input)
	}
	return fault.New(fault.Usage, "incremental by: %s", refused.Reason).
		WithHint("take incremental out, so that each build computes the whole table")
}

// sameTypes checks that the expressions mean what the columns do: it would show a plan that was misread.
func sameTypes(ctx context.Context, s Planner, inc *define.Incremental, keys []groups.Key, by []int, out []job.Column) error {
	for _, k := range keys {
		found, err := s.DescribeParams(ctx, "SELECT "+strings.Join(numbered(k.Exprs), ", ")+" FROM "+stubTable, nil)
		for i, c := range found {
			if err == nil && c.Type != out[by[i]].Type && !literalType(c.Type) {
				err = fmt.Errorf("its type is %s and not %s", c.Type, out[by[i]].Type)
			}
		}
		if err != nil {
			return fault.New(fault.Usage, "incremental by: the groups of a row of %s cannot be computed: %w", inc.Input, err).
				WithHint("take incremental out, so that each build computes the whole table")
		}
	}
	return nil
}

// literalType says whether a type is one that a bare null or number has before something is made of it.
func literalType(t string) bool { return t == `"NULL"` || t == "NULL" || t == "INTEGER" }

// numbered gives expressions names.
func numbered(exprs []string) []string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = fmt.Sprintf("%s AS k%d", e, i)
	}
	return out
}

// follow is Follow in a session of its own, with the columns the inputs have in the lake.
func (w *work) follow(ctx context.Context, tables map[string][]job.Column) (keys []groups.Key, err error) {
	s, err := w.b.Engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, in := range w.t.Inputs {
		if in.View == "" {
			if err := s.View(ctx, in.Name, emptySelect(tables[in.Name])); err != nil {
				return nil, err
			}
		}
	}
	later := CreateMacros(ctx, s, w.b.Macros)
	for _, in := range w.t.Inputs {
		if in.View == "" {
			continue
		}
		if err := s.View(ctx, in.Name, model.Bind(in.View, w.params())); err != nil {
			return nil, err
		}
		later = CreateMacros(ctx, s, later)
	}
	return Follow(ctx, s, w.t.Table, tables[w.t.Table.Incremental.Input], w.params())
}

func emptySelect(cols []job.Column) string {
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}
