package quality

import (
	"context"
	"fmt"

	"weir/internal/fault"
	"weir/internal/job"
)

// JudgeRows judges all row rules over a delta, with one scan while they hold; a rule whose metric is a minimum or maximum
// and that does not hold has its rows counted in a second scan. The relation is SQL that can stand behind FROM. Outcomes
// are in the order of RowRules. A rule whose where cannot be run does not hold, and its Reason says why; an error means
// that the relation itself could not be read.
func (c *Checks) JudgeRows(ctx context.Context, q Querier, relation string) ([]Outcome, error) {
	return judge(ctx, q, relation, nil, c.rows)
}

// JudgeTable judges all table rules over the result: one scan for all that is an aggregate, a second where the centre of a
// column must be known first, one grouping for each set of columns, one query or two for each CustomSql and each rule that
// joins another table. Others are further relations by the alias that CustomSql knows them by;
// "primary" is the relation itself. Outcomes are in the order of TableRules.
func (c *Checks) JudgeTable(ctx context.Context, q Querier, relation string, others map[string]string) ([]Outcome, error) {
	return judge(ctx, q, relation, others, c.table)
}

// Judge judges all rules and asks all analyzers at once, over one relation. Outcomes are in the order of the document.
func (c *Checks) Judge(ctx context.Context, q Querier, relation string, others map[string]string) (rules, analyzers []Outcome, err error) {
	all := append(c.all[:len(c.all):len(c.all)], c.analyzers...)
	outcomes, err := judge(ctx, q, relation, others, all)
	if err != nil {
		return nil, nil, err
	}
	return outcomes[:len(c.all)], outcomes[len(c.all):], nil
}

// Queries gives what is asked at first, as plain data: all there is to ask unless a rule fails or wants to know more. Rules
// of the type CustomSql ask when they are judged.
func (c *Checks) Queries(relation string, others map[string]string) []job.Query {
	var w wanted
	for _, k := range c.all {
		for _, l := range k.node.leaves() {
			w.add(l)
		}
	}
	return newPass(nil, relation, others).plan(w)
}

func judge(ctx context.Context, q Querier, relation string, others map[string]string, checks []*check) ([]Outcome, error) {
	if len(checks) == 0 {
		return nil, nil
	}
	outcomes, err := together(ctx, q, relation, others, checks)
	if err == nil || !ruleFault(ctx, err) {
		return outcomes, err
	}
	// Something in one of the rules cannot be run. If the relation can be read, ask the rules by halves, down to it.
	p := newPass(q, relation, others)
	if err := p.fetch(ctx, wanted{asks: []ask{{aggregate: "count(*)"}}}); err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	if len(checks) == 1 {
		return []Outcome{{Rule: checks[0].rule, TellsRows: checks[0].node.marks(), Reason: "it cannot be evaluated: " + err.Error()}}, nil
	}
	half := len(checks) / 2
	first, err := judge(ctx, q, relation, others, checks[:half])
	if err != nil {
		return nil, err
	}
	second, err := judge(ctx, q, relation, others, checks[half:])
	return append(first, second...), err
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
			p.wanted.add(l)
		}
	}
	outcomes := make([]Outcome, len(checks))
	judged := make([]bool, len(checks))
	for {
		w := p.wanted
		p.wanted = wanted{}
		if err := p.fetch(ctx, w); err != nil {
			return nil, fmt.Errorf("judge rules: %w", err)
		}
		for i, c := range checks {
			if judged[i] {
				continue
			}
			before := p.wanted.count()
			var err error
			if outcomes[i], err = c.outcome(ctx, p); err != nil {
				return nil, err
			}
			judged[i] = p.wanted.count() == before
		}
		if p.wanted.count() == 0 {
			return outcomes, nil
		}
	}
}

func (c *check) outcome(ctx context.Context, p *pass) (Outcome, error) {
	v, err := c.node.judge(ctx, p)
	if err != nil {
		return Outcome{}, fmt.Errorf("rule %s: %w", c.rule.Text, err)
	}
	o := Outcome{Rule: c.rule, Passed: v.passed && !v.broken, Error: v.broken, Failed: v.failed, Total: v.total,
		Metrics: v.metrics, Reason: v.reason, Distribution: v.distribution, TellsRows: c.node.marks()}
	if v.evaluated != nil {
		o.Evaluated = v.evaluated.String()
	}
	return o, nil
}
