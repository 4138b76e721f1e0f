package crawl

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/program"
)

// shape is data of one shape, the definitions a crawl must write for it and the rows a run must then take, all of them.
type shape struct {
	name   string
	files  map[string]string
	parts  map[string]string // parquet files: the query whose rows they hold
	tables map[string]table
	unread []string // files said to be unreadable
}

type table struct {
	path   string
	rows   int
	types  string   // column type, … of some columns, as the definition has them
	has    []string // lines of the definition
	hasNot []string
}

// times writes a record n times, %d and %[1]d for its number.
func times(n int, header, record string) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		fmt.Fprintf(&b, record, i+1)
	}
	return b.String()
}

var orders = times(20, "order_id,total,placed_on\n", "%d,12.50,2026-03-01\n")

var shapes = []shape{
	{name: "one file", files: map[string]string{"orders.csv": orders},
		tables: map[string]table{"orders": {path: "orders.csv", rows: 20, types: "order_id bigint, total decimal(12,2), placed_on date", has: []string{"# key: order_id "}, hasNot: []string{"\nkey:", "delimiter", "header", "format"}}}},
	{name: "many tables in one folder, with dates behind their names", files: map[string]string{
		"orders_2026-01-01.csv": orders, "orders_2026-01-02.csv": orders, "customers_2026-01-01.csv": "id,name\n1,Ann\n2,Bo\n", "customers_2026-01-02.csv": "id,name\n3,Cy\n",
		"orders_archive_2025.csv": "a,b,c,d\n1,2,3,4\n"},
		tables: map[string]table{"orders": {path: "orders_[0-9]*.csv", rows: 40}, "customers": {path: "customers_*.csv", rows: 3}, "orders_archive": {path: "orders_archive_*.csv", rows: 1}}},
	{name: "tables in folders", files: map[string]string{"orders/a.csv": orders, "orders/b.csv": orders, "customers/2026.csv": "id,name\n1,Ann\n", "events/x.ndjson": `{"id":1}` + "\n"},
		tables: map[string]table{"orders": {path: "orders/*.csv", rows: 40}, "customers": {path: "customers/*.csv", rows: 1}, "events": {path: "events/x.ndjson", rows: 1}}},
	{name: "key=value folders", files: map[string]string{
		"sales/year=2026/month=01/day=05/p0.csv": "id,v\n1,a\n", "sales/year=2026/month=02/day=11/p0.csv": "id,v\n2,b\n", "sales/year=2026/month=02/day=12/p1.csv": "id,v\n3,c\n",
		"visits/dt=2026-01-01/region=eu/x.ndjson": `{"n":1}`, "visits/dt=2026-01-02/region=us/x.ndjson": `{"n":2}`, "codes/zip=01234/x.csv": "k\n1\n", "codes/zip=__HIVE_DEFAULT_PARTITION__/x.csv": "k\n2\n"},
		tables: map[string]table{"sales": {path: "sales/**/*.csv", rows: 3, types: "id bigint, v varchar, year bigint, month bigint, day bigint", has: []string{"# partition: [year, month, day] "}},
			"visits": {path: "visits/**/*.ndjson", rows: 2, types: "n bigint, dt date, region varchar"}, "codes": {path: "codes/**/*.csv", rows: 2, types: "zip varchar"}}},
	{name: "dates as folders", files: map[string]string{"logs/2026/01/05/a.ndjson": `{"a":1}`, "logs/2026/01/06/a.ndjson": `{"a":2}`, "hits/2026-01-05/00/h.csv": "a\n1\n", "hits/2026-01-05/01/h.csv": "a\n2\n", "2026/03/stock.csv": "sku,n\nA,1\n", "2026/04/stock.csv": "sku,n\nA,1\n", "2026/04/staff.csv": "badge,since\n1,2026-01-01\n"},
		tables: map[string]table{"logs": {path: "logs/**/*.ndjson", rows: 2}, "hits": {path: "hits/**/*.csv", rows: 2}, "stock": {path: "**/stock.csv", rows: 2}, "staff": {path: "**/staff.csv", rows: 1}}},
	{name: "one table in a folder for each shop", files: map[string]string{
		"sales/london/s.csv": orders, "sales/paris/s.csv": orders, "sales/rome/s.csv": orders,
		"stores/london.csv": "id,name,opened,city\n1,A,2020-01-01,L\n", "stores/paris.csv": "id,name,opened,city\n2,B,2020-01-01,P\n"},
		tables: map[string]table{"sales": {path: "sales/**/*.csv", rows: 60}, "stores": {path: "stores/*.csv", rows: 2}}},
	{name: "files of one name in many folders", files: map[string]string{"north/orders.csv": orders, "south/orders.csv": orders, "north/staff.csv": "id,name\n1,A\n", "south/staff.csv": "id,name\n1,A\n"},
		tables: map[string]table{"orders": {path: "**/orders.csv", rows: 40}, "staff": {path: "**/staff.csv", rows: 2}}},
	{name: "equal columns are not always one table", files: map[string]string{"orders_2026-01.csv": orders, "orders_2026-02.csv": orders, "refunds_2026-01.csv": orders, "refunds_2026-02.csv": orders},
		tables: map[string]table{"orders": {path: "orders_*.csv", rows: 40}, "refunds": {path: "refunds_*.csv", rows: 40}}},
	{name: "formats", files: map[string]string{"mixed/a.csv": "id,name\n1,A\n", "mixed/b.csv": "id,name\n2,B\n", "mixed/c.ndjson": `{"id":3,"name":"C"}`, "mixed/d.tsv": "id\tname\n4\tD\n", "mixed/e.json": `[{"id":5,"name":"E"},{"id":6,"name":"F"}]`},
		parts: map[string]string{"mixed/f.parquet": "select 7::integer as id, 'G' as name"},
		tables: map[string]table{"mixed": {path: "mixed/*.csv", rows: 2}, "mixed_ndjson": {path: "mixed/c.ndjson", rows: 1}, "mixed_tsv": {path: "mixed/d.tsv", rows: 1, hasNot: []string{"delimiter"}},
			"mixed_json": {path: "mixed/e.json", rows: 2}, "mixed_parquet": {path: "mixed/f.parquet", rows: 1, types: "id integer, name varchar"}}},
	{name: "columns that come and go", files: map[string]string{"o/1.csv": "id,a,b\n1,x,y\n", "o/2.csv": "id,b,a,c\n2,y,x,2.5\n", "o/3.csv": "id,b,c,d\n3,y,3.5,2026-01-01\n"},
		tables: map[string]table{"o": {path: "o/*.csv", rows: 3, types: "id bigint, a varchar, b varchar, c decimal(12,2), d date"}}},
	{name: "unrelated files", files: map[string]string{"1.csv": "alpha,beta,gamma\n1,2,3\n", "2.csv": "w,x,y,z\na,b,c,4\n", "3.csv": "k;v\n1;2,5\n2;3,5\n"},
		tables: map[string]table{"t_1": {path: "1.csv", rows: 1}, "t_2": {path: "2.csv", rows: 1}, "t_3": {path: "3.csv", rows: 2, types: "k bigint, v varchar", has: []string{`delimiter: ";"`}}}},
	{name: "what is left out", files: map[string]string{"trips/part-00000-0b8f7d1e-3c51-4d6a-9c1e-6a1d5e9f0a11-c000.csv": "a,b\n1,2\n", "trips/part-00001-0b8f7d1e-3c51-4d6a-9c1e-6a1d5e9f0a11-c000.csv": "a,b\n3,4\n", "trips/_SUCCESS": "",
		"trips/.part-00000.csv.crc": "x", "trips/empty.csv": "", "trips/_draft.csv": "not,a,table\n", "trips/x.csv.crc": "x", "_temporary/0/y.csv": "a\n1\n", ".hidden/z.csv": "a\n1\n"},
		tables: map[string]table{"trips": {path: "trips/part-*.csv", rows: 2}}},
	{name: "what cannot be read", files: map[string]string{"a.csv": "id\n1\n", "b.zip": "PK\x03\x04xxxx", "c.parquet": "no", "d.bin": "\x00\x01\x02\x03", "e.csv.gz": "not gzip", "f.json": "<html>", "g.csv": "PAR1xxxx", "h.csv.bz2": "BZh9", "i.avro": "Obj\x01", "j.xlsx": "PK\x03\x04"},
		tables: map[string]table{"a": {path: "a.csv", rows: 1}}, unread: []string{"b.zip", "c.parquet", "d.bin", "e.csv.gz", "f.json", "g.csv", "h.csv.bz2", "i.avro", "j.xlsx"}},
	{name: "damaged files among others", files: map[string]string{"z/a.csv.gz": packed(orders), "z/b.csv.gz": packed(orders)[:60], "z/c.csv.gz": packed(orders), "j/a.json": `[{"a":1},{"a":2}`, "e/x.ndjson": `{"":1}`, "i/x.ndjson": `{"_file":"x"}`},
		tables: map[string]table{"z": {path: "z/{a,c}.csv.gz", rows: 40}}, unread: []string{"e/x.ndjson", "i/x.ndjson", "j/a.json", "z/b.csv.gz"}},
	{name: "names that say no format", files: map[string]string{"export_1": times(9, "id;name\n", "%d;x\n"), "export_2": times(9, "id;name\n", "%d;x\n"), "app.log": times(5, "", `{"level":"info","n":%d}`+"\n"), "app.log.1": times(5, "", `{"level":"info","n":%d}`+"\n")},
		tables: map[string]table{"export": {path: "export_*", rows: 18, has: []string{"format: csv"}}, "app": {path: "app.log", rows: 5, has: []string{"format: ndjson"}}, "app_log": {path: "app.log.*", rows: 5, has: []string{"format: ndjson"}}}},
	{name: "values that are no numbers", files: map[string]string{"v.csv": "plz,phone,ref,tracking,flag,big,mixed,tel,amount,scientific,yesno\n" +
		"01234,+49301234,007,12345678901234567890,0,1,2026-01-02,301234,1.5,1e5,yes\n10115,4930999,8,12345678901234567891,1,99999999999999999999,02.01.2026,301235,2.125,2.5e-7,no\n"},
		tables: map[string]table{"v": {path: "v.csv", rows: 2, types: "plz varchar, phone varchar, ref varchar, tracking varchar, flag bigint, big decimal(38,0), mixed varchar, tel varchar, amount decimal(13,3), scientific double, yesno varchar"}}},
	{name: "times", files: map[string]string{"m.csv": "a,b,c,d,e,f,g,h\n" +
		"2026-01-02,2026-01-02 03:04:05,2026-01-02T03:04:05Z,2026-01-02T03:04:05.123456789Z,03:04:05,2026-01-02 03:04:05+02:00,2026-01-02T03:04,0000-00-00\n" +
		"2026-02-28,2026-01-02 03:04:05.123,2026-01-02T03:04:05.5+02:00,2026-01-02T03:04:05Z,23:59:59,2026-01-02 03:04:05,2026-01-02T03:04:05,2026-01-01\n"},
		tables: map[string]table{"m": {path: "m.csv", rows: 2, types: "a date, b timestamp, c timestamptz, d varchar, e time, f varchar, g timestamp, h varchar"}}},
	{name: "dates in other orders", files: map[string]string{
		"de.csv": "id;tag;zeit\n1;31.01.2026;31.01.2026 13:14\n2;01.02.2026;01.02.2026 00:00\n", "us.csv": "id,day,at\n1,01/31/2026,1/31/2026 1:05:00 PM\n2,02/01/2026,2/1/2026 12:00:00 AM\n", "unclear.csv": "id,day\n1,01/02/2026\n2,03/04/2026\n",
		"both.csv": "id,iso,de\n1,2026-01-31,31.01.2026\n"},
		tables: map[string]table{"de": {path: "de.csv", rows: 2, types: "tag date, zeit timestamp", has: []string{`date_format: "%d.%m.%Y"`, `timestamp_format: "%d.%m.%Y %H:%M"`}},
			"us": {path: "us.csv", rows: 2, types: "day date, at timestamp"}, "unclear": {path: "unclear.csv", rows: 2, types: "day varchar"}, "both": {path: "both.csv", rows: 1, types: "iso date, de varchar"}}},
	{name: "texts that stand for null", files: map[string]string{"n.csv": "id,price,country\n1,NULL,DE\n2,1.50,NA\n3,N/A,FR\n", "na.csv": "id,price,country\n1,NA,DE\n2,1.50,NA\n", "null.csv": "id,at\n1,\\N\n2,2026-01-01\n"},
		tables: map[string]table{"n": {path: "n.csv", rows: 3, types: "price decimal(12,2), country varchar", has: []string{`null_values: ["N/A", "NULL"]`}}, "na": {path: "na.csv", rows: 2, types: "price varchar"}, "null": {path: "null.csv", rows: 2, types: "at date"}}},
	{name: "headers", files: map[string]string{"none.csv": "1,Ann,2026-01-01\n2,Bo,2026-01-02\n", "words.csv": "name,city\nAnn,London\nBo,Paris\n", "twice.csv": "id,name,name\n1,a,b\n2,c,d\n", "odd.csv": "Order ID,\"a, b\",#,yes,1st: x,Größe\n1,2,3,4,5,6\n",
		"reserved.csv": "_file,id\nx,1\n", "unnamed.csv": ",name\n0,a\n1,b\n"},
		tables: map[string]table{"none": {path: "none.csv", rows: 2, types: "column0 bigint, column1 varchar, column2 date", has: []string{"header: false"}}, "words": {path: "words.csv", rows: 2, types: "name varchar"},
			"twice": {path: "twice.csv", rows: 2, types: "id bigint, name varchar, name_2 varchar", has: []string{"header: false", "skip: 1"}}, "odd": {path: "odd.csv", rows: 1, types: "Order ID bigint, yes bigint, Größe bigint"},
			"reserved": {path: "reserved.csv", rows: 1, types: "file_2 varchar, id bigint"}, "unnamed": {path: "unnamed.csv", rows: 2, types: "column0 bigint, name varchar"}}},
	{name: "dialects", files: map[string]string{
		"semi.csv": "id;v\n1;a\n2;b\n", "pipe.txt": "id|v\n1|a\n2|b\n", "tab.csv": "id\tv\n1\ta\n", "quote.csv": "id,v\n1,\"a, \"\"b\"\"\nc\"\n2,x\n", "single.csv": "id,v\n1,'a, b'\n2,'c'\n3,'d'\n",
		"back.csv": "id,v\n1,\"a \\\"b\\\", c\"\n2,\"d\"\n", "inch.csv": "id,v\n1,5\" pipe\n2,\"x\n3,y\n", "comment.csv": "# made by hand\n# twice\nid,v\n1,a\n", "title.csv": "Report of March\n\nid,v,w\n1,a,b\n2,c,d\n", "latin.csv": "id,v\n1,Gr\xf6\xdfe\n2,x\n",
		"bom.csv": "\xef\xbb\xbfid,v\n1,a\n", "crlf.csv": "id,v\r\n1,a\r\n2,b\r\n", "wide16.csv": "\xff\xfei\x00d\x00,\x00v\x00\n\x001\x00,\x00a\x00\n\x00", "soh.csv": "id\x01v\n1\x01a\n2\x01b\n", "single_column.csv": "id\n1\n2\n"},
		tables: map[string]table{"semi": {path: "semi.csv", rows: 2, has: []string{`delimiter: ";"`}}, "pipe": {path: "pipe.txt", rows: 2, has: []string{`delimiter: "|"`}}, "tab": {path: "tab.csv", rows: 1, types: "id bigint, v varchar"}, "quote": {path: "quote.csv", rows: 2},
			"single": {path: "single.csv", rows: 3, has: []string{`quote: "'"`}}, "back": {path: "back.csv", rows: 2, has: []string{`escape: "\\"`}}, "inch": {path: "inch.csv", rows: 3, has: []string{"quote: none"}}, "comment": {path: "comment.csv", rows: 1, has: []string{`comment: "#"`}},
			"title": {path: "title.csv", rows: 2, types: "id bigint, v varchar, w varchar", has: []string{"skip: 1"}}, "latin": {path: "latin.csv", rows: 2, has: []string{"encoding: latin-1"}}, "bom": {path: "bom.csv", rows: 1, types: "id bigint"}, "crlf": {path: "crlf.csv", rows: 2, types: "v varchar"},
			"wide16": {path: "wide16.csv", rows: 1, has: []string{"encoding: utf-16"}}, "soh": {path: "soh.csv", rows: 2, has: []string{`delimiter: "\x01"`}}, "single_column": {path: "single_column.csv", rows: 2, types: "id bigint"}}},
	{name: "nested JSON", files: map[string]string{
		"e.ndjson": `{"id":1,"at":"2026-01-02T03:04:05Z","who":{"name":"A","age":3,"tags":["x","y"]},"lines":[{"sku":"a","price":1.50},{"sku":"b","price":2}],"any":1,"code":"007","none":null,"list":[],"obj":{},"t":true,"big":12345678901234567890}` + "\n" +
			`{"id":2,"at":"2026-01-02T03:04:05+02:00","who":{"name":"B","more":{"deep":1.25}},"lines":[],"any":"x","code":"8","extra":1e-9,"list":[],"obj":{},"t":false,"big":1}` + "\n",
		"pretty.json": "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", "array.json": `[{"a":"2026-01-01"},{"a":"2026-01-02","b":null}]`, "maps.ndjson": `{"m":{"1":1,"2":2,"3":3}}` + "\n" + `{"m":{"4":4,"5":5}}` + "\n", "case.ndjson": `{"s":{"A":1,"a":2}}`, "mixed.ndjson": `{"v":[1,"a",{"b":1.50}]}` + "\n" + `{"v":{"x":1}}`},
		tables: map[string]table{"e": {path: "e.ndjson", rows: 2, types: "id bigint, at timestamptz, any varchar, code varchar, none varchar, t boolean, big decimal(38,0), extra double, list varchar[], obj varchar"},
			"pretty": {path: "pretty.json", rows: 2}, "array": {path: "array.json", rows: 2, types: "a date, b varchar"}, "maps": {path: "maps.ndjson", rows: 2, types: "m map(varchar, bigint)"}, "case": {path: "case.ndjson", rows: 1, types: "s varchar"}, "mixed": {path: "mixed.ndjson", rows: 2, types: "v varchar"}}},
	{name: "parquet's own types", parts: map[string]string{
		"p/a.parquet": "select 1::tinyint as a, 2::uinteger as b, 3::ubigint as c, 4::hugeint as d, 1.5::decimal(9,3) as e, 2.5::float as f, now()::timestamp_ns as g, date '2026-01-01' as h, {'x': 1::smallint, 'y': ['a']} as i, uuid() as j, 'x'::blob as k, interval 1 day as l, true as m, '007' as n, timestamptz '2026-01-01 00:00:00+00' as o, map {'k': 1::utinyint} as p, time '01:02:03' as q",
		"q/1.parquet": "select 1::integer as id", "q/2.parquet": "select 5000000000::bigint as id, 'new' as note", "q/3.parquet": "select 3::integer as id"},
		tables: map[string]table{"p": {path: "p/a.parquet", rows: 1, types: "a integer, b bigint, c decimal(20,0), e decimal(9,3), f float, g timestamp, h date, j uuid, k blob, l varchar, m boolean, n varchar, o timestamptz, q time"},
			"q": {path: "q/*.parquet", rows: 3, types: "id bigint, note varchar"}}},
	{name: "names of files that patterns would take otherwise", files: map[string]string{"we[i]rd/{a}*?.csv": "id\n1\n", "sp ace/Ünï-cödé Täble.csv": "id\n1\n", "Order Lines/OrderLines_20260101.csv": "id\n1\n", "Order Lines/OrderLines_20260102.csv": "id\n2\n"},
		tables: map[string]table{"we_i_rd": {path: "we[[]i]rd/[{]a}[*][?].csv", rows: 1}, "sp_ace": {path: "sp ace/Ünï-cödé Täble.csv", rows: 1}, "order_lines": {path: "Order Lines/*.csv", rows: 2}}},
	{name: "packed", files: map[string]string{"z/a.csv.gz": packed("id,v\n1,a\n"), "z/b.csv.gz": packed("id,v\n2,b\n"), "z/c.csv": "id,v\n3,c\n", "y.ndjson.gz": packed(`{"a":1}`)},
		tables: map[string]table{"z": {path: "z/*.{csv,csv.gz}", rows: 3}, "y": {path: "y.ndjson.gz", rows: 1}}},
	{name: "keys that come again", files: map[string]string{
		"orders/1.csv": times(20, "order_id,status,updated_at\n", "%d,placed,2026-01-01 00:00:00\n"), "orders/2.csv": times(10, "order_id,status,updated_at\n", "%d,paid,2026-01-02 00:00:00\n"),
		"lines/1.csv": times(20, "order_id,line_no,qty\n", "%[1]d,1,3\n%[1]d,2,4\n"), "snapshots/1.csv": times(20, "id,balance\n", "%d,1.00\n"), "snapshots/2.csv": times(20, "id,balance\n", "%d,2.00\n")},
		tables: map[string]table{"orders": {path: "orders/*.csv", rows: 20, has: []string{"key: order_id", "order_by: updated_at"}}, "lines": {path: "lines/*.csv", rows: 40, has: []string{"# key: [order_id, line_no]"}},
			"snapshots": {path: "snapshots/*.csv", rows: 40, has: []string{"# key: id"}, hasNot: []string{"\nkey:"}}}},
}

