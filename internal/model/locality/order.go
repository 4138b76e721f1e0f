package locality

import (
	"encoding/json"
	"slices"
	"strings"

	"weir/internal/model/boundplan"
)

// Order says that an expression follows one column in order: where the column has a larger value, the expression has no smaller
// one, up to Unit.
type Order struct {
	Column string
	Unit   string // "" where the expression is the column itself; hour, day … where it is a time cut to that
}

// cuts are what date_trunc may cut to.
var cuts = []string{"hour", "day", "week", "month", "quarter", "year"}

// OrderOf finds the column that an expression of Groups follows: itself, a timestamp cast to a date, or date_trunc of one. So what
// is known of a column's bounds says something of the groups its rows are in.
func OrderOf(e *boundplan.Expr) (o Order, ok bool) {
	switch {
	case e.Class == boundplan.Input:
		return Order{Column: e.Name}, true
	case e.Class == boundplan.Cast && len(e.Children) == 1 && (e.Returns.ID == "DATE" || strings.HasPrefix(e.Returns.ID, "TIMESTAMP")):
		o, ok = OrderOf(e.Children[0])
		if ok && o.Unit == "" && e.Returns.ID == "DATE" && strings.HasPrefix(e.Children[0].Returns.ID, "TIMESTAMP") {
			o.Unit = "day"
		}
		return o, ok && o.Unit != ""
	case e.Class == boundplan.Function && (e.Name == "date_trunc" || e.Name == "datetrunc") && len(e.Children) == 2:
		var unit string
		v := e.Children[0].Value
		if e.Children[0].Class != boundplan.Constant || v.Null || json.Unmarshal(v.Raw, &unit) != nil || !slices.Contains(cuts, strings.ToLower(unit)) {
			return o, false
		}
		o, ok = OrderOf(e.Children[1])
		// A cut of a cut follows the column up to both; only the plain case is worth telling.
		return Order{Column: o.Column, Unit: strings.ToLower(unit)}, ok && o.Unit == ""
	}
	return o, false
}
