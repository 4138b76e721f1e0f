// Package locality judges from the bound plan of a SQL table what of it changes with rows of one of its inputs: whether each
// new row yields its own rows and nothing else (RowLocal), and which groups a changed row belongs to (Groups). An incremental
// build rests on these judgements, so what is not proven is refused, with the reason.
package locality

import (
	"fmt"
	"strings"

	"weir/internal/model/boundplan"
)

// Reason says why a judgement is no. Its place in the SQL is that of model.Statement.Find(Mark, Name); where that finds
// nothing the cause stands in a view or a macro.
type Reason struct {
	Text string // "sum() puts rows together"
	Mark string // the kind of model.Mark, "" where it has no place
	Name string // of the function, lower case
}

func (r *Reason) Error() string { return r.Text }

func no(mark, name, format string, args ...any) *Reason {
	return &Reason{Text: fmt.Sprintf(format, args...), Mark: mark, Name: name}
}

// RowLocal says why a query is not row-local in an input, nil where it is: its result over the rows a and b of the input
// together is that over a and that over b, and nothing over no rows. Then the result over the new rows alone is what they add
// to the table. A join is row-local in the input whose rows it keeps or matches one by one, as long as the other side stays.
// table is the input's dotted name; views must be views of the binder, so that the plan holds what they read.
func RowLocal(p *boundplan.Plan, table string) *Reason {
	if !p.Root.Reads(table) {
		return no("", "", "%s is not among what it reads", table)
	}
	l := &local{table: table}
	return l.op(p.Root)
}

type local struct{ table string }

// op judges an operator whose rows stem from the input.
func (l *local) op(o *boundplan.Op) *Reason {
	switch o.Type {
	case boundplan.Get:
		if len(o.Children) > 0 {
			return no("", o.Function, "%s() may look at several rows at once", o.Function)
		}
		return nil
	case boundplan.Projection, boundplan.Filter, boundplan.OrderBy, boundplan.Unnest:
		return l.op(o.Children[0])
	case boundplan.MaterializedCTE:
		return l.op(o.Children[1])
	case boundplan.CTERef:
		if o.CTE.Type == boundplan.RecursiveCTE {
			return recursion()
		}
		return l.op(o.CTE.Children[0])
	case boundplan.Union:
		return l.union(o)
	case boundplan.CrossProduct, boundplan.ComparisonJoin, boundplan.AnyJoin, boundplan.AsofJoin, boundplan.DelimJoin:
		return l.join(o)
	}
	return together(o)
}

// union needs every branch to stem from the input: the rows of another would be added again by every build.
func (l *local) union(o *boundplan.Op) *Reason {
	if !o.All {
		return no("union", "", "UNION leaves out rows that are there already")
	}
	for _, c := range o.Children {
		if !c.Reads(l.table) {
			return no("union", "", "UNION ALL adds rows that do not stem from %s, which would be added again by every build", l.table)
		}
		if r := l.op(c); r != nil {
			return r
		}
	}
	return nil
}

func (l *local) join(o *boundplan.Op) *Reason {
	left, right := o.Children[0].Reads(l.table), o.Children[1].Reads(l.table)
	if left && right {
		return no("join", "", "%s is read twice and joined with itself", l.table)
	}
	if !keeps(o, left) {
		return missing(o, l.table)
	}
	if left {
		return l.op(outer(o, o.Children[0]))
	}
	return l.op(outer(o, o.Children[1]))
}

// keeps says whether each row of one side of a join yields its own rows, whatever other rows that side has, and whether there
// are no rows without it.
func keeps(o *boundplan.Op, left bool) bool {
	if o.Type == boundplan.CrossProduct {
		return true
	}
	switch o.JoinType {
	case "INNER":
		// ASOF looks for the best match on the right; the inner side of a lateral join is asked once a row of the outer side.
		return left && !o.DelimFlipped || o.Type == boundplan.ComparisonJoin || o.Type == boundplan.AnyJoin || !left && o.DelimFlipped
	case "LEFT", "SEMI", "ANTI", "MARK", "SINGLE":
		return left && !o.DelimFlipped
	case "RIGHT":
		return !left && (o.DelimFlipped || o.Type != boundplan.DelimJoin && o.Type != boundplan.AsofJoin)
	}
	return false
}

