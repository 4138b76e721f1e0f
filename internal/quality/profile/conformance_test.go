package profile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"weir/internal/job"

	"weir/test/env"
)

// golden is an analyzer of Deequ, its table and its value.
type golden struct {
	ID, Kind, Analyzer string
	Params             struct {
		Column, Where string
		Columns       []string
	}
	Table struct {
		Columns []struct{ Name, Type string }
		Rows    [][]any
	}
	Expected struct {
		Error     bool
		Value     *float64
		Tolerance float64
		Bins      map[string]struct{ Absolute int64 }
	}
}

// told is what a profile says where Deequ has an analyzer; false where it says nothing.
func told(analyzer string, c *Column) (float64, bool) {
	n, t := c.Number, c.Text
	switch {
	case analyzer == "Completeness":
		return c.Completeness, true
	case analyzer == "CountDistinct", analyzer == "ApproxCountDistinct":
		return float64(c.Distinct), true
	case n != nil && n.Count > 0:
		switch analyzer {
		case "Mean":
			return n.Mean, true
		case "StandardDeviation":
			return *n.StdDev, true
		case "Minimum":
			return n.Min, true
		case "Maximum":
			return n.Max, true
		case "Range":
			return n.Max - n.Min, true
		case "ZerosCount":
			return float64(n.Zeros), true
		}
	case t != nil && c.Kind == Texts:
		switch analyzer {
		case "MinLength":
			return float64(t.MinLength), true
		case "MaxLength":
			return float64(t.MaxLength), true
		}
	}
	return 0, false
}

var analyzers = []string{"Completeness", "CountDistinct", "ApproxCountDistinct", "Mean", "StandardDeviation", "Minimum", "Maximum", "Range", "ZerosCount", "MinLength", "MaxLength", "Histogram"}

func TestFiguresAreThoseOfDeequ(t *testing.T) {
	f, err := os.Open(env.Shared(t, "conformance/quality/deequ_metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, ran := bufio.NewScanner(f), 0
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var g golden
		if json.Unmarshal(lines.Bytes(), &g) != nil || g.Kind != "analyzer" || !slices.Contains(analyzers, g.Analyzer) || len(g.Params.Columns) > 1 {
			continue
		}
		ran++
		t.Run(g.ID, func(t *testing.T) { g.check(t) })
	}
	if err := lines.Err(); err != nil || ran < 30 {
		t.Fatalf("%d cases ran, %v", ran, err)
	}
}

// left are cases of what a profile does not tell, and why.
var left = map[string]string{
	"deequ.hand.Histogram.sum": "sums another column by value",
	"deequ.metric.ZerosCountTest.ZerosCount.return-0-for-all-null-column": "a column without values has no figures",
}

func (g *golden) check(t *testing.T) {
	if why := left[g.ID]; why != "" {
		t.Skip(why)
	}
	name := g.Params.Column
	if name == "" && len(g.Params.Columns) > 0 {
		name = g.Params.Columns[0]
	}
	name = strings.Trim(name, "`")
	if !slices.ContainsFunc(g.Table.Columns, func(c struct{ Name, Type string }) bool { return c.Name == name }) {
		t.Skip("the column is not there")
	}
	p, _ := of(t, g.query())
	c := p.column(t, name)
	if g.Expected.Bins != nil {
		for value, want := range g.Expected.Bins {
			got := c.Missing
			if value != "NullValue" {
				i := slices.IndexFunc(c.Top, func(v Value) bool { return v.Value == value })
				if i < 0 {
					t.Fatalf("no value %s", value)
				}
				got = c.Top[i].Count
			}
			if got != want.Absolute {
				t.Errorf("%s comes %d times, want %d", value, got, want.Absolute)
			}
		}
		return
	}
	got, ok := told(g.Analyzer, c)
	if ok == g.Expected.Error || ok && g.Expected.Value != nil && math.Abs(got-*g.Expected.Value) > max(g.Expected.Tolerance, 1e-9) {
		t.Errorf("%s is %v (%v), want %+v", g.Analyzer, got, ok, g.Expected)
	}
}

// query is a SELECT of the rows of a case, where its condition holds.
func (g *golden) query() string {
	types := map[string]string{"string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE"}
	var items, rows []string
	for i, c := range g.Table.Columns {
		items = append(items, fmt.Sprintf("column%d::%s AS %s", i, types[c.Type], job.Quote(c.Name)))
	}
	for _, row := range g.Table.Rows {
		var cells []string
		for _, v := range row {
			switch v := v.(type) {
			case nil:
				cells = append(cells, "NULL")
			case string:
				cells = append(cells, job.Literal(v))
			default:
				cells = append(cells, fmt.Sprint(v))
			}
		}
		rows = append(rows, "("+strings.Join(cells, ", ")+")")
	}
	names := make([]string, len(items))
	for i := range names {
		names[i] = fmt.Sprintf("column%d", i)
	}
	sql := "SELECT * FROM (SELECT " + strings.Join(items, ", ") + " FROM (VALUES " + strings.Join(rows, ", ") + ") v(" + strings.Join(names, ", ") + "))"
	if len(rows) == 0 {
		sql = "SELECT * FROM (SELECT " + strings.ReplaceAll(strings.Join(items, ", "), "column", "NULL AS column") + ") WHERE false"
	}
	if g.Params.Where != "" {
		sql += " WHERE " + strings.ReplaceAll(g.Params.Where, "unique ", `"unique"::INTEGER `) // a word of DuckDB's SQL, and not compared as text
	}
	return sql
}
