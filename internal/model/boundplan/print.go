package boundplan

import (
	"encoding/json"
	"strings"

	"weir/internal/job"
)

// SQL writes an expression over a table's columns (Input) so that binding it gives the same expression again. ok is false
// where this cannot be done.
func (e *Expr) SQL() (text string, ok bool) {
	switch e.Class {
	case Input:
		return job.Quote(e.Name), true
	case Constant:
		return e.Value.sql()
	case Cast:
		child, ok := e.Children[0].SQL()
		to := e.Returns.SQL()
		if !ok || to == "" {
			return "", false
		}
		word := "CAST"
		if e.Try {
			word = "TRY_CAST"
		}
		return word + "(" + child + " AS " + to + ")", true
	case Case:
		return e.caseSQL()
	case Function:
		if e.Lambda {
			return "", false
		}
		return e.call(job.Quote(e.Name))
	case Comparison, Conjunction, Operator:
		return e.operation()
	}
	return "", false
}

// call writes a function over the children.
func (e *Expr) call(name string) (string, bool) {
	args, ok := sqlOf(e.Children)
	return name + "(" + strings.Join(args, ", ") + ")", ok
}

func sqlOf(es []*Expr) ([]string, bool) {
	out := make([]string, len(es))
	for i, e := range es {
		text, ok := e.SQL()
		if !ok {
			return nil, false
		}
		out[i] = text
	}
	return out, true
}

// between are operators that stand between two expressions or more.
var between = map[string]string{"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=", "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM",
	"COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM", "CONJUNCTION_AND": "AND", "CONJUNCTION_OR": "OR"}

func (e *Expr) operation() (string, bool) {
	args, ok := sqlOf(e.Children)
	if !ok || len(args) == 0 {
		return "", false
	}
	if word := between[e.Kind]; word != "" {
		return "(" + strings.Join(args, " "+word+" ") + ")", true
	}
	switch e.Kind {
	case "OPERATOR_NOT":
		return "(NOT " + args[0] + ")", true
	case "OPERATOR_IS_NULL":
		return "(" + args[0] + " IS NULL)", true
	case "OPERATOR_IS_NOT_NULL":
		return "(" + args[0] + " IS NOT NULL)", true
	case "OPERATOR_COALESCE":
		return "COALESCE(" + strings.Join(args, ", ") + ")", true
	case "COMPARE_IN":
		return "(" + args[0] + " IN (" + strings.Join(args[1:], ", ") + "))", true
	case "COMPARE_NOT_IN":
		return "(" + args[0] + " NOT IN (" + strings.Join(args[1:], ", ") + "))", true
	}
	return "", false
}

func (e *Expr) caseSQL() (string, bool) {
	whens, ok1 := sqlOf(e.When)
	thens, ok2 := sqlOf(e.Then)
	last, ok3 := e.Else.SQL()
	if !ok1 || !ok2 || !ok3 || len(whens) != len(thens) {
		return "", false
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i := range whens {
		b.WriteString(" WHEN " + whens[i] + " THEN " + thens[i])
	}
	return b.String() + " ELSE " + last + " END", true
}

// sql writes a constant the way that binds as the same constant: what DuckDB's parser makes of a literal.
func (v Value) sql() (string, bool) {
	if v.Null {
		return "NULL", v.Type.ID == "NULL"
	}
	var text string
	switch v.Type.ID {
	case "VARCHAR":
		if json.Unmarshal(v.Raw, &text) != nil || len(v.Type.Info) > 0 {
			return "", false
		}
		return job.Literal(text), true
	case "BOOLEAN", "INTEGER", "BIGINT":
		return string(v.Raw), len(v.Raw) > 0
	case "DECIMAL":
		return v.decimal()
	}
	return "", false
}

// decimal writes the unscaled number a plan holds.
func (v Value) decimal() (string, bool) {
	var info struct{ Width, Scale int }
	digits := string(v.Raw)
	if json.Unmarshal(v.Type.Info, &info) != nil || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	for len(digits) <= info.Scale {
		digits = "0" + digits
	}
	at := len(digits) - info.Scale
	return digits[:at] + "." + digits[at:], info.Scale > 0
}

// Equal says whether two expressions are the same, wherever they stand.
func Equal(a, b *Expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Class != b.Class || a.Kind != b.Kind || a.Name != b.Name || a.Index != b.Index || a.Try != b.Try || a.Lambda || b.Lambda ||
		a.Distinct != b.Distinct || !sameType(a.Returns, b.Returns) || !sameValue(a.Value, b.Value) {
		return false
	}
	return equalAll(a.Children, b.Children) && equalAll(a.When, b.When) && equalAll(a.Then, b.Then) && Equal(a.Else, b.Else) &&
		Equal(a.Filter, b.Filter) && equalAll(a.Partitions, b.Partitions) && equalAll(a.Frame, b.Frame) && len(a.Orders) == 0 && len(b.Orders) == 0
}

func equalAll(a, b []*Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameType(a, b Type) bool { return a.ID == b.ID && string(a.Info) == string(b.Info) }

func sameValue(a, b Value) bool {
	return sameType(a.Type, b.Type) && a.Null == b.Null && string(a.Raw) == string(b.Raw)
}
