package boundplan

import (
	"encoding/json"
	"fmt"
)

// The classes of expressions.
const (
	Ref         = "BOUND_REF"
	ColumnRef   = "BOUND_COLUMN_REF" // only before a plan is resolved
	Constant    = "BOUND_CONSTANT"
	Cast        = "BOUND_CAST"
	Function    = "BOUND_FUNCTION"
	Comparison  = "BOUND_COMPARISON"
	Conjunction = "BOUND_CONJUNCTION"
	Operator    = "BOUND_OPERATOR"
	Between     = "BOUND_BETWEEN"
	Case        = "BOUND_CASE"
	Aggregated  = "BOUND_AGGREGATE"
	Windowed    = "BOUND_WINDOW"
	Unnested    = "BOUND_UNNEST"
	Input       = "INPUT" // not DuckDB's: a column of a table, by its name (see package locality)
)

// Expr is a bound expression.
type Expr struct {
	Class    string
	Kind     string // DuckDB's type of the expression: COMPARE_EQUAL, OPERATOR_IS_NULL, WINDOW_ROW_NUMBER …
	Name     string // of a function, or of a table's column
	Index    int    // of a reference: among the columns of the operator's children
	Children []*Expr
	Returns  Type
	Value    Value
	Try      bool // TRY_CAST
	Lambda   bool // a function that has a body bound by itself
	Distinct bool // of an aggregate or a window

	When, Then []*Expr // of a CASE
	Else       *Expr

	Filter     *Expr // of an aggregate or a window
	Orders     []Order
	Partitions []*Expr
	Frame      []*Expr // where a window begins and ends, and how far lag() and lead() look; their default is the last child

	Offset  int // byte in the SQL, -1 where DuckDB does not know
	Binding struct {
		TableIndex  uint64 `json:"table_index"`
		ColumnIndex uint64 `json:"column_index"`
	}
}

// Value is a constant.
type Value struct {
	Type Type            `json:"type"`
	Null bool            `json:"is_null"`
	Raw  json.RawMessage `json:"value"`
}

// UnmarshalJSON reads an expression.
func (e *Expr) UnmarshalJSON(text []byte) error {
	var raw struct {
		Class        string  `json:"expression_class"`
		Kind         string  `json:"type"`
		Name         string  `json:"name"`
		Location     uint64  `json:"query_location"`
		Index        int     `json:"index"`
		Children     []*Expr `json:"children"`
		Child        *Expr   `json:"child"`
		Left         *Expr   `json:"left"`
		Right        *Expr   `json:"right"`
		Input        *Expr   `json:"input"`
		Lower        *Expr   `json:"lower"`
		Upper        *Expr   `json:"upper"`
		Returns      Type    `json:"return_type"`
		Value        Value   `json:"value"`
		Try          bool    `json:"try_cast"`
		FunctionData struct {
			Lambda json.RawMessage `json:"lambda_expr"`
		} `json:"function_data"`
		Checks []struct {
			When *Expr `json:"when_expr"`
			Then *Expr `json:"then_expr"`
		} `json:"case_checks"`
		Else          *Expr  `json:"else_expr"`
		Filter        *Expr  `json:"filter"`
		FilterExpr    *Expr  `json:"filter_expr"`
		AggregateType string `json:"aggregate_type"`
		Distinct      bool   `json:"distinct"`
		OrderBys      struct {
			Orders []Order `json:"orders"`
		} `json:"order_bys"`
		Partitions []*Expr `json:"partitions"`
		Orders     []Order `json:"orders"`
		ArgOrders  []Order `json:"arg_orders"`
		Start      *Expr   `json:"start_expr"`
		End        *Expr   `json:"end_expr"`
		By         *Expr   `json:"offset_expr"`
		Default    *Expr   `json:"default_expr"`
		Binding    struct {
			TableIndex  uint64 `json:"table_index"`
			ColumnIndex uint64 `json:"column_index"`
		} `json:"binding"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*e = Expr{Class: raw.Class, Kind: raw.Kind, Name: raw.Name, Index: raw.Index, Children: raw.Children, Returns: raw.Returns, Value: raw.Value,
		Try: raw.Try, Lambda: len(raw.FunctionData.Lambda) > 0, Else: raw.Else, Filter: raw.Filter, Partitions: raw.Partitions,
		Distinct: raw.Distinct || raw.AggregateType == "DISTINCT", Offset: -1, Binding: raw.Binding}
	if raw.FilterExpr != nil {
		e.Filter = raw.FilterExpr
	}
	e.Orders = append(append(raw.OrderBys.Orders, raw.Orders...), raw.ArgOrders...)
	for _, x := range []*Expr{raw.Child, raw.Left, raw.Right, raw.Input, raw.Lower, raw.Upper} {
		if x != nil {
			e.Children = append(e.Children, x)
		}
	}
	if raw.Default != nil {
		e.Children = append(e.Children, raw.Default)
	}
	for _, x := range []*Expr{raw.Start, raw.End, raw.By} {
		if x != nil {
			e.Frame = append(e.Frame, x)
		}
	}
	for _, c := range raw.Checks {
		e.When, e.Then = append(e.When, c.When), append(e.Then, c.Then)
	}
	if raw.Location < 1<<40 {
		e.Offset = int(raw.Location)
	}
	switch e.Class {
	case Ref, ColumnRef, Constant, Cast, Function, Comparison, Conjunction, Operator, Between, Case, Aggregated, Windowed, Unnested:
		return nil
	}
	return fmt.Errorf("expression %s is not known here", e.Class)
}

// Parts are the expressions directly below one.
func (e *Expr) Parts() []*Expr {
	out := append([]*Expr(nil), e.Children...)
	out = append(out, e.When...)
	out = append(out, e.Then...)
	out = append(out, e.Partitions...)
	out = append(out, e.Frame...)
	for _, x := range []*Expr{e.Else, e.Filter} {
		if x != nil {
			out = append(out, x)
		}
	}
	for _, o := range e.Orders {
		out = append(out, o.Expression)
	}
	return out
}

// Walk visits an expression and all below it.
func (e *Expr) Walk(visit func(*Expr)) {
	visit(e)
	for _, p := range e.Parts() {
		p.Walk(visit)
	}
}

// Type is what an expression gives, as far as the plan says it.
func (e *Expr) Type() Type {
	switch e.Class {
	case Constant:
		return e.Value.Type
	case Comparison, Conjunction, Between:
		return Type{ID: "BOOLEAN"}
	}
	return e.Returns
}
