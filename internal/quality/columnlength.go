package quality

import (
	"weir/internal/dqdl"
	"weir/internal/fault"
)

// columnLength judges the number of characters of every value; NULL has none, so its length is 0.
func columnLength(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	s, err := col.asText()
	if err != nil {
		return err
	}
	length := "length(" + s + ")"
	minimum, maximum := l.filtered("min(coalesce("+length+", 0))"), l.filtered("max(coalesce("+length+", 0))")
	least := extreme{metricName([]column{col}, "MinimumLength"), "CAST(" + minimum + " AS DOUBLE)"}
	most := extreme{metricName([]column{col}, "MaximumLength"), "CAST(" + maximum + " AS DOUBLE)"}
	cond, ok := l.rule.Condition.(*dqdl.NumberCondition)
	if !ok {
		return l.extremes([]column{col}, least, most)
	}
	o, err := numbers(cond)
	if err != nil {
		return err
	}
	if o.null {
		return fault.New(fault.Usage, "NULL is no length: a value that is NULL has length 0")
	}
	l.test = lengthTest(o, length, cond)
	a := rowsAsk{ratio: metricName([]column{col}, "LengthCompliance"),
		reason: "the length of " + list([]column{col}) + " " + isNot(cond)}
	all, low, high := o.extremes(minimum, maximum)
	a.allPass = all
	if low {
		a.extremes = append(a.extremes, least)
	}
	if high {
		a.extremes = append(a.extremes, most)
	}
	l.judgeRows(a)
	return nil
}

// lengthTest compares lengths. Whether a NULL passes is known beforehand, so that no row needs to be asked: the test says
// which rows pass where it fails, and which fail where it passes.
func lengthTest(o operands, length string, cond *dqdl.NumberCondition) *test {
	negated := o.op == dqdl.NotEqual || o.op == dqdl.NotIn
	sql := ""
	switch o.op {
	case dqdl.Equal, dqdl.In, dqdl.NotEqual, dqdl.NotIn:
		sql = o.equal(length)
	default:
		sql = o.order(length)
	}
	nullPasses := cond.Holds(0)
	if nullPasses == negated {
		return &test{sql: sql, fail: negated}
	}
	return &test{sql: "NOT (" + sql + ")", fail: !negated}
}
