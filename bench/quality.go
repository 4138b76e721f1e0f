package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mixed are twenty rules, and what a person would ask for the same figures in one SELECT.
var mixed = []struct{ rule, sql string }{
	{"RowCount > 0", "count(*)"},
	{`IsComplete "l_orderkey"`, "count(l_orderkey)"},
	{`Completeness "l_comment" > 0.9`, "count(l_comment)"},
	{`Completeness "l_shipmode" > 0.9 where "l_quantity > 10"`, "count(l_shipmode) FILTER (WHERE l_quantity > 10), count(*) FILTER (WHERE l_quantity > 10)"},
	{`ColumnValues "l_quantity" between 0 and 51`, "count(*) FILTER (WHERE l_quantity > 0 AND l_quantity < 51)"},
	{`ColumnValues "l_discount" >= 0`, "min(l_discount)"},
	{`ColumnValues "l_tax" <= 1`, "max(l_tax)"},
	{`ColumnValues "l_returnflag" in ["A", "N", "R"]`, "count(*) FILTER (WHERE l_returnflag IN ('A', 'N', 'R'))"},
	{`ColumnValues "l_shipdate" > "1990-01-01"`, "min(l_shipdate)"},
	{`ColumnValues "l_shipinstruct" matches "[A-Z ]+"`, "count(*) FILTER (WHERE regexp_full_match(l_shipinstruct, '[A-Z ]+'))"},
	{`ColumnLength "l_comment" < 1000`, "max(length(l_comment))"},
	{`ColumnLength "l_shipmode" > 0`, "min(length(l_shipmode))"},
	{`Mean "l_extendedprice" > 0`, "avg(l_extendedprice)"},
	{`Sum "l_quantity" > 0`, "sum(l_quantity)"},
	{`StandardDeviation "l_extendedprice" > 0`, "stddev_pop(l_extendedprice)"},
	{`ColumnCorrelation "l_quantity" "l_extendedprice" > -1`, "corr(l_quantity, l_extendedprice)"},
	{`DistinctValuesCount "l_shipmode" > 1`, "count(DISTINCT l_shipmode)"},
	{`Mean "l_tax" > 0 where "l_returnflag = 'N'"`, "avg(l_tax) FILTER (WHERE l_returnflag = 'N')"},
	{`CustomSql "select count(*) from primary where l_receiptdate < l_shipdate" = 0`, "count(*) FILTER (WHERE l_receiptdate < l_shipdate)"},
	{`(IsComplete "l_partkey") AND (IsComplete "l_suppkey")`, "count(l_partkey), count(l_suppkey)"},
}

func qualityTogether(ctx context.Context, s *settings) (result, error) {
	file, weir, err := s.judging(ctx, "together")
	if err != nil {
		return result{}, err
	}
	var items []string
	for _, m := range mixed {
		items = append(items, m.sql)
	}
	raw := s.rawSide(func(string, int) []string {
		return []string{"SELECT " + strings.Join(items, ", ") + " FROM read_parquet(" + quote(file) + ")"}
	})
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	return throughput(s.rows(csvRows), w, r, "DuckDB: the same figures in one SELECT"), nil
}

func qualityApart(ctx context.Context, s *settings) (result, error) {
	_, together, err := s.judging(ctx, "together")
	if err != nil {
		return result{}, err
	}
	_, apart, err := s.judging(ctx, "apart")
	if err != nil {
		return result{}, err
	}
	w, r, err := interleave(ctx, s.reps, together, apart)
	if err != nil {
		return result{}, err
	}
	return throughput(s.rows(csvRows), w, r, "weir quality eval of each rule by itself"), nil
}

// judging is the side that judges lineitem by the rules: all in one call, or in one each.
func (s *settings) judging(ctx context.Context, how string) (file string, _ side, err error) {
	dir, err := s.parquetData(ctx, s.rows(csvRows))
	if err != nil {
		return "", side{}, err
	}
	file = filepath.Join(dir, "lineitem.parquet")
	var all []string
	for _, m := range mixed {
		all = append(all, m.rule)
	}
	sets := []string{strings.Join(all, ",\n")}
	if how == "apart" {
		sets = all
	}
	var paths []string
	for i, set := range sets {
		path := filepath.Join(s.work, fmt.Sprintf("%s-%d.dqdl", how, i))
		if err := os.WriteFile(path, []byte("Rules = [\n"+set+"\n]\n"), 0o644); err != nil {
			return "", side{}, fmt.Errorf("write rules: %w", err)
		}
		paths = append(paths, path)
	}
	return file, side{how, func(ctx context.Context, _ int) (sample, error) {
		var sum sample
		for _, path := range paths {
			m, err := measure(ctx, s.weir, "quality", "eval", "--rules", path, "--data", file, "--memory", s.memory)
			if err != nil {
				return sample{}, err
			}
			sum = sample{wall: sum.wall + m.wall, cpu: sum.cpu + m.cpu, rss: max(sum.rss, m.rss)}
		}
		return sum, nil
	}}, nil
}
