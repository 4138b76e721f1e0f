package quality

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// customSQL judges by a query of the user's. With a condition it is about the one number the query yields; without, the
// query yields the rows that pass, or some of their columns.
func customSQL(c *compiler, l *leaf) error {
	sql := rewriteSQL(l.rule.Params[0].Value())
	if l.rule.Condition != nil || l.records {
		l.judge = func(ctx context.Context, p *pass) (verdict, error) {
			return userFault(ctx, l.scalar(ctx, p, sql))
		}
		return nil
	}
	l.ask("count(*)")
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		return userFault(ctx, l.matching(ctx, p, c, sql))
	}
	l.row = func(ctx context.Context, p *pass) (string, error) {
		names, strange, err := p.yields(ctx, c, sql)
		if err == nil && strange != "" {
			err = fault.New(fault.Usage, "%s", strangeColumn(strange))
		}
		if err != nil {
			return "", err
		}
		good, same := make([]string, len(names)), make([]string, len(names))
		for i, n := range names {
			good[i] = fmt.Sprintf("weir_good%d", i)
			same[i] = fmt.Sprintf("weir_good.weir_good%d IS NOT DISTINCT FROM %s", i, job.Quote(n))
		}
		return "EXISTS (SELECT 1 FROM (" + p.with() + "SELECT * FROM " + parenthesized(sql) + ") AS weir_good(" + strings.Join(good, ", ") +
			") WHERE " + strings.Join(same, " AND ") + ")", nil
	}
	return nil
}

func strangeColumn(name string) string {
	return fmt.Sprintf("its query yields column %q, which is not found in the table", name)
}

// yields gives the columns of a query, and one of them that the table does not have.
func (p *pass) yields(ctx context.Context, c *compiler, sql string) (names []string, strange string, err error) {
	err = p.q.Query(ctx, "SELECT column_name FROM (DESCRIBE ("+p.with()+"SELECT * FROM "+parenthesized(sql)+"))", func(row []any) error {
		name := fmt.Sprint(row[0])
		at := slices.IndexFunc(c.Columns, func(col job.Column) bool { return strings.EqualFold(col.Name, name) })
		if at < 0 {
			strange = name
		}
		names = append(names, name)
		return nil
	})
	return names, strange, err
}

// answer is a verdict or why there is none.
type answer struct {
	verdict
	err error
}

// userFault turns an error of the user's query into a rule that does not hold.
func userFault(ctx context.Context, a answer) (verdict, error) {
	if a.err == nil || !ruleFault(ctx, a.err) {
		return a.verdict, a.err
	}
	return verdict{reason: "its query fails: " + a.err.Error()}, nil
}

// scalar wants one row of one number.
func (l *leaf) scalar(ctx context.Context, p *pass, sql string) answer {
	rows, columns := 0, 0
	var value any
	err := p.q.Query(ctx, p.with()+"SELECT TRY_CAST(COLUMNS(*) AS DOUBLE) FROM "+parenthesized(sql)+" LIMIT 2", func(row []any) error {
		rows++
		columns, value = len(row), row[0]
		return nil
	})
	if err != nil {
		return answer{err: err}
	}
	n, ok := float(value)
	switch {
	case rows != 1 || columns != 1:
		return answer{verdict: verdict{reason: "its query does not give one row of one column"}}
	case !ok:
		return answer{verdict: verdict{reason: "its query does not give a number"}}
	}
	return answer{verdict: l.metric(ctx, "Dataset.*.CustomSQL", n)}
}

// matching counts the rows that agree with a row of the query in all columns it yields. Each row counts once, however
// many rows of the query it agrees with.
func (l *leaf) matching(ctx context.Context, p *pass, c *compiler, sql string) answer {
	total := p.count("count(*)")
	if total == 0 {
		return answer{verdict: verdict{reason: "there are no rows"}}
	}
	names, strange, err := p.yields(ctx, c, sql)
	switch {
	case err != nil:
		return answer{err: err}
	case strange != "":
		return answer{verdict: verdict{reason: strangeColumn(strange)}}
	}
	same := make([]string, len(names))
	for i, n := range names {
		same[i] = "weir_all." + job.Quote(n) + " IS NOT DISTINCT FROM weir_good." + job.Quote(n)
	}
	var passed int64
	count := p.with() + `SELECT count(*) FROM "primary" AS weir_all SEMI JOIN ` + parenthesized(sql) + " AS weir_good ON " + strings.Join(same, " AND ")
	if err := p.q.Query(ctx, count, func(row []any) error {
		n, _ := float(row[0])
		passed = int64(n)
		return nil
	}); err != nil {
		return answer{err: err}
	}
	return answer{verdict: l.ratio(ctx, passed, total)}
}

func (l *leaf) ratio(ctx context.Context, passed, total int64) verdict {
	const name = "Dataset.*.CustomSQL.Compliance"
	ratio := float64(passed) / float64(total)
	v := verdict{passed: passed == total}
	if !v.passed {
		v.reason = "rows are not among those its query yields"
	}
	if l.rule.Threshold != nil {
		v = l.threshold(ctx, name, ratio)
	}
	v.failed, v.total, v.metrics = total-passed, total, map[string]float64{name: ratio}
	return v
}

// with names the relations for the user's SQL. They are inlined, so that only the columns a query uses are read.
func (p *pass) with() string {
	named := []string{`"primary" AS NOT MATERIALIZED (SELECT * FROM ` + p.relation + ")"}
	for _, alias := range slices.Sorted(maps.Keys(p.others)) {
		if !strings.EqualFold(alias, "primary") {
			named = append(named, job.Quote(alias)+" AS NOT MATERIALIZED (SELECT * FROM "+p.others[alias]+")")
		}
	}
	return "WITH " + strings.Join(named, ", ") + "\n"
}
