package lineage

import (
	"slices"

	"weir/internal/model/boundplan"
)

// analysis goes through one plan.
type analysis struct {
	ctes  map[*boundplan.Op]*flow
	outer map[*boundplan.Op][]*column // of a delim join: the outer row's columns that its subquery asks for
}

// flow is what an operator gives: its columns, and what decided which rows there are.
type flow struct {
	columns []*column
	rows    effects
}

func (a *analysis) op(o *boundplan.Op) (*flow, error) {
	switch o.Type {
	case boundplan.Get:
		return a.get(o)
	case boundplan.DummyScan, boundplan.EmptyResult:
		return &flow{[]*column{newColumn()}, effects{}}, nil
	case boundplan.Values:
		return a.values(o)
	case boundplan.DelimGet:
		return a.delimGet(o)
	case boundplan.CTERef:
		return a.reference(o)
	case boundplan.MaterializedCTE:
		f, err := a.op(o.Children[0])
		if err != nil {
			return nil, err
		}
		a.ctes[o] = f
		return a.op(o.Children[1])
	case boundplan.RecursiveCTE:
		return a.recursive(o)
	case boundplan.Union, boundplan.Except, boundplan.Intersect:
		return a.sets(o)
	case boundplan.CrossProduct, boundplan.PositionalJoin, boundplan.ComparisonJoin, boundplan.AnyJoin, boundplan.AsofJoin, boundplan.DelimJoin:
		return a.join(o)
	}
	if len(o.Children) != 1 {
		return nil, unknown("operator %s is not known", o.Type)
	}
	in, err := a.op(o.Children[0])
	if err != nil {
		return nil, err
	}
	return a.unary(o, in)
}

// unary are operators over one other.
func (a *analysis) unary(o *boundplan.Op, in *flow) (*flow, error) {
	switch o.Type {
	case boundplan.Limit, boundplan.Sample:
		return in, nil
	case boundplan.Projection:
		columns, err := a.exprs(o.Expressions, in.columns)
		return &flow{columns, in.rows}, err
	case boundplan.Window:
		more, err := a.exprs(o.Expressions, in.columns)
		return &flow{slices.Concat(in.columns, more), in.rows}, err
	case boundplan.Unnest:
		return a.unnest(o, in)
	case boundplan.Filter:
		return a.filter(o, in)
	case boundplan.Aggregate:
		return a.aggregate(o, in)
	case boundplan.OrderBy, boundplan.TopN:
		terms := make([]*boundplan.Expr, len(o.Orders))
		for i, t := range o.Orders {
			terms[i] = t.Expression
		}
		return a.deciding(in, terms, Sort, o.Map)
	case boundplan.Distinct:
		if !o.On {
			return in, nil
		}
		return a.deciding(in, o.Targets, GroupBy, nil)
	}
	return nil, unknown("operator %s is not known", o.Type)
}

// unnest joins each row with the elements of its lists, which so decide how often it comes.
func (a *analysis) unnest(o *boundplan.Op, in *flow) (*flow, error) {
	more, err := a.exprs(o.Expressions, in.columns)
	if err != nil {
		return nil, err
	}
	out := &flow{slices.Concat(in.columns, more), effects{}}
	out.rows.addAll(in.rows)
	for _, c := range more {
		out.rows.decide(c, Join)
	}
	return out, nil
}

// deciding adds expressions that decide about rows.
func (a *analysis) deciding(in *flow, es []*boundplan.Expr, kind Kind, columns []int) (*flow, error) {
	found, err := a.exprs(es, in.columns)
	if err != nil {
		return nil, err
	}
	out := &flow{in.columns, effects{}}
	out.rows.addAll(in.rows)
	for _, c := range found {
		out.rows.decide(c, kind)
	}
	if len(columns) > 0 {
		out.columns = nil
		for _, at := range columns {
			out.columns = append(out.columns, in.columns[at])
		}
	}
	return out, nil
}

func (a *analysis) get(o *boundplan.Op) (*flow, error) {
	out := &flow{rows: effects{}}
	if len(o.Children) == 1 {
		return a.tableFunction(o)
	}
	for _, at := range o.Columns {
		c := newColumn()
		if table := o.Table(); at >= 0 && table != "" {
			c.direct[place{table, o.Names[at], ""}] = Identity
		}
		out.columns = append(out.columns, c)
	}
	return out, nil
}

