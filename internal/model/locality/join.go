package locality

import "weir/internal/model/boundplan"

// join follows the columns of by into each side that reads the input.
func (t *tracer) join(o *boundplan.Op, es []*boundplan.Expr) *Reason {
	width, err := o.Children[0].Width()
	if err != nil {
		return no("", "", "%s", err)
	}
	if len(o.LeftMap)+len(o.RightMap) > 0 {
		return no("join", "", "this join hands up columns in an order that is not known here")
	}
	for i, c := range o.Children {
		if !c.Reads(t.table) {
			continue
		}
		s := side{o: o, left: i == 0, width: width}
		down, r := s.express(es, t.table)
		if r != nil {
			return r
		}
		if r := t.side(o, c, down); r != nil {
			return r
		}
	}
	return nil
}

// side goes on into one side, past the numbering of rows that DuckDB puts below a lateral join.
func (t *tracer) side(o, c *boundplan.Op, es []*boundplan.Expr) *Reason {
	if !numbered(o, c) {
		return t.op(c, es)
	}
	if n, err := c.Children[0].Width(); err != nil || highest(es) >= n {
		return no("join", "", "a column of by is a row's number")
	}
	return t.op(c.Children[0], es)
}

// side is one side of a join.
type side struct {
	o     *boundplan.Op
	left  bool
	width int // of the left side
}

// express writes expressions over a join's columns as expressions over the columns of one side. A row of that side must not
// matter to an output row for which they are different. That is so where the side keeps its rows and the expressions are its
// own, and where conditions make its columns equal to those of a side that keeps its rows.
func (s side) express(es []*boundplan.Expr, table string) ([]*boundplan.Expr, *Reason) {
	own, equal := keeps(s.o, s.left), s.bound()
	if !own && !equal {
		return nil, missing(s.o, table)
	}
	out := make([]*boundplan.Expr, len(es))
	for i, e := range es {
		out[i] = rewrite(e, func(x *boundplan.Expr) (*boundplan.Expr, bool) {
			if mine := s.mine(x); mine != nil && own {
				return mine, true
			}
			if twin := s.twin(x); twin != nil && equal {
				return twin, true
			}
			return nil, x.Class == boundplan.Ref
		})
		if out[i] == nil {
			return nil, s.foreign(own, table)
		}
	}
	return out, nil
}

func (s side) foreign(own bool, table string) *Reason {
	both := s.o.Children[0].Reads(table) && s.o.Children[1].Reads(table)
	switch {
	case both:
		return no("join", "", "%s is read twice, and joined with itself by other columns than those of by", table)
	case !own:
		return missing(s.o, table)
	}
	return no("join", "", "a column of by stems from another input, and no condition makes it equal to one of %s", table)
}

// mine is a reference to a column of the side, among its own columns.
func (s side) mine(x *boundplan.Expr) *boundplan.Expr {
	if x.Class != boundplan.Ref || s.left != (x.Index < s.width) {
		return nil
	}
	c := *x
	if !s.left {
		c.Index -= s.width
	}
	return &c
}

// bound says whether rows of the side matter only to rows of the other that conditions make equal to them.
func (s side) bound() bool {
	if s.o.Type != boundplan.ComparisonJoin && s.o.Type != boundplan.AsofJoin {
		return false
	}
	switch s.o.JoinType {
	case "INNER":
		return true
	case "LEFT", "SEMI", "ANTI":
		return !s.left
	case "RIGHT":
		return s.left
	}
	return false
}

// twin is the side's expression that a condition makes equal to one of the other side.
func (s side) twin(x *boundplan.Expr) *boundplan.Expr {
	moved := x
	if s.left {
		if lowest([]*boundplan.Expr{x}, -1) < s.width {
			return nil
		}
		moved = shifted([]*boundplan.Expr{x}, -s.width)[0]
	} else if n := highest([]*boundplan.Expr{x}); n < 0 || n >= s.width {
		return nil
	}
	if moved == nil {
		return nil
	}
	for _, c := range s.o.Conditions {
		if c.Comparison != "COMPARE_EQUAL" && c.Comparison != "COMPARE_NOT_DISTINCT_FROM" {
			continue
		}
		mine, other := c.Right, c.Left
		if s.left {
			mine, other = c.Left, c.Right
		}
		if sameAt(moved, other) && mine.Type().Exact() && other.Type().Exact() {
			return mine
		}
	}
	return nil
}
