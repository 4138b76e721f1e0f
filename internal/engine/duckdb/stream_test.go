package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"weir/internal/fault"
	"weir/internal/job"
)

func TestStreamTypes(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	for _, c := range []struct{ sql, typ, want string }{
		{"true", "BOOLEAN", "bool true"},
		{"-1", "TINYINT", "int8 -1"},
		{"-300", "SMALLINT", "int16 -300"},
		{"7", "INTEGER", "int32 7"},
		{"-9223372036854775808", "BIGINT", "int64 -9223372036854775808"},
		{"255", "UTINYINT", "uint8 255"},
		{"65535", "USMALLINT", "uint16 65535"},
		{"4294967295", "UINTEGER", "uint32 4294967295"},
		{"18446744073709551615", "UBIGINT", "uint64 18446744073709551615"},
		{"-12345678901234567890123456789", "HUGEINT", "decimal(38, 0) -12345678901234567890123456789"},
		{"1.5", "FLOAT", "float32 1.5"},
		{"-2.25", "DOUBLE", "float64 -2.25"},
		{"-1.5", "DECIMAL(3,1)", "decimal(3, 1) -1.5"},
		{"12345.678", "DECIMAL(9,3)", "decimal(9, 3) 12345.678"},
		{"-123456789012.34", "DECIMAL(18,2)", "decimal(18, 2) -123456789012.34"},
		{"-1234567890123456789012345678.90", "DECIMAL(38,2)", "decimal(38, 2) -1234567890123456789012345678.9"},
		{"'1969-12-31'", "DATE", "date32 1969-12-31"},
		{"'12:34:56.789'", "TIME", "time64[us] 12:34:56.789000"},
		{"'2026-01-02 03:04:05.000006'", "TIMESTAMP", "timestamp[us] 2026-01-02T03:04:05.000006"},
		{"'2026-01-02 03:04:05+02'", "TIMESTAMPTZ", "timestamp[us, tz=UTC] 2026-01-02T01:04:05Z"},
		{"'short'", "VARCHAR", "utf8 short"},
		{"'exactly12byt'", "VARCHAR", "utf8 exactly12byt"},
		{"'longer than twelve é🙂'", "VARCHAR", "utf8 longer than twelve é🙂"},
		{"''", "VARCHAR", "utf8 "},
		{"unhex('0001ff')", "BLOB", "binary AAH/"},
		{`'{"a": 1}'`, "JSON", `utf8 {"a": 1}`},
		{"[1, NULL, 3]", "INTEGER[]", "list<item: int32, nullable> [1,null,3]"},
		{"[['a'], [], NULL, ['b', 'c']]", "VARCHAR[][]", `list<item: list<item: utf8, nullable>, nullable> [["a"],[],null,["b","c"]]`},
		{"[]", "INTEGER[]", "list<item: int32, nullable> []"},
		{"{'a': 1, 'b': ['x']}", "STRUCT(a INTEGER, b VARCHAR[])", `struct<a: int32 nullable, b: list<item: utf8, nullable> nullable> {"a":1,"b":["x"]}`},
		{"[{'a': 1}, NULL, {'a': NULL}]", "STRUCT(a INTEGER)[]", `list<item: struct<a: int32 nullable>, nullable> [{"a":1},null,{"a":null}]`},
		{"INTERVAL 1 DAY", "INTERVAL", "utf8 1 day"},
		{"'x'", "ENUM('x', 'y')", "utf8 x"},
		{"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "UUID", "utf8 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"MAP {'k': 1}", "MAP(VARCHAR, INTEGER)", "utf8 {k=1}"},
		{"[1, 2]", "INTEGER[2]", "utf8 [1, 2]"},
		{"'2026-01-02 03:04:05.000000006'", "TIMESTAMP_NS", "utf8 2026-01-02 03:04:05.000000006"},
	} {
		st, err := s.Stream(ctx, fmt.Sprintf("SELECT v FROM (VALUES (1, CAST(%s AS %s)), (2, NULL)) t(i, v) ORDER BY i", c.sql, c.typ), nil)
		if err != nil {
			t.Errorf("%s: %v", c.typ, err)
			continue
		}
		if !st.Next() || st.RecordBatch().NumRows() != 2 {
			t.Errorf("%s: no rows, %v", c.typ, st.Err())
			st.Release()
			continue
		}
		col := st.RecordBatch().Column(0)
		got := col.DataType().String() + " " + col.ValueStr(0)
		if strings.ReplaceAll(got, "type=", "") != c.want || !col.IsNull(1) {
			t.Errorf("%s: %s, null %v; want %s", c.typ, got, col.IsNull(1), c.want)
		}
		if st.Next() || st.Err() != nil {
			t.Errorf("%s: more rows, %v", c.typ, st.Err())
		}
		st.Release()
	}
}

