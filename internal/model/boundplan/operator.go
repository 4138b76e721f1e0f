package boundplan

import (
	"fmt"
	"strings"
)

// The operators of a bound plan.
const (
	Get             = "LOGICAL_GET"
	Projection      = "LOGICAL_PROJECTION"
	Filter          = "LOGICAL_FILTER"
	Aggregate       = "LOGICAL_AGGREGATE_AND_GROUP_BY"
	Window          = "LOGICAL_WINDOW"
	Unnest          = "LOGICAL_UNNEST"
	CrossProduct    = "LOGICAL_CROSS_PRODUCT"
	PositionalJoin  = "LOGICAL_POSITIONAL_JOIN"
	ComparisonJoin  = "LOGICAL_COMPARISON_JOIN"
	AnyJoin         = "LOGICAL_ANY_JOIN"
	AsofJoin        = "LOGICAL_ASOF_JOIN"
	DelimJoin       = "LOGICAL_DELIM_JOIN" // a correlated subquery or a lateral join
	DelimGet        = "LOGICAL_DELIM_GET"  // inside one: the different values of the outer row's columns
	Union           = "LOGICAL_UNION"
	Except          = "LOGICAL_EXCEPT"
	Intersect       = "LOGICAL_INTERSECT"
	OrderBy         = "LOGICAL_ORDER_BY"
	TopN            = "LOGICAL_TOP_N"
	Distinct        = "LOGICAL_DISTINCT"
	Limit           = "LOGICAL_LIMIT"
	Sample          = "LOGICAL_SAMPLE"
	MaterializedCTE = "LOGICAL_MATERIALIZED_CTE" // the CTE, then the query
	RecursiveCTE    = "LOGICAL_RECURSIVE_CTE"    // the start, then the step
	CTERef          = "LOGICAL_CTE_REF"
	Values          = "LOGICAL_EXPRESSION_GET"
	DummyScan       = "LOGICAL_DUMMY_SCAN"
	EmptyResult     = "LOGICAL_EMPTY_RESULT"
)

// Op is an operator. Its expressions speak of its children's columns, those of all children in a row.
type Op struct {
	Type     string
	Children []*Op

	Expressions []*Expr // of a projection, filter, window, unnest; the aggregates of an aggregate
	Rows        [][]*Expr

	// Get
	Names      []string // of all columns of the table
	Function   string   // seq_scan, or a table function's name
	Schema     string
	Source     string // the table's name in the schema
	Columns    []int  // of the names, those read, in order; -1 where no column is needed
	PassedOn   []int  // columns of the child that a table function hands up after its own
	TableIndex uint64

	Groups            []*Expr
	GroupingSets      [][]int // empty where there are no groups or only all of them
	GroupingFunctions [][]int
	OneRow            bool // DuckDB's own aggregate, which takes the one row of a subquery

	JoinType     string // INNER LEFT RIGHT OUTER SEMI ANTI MARK SINGLE RIGHT_SEMI RIGHT_ANTI
	Conditions   []Condition
	Condition    *Expr // of a join that compares no two sides, over the columns of both
	LeftMap      []int
	RightMap     []int
	Map          []int   // of a filter or order: the child's columns that go up; all where empty
	DelimColumns []*Expr // of a delim join, over the outer side's columns
	DelimFlipped bool    // the outer side stands right
	ChunkTypes   []Type  // of a DELIM_GET
	Outer        *Op     // of a DELIM_GET: its delim join

	All      bool // of a union: equal rows stay
	Orders   []Order
	On       bool // DISTINCT ON
	Targets  []*Expr
	CTEIndex uint64
	CTE      *Op // of a reference
}

// Condition compares an expression over the left columns with one over the right.
type Condition struct {
	Left, Right *Expr
	Comparison  string
}

// Order is one term of an ORDER BY.
type Order struct {
	Type, NullOrder string
	Expression      *Expr
}

// joint stands in the schema's name of tables with three parts or more (duckdb.Session.View).
const joint = "·"

