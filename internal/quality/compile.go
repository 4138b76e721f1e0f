package quality

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// kind makes a simple rule of one type ready: it fills what the leaf asks and how it judges.
type kind func(*compiler, *leaf) error

// kinds are the types of rule that this version evaluates.
func kinds() map[string]kind {
	return map[string]kind{
		"AggregateMatch":          aggregateMatch,
		"AllStatistics":           allStatistics,
		"ColumnCorrelation":       columnCorrelation,
		"ColumnCount":             columnCount,
		"ColumnDataType":          columnDataType,
		"ColumnExists":            columnExists,
		"ColumnLength":            columnLength,
		"ColumnNamesMatchPattern": columnNamesMatchPattern,
		"ColumnValues":            columnValues,
		"Completeness":            completeness,
		"CustomSql":               customSQL,
		"DataFreshness":           dataFreshness,
		"DatasetMatch":            datasetMatch,
		"DetectAnomalies":         detectAnomalies,
		"DistinctValuesCount":     distinctValuesCount,
		"Distribution":            distribution,
		"DuplicateRowCount":       duplicateRowCount,
		"Entropy":                 entropy,
		"FileFreshness":           fileFreshness,
		"FileMatch":               fileMatch,
		"FileSize":                fileSize,
		"FileUniqueness":          fileUniqueness,
		"InterquartileRange":      interquartileRange,
		"IsComplete":              isComplete,
		"IsPrimaryKey":            isPrimaryKey,
		"IsUnique":                isUnique,
		"Kurtosis":                kurtosis,
		"Mean":                    mean,
		"Range":                   spread,
		"ReferentialIntegrity":    referentialIntegrity,
		"RowCount":                rowCount,
		"RowCountMatch":           rowCountMatch,
		"SchemaMatch":             schemaMatch,
		"Skewness":                skewness,
		"StandardDeviation":       standardDeviation,
		"Sum":                     sum,
		"UniqueValueRatio":        uniqueValueRatio,
		"Uniqueness":              uniqueness,
		"Variance":                variance,
		"ZerosCount":              zerosCount,
	}
}

// compiler knows the table the rules are about.
type compiler struct {
	Table
}

func (c *compiler) node(r *dqdl.Rule) (*node, error) {
	if r.Join != "" {
		return c.composite(r)
	}
	n, err := c.simple(r)
	if err != nil && c.Lenient {
		return failing(r, err), nil
	}
	return n, err
}

// failing is a rule that cannot be used and fails for that.
func failing(r *dqdl.Rule, err error) *node {
	v := verdict{reason: err.Error(), broken: errors.As(err, &unanswered{})}
	return &node{rule: r, leaf: &leaf{rule: r, judge: func(context.Context, *pass) (verdict, error) { return v, nil }}}
}

func (c *compiler) simple(r *dqdl.Rule) (*node, error) {
	prepare, ok := kinds()[r.Name]
	if !ok {
		return nil, fault.New(fault.Usage, "rules of type %s are not known", r.Name).
			WithHint("known are %s", strings.Join(slices.Sorted(maps.Keys(kinds())), ", "))
	}
	if err := c.answerable(r); err != nil {
		return nil, err
	}
	l := &leaf{rule: r, scope: scopeOf(r), history: c.History}
	if err := prepare(c, l); err != nil {
		return nil, err
	}
	return &node{rule: r, leaf: l}, nil
}

// composite compiles every member, so that all that is wrong with one is said at once.
func (c *compiler) composite(r *dqdl.Rule) (*node, error) {
	n := &node{rule: r, join: r.Join, byRow: c.ByRow}
	var errs []error
	for _, m := range r.Members {
		member, err := c.node(m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		n.members = append(n.members, member)
	}
	switch len(errs) {
	case 0:
		return n, nil
	case 1:
		return nil, errs[0]
	}
	return nil, fault.New(fault.Usage, "%w", errors.Join(errs...)).WithHint("%s", fault.HintOf(errs[0]))
}

// unanswered marks the errors of rules that ask for what there is not, rather than say something untrue of the table.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// answerable refuses conditions whose functions are not known or need what is not kept: the values of earlier runs.
func (c *compiler) answerable(r *dqdl.Rule) error {
	known := dqdl.Standard()
	for _, n := range conditionsOf(r) {
		past := false
		for _, call := range n.Calls() {
			if _, ok := known[call]; !ok && call != last {
				return unanswered{fault.New(fault.Usage, "function %s is not known", call).
					WithHint("known are last, %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))}
			}
			past = past || call == last
		}
		if past && c.History == nil {
			return unanswered{fault.New(fault.Usage, "last() asks for the values of earlier runs, which are not kept here").
				WithHint("weir quality eval takes them with --history FILE")}
		}
		if past {
			continue // what it comes to is known when the rule is judged
		}
		if _, err := n.Evaluate(known); err != nil {
			return unanswered{fault.New(fault.Usage, "%w", err)}
		}
	}
	return nil
}

// conditionsOf gives the conditions on numbers of a simple rule.
func conditionsOf(r *dqdl.Rule) (all []*dqdl.NumberCondition) {
	if n, ok := r.Condition.(*dqdl.NumberCondition); ok {
		all = append(all, n)
	}
	if r.Threshold != nil {
		all = append(all, r.Threshold)
	}
	return all
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
	return columnNamed(c.Columns, r.Params[i].Value(), "the table")
}

// columnNamed finds a column by its name, the letters' case as it is if there is one such and whatever it is otherwise.
// Backticks around a name do not count.
func columnNamed(cols []job.Column, name, where string) (column, error) {
	if n := len(name); n > 2 && name[0] == '`' && name[n-1] == '`' {
		name = name[1 : n-1]
	}
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.EqualFold(s, name) },
	} {
		for _, col := range cols {
			if same(col.Name) {
				return columnOf(col), nil
			}
		}
	}
	return column{}, fault.New(fault.Usage, "%s", missing(cols, name, where))
}

// missing says that there is no such column, and which name is most like it.
func missing(cols []job.Column, name, where string) string {
	text := fmt.Sprintf("column %q is not in %s", name, where)
	if n := dqdl.Nearest(name, namesOf(cols)); n != "" {
		text += "; nearest: " + n
	}
	return text
}

func namesOf(cols []job.Column) []string {
	names := make([]string, len(cols))
	for i, col := range cols {
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

// ask adds aggregates over the relation under judgement.
func (l *leaf) ask(aggregates ...string) {
	for _, a := range aggregates {
		l.asks = append(l.asks, ask{aggregate: a})
	}
}
