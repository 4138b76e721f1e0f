package publish

import (
	"strings"
	"testing"

	"weir/test/env"
)

// values are rows of every type of the lake, with its bounds, and what the server then shows.
var values = []struct{ column, typ, sql, server, shown string }{
	{"b", "boolean", "true", "boolean", "true"},
	{"i", "integer", "-2147483648", "integer", "-2147483648"},
	{"l", "bigint", "9223372036854775807", "bigint", "9223372036854775807"},
	{"f", "float", "0.1", "real", "0.1"},
	{"f_nan", "float", "'nan'", "real", "NaN"},
	{"d", "double", "-1.7976931348623157e308", "double precision", "-1.7976931348623157e+308"},
	{"d_tiny", "double", "5e-324", "double precision", "5e-324"},
	{"d_inf", "double", "'-inf'", "double precision", "-Infinity"},
	{"n", "decimal(12,2)", "'-1234567890.12'", "numeric(12,2)", "-1234567890.12"},
	{"n_zero", "decimal(12,2)", "0", "numeric(12,2)", "0.00"},
	{"n_cent", "decimal(4,4)", "'0.0001'", "numeric(4,4)", "0.0001"},
	{"n_round", "decimal(18,0)", "1000000", "numeric(18,0)", "1000000"},
	{"n_18", "decimal(18,17)", "'-9.99999999999999999'", "numeric(18,17)", "-9.99999999999999999"},
	{"n_wide", "decimal(38,0)", "'99999999999999999999999999999999999999'", "numeric(38,0)", "99999999999999999999999999999999999999"},
	{"n_deep", "decimal(38,38)", "'-0.99999999999999999999999999999999999999'", "numeric(38,38)", "-0.99999999999999999999999999999999999999"},
	{"n_mid", "decimal(38,10)", "'1000000000000000000000000000.0000100000'", "numeric(38,10)", "1000000000000000000000000000.0000100000"},
	{"day", "date", "'0001-01-01'", "date", "0001-01-01"},
	{"day_late", "date", "'9999-12-31'", "date", "9999-12-31"},
	{"at", "time", "'23:59:59.999999'", "time without time zone", "23:59:59.999999"},
	{"ts", "timestamp", "'1582-10-14 23:59:59.999999'", "timestamp without time zone", "1582-10-14 23:59:59.999999"},
	{"tz", "timestamptz", "'2026-03-29 01:30:00.000001+01'", "timestamp with time zone", "2026-03-29 00:30:00.000001+00"},
	{"t", "varchar", "'Ünïcödé ''q'' \"d\" \\ ' || chr(9) || chr(10) || '🦆'", "text", "Ünïcödé 'q' \"d\" \\ \t\n🦆"},
	{"t_empty", "varchar", "''", "text", ""},
	{"u", "uuid", "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'", "uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
	{"x", "blob", "'\\x00\\xFF\\x41'::blob", "bytea", "\\x00ff41"},
	{"list", "integer[]", "[1, NULL, 3]", "integer[]", "{1,NULL,3}"},
	{"list_empty", "varchar[]", "[]", "text[]", "{}"},
	{"list_text", "varchar[]", "['a,b', NULL, '']", "text[]", `{"a,b",NULL,""}`},
	{"list_n", "decimal(9,3)[]", "[1.5, -0.001]", "numeric(9,3)[]", "{1.500,-0.001}"},
	{"list_u", "uuid[]", "['f81d4fae-7dec-11d0-a765-00a0c91e6bf6']", "uuid[]", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}"},
	{"list_tz", "timestamptz[]", "['2026-03-29 01:30:00+00']", "timestamp with time zone[]", `{"2026-03-29 01:30:00+00"}`},
	{"deep", "integer[][]", "[[1], [2, 3]]", "jsonb", "[[1], [2, 3]]"},
	{"s", `struct(a integer, "b c" decimal(20,4), d date)`, `{'a': 1, 'b c': 1234567890123456.7800, 'd': DATE '2026-03-01'}`, "jsonb", `{"a": 1, "d": "2026-03-01", "b c": 1234567890123456.7800}`},
	{"m", "map(varchar, bigint)", "MAP {'k': 9007199254740993}", "jsonb", `{"k": 9007199254740993}`},
}

// TestTypes publishes every type, straight into a new table, through staging into one that is there, and in mode replace.
func TestTypes(t *testing.T) {
	var items, nulls []string
	for _, v := range values {
		items = append(items, "("+v.sql+")::"+v.typ+" AS "+v.column)
		nulls = append(nulls, "NULL::"+v.typ+" AS "+v.column)
	}
	sql := "/* weir\nkey: id\npublish:\n  - bi.public.upserted\n  - { to: bi.public.replaced, mode: replace }\n  - { to: bi.public.appended, mode: append }\n*/\n" +
		"select r.id, v.* from (select " + strings.Join(items, ", ") + ") as v, raw.r as r where r.id = 1 union all select r.id, v.* from (select " + strings.Join(nulls, ", ") + ") as v, raw.r as r where r.id = 2 order by 1\n"
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/marts/all.sql": sql, "tables/raw/r.yaml": "from: inbox\npath: \"*.csv\"\ncolumns: { id: bigint }\n", "inbox/1.csv": "id\n1\n2\n",
	})
	check := func() {
		t.Helper()
		for _, table := range []string{"upserted", "replaced", "appended"} {
			for _, v := range values {
				p.holds("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '"+table+"'::regclass AND attname = '"+v.column+"'", v.server)
				p.holds("SELECT "+v.column+"::text FROM "+table+" ORDER BY id", v.shown, "NULL")
			}
		}
	}
	p.exec("SET TimeZone = 'UTC'")
	p.weir(0, "run")
	check()
	if t.Failed() {
		return
	}
	p.says(p.weir(0, "publish", "--full"), "bi.public.upserted: 2 rows, 0 written", "bi.public.replaced: 2 rows", "bi.public.appended: 2 rows")
	check()
	p.exec("CREATE VIEW v AS SELECT * FROM replaced; CREATE VIEW w AS SELECT * FROM appended; DELETE FROM upserted")
	p.weir(0, "publish", "--full")
	check()
}

