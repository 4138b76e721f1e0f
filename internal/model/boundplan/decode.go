package boundplan

import (
	"encoding/json"
	"fmt"
	"math"
)

// rawOp is an operator as DuckDB writes it. Structures nest without decoders of their own, which would read a deep plan anew at
// every level.
type rawOp struct {
	Type         string          `json:"type"`
	Children     []*rawOp        `json:"children"`
	Expressions  json.RawMessage `json:"expressions"` // a list, of VALUES a list of lists
	Names        []string        `json:"names"`
	Name         string          `json:"name"`
	FunctionData struct {
		Schema string `json:"schema"`
		Table  string `json:"table"`
	} `json:"function_data"`
	ColumnIDs []struct {
		Index uint64 `json:"index"`
	} `json:"column_indexes"`
	ProjectionIDs     []int          `json:"projection_ids"`
	ProjectedInput    []int          `json:"projected_input"`
	TableIndex        uint64         `json:"table_index"`
	Groups            []*rawExpr     `json:"groups"`
	GroupingSets      [][]int        `json:"grouping_sets"`
	GroupingFunctions [][]int        `json:"grouping_functions"`
	GroupingsIndex    uint64         `json:"groupings_index"`
	JoinType          string         `json:"join_type"`
	Conditions        []rawCondition `json:"conditions"`
	Condition         *rawExpr       `json:"condition"`
	Predicate         *rawExpr       `json:"predicate"`
	LeftMap           []int          `json:"left_projection_map"`
	RightMap          []int          `json:"right_projection_map"`
	Map               []int          `json:"projection_map"`
	DelimColumns      []*rawExpr     `json:"duplicate_eliminated_columns"`
	DelimFlipped      bool           `json:"delim_flipped"`
	ChunkTypes        []Type         `json:"chunk_types"`
	All               bool           `json:"setop_all"`
	Orders            []rawOrder     `json:"orders"`
	DistinctType      string         `json:"distinct_type"`
	Targets           []*rawExpr     `json:"distinct_targets"`
	CTEIndex          uint64         `json:"cte_index"`
}

type rawCondition struct {
	Left       *rawExpr `json:"left"`
	Right      *rawExpr `json:"right"`
	Comparison string   `json:"comparison"`
}

type rawOrder struct {
	Type       string   `json:"type"`
	NullOrder  string   `json:"null_order"`
	Expression *rawExpr `json:"expression"`
}

// rawExpr is an expression as DuckDB writes it.
type rawExpr struct {
	Class        string     `json:"expression_class"`
	Kind         string     `json:"type"`
	Name         string     `json:"name"`
	Location     uint64     `json:"query_location"`
	Index        int        `json:"index"`
	Children     []*rawExpr `json:"children"`
	Child        *rawExpr   `json:"child"`
	Left         *rawExpr   `json:"left"`
	Right        *rawExpr   `json:"right"`
	Input        *rawExpr   `json:"input"`
	Lower        *rawExpr   `json:"lower"`
	Upper        *rawExpr   `json:"upper"`
	Returns      Type       `json:"return_type"`
	Value        Value      `json:"value"`
	Try          bool       `json:"try_cast"`
	FunctionData struct {
		Lambda *struct{} `json:"lambda_expr"`
	} `json:"function_data"`
	Checks []struct {
		When *rawExpr `json:"when_expr"`
		Then *rawExpr `json:"then_expr"`
	} `json:"case_checks"`
	Else          *rawExpr `json:"else_expr"`
	Filter        *rawExpr `json:"filter"`
	FilterExpr    *rawExpr `json:"filter_expr"`
	AggregateType string   `json:"aggregate_type"`
	Distinct      bool     `json:"distinct"`
	OrderBys      struct {
		Orders []rawOrder `json:"orders"`
	} `json:"order_bys"`
	Partitions []*rawExpr `json:"partitions"`
	Orders     []rawOrder `json:"orders"`
	ArgOrders  []rawOrder `json:"arg_orders"`
	Start      *rawExpr   `json:"start_expr"`
	End        *rawExpr   `json:"end_expr"`
	By         *rawExpr   `json:"offset_expr"`
	Default    *rawExpr   `json:"default_expr"`
	Binding    Binding    `json:"binding"`
}

