package lineage_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/engine/duckdb"
	"weir/internal/model/boundplan"
	"weir/internal/model/lineage"
)

// stored are the tables of the snippets, with values by type that meet often.
var stored = []string{"orders", "stores", "prices", "returns", "staff"}

// traced is a snippet with its lineage.
type traced struct {
	name, sql string
	lineage   *lineage.Lineage
}

// depends says whether a column of a table is among the sources of an output column, whatever its part.
func (x traced) depends(output int, table, column string) bool {
	c := x.lineage.Columns[output]
	return slices.ContainsFunc(slices.Concat(c.Direct, c.Indirect, x.lineage.Indirect), func(s lineage.Source) bool {
		return s.Table == table && s.Column == column
	})
}

// TestLineageIsComplete changes the values of one column of one table: output columns that do not name it among their sources
// must keep their values.
func TestLineageIsComplete(t *testing.T) {
	setup, err := os.ReadFile(filepath.Join("testdata", "snippets", "tables.sql"))
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, string(setup))
	all := snippets(t, s)
	types := map[string][][2]string{}
	for _, table := range stored {
		cols, err := s.Describe(t.Context(), "FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cols {
			types[table] = append(types[table], [2]string{c.Name, c.Type})
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		for _, table := range stored {
			refill(r, s, table, types[table])
		}
		table := rapid.SampledFrom(stored).Draw(r, "table")
		column := rapid.SampledFrom(types[table]).Draw(r, "column")
		if table == "staff" && column[0] != "name" {
			return // a ring of bosses has no end
		}
		some := rapid.SliceOfN(rapid.SampledFrom(all), 6, 6).Draw(r, "snippets")
		before := make([][][]string, len(some))
		for i, x := range some {
			before[i] = answers(s, x.sql)
		}
		value := rapid.SampledFrom(values(column[1])).Draw(r, "value")
		if err := s.Exec(t.Context(), fmt.Sprintf("UPDATE %s SET %s = %s", table, column[0], value)); err != nil {
			r.Fatal(err)
		}
		for i, x := range some {
			after := answers(s, x.sql)
			if before[i] == nil || after == nil {
				continue // a subquery of two rows
			}
			for at := range x.lineage.Columns {
				if !x.depends(at, table, column[0]) && !same(x.sql, before[i][at], after[at]) {
					r.Fatalf("%s: %s.%s changes %s, and is no source of it\n%v\n%v", x.name, table, column[0], x.lineage.Columns[at].Name, before[i][at], after[at])
				}
			}
		}
	})
}

// same compares the values of a column. Where equal rows become one, only how often a value comes may differ.
func same(sql string, a, b []string) bool {
	for _, word := range []string{"distinct item", " union by name ", " except "} {
		if strings.Contains(sql, word) {
			a, b = slices.Compact(slices.Clone(a)), slices.Compact(slices.Clone(b))
		}
	}
	return slices.Equal(a, b)
}

func snippets(t *testing.T, s *duckdb.Session) (out []traced) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "snippets", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sql, _, _ := strings.Cut(string(text), "\n----\n")
		p, err := boundplan.Read(t.Context(), s, sql)
		if err != nil {
			t.Fatal(err)
		}
		cols, err := s.Describe(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		l, err := lineage.Of(p, make([]string, len(cols)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range cols {
			l.Columns[i].Name = cols[i].Name
		}
		out = append(out, traced{filepath.Base(file), sql, l})
	}
	return out
}

// answers are the sorted values of each output column, nil where the query fails.
func answers(s *duckdb.Session, sql string) [][]string {
	rows, err := s.Strings(context.Background(), sql)
	cols, err2 := s.Describe(context.Background(), sql)
	if err != nil || err2 != nil {
		return nil
	}
	out := make([][]string, len(cols))
	for _, row := range rows {
		for i, v := range row {
			out[i] = append(out[i], fmt.Sprint(v))
		}
	}
	for i := range out {
		slices.Sort(out[i])
	}
	return out
}

func values(typ string) []string {
	switch {
	case strings.HasSuffix(typ, "[]"):
		return []string{"null", "[]", "['a', 'b']", "['b']"}
	case strings.HasPrefix(typ, "STRUCT"):
		return []string{"null", "{'city': 'a', 'zip': 'b'}", "{'city': 'b', 'zip': null}"}
	case typ == "DATE":
		return []string{"null", "date '2026-01-01'", "date '2026-01-02'", "date '2026-02-01'"}
	case typ == "TIMESTAMP":
		return []string{"timestamp '2026-01-01 10:00'", "timestamp '2026-01-02 11:00'", "timestamp '2026-01-02 12:00'"}
	case typ == "VARCHAR":
		return []string{"null", "'a'", "'b'", "'EU'"}
	}
	return []string{"null", "0", "1", "2", "3", "200"}
}

// refill gives a table random rows. Ids count up, so that windows and orders leave no ties that rows would break.
func refill(r *rapid.T, s *duckdb.Session, table string, types [][2]string) {
	var rows []string
	for n := range rapid.IntRange(0, 5).Draw(r, table) {
		var cells []string
		for _, c := range types {
			cell := rapid.SampledFrom(values(c[1])).Draw(r, c[0])
			if c[0] == "id" {
				cell = fmt.Sprint(n)
			}
			if c[1] == "TIMESTAMP" || c[0] == "day" || c[0] == "opened" {
				cell = fmt.Sprintf("timestamp '2026-01-01 10:00' + interval %d hour", n*rapid.IntRange(20, 30).Draw(r, "hours"))
			}
			cells = append(cells, "("+cell+")::"+c[1])
		}
		rows = append(rows, "("+strings.Join(cells, ", ")+")")
	}
	sql := "DELETE FROM " + table
	if len(rows) > 0 {
		sql += "; INSERT INTO " + table + " VALUES " + strings.Join(rows, ", ")
	}
	if err := s.Exec(context.Background(), sql); err != nil {
		r.Fatal(err)
	}
}
