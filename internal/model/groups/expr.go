package groups

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"weir/internal/job"
)

// expr is a bound expression. Raw keeps what an unknown class has beside these fields.
type expr struct {
	Class    string   `json:"expression_class"`
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Index    int      `json:"index"`
	Return   typ      `json:"return_type"`
	Child    *expr    `json:"child"`
	Children []*expr  `json:"children"`
	Left     *expr    `json:"left"`
	Right    *expr    `json:"right"`
	Input    *expr    `json:"input"`
	Lower    *expr    `json:"lower"`
	Upper    *expr    `json:"upper"`
	LowerIn  bool     `json:"lower_inclusive"`
	UpperIn  bool     `json:"upper_inclusive"`
	Checks   []check  `json:"case_checks"`
	Else     *expr    `json:"else_expr"`
	Try      bool     `json:"try_cast"`
	Value    constant `json:"value"`
	Parts    []*expr  `json:"partitions"`
	// Data is what a function keeps beside its arguments: the names of a struct's members, the body of a lambda.
	Data json.RawMessage `json:"function_data"`
}

type check struct {
	When *expr `json:"when_expr"`
	Then *expr `json:"then_expr"`
}

// constant is a value as a plan spells it.
type constant struct {
	Type  typ             `json:"type"`
	Null  bool            `json:"is_null"`
	Value json.RawMessage `json:"value"`
}

// typ is a type as a plan spells it.
type typ struct {
	ID   string `json:"id"`
	Info struct {
		Width int    `json:"width"`
		Scale int    `json:"scale"`
		Alias string `json:"alias"`
	} `json:"type_info"`
}

// sql spells simple types; "" for others.
func (t typ) sql() string {
	switch t.ID {
	case "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Info.Width, t.Info.Scale)
	case "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE",
		"VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "INTERVAL", "UUID":
		return t.ID
	case "TIMESTAMP WITH TIME ZONE":
		return "TIMESTAMP WITH TIME ZONE"
	}
	return ""
}

// kids are the expressions inside one, false where its class is not known.
func (e *expr) kids() ([]**expr, bool) {
	var out []**expr
	add := func(p **expr) {
		if *p != nil {
			out = append(out, p)
		}
	}
	switch e.Class {
	case "BOUND_REF", "BOUND_CONSTANT":
	case "BOUND_CAST":
		add(&e.Child)
	case "BOUND_FUNCTION", "BOUND_CONJUNCTION", "BOUND_OPERATOR":
		for i := range e.Children {
			add(&e.Children[i])
		}
	case "BOUND_COMPARISON":
		add(&e.Left)
		add(&e.Right)
	case "BOUND_BETWEEN":
		add(&e.Input)
		add(&e.Lower)
		add(&e.Upper)
	case "BOUND_CASE":
		for i := range e.Checks {
			add(&e.Checks[i].When)
			add(&e.Checks[i].Then)
		}
		add(&e.Else)
	default:
		return nil, false
	}
	return out, true
}

// refs are the columns an expression reads; false where it holds something unknown.
func (e *expr) refs() (cols []int, known bool) {
	if e.Class == "BOUND_REF" {
		return []int{e.Index}, true
	}
	kids, known := e.kids()
	for _, k := range kids {
		more, ok := (*k).refs()
		cols, known = append(cols, more...), known && ok
	}
	return cols, known
}

// replaced is the expression with every column it reads replaced; nil where one cannot be.
func (e *expr) replaced(by func(col int) *expr) *expr {
	if e.Class == "BOUND_REF" {
		return by(e.Index)
	}
	c := *e
	c.Children, c.Checks = append([]*expr(nil), e.Children...), append([]check(nil), e.Checks...)
	kids, known := c.kids()
	if !known {
		return nil
	}
	for _, k := range kids {
		if *k = (*k).replaced(by); *k == nil {
			return nil
		}
	}
	return &c
}

// shifted moves every column an expression reads.
func (e *expr) shifted(n int) *expr {
	return e.replaced(func(col int) *expr { return &expr{Class: "BOUND_REF", Index: col + n} })
}

// same says whether two expressions are one, to the letter.
func same(a, b *expr) bool {
	x, okx := a.text(refText)
	y, oky := b.text(refText)
	return okx && oky && x == y
}

func refText(col int) string { return fmt.Sprintf("#%d", col) }

// determined says whether an expression has one value where all of the others have one.
func (e *expr) determined(by []*expr) bool {
	for _, b := range by {
		if b != nil && same(e, b) {
			return true
		}
	}
	kids, known := e.kids()
	if !known || e.Class == "BOUND_REF" {
		return false
	}
	for _, k := range kids {
		if !(*k).determined(by) {
			return false
		}
	}
	return true
}

// text writes an expression as SQL; false where it cannot be written.
func (e *expr) text(ref func(col int) string) (string, bool) {
	w := &writer{ref: ref, ok: true}
	s := w.expr(e)
	return s, w.ok
}

// writer writes expressions. ok turns false at the first that it does not know.
type writer struct {
	ref func(col int) string
	ok  bool
}

func (w *writer) fail() string {
	w.ok = false
	return "NULL"
}

