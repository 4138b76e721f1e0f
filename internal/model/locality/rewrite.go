package locality

import (
	"slices"

	"weir/internal/model/boundplan"
)

// replaceAll gives expressions with their references replaced by the columns these stand for. A reference to a column that
// is nil, or is not there, is a reason to stop.
func replaceAll(es, columns []*boundplan.Expr) ([]*boundplan.Expr, *Reason) {
	out := make([]*boundplan.Expr, len(es))
	for i, e := range es {
		x := rewrite(e, func(e *boundplan.Expr) (*boundplan.Expr, bool) {
			if e.Class != boundplan.Ref {
				return nil, false
			}
			if e.Index < 0 || e.Index >= len(columns) {
				return nil, true
			}
			return columns[e.Index], true
		})
		if x == nil {
			return nil, no("", "", "a column of by does not stem from the input's columns")
		}
		out[i] = x
	}
	return out, nil
}

// rewrite copies an expression, with what with answers put in place of its parts; nil anywhere makes the whole nil. Windows,
// aggregates and unnesting, which belong to operators, are nil as well.
func rewrite(e *boundplan.Expr, with func(*boundplan.Expr) (*boundplan.Expr, bool)) *boundplan.Expr {
	if e == nil {
		return nil
	}
	if x, ok := with(e); ok {
		return x
	}
	switch e.Class {
	case boundplan.Aggregated, boundplan.Windowed, boundplan.Unnested:
		return nil
	}
	c := *e
	good := true
	list := func(es []*boundplan.Expr) []*boundplan.Expr {
		if len(es) == 0 {
			return nil
		}
		out := make([]*boundplan.Expr, len(es))
		for i, x := range es {
			out[i] = rewrite(x, with)
			good = good && out[i] != nil
		}
		return out
	}
	c.Children, c.When, c.Then = list(e.Children), list(e.When), list(e.Then)
	if e.Else != nil {
		c.Else = list([]*boundplan.Expr{e.Else})[0]
	}
	if !good {
		return nil
	}
	return &c
}

// determinedAll says whether equal values of keys mean equal values of all expressions.
func determinedAll(es, keys []*boundplan.Expr) bool {
	for _, e := range es {
		if !determined(e, keys) {
			return false
		}
	}
	return true
}

func determined(e *boundplan.Expr, keys []*boundplan.Expr) bool {
	for _, k := range keys {
		if sameAt(e, k) {
			return true
		}
	}
	switch e.Class {
	case boundplan.Ref, boundplan.Input, boundplan.Aggregated, boundplan.Windowed, boundplan.Unnested:
		return false
	}
	return !e.Lambda && determinedAll(e.Parts(), keys)
}

// sameAt compares two expressions over the same columns. A reference made here knows no type.
func sameAt(a, b *boundplan.Expr) bool {
	if a.Class == boundplan.Ref && b.Class == boundplan.Ref {
		return a.Index == b.Index
	}
	return boundplan.Equal(a, b)
}

// references are the columns that expressions refer to, in their order.
func references(es []*boundplan.Expr) (out []int) {
	for _, e := range es {
		e.Walk(func(x *boundplan.Expr) {
			if x.Class == boundplan.Ref {
				out = append(out, x.Index)
			}
		})
	}
	return out
}

// highest is the highest column that expressions refer to, -1 for none.
func highest(es []*boundplan.Expr) int {
	return slices.Max(append(references(es), -1))
}

// lowest is the lowest column that expressions refer to, none where there is none.
func lowest(es []*boundplan.Expr, none int) int {
	if all := references(es); len(all) > 0 {
		return slices.Min(all)
	}
	return none
}

// shifted moves references by a number of columns.
func shifted(es []*boundplan.Expr, by int) []*boundplan.Expr {
	out := make([]*boundplan.Expr, len(es))
	for i, e := range es {
		out[i] = rewrite(e, func(e *boundplan.Expr) (*boundplan.Expr, bool) {
			if e.Class != boundplan.Ref {
				return nil, false
			}
			c := *e
			c.Index += by
			return &c, true
		})
	}
	return out
}