// outer skips the numbering of rows that DuckDB itself puts below a lateral join, to tell equal rows apart. A person's own
// window stands below a projection.
func outer(o, side *boundplan.Op) *boundplan.Op {
	if numbered(o, side) {
		return side.Children[0]
	}
	return side
}

func numbered(o, side *boundplan.Op) bool {
	if o.Type != boundplan.DelimJoin || side.Type != boundplan.Window || len(side.Expressions) != 1 {
		return false
	}
	e := side.Expressions[0]
	return e.Kind == "WINDOW_ROW_NUMBER" && len(e.Partitions) == 0 && len(e.Orders) == 0 && e.Filter == nil
}

// missing explains a join that does not keep the input's rows.
func missing(o *boundplan.Op, table string) *Reason {
	switch {
	case o.JoinType == "OUTER" || o.JoinType == "FULL":
		return no("join", "", "FULL JOIN keeps rows of the other side that have no match yet in %s", table)
	case o.JoinType == "LEFT" || o.JoinType == "RIGHT": // DuckDB turns the one into the other
		return no("join", "", "an outer join keeps rows of the other side that have no match yet in %s", table)
	case o.Type == boundplan.DelimJoin, o.JoinType == "SEMI", o.JoinType == "ANTI", o.JoinType == "MARK", o.JoinType == "SINGLE":
		return no("subquery", "", "%s is read by a subquery, whose answer changes with its rows", table)
	case o.Type == boundplan.AsofJoin:
		return no("join", "", "ASOF JOIN looks for the nearest row of %s, which a new row may be", table)
	}
	return no("join", "", "%s JOIN is not known to take the rows of %s one by one", o.JoinType, table)
}

func recursion() *Reason {
	return no("recursive", "", "a recursive CTE builds rows of rows")
}

// together explains an operator that looks at several rows at once, or that is not known.
func together(o *boundplan.Op) *Reason {
	switch o.Type {
	case boundplan.Aggregate:
		if o.OneRow {
			return no("subquery", "", "the answer of a subquery changes with the rows it reads")
		}
		if len(o.Expressions) == 0 {
			return no("group", "", "GROUP BY puts rows together")
		}
		name := called(o.Expressions[0])
		return no("aggregate", name, "%s() puts rows together", name)
	case boundplan.Window:
		name := called(o.Expressions[0])
		return no("window", name, "%s() OVER looks at other rows", name)
	case boundplan.Distinct:
		return no("distinct", "", "DISTINCT leaves out rows that are there already")
	case boundplan.Limit, boundplan.TopN:
		return no("limit", "", "LIMIT counts rows")
	case boundplan.Sample:
		return no("", "", "a sample of rows differs from run to run")
	case boundplan.Except:
		return no("union", "", "EXCEPT compares rows with others")
	case boundplan.Intersect:
		return no("union", "", "INTERSECT compares rows with others")
	case boundplan.RecursiveCTE:
		return recursion()
	case boundplan.PositionalJoin:
		return no("join", "", "POSITIONAL JOIN puts rows together by their place")
	}
	return no("", "", "DuckDB's operator %s is not known to take rows one by one", strings.TrimPrefix(o.Type, "LOGICAL_"))
}

// called is a function's name as a person writes it.
func called(e *boundplan.Expr) string {
	switch {
	case e.Name == "count_star":
		return "count"
	case e.Name != "":
		return strings.ToLower(e.Name)
	}
	return strings.ToLower(strings.TrimPrefix(e.Kind, "WINDOW_"))
}
