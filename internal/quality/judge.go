package quality

import (
	"context"
	"fmt"

	"weir/internal/fault"
)

// JudgeRows judges all row rules over a delta, with one scan while they hold; a rule whose metric is a minimum or maximum
// and that does not hold has its rows counted in a second scan. The relation is SQL that can stand behind FROM. Outcomes
// are in the order of RowRules. A rule whose where cannot be run does not hold, and its Reason says why; an error means
// that the relation itself could not be read.
func (c *Checks) JudgeRows(ctx context.Context, q Querier, relation string) ([]Outcome, error) {
	return judge(ctx, q, relation, nil, c.rows)
}

// JudgeTable judges all table rules over the result: one scan for all that is an aggregate, one grouping for each set of
// columns, one query or two for each CustomSql. Others are further relations by the alias that CustomSql knows them by;
// "primary" is the relation itself. Outcomes are in the order of TableRules.
func (c *Checks) JudgeTable(ctx context.Context, q Querier, relation string, others map[string]string) ([]Outcome, error) {
	return judge(ctx, q, relation, others, c.table)
}

func judge(ctx context.Context, q Querier, relation string, others map[string]string, checks []*check) ([]Outcome, error) {
	if len(checks) == 0 {
		return nil, nil
	}
	outcomes, err := together(ctx, q, relation, others, checks)
	if err == nil || !ruleFault(ctx, err) {
		return outcomes, err
	}
	// Something in one of the rules cannot be run. If the relation can be read, ask the rules one by one.
	p := newPass(q, relation, others)
	if err := p.fetch(ctx, []string{"count(*)"}, nil); err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	outcomes = nil
	for _, c := range checks {
		one, err := together(ctx, q, relation, others, []*check{c})
		switch {
		case err == nil:
			outcomes = append(outcomes, one...)
		case ruleFault(ctx, err):
			outcomes = append(outcomes, Outcome{Rule: c.rule, Reason: "it cannot be evaluated: " + err.Error()})
		default:
			return nil, err
		}
	}
	return outcomes, nil
}

// ruleFault says whether an error may come from what a rule says, rather than from a store, memory or an interruption.
func ruleFault(ctx context.Context, err error) bool {
	class := fault.ClassOf(err)
	return ctx.Err() == nil && (class == fault.Usage || class == fault.Data)
}

func newPass(q Querier, relation string, others map[string]string) *pass {
	return &pass{q: q, relation: relation, others: others, answers: map[string]any{}}
}

// together asks all that the checks know they will need, then what their judges want besides.
func together(ctx context.Context, q Querier, relation string, others map[string]string, checks []*check) ([]Outcome, error) {
	p := newPass(q, relation, others)
	for _, c := range checks {
		for _, l := range c.node.leaves() {
			p.noted = append(p.noted, l.asks...)
			p.groups = append(p.groups, l.groups...)
		}
	}
	outcomes := make([]Outcome, len(checks))
	judged := make([]bool, len(checks))
	for {
		if err := p.fetch(ctx, p.noted, p.groups); err != nil {
			return nil, fmt.Errorf("judge rules: %w", err)
		}
		p.noted, p.groups = nil, nil
		for i, c := range checks {
			if judged[i] {
				continue
			}
			before := len(p.noted) + len(p.groups)
			var err error
			if outcomes[i], err = c.outcome(ctx, p); err != nil {
				return nil, err
			}
			judged[i] = len(p.noted)+len(p.groups) == before
		}
		if len(p.noted)+len(p.groups) == 0 {
			return outcomes, nil
		}
	}
}

func (c *check) outcome(ctx context.Context, p *pass) (Outcome, error) {
	v, err := c.node.judge(ctx, p)
	if err != nil {
		return Outcome{}, fmt.Errorf("rule %s: %w", c.rule.Text, err)
	}
	o := Outcome{Rule: c.rule, Passed: v.passed, Failed: v.failed, Total: v.total, Metrics: v.metrics}
	if !v.passed {
		o.Reason = v.reason
	}
	return o, nil
}
