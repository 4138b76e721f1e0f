// Package interop lets another tool read the tables that Weir writes: PyIceberg, on the same SQLite catalog.
package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// everyType gives a column of each type the lake stores, with nulls, extremes and nested values.
const everyType = `/* weir
mode: replace
*/
select * from (values
  (true, 1::integer, 9007199254740993::bigint, 1.5::float, -2.25::double, 123456789012.34::decimal(14,2), 0.1::decimal(38,10),
   date '1969-12-31', time '23:59:59.999999', timestamp '1960-02-29 12:00:00.000001', timestamptz '2026-03-01 10:00:00+02',
   'grüße', 'ab'::blob, '00112233-4455-6677-8899-aabbccddeeff'::uuid, [1, null, 3]::integer[], {'a': 1::integer, 'b': 'x'}, map(['k'], [1::bigint])),
  (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)
) as t(b, i, l, f, d, dec, wide, day, tod, ts, tz, s, bin, u, arr, st, m)
`

// fieldID is how PyIceberg shows the id of a struct's field.
var fieldID = regexp.MustCompile(`\d+: `)

// TestPyIcebergReadsEveryType compares types and values as PyIceberg sees them.
func TestPyIcebergReadsEveryType(t *testing.T) {
	python := env.Python(t)
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{
		"weir.yaml":              "name: interop\nlake: lake\n",
		"tables/marts/types.sql": everyType,
	})
	program.Must(t, "-C", dir, "run")
	got := read(t, python, dir, "marts.types", "")
	want := map[string]string{"b": "boolean", "i": "int", "l": "long", "f": "float", "d": "double", "dec": "decimal(14, 2)", "wide": "decimal(38, 10)",
		"day": "date", "tod": "time", "ts": "timestamp", "tz": "timestamptz", "s": "string", "bin": "binary", "u": "uuid",
		"arr": "list<int>", "st": "struct<a: optional int, b: optional string>", "m": "map<string, long>"}
	for _, c := range got.Columns {
		if typ := fieldID.ReplaceAllString(c.Type, ""); typ != want[c.Name] {
			t.Errorf("column %s is %s for PyIceberg, want %s", c.Name, typ, want[c.Name])
		}
	}
	if len(got.Columns) != len(want) || len(got.Rows) != 2 {
		t.Fatalf("PyIceberg sees %d columns and %d rows, want %d and 2", len(got.Columns), len(got.Rows), len(want))
	}
	nulls := got.Rows[slices.IndexFunc(got.Rows, func(r map[string]any) bool { return r["b"] == nil })]
	for name, value := range nulls {
		if value != nil {
			t.Errorf("%s is %v for PyIceberg where it is null", name, value)
		}
	}
	row := got.Rows[slices.IndexFunc(got.Rows, func(r map[string]any) bool { return r["b"] != nil })]
	for name, value := range map[string]string{"b": "True", "i": "1", "f": "1.5", "d": "-2.25", "bin": "b'ab'", "l": "9007199254740993", "dec": "123456789012.34", "wide": "0.1000000000", "day": "1969-12-31",
		"tod": "23:59:59.999999", "ts": "1960-02-29 12:00:00.000001", "tz": "2026-03-01 08:00:00+00:00", "s": "grüße",
		"u": "00112233-4455-6677-8899-aabbccddeeff", "arr": "[1, None, 3]", "st": "{'a': 1, 'b': 'x'}", "m": "[('k', 1)]"} {
		if row[name] != value {
			t.Errorf("%s is %v for PyIceberg, want %s", name, row[name], value)
		}
	}
}