// decoder makes operators and expressions of what was read. The first thing that is not known is its error.
type decoder struct{ err error }

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) op(raw *rawOp) *Op {
	if raw == nil {
		d.fail("an operator has a part that is null")
		return &Op{}
	}
	o := &Op{Type: raw.Type, Names: raw.Names, Function: raw.Name, PassedOn: raw.ProjectedInput, TableIndex: raw.TableIndex,
		Groups: d.exprs(raw.Groups), GroupingSets: raw.GroupingSets, GroupingFunctions: raw.GroupingFunctions, JoinType: raw.JoinType,
		LeftMap: raw.LeftMap, RightMap: raw.RightMap, Map: raw.Map, DelimColumns: d.exprs(raw.DelimColumns), DelimFlipped: raw.DelimFlipped,
		ChunkTypes: raw.ChunkTypes, All: raw.All, Orders: d.orders(raw.Orders), Targets: d.exprs(raw.Targets), CTEIndex: raw.CTEIndex,
		OneRow: raw.Type == Aggregate && raw.GroupingsIndex == math.MaxUint64,
		On:     raw.DistinctType == "DISTINCT_ON"}
	for _, c := range raw.Children {
		o.Children = append(o.Children, d.op(c))
	}
	if len(raw.ProjectionIDs) > 0 {
		d.fail("%s leaves out columns in a way that is not known here", raw.Type)
	}
	if raw.Condition == nil {
		raw.Condition = raw.Predicate
	}
	if raw.Condition != nil {
		o.Condition = d.expr(raw.Condition)
	}
	for _, c := range raw.Conditions {
		o.Conditions = append(o.Conditions, Condition{d.expr(c.Left), d.expr(c.Right), c.Comparison})
	}
	for _, c := range raw.ColumnIDs {
		at := -1 // 2^64-1 stands for the row's own number, read where no column is needed
		if c.Index < uint64(len(raw.Names)) {
			at = int(c.Index)
		}
		o.Columns = append(o.Columns, at)
	}
	if raw.Type == Get && raw.Name == "seq_scan" {
		o.Schema, o.Source = raw.FunctionData.Schema, raw.FunctionData.Table
	}
	d.expressions(o, raw)
	return o
}

func (d *decoder) expressions(o *Op, raw *rawOp) {
	switch {
	case len(raw.Expressions) == 0:
	case raw.Type == Values:
		var rows [][]*rawExpr
		if err := json.Unmarshal(raw.Expressions, &rows); err != nil {
			d.fail("rows of VALUES: %w", err)
		}
		for _, r := range rows {
			o.Rows = append(o.Rows, d.exprs(r))
		}
	default:
		var list []*rawExpr
		if err := json.Unmarshal(raw.Expressions, &list); err != nil {
			d.fail("expressions of %s: %w", raw.Type, err)
		}
		o.Expressions = d.exprs(list)
	}
}

func (d *decoder) exprs(raw []*rawExpr) []*Expr {
	if len(raw) == 0 {
		return nil
	}
	out := make([]*Expr, len(raw))
	for i, r := range raw {
		out[i] = d.expr(r)
	}
	return out
}

func (d *decoder) orders(raw []rawOrder) (out []Order) {
	for _, r := range raw {
		out = append(out, Order{r.Type, r.NullOrder, d.expr(r.Expression)})
	}
	return out
}

// optional leaves out what is not there.
func (d *decoder) optional(raw ...*rawExpr) (out []*Expr) {
	for _, r := range raw {
		if r != nil {
			out = append(out, d.expr(r))
		}
	}
	return out
}

func (d *decoder) expr(raw *rawExpr) *Expr {
	if raw == nil {
		d.fail("an expression has a part that is null")
		return &Expr{Class: Constant}
	}
	e := &Expr{Class: raw.Class, Kind: raw.Kind, Name: raw.Name, Index: raw.Index, Children: d.exprs(raw.Children), Returns: raw.Returns,
		Value: raw.Value, Try: raw.Try, Lambda: raw.FunctionData.Lambda != nil, Partitions: d.exprs(raw.Partitions),
		Distinct: raw.Distinct || raw.AggregateType == "DISTINCT", Offset: -1, Binding: raw.Binding}
	// The default of lag() and lead() is an argument like others.
	e.Children = append(e.Children, d.optional(raw.Child, raw.Left, raw.Right, raw.Input, raw.Lower, raw.Upper, raw.Default)...)
	e.Frame = d.optional(raw.Start, raw.End, raw.By)
	for _, c := range raw.Checks {
		e.When, e.Then = append(e.When, d.expr(c.When)), append(e.Then, d.expr(c.Then))
	}
	for _, list := range [][]rawOrder{raw.OrderBys.Orders, raw.Orders, raw.ArgOrders} {
		e.Orders = append(e.Orders, d.orders(list)...)
	}
	if raw.Else != nil {
		e.Else = d.expr(raw.Else)
	}
	for _, f := range d.optional(raw.Filter, raw.FilterExpr) {
		e.Filter = f
	}
	if raw.Location < 1<<40 {
		e.Offset = int(raw.Location)
	}
	switch e.Class {
	case Ref, ColumnRef, Constant, Cast, Function, Comparison, Conjunction, Operator, Between, Case, Aggregated, Windowed, Unnested:
	default:
		d.fail("expression %s is not known here", e.Class)
	}
	return e
}
