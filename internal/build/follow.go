package build

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/model"
	"weir/internal/model/boundplan"
	"weir/internal/model/locality"
)

// Planner binds SQL against inputs that are empty tables of their names, and gives its bound plan.
type Planner interface {
	boundplan.Binder
	DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error)
}

// Key tells the group of a row of the driving input. The SQL may read the input at several places, each with a key of its own.
type Key struct {
	Exprs []string         // SQL over the row's columns, one for each column of by
	Order []locality.Order // the column that an expression follows in order; Column is "" for none
}

// Follow judges whether a table's SQL can be kept up the way its definition says, and gives the keys of a grouped one. An error
// of class usage says why not and names the way out; it holds a *locality.Reason where a place in the SQL is the cause.
func Follow(ctx context.Context, s Planner, t *define.Table, p job.Params) ([]Key, error) {
	inc := t.Incremental
	if inc.Window != nil {
		return nil, nil // what is computed again is bounded by the SQL itself
	}
	plan, err := boundplan.Read(ctx, s, model.Bind(t.SQL, p))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.File, err)
	}
	if inc.RowLocal() {
		if reason := locality.RowLocal(plan, inc.Input); reason != nil {
			return nil, fault.New(fault.Usage, "incremental without by reads only new rows of %s, but %w", inc.Input, reason).
				WithHint("name the columns that group rows, such as incremental: { input: %s, by: [day] }", inc.Input)
		}
		return nil, nil
	}
	out, err := s.DescribeParams(ctx, t.SQL, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.File, err)
	}
	by := make([]int, len(inc.By))
	for i, name := range inc.By {
		if by[i] = indexOf(out, name); by[i] < 0 {
			return nil, fault.New(fault.Usage, "incremental by: column %q is not in %s%s", name, t.Name, nearest(name, out))
		}
	}
	items, reason := locality.Groups(plan, inc.Input, by)
	if reason != nil {
		return nil, refusedBy(inc, reason)
	}
	return keysOf(ctx, s, inc, items)
}

func refusedBy(inc *define.Incremental, reason *locality.Reason) error {
	return fault.New(fault.Usage, "incremental by cannot tell the groups of a changed row of %s: %w", inc.Input, reason).
		WithHint("by names columns that are expressions over a row of %s and that every GROUP BY, PARTITION BY and DISTINCT ON has; without incremental each build computes the whole table", inc.Input)
}

func keysOf(ctx context.Context, s Planner, inc *define.Incremental, items [][]*boundplan.Expr) ([]Key, error) {
	var keys []Key
	for _, item := range items {
		texts, err := locality.SQL(ctx, s, inc.Input, item)
		var reason *locality.Reason
		if errors.As(err, &reason) {
			return nil, refusedBy(inc, reason)
		}
		if err != nil {
			return nil, err
		}
		k := Key{Exprs: texts, Order: make([]locality.Order, len(item))}
		for i, e := range item {
			if o, ok := locality.OrderOf(e); ok {
				k.Order[i] = o
			}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// follow is Follow with the columns the inputs have in the lake.
func (w *work) follow(ctx context.Context, tables map[string]*lake.Table) (keys []Key, err error) {
	s, err := w.b.Shadow(ctx, w.t, tables)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return Follow(ctx, s, w.t.Table, w.params())
}

func emptySelect(cols []job.Column) string {
	w := work{columns: cols}
	return w.readStaged(nil)
}