// TestPyIcebergReadsPartitions builds every mode and partition transform, changes the table a few times, and compares
// rows and partitions.
func TestPyIcebergReadsPartitions(t *testing.T) {
	python := env.Python(t)
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{
		"weir.yaml": "name: interop\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n",
		"tables/raw/orders.yaml": `from: inbox
path: "*.csv"
key: id
order_by: at
columns: { id: bigint, at: timestamp, country: varchar, total: "decimal(12,2)" }
partition: ["day(at)", "bucket(4, id)", "truncate(2, country)"]
`,
		"tables/marts/by_country.sql": "/* weir\npartition: [country]\n*/\nselect country, count(*) as n, sum(total)::decimal(18,2) as total from raw.orders group by 1\n",
		"inbox/1.csv":                 "id,at,country,total\n1,2026-03-01 10:00:00,Germany,1.50\n2,2026-03-02 10:00:00,France,2.50\n3,1969-12-31 23:00:00,,3.50\n",
	})
	program.Must(t, "-C", dir, "run")
	program.Write(t, dir, map[string]string{"inbox/2.csv": "id,at,country,total\n2,2026-03-02 11:00:00,France,9.50\n4,2026-03-03 10:00:00,Greece,4.50\n"})
	program.Must(t, "-C", dir, "run")
	got := read(t, python, dir, "raw.orders", "id")
	var rows []string
	for _, r := range got.Rows {
		rows = append(rows, strings.Join([]string{text(r["id"]), text(r["at"]), text(r["country"]), text(r["total"])}, "|"))
	}
	want := []string{"1|2026-03-01 10:00:00|Germany|1.50", "2|2026-03-02 11:00:00|France|9.50", "3|1969-12-31 23:00:00|-|3.50", "4|2026-03-03 10:00:00|Greece|4.50"}
	if !slices.Equal(rows, want) {
		t.Errorf("PyIceberg reads %q, want %q", rows, want)
	}
	if !slices.Equal(got.Partition, []string{"at_day: day", "id_bucket: bucket[4]", "country_trunc: truncate[2]"}) {
		t.Errorf("PyIceberg sees the partition fields %q", got.Partition)
	}
	if n := len(read(t, python, dir, "raw.orders", "id", "at >= '2026-03-02T00:00:00' and at < '2026-03-03T00:00:00'").Rows); n != 1 {
		t.Errorf("PyIceberg finds %d rows of 2 March, want 1", n)
	}
	if n := len(read(t, python, dir, "raw.orders", "id", "id = 4").Rows); n != 1 {
		t.Errorf("PyIceberg finds %d rows of key 4, want 1", n)
	}
	if n := len(read(t, python, dir, "marts.by_country", "country", "country = 'Greece'").Rows); n != 1 {
		t.Errorf("PyIceberg finds %d rows of Greece, want 1", n)
	}
}

// TestPyIcebergReadsCompacted compacts, sorts and expires tables of every type and transform, and compares what PyIceberg
// reads before and after.
func TestPyIcebergReadsCompacted(t *testing.T) {
	python := env.Python(t)
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{
		"weir.yaml": "name: interop\nlake: lake\nkeep: { snapshots: 0s, at_least: 1 }\nconnections:\n  inbox: { type: files, path: inbox }\n",
		"tables/raw/orders.yaml": `from: inbox
path: "*.csv"
columns: { id: bigint, at: timestamp, country: varchar, total: "decimal(12,2)" }
partition: ["bucket(2, id)", "truncate(2, country)"]
sort: [at desc, id]
`,
		"tables/marts/types.sql": everyType,
	})
	for i := range 6 {
		program.Write(t, dir, map[string]string{fmt.Sprintf("inbox/%d.csv", i): fmt.Sprintf("id,at,country,total\n%d,2026-03-0%d 10:00:00,Germany,1.50\n%d,2026-03-0%d 11:00:00,,2.50\n", 2*i, i+1, 2*i+1, i+1)})
		program.Must(t, "-C", dir, "run")
	}
	orders, types := read(t, python, dir, "raw.orders", "id"), read(t, python, dir, "marts.types", "l")
	program.Write(t, dir, map[string]string{"tables/marts/types.sql": strings.Replace(everyType, "mode: replace", "mode: replace\nsort: [l desc nulls first, s]", 1)})
	for range 2 {
		program.Must(t, "-C", dir, "maintain", "--yes")
	}
	for name, want := range map[string]answer{"raw.orders": orders, "marts.types": types} {
		order := map[string]string{"raw.orders": "id", "marts.types": "l"}[name]
		got := read(t, python, dir, name, order)
		if !reflect.DeepEqual(got.Rows, want.Rows) || !reflect.DeepEqual(got.Columns, want.Columns) {
			t.Errorf("PyIceberg reads %s as %v, read %v before", name, got.Rows, want.Rows)
		}
		if got.Snapshots != 1 || !strings.Contains(got.Sort, "DESC") {
			t.Errorf("%s has %d snapshots and the order %s for PyIceberg", name, got.Snapshots, got.Sort)
		}
	}
	if n := len(read(t, python, dir, "raw.orders", "id", "id = 5").Rows); n != 1 {
		t.Errorf("PyIceberg finds %d rows of key 5, want 1", n)
	}
	if n := len(read(t, python, dir, "raw.orders", "id", "country = 'Germany'").Rows); n != 6 {
		t.Errorf("PyIceberg finds %d rows of Germany, want 6", n)
	}
}

