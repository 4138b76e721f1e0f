package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// column is a column of made data: its name, its type as both sides declare it, and how it follows from the row number i.
type column struct {
	name, kind, value string
}

// lineitem has the shape of TPC-H's table: 16 columns, about 127 bytes a row as CSV.
func lineitem() []column {
	// h(k) is a number that depends on the row and on k alone.
	h := func(k, modulo int) string { return fmt.Sprintf("(hash(i, %d) %% %d)", k, modulo) }
	from := func(k int, words ...string) string {
		return fmt.Sprintf("['%s'][%s::integer + 1]", strings.Join(words, "', '"), h(k, len(words)))
	}
	ship := fmt.Sprintf("DATE '1992-01-02' + %s::integer", h(11, 2520))
	return []column{
		{"l_orderkey", "BIGINT", "i // 4 + 1"},
		{"l_partkey", "BIGINT", h(1, 200000) + "::bigint + 1"},
		{"l_suppkey", "BIGINT", h(2, 10000) + "::bigint + 1"},
		{"l_linenumber", "INTEGER", "(i % 4)::integer + 1"},
		{"l_quantity", "DECIMAL(15,2)", "(" + h(3, 50) + "::integer + 1)::decimal(15,2)"},
		{"l_extendedprice", "DECIMAL(15,2)", "(" + h(4, 9500000) + "::integer + 90000)::decimal(15,2) / 100"},
		{"l_discount", "DECIMAL(15,2)", h(5, 11) + "::integer / 100"},
		{"l_tax", "DECIMAL(15,2)", h(6, 9) + "::integer / 100"},
		{"l_returnflag", "VARCHAR", from(7, "A", "N", "R")},
		{"l_linestatus", "VARCHAR", from(8, "F", "O")},
		{"l_shipdate", "DATE", ship},
		{"l_commitdate", "DATE", fmt.Sprintf("%s + %s::integer - 30", ship, h(12, 60))},
		{"l_receiptdate", "DATE", fmt.Sprintf("%s + %s::integer + 1", ship, h(13, 30))},
		{"l_shipinstruct", "VARCHAR", from(9, "DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")},
		{"l_shipmode", "VARCHAR", from(10, "AIR", "MAIL", "SHIP", "RAIL", "TRUCK", "FOB", "REG AIR")},
		{"l_comment", "VARCHAR", fmt.Sprintf("%s || ' ' || %s || ' ' || %s",
			from(14, "carefully", "quickly", "furiously", "slyly", "blithely"), from(15, "final deposits", "regular accounts", "special requests", "ironic packages"),
			from(16, "sleep", "haggle", "nag", "wake", "cajole"))},
	}
}

// made is a SELECT that makes rows of the columns.
func made(columns []column, from, to int64) string {
	var list []string
	for _, c := range columns {
		list = append(list, fmt.Sprintf("(%s)::%s AS %s", c.value, c.kind, c.name))
	}
	return fmt.Sprintf("SELECT %s FROM range(%d, %d) r(i)", strings.Join(list, ", "), from, to)
}

// structOf declares columns for DuckDB's readers.
func structOf(columns []column) string {
	var list []string
	for _, c := range columns {
		list = append(list, fmt.Sprintf("%s: '%s'", c.name, c.kind))
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// yamlOf declares columns for a definition.
func yamlOf(columns []column) string {
	var b strings.Builder
	b.WriteString("columns:\n")
	for _, c := range columns {
		fmt.Fprintf(&b, "  %s: %s\n", c.name, strings.ToLower(c.kind))
	}
	return b.String()
}

// cached gives a folder of made data, making it once. The name must say all that the data depends on.
func (s *settings) cached(ctx context.Context, name string, statements func(dir string) []string) (string, error) {
	dir := filepath.Join(s.cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	note("making %s", dir)
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", fmt.Errorf("make data: %w", err)
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return "", fmt.Errorf("make data: %w", err)
	}
	if _, err := s.raw(ctx, statements(part)...); err != nil {
		return "", fmt.Errorf("make data: %w", err)
	}
	if err := os.Rename(part, dir); err != nil {
		return "", fmt.Errorf("make data: %w", err)
	}
	return dir, nil
}

// csvData is one CSV file of lineitem.
func (s *settings) csvData(ctx context.Context, rows int64) (string, error) {
	return s.cached(ctx, fmt.Sprintf("lineitem-%d-csv", rows), func(dir string) []string {
		return []string{fmt.Sprintf("COPY (%s) TO %s (FORMAT csv, HEADER)", made(lineitem(), 0, rows), quote(filepath.Join(dir, "lineitem.csv")))}
	})
}

// ndjsonData is one NDJSON file of lineitem.
func (s *settings) ndjsonData(ctx context.Context, rows int64) (string, error) {
	return s.cached(ctx, fmt.Sprintf("lineitem-%d-ndjson", rows), func(dir string) []string {
		return []string{fmt.Sprintf("COPY (%s) TO %s (FORMAT json)", made(lineitem(), 0, rows), quote(filepath.Join(dir, "lineitem.ndjson")))}
	})
}

// parquetData is one Parquet file of lineitem.
func (s *settings) parquetData(ctx context.Context, rows int64) (string, error) {
	return s.cached(ctx, fmt.Sprintf("lineitem-%d-parquet", rows), func(dir string) []string {
		return []string{copyTo(made(lineitem(), 0, rows), filepath.Join(dir, "lineitem.parquet"))}
	})
}
