package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/dqdl"
)

// Mark is what a rule says of a row.
type Mark int8

// The marks. Skipped are rows a rule says nothing about: because it is not about rows, or because they are out of its scope.
const (
	Skipped Mark = iota
	Passed
	Failed
)

func (m Mark) String() string { return [...]string{"Skipped", "Passed", "Failed"}[m] }

// tellsRows says whether a rule can say which rows fail.
func (n *node) tellsRows() bool {
	return n.every(func(l *leaf) bool { return l.test != nil || l.row != nil })
}

// marks says whether a rule's results of rows are reported: those of a composite are where each member has some.
func (n *node) marks() bool {
	return n.every(func(l *leaf) bool { return l.test != nil && !l.mute || l.row != nil })
}

func (n *node) every(is func(*leaf) bool) bool {
	return !slices.ContainsFunc(n.leaves(), func(l *leaf) bool { return !is(l) })
}

// condition is an SQL condition over a row of the pass's relation: TRUE where the row passes, FALSE where it fails, NULL
// where it is out of scope.
func (n *node) condition(ctx context.Context, p *pass) (string, error) {
	if n.leaf != nil {
		return n.leaf.rowCondition(ctx, p)
	}
	parts := make([]string, len(n.members))
	for i, m := range n.members {
		sql, err := m.condition(ctx, p)
		if err != nil {
			return "", err
		}
		parts[i] = "(" + sql + ")"
	}
	return strings.Join(parts, " "+string(n.join)+" "), nil
}

func (l *leaf) rowCondition(ctx context.Context, p *pass) (string, error) {
	sql := ""
	if l.row != nil {
		var err error
		if sql, err = l.row(ctx, p); err != nil {
			return "", err
		}
	} else {
		sql = l.test.total()
	}
	if l.scope != "" {
		sql = "CASE WHEN " + l.scope + " THEN " + sql + " END"
	}
	return sql, nil
}

// Predicates gives for each row rule, in the order of RowRules, an SQL condition over a row of the relation, with quoted,
// unqualified columns: TRUE for rows that pass and for rows outside the rule's where, FALSE for the others, never NULL. A
// composite is judged here row by row, although JudgeRows judges its members each over all rows.
func (c *Checks) Predicates(ctx context.Context, q Querier, relation string, others map[string]string) ([]string, error) {
	p := newPass(q, relation, others)
	all := make([]string, len(c.rows))
	for i, k := range c.rows {
		if k.node.aboutRows() {
			all[i] = k.node.predicate()
			continue
		}
		sql, err := k.node.condition(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", k.rule.Text, err)
		}
		all[i] = "(" + sql + ") IS NOT FALSE"
	}
	return all, nil
}

// Predicate is that of row rule i (its place in RowRules), of those with a meaning for a single row whatever the other rows
// are; "" of others.
func (c *Checks) Predicate(i int) string {
	if n := c.rows[i].node; n.aboutRows() {
		return n.predicate()
	}
	return ""
}

// MarkRows gives each row of the relation, in its order, what each of all rules says of it, in the order given to Compile.
// A rule that cannot be asked fails for every row. The marks are each's to read until it returns.
func (c *Checks) MarkRows(ctx context.Context, q Querier, relation string, others map[string]string, each func([]Mark) error) error {
	p := newPass(q, relation, others)
	marks := make([]Mark, len(c.all))
	var columns []string
	var asked []int
	for i, k := range c.all {
		if !k.node.marks() {
			continue
		}
		sql, err := k.node.condition(ctx, p)
		if err == nil {
			err = p.binds(ctx, sql)
		}
		switch {
		case err == nil:
			asked, columns = append(asked, i), append(columns, "CAST(("+sql+") AS BOOLEAN)")
		case ruleFault(ctx, err):
			marks[i] = Failed
		default:
			return fmt.Errorf("rule %s: %w", k.rule.Text, err)
		}
	}
	columns = append(columns, `"weir place"`)
	sql := "SELECT " + strings.Join(columns, ", ") + ` FROM (SELECT *, row_number() OVER () AS "weir place" FROM ` + relation + `) ORDER BY "weir place"`
	return q.Query(ctx, sql, func(row []any) error {
		for at, i := range asked {
			marks[i] = markOf(row[at])
		}
		return each(marks)
	})
}

