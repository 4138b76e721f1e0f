package quality

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// mean, sum, standardDeviation and variance leave NULL out; the last two are those of a population.
func mean(c *compiler, l *leaf) error { return statistic(c, l, "avg") }

func sum(c *compiler, l *leaf) error { return statistic(c, l, "sum") }

func standardDeviation(c *compiler, l *leaf) error { return deviation(c, l, "stddev_pop") }

func variance(c *compiler, l *leaf) error { return deviation(c, l, "var_pop") }

func deviation(c *compiler, l *leaf, function string) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	return measuredBy(c, l, func(x string) string { return l.finite(function+"("+x+")", col) })
}

// finite is an aggregate that does not take numbers without end, or what is no number: with one of those it is no number.
func (l *leaf) finite(aggregate string, cols ...column) string {
	var all []string
	for _, c := range cols {
		if t := strings.ToUpper(c.typ); t == "DOUBLE" || t == "FLOAT" || t == "REAL" {
			all = append(all, "isfinite("+c.sql+")")
		}
	}
	if len(all) == 0 {
		return l.filtered(aggregate)
	}
	is := strings.Join(all, " AND ")
	within := is
	if l.scope != "" {
		within = l.scope + " AND " + is
	}
	return "CASE WHEN " + l.counting("NOT ("+is+")") + " > 0 THEN CAST('NaN' AS DOUBLE) ELSE " + aggregate + " FILTER (WHERE " + within + ") END"
}

// spread is the greatest number less the smallest.
func spread(c *compiler, l *leaf) error {
	return measuredBy(c, l, func(x string) string {
		return "CAST(" + l.filtered("max("+x+")") + " AS DOUBLE) - CAST(" + l.filtered("min("+x+")") + " AS DOUBLE)"
	})
}

// interquartileRange is the distance of the exact quartiles, between values where they fall between.
func interquartileRange(c *compiler, l *leaf) error {
	return measuredBy(c, l, func(x string) string {
		return l.filtered("quantile_cont(CAST("+x+" AS DOUBLE), 0.75)") + " - " + l.filtered("quantile_cont(CAST("+x+" AS DOUBLE), 0.25)")
	})
}

// zerosCount counts zeros. Where there is no number there is none.
func zerosCount(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	x, err := col.measured(l.rule.Name)
	if err != nil {
		return err
	}
	zeros := l.counting(x + " = 0")
	l.ask(zeros)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		return l.metric(ctx, metricName([]column{col}, "ZerosCount"), float64(p.count(zeros))), nil
	}
	return nil
}

// columnCorrelation is Pearson's, over rows with both numbers.
func columnCorrelation(c *compiler, l *leaf) error {
	cols := make([]column, 2)
	for i := range cols {
		col, err := c.column(l.rule, i)
		if err != nil {
			return err
		}
		if _, err := col.measured(l.rule.Name); err != nil {
			return err
		}
		cols[i] = col
	}
	aggregate := l.finite("corr(CAST("+cols[0].sql+" AS DOUBLE), CAST("+cols[1].sql+" AS DOUBLE))", cols...)
	l.ask(aggregate)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		value, ok := p.number(aggregate)
		if !ok {
			return noValues(l, p, cols), nil
		}
		return l.metric(ctx, metricName(cols, "ColumnCorrelation"), value), nil
	}
	return nil
}

// skewness and kurtosis are those of a population; kurtosis is what exceeds that of a normal distribution. Both are 0
// where all numbers are equal.
func skewness(c *compiler, l *leaf) error {
	return centred(c, l, 3, func(m2, m3 float64) float64 { return m3 / math.Pow(m2, 1.5) })
}

func kurtosis(c *compiler, l *leaf) error {
	return centred(c, l, 4, func(m2, m4 float64) float64 { return m4/(m2*m2) - 3 })
}

// centred asks for the mean first and for powers of the distances from it then: powers of the values themselves would lose
// all digits where values are large and lie close together.
func centred(c *compiler, l *leaf, power int, of func(m2, m float64) float64) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	x, err := col.measured(l.rule.Name)
	if err != nil {
		return err
	}
	cols := []column{col}
	centre := "CAST(" + l.filtered("avg("+x+")") + " AS DOUBLE)"
	l.ask(centre)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		mean, ok := p.number(centre)
		if !ok {
			return noValues(l, p, cols), nil
		}
		if math.IsNaN(mean) || math.IsInf(mean, 0) {
			return l.metric(ctx, metricName(cols, l.rule.Name), math.NaN()), nil
		}
		from := "CAST(" + x + " AS DOUBLE) - (" + strconv.FormatFloat(mean, 'e', -1, 64) + ")"
		m2, _ := p.number(l.filtered("avg(power(" + from + ", 2))"))
		m, _ := p.number(l.filtered(fmt.Sprintf("avg(power(%s, %d))", from, power)))
		value := 0.0
		if m2 > 0 {
			value = of(m2, m)
		}
		return l.metric(ctx, metricName(cols, l.rule.Name), value), nil
	}
	return nil
}

func statistic(c *compiler, l *leaf, function string) error {
	return measuredBy(c, l, func(x string) string { return l.filtered(function + "(" + x + ")") })
}

// measuredBy judges an aggregate of the column, whose expression is given.
func measuredBy(c *compiler, l *leaf, of func(x string) string) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	x, err := col.measured(l.rule.Name)
	if err != nil {
		return err
	}
	cols := []column{col}
	aggregate := "CAST(" + of(x) + " AS DOUBLE)"
	l.ask(aggregate)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		value, ok := p.number(aggregate)
		if !ok {
			return noValues(l, p, cols), nil
		}
		return l.metric(ctx, metricName(cols, l.rule.Name), value), nil
	}
	return nil
}
