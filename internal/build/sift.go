package build

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/job"
	"weir/internal/quality"
	"weir/internal/source"
)

// nthColumn numbers rows that are replayed, reasonColumn says why one is not taken.
const (
	nthColumn    = ownPrefix + "nth"
	reasonColumn = ownPrefix + "reason"
)

// sift parts the rows that can be taken now from those that cannot, each judged by itself: one row that is still wrong does not keep
// the others.
func (r *replaying) sift(ctx context.Context) error {
	rows, err := r.s.Strings(ctx, r.sifting())
	if err != nil {
		return fmt.Errorf("judge rows to replay: %w", err)
	}
	away := make([]string, 0, len(rows))
	for _, row := range rows {
		n, err := strconv.Atoi(row[0].Value)
		if err != nil {
			return fmt.Errorf("judge rows to replay: %w", err)
		}
		away = append(away, row[0].Value)
		r.fails(r.Rejects[n], row[1].Value, row[2].Value)
	}
	if len(away) > 0 {
		r.read.rel.SQL += " WHERE " + nthColumn + " NOT IN (" + strings.Join(away, ", ") + ")"
	}
	return nil
}

// sifting is a query of number, reason and rule of the rows that cannot be taken.
func (r *replaying) sifting() string {
	have := r.read.rel.Columns
	misfits, items := []string{}, []string{}
	for _, c := range r.columns {
		value := r.value(c, have)
		if value == "" {
			items = append(items, "CAST("+r.missing(c, have)+" AS "+c.Type+") AS "+job.Quote(c.Name))
			continue
		}
		cast := r.s.ExactlyOrNull(value, rowType(c.Type), c.Type)
		items = append(items, cast+" AS "+job.Quote(c.Name))
		misfits = append(misfits, fmt.Sprintf("WHEN %s IS NOT NULL AND %s IS NULL THEN %s || left(CAST(%s AS VARCHAR), 200) || %s",
			value, cast, job.Literal(c.Name+`: "`), value, job.Literal(`" is not exactly `+c.Type)))
		if c.Required {
			misfits = append(misfits, "WHEN "+value+" IS NULL THEN "+job.Literal(c.Name+": null, and the column is required"))
		}
	}
	reason := "NULL::VARCHAR"
	if len(misfits) > 0 {
		reason = "CASE " + strings.Join(misfits, " ") + " END"
	}
	typed := "SELECT " + nthColumn + ", " + reason + " AS " + reasonColumn + ", " + strings.Join(items, ", ") + " FROM (" + numbered(r.read.rel) + ") AS d"
	why, rule := "", ""
	for i, x := range r.checks.RowRules() {
		predicate := r.checks.Predicate(i)
		if x.OnFail == quality.Warn || predicate == "" {
			continue
		}
		broken := " WHEN NOT (" + predicate + ") THEN "
		why += broken + job.Literal("does not hold: "+x.Text)
		rule += broken + job.Literal(x.Text)
	}
	if why == "" {
		return "SELECT " + nthColumn + "::VARCHAR, " + reasonColumn + ", '' FROM (" + typed + ") WHERE " + reasonColumn + " IS NOT NULL"
	}
	return "SELECT " + nthColumn + "::VARCHAR, coalesce(" + reasonColumn + ", CASE" + why + " END) AS w, CASE WHEN " + reasonColumn + " IS NOT NULL THEN ''" + rule + " END FROM (" +
		typed + ") AS " + rowAlias + " WHERE w IS NOT NULL"
}

// numbered is a relation of quarantinedRelation with the number of each row.
func numbered(rel source.Relation) string {
	return strings.Replace(rel.SQL, "SELECT ", "SELECT "+nthColumn+", ", 1)
}
