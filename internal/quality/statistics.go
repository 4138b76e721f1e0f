package quality

import "context"

// mean, sum, standardDeviation and variance leave NULL out; the last two are those of a population.
func mean(c *compiler, l *leaf) error { return statistic(c, l, "avg") }

func sum(c *compiler, l *leaf) error { return statistic(c, l, "sum") }

func standardDeviation(c *compiler, l *leaf) error { return statistic(c, l, "stddev_pop") }

func variance(c *compiler, l *leaf) error { return statistic(c, l, "var_pop") }

func statistic(c *compiler, l *leaf, function string) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	x, err := col.measured(l.rule.Name)
	if err != nil {
		return err
	}
	cols := []column{col}
	aggregate := "CAST(" + l.filtered(function+"("+x+")") + " AS DOUBLE)"
	l.ask(aggregate)
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		value, ok := p.number(aggregate)
		if !ok {
			return noValues(l, p, cols), nil
		}
		return metric(l, metricName(cols, l.rule.Name), value), nil
	}
	return nil
}
