package crawl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/examples/retail/generate"
	"weir/test/env"
	"weir/test/program"
)

// Real sales: codes with letters among digits, numbers a program wrote with .0, gaps.
func TestRealSales(t *testing.T) {
	data, err := os.ReadFile(env.Shared(t, "data/online_retail.csv"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{"weir.yaml": "name: p\nlake: lake\nconnections:\n  inbox: { type: files, path: in }\n", "in/online_retail.csv": string(data)})
	s := shape{tables: map[string]table{"online_retail": {path: "online_retail.csv", rows: 30000,
		types: "InvoiceNo varchar, StockCode varchar, Description varchar, Quantity bigint, InvoiceDate timestamp, UnitPrice decimal(12,2), CustomerID bigint, Country varchar"}}}
	s.crawl(t, dir, "inbox", "raw")
	program.Must(t, "-C", dir, "run")
	if got := program.Query(t, dir, "select count(*), count(CustomerID), sum(Quantity) > 0 from raw.online_retail"); got != "30000,28000,true\n" {
		t.Errorf("rows, customers: %s", got)
	}
}

// The shop of the examples: what crawl makes of its first day is what its own definitions say, but for what no data tells.
// Day 5 then brings a column and values that do not fit, and the example's definitions say what comes of it.
func TestRetail(t *testing.T) {
	dir := t.TempDir()
	if err := generate.Days(dir, 1, 1, 1); err != nil {
		t.Fatal(err)
	}
	program.Write(t, dir, map[string]string{"weir.yaml": "name: p\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n"})
	s := shape{tables: map[string]table{
		"orders":      {path: "orders/*.csv", types: "order_id bigint, customer_id bigint, store_id varchar, status varchar, ordered_at timestamp, updated_at timestamp, total decimal(12,2)", has: []string{"key: order_id", "order_by: updated_at"}},
		"customers":   {path: "customers/*.csv", types: "customer_id bigint, name varchar, email varchar, city varchar, country varchar, created_at timestamp, updated_at timestamp", has: []string{"key: customer_id", "order_by: updated_at"}},
		"order_lines": {path: "order_lines/*.csv", types: "order_id bigint, line_no bigint, sku varchar, quantity bigint, unit_price decimal(12,2), discount decimal(12,2)", has: []string{"# key: [order_id, line_no]"}},
		"products":    {path: "products/products.csv", types: "sku varchar, name varchar, category varchar, price decimal(12,2)", has: []string{"# key: sku"}},
		"receipts":    {path: "receipts/*.json", types: "receipt_id varchar, store_id varchar, till bigint, sold_at timestamp, payment struct(method varchar, last4 varchar), lines struct(sku varchar, quantity bigint, unit_price decimal(12,2))[], total decimal(12,2)"},
		"clicks":      {path: "clicks/**/*.ndjson.gz", types: "event_id varchar, ts timestamp, session_id varchar, customer_id bigint, kind varchar, sku varchar, dt date"},
	}}
	s.crawl(t, dir, "inbox", "raw")
	program.Must(t, "-C", dir, "run")

	if err := generate.Days(dir, 2, 5, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "tables")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "tables", "raw"), os.DirFS(filepath.Join("..", "..", "examples", "retail", "tables", "raw"))); err != nil {
		t.Fatal(err)
	}
	var r report
	program.JSON(t, &r, "-C", dir, "crawl", "inbox", "--json")
	var got []string
	for _, f := range r.Tables {
		for _, c := range f.Changes {
			if c.Drift {
				got = append(got, strings.TrimSpace(f.Table+" "+c.Kind+" "+c.Column))
			}
		}
	}
	want := []string{"raw.clicks added experiment", "raw.orders added channel"}
	if !slices.Equal(got, want) {
		t.Errorf("drift\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
