package define

import (
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	for text, want := range map[string]string{
		"int": "INTEGER", "integer": "INTEGER", "INT4": "INTEGER", "string": "VARCHAR", "text": "VARCHAR", "bigint": "BIGINT", "int8": "BIGINT",
		"timestamptz": "TIMESTAMP WITH TIME ZONE", "timestamp with  time zone": "TIMESTAMP WITH TIME ZONE", "timestamp(6) with time zone": "TIMESTAMP WITH TIME ZONE",
		"timestamp(6)": "TIMESTAMP", "datetime": "TIMESTAMP", "time": "TIME", "bool": "BOOLEAN", "double precision": "DOUBLE", "real": "FLOAT", "bytea": "BLOB", "uuid": "UUID",
		"decimal": "DECIMAL(18,3)", "numeric(5)": "DECIMAL(5,0)", "decimal( 12 , 2 )": "DECIMAL(12,2)", "varchar[]": "VARCHAR[]", "int[][]": "INTEGER[][]",
		"struct(a integer, \"b \"\"c\" struct(d date)[])": `STRUCT("a" INTEGER, "b ""c" STRUCT("d" DATE)[])`, "map(varchar, bigint)": "MAP(VARCHAR, BIGINT)",
		"struct(ts timestamp with time zone, x int)": `STRUCT("ts" TIMESTAMP WITH TIME ZONE, "x" INTEGER)`, " date ": "DATE", "map(text, decimal(3,1)[])": "MAP(VARCHAR, DECIMAL(3,1)[])",
	} {
		if got, err := parseType(text); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", text, got, err, want)
		}
		again, err := parseType(want)
		if err != nil || again != want {
			t.Errorf("canonical %s is %q, %v", want, again, err)
		}
	}
	for text, hint := range map[string]string{
		"smallint": "write integer", "hugeint": "write decimal(38,0)", "ubigint": "write decimal(20,0)", "interval": "write varchar", "json": "write varchar",
		"enum('a','b')": "write varchar", "timestamp_ns": "write timestamp", "time with time zone": "write varchar", "varchar(20)": "write varchar, and the rule ColumnLength <= 20",
		"integer[3]": "write integer[]", "timestmp": "nearest: timestamp", "decimal(12": `quote it where it stands in { }: "decimal(12,2)"`, "struct": "write struct(name type, …)",
		"map": "write map(varchar, bigint)", "decimal(a,b)": "write decimal(12,2)", "timestamp(3)": "write timestamp", "bigint(20)": "write bigint", "union(a int)": "write a struct with one member for each case",
	} {
		if got, err := parseType(text); err == nil || err.hint != hint {
			t.Errorf("%s is %q, %+v; want hint %s", text, got, err, hint)
		}
	}
	for _, text := range []string{"", "int int2 x", "decimal(39,1)", "decimal(2,3)", "decimal(0,0)", "struct(a int, a int)", "struct(a int", "struct()", "map(int", "int]", "int)", strings.Repeat("struct(a ", 100) + "int" + strings.Repeat(")", 100), "struct(\"a int)", "12"} {
		if got, err := parseType(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func FuzzType(f *testing.F) {
	for _, text := range []string{"struct(a integer, \"b\" varchar[])", "map(varchar, bigint)", "decimal(12,2)", "timestamp(6) with time zone", "int[3]", "struct(a struct("} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseType(text)
		if err != nil {
			return
		}
		if again, err := parseType(got); err != nil || again != got {
			t.Fatalf("%q is %q, which is %q, %v", text, got, again, err)
		}
	})
}

func TestFrom(t *testing.T) {
	for text, want := range map[string]string{"inbox": "inbox|", "shop.public.orders": "shop|public.orders", `shop.public."Order Lines"`: `shop|public."Order Lines"`,
		`"my shop"."a""b"`: `my shop|"a""b"`, " inbox ": "inbox|"} {
		connection, dataset, ok := splitFrom(text)
		if got := connection + "|" + dataset; !ok || got != want {
			t.Errorf("%s is %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", ".x", "a.", "a..b", `a."b`, `"a`, `a.b c`, `a."b"c`, `"a"b`, `a.""`} {
		if c, d, ok := splitFrom(text); ok {
			t.Errorf("%q is %q and %q", text, c, d)
		}
	}
}
