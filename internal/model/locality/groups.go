package locality

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model/boundplan"
)

// Groups gives the groups that a row of an input belongs to. by are places of output columns, 0-based. Each item of the answer
// is for one place at which the query reads the input, and holds an expression for each column of by, over the input's
// columns (boundplan.Input), such that an output row whose by columns are g depends on no row of the input whose expressions
// are not g (a null is equal to a null). So the groups touched by changed rows are the values of the expressions over their
// images before and after, for every item; and the output of these groups is the query's, filtered by them.
//
// The expressions say nothing of other inputs: where one of them changes, every group may.
func Groups(p *boundplan.Plan, table string, by []int) ([][]*boundplan.Expr, *Reason) {
	if !p.Root.Reads(table) {
		return nil, no("", "", "%s is not among what it reads", table)
	}
	t := &tracer{table: table}
	exprs := make([]*boundplan.Expr, len(by))
	for i, at := range by {
		exprs[i] = &boundplan.Expr{Class: boundplan.Ref, Index: at, Offset: -1}
	}
	if r := t.op(p.Root, exprs); r != nil {
		return nil, r
	}
	return t.found, nil
}

// SQL writes the expressions of one item of Groups, to be selected from the input's rows: SELECT … FROM changed. The text is
// bound again and compared with what was traced, so that it means the same; a Reason is the answer where it cannot be
// written.
func SQL(ctx context.Context, b boundplan.Binder, table string, item []*boundplan.Expr) ([]string, error) {
	texts := make([]string, len(item))
	again := make([]int, len(item))
	for i, e := range item {
		text, ok := e.SQL()
		if !ok {
			return nil, unwritten(i)
		}
		texts[i], again[i] = text, i
	}
	p, err := boundplan.Read(ctx, b, "SELECT "+strings.Join(texts, ", ")+" FROM "+job.QuoteTable(table))
	if fault.ClassOf(err) == fault.Usage {
		return nil, unwritten(0)
	}
	if err != nil {
		return nil, fmt.Errorf("write group columns of %s: %w", table, err)
	}
	items, r := Groups(p, table, again)
	if r != nil {
		return nil, r
	}
	for i, e := range item {
		if len(items) != 1 || !boundplan.Equal(e, items[0][i]) {
			return nil, unwritten(i)
		}
	}
	return texts, nil
}

func unwritten(i int) *Reason {
	return no("", "", "column %d of by is computed in a way that cannot be repeated for changed rows alone", i+1)
}

// tracer follows expressions from an operator's columns down to the input. That is how a filter on the output would be moved
// down to it, and what can stop such a filter stops it here.
type tracer struct {
	table string
	found [][]*boundplan.Expr
}

func (t *tracer) op(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	switch o.Type {
	case boundplan.Get:
		return t.get(o, es)
	case boundplan.Projection:
		return t.through(o, es, o.Expressions)
	case boundplan.Filter, boundplan.OrderBy:
		return t.down(o, mapped(es, o.Map))
	case boundplan.Unnest:
		return t.unnest(o, es)
	case boundplan.Window:
		return t.window(o, es)
	case boundplan.Aggregate:
		return t.aggregate(o, es)
	case boundplan.Distinct:
		if o.On && !determinedAll(es, o.Targets) {
			return no("distinct", "", "DISTINCT ON chooses between rows of several groups: it must name the columns of by")
		}
		return t.down(o, es)
	case boundplan.Union, boundplan.Except, boundplan.Intersect:
		for _, c := range o.Children {
			if c.Reads(t.table) {
				if r := t.op(c, es); r != nil {
					return r
				}
			}
		}
		return nil
	case boundplan.MaterializedCTE:
		return t.op(o.Children[1], es)
	case boundplan.CTERef:
		if o.CTE.Type == boundplan.RecursiveCTE {
			return recursion()
		}
		return t.op(o.CTE.Children[0], es)
	case boundplan.CrossProduct, boundplan.ComparisonJoin, boundplan.AnyJoin, boundplan.AsofJoin, boundplan.DelimJoin:
		return t.join(o, es)
	}
	return together(o)
}

func (t *tracer) down(o *boundplan.Op, es []*boundplan.Expr) *Reason { return t.op(o.Children[0], es) }

// get names the table's columns.
func (t *tracer) get(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	if len(o.Children) > 0 {
		return no("", o.Function, "%s() may look at several rows at once", o.Function)
	}
	columns := make([]*boundplan.Expr, len(o.Columns))
	for i, at := range o.Columns {
		if at >= 0 {
			columns[i] = &boundplan.Expr{Class: boundplan.Input, Name: o.Names[at], Offset: -1}
		}
	}
	out, r := replaceAll(es, columns)
	if r != nil {
		return r
	}
	t.found = append(t.found, out)
	return nil
}

// through replaces references to an operator's columns by what computes them.
func (t *tracer) through(o *boundplan.Op, es, columns []*boundplan.Expr) *Reason {
	out, r := replaceAll(es, columns)
	if r != nil {
		return r
	}
	return t.down(o, out)
}

func (t *tracer) unnest(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	n, err := o.Children[0].Width()
	if err != nil {
		return no("", "", "%s", err)
	}
	if highest(es) >= n {
		return no("unnest", "unnest", "a column of by is computed by unnest(), so that a row belongs to several groups")
	}
	return t.down(o, es)
}

func (t *tracer) window(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	n, err := o.Children[0].Width()
	if err != nil {
		return no("", "", "%s", err)
	}
	if at := highest(es) - n; at >= 0 && at < len(o.Expressions) {
		return no("window", called(o.Expressions[at]), "a column of by is computed by %s() OVER", called(o.Expressions[at]))
	}
	for _, w := range o.Expressions {
		if !determinedAll(es, w.Partitions) {
			return no("window", called(w), "%s() OVER looks at rows of several groups: PARTITION BY must name the columns of by", called(w))
		}
	}
	return t.down(o, es)
}

// aggregate lets grouped columns through where every grouping set has them.
func (t *tracer) aggregate(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	for _, at := range references(es) {
		if at >= len(o.Groups) {
			name := "grouping"
			if at -= len(o.Groups); at < len(o.Expressions) {
				name = called(o.Expressions[at])
			}
			return no("aggregate", name, "a column of by is computed by %s()", name)
		}
		for _, set := range o.GroupingSets {
			if !slices.Contains(set, at) {
				return no("group", "", "ROLLUP, CUBE and GROUPING SETS make rows of several groups: each set must hold the columns of by")
			}
		}
	}
	// A group's rows have the same columns of by, since these are computed from the keys of the group.
	return t.through(o, es, append(append([]*boundplan.Expr(nil), o.Groups...), make([]*boundplan.Expr, len(o.Expressions))...))
}

// mapped replaces references to columns that a projection map hands up.
func mapped(es []*boundplan.Expr, columns []int) []*boundplan.Expr {
	if len(columns) == 0 {
		return es
	}
	refs := make([]*boundplan.Expr, len(columns))
	for i, at := range columns {
		refs[i] = &boundplan.Expr{Class: boundplan.Ref, Index: at, Offset: -1}
	}
	out, _ := replaceAll(es, refs)
	return out
}