// Table is the dotted name of the table an operator reads, "" where it reads none.
func (o *Op) Table() string {
	switch {
	case o.Type != Get || o.Source == "":
		return ""
	case o.Schema == "" || o.Schema == "main":
		return o.Source
	}
	return strings.ReplaceAll(o.Schema, joint, ".") + "." + o.Source
}

// Reads says whether the rows of an operator stem from a table, through CTEs, too. Case does not count.
func (o *Op) Reads(table string) bool { return o.reads(table, map[*Op]bool{}) }

func (o *Op) reads(table string, seen map[*Op]bool) bool {
	if seen[o] {
		return false
	}
	seen[o] = true
	if strings.EqualFold(o.Table(), table) {
		return true
	}
	children := o.Children
	switch o.Type {
	case MaterializedCTE:
		children = children[1:]
	case CTERef:
		children = o.CTE.Children[:1]
		if o.CTE.Type == RecursiveCTE {
			children = []*Op{o.CTE}
		}
	}
	for _, c := range children {
		if c.reads(table, seen) {
			return true
		}
	}
	return false
}

// Walk visits an operator and all below it. What a CTE's references read is visited where it stands, and once.
func (o *Op) Walk(visit func(*Op)) {
	visit(o)
	for _, c := range o.Children {
		c.Walk(visit)
	}
}

// Width is the number of columns an operator gives.
func (o *Op) Width() (int, error) {
	switch o.Type {
	case Get:
		return len(o.Columns) + len(o.PassedOn), nil
	case Projection:
		return len(o.Expressions), nil
	case Aggregate:
		return len(o.Groups) + len(o.Expressions) + len(o.GroupingFunctions), nil
	case Filter, OrderBy, TopN:
		if len(o.Map) > 0 {
			return len(o.Map), nil
		}
		return o.childWidth(0)
	case Distinct, Limit, Sample, RecursiveCTE, Union, Except, Intersect:
		return o.childWidth(0)
	case Window, Unnest:
		n, err := o.childWidth(0)
		return n + len(o.Expressions), err
	case MaterializedCTE:
		return o.childWidth(1)
	case CTERef:
		return o.CTE.childWidth(0)
	case DelimGet:
		return len(o.ChunkTypes), nil
	case Values:
		if len(o.Rows) == 0 {
			return 0, nil
		}
		return len(o.Rows[0]), nil
	case DummyScan, EmptyResult:
		return 1, nil
	case CrossProduct, PositionalJoin, ComparisonJoin, AnyJoin, AsofJoin, DelimJoin:
		return o.joinWidth()
	}
	return 0, fmt.Errorf("operator %s is not known here", o.Type)
}

func (o *Op) childWidth(i int) (int, error) {
	if i >= len(o.Children) {
		return 0, fmt.Errorf("%s has %d parts", o.Type, len(o.Children))
	}
	return o.Children[i].Width()
}

func (o *Op) joinWidth() (int, error) {
	left, err := o.childWidth(0)
	if err != nil {
		return 0, err
	}
	right, err := o.childWidth(1)
	if err != nil {
		return 0, err
	}
	if len(o.LeftMap) > 0 {
		left = len(o.LeftMap)
	}
	if len(o.RightMap) > 0 {
		right = len(o.RightMap)
	}
	switch o.JoinType {
	case "SEMI", "ANTI":
		return left, nil
	case "RIGHT_SEMI", "RIGHT_ANTI":
		return right, nil
	case "MARK":
		return left + 1, nil
	}
	return left + right, nil
}

// each visits the operator's own expressions.
func (o *Op) each(visit func(*Expr)) {
	all := func(es []*Expr) {
		for _, e := range es {
			if e != nil {
				visit(e)
			}
		}
	}
	all(o.Expressions)
	all(o.Groups)
	all(o.DelimColumns)
	all(o.Targets)
	all([]*Expr{o.Condition})
	for _, r := range o.Rows {
		all(r)
	}
	for _, c := range o.Conditions {
		all([]*Expr{c.Left, c.Right})
	}
	for _, t := range o.Orders {
		all([]*Expr{t.Expression})
	}
}
