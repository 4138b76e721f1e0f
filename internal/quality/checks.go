package quality

import (
	"errors"
	"fmt"
	"time"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// Checks are the rules of one table made ready to ask. They hold no state of a judgement and may be used side by side.
type Checks struct {
	rows  []*check
	table []*check
	all   []*check // in the order given
	// analyzers measure only.
	analyzers []*check
}

// check is one rule and what it became.
type check struct {
	rule Rule
	node *node
}

// Compile makes rules ready for a table of the given columns. The error is of class Usage, names every rule that cannot be
// used and says why: an unknown column (with the nearest name), a condition that does not fit the column's type, a type of
// rule that is not evaluated in this version, quarantine where a rule is not about single rows.
func Compile(rules []Rule, cols []job.Column) (*Checks, error) {
	return CompileAt(rules, cols, time.Now())
}

// CompileAt is Compile with the time that now() and ages in the rules are counted from.
func CompileAt(rules []Rule, cols []job.Column, now time.Time) (*Checks, error) {
	return CompileFor(rules, Table{Columns: cols, Now: now})
}

// CompileFor is Compile for a table of which more is known than its columns.
func CompileFor(rules []Rule, t Table) (*Checks, error) {
	c := newCompiler(t)
	checks := &Checks{}
	var errs []error
	for _, r := range rules {
		n, err := c.rule(&r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		checks.add(&check{rule: r, node: n})
	}
	switch len(errs) {
	case 0:
		return checks, nil
	case 1:
		return nil, errs[0]
	}
	return nil, fault.New(fault.Usage, "%w", errors.Join(errs...)).WithHint("%s", fault.HintOf(errs[0]))
}

// CompileRuleset makes a whole document ready to be judged as Glue judges it: what cannot be used fails when it is judged.
func CompileRuleset(set *dqdl.Ruleset, t Table) (*Checks, error) {
	t.Lenient = true
	rules := make([]Rule, len(set.Rules))
	for i, r := range set.Rules {
		rules[i] = Rule{Rule: r, OnFail: Warn}
	}
	checks, err := CompileFor(rules, t)
	if err != nil {
		return nil, err
	}
	c := newCompiler(t)
	for _, r := range set.Analyzers {
		n, err := c.analyzer(r)
		if err != nil {
			n = failing(r, err)
		}
		checks.analyzers = append(checks.analyzers, &check{rule: Rule{Text: r.String(), Rule: r}, node: n})
	}
	return checks, nil
}

func newCompiler(t Table) *compiler {
	t.Now = t.Now.UTC()
	return &compiler{Table: t}
}

// add puts a check with those of rows or of the table. What turns rows away is asked before they are merged.
func (c *Checks) add(k *check) {
	c.all = append(c.all, k)
	if k.node.aboutRows() || k.rule.OnFail == Quarantine {
		c.rows = append(c.rows, k)
	} else {
		c.table = append(c.table, k)
	}
}

// rule compiles one rule, parsing and printing it first where the caller left that open.
func (c *compiler) rule(r *Rule) (*node, error) {
	if r.Rule == nil {
		parsed, err := dqdl.ParseRule(r.Text)
		if err != nil {
			return nil, unusable(*r, err)
		}
		r.Rule = parsed
	}
	if r.Text == "" {
		r.Text = r.Rule.String()
	}
	n, err := c.node(r.Rule)
	if err != nil {
		return nil, unusable(*r, err)
	}
	if r.OnFail == Quarantine && !n.tellsRows() {
		return nil, unusable(*r, fault.New(fault.Usage, "only rules that say which rows fail can quarantine, and composites of them").
			WithHint("set on_fail: stop or on_fail: warn"))
	}
	return n, nil
}

func unusable(r Rule, err error) error {
	place := ""
	if r.File != "" {
		place = fmt.Sprintf(" (%s:%d)", r.File, r.Line)
	}
	return fault.New(fault.Usage, "rule %s%s: %w", r.Text, place, err).WithHint("%s", fault.HintOf(err))
}

// RowRules are the rules with a meaning for a single row, whatever the other rows are, and those that turn rows away, in
// the order given to Compile.
func (c *Checks) RowRules() []Rule { return rulesOf(c.rows) }

// TableRules are all other rules, in the order given to Compile.
func (c *Checks) TableRules() []Rule { return rulesOf(c.table) }

func rulesOf(checks []*check) []Rule {
	rules := make([]Rule, len(checks))
	for i, c := range checks {
		rules[i] = c.rule
	}
	return rules
}
