package quality

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
)

// operands are what an SQL expression is compared with.
type operands struct {
	op     dqdl.Op
	values []string // SQL literals
	null   bool     // NULL is among them
}

// numbers gives a condition's operands as SQL, as they are written where they are plain numbers: exact for decimals and
// whole numbers of any size.
func numbers(c *dqdl.NumberCondition) (operands, error) {
	o := operands{op: c.Op}
	values, err := c.Evaluate(dqdl.Standard())
	if err != nil {
		return o, err
	}
	for i, n := range c.Operands {
		switch n := n.(type) {
		case *dqdl.NullNumber:
			o.null = true
		case *dqdl.Literal:
			o.values = append(o.values, n.Text)
		default:
			if math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
				return o, fault.New(fault.Usage, "%s is not a number", n)
			}
			o.values = append(o.values, strconv.FormatFloat(values[i], 'g', -1, 64))
		}
	}
	return o, o.ordered()
}

// ordered refuses NULL where an order is asked for.
func (o operands) ordered() error {
	switch o.op {
	case dqdl.Equal, dqdl.NotEqual, dqdl.In, dqdl.NotIn:
		return nil
	}
	if o.null {
		return fault.New(fault.Usage, "NULL has no order: it can be compared with =, !=, in and not in")
	}
	return nil
}

// onlyNull says whether the condition asks about nothing but NULL.
func (o operands) onlyNull() bool { return o.null && len(o.values) == 0 }

// equal is the condition that x is one of the values, without NULL.
func (o operands) equal(x string) string {
	if len(o.values) == 1 {
		return x + " = " + o.values[0]
	}
	return x + " IN (" + strings.Join(o.values, ", ") + ")"
}

// hit is the condition that x is one of the operands. The column itself tells NULL from what is no number or date.
func (o operands) hit(x, column string) string {
	switch {
	case o.onlyNull():
		return column + " IS NULL"
	case o.null:
		return o.equal(x) + " OR " + column + " IS NULL"
	}
	return o.equal(x)
}

// test compares x row by row. NULL passes != and not in unless NULL is an operand, and fails all others likewise.
func (o operands) test(x, column string) *test {
	switch o.op {
	case dqdl.Equal, dqdl.In:
		return &test{sql: o.hit(x, column)}
	case dqdl.NotEqual, dqdl.NotIn:
		return &test{sql: o.hit(x, column), fail: true}
	}
	return &test{sql: o.order(x)}
}

// order is the condition of the operators that compare by order.
func (o operands) order(x string) string {
	v := o.values
	switch o.op {
	case dqdl.Between:
		return x + " > " + v[0] + " AND " + x + " < " + v[1]
	case dqdl.NotBetween:
		return x + " <= " + v[0] + " OR " + x + " >= " + v[1]
	}
	return x + " " + string(o.op) + " " + v[0]
}

// extremes is the condition on an aggregate's rows that all of them pass, by their minimum and maximum alone, and which
// of the two it uses; "" where they do not tell.
func (o operands) extremes(minimum, maximum string) (sql string, low, high bool) {
	if o.null {
		return "", false, false
	}
	v := o.values
	switch o.op {
	case dqdl.Greater, dqdl.GreaterEqual:
		return o.order(minimum), true, false
	case dqdl.Less, dqdl.LessEqual:
		return o.order(maximum), false, true
	case dqdl.Equal:
		return minimum + " = " + v[0] + " AND " + maximum + " = " + v[0], true, true
	case dqdl.Between:
		return minimum + " > " + v[0] + " AND " + maximum + " < " + v[1], true, true
	}
	return "", false, false
}

// isNot puts a condition that failed into words, behind the name of what was compared.
func isNot(c dqdl.Condition) string {
	words := strings.TrimPrefix(c.String(), string(c.Operator())+" ")
	switch c.Operator() {
	case dqdl.NotEqual:
		return "is " + words
	case dqdl.NotIn, dqdl.NotBetween, dqdl.NotMatches:
		return map[dqdl.Op]string{dqdl.NotIn: "is in ", dqdl.NotBetween: "is between ", dqdl.NotMatches: "matches "}[c.Operator()] + words
	case dqdl.Matches:
		return "does not match " + words
	}
	return "is not " + c.String()
}

func plain(f float64) string { return strconv.FormatFloat(f, 'g', 10, 64) }

// quotedTexts writes texts as SQL, each once.
func quotedTexts(texts []string, quote func(string) string) []string {
	var all []string
	for _, t := range texts {
		if q := quote(t); !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	return all
}
