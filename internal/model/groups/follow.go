package groups

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/job"
)

// Key tells the group of a row of the driving table. The table may be read at several places of a query, each with a Key of
// its own; a changed row touches the groups that any of them gives.
type Key struct {
	Exprs   []string // SQL over the row's columns, one for each grouping column
	Columns []Source // where an expression follows the order of one column, which; Column is "" else
}

// Source is the column an expression follows in order: a larger value of the column never has a smaller value of the
// expression, up to Unit.
type Source struct {
	Column string
	Unit   string // "" for the column itself; day, month … for a date or a time cut to that
}

// Refused says why the groups of a query do not follow from the driving table's rows.
type Refused struct {
	Reason string
}

// Error gives the reason.
func (r *Refused) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// Keys finds for the grouping columns, by their place in the output, the expressions that say in which group a row of the
// driving table is counted. It holds that the rows of a group follow from just those rows of the driving table whose
// expressions have the group's values, whatever the others are, and from other tables. The error is Refused where that is not
// certain. table is the name of the empty table that stands for the driving table in the plan.
func Keys(plan, table string, by []int) ([]Key, error) {
	root, err := readPlan(plan)
	if err != nil {
		return nil, err
	}
	f := &follower{table: table, ctes: map[int]*node{}}
	f.collect(root)
	if !f.driven(root) {
		return nil, refuse("the SQL does not read the input")
	}
	exprs := make([]*expr, len(by))
	for i, col := range by {
		exprs[i] = &expr{Class: "BOUND_REF", Index: col}
	}
	if err := f.down(root, exprs); err != nil {
		return nil, err
	}
	return f.keys, nil
}

// follower carries expressions over the grouping columns from the top of a plan down to the driving table.
type follower struct {
	table string
	ctes  map[int]*node
	keys  []Key
}

func (f *follower) collect(n *node) {
	if n.Type == "LOGICAL_MATERIALIZED_CTE" && len(n.Children) == 2 {
		f.ctes[n.TableIndex] = n.Children[0]
	}
	for _, c := range n.Children {
		f.collect(c)
	}
}

// driven says whether the driving table's rows reach an operator.
func (f *follower) driven(n *node) bool {
	switch n.Type {
	case "LOGICAL_GET":
		return n.Function.Table == f.table
	case "LOGICAL_CTE_REF":
		def := f.ctes[n.CTEIndex]
		return def == nil || n.Recurring || f.driven(def)
	case "LOGICAL_MATERIALIZED_CTE":
		return len(n.Children) == 2 && f.driven(n.Children[1])
	}
	return slices.ContainsFunc(n.Children, f.driven)
}

// down carries expressions over an operator's columns into what it reads.
func (f *follower) down(n *node, by []*expr) error {
	switch n.Type {
	case "LOGICAL_GET":
		return f.row(n, by)
	case "LOGICAL_FILTER", "LOGICAL_ORDER_BY":
		return f.only(n, by)
	case "LOGICAL_PROJECTION":
		next, err := through(by, func(col int) *expr { return at(n.Expressions, col) })
		if err != nil {
			return err
		}
		return f.only(n, next)
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return f.aggregate(n, by)
	case "LOGICAL_WINDOW":
		return f.window(n, by)
	case "LOGICAL_DISTINCT":
		return f.distinct(n, by)
	case "LOGICAL_UNNEST":
		return f.unnest(n, by)
	case "LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT":
		return f.each(n, by)
	case "LOGICAL_MATERIALIZED_CTE":
		return f.down(n.Children[1], by)
	case "LOGICAL_CTE_REF":
		def := f.ctes[n.CTEIndex]
		if def == nil || n.Recurring {
			return refuse("a recursive WITH mixes rows of the input")
		}
		return f.down(def, by)
	case "LOGICAL_CROSS_PRODUCT", "LOGICAL_COMPARISON_JOIN", "LOGICAL_DELIM_JOIN", "LOGICAL_ANY_JOIN", "LOGICAL_ASOF_JOIN":
		return f.join(n, by)
	case "LOGICAL_LIMIT", "LOGICAL_TOP_N":
		return refuse("LIMIT takes rows of the whole result")
	case "LOGICAL_SAMPLE":
		return refuse("a sample takes rows of the whole result")
	case "LOGICAL_RECURSIVE_CTE":
		return refuse("a recursive WITH mixes rows of the input")
	}
	return refuse("it has a step that is not known here (%s)", strings.ToLower(strings.TrimPrefix(n.Type, "LOGICAL_")))
}

func at(es []*expr, i int) *expr {
	if i < 0 || i >= len(es) {
		return nil
	}
	return es[i]
}

// through replaces the columns of all expressions.
func through(by []*expr, with func(col int) *expr) ([]*expr, error) {
	next := make([]*expr, len(by))
	for i, e := range by {
		if next[i] = e.replaced(with); next[i] == nil {
			return nil, blame(i, "is no plain expression over the input's columns")
		}
	}
	return next, nil
}

// blame refuses the i-th grouping column.
func blame(i int, format string, args ...any) error {
	return &Column{Index: i, Refused: Refused{fmt.Sprintf(format, args...)}}
}

// Column is a reason that lies with one grouping column. Index is its place among those asked for.
type Column struct {
	Index int
	Refused
}

