package quality

import (
	"context"
	"fmt"
	"math"

	"weir/internal/dqdl"
)

// uniqueness is the ratio of rows whose values, taken together, occur once. Rows in which all are NULL do not count; a
// NULL beside a value is a value like others.
func uniqueness(c *compiler, l *leaf) error {
	return uniqueRows(c, l, func(cols []column, once, rows float64) verdict {
		v := metric(l, metricName(cols, "Uniqueness"), once/rows)
		v.total, v.failed = int64(rows), int64(rows-once)
		return v
	})
}

// isUnique wants the uniqueness to be 1.
func isUnique(c *compiler, l *leaf) error {
	return uniqueRows(c, l, func(cols []column, once, rows float64) verdict {
		return verdict{passed: once == rows, total: int64(rows), failed: int64(rows - once),
			metrics: map[string]float64{metricName(cols, "Uniqueness"): once / rows},
			reason:  list(cols) + " occurs more than once"}
	})
}

func uniqueRows(c *compiler, l *leaf, say func(cols []column, once, rows float64) verdict) error {
	cols, err := c.columnSet(l.rule)
	if err != nil {
		return err
	}
	once, rows := l.group(cols, onceCount), l.group(cols, groupedRows)
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		if p.grouped(rows) == 0 {
			return noValues(l, p, cols), nil
		}
		return say(cols, p.grouped(once), p.grouped(rows)), nil
	}
	return nil
}

// isPrimaryKey wants the columns together to be unique and each of them complete.
func isPrimaryKey(c *compiler, l *leaf) error {
	cols, err := c.columnSet(l.rule)
	if err != nil {
		return err
	}
	once, rows := l.group(cols, onceCount), l.group(cols, groupedRows)
	total := l.filtered("count(*)")
	l.ask(total)
	present := make([]string, len(cols))
	for i, col := range cols {
		present[i] = l.filtered("count(" + col.sql + ")")
		l.ask(present[i])
	}
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		n := p.count(total)
		if n == 0 {
			return noRows(l, p), nil
		}
		if p.grouped(rows) == 0 {
			return noValues(l, p, cols), nil
		}
		again := int64(p.grouped(rows) - p.grouped(once))
		v := verdict{passed: again == 0, total: n, failed: again,
			metrics: map[string]float64{metricName(cols, "Uniqueness"): p.grouped(once) / p.grouped(rows)}}
		if again > 0 {
			v.reason = fmt.Sprintf("%s occurs more than once (%d rows)", list(cols), again)
		}
		for i, col := range cols {
			held := p.count(present[i])
			v.metrics[metricName(cols[i:i+1], "Completeness")] = float64(held) / float64(n)
			if held == n {
				continue
			}
			v.passed = false
			v.failed = max(v.failed, n-held) // a row may be of both kinds: at least so many
			if v.reason != "" {
				v.reason += "; "
			}
			v.reason += fmt.Sprintf("%s is null (%d rows)", dqdl.Quote(col.name), n-held)
		}
		return v, nil
	}
	return nil
}

// uniqueValueRatio is the ratio of values that occur once to all distinct values.
func uniqueValueRatio(c *compiler, l *leaf) error {
	return distinctValues(c, l, "UniqueValueRatio", onceCount, func(once, values, _ float64) float64 { return once / values })
}

// distinctValuesCount counts distinct values. NULL is none.
func distinctValuesCount(c *compiler, l *leaf) error {
	return distinctValues(c, l, "DistinctValuesCount", groupCount, func(_, values, _ float64) float64 { return values })
}

// entropy is −Σ p ln p over the values' shares, with the natural logarithm, NULL left out. With n rows in groups of c it
// is ln n − Σ c ln c / n, which needs no second look at the groups.
func entropy(c *compiler, l *leaf) error {
	return distinctValues(c, l, "Entropy", weightedLogs, func(logs, _, rows float64) float64 {
		return max(0, math.Log(rows)-logs/rows)
	})
}

func distinctValues(c *compiler, l *leaf, name string, m measure, of func(measured, values, rows float64) float64) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	cols := []column{col}
	measured, values, rows := l.group(cols, m), l.group(cols, groupCount), l.group(cols, groupedRows)
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		if p.grouped(rows) == 0 {
			return noValues(l, p, cols), nil
		}
		return metric(l, metricName(cols, name), of(p.grouped(measured), p.grouped(values), p.grouped(rows))), nil
	}
	return nil
}
