package quality

import (
	"context"

	"weir/internal/dqdl"
)

// isComplete wants every row to hold a value. ” and NaN are values.
func isComplete(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	l.test = &test{sql: col.sql + " IS NOT NULL"}
	l.judgeRows(rowsAsk{
		hits:   l.filtered("count(" + col.sql + ")"),
		ratio:  metricName([]column{col}, "Completeness"),
		reason: dqdl.Quote(col.name).String() + " is null",
	})
	return nil
}

// completeness is the ratio of rows that hold a value.
func completeness(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	total, present := l.filtered("count(*)"), l.filtered("count("+col.sql+")")
	l.ask(total, present)
	l.row = func(context.Context, *pass) (string, error) { return col.sql + " IS NOT NULL", nil }
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		n := p.count(total)
		if n == 0 {
			return noRows(l, p), nil
		}
		held := p.count(present)
		v := l.metric(ctx, metricName([]column{col}, "Completeness"), float64(held)/float64(n))
		v.total, v.failed = n, n-held
		return v, nil
	}
	return nil
}
