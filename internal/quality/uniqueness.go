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
	return uniqueRows(c, l, func(ctx context.Context, cols []column, once, rows float64) verdict {
		v := l.metric(ctx, metricName(cols, "Uniqueness"), once/rows)
		v.total, v.failed = int64(rows), int64(rows-once)
		return v
	})
}

// isUnique wants the uniqueness to be 1.
func isUnique(c *compiler, l *leaf) error {
	return uniqueRows(c, l, func(_ context.Context, cols []column, once, rows float64) verdict {
		v := verdict{passed: once == rows, total: int64(rows), failed: int64(rows - once),
			metrics: map[string]float64{metricName(cols, "Uniqueness"): once / rows}}
		if !v.passed {
			v.reason = list(cols) + " occurs more than once"
		}
		return v
	})
}

func uniqueRows(c *compiler, l *leaf, say func(ctx context.Context, cols []column, once, rows float64) verdict) error {
	cols, err := c.columnSet(l.rule)
	if err != nil {
		return err
	}
	once, rows := l.group(cols, onceCount), l.group(cols, groupedRows)
	l.row = l.alone(cols)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		if p.grouped(rows) == 0 {
			return noValues(l, p, cols), nil
		}
		return say(ctx, cols, p.grouped(once), p.grouped(rows)), nil
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
	l.row = l.key(cols)
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

// key is alone, with a value in every column.
func (l *leaf) key(cols []column) func(context.Context, *pass) (string, error) {
	alone := l.alone(cols)
	return func(ctx context.Context, p *pass) (string, error) {
		sql, err := alone(ctx, p)
		for _, c := range cols {
			sql += " AND " + c.sql + " IS NOT NULL"
		}
		return sql, err
	}
}

// uniqueValueRatio is the ratio of values that occur once to all distinct values.
func uniqueValueRatio(c *compiler, l *leaf) error {
	if col, err := c.column(l.rule, 0); err == nil {
		l.row = l.alone([]column{col})
	}
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
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		if p.grouped(rows) == 0 {
			return noValues(l, p, cols), nil
		}
		return l.metric(ctx, metricName(cols, name), of(p.grouped(measured), p.grouped(values), p.grouped(rows))), nil
	}
	return nil
}

// duplicateRowCount counts all rows whose values, taken together, are those of another row; those of all columns where
// none are named.
func duplicateRowCount(c *compiler, l *leaf) error {
	cols, err := c.columnSet(l.rule)
	if err != nil {
		return err
	}
	for _, col := range c.Columns {
		if len(l.rule.Params) == 0 {
			cols = append(cols, columnOf(col))
		}
	}
	name := "Dataset.*.DuplicateRowCount"
	if len(l.rule.Params) > 0 {
		name = metricName(cols, "DuplicateRowCount")
	}
	repeated := l.group(cols, repeatedRows)
	l.row = l.alone(cols)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		return l.metric(ctx, name, p.grouped(repeated)), nil
	}
	return nil
}