// TestShapes crawls a connection for each shape and builds all of their tables in one run.
func TestShapes(t *testing.T) {
	dir := t.TempDir()
	config := "name: p\nlake: lake\nconnections:\n"
	for i, s := range shapes {
		config += fmt.Sprintf("  c%d: { type: files, path: in%d }\n", i, i)
		program.Write(t, filepath.Join(dir, fmt.Sprintf("in%d", i)), s.files)
		writeParquet(t, filepath.Join(dir, fmt.Sprintf("in%d", i)), s.parts)
	}
	program.Write(t, dir, map[string]string{"weir.yaml": config})
	for i, s := range shapes {
		t.Run(s.name, func(t *testing.T) { s.crawl(t, dir, fmt.Sprintf("c%d", i), fmt.Sprintf("s%d", i)) })
	}
	if out, errOut, code := program.Run(t, "-C", dir, "run"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	var built []struct {
		Table string
		Rows  int
	}
	program.JSON(t, &built, "-C", dir, "tables", "--json")
	rows := map[string]int{}
	for _, b := range built {
		rows[b.Table] = b.Rows
	}
	for i, s := range shapes {
		t.Run(s.name+", again", func(t *testing.T) {
			for name, want := range s.tables {
				if got := rows[fmt.Sprintf("s%d.%s", i, name)]; got != want.rows {
					t.Errorf("%s has %d rows, want %d", name, got, want.rows)
				}
			}
			// What was written is what is there: nothing differs, and nothing is written again.
			var r report
			program.JSON(t, &r, "-C", dir, "crawl", fmt.Sprintf("c%d", i), "--write", "--json", "--check")
			if r.Drift {
				t.Errorf("drift right after: %+v", r.Tables)
			}
		})
	}
}
