package quality

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/dqdl"
)

// node is a rule made ready: a leaf, or members joined.
type node struct {
	rule    *dqdl.Rule
	leaf    *leaf
	join    dqdl.Join
	members []*node
	byRow   bool // judged row by row
}

// leaf is a simple rule made ready.
type leaf struct {
	rule *dqdl.Rule
	// scope is the rule's where, in parentheses, "" for all rows. A row where it is NULL is out of scope.
	scope   string
	history History
	records bool // an analyzer, or a part of one: there is no condition
	// test is what a single row must satisfy; nil for rules about more than one row.
	test *test
	// row gives an SQL condition over a row in scope, of quoted, unqualified columns, for rules that say of each row whether
	// it passes by looking at others, too. Rules with a test need none.
	row func(context.Context, *pass) (string, error)
	// mute is set for rules that have a test and yet say nothing of single rows where results of rows are reported.
	mute bool
	// asks are aggregates, groups those over groups, queries such that give one number. A judge may ask for more: see pass.
	asks    []ask
	groups  []groupAsk
	queries []string
	judge   func(context.Context, *pass) (verdict, error)
}

// verdict is what a rule said, without the rule.
type verdict struct {
	passed  bool
	failed  int64 // rows
	total   int64 // rows in scope
	metrics map[string]float64
	reason  string // why not, or what there is to say
	broken  bool   // the rule cannot be judged; reason says why
	// evaluated is the rule with its functions' values in their place, nil where it has none.
	evaluated    *dqdl.Rule
	distribution *Distribution
}

// test is an SQL condition over a row. NULL counts as FALSE.
type test struct {
	sql  string
	fail bool // rows for which sql is TRUE fail and all others pass; otherwise they pass and all others fail
}

// total is the test as a condition that rows pass, never NULL.
func (t test) total() string {
	if t.fail {
		return "(" + t.sql + ") IS NOT TRUE"
	}
	return "(" + t.sql + ") IS TRUE"
}

func (n *node) aboutRows() bool {
	if n.leaf != nil {
		return n.leaf.test != nil
	}
	for _, m := range n.members {
		if !m.aboutRows() {
			return false
		}
	}
	return true
}

// predicate is for nodes about single rows an SQL condition over a row, TRUE outside the scope of its rule, never NULL.
func (n *node) predicate() string {
	if n.leaf != nil {
		if n.leaf.scope == "" {
			return n.leaf.test.total()
		}
		return n.leaf.scope + " IS NOT TRUE OR " + n.leaf.test.total()
	}
	parts := make([]string, len(n.members))
	for i, m := range n.members {
		parts[i] = "(" + m.predicate() + ")"
	}
	return strings.Join(parts, " "+string(n.join)+" ")
}

// leaves gives the simple rules of a node.
func (n *node) leaves() []*leaf {
	if n.leaf != nil {
		return []*leaf{n.leaf}
	}
	var all []*leaf
	for _, m := range n.members {
		all = append(all, m.leaves()...)
	}
	return all
}

// judge combines the members' outcomes, each over the whole relation, as Glue does by default: an OR of two rules that
// each fail for some row fails, even if every row passes one of them.
func (n *node) judge(ctx context.Context, p *pass) (verdict, error) {
	if n.leaf != nil {
		return n.leaf.judge(ctx, p)
	}
	parts := make([]verdict, len(n.members))
	for i, m := range n.members {
		var err error
		if parts[i], err = m.judge(ctx, p); err != nil {
			return verdict{}, err
		}
	}
	if n.byRow {
		return n.judgeByRow(ctx, p, parts)
	}
	all := n.combined(parts)
	if n.aboutRows() {
		all.total = p.count("count(*)")
		if !all.passed {
			all.failed = p.count("count(*) FILTER (WHERE NOT (" + n.predicate() + "))")
		}
	}
	return all, nil
}

// combined joins outcomes, their metrics, and the reasons of those that fail.
func (n *node) combined(parts []verdict) verdict {
	all := verdict{passed: n.join == dqdl.And, metrics: map[string]float64{}}
	rule := *n.rule
	rule.Members = slices.Clone(rule.Members)
	var reasons []string
	for i, v := range parts {
		if n.join == dqdl.And {
			all.passed = all.passed && v.passed
		} else {
			all.passed = all.passed || v.passed
		}
		all.broken = all.broken || v.broken
		if !v.passed {
			reasons = append(reasons, v.reason)
		}
		maps.Copy(all.metrics, v.metrics)
		if v.evaluated != nil {
			rule.Members[i], all.evaluated = v.evaluated, &rule
		}
	}
	all.broken = all.broken && !all.passed
	if !all.passed {
		all.reason = strings.Join(reasons, "; ")
	}
	return all
}
