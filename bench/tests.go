package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// unitTests runs 100 cases: 20 tables of several modes with five cases each, of which one has a second build.
func unitTests(ctx context.Context, s *settings) (result, error) {
	files := map[string]string{
		"tables/raw/orders.yaml": "from: inbox\npath: \"orders*.csv\"\nmode: upsert\nkey: order_id\ncolumns: { order_id: bigint, ordered_at: timestamp, store: varchar, total: \"decimal(12,2)\" }\n",
		"tables/raw/stores.yaml": "from: inbox\npath: \"stores*.csv\"\nkey: store\ncolumns: { store: varchar, city: varchar }\n",
	}
	headers := []string{"mode: replace", "mode: view", "mode: upsert\nkey: [day, store]", "mode: upsert\nkey: [day, store]\nincremental: { input: raw.orders, by: [day, store] }"}
	for i := range 20 {
		files[fmt.Sprintf("tables/marts/t%d.sql", i)] = "/* weir\n" + headers[i%len(headers)] + "\n*/\n" +
			"select o.ordered_at::date as day, o.store, count(*) as orders, sum(o.total)::decimal(18,2) as revenue, min(s.city) as city\n" +
			"from raw.orders o left join raw.stores s on s.store = o.store group by all\n"
		files[fmt.Sprintf("tests/marts/t%d.yaml", i)] = testFile()
	}
	p, err := s.newProject("tests", s.work, files)
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	m, err := repeat(ctx, max(5, s.reps), side{"weir", func(ctx context.Context, _ int) (sample, error) { return measure(ctx, s.weir, "-C", p.dir, "test") }})
	if err != nil {
		return result{}, err
	}
	return within(m, 5*time.Second), nil
}

// testFile is five cases.
func testFile() string {
	const given = `
          raw.orders: |
            order_id, ordered_at,          store, total
            1,        2026-03-01 09:12:00, A,     12.50
            2,        2026-03-01 10:12:00, A,     7.50
            3,        2026-03-02 09:12:00, B,     8.00
          raw.stores: [{ store: A, city: London }, { store: B, city: Leeds }]`
	const expect = `
          - { day: 2026-03-01, store: A, orders: 2, revenue: 20.00, city: London }
          - { day: 2026-03-02, store: B, orders: 1, revenue: 8.00, city: Leeds }`
	var b strings.Builder
	b.WriteString("cases:\n")
	for i := range 5 {
		fmt.Fprintf(&b, "  - name: case %d\n    builds:\n      - given:%s\n        expect:%s\n", i, given, expect)
	}
	b.WriteString("      - given: { raw.orders: { add: [{ order_id: 4, ordered_at: 2026-03-03, store: A, total: 1.00 }] } }\n        expect_count: 3\n")
	return b.String()
}
