package retail_test

import (
	"database/sql"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/examples/retail"
	"weir/examples/retail/generate"
)

// raw are the raw tables as plain DuckDB reads them, with what Weir turns away left out by hand.
const raw = `
create schema raw; create schema staging; create schema marts; create schema seeds;
create view raw.customers as
  select customer_id::bigint as customer_id, name, email, city, country, created_at::timestamp as created_at, updated_at::timestamp as updated_at
  from read_csv('$inbox/customers/*.csv', all_varchar = true)
  qualify row_number() over (partition by customer_id order by updated_at desc) = 1;
create view raw.orders as
  select order_id::bigint as order_id, customer_id::bigint as customer_id, store_id, status, ordered_at::timestamp as ordered_at,
    updated_at::timestamp as updated_at, total::decimal(12,2) as total, channel
  from read_csv('$inbox/orders/*.csv', all_varchar = true, union_by_name = true)
  where try_cast(ordered_at as timestamp) is not null and total::decimal(12,2) >= 0
  qualify row_number() over (partition by order_id order by updated_at desc) = 1;
create view raw.order_lines as
  select distinct order_id::bigint as order_id, line_no::integer as line_no, sku, quantity::integer as quantity,
    unit_price::decimal(10,2) as unit_price, discount::decimal(10,2) as discount
  from read_csv('$inbox/order_lines/*.csv', all_varchar = true, null_padding = true) where quantity::integer > 0;
create view raw.products as
  select sku, name, category, price::decimal(10,2) as price from read_csv('$inbox/products/products.csv', all_varchar = true);
create view raw.receipts as
  select * replace (try_cast(total as decimal(12,2)) as total), filename as _file
  from read_json('$inbox/receipts/*.json', format = 'newline_delimited', filename = true, columns = {receipt_id: 'VARCHAR', store_id: 'VARCHAR',
    till: 'INTEGER', sold_at: 'TIMESTAMP', payment: 'STRUCT("method" VARCHAR, last4 VARCHAR)',
    lines: 'STRUCT(sku VARCHAR, quantity INTEGER, unit_price DECIMAL(10,2))[]', total: 'VARCHAR'})
  where try_cast(total as decimal(12,2)) is not null;
create view raw.clicks as
  select *, filename as _file from read_json('$inbox/clicks/*/*.ndjson.gz', format = 'newline_delimited', ignore_errors = true, filename = true,
    columns = {event_id: 'VARCHAR', ts: 'TIMESTAMP', session_id: 'VARCHAR', customer_id: 'BIGINT', kind: 'VARCHAR', sku: 'VARCHAR'})
  where ts is not null and event_id is not null;`

// shop opens DuckDB with the shop's raw tables and its SQL tables as views, in the order given.
func shop(t *testing.T, tables ...string) (*sql.DB, generate.Truth) {
	t.Helper()
	dir := t.TempDir()
	if err := generate.Days(dir, 1, generate.Last, 1); err != nil {
		t.Fatal(err)
	}
	truth, err := generate.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	run := func(statement string) {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	run(strings.ReplaceAll(raw, "$inbox", dir+"/inbox"))
	run("create view seeds.stores as select * from read_csv('seeds/stores.csv')")
	run(read(t, "macros/money.sql"))
	for _, name := range tables {
		// Variables are bound by Weir; a view here has to say them.
		body := strings.ReplaceAll(body(t, "tables/"+strings.ReplaceAll(name, ".", "/")+".sql"), "$currency", "'GBP'")
		run("create view " + name + " as " + body)
	}
	return db, truth
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := fs.ReadFile(retail.Files(), path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// body is a SQL file without its header.
func body(t *testing.T, path string) string {
	t.Helper()
	text := read(t, path)
	if !strings.HasPrefix(text, "/* weir\n") {
		t.Fatalf("%s has no header", path)
	}
	_, body, ok := strings.Cut(text, "\n*/\n")
	if !ok {
		t.Fatalf("%s: the header does not end", path)
	}
	return body
}

func one[T any](t *testing.T, db *sql.DB, query string) T {
	t.Helper()
	var v T
	if err := db.QueryRow(query).Scan(&v); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return v
}

func TestTablesSayWhatWasSold(t *testing.T) {
	db, truth := shop(t, "staging.receipts", "staging.clicks", "staging.sales", "marts.daily_sales", "marts.customers", "marts.funnel")

	rows, err := db.Query("select day::varchar, sum(lines)::bigint, (sum(revenue) * 100)::bigint from marts.daily_sales group by day order by day")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []generate.Sale
	for rows.Next() {
		var s generate.Sale
		if err := rows.Scan(&s.Date, &s.Lines, &s.Cents); err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, truth.Sales) {
		t.Errorf("sales are\n%v, want\n%v", got, truth.Sales)
	}

	last := truth.Days[len(truth.Days)-1].Tables
	for table, count := range map[string]int64{
		"raw.customers": last["raw.customers"].After, "raw.orders": last["raw.orders"].After, "raw.order_lines": last["raw.order_lines"].After,
		"raw.receipts": last["raw.receipts"].After, "raw.clicks": last["raw.clicks"].After, "marts.customers": last["raw.customers"].After,
		"marts.funnel": 5, "seeds.stores": int64(len(generate.Stores())),
	} {
		if got := one[int64](t, db, "select count(*) from "+table); got != count {
			t.Errorf("%s has %d rows, want %d", table, got, count)
		}
	}
}

// The rules of the definitions hold, said in SQL.
func TestRulesHold(t *testing.T) {
	db, _ := shop(t, "staging.receipts", "staging.clicks", "staging.sales", "marts.daily_sales", "marts.customers", "marts.funnel")
	for _, query := range []string{
		"select count(*) from (select 1 from marts.daily_sales group by day, store_id, category having count(*) > 1)",
		"select count(*) from marts.daily_sales where store_name is null or category = 'unknown' or revenue < 0",
		"select count(*) from raw.orders where customer_id is null or status not in ('placed', 'paid', 'shipped', 'returned', 'cancelled')",
		"select count(*) from raw.orders o anti join raw.customers c using (customer_id)",
		"select count(*) from raw.products where category is null or price <= 0",
		"select count(*) from raw.customers where length(country) <> 2",
		"select count(*) from raw.receipts where receipt_id is null or store_id is null or total < 0",
		"select count(*) from raw.clicks where kind not in ('view', 'search', 'cart', 'checkout')",
		"select count(*) from raw.order_lines where sku is null or unit_price < 0",
		"select count(*) from (select sum(line.quantity * line.unit_price) as s, any_value(total) as total from (select receipt_id, total, unnest(lines) as line from staging.receipts) group by receipt_id) where s <> total",
	} {
		if n := one[int64](t, db, query); n != 0 {
			t.Errorf("%d rows: %s", n, query)
		}
	}
	if c := one[float64](t, db, "select count(email) / count(*) from raw.customers"); c <= 0.9 || c == 1 {
		t.Errorf("completeness of email is %v", c)
	}
	if n := one[int64](t, db, "select count(*) from marts.daily_sales"); n != 5*9*6 {
		t.Errorf("daily sales have %d rows", n)
	}
}

func TestSeedListsTheGeneratorsStores(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(read(t, "seeds/stores.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, row := range rows[1:] {
		ids = append(ids, row[0])
	}
	if fmt.Sprint(ids) != fmt.Sprint(generate.Stores()) {
		t.Errorf("seed has %v, generator %v", ids, generate.Stores())
	}
}
