package quality

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"weir/internal/dqdl"
)

// dataFreshness judges the age of every value, in hours to two decimals. NULL has no age and fails. No rows are fresh.
// It is a rule about the table, because what it says of a row changes with time.
func dataFreshness(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	at, err := col.asSeconds()
	if err != nil {
		return err
	}
	cond, ok := l.rule.Condition.(*dqdl.DurationCondition)
	if !ok {
		return noAnalyzer(l)
	}
	o := operands{op: cond.Op}
	for _, d := range cond.Operands {
		o.values = append(o.values, strconv.FormatFloat(hours(d), 'f', -1, 64))
	}
	now := float64(c.Now.UnixMicro()) / 1e6
	age := fmt.Sprintf("round((%s - %s) / 3600, 2)", strconv.FormatFloat(now, 'f', 6, 64), at)
	fresh := ""
	switch o.op {
	case dqdl.Equal, dqdl.In:
		fresh = o.equal(age)
	case dqdl.NotEqual, dqdl.NotIn:
		fresh = "NOT (" + o.equal(age) + ")"
	default:
		fresh = o.order(age)
	}
	total, hits := l.filtered("count(*)"), l.counting(fresh)
	l.ask(total, hits)
	l.row = func(context.Context, *pass) (string, error) { return "(" + fresh + ") IS TRUE", nil }
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		n, ok := p.count(total), p.count(hits)
		if n == 0 {
			return verdict{passed: true, reason: noneMatched}, nil
		}
		ratio := float64(ok) / float64(n)
		v := verdict{passed: ok == n, total: n, failed: n - ok,
			metrics: map[string]float64{metricName([]column{col}, "DataFreshness.Compliance"): ratio}}
		if !v.passed {
			v.reason = fmt.Sprintf("%.2f%% of rows passed", 100*ratio)
		}
		return v, nil
	}
	return nil
}

// hours is a duration in hours; minutes to four decimals, as the reference has them.
func hours(d dqdl.Duration) float64 { return math.Round(float64(d.Minutes())/60*1e4) / 1e4 }
