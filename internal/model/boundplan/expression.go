package boundplan

import "encoding/json"

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
	Binding Binding
}

// Binding names a column by its operator's table index.
type Binding struct {
	TableIndex  uint64 `json:"table_index"`
	ColumnIndex uint64 `json:"column_index"`
}

// Value is a constant.
type Value struct {
	Type Type            `json:"type"`
	Null bool            `json:"is_null"`
	Raw  json.RawMessage `json:"value"`
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