// Unwrap gives the reason as Refused.
func (c *Column) Unwrap() error { return &c.Refused }

func (f *follower) only(n *node, by []*expr) error {
	if len(n.Children) != 1 {
		return refuse("it has a step that is not known here (%s)", n.Type)
	}
	return f.down(n.Children[0], by)
}

// each goes into every side that the driving table reaches; rows of two sides meet, if at all, only where they are equal.
func (f *follower) each(n *node, by []*expr) error {
	for _, c := range n.Children {
		if !f.driven(c) {
			continue
		}
		if err := f.down(c, by); err != nil {
			return err
		}
	}
	return nil
}

// aggregate holds where the grouping columns follow from the columns it groups by.
func (f *follower) aggregate(n *node, by []*expr) error {
	if len(n.Sets) > 1 || len(n.Sets) == 1 && len(n.Sets[0]) != len(n.Groups) {
		return refuse("ROLLUP, CUBE and GROUPING SETS count a row in several groups")
	}
	next, err := f.below(by, func(col int) *expr { return at(n.Groups, col) },
		func(i int) error { return blame(i, "is not among the columns that an aggregate groups by") })
	if err != nil {
		return err
	}
	return f.only(n, next)
}

// below is through with an error of its own.
func (f *follower) below(by []*expr, with func(col int) *expr, fail func(i int) error) ([]*expr, error) {
	next := make([]*expr, len(by))
	for i, e := range by {
		if next[i] = e.replaced(with); next[i] == nil {
			return nil, fail(i)
		}
	}
	return next, nil
}

// window holds where every window stays inside one group.
func (f *follower) window(n *node, by []*expr) error {
	width := n.over(0, 0)
	next, err := f.below(by, func(col int) *expr {
		if col >= width {
			return nil
		}
		return &expr{Class: "BOUND_REF", Index: col}
	}, func(i int) error { return blame(i, "is the result of a window function") })
	if err != nil {
		return err
	}
	for i, e := range next {
		for _, w := range n.Expressions {
			if !e.determined(w.Parts) {
				return blame(i, "is not in the PARTITION BY of a window function, which so reads rows of several groups")
			}
		}
	}
	return f.only(n, next)
}

func (f *follower) distinct(n *node, by []*expr) error {
	for i, e := range by {
		if !e.determined(n.Targets) {
			return blame(i, "is not among the columns of DISTINCT ON")
		}
	}
	return f.only(n, by)
}

func (f *follower) unnest(n *node, by []*expr) error {
	width := n.over(0, 0)
	for i, e := range by {
		cols, known := e.refs()
		if !known || slices.ContainsFunc(cols, func(c int) bool { return c >= width }) {
			return blame(i, "is taken out of a list by unnest")
		}
	}
	return f.only(n, by)
}

// row ends at the driving table.
func (f *follower) row(n *node, by []*expr) error {
	k := Key{Exprs: make([]string, len(by)), Columns: make([]Source, len(by))}
	name := func(col int) string {
		if len(n.Columns) > 0 {
			col = n.Columns[min(col, len(n.Columns)-1)].Index
		}
		if col < 0 || col >= len(n.Names) {
			return ""
		}
		return n.Names[col]
	}
	for i, e := range by {
		text, ok := e.text(func(col int) string { return job.Quote(name(col)) })
		cols, _ := e.refs()
		if !ok || slices.ContainsFunc(cols, func(c int) bool { return name(c) == "" }) {
			return blame(i, "is no plain expression over the input's columns")
		}
		k.Exprs[i] = text
		if col, unit, ok := e.ordered(); ok {
			k.Columns[i] = Source{Column: name(col), Unit: unit}
		}
	}
	if !slices.ContainsFunc(f.keys, func(o Key) bool { return slices.Equal(o.Exprs, k.Exprs) }) {
		f.keys = append(f.keys, k)
	}
	return nil
}

// ordered finds the column whose order an expression follows.
func (e *expr) ordered() (col int, unit string, ok bool) {
	switch {
	case e.Class == "BOUND_REF":
		return e.Index, "", true
	case e.Class == "BOUND_CAST" && e.Return.ID == "DATE" && e.Child.Class == "BOUND_REF" && strings.HasPrefix(e.Child.Return.ID, "TIMESTAMP"):
		return e.Child.Index, "day", true
	case e.Class == "BOUND_CAST" && strings.HasPrefix(e.Return.ID, "TIMESTAMP") || e.Class == "BOUND_CAST" && e.Return.ID == "DATE":
		col, unit, ok := e.Child.ordered()
		return col, unit, ok && unit != ""
	case e.Class == "BOUND_FUNCTION" && (e.Name == "date_trunc" || e.Name == "datetrunc") && len(e.Children) == 2:
		var u string
		if e.Children[0].Class != "BOUND_CONSTANT" || !cuts[unquoted(e.Children[0].Value, &u)] {
			return 0, "", false
		}
		col, inner, ok := e.Children[1].ordered()
		if inner != "" {
			return 0, "", false
		}
		return col, u, ok && strings.HasPrefix(e.Children[1].typeID(), "TIMESTAMP")
	}
	return 0, "", false
}

func (e *expr) typeID() string { return e.Return.ID }

// cuts are what date_trunc may cut to.
var cuts = map[string]bool{"hour": true, "day": true, "week": true, "month": true, "quarter": true, "year": true}