func markOf(v any) Mark {
	passed, told := v.(bool)
	switch {
	case !told:
		return Skipped
	case passed:
		return Passed
	}
	return Failed
}

// binds asks whether a condition can be put to the relation.
func (p *pass) binds(ctx context.Context, sql string) error {
	return p.q.Query(ctx, "SELECT "+sql+" FROM "+p.relation+" LIMIT 0", func([]any) error { return nil })
}

// judgeByRow wants every row to satisfy the whole of a composite; what a member says that is not about rows holds for all
// of them.
func (n *node) judgeByRow(ctx context.Context, p *pass, parts []verdict) (verdict, error) {
	all := n.combined(parts)
	for _, l := range n.leaves() {
		if reason := notByRow(l.rule); reason != "" {
			return verdict{broken: true, reason: reason, metrics: all.metrics}, nil
		}
	}
	if !n.tellsRows() {
		return n.mixed(ctx, p, parts, all)
	}
	sql, err := n.condition(ctx, p)
	if err != nil {
		return all, err
	}
	return n.countByRow(p, sql, all), nil
}

// mixed puts outcomes in the place of members that are not about rows.
func (n *node) mixed(ctx context.Context, p *pass, parts []verdict, all verdict) (verdict, error) {
	texts := make([]string, len(n.members))
	rows := false
	for i, m := range n.members {
		texts[i] = fmt.Sprint(parts[i].passed)
		if m.tellsRows() {
			sql, err := m.condition(ctx, p)
			if err != nil {
				return all, err
			}
			texts[i], rows = "("+sql+")", true
		}
	}
	if !rows {
		return all, nil
	}
	return n.countByRow(p, strings.Join(texts, " "+string(n.join)+" "), all), nil
}

func (n *node) countByRow(p *pass, sql string, all verdict) verdict {
	failed, _ := p.queried("SELECT count(*) FROM (SELECT " + sql + " AS weir_ok FROM " + p.relation + ") WHERE NOT weir_ok")
	all.total, all.failed = p.count("count(*)"), int64(failed)
	all.broken, all.passed = false, all.failed == 0
	if all.passed {
		all.reason = ""
	} else {
		all.reason = fmt.Sprintf("%d of %d rows do not satisfy it", all.failed, all.total)
	}
	return all
}

// notByRow says why a rule cannot be a member of a composite that is judged by row, "" where it can.
func notByRow(r *dqdl.Rule) string {
	switch r.Name {
	case "Completeness", "DatasetMatch", "ReferentialIntegrity", "Uniqueness":
		return r.Name + " is a ratio and cannot be part of a composite that is judged by row"
	}
	if r.Threshold != nil {
		return r.Name + " with a threshold cannot be part of a composite that is judged by row"
	}
	return ""
}

// alone is an SQL condition on a row: that its values of columns, taken together, are not those of another row.
func (l *leaf) alone(cols []column) func(context.Context, *pass) (string, error) {
	return func(_ context.Context, p *pass) (string, error) {
		keys, some, same := make([]string, len(cols)), make([]string, len(cols)), make([]string, len(cols))
		for i, c := range cols {
			keys[i] = fmt.Sprintf("%s AS weir_key%d", c.sql, i)
			some[i] = c.sql + " IS NOT NULL"
			same[i] = fmt.Sprintf("weir_again.weir_key%d IS NOT DISTINCT FROM %s", i, c.sql)
		}
		where := "(" + strings.Join(some, " OR ") + ")"
		if l.scope != "" {
			where += " AND " + l.scope
		}
		return "NOT EXISTS (SELECT 1 FROM (SELECT " + strings.Join(keys, ", ") + " FROM " + p.relation + " WHERE " + where +
			" GROUP BY ALL HAVING count(*) > 1) AS weir_again WHERE " + strings.Join(same, " AND ") + ")", nil
	}
}
