package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// profileParquet profiles all columns of a Parquet file; DuckDB reads all of them for count, least and greatest value.
func profileParquet(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.parquetData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	file := filepath.Join(dir, "lineitem.parquet")
	var items []string
	for _, c := range lineitem() {
		items = append(items, fmt.Sprintf("count(%[1]s), min(%[1]s), max(%[1]s)", c.name))
	}
	weir := side{"weir", func(ctx context.Context, _ int) (sample, error) {
		return measure(ctx, s.weir, "profile", file, "--memory", s.memory)
	}}
	raw := s.rawSide(func(string, int) []string {
		return []string{fmt.Sprintf("SELECT %s FROM read_parquet(%s)", strings.Join(items, ", "), quote(file))}
	})
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	return result{ratio: w.wall.Seconds() / r.wall.Seconds(), rows: rows, weir: w, baseline: describe("DuckDB: count, min, max of all 16 columns", r)}, nil
}
