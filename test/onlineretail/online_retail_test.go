// Package onlineretail builds a real retailer's sales lines and holds the outcome against plain DuckDB over the raw file.
package onlineretail

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// project declares what is not a sale: lines of cancelled invoices, lines without a customer, and exact duplicates.
var project = map[string]string{
	"weir.yaml": "name: online_retail\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n",
	"tables/raw/sales.yaml": `from: inbox
path: "*.csv"
mode: upsert
key: [InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID]
max_quarantined: unlimited
columns:
  InvoiceNo: varchar
  StockCode: varchar
  Description: varchar
  Quantity: integer
  InvoiceDate: timestamp
  UnitPrice: decimal(12,3)
  CustomerID: varchar
  Country: varchar
rules:
  - RowCount > 0
  - rule: ColumnValues "InvoiceNo" not matches "C.*"
    on_fail: quarantine
  - rule: IsComplete "CustomerID"
    on_fail: quarantine
`,
	"tables/marts/by_country.sql": `/* weir
rules:
  - IsPrimaryKey "country"
*/
select "Country" as country, count(*) as lines, sum("Quantity") as quantity, sum("Quantity" * "UnitPrice") as revenue
from raw.sales group by 1
`,
}

const plain = `with lines as (select distinct * from read_csv('%FILE%', all_varchar=true)
  where not starts_with(InvoiceNo, 'C') and CustomerID is not null)
select Country, count(*)::varchar, sum(Quantity::int)::varchar, sum(Quantity::int * UnitPrice::decimal(12,3))::varchar from lines group by 1 order by 1`

func TestOnlineRetail(t *testing.T) {
	file := env.Shared(t, "data/online_retail.csv")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program.Write(t, dir, project)
	program.Write(t, dir, map[string]string{"inbox/online_retail.csv": string(text)})
	var run struct {
		Tables []struct {
			Table  string
			Counts struct{ Read, Accepted, Rejected, Quarantined, Superseded, After int64 }
		}
	}
	program.JSON(t, &run, "-C", dir, "run", "--json")
	counts := run.Tables[1].Counts
	if run.Tables[0].Table == "raw.sales" {
		counts = run.Tables[0].Counts
	}
	if counts.Read != 30000 {
		t.Errorf("read %d, want 30000", counts.Read)
	}
	if sum := counts.Accepted + counts.Rejected + counts.Quarantined + counts.Superseded; sum != counts.Read {
		t.Errorf("%+v adds up to %d", counts, sum)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	checkReasons(t, db, file, dir, counts.Quarantined, counts.Superseded, counts.Accepted)
	compare(t, db, file, dir)
}

// checkReasons counts each reason in the raw file by plain SQL.
func checkReasons(t *testing.T, db *sql.DB, file, dir string, quarantined, superseded, accepted int64) {
	t.Helper()
	var cancelled, nameless, kept, distinct int64
	err := db.QueryRow(`select count(*) filter (InvoiceNo like 'C%'), count(*) filter (InvoiceNo not like 'C%' and CustomerID is null),
		count(*) filter (InvoiceNo not like 'C%' and CustomerID is not null) from read_csv($1, all_varchar=true)`, file).Scan(&cancelled, &nameless, &kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(`select count(*) from (select distinct * from read_csv($1, all_varchar=true) where InvoiceNo not like 'C%' and CustomerID is not null)`, file).Scan(&distinct); err != nil {
		t.Fatal(err)
	}
	if cancelled != 620 {
		t.Errorf("%d cancellations in the file, want 620", cancelled)
	}
	if quarantined != cancelled+nameless {
		t.Errorf("quarantined %d, want %d cancelled + %d nameless", quarantined, cancelled, nameless)
	}
	if superseded != kept-distinct || accepted != distinct {
		t.Errorf("superseded %d and accepted %d, want %d and %d", superseded, accepted, kept-distinct, distinct)
	}
	var rejects []struct{ Rule, Kind string }
	program.JSON(t, &rejects, "-C", dir, "rejects", "show", "raw.sales", "--json")
	byRule := map[string]int64{}
	for _, r := range rejects {
		byRule[r.Rule]++
	}
	if byRule[`ColumnValues "InvoiceNo" not matches "C.*"`] != cancelled || byRule[`IsComplete "CustomerID"`] != nameless {
		t.Errorf("rejects by rule: %v, want %d and %d", byRule, cancelled, nameless)
	}
}

func compare(t *testing.T, db *sql.DB, file, dir string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "plain.csv")
	if _, err := db.Exec("copy (" + replace(plain, file) + ") to '" + out + "' (header false)"); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := program.Query(t, dir, "select country, lines, quantity, revenue from marts.by_country order by 1")
	if got != string(want) {
		t.Errorf("marts.by_country differs from plain DuckDB\n got: %s\nwant: %s", got, want)
	}
}

func replace(sql, file string) string { return strings.ReplaceAll(sql, "%FILE%", file) }
