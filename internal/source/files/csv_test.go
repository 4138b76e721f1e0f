package files

import (
	"strings"
	"testing"

	"weir/internal/fault"
)

func TestCSV(t *testing.T) {
	typed := cols("id", "INTEGER", "total", "DECIMAL(12,2)", "day", "DATE")
	runCases(t, []readCase{
		{name: "plain", files: map[string]string{"a.csv": "id,total,day\n1,1.50,2026-01-02\n2,,\n", "sub/b.csv": "id,total,day\n3,-7,2026-01-03\n"},
			reader: Reader{Path: "**/*.csv"}, columns: typed,
			types: "id INTEGER, total DECIMAL(12,2), day DATE, _file VARCHAR",
			rows:  []string{"1|1.50|2026-01-02|a.csv", "2|∅|∅|a.csv", "3|-7.00|2026-01-03|sub/b.csv"}},
		{name: "packed", files: map[string]string{"a.csv.gz": "id,total,day\n1,1.50,2026-01-02\n", "b.csv.zst": "id,total,day\nx,1,\n3,1,\n"},
			reader: Reader{Path: "*.csv*"}, columns: typed,
			rows:    []string{"1|1.50|2026-01-02|a.csv.gz", "3|1.00|∅|b.csv.zst"},
			rejects: []string{`b.csv.zst:2 id: "x" is not INTEGER | x,1,`}},
		{name: "bad lines", files: map[string]string{"a.csv": "id,total,day\n1,\"12,50\",2026-13-01\n2,1\n3,1,2026-01-01,x\n\n4,1,2026-01-01\n5,\"a\"b,\n"},
			reader: Reader{Path: "*.csv"}, columns: typed,
			rows: []string{"4|1.00|2026-01-01|a.csv"},
			rejects: []string{`a.csv:2 total: "12,50" is not DECIMAL(12,2) | 1,"12,50",2026-13-01`, "a.csv:3 too few fields: 2 of 3 | 2,1",
				"a.csv:4 too many fields: 4 instead of 3 | 3,1,2026-01-01,x", `a.csv:7 a quote is not closed, or text stands behind it | 5,"a"b,`}},
		{name: "inexact", files: map[string]string{"a.csv": "id,total,day\n1,1.239,\n1.5,1,\n2,1,2026-01-02 10:11:12\n3,1,2026-01-2x\n4,1.20000,2026-1-2\n5.0,1e2,2026-01-02T00:00:00\n6,1e-9,\n", "b.csv": "id,total,day\nx,1,\n7,1,\n"},
			reader: Reader{Path: "*.csv"}, columns: typed, careful: true,
			rows: []string{"4|1.20|2026-01-02|a.csv", "5|100.00|2026-01-02|a.csv", "7|1.00|∅|b.csv"},
			rejects: []string{`a.csv:2 total: "1.239" is not DECIMAL(12,2) | 1,1.239,`, `a.csv:3 id: "1.5" is not INTEGER | 1.5,1,`,
				`a.csv:4 day: "2026-01-02 10:11:12" is not DATE | 2,1,2026-01-02 10:11:12`, `a.csv:5 day: "2026-01-2x" is not DATE | 3,1,2026-01-2x`,
				`a.csv:8 total: "1e-9" is not DECIMAL(12,2) | 6,1e-9,`, `b.csv:2 id: "x" is not INTEGER | x,1,`}},
		{name: "inexact long", files: map[string]string{"a.csv": "id,total,day\n1,0.30000000000000004,\n2,1.23000000000000000000000000000001,\n3,1.230000000000000000000,\n4,0.3,\n"},
			reader: Reader{Path: "*.csv"}, columns: typed, careful: true,
			rows: []string{"3|1.23|∅|a.csv", "4|0.30|∅|a.csv"},
			rejects: []string{`a.csv:2 total: "0.30000000000000004" is not DECIMAL(12,2) | 1,0.30000000000000004,`,
				`a.csv:3 total: "1.23000000000000000000000000000001" is not DECIMAL(12,2) | 2,1.23000000000000000000000000000001,`}},
		{name: "long numbers stay fast", files: map[string]string{"a.csv": "id,x\n9007199254740993,1.2\n-9223372036854775808,12345678901234567890.12\n"},
			reader: Reader{Path: "*.csv"}, columns: cols("id", "BIGINT", "x", "DECIMAL(22,2)"),
			rows: []string{"-9223372036854775808|12345678901234567890.12|a.csv", "9007199254740993|1.20|a.csv"}},
		{name: "integer ends", files: map[string]string{"a.csv": "i\n2147483647\n-2147483648\n2147483648\n"},
			reader: Reader{Path: "*.csv"}, columns: cols("i", "INTEGER"), careful: true,
			rows: []string{"-2147483648|a.csv", "2147483647|a.csv"}, rejects: []string{`a.csv:4 i: "2147483648" is not INTEGER | 2147483648`}},
		{name: "timestamps", files: map[string]string{"a.csv": "t,z,c\n2026-01-02 03:04:05,2026-01-02 03:04:05+02,03:04:05\n2026-01-02T03:04:05.123456Z,2026-01-02T03:04:05.5,03:04:05.5\n"},
			reader: Reader{Path: "*.csv"}, columns: cols("t", "TIMESTAMP", "z", "TIMESTAMP WITH TIME ZONE", "c", "TIME"),
			rows: []string{"2026-01-02 03:04:05.123456|2026-01-02 03:04:05.5+00|03:04:05.5|a.csv", "2026-01-02 03:04:05|2026-01-02 01:04:05+00|03:04:05|a.csv"}},
		{name: "timestamps that do not fit", files: map[string]string{"a.csv": "t\n2026-01-02 03:04:05.1234567\n2026-01-02 03:04:05+02:00\ninfinity\n2026-01-02 03:04:05\n2026-01-02 3:4:5\n"},
			reader: Reader{Path: "*.csv"}, columns: cols("t", "TIMESTAMP"), careful: true,
			rows: []string{"2026-01-02 03:04:05|a.csv", "2026-01-02 03:04:05|a.csv"},
			rejects: []string{`a.csv:2 t: "2026-01-02 03:04:05.1234567" is not TIMESTAMP | 2026-01-02 03:04:05.1234567`,
				`a.csv:3 t: "2026-01-02 03:04:05+02:00" is not TIMESTAMP | 2026-01-02 03:04:05+02:00`, `a.csv:4 t: "infinity" is not TIMESTAMP | infinity`}},
		{name: "floats", files: map[string]string{"a.csv": "f\n1e400\ninf\n0.1\nnan\n"}, reader: Reader{Path: "*.csv"}, columns: cols("f", "DOUBLE"), careful: true,
			rows: []string{"0.1|a.csv", "inf|a.csv", "nan|a.csv"}, rejects: []string{`a.csv:2 f: "1e400" is not DOUBLE | 1e400`}},
		{name: "own formats", files: map[string]string{"a.csv": "d;t\n31.12.2025;01.02.2026 10:20\n32.12.2025;\n"},
			reader:  Reader{Path: "*.csv", DateFormat: "%d.%m.%Y", TimestampFormat: "%d.%m.%Y %H:%M"},
			columns: cols("d", "DATE", "t", "TIMESTAMP"),
			rows:    []string{"2025-12-31|2026-02-01 10:20:00|a.csv"}, rejects: []string{`a.csv:3 d: "32.12.2025" is not DATE | 32.12.2025;`}},
		{name: "comments before the header", files: map[string]string{"a.csv": "# one\n# two\nid,name\n1,a\n# x\n2,b\n", "b.csv": "id,name\n3,c\n", "c.csv": "# one\n\nid,name\n4,d\n"},
			reader: Reader{Path: "*.csv", Comment: "#"}, rows: []string{"1|a|a.csv", "2|b|a.csv", "3|c|b.csv", "4|d|c.csv"}},
		{name: "comments among skipped lines", files: map[string]string{"a.csv": "title\n# c\n1,a\n2,b\n"},
			reader: Reader{Path: "*.csv", Comment: "#", Skip: 2}, columns: cols("id", "INTEGER", "name", "VARCHAR"), rows: []string{"1|a|a.csv", "2|b|a.csv"}},
		{name: "crlf and quotes", files: map[string]string{"a.csv": "id,name\r\n1,\"a\r\nb\"\r\nx,c\r\n2,\"say \"\"hi\"\"\"\r\n"},
			reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER", "name", "VARCHAR"),
			rows: []string{"1|a\r\nb|a.csv", `2|say "hi"|a.csv`}, rejects: []string{`a.csv:4 id: "x" is not INTEGER | x,c`}},
		{name: "mixed line ends", files: map[string]string{"a.csv": "id,name\n1,a\r\n2,b\n3,c\r\nx,d\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER", "name", "VARCHAR"), careful: true,
			rows: []string{"1|a|a.csv", "2|b|a.csv", "3|c|a.csv"}, rejects: []string{`a.csv:5 id: "x" is not INTEGER | x,d`}},
		{name: "encodings", files: map[string]string{"a.csv": "id,name\n1,caf\xe9\n2,ok\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER", "name", "VARCHAR"),
			rows: []string{"2|ok|a.csv"}, rejects: []string{"a.csv:2 the line is not valid UTF-8 | 1,caf?"}},
		{name: "latin-1", files: map[string]string{"a.csv": "id,name\n1,caf\xe9\n"}, reader: Reader{Path: "*.csv", Encoding: "latin-1"}, rows: []string{"1|café|a.csv"}},
		{name: "byte order mark", files: map[string]string{"a.csv": "\xef\xbb\xbfid,name\n1,a\n"}, reader: Reader{Path: "*.csv"}, rows: []string{"1|a|a.csv"}, types: "id BIGINT, name VARCHAR, _file VARCHAR"},
		{name: "long line", files: map[string]string{"a.csv": "id,name\n1," + strings.Repeat("x", 3000) + "\n2,ok\n"}, reader: Reader{Path: "*.csv", MaxLineSize: 2000}, columns: cols("id", "INTEGER", "name", "VARCHAR"),
			rows: []string{"2|ok|a.csv"}, rejects: []string{"a.csv:2 the line is longer than 2000 bytes | 1," + strings.Repeat("x", 3000)}},
		{name: "unclosed quote", files: map[string]string{"a.csv": "id,name\n1,\"a\n2,b\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER", "name", "VARCHAR"),
			rejects: []string{"a.csv:2 a quote is not closed, or text stands behind it | 1,\"a\n2,b\n"}},
		{name: "empty and header only", files: map[string]string{"a.csv": "", "b.csv": "id,name\n", "c.csv": "id,name", "d.csv.gz": ""}, reader: Reader{Path: "*.csv*"}, columns: cols("id", "INTEGER"),
			types: "id INTEGER, name VARCHAR, _file VARCHAR"},
		{name: "inference", files: map[string]string{"a.csv": "id,zip,f,d,t\n1,00123,1.5,2026-01-02,x\n"}, reader: Reader{Path: "*.csv"},
			types: "id BIGINT, zip VARCHAR, f DOUBLE, d DATE, t VARCHAR, _file VARCHAR", rows: []string{"1|00123|1.5|2026-01-02|x|a.csv"}},
		{name: "headers differ", files: map[string]string{"a.csv": "id,name\n1,a\n", "b.csv": "Name,id,extra\nb,2,z\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER"),
			types: "id INTEGER, name VARCHAR, extra VARCHAR, _file VARCHAR", rows: []string{"1|a|∅|a.csv", "2|b|z|b.csv"}},
		{name: "delimiters", files: map[string]string{"a.csv": "id;name\n1;a,b\n", "b.tsv": "id\tname\n2\tx\n"}, reader: Reader{Path: "*.?sv"}, rows: []string{"1|a,b|a.csv", "2|x|b.tsv"}},
		{name: "no header", files: map[string]string{"a.csv": "1,a\n2,b\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "INTEGER", "name", "VARCHAR"), rows: []string{"1|a|a.csv", "2|b|a.csv"}},
		{name: "skip, comment, nulls", files: map[string]string{"a.csv": "made by x\nid,name\n# no\n1,NA\n2,b\n"}, reader: Reader{Path: "*.csv", Skip: 1, Comment: "#", NullValues: []string{"NA"}}, rows: []string{"1|∅|a.csv", "2|b|a.csv"}},
		{name: "hive folders", files: map[string]string{"dt=2026-01-02/r=a%20b/x.csv": "id\n1\n", "dt=2026-01-03/r=c/y.csv": "id\n2\n"}, reader: Reader{Path: "**/*.csv"},
			types: "id BIGINT, dt DATE, r VARCHAR, _file VARCHAR", rows: []string{"1|2026-01-02|a b|dt=2026-01-02/r=a%20b/x.csv", "2|2026-01-03|c|dt=2026-01-03/r=c/y.csv"}},
		{name: "odd names", files: map[string]string{"k=1/a[1]*.csv": "id\n1\n", "it's, \"ü\".csv": "id\n2\n"}, reader: Reader{Path: "**/*.csv"},
			rows: []string{"1|1|k=1/a[1]*.csv", `2|∅|it's, "ü".csv`}},
		{name: "duplicate names", files: map[string]string{"a.csv": "id,ID\n1,2\n"}, reader: Reader{Path: "*.csv"}, err: `a.csv: the header names two columns "ID", the 1. and the 2.`, class: fault.Data},
		{name: "wrong delimiter", files: map[string]string{"a.csv": "id;name\n1;a\n"}, reader: Reader{Path: "*.csv", Delimiter: ","}, columns: typed, err: `a.csv comes out as one column, "id;name"`, class: fault.Data},
		{name: "binary", files: map[string]string{"a.csv": "\x00\x01\x02" + strings.Repeat("\x00abc", 100)}, reader: Reader{Path: "*.csv"}, err: "a.csv is not text", class: fault.Data},
		{name: "not gzip", files: map[string]string{"x/a.csv": ""}, reader: Reader{Path: "b/*.csv"}, err: "no file matches b/*.csv", class: fault.Usage},
		{name: "stop", files: map[string]string{"a.csv": "id,new\n1,2\n"}, reader: Reader{Path: "*.csv", OnSchemaChange: schemaStop}, known: cols("id", "BIGINT"), err: `a.csv has a column that the table does not: "new"`, class: fault.Data},
		{name: "strict", files: map[string]string{"a.csv": "id,new\n1,2\n"}, reader: Reader{Path: "*.csv", Strict: true}, columns: cols("id", "BIGINT"), err: `a.csv has a column that the table does not: "new"`, class: fault.Data},
		{name: "keep extra", files: map[string]string{"a.csv": "id,new,more\n1,2,\n", "b.csv": "id\n3\n"}, reader: Reader{Path: "*.csv", OnSchemaChange: schemaExtra}, known: cols("id", "BIGINT", "gone", "VARCHAR"),
			types: "id BIGINT, gone VARCHAR, _extra VARCHAR, _file VARCHAR", rows: []string{`1|∅|{"new":"2","more":null}|a.csv`, "3|∅|∅|b.csv"}},
		{name: "not a widening", files: map[string]string{"a.csv": "id\n1\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "VARCHAR"), known: cols("id", "BIGINT"), err: "not a widening", class: fault.Usage},
		{name: "widened", files: map[string]string{"a.csv": "id\n1\n"}, reader: Reader{Path: "*.csv"}, columns: cols("id", "BIGINT"), known: cols("id", "INTEGER"), rows: []string{"1|a.csv"}, types: "id BIGINT, _file VARCHAR"},
		{name: "type changes between files", files: map[string]string{"a.csv": "v\n1\n", "b.csv": "v\nx\n"}, reader: Reader{Path: "*.csv"}, known: cols("v", "BIGINT"),
			rows: []string{"1|a.csv"}, rejects: []string{`b.csv:2 v: "x" is not BIGINT | x`}},
	})
}

// TestBlankLines: a blank line of a file with one column is that column's empty value, in any reading; with more columns it is none.
func TestBlankLines(t *testing.T) {
	one, two := cols("id", "BIGINT"), cols("id", "BIGINT", "v", "VARCHAR")
	rows := []string{"1|a.csv", "2|a.csv", "∅|a.csv", "∅|a.csv"}
	bad := []string{`a.csv:6 id: "bad" is not BIGINT | bad`}
	runCases(t, []readCase{
		{name: "fast", files: map[string]string{"a.csv": "id\n1\n\n2\n\n"}, reader: Reader{Path: "*.csv"}, columns: one, rows: rows},
		{name: "rejects", files: map[string]string{"a.csv": "id\n1\n\n2\n\nbad\n"}, reader: Reader{Path: "*.csv"}, columns: one, rows: rows, rejects: bad},
		{name: "careful", files: map[string]string{"a.csv": "id\n1\n\n2\n\n1.5\n"}, reader: Reader{Path: "*.csv"}, columns: one, careful: true, rows: rows, rejects: []string{`a.csv:6 id: "1.5" is not BIGINT | 1.5`}},
		{name: "fast, CRLF", files: map[string]string{"a.csv": "id\r\n1\r\n\r\n2\r\n\r\n"}, reader: Reader{Path: "*.csv"}, columns: one, rows: rows},
		{name: "careful, CRLF", files: map[string]string{"a.csv": "id\r\n1\r\n\r\n2\r\n\r\n1.5\r\n"}, reader: Reader{Path: "*.csv"}, columns: one, careful: true, rows: rows, rejects: []string{`a.csv:6 id: "1.5" is not BIGINT | 1.5`}},
		{name: "lines that end in several ways", files: map[string]string{"a.csv": "id\n1\r\n\r\n2\n\n"}, reader: Reader{Path: "*.csv"}, columns: one, rows: rows},
		{name: "before the header", files: map[string]string{"a.csv": "\n\nid\n1\n\n2\n\n"}, reader: Reader{Path: "*.csv"}, columns: one, rows: rows},
		{name: "two columns", files: map[string]string{"a.csv": "id,v\n1,\n\n2,\n\n"}, reader: Reader{Path: "*.csv"}, columns: two, rows: []string{"1|∅|a.csv", "2|∅|a.csv"}},
	})
}

// TestLinesOfRejects has records over several lines before the bad ones.
func TestLinesOfRejects(t *testing.T) {
	typed := cols("id", "BIGINT", "v", "VARCHAR")
	runCases(t, []readCase{
		{name: "behind quoted line ends", files: map[string]string{"a.csv": "id,v\n1,\"x\ny\n\"\nbad,z\n2,\"\n\"\n3,a\nworse,\"\nb\"\n"}, reader: Reader{Path: "*.csv"}, columns: typed, rows: []string{"1|x\ny\n|a.csv", "2|\n|a.csv", "3|a|a.csv"},
			rejects: []string{`a.csv:5 id: "bad" is not BIGINT | bad,z`, "a.csv:9 id: \"worse\" is not BIGINT | worse,\"\nb\""}},
		{name: "CRLF and blank lines", files: map[string]string{"a.csv": "id,v\r\n\r\n1,\"x\r\ny\"\r\n\r\n\r\nbad,z\r\n"}, reader: Reader{Path: "*.csv"}, columns: typed, rows: []string{"1|x\r\ny|a.csv"},
			rejects: []string{`a.csv:7 id: "bad" is not BIGINT | bad,z`}},
		{name: "two files", files: map[string]string{"a.csv": "id,v\nbad,\"\nz\"\n", "b.csv": "id,v\n1,\"x\ny\"\nbad,z\n"}, reader: Reader{Path: "*.csv"}, columns: typed, rows: []string{"1|x\ny|b.csv"},
			rejects: []string{"a.csv:2 id: \"bad\" is not BIGINT | bad,\"\nz\"", `b.csv:4 id: "bad" is not BIGINT | bad,z`}},
	})
}