func (w *writer) expr(e *expr) string {
	if e == nil {
		return w.fail()
	}
	switch e.Class {
	case "BOUND_REF":
		return w.ref(e.Index)
	case "BOUND_CONSTANT":
		return w.constant(e.Value)
	case "BOUND_CAST":
		return w.cast(e)
	case "BOUND_FUNCTION":
		if unsteady[strings.ToLower(e.Name)] || len(e.Data) > 0 && !plainData[e.Name] {
			return w.fail()
		}
		// DuckDB calls operators by their name, too: "+"(a, b).
		return job.Quote(e.Name) + "(" + w.all(e.Children, ", ") + ")"
	case "BOUND_COMPARISON":
		return w.infix(e.Left, comparisons[e.Type], e.Right)
	case "BOUND_BETWEEN":
		lower, upper := ">", "<"
		if e.LowerIn {
			lower = ">="
		}
		if e.UpperIn {
			upper = "<="
		}
		return "(" + w.infix(e.Input, lower, e.Lower) + " AND " + w.infix(e.Input, upper, e.Upper) + ")"
	case "BOUND_CONJUNCTION":
		return "(" + w.all(e.Children, map[string]string{"CONJUNCTION_AND": " AND ", "CONJUNCTION_OR": " OR "}[e.Type]) + ")"
	case "BOUND_OPERATOR":
		return w.operator(e)
	case "BOUND_CASE":
		return w.cases(e)
	}
	return w.fail()
}

// plainData are functions whose arguments say all, although they keep something beside them.
var plainData = map[string]bool{"strftime": true, "strptime": true, "try_strptime": true}

// unsteady are functions that give another value each time.
var unsteady = map[string]bool{"random": true, "uuid": true, "gen_random_uuid": true, "uuidv4": true, "uuidv7": true, "now": true, "current_timestamp": true,
	"get_current_timestamp": true, "nextval": true, "currval": true, "setseed": true, "unnest": true, "error": true}

var comparisons = map[string]string{"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=", "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM",
	"COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM"}

func (w *writer) infix(a *expr, sign string, b *expr) string {
	if sign == "" {
		return w.fail()
	}
	return "(" + w.expr(a) + " " + sign + " " + w.expr(b) + ")"
}

func (w *writer) all(es []*expr, sep string) string {
	if sep == "" {
		return w.fail()
	}
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = w.expr(e)
	}
	return strings.Join(out, sep)
}

func (w *writer) cast(e *expr) string {
	to := e.Return.sql()
	if to == "" {
		return w.fail()
	}
	word := "CAST"
	if e.Try {
		word = "TRY_CAST"
	}
	return word + "(" + w.expr(e.Child) + " AS " + to + ")"
}

func (w *writer) operator(e *expr) string {
	one := func(form string) string {
		if len(e.Children) != 1 {
			return w.fail()
		}
		return fmt.Sprintf(form, w.expr(e.Children[0]))
	}
	switch e.Type {
	case "OPERATOR_NOT":
		return one("(NOT %s)")
	case "OPERATOR_IS_NULL":
		return one("(%s IS NULL)")
	case "OPERATOR_IS_NOT_NULL":
		return one("(%s IS NOT NULL)")
	case "OPERATOR_COALESCE":
		return "coalesce(" + w.all(e.Children, ", ") + ")"
	case "COMPARE_IN", "COMPARE_NOT_IN":
		if len(e.Children) < 2 {
			return w.fail()
		}
		word := map[string]string{"COMPARE_IN": "IN", "COMPARE_NOT_IN": "NOT IN"}[e.Type]
		return "(" + w.expr(e.Children[0]) + " " + word + " (" + w.all(e.Children[1:], ", ") + "))"
	}
	return w.fail()
}

func (w *writer) cases(e *expr) string {
	out := "CASE"
	for _, c := range e.Checks {
		out += " WHEN " + w.expr(c.When) + " THEN " + w.expr(c.Then)
	}
	if e.Else != nil {
		out += " ELSE " + w.expr(e.Else)
	}
	return "(" + out + " END)"
}

// constant writes values whose spelling in a plan is plain: texts, truth values and whole numbers.
func (w *writer) constant(c constant) string {
	to := c.Type.sql()
	switch {
	case c.Null && c.Type.ID == "NULL":
		return "NULL"
	case to == "":
		return w.fail()
	case c.Null:
		return "CAST(NULL AS " + to + ")"
	}
	value := string(bytes.TrimSpace(c.Value))
	switch c.Type.ID {
	case "VARCHAR":
		var s string
		if json.Unmarshal(c.Value, &s) != nil {
			return w.fail()
		}
		return job.Literal(s)
	case "BOOLEAN":
		return value
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		return "CAST(" + job.Literal(value) + " AS " + to + ")"
	case "DECIMAL":
		return w.decimal(value, c.Type)
	}
	return w.fail()
}

// decimal writes a decimal, which a plan spells as its digits without the point.
func (w *writer) decimal(digits string, t typ) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return w.fail()
	}
	if len(digits) <= t.Info.Scale {
		digits = strings.Repeat("0", t.Info.Scale+1-len(digits)) + digits
	}
	at := len(digits) - t.Info.Scale
	return "CAST(" + job.Literal(sign+digits[:at]+"."+digits[at:]) + " AS " + t.sql() + ")"
}