func text(v any) string {
	if v == nil {
		return "-"
	}
	return v.(string)
}

type answer struct {
	Columns []struct{ Name, Type string }
	// Partition are the fields of the table's partition, as "name: transform".
	Partition []string
	Sort      string
	Snapshots int
	Rows      []map[string]any
}

func read(t *testing.T, python, dir, table, order string, filter ...string) (a answer) {
	t.Helper()
	script, err := filepath.Abs("read.py")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), python, append([]string{script, filepath.Join(dir, "lake"), table, order}, filter...)...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("PyIceberg: %v", err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("PyIceberg said %s: %v", out, err)
	}
	return a
}

// TestPyIcebergReadsBranches: a branch is Iceberg's own, with its own columns, and main is left alone.
func TestPyIcebergReadsBranches(t *testing.T) {
	python := env.Python(t)
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{
		"weir.yaml":              "name: interop\nlake: lake\n",
		"tables/marts/days.sql":  "select 1 as n, date '2026-03-01' as day",
		"tables/marts/fresh.sql": "select n from marts.days",
	})
	program.Must(t, "-C", dir, "run", "marts.days")
	program.Write(t, dir, map[string]string{"tables/marts/days.sql": "select 2 as n, date '2026-03-02' as day, 'new' as state"})
	program.Must(t, "-C", dir, "run", "--branch", "fix")
	if got := read(t, python, dir, "marts.days", "n"); len(got.Rows) != 1 || got.Rows[0]["n"] != "1" || len(got.Columns) != 2 {
		t.Errorf("on main PyIceberg sees %+v", got)
	}
	if got := read(t, python, dir, "marts.days", "n", "", "fix"); len(got.Rows) != 1 || got.Rows[0]["n"] != "2" || got.Rows[0]["state"] != "new" {
		t.Errorf("on the branch PyIceberg sees %+v", got.Rows)
	}
	if got := read(t, python, dir, "marts.fresh", "n", "", "fix"); len(got.Rows) != 1 || got.Rows[0]["n"] != "2" {
		t.Errorf("of a table of the branch alone PyIceberg sees %+v", got.Rows)
	}
	program.Must(t, "-C", dir, "branch", "publish", "fix")
	if got := read(t, python, dir, "marts.days", "n"); len(got.Rows) != 1 || got.Rows[0]["state"] != "new" || len(got.Columns) != 3 {
		t.Errorf("published, PyIceberg sees %+v", got)
	}
	program.Must(t, "-C", dir, "rollback", "marts.days", "--to", "1", "--yes")
	if got := read(t, python, dir, "marts.days", "n"); len(got.Rows) != 1 || got.Rows[0]["n"] != "1" || len(got.Columns) != 2 {
		t.Errorf("rolled back, PyIceberg sees %+v", got)
	}
}
