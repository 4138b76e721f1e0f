package lineage

import (
	"slices"

	"weir/internal/model/boundplan"
)

func (a *analysis) delimGet(o *boundplan.Op) (*flow, error) {
	columns, ok := a.outer[o.Outer]
	if !ok {
		return nil, unknown("a subquery reads an outer row that is not there")
	}
	out := &flow{rows: effects{}}
	for _, c := range columns {
		key := newColumn()
		key.take(c, Identity)
		key.fields, key.key = c.fields, true
		out.columns = append(out.columns, key)
	}
	return out, nil
}

// join puts two sides together. Where the right side is a subquery in an expression, what decides about its rows decides about
// its value alone; where it stands in FROM, about every row.
func (a *analysis) join(o *boundplan.Op) (*flow, error) {
	left, right, err := a.sides(o)
	if err != nil {
		return nil, err
	}
	conditions, err := a.conditions(o, left, right)
	if err != nil {
		return nil, err
	}
	out := &flow{rows: effects{}}
	out.rows.addAll(left.rows)
	kind := Join
	switch {
	case o.JoinType == "MARK":
		mark := newColumn()
		for _, c := range conditions {
			mark.take(c, Transformation)
		}
		out.columns = append(slices.Clone(left.columns), mark.with(right.rows))
		return out, nil
	case o.JoinType == "SINGLE" || oneRow(o.Children[1]):
		out.columns = slices.Clone(left.columns)
		value := effects{}
		value.addAll(right.rows)
		for _, c := range conditions {
			value.decide(c, Join)
		}
		for _, c := range right.columns {
			out.columns = append(out.columns, c.with(value))
		}
		return out, nil
	case o.JoinType == "SEMI" || o.JoinType == "ANTI":
		out.columns, kind = left.columns, Filter
	default:
		out.columns = slices.Concat(left.columns, right.columns)
	}
	out.rows.addAll(right.rows)
	for _, c := range conditions {
		out.rows.decide(c, kind)
	}
	return out, nil
}

// sides analyses both sides, the outer one of a correlated subquery first.
func (a *analysis) sides(o *boundplan.Op) (left, right *flow, err error) {
	if len(o.Children) != 2 || len(o.LeftMap)+len(o.RightMap) > 0 {
		return nil, nil, unknown("a join of %d parts with columns left out", len(o.Children))
	}
	outer, inner := 0, 1
	if o.DelimFlipped {
		outer, inner = 1, 0
	}
	var flows [2]*flow
	if flows[outer], err = a.side(o, outer); err != nil {
		return nil, nil, err
	}
	if o.Type == boundplan.DelimJoin {
		if a.outer[o], err = a.exprs(o.DelimColumns, flows[outer].columns); err != nil {
			return nil, nil, err
		}
	}
	if flows[inner], err = a.side(o, inner); err != nil {
		return nil, nil, err
	}
	return flows[0], flows[1], nil
}

// side analyses one side. A filter right below a join is what ON asks of that side alone.
func (a *analysis) side(o *boundplan.Op, i int) (*flow, error) {
	c := o.Children[i]
	on := o.Type == boundplan.ComparisonJoin || o.Type == boundplan.AnyJoin || o.Type == boundplan.AsofJoin
	if !on || c.Type != boundplan.Filter || o.JoinType == "MARK" || o.JoinType == "SINGLE" {
		return a.op(c)
	}
	in, err := a.op(c.Children[0])
	if err != nil {
		return nil, err
	}
	kind := Join
	if o.JoinType == "SEMI" || o.JoinType == "ANTI" {
		kind = Filter
	}
	return a.deciding(in, c.Expressions, kind, c.Map)
}

// conditions are what a join compares, but for the outer row's columns, by which DuckDB finds the row again that it has asked
// a subquery for.
func (a *analysis) conditions(o *boundplan.Op, left, right *flow) (out []*column, err error) {
	for _, c := range o.Conditions {
		l, err := a.expr(c.Left, left.columns)
		if err != nil {
			return nil, err
		}
		r, err := a.expr(c.Right, right.columns)
		if err != nil {
			return nil, err
		}
		if c.Comparison == "COMPARE_NOT_DISTINCT_FROM" && (o.Type == boundplan.DelimJoin || l.key || r.key) {
			continue
		}
		out = append(out, l, r)
	}
	if o.Condition == nil {
		return out, nil
	}
	c, err := a.expr(o.Condition, slices.Concat(left.columns, right.columns))
	return append(out, c), err
}

// oneRow says whether an operator is a subquery in an expression that asks nothing of the row around it.
func oneRow(o *boundplan.Op) bool {
	return o.Type == boundplan.Projection && len(o.Children) == 1 && o.Children[0].OneRow
}

// filter decides about rows. What compares two relations that only stand side by side, as in FROM a, b WHERE a.x = b.y, is
// what a join says with ON.
func (a *analysis) filter(o *boundplan.Op, in *flow) (*flow, error) {
	relations := beside(o.Children[0], nil)
	var joins, filters []*boundplan.Expr
	for _, e := range o.Expressions {
		if e.Class == boundplan.Comparison && len(e.Children) == 2 && apart(e.Children[0], e.Children[1], relations) {
			joins = append(joins, e)
			continue
		}
		filters = append(filters, e)
	}
	f, err := a.deciding(in, joins, Join, nil)
	if err != nil {
		return nil, err
	}
	return a.deciding(f, filters, Filter, o.Map)
}

// beside gives for each column of an operator the number of the relation in FROM that it belongs to, -1 for the answer of a
// subquery.
func beside(o *boundplan.Op, out []int) []int {
	n, err := o.Width()
	if err != nil {
		return out
	}
	end, relation := len(out)+n, -1
	answers := o.JoinType == "MARK" || o.JoinType == "SINGLE"
	switch {
	case o.Type == boundplan.CrossProduct && !oneRow(o.Children[1]):
		return beside(o.Children[1], beside(o.Children[0], out))
	case o.Type == boundplan.CrossProduct || answers:
		out = beside(o.Children[0], out)
	default:
		relation = slices.Max(append(slices.Clone(out), -1)) + 1
	}
	for len(out) < end {
		out = append(out, relation)
	}
	return out
}

// apart says whether two expressions speak of different relations.
func apart(x, y *boundplan.Expr, relations []int) bool {
	of := func(e *boundplan.Expr) (int, bool) {
		found, one := -1, true
		e.Walk(func(e *boundplan.Expr) {
			if e.Class != boundplan.Ref || e.Index >= len(relations) {
				return
			}
			one = one && relations[e.Index] >= 0 && (found < 0 || found == relations[e.Index])
			found = relations[e.Index]
		})
		return found, one && found >= 0
	}
	a, ok := of(x)
	b, fine := of(y)
	return ok && fine && a != b
}
