package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// Two queries over lineitem: one that keeps most rows and computes five columns, and TPC-H's first.
const (
	linesSQL = `select
  l_orderkey, l_linenumber, l_partkey, l_quantity, l_shipmode, l_comment,
  (l_extendedprice * (1 - l_discount))::decimal(18,4) as net,
  (l_extendedprice * (1 - l_discount) * (1 + l_tax))::decimal(18,6) as gross,
  l_receiptdate - l_shipdate as days_under_way,
  upper(l_shipinstruct) as instruct,
  l_returnflag || l_linestatus as state
from %s
where l_shipdate >= date '1993-01-01'`
	pricingSQL = `select
  l_returnflag, l_linestatus,
  sum(l_quantity)::decimal(38,2) as sum_qty,
  sum(l_extendedprice)::decimal(38,2) as sum_base_price,
  sum(l_extendedprice * (1 - l_discount))::decimal(38,4) as sum_disc_price,
  avg(l_quantity) as avg_qty,
  avg(l_extendedprice) as avg_price,
  avg(l_discount) as avg_disc,
  count(*) as orders
from %s
where l_shipdate <= date '1998-09-02'
group by all`
)

func transform(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.parquetData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	p, err := s.newProject("transform", dir, map[string]string{
		"tables/raw/lineitem.yaml":      "from: inbox\npath: \"*.parquet\"\n",
		"tables/marts/lines.sql":        fmt.Sprintf(linesSQL, "raw.lineitem") + "\n",
		"tables/marts/price_report.sql": fmt.Sprintf(pricingSQL, "raw.lineitem") + "\n",
	})
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	if _, err := p.run(ctx, "raw.lineitem"); err != nil {
		return result{}, err
	}
	if err := p.holds(ctx, "raw.lineitem", rows); err != nil {
		return result{}, err
	}
	weir := side{"weir", func(ctx context.Context, _ int) (sample, error) {
		return p.run(ctx, "marts.lines", "marts.price_report", "--full")
	}}
	raw := s.rawSide(func(out string, _ int) []string {
		from := fmt.Sprintf("read_parquet(%s)", quote(filepath.Join(dir, "lineitem.parquet")))
		return []string{
			copyTo(fmt.Sprintf(linesSQL, from), filepath.Join(out, "lines.parquet")),
			copyTo(fmt.Sprintf(pricingSQL, from), filepath.Join(out, "price_report.parquet")),
		}
	})
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	// Both queries read every row.
	return throughput(2*rows, w, r, "DuckDB COPY of both queries, Parquet to zstd Parquet"), nil
}