// What the server has no value for is a refused row, and never another value (promise 6).
func TestValuesThatPostgresLacks(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/marts/odd.sql": "/* weir\nkey: id\npublish: { to: bi.public.odd, max_rejects: 10 }\n*/\n" +
			"select id, case id when 1 then 'a' || chr(0) || 'b' else 'fine' end as t, case id when 2 then timestamp '5000-01-01 (BC)' else timestamp '2026-01-01' end as ts, case id when 3 then date '20000-01-01 (BC)' else date '2026-01-01' end as d, case id when 4 then {'x': 'nan'::double} else {'x': 1.5::double} end as s from range(1, 7) r(id)\n",
	})
	p.says(p.weir(0, "run"), "6 rows, 2 written", "4 rows refused and left out there")
	p.holds("SELECT id FROM odd ORDER BY 1", "5", "6")
	p.says(p.weir(0, "rejects", "show", "marts.odd"), "t: the text holds a byte 0", "ts: the date lies outside PostgreSQL's calendar", "d: the date lies outside PostgreSQL's calendar", "NaN")
}

// Columns that are there take values that fit, and no others: a rounding or a cut would be another value.
func TestColumnsThatAreThere(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/o.yaml": "from: inbox\npath: \"*.csv\"\nkey: id\ncolumns: { id: bigint, n: bigint, price: \"decimal(12,4)\", code: varchar, doc: varchar, u: varchar, e: varchar, c: varchar }\npublish: { to: bi.public.o, max_rejects: 10 }\n",
		"inbox/1.csv": "id,n,price,code,doc,u,e,c\n1,1,1.5000,abc,\"{\"\"k\"\": 1}\",f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,ab\n2,3000000000,1,abc,{},f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,\n3,1,1,abcdef,{},f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,\n" +
			"4,1,1,abc,{broken,f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,\n5,1,1,abc,{},no,red,\n6,1,1,abc,{},f81d4fae-7dec-11d0-a765-00a0c91e6bf6,blue,\n7,1,12345678,abc,{},f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,\n8,1,1,\"abc   \",{},f81d4fae-7dec-11d0-a765-00a0c91e6bf6,red,\n",
	})
	p.exec("CREATE TYPE colour AS ENUM ('red', 'green'); CREATE DOMAIN short AS varchar(4); CREATE TABLE o (id integer PRIMARY KEY, n integer, price numeric(8,4), code short, doc jsonb, u uuid, e colour, c char(5))")
	p.says(p.weir(0, "run"), "8 rows, 1 written", "7 rows refused")
	p.holds("SELECT * FROM o", "1|1|1.5000|abc|{\"k\": 1}|f81d4fae-7dec-11d0-a765-00a0c91e6bf6|red|ab   ")
	p.says(p.weir(0, "rejects", "show", "raw.o"), "integer out of range", "value too long", "invalid input syntax for type json", "invalid input syntax for type uuid", "invalid input value for enum", "numeric field overflow", "spaces at the end")
	p.exec("DROP TABLE o; CREATE TABLE o (id bigint PRIMARY KEY, n real, price numeric(12,2), code integer, doc text, u text, e text, c text)")
	p.says(p.weir(2, "publish"), "column n is real there, which does not hold every bigint", "column price is numeric(12,2) there", "column code is integer there")
}