// tableFunction makes rows of each row of its child; what of the child is passed on comes after its own columns.
func (a *analysis) tableFunction(o *boundplan.Op) (*flow, error) {
	in, err := a.op(o.Children[0])
	if err != nil {
		return nil, err
	}
	made := newColumn()
	out := &flow{rows: effects{}}
	out.rows.addAll(in.rows)
	for i, c := range in.columns {
		if !slices.Contains(o.PassedOn, i) {
			made.take(c, Transformation)
			out.rows.decide(c, Join)
		}
	}
	for range o.Columns {
		out.columns = append(out.columns, made)
	}
	for _, at := range o.PassedOn {
		if at >= len(in.columns) {
			return nil, unknown("column %d of %d", at, len(in.columns))
		}
		out.columns = append(out.columns, in.columns[at])
	}
	return out, nil
}

func (a *analysis) values(o *boundplan.Op) (*flow, error) {
	in := &flow{rows: effects{}}
	if len(o.Children) == 1 {
		var err error
		if in, err = a.op(o.Children[0]); err != nil {
			return nil, err
		}
	}
	out := &flow{rows: in.rows}
	for _, row := range o.Rows {
		columns, err := a.exprs(row, in.columns)
		if err != nil {
			return nil, err
		}
		for i, c := range columns {
			if i == len(out.columns) {
				out.columns = append(out.columns, newColumn())
			}
			out.columns[i] = merged(out.columns[i], c)
		}
	}
	return out, nil
}

func (a *analysis) aggregate(o *boundplan.Op, in *flow) (*flow, error) {
	if o.OneRow {
		return a.oneRow(o, in)
	}
	groups, err := a.exprs(o.Groups, in.columns)
	if err != nil {
		return nil, err
	}
	out := &flow{slices.Clone(groups), effects{}}
	out.rows.addAll(in.rows)
	for _, g := range groups {
		if !g.key {
			out.rows.decide(g, GroupBy)
		}
	}
	values, err := a.exprs(o.Expressions, in.columns)
	if err != nil {
		return nil, err
	}
	out.columns = append(out.columns, values...)
	for range o.GroupingFunctions {
		out.columns = append(out.columns, newColumn()) // which grouping set a row is of
	}
	return out, nil
}

// oneRow is DuckDB's check that a subquery gives one row: its value stays what it is.
func (a *analysis) oneRow(o *boundplan.Op, in *flow) (*flow, error) {
	out := &flow{rows: in.rows}
	for _, e := range o.Expressions {
		c := newColumn()
		if e.Name == "first" && len(e.Children) == 1 {
			var err error
			if c, err = a.expr(e.Children[0], in.columns); err != nil {
				return nil, err
			}
		}
		out.columns = append(out.columns, c)
	}
	return out, nil
}

// sets merges the branches of a UNION column by column; EXCEPT and INTERSECT keep the first branch and ask the others.
func (a *analysis) sets(o *boundplan.Op) (*flow, error) {
	out := &flow{rows: effects{}}
	for i, child := range o.Children {
		f, err := a.op(child)
		if err != nil {
			return nil, err
		}
		out.rows.addAll(f.rows)
		for j, c := range f.columns {
			switch {
			case i == 0:
				out.columns = append(out.columns, c)
			case j >= len(out.columns):
				return nil, unknown("branches of %d and %d columns", len(out.columns), len(f.columns))
			case o.Type == boundplan.Union:
				out.columns[j] = merged(out.columns[j], c)
			default:
				out.rows.decide(c, Filter)
			}
		}
	}
	return out, nil
}

func (a *analysis) reference(o *boundplan.Op) (*flow, error) {
	f := a.ctes[o.CTE]
	if f == nil {
		return nil, unknown("a CTE is read before it is there")
	}
	// A reference has columns of its own slice, and the rows of the CTE.
	return &flow{slices.Clone(f.columns), f.rows}, nil
}

// recursive goes round until nothing is added: places and kinds are finite.
func (a *analysis) recursive(o *boundplan.Op) (*flow, error) {
	start, err := a.op(o.Children[0])
	if err != nil {
		return nil, err
	}
	all := &flow{slices.Clone(start.columns), effects{}}
	all.rows.addAll(start.rows)
	for size := -1; size != weight(all); {
		size = weight(all)
		a.ctes[o] = all
		step, err := a.op(o.Children[1])
		if err != nil {
			return nil, err
		}
		if len(step.columns) != len(all.columns) {
			return nil, unknown("branches of %d and %d columns", len(all.columns), len(step.columns))
		}
		next := &flow{rows: effects{}}
		next.rows.addAll(all.rows)
		next.rows.addAll(step.rows)
		for i, c := range step.columns {
			next.columns = append(next.columns, merged(all.columns[i], c))
		}
		all = next
	}
	a.ctes[o] = all
	return all, nil
}

// weight grows with all that can be added to a flow.
func weight(f *flow) int {
	n := len(f.rows)
	for _, c := range f.columns {
		n += len(c.aside)
		for _, k := range c.direct {
			n += strength[k]
		}
	}
	return n
}
