package quality

import "context"

// rowCount counts the rows in scope; no rows are a count like others.
func rowCount(_ *compiler, l *leaf) error {
	count := l.filtered("count(*)")
	l.ask(count)
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		return metric(l, "Dataset.*.RowCount", float64(p.count(count))), nil
	}
	return nil
}

// columnCount is known without a question.
func columnCount(c *compiler, l *leaf) error {
	n := float64(len(c.columns))
	l.judge = func(context.Context, *pass) (verdict, error) { return metric(l, "Dataset.*.ColumnCount", n), nil }
	return nil
}

// columnExists wants a column of exactly that name, letters' case included. It is the one rule that may name a column
// the table does not have.
func columnExists(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	v := verdict{metrics: map[string]float64{"Dataset." + name + ".ColumnExists": 0},
		reason: c.missing(name)}
	for _, col := range c.columns {
		if col.Name == name {
			v = verdict{passed: true, metrics: map[string]float64{"Dataset." + name + ".ColumnExists": 1}}
		}
	}
	l.judge = func(context.Context, *pass) (verdict, error) { return v, nil }
	return nil
}