func TestStream(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	must(t, s.View(ctx, "raw.deep.orders", "SELECT i AS id, 'row number ' || i AS name FROM range(100000) t(i)"))
	st, err := s.Stream(ctx, "SELECT id, name, id FROM raw.deep.orders WHERE id >= $n ORDER BY id", job.Params{"n": int64(10)})
	must(t, err)
	if err := s.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("the session works beside an open stream")
	}
	next := int64(10)
	for st.Next() {
		b := st.RecordBatch()
		ids, names := b.Column(0).(*array.Int64), b.Column(1).(*array.String)
		for i := range int(b.NumRows()) {
			if ids.Value(i) != next || names.Value(i) != "row number "+strconv.FormatInt(next, 10) {
				t.Fatalf("row %d: %d %s", next, ids.Value(i), names.Value(i))
			}
			next++
		}
	}
	must(t, st.Err())
	if next != 100000 {
		t.Errorf("%d rows", next)
	}
	if cols := st.Columns(); len(cols) != 3 || cols[2].Name != "id" || cols[1].Type != "VARCHAR" {
		t.Errorf("columns %v", cols)
	}
	st.Release()
	must(t, s.Exec(ctx, "SELECT 1"))
}

func TestStreamErrors(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	if _, err := s.Stream(ctx, "SELECT nocol", nil); fault.ClassOf(err) != fault.Usage {
		t.Error(err)
	}
	if _, err := s.Stream(ctx, "SELECT $x", nil); fault.ClassOf(err) != fault.Usage {
		t.Error(err)
	}
	st, err := s.Stream(ctx, "SELECT CASE WHEN i = 90000 THEN error('late') ELSE i END AS i FROM range(100000) t(i)", nil)
	if err == nil {
		for st.Next() {
		}
		err = st.Err()
		st.Release()
	}
	if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "late") {
		t.Errorf("late error: %v", err)
	}
	ctx2, cancel := context.WithCancel(ctx)
	st, err = s.Stream(ctx2, "SELECT * FROM range(100000000000)", nil)
	must(t, err)
	if !st.Next() {
		t.Error(st.Err())
	}
	cancel()
	for st.Next() {
	}
	if !errors.Is(st.Err(), context.Canceled) {
		t.Error(st.Err())
	}
	st.Release()
	must(t, s.Exec(ctx, "SELECT 1"))
}

// A stream that is left half way ends at once, and a long one does not grow (promise 5).
func TestStreamBounded(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{Memory: 100 << 20}))
	st, err := s.Stream(ctx, "SELECT i, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range(20000000) t(i)", nil)
	must(t, err)
	var n, before int64
	for n < 8_000_000 && st.Next() {
		n += st.RecordBatch().NumRows()
		if before == 0 && n > 1_000_000 {
			before = resident(t)
		}
	}
	must(t, st.Err())
	if grown := resident(t) - before; grown > 150<<20 {
		t.Errorf("%d MB more after 7 M rows", grown>>20)
	}
	st.Release()
	if got, err := s.Int(ctx, "SELECT 1"); got != 1 || err != nil {
		t.Error(got, err)
	}
}

func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here: resident memory cannot be read")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	must(t, err)
	return pages * int64(os.Getpagesize())
}

func TestStreamParamsAreTyped(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	st, err := s.Stream(ctx, "SELECT $t AS t, $t::DATE AS d, $s AS s, $f AS f, $b AS b", job.Params{"t": time.Unix(0, 0), "s": "x", "f": 0.5, "b": true})
	must(t, err)
	defer st.Release()
	if !st.Next() {
		t.Fatal(st.Err())
	}
	var got []string
	for _, c := range st.RecordBatch().Columns() {
		got = append(got, c.ValueStr(0))
	}
	if strings.Join(got, "|") != "1970-01-01T00:00:00Z|1970-01-01|x|0.5|true" {
		t.Error(got)
	}
}
