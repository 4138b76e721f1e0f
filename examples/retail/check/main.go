// Computes the shop's daily sales with plain DuckDB over the raw files, without Weir, as CSV:
// go run ./examples/retail/check [--mended] DIR
package main

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
)

// query takes the inbox for $inbox. Records that Weir rejects or quarantines are left out by hand here: this is what the
// figures are compared with.
const query = `
with orders as (
  select order_id, store_id, status, ordered_at::timestamp as ordered_at
  from read_csv('$inbox/orders/*.csv', all_varchar = true, union_by_name = true)
  where try_cast(ordered_at as timestamp) is not null and total::decimal(12,2) >= 0
  qualify row_number() over (partition by order_id order by updated_at desc) = 1
), lines as (
  select distinct order_id, line_no, sku, quantity::integer as quantity, unit_price::decimal(10,2) as price, discount::decimal(10,2) as discount
  from read_csv('$inbox/order_lines/*.csv', all_varchar = true, null_padding = true)
  where quantity::integer > 0
), receipts as (
  select distinct on (receipt_id) sold_at, lines
  from read_json('$inbox/receipts/*.json', format = 'newline_delimited', columns = {receipt_id: 'VARCHAR', sold_at: 'TIMESTAMP',
    lines: 'STRUCT(sku VARCHAR, quantity INTEGER, unit_price DECIMAL(10,2))[]', total: 'VARCHAR'})
  where $mended or try_cast(total as decimal(12,2)) is not null
), till_lines as (
  select sold_at, unnest(lines) as line from receipts
), sales as (
  select ordered_at::date as day, quantity * price - discount as amount from orders join lines using (order_id) where status <> 'cancelled'
  union all
  select sold_at::date, line.quantity * line.unit_price from till_lines
)
select day::varchar, count(*), sum(amount)::decimal(18,2)::varchar from sales group by day order by day`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	mended := flags.Bool("mended", false, "count the receipts whose total has a comma")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("usage: check [--mended] DIR")
	}
	days, err := sales(flags.Arg(0), *mended)
	if err != nil {
		return fmt.Errorf("compute sales: %w", err)
	}
	fmt.Println("day,lines,revenue")
	for _, d := range days {
		fmt.Printf("%s,%d,%s\n", d.date, d.lines, d.revenue)
	}
	return nil
}

type sale struct {
	date    string
	lines   int64
	revenue string
}

func sales(dir string, mended bool) (days []sale, err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	inbox := strings.ReplaceAll(filepath.ToSlash(filepath.Join(dir, "inbox")), "'", "''")
	rows, err := db.Query(strings.NewReplacer("$inbox", inbox, "$mended", fmt.Sprint(mended)).Replace(query))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d sale
		if err := rows.Scan(&d.date, &d.lines, &d.revenue); err != nil {
			return nil, err
		}
		days = append(days, d)
	}
	return days, rows.Err()
}
