package lake_test

import (
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func TestTypeTable(t *testing.T) {
	for _, c := range []struct{ duckdb, stored, iceberg string }{
		{"BOOLEAN", "BOOLEAN", "boolean"}, {"TINYINT", "INTEGER", "int"}, {"SMALLINT", "INTEGER", "int"}, {"UTINYINT", "INTEGER", "int"},
		{"USMALLINT", "INTEGER", "int"}, {"INTEGER", "INTEGER", "int"}, {"UINTEGER", "BIGINT", "long"}, {"BIGINT", "BIGINT", "long"},
		{"UBIGINT", "DECIMAL(20,0)", "decimal(20, 0)"}, {"HUGEINT", "DECIMAL(38,0)", "decimal(38, 0)"}, {"UHUGEINT", "DECIMAL(38,0)", "decimal(38, 0)"},
		{"FLOAT", "FLOAT", "float"}, {"DOUBLE", "DOUBLE", "double"}, {"DECIMAL(12,2)", "DECIMAL(12,2)", "decimal(12, 2)"}, {"numeric(5)", "DECIMAL(5,0)", "decimal(5, 0)"},
		{"decimal", "DECIMAL(18,3)", "decimal(18, 3)"}, {"VARCHAR", "VARCHAR", "string"}, {"varchar(20)", "VARCHAR", "string"}, {"JSON", "VARCHAR", "string"},
		{"ENUM('a, (b)', 'it''s')", "VARCHAR", "string"}, {"INTERVAL", "VARCHAR", "string"}, {"BIT", "VARCHAR", "string"}, {"\"NULL\"", "VARCHAR", "string"},
		{"DATE", "DATE", "date"}, {"TIME", "TIME", "time"}, {"TIMETZ", "VARCHAR", "string"}, {"TIMESTAMP", "TIMESTAMP", "timestamp"}, {"TIMESTAMP_S", "TIMESTAMP", "timestamp"},
		{"TIMESTAMP_MS", "TIMESTAMP", "timestamp"}, {"TIMESTAMP_NS", "TIMESTAMP", "timestamp"}, {"timestamptz", "TIMESTAMP WITH TIME ZONE", "timestamptz"},
		{"timestamp  with time zone", "TIMESTAMP WITH TIME ZONE", "timestamptz"}, {"UUID", "UUID", "uuid"}, {"BLOB", "BLOB", "binary"},
		{"TINYINT[]", "INTEGER[]", "list<int>"}, {"INTEGER[3]", "INTEGER[]", "list<int>"}, {"VARCHAR[][]", "VARCHAR[][]", "list<list<string>>"},
		{"MAP(VARCHAR, UINTEGER)", "MAP(VARCHAR, BIGINT)", "map<string, long>"},
		{`STRUCT(a int, "b ""c" STRUCT(d DATE[]))`, `STRUCT("a" INTEGER, "b ""c" STRUCT("d" DATE[]))`, `struct<a: int, b "c: struct<d: list<date>>>`},
	} {
		got, err := lake.Stored(c.duckdb)
		if err != nil || got != c.stored {
			t.Errorf("%s is stored as %q, %v; want %s", c.duckdb, got, err, c.stored)
			continue
		}
		if ice, err := lake.TypeOf(got); err != nil || ice != c.iceberg {
			t.Errorf("%s is %q, %v; want %s", got, ice, err, c.iceberg)
		}
		if again, err := lake.Stored(got); err != nil || again != got {
			t.Errorf("%s is not canonical: %q, %v", got, again, err)
		}
	}
	if _, err := lake.TypeOf("UBIGINT"); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "DECIMAL(20,0)") {
		t.Errorf("UBIGINT gave %v, hint %q", err, fault.HintOf(err))
	}
	for _, bad := range []string{"", "UNION(a INTEGER)", "GEOMETRY", "STRUCT(a)", "STRUCT(a INTEGER, A DATE)", "STRUCT()", "MAP(VARCHAR)", "DECIMAL(39,2)", "DECIMAL(5,6)", "DECIMAL(x)", "INTEGER[",
		"INTEGER]", "INTEGER[x]", "VARCHAR(20", `STRUCT("a INTEGER)`, "INTEGER, DATE", strings.Repeat("STRUCT(a ", 100) + "INTEGER" + strings.Repeat(")", 100)} {
		if got, err := lake.Stored(bad); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q is stored as %q, %v", bad, got, err)
		}
	}
}

func TestWidens(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"INTEGER", "BIGINT", true}, {"BIGINT", "INTEGER", false}, {"INTEGER", "INTEGER", false}, {"FLOAT", "DOUBLE", true}, {"INTEGER", "DOUBLE", false},
		{"DECIMAL(5,2)", "DECIMAL(9,2)", true}, {"DECIMAL(5,2)", "DECIMAL(9,3)", false}, {"DECIMAL(5,2)", "DECIMAL(4,2)", false}, {"DATE", "TIMESTAMP", false},
		{"INTEGER", "VARCHAR", false}, {"INTEGER[]", "BIGINT[]", true}, {"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", true}, {"MAP(INTEGER, DATE)", "MAP(BIGINT, DATE)", false},
		{`STRUCT("a" INTEGER)`, `STRUCT("a" BIGINT, "b" DATE)`, true}, {`STRUCT("a" INTEGER, "b" DATE)`, `STRUCT("a" INTEGER)`, false}, {"nonsense(", "BIGINT", false},
	} {
		if got := lake.Widens(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}

func TestFieldIDs(t *testing.T) {
	cols := lake.AssignIDs([]job.Column{{Name: "a", Type: "INTEGER"}, {Name: `s "x`, Type: `STRUCT("p" DATE, "q" INTEGER[])`}, {Name: "m", Type: "MAP(VARCHAR, STRUCT(\"v\" DATE))"}}, nil)
	got, err := lake.FieldIDs(cols, nil)
	ok(t, err)
	want := `{"a": 1, "s ""x": {__duckdb_field_id: 2, "p": 4, "q": {__duckdb_field_id: 5, element: 6}}, "m": {__duckdb_field_id: 3, key: 7, value: {__duckdb_field_id: 8, "v": 9}}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// The change column's reserved id does not push the others up.
	got, err = lake.FieldIDs(append([]job.Column{{Name: "_change", Type: "VARCHAR", ID: lake.ChangeColumnID}}, cols...), nil)
	ok(t, err)
	if !strings.HasSuffix(got, strings.TrimPrefix(want, "{")) {
		t.Errorf("got %s", got)
	}
	for _, bad := range [][]job.Column{{{Name: "a", Type: "INTEGER"}}, {{Name: "a", Type: "INTEGER", ID: 1}, {Name: "b", Type: "INTEGER", ID: 1}}, {{Name: "a", Type: "HUGEINT", ID: 1}}} {
		if _, err := lake.FieldIDs(bad, nil); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func FuzzStored(f *testing.F) {
	for _, s := range []string{"BIGINT", "DECIMAL(12,2)", `STRUCT("a" INTEGER, b MAP(VARCHAR, DATE[]))`, "ENUM('a')", "INTEGER[3][]", `"NULL"`, `STRUCT("`, "(((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := lake.Stored(s)
		if err != nil {
			return
		}
		again, err := lake.Stored(got)
		if err != nil || again != got {
			t.Fatalf("%q is stored as %q, that as %q, %v", s, got, again, err)
		}
		if _, err := lake.TypeOf(got); err != nil {
			t.Fatalf("%q has no Iceberg type: %v", got, err)
		}
	})
}
