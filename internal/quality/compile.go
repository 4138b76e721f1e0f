package quality

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// kind makes a simple rule of one type ready: it fills what the leaf asks and how it judges.
type kind func(*compiler, *leaf) error

// kinds are the types of rule that this version evaluates.
func kinds() map[string]kind {
	return map[string]kind{
		"ColumnCount":         columnCount,
		"ColumnExists":        columnExists,
		"ColumnLength":        columnLength,
		"ColumnValues":        columnValues,
		"Completeness":        completeness,
		"CustomSql":           customSQL,
		"DataFreshness":       dataFreshness,
		"DistinctValuesCount": distinctValuesCount,
		"Entropy":             entropy,
		"IsComplete":          isComplete,
		"IsPrimaryKey":        isPrimaryKey,
		"IsUnique":            isUnique,
		"Mean":                mean,
		"RowCount":            rowCount,
		"StandardDeviation":   standardDeviation,
		"Sum":                 sum,
		"UniqueValueRatio":    uniqueValueRatio,
		"Uniqueness":          uniqueness,
		"Variance":            variance,
	}
}

// compiler knows the table the rules are about.
type compiler struct {
	columns []job.Column
	now     time.Time // UTC
}

func (c *compiler) node(r *dqdl.Rule) (*node, error) {
	if r.Join != "" {
		n := &node{join: r.Join}
		for _, m := range r.Members {
			member, err := c.node(m)
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, member)
		}
		return n, nil
	}
	prepare, ok := kinds()[r.Name]
	if !ok {
		return nil, fault.New(fault.Usage, "rules of type %s are not evaluated in this version", r.Name).
			WithHint("evaluated are %s", strings.Join(slices.Sorted(maps.Keys(kinds())), ", "))
	}
	if err := answerable(r); err != nil {
		return nil, err
	}
	l := &leaf{rule: r, scope: scopeOf(r)}
	if err := prepare(c, l); err != nil {
		return nil, err
	}
	return &node{leaf: l}, nil
}

// answerable refuses conditions whose functions need what is not kept: the values of earlier runs.
func answerable(r *dqdl.Rule) error {
	known := dqdl.Standard()
	conditions := []*dqdl.NumberCondition{r.Threshold}
	if n, ok := r.Condition.(*dqdl.NumberCondition); ok {
		conditions = append(conditions, n)
	}
	for _, n := range conditions {
		if n == nil {
			continue
		}
		for _, call := range n.Calls() {
			if _, ok := known[call]; !ok {
				return fault.New(fault.Usage, "function %s is not evaluated in this version", call).
					WithHint("evaluated are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			}
		}
		if _, err := n.Evaluate(known); err != nil {
			return err
		}
	}
	return nil
}

func scopeOf(r *dqdl.Rule) string {
	if r.Where == "" {
		return ""
	}
	return parenthesized(rewriteSQL(r.Where.Value()))
}

// parenthesized closes behind a line end where a comment would swallow the bracket.
func parenthesized(sql string) string {
	if strings.Contains(sql, "--") {
		return "(" + sql + "\n)"
	}
	return "(" + sql + ")"
}

// column finds the column that parameter i names.
func (c *compiler) column(r *dqdl.Rule, i int) (column, error) {
	name := r.Params[i].Value()
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.EqualFold(s, name) },
	} {
		for _, col := range c.columns {
			if same(col.Name) {
				return columnOf(col), nil
			}
		}
	}
	return column{}, fault.New(fault.Usage, "%s", c.missing(name))
}

// missing says that there is no such column, and which name is most like it.
func (c *compiler) missing(name string) string {
	text := fmt.Sprintf("column %q is not in the table", name)
	if n := dqdl.Nearest(name, c.names()); n != "" {
		text += "; nearest: " + n
	}
	return text
}

func (c *compiler) names() []string {
	names := make([]string, len(c.columns))
	for i, col := range c.columns {
		names[i] = col.Name
	}
	return names
}

// columnSet finds all columns that the parameters name, in order, each once.
func (c *compiler) columnSet(r *dqdl.Rule) ([]column, error) {
	var all []column
	for i := range r.Params {
		col, err := c.column(r, i)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(o column) bool { return o.name == col.name }) {
			all = append(all, col)
		}
	}
	return all, nil
}

// filtered limits an aggregate to the rows in scope.
func (l *leaf) filtered(aggregate string) string {
	if l.scope == "" {
		return aggregate
	}
	return aggregate + " FILTER (WHERE " + l.scope + ")"
}

// counting counts the rows in scope for which a condition is TRUE.
func (l *leaf) counting(condition string) string {
	if l.scope == "" {
		return "count(*) FILTER (WHERE " + condition + ")"
	}
	return "count(*) FILTER (WHERE " + l.scope + " AND (" + condition + "))"
}

// ask adds aggregates to those of the scan.
func (l *leaf) ask(aggregates ...string) { l.asks = append(l.asks, aggregates...) }
