package locality

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/engine/duckdb"
)

// TestJudgementsAreTrue runs the queries over random rows: a query said to be row-local gives over two sets of rows together
// what it gives over each, and a query with groups changes only in the groups of the changed rows.
func TestJudgementsAreTrue(t *testing.T) {
	ctx := context.Background()
	s := duck(t)
	type judged struct {
		sql    string
		local  bool
		groups []string
	}
	var all []judged
	for _, c := range queries {
		p := bound(t, s, c.sql)
		j := judged{sql: c.sql}
		j.local = RowLocal(p, "d") == nil
		if items, r := Groups(p, "d", []int{0}); r == nil {
			for _, item := range items {
				texts, err := SQL(ctx, s, "d", item)
				if err != nil {
					j.groups = nil
					break
				}
				j.groups = append(j.groups, texts[0])
			}
		}
		if j.local || len(j.groups) > 0 {
			all = append(all, j)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		row := rapid.Custom(func(r *rapid.T) string {
			n := func(name string) string {
				return rapid.SampledFrom([]string{"null", "0", "1", "2", "3"}).Draw(r, name)
			}
			return fmt.Sprintf("(%s, %s, %s, %s, %s, [%s, %s], %s)", n("id"), n("k"), n("g"), n("v"), rapid.SampledFrom([]string{"null", "'a'", "'b'"}).Draw(r, "t"),
				n("l"), n("l"), rapid.SampledFrom([]string{"null", "timestamp '2026-01-01 12:00'", "timestamp '2026-01-02 01:00'", "timestamp '2026-02-02'"}).Draw(r, "ts"))
		})
		rows := rapid.SliceOfN(row, 0, 6)
		a, b, c := rows.Draw(r, "a"), rows.Draw(r, "b"), rows.Draw(r, "c")
		other := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) string {
			n := func(name string) string { return rapid.SampledFrom([]string{"null", "0", "1", "2"}).Draw(r, name) }
			return fmt.Sprintf("(%s, %s, 'n', %s)", n("id"), n("k"), n("v"))
		}), 0, 4).Draw(r, "s")
		fill(r, s, "s", other)
		ask := func(rows []string, sql string) []string {
			fill(r, s, "d", rows)
			out, err := s.Strings(ctx, sql)
			if err != nil {
				return []string{"error"} // a scalar subquery of two rows
			}
			var lines []string
			for _, row := range out {
				lines = append(lines, fmt.Sprint(row))
			}
			slices.Sort(lines)
			return lines
		}
		for _, j := range rapid.SliceOfN(rapid.SampledFrom(all), 4, 4).Draw(r, "queries") {
			ab := slices.Concat(a, b)
			if j.local {
				apart := slices.Concat(ask(a, j.sql), ask(b, j.sql))
				slices.Sort(apart)
				if got := ask(ab, j.sql); !slices.Equal(got, apart) && !slices.Contains(got, "error") {
					r.Fatalf("%s is not row-local:\n%v\n%v", j.sql, got, apart)
				}
				if got := ask(nil, j.sql); len(got) > 0 {
					r.Fatalf("%s gives %v over no rows", j.sql, got)
				}
			}
			if len(j.groups) == 0 {
				continue
			}
			// a stays, b goes, c comes.
			changed := slices.Concat(b, c)
			fill(r, s, "d", changed)
			var touched []string
			for _, e := range j.groups {
				touched = append(touched, "SELECT "+e+" AS g FROM d")
			}
			if err := s.Exec(ctx, "CREATE OR REPLACE TABLE touched AS "+strings.Join(touched, " UNION ")); err != nil {
				r.Fatal(err)
			}
			untouched := "SELECT * FROM (" + j.sql + ") AS q(" + columnNames(r, s, j.sql) + ") WHERE NOT EXISTS (FROM touched WHERE touched.g IS NOT DISTINCT FROM q.c1)"
			before, after := ask(ab, untouched), ask(slices.Concat(a, c), untouched)
			if !slices.Equal(before, after) && !slices.Contains(before, "error") && !slices.Contains(after, "error") {
				r.Fatalf("%s changes in groups that are not touched:\n%v\n%v", j.sql, before, after)
			}
		}
	})
}

func columnNames(r *rapid.T, s *duckdb.Session, sql string) string {
	cols, err := s.Describe(context.Background(), sql)
	if err != nil {
		r.Fatal(err)
	}
	names := make([]string, len(cols))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i+1)
	}
	return strings.Join(names, ", ")
}

func fill(r *rapid.T, s *duckdb.Session, table string, rows []string) {
	sql := "DELETE FROM " + table
	if len(rows) > 0 {
		sql += "; INSERT INTO " + table + " VALUES " + strings.Join(rows, ", ")
	}
	if err := s.Exec(context.Background(), sql); err != nil {
		r.Fatal(err)
	}
}
