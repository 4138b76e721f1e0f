package quality

import (
	"context"
	"strings"

	"weir/internal/dqdl"
)

// node is a rule made ready: a leaf, or members joined.
type node struct {
	leaf    *leaf
	join    dqdl.Join
	members []*node
}

// leaf is a simple rule made ready.
type leaf struct {
	rule *dqdl.Rule
	// scope is the rule's where, in parentheses, "" for all rows. A row where it is NULL is out of scope.
	scope string
	// test is what a single row must satisfy; nil for rules about more than one row.
	test *test
	// asks are aggregates for the one scan over the relation, groups those over its groups. A judge may ask for more:
	// see pass.
	asks   []string
	groups []groupAsk
	judge  func(context.Context, *pass) (verdict, error)
}

// verdict is what a rule said, without the rule.
type verdict struct {
	passed  bool
	failed  int64 // rows
	total   int64 // rows in scope
	metrics map[string]float64
	reason  string // empty where passed
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
	all := verdict{passed: n.join == dqdl.And, metrics: map[string]float64{}}
	var reasons []string
	for _, m := range n.members {
		v, err := m.judge(ctx, p)
		if err != nil {
			return v, err
		}
		if n.join == dqdl.And {
			all.passed = all.passed && v.passed
		} else {
			all.passed = all.passed || v.passed
		}
		if !v.passed {
			reasons = append(reasons, v.reason)
		}
		for name, value := range v.metrics {
			all.metrics[name] = value
		}
	}
	if n.aboutRows() {
		all.total = p.count("count(*)")
	}
	if !all.passed {
		all.reason = strings.Join(reasons, "; ")
		if n.aboutRows() {
			all.failed = p.count("count(*) FILTER (WHERE NOT (" + n.predicate() + "))")
		}
	}
	return all, nil
}
