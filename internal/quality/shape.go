package quality

import (
	"context"
	"math"
	"regexp"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
)

// rowCount counts the rows in scope; no rows are a count like others.
func rowCount(_ *compiler, l *leaf) error {
	count := l.filtered("count(*)")
	l.ask(count)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		return l.metric(ctx, "Dataset.*.RowCount", float64(p.count(count))), nil
	}
	return nil
}

// columnCount is known without a question.
func columnCount(c *compiler, l *leaf) error {
	n := float64(len(c.Columns))
	l.judge = func(ctx context.Context, _ *pass) (verdict, error) {
		return l.metric(ctx, "Dataset.*.ColumnCount", n), nil
	}
	return nil
}

// columnExists wants a column of exactly that name, letters' case included. It is the one rule that may name a column
// the table does not have.
func columnExists(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	v := verdict{metrics: map[string]float64{"Dataset." + name + ".ColumnExists": 0},
		reason: missing(c.Columns, name, "the table")}
	for _, col := range c.Columns {
		if col.Name == name {
			v = verdict{passed: true, metrics: map[string]float64{"Dataset." + name + ".ColumnExists": 1}}
		}
	}
	l.judge = func(context.Context, *pass) (verdict, error) { return v, nil }
	return nil
}

// columnNamesMatchPattern wants a pattern to be found in every column's name. There are none that it is not found in where
// there are no columns.
func columnNamesMatchPattern(c *compiler, l *leaf) error {
	pattern, err := regexp.Compile(l.rule.Params[0].Text)
	if err != nil {
		return badPattern(err)
	}
	var others []string
	for _, col := range c.Columns {
		if !pattern.MatchString(col.Name) {
			others = append(others, dqdl.Quote(col.Name).String())
		}
	}
	all := float64(len(c.Columns))
	ratio := math.NaN()
	if all > 0 {
		ratio = (all - float64(len(others))) / all
	}
	v := verdict{passed: len(others) == 0, metrics: map[string]float64{"Dataset.*.ColumnNamesPatternMatchRatio": ratio}}
	if !v.passed {
		v.reason = "columns that do not match: " + strings.Join(others[:min(len(others), 20)], ", ")
	}
	l.judge = func(context.Context, *pass) (verdict, error) { return v, nil }
	return nil
}

func badPattern(err error) error {
	return fault.New(fault.Usage, "pattern: %w", err).WithHint("patterns are those of RE2, without look-around")
}
