package quality

import (
	"fmt"
	"regexp"
	"time"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// columnValues judges every value of a column: numbers, texts or dates. With a threshold it judges the ratio of rows that pass.
func columnValues(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	if l.rule.Condition == nil {
		return valueRange(l, col)
	}
	a := rowsAsk{ratio: metricName([]column{col}, "ColumnValues.Compliance"),
		reason: list([]column{col}) + " " + isNot(l.rule.Condition)}
	switch cond := l.rule.Condition.(type) {
	case *dqdl.NumberCondition:
		err = l.numberValues(col, cond, &a)
	case *dqdl.StringCondition:
		err = l.textValues(col, cond)
		if cond.Op == dqdl.Matches {
			a.ratio = metricName([]column{col}, "PatternMatch")
		}
	case *dqdl.DateCondition:
		err = c.dateValues(l, col, cond)
	}
	if err == nil {
		l.judgeRows(a)
	}
	return err
}

// valueRange is the analyzer: the smallest and the greatest number of a column.
func valueRange(l *leaf, col column) error {
	x, err := col.asNumber()
	if err != nil {
		return err
	}
	cols := []column{col}
	return l.extremes(cols, extreme{metricName(cols, "Minimum"), "CAST(" + l.filtered("min("+x+")") + " AS DOUBLE)"},
		extreme{metricName(cols, "Maximum"), "CAST(" + l.filtered("max("+x+")") + " AS DOUBLE)"})
}

// numberValues compares numbers. Where a minimum or maximum is the metric, it also tells whether every row passes, so that
// rows need not be counted.
func (l *leaf) numberValues(col column, cond *dqdl.NumberCondition, a *rowsAsk) error {
	o, err := numbers(cond)
	if err != nil {
		return err
	}
	if o.onlyNull() {
		l.test = o.test("", col.sql)
		return nil
	}
	x, err := col.asNumber()
	if err != nil {
		return err
	}
	l.test = o.test(x, col.sql)
	if l.rule.Threshold != nil || cond.Op == dqdl.Between {
		return nil
	}
	minimum, maximum := l.filtered("min("+x+")"), l.filtered("max("+x+")")
	all, low, high := o.extremes(minimum, maximum)
	if all == "" {
		return nil
	}
	a.allPass = all + " AND " + l.filtered("count("+x+")") + " = " + l.filtered("count(*)")
	if low {
		a.extremes = append(a.extremes, extreme{metricName([]column{col}, "Minimum"), "CAST(" + minimum + " AS DOUBLE)"})
	}
	if high {
		a.extremes = append(a.extremes, extreme{metricName([]column{col}, "Maximum"), "CAST(" + maximum + " AS DOUBLE)"})
	}
	return nil
}

// textValues compares texts. A keyword is one more value to be met.
func (l *leaf) textValues(col column, cond *dqdl.StringCondition) error {
	s, err := col.asText()
	if err != nil {
		return err
	}
	fold := ignoresCase(l.rule)
	if cond.Op == dqdl.Matches || cond.Op == dqdl.NotMatches {
		l.test, err = patternTest(s, cond, fold)
		return err
	}
	quote := job.Literal
	if fold {
		s = "lower(" + s + ")"
		quote = func(t string) string { return "lower(" + job.Literal(t) + ")" }
	}
	keywords, values := cond.Values()
	o := operands{op: cond.Op}
	blank := false
	for _, k := range keywords {
		switch k {
		case dqdl.Null:
			o.null = true
		case dqdl.Empty:
			values = append(values, "")
		case dqdl.WhitespacesOnly:
			blank = true
		}
	}
	o.values = quotedTexts(values, quote)
	l.test = &test{fail: cond.Op == dqdl.NotEqual || cond.Op == dqdl.NotIn}
	if o.null || len(o.values) > 0 {
		l.test.sql = o.hit(s, col.sql)
	}
	if blank {
		if l.test.sql != "" {
			l.test.sql += " OR "
		}
		l.test.sql += `regexp_full_match(` + s + `, '\s+')`
	}
	return nil
}

func ignoresCase(r *dqdl.Rule) bool {
	v, _ := r.Tag("ignoreCase")
	return v == "true"
}

// patternTest matches the whole text. NULL neither matches nor does not: it fails either way.
func patternTest(s string, cond *dqdl.StringCondition, fold bool) (*test, error) {
	pattern := string(cond.Operands[0].Quoted)
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, badPattern(err)
	}
	sql := "regexp_full_match(" + s + ", " + job.Literal(pattern)
	if fold {
		sql += ", 'i'"
	}
	sql += ")"
	if cond.Op == dqdl.NotMatches {
		sql = "NOT " + sql
	}
	return &test{sql: sql}, nil
}

// dateValues compares days: both sides lose their time.
func (c *compiler) dateValues(l *leaf, col column, cond *dqdl.DateCondition) error {
	d, err := col.asDate()
	if err != nil {
		return err
	}
	zone := time.UTC
	if name, ok := l.rule.Tag("timeZone"); ok {
		if zone, err = time.LoadLocation(name); err != nil {
			return fault.New(fault.Usage, "time zone: %w", err)
		}
	}
	o := operands{op: cond.Op}
	for _, m := range cond.Operands {
		if m.Form == dqdl.NoMoment {
			o.null = true
			continue
		}
		at, err := m.At(c.Now, zone)
		if err != nil {
			return fault.New(fault.Usage, "%w", err)
		}
		o.values = append(o.values, fmt.Sprintf("DATE '%s'", at.Format(time.DateOnly)))
	}
	if err := o.ordered(); err != nil {
		return err
	}
	l.test = o.test(d, col.sql)
	return nil
}
