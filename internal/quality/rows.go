package quality

import (
	"context"

	"weir/internal/dqdl"
)

// rowsAsk is what a rule about single rows asks, and how it judges the answers.
type rowsAsk struct {
	total string // rows in scope
	hits  string // rows for which the test's SQL is TRUE
	// allPass is an aggregate that is TRUE only if every row in scope passes, asked instead of hits; "" for none.
	allPass string
	// metric names and values to report; where there are none, ratio is the name of the ratio of rows that pass.
	extremes []extreme
	ratio    string
	reason   string
	empty    bool // no rows satisfy the rule
}

// extreme is a metric that is an aggregate.
type extreme struct{ name, aggregate string }

// judgeRows gives a leaf with a test its judge.
func (l *leaf) judgeRows(a rowsAsk) {
	a.total = l.filtered("count(*)")
	if a.hits == "" {
		a.hits = l.counting(l.test.sql)
	}
	l.ask(a.total)
	if a.allPass == "" {
		l.ask(a.hits)
	} else {
		l.ask(a.allPass)
	}
	for _, e := range a.extremes {
		l.ask(e.aggregate)
	}
	l.judge = func(ctx context.Context, p *pass) (verdict, error) { return a.judge(ctx, l, p), nil }
}

func (a rowsAsk) judge(ctx context.Context, l *leaf, p *pass) verdict {
	total := p.count(a.total)
	if total == 0 {
		if a.empty {
			return verdict{passed: true, reason: noneMatched}
		}
		return noRows(l, p)
	}
	v := verdict{total: total, metrics: map[string]float64{}}
	if a.allPass == "" || !p.is(a.allPass) {
		v.failed = p.count(a.hits)
		if !l.test.fail {
			v.failed = total - v.failed
		}
	}
	for _, e := range a.extremes {
		if n, ok := p.number(e.aggregate); ok {
			v.metrics[e.name] = n
		}
	}
	ratio := float64(total-v.failed) / float64(total)
	if len(a.extremes) == 0 {
		v.metrics[a.ratio] = ratio
	}
	if v.passed = v.failed == 0; !v.passed {
		v.reason = a.reason
	}
	if l.rule.Threshold != nil {
		t := l.threshold(ctx, a.ratio, ratio)
		v.passed, v.reason, v.broken, v.evaluated = t.passed, t.reason, t.broken, t.evaluated
	}
	return v
}

// extremes gives an analyzer that reports aggregates.
func (l *leaf) extremes(cols []column, all ...extreme) error {
	for _, e := range all {
		l.ask(e.aggregate)
	}
	l.judge = func(_ context.Context, p *pass) (verdict, error) {
		v := verdict{passed: true, metrics: map[string]float64{}}
		for _, e := range all {
			if n, ok := p.number(e.aggregate); ok {
				v.metrics[e.name] = n
			}
		}
		if len(v.metrics) == 0 {
			return noValues(l, p, cols), nil
		}
		return v, nil
	}
	return nil
}

const noneMatched = "no rows matched the filter"

// noRows is the verdict where no row is in scope: a where that leaves none of some rows is no reason to fail, an empty
// relation has no value to judge by and fails, as in Glue.
func noRows(l *leaf, p *pass) verdict {
	if l.scope != "" && p.count("count(*)") > 0 {
		return verdict{passed: true, reason: noneMatched}
	}
	return verdict{reason: "there are no rows"}
}

// noValues is the verdict of a statistic over rows of which none holds a value.
func noValues(l *leaf, p *pass, cols []column) verdict {
	if l.scope != "" && p.count(l.filtered("count(*)")) == 0 {
		return noRows(l, p)
	}
	return verdict{reason: list(cols) + " holds no value"}
}

func list(cols []column) string {
	text := ""
	for i, c := range cols {
		if i > 0 {
			text += ", "
		}
		text += dqdl.Quote(c.name).String()
	}
	return text
}
