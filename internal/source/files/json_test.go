package files

import (
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
)

func TestJSON(t *testing.T) {
	typed := cols("id", "BIGINT", "total", "DECIMAL(12,2)", "day", "DATE")
	lines := `STRUCT("sku" VARCHAR, "n" INTEGER, "price" DECIMAL(12,2))[]`
	runCases(t, []readCase{
		{name: "lines", files: map[string]string{"a.ndjson": `{"id":1,"total":1.5,"day":"2026-01-02"}` + "\n\n" + `{"id":"2","total":"7.25"}` + "\n{}\n"},
			reader: Reader{Path: "*.ndjson"}, columns: typed, types: "id BIGINT, total DECIMAL(12,2), day DATE, _file VARCHAR",
			rows: []string{"1|1.50|2026-01-02|a.ndjson", "2|7.25|∅|a.ndjson", "∅|∅|∅|a.ndjson"}},
		{name: "array, documents, packed", files: map[string]string{"a.json": `[{"id":1}, {"id":2}]`, "b.json": "{\n \"id\": 3\n}\n{\n \"id\": 4}", "c.json": `{"id":5}` + "\n" + `{"id":6}`, "d.json.gz": `{"id":7}`, "e.json": " ", "f.json": "[]"},
			reader: Reader{Path: "*.json*"}, columns: cols("id", "BIGINT"), rows: []string{"1|a.json", "2|a.json", "3|b.json", "4|b.json", "5|c.json", "6|c.json", "7|d.json.gz"}},
		{name: "inference", files: map[string]string{"a.ndjson": `{"id":1,"s":{"a":1,"b":[1.5]},"t":"2026-01-02 03:04:05","n":null,"m":1}` + "\n" + `{"id":2,"m":"x","late":true}`},
			reader: Reader{Path: "*.ndjson"}, types: `id BIGINT, s STRUCT("a" BIGINT, "b" DOUBLE[]), t TIMESTAMP, n VARCHAR, m VARCHAR, late BOOLEAN, _file VARCHAR`,
			rows: []string{"1|{'a': 1, 'b': [1.5]}|2026-01-02 03:04:05|∅|1|∅|a.ndjson", "2|∅|∅|∅|x|true|a.ndjson"}},
		{name: "bad records", files: map[string]string{"a.ndjson": strings.Join([]string{`{"id":1,"total":"12,50"}`, `{"id":2,"total":1.239}`, `{"id":1.5}`, `{"id":3`, `{"id":4,"total":1}`, `5`, `{"id":5,"day":"2026-01-02 10:00:00"}`, `{"id":6,"day":20260102}`, `{"id":7,"id":8}`, `{"id":[1]}`}, "\n"),
			"b.ndjson": `{"id":9,"total":0.1}`},
			reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true,
			rows: []string{"4|1.00|∅|a.ndjson", "8|∅|∅|a.ndjson", "9|0.10|∅|b.ndjson"},
			rejects: []string{`a.ndjson:10 id: "[1]" is not BIGINT | {"id":[1]}`, `a.ndjson:1 total: "12,50" is not DECIMAL(12,2) | {"id":1,"total":"12,50"}`,
				`a.ndjson:2 total: "1.239" is not DECIMAL(12,2) | {"id":2,"total":1.239}`, `a.ndjson:3 id: "1.5" is not BIGINT | {"id":1.5}`, `a.ndjson:4 malformed JSON: unexpected end of JSON input | {"id":3`,
				`a.ndjson:6 not a JSON object | 5`, `a.ndjson:7 day: "2026-01-02 10:00:00" is not DATE | {"id":5,"day":"2026-01-02 10:00:00"}`, `a.ndjson:8 day: "20260102" is not DATE | {"id":6,"day":20260102}`}},
		{name: "inexact alone", files: map[string]string{"a.ndjson": `{"id":2,"total":1.239}`}, reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true,
			rejects: []string{`a.ndjson:1 total: "1.239" is not DECIMAL(12,2) | {"id":2,"total":1.239}`}},
		{name: "truth values", files: map[string]string{"a.ndjson": `{"id":true}`, "b.ndjson": `{"b":2}`, "c.ndjson": `{"b":false}`}, reader: Reader{Path: "*.ndjson"}, columns: cols("id", "BIGINT", "b", "BOOLEAN"), careful: true,
			rows: []string{"1|∅|a.ndjson", "∅|false|c.ndjson"}, rejects: []string{`b.ndjson:1 b: "2" is not BOOLEAN | {"b":2}`}},
		{name: "digits a double loses", files: map[string]string{"a.ndjson": `{"total":1234567890123456.25}`}, reader: Reader{Path: "*.ndjson"}, columns: cols("total", "DECIMAL(38,2)"), rows: []string{"1234567890123456.25|a.ndjson"}},
		{name: "long numbers", files: map[string]string{"a.ndjson": `{"id":9007199254740993,"total":123456789012345678.25,"f":51.50735091234567}` + "\n" + `{"id":-9223372036854775808}`},
			reader: Reader{Path: "*.ndjson"}, columns: cols("id", "BIGINT", "total", "DECIMAL(38,2)", "f", "DOUBLE"),
			rows: []string{"-9223372036854775808|∅|∅|a.ndjson", "9007199254740993|123456789012345678.25|51.50735091234567|a.ndjson"}},
		{name: "long integers stay fast", files: map[string]string{"a.ndjson": `{"id":9007199254740993}`}, reader: Reader{Path: "*.ndjson"}, columns: cols("id", "BIGINT"), rows: []string{"9007199254740993|a.ndjson"}},
		{name: "nested", files: map[string]string{"a.ndjson": `{"lines":[{"sku":"a","n":1,"price":1.5},{"sku":"b","n":2,"price":"2.25"}],"m":{"k":1}}`, "b.ndjson": `{"lines":[{"sku":"a","n":1.5}]}` + "\n" + `{"lines":[{"n":"x"}]}` + "\n" + `{"lines":5}` + "\n" + `{"lines":[],"m":{"z":7}}`},
			reader: Reader{Path: "*.ndjson"}, columns: cols("lines", lines, "m", "MAP(VARCHAR, INTEGER)"), careful: true,
			rows: []string{"[]|{z=7}|b.ndjson", "[{'sku': a, 'n': 1, 'price': 1.50}, {'sku': b, 'n': 2, 'price': 2.25}]|{k=1}|a.ndjson"},
			rejects: []string{`b.ndjson:1 lines[0].n: "1.5" is not INTEGER | {"lines":[{"sku":"a","n":1.5}]}`, `b.ndjson:2 lines[0].n: "x" is not INTEGER | {"lines":[{"n":"x"}]}`,
				`b.ndjson:3 lines: "5" is not ` + lines[:0] + `STRUCT("sku" VARCHAR, "n" INTEGER, "price" DECIMAL(12,2))[] | {"lines":5}`}},
		{name: "array with a bad record", files: map[string]string{"a.json": `[{"id":1},{"id":"x"},{"id":3}]`}, reader: Reader{Path: "*.json"}, columns: cols("id", "BIGINT"), careful: true,
			rows: []string{"1|a.json", "3|a.json"}, rejects: []string{`a.json:2 id: "x" is not BIGINT | {"id":"x"}`}},
		{name: "broken array", files: map[string]string{"a.json": `[{"id":1},{"id":2`}, reader: Reader{Path: "*.json"}, columns: cols("id", "BIGINT"), known: cols("id", "BIGINT"), err: "a.json", class: fault.Data},
		{name: "own names", files: map[string]string{"a.ndjson": `{"file name":1,"it's":2,"a\"b":3,"path":4,"json":5}`}, reader: Reader{Path: "*.ndjson"}, rows: []string{"1|2|3|4|5|a.ndjson"}},
		{name: "hive", files: map[string]string{"dt=2026-01-02/a.ndjson": `{"id":1}`, "dt=2026-01-03/a.ndjson": `{"id":"x"}`}, reader: Reader{Path: "**/*.ndjson"}, columns: cols("id", "BIGINT"), careful: true,
			rows: []string{"1|2026-01-02|dt=2026-01-02/a.ndjson"}, rejects: []string{`dt=2026-01-03/a.ndjson:1 id: "x" is not BIGINT | {"id":"x"}`}},
		{name: "added", files: map[string]string{"a.ndjson": `{"id":1,"new":"x"}`}, reader: Reader{Path: "*.ndjson"}, known: cols("id", "BIGINT"), types: "id BIGINT, new VARCHAR, _file VARCHAR", rows: []string{"1|x|a.ndjson"}},
		{name: "stop", files: map[string]string{"a.ndjson": `{"id":1}` + "\n" + `{"id":1,"new":"x"}`}, reader: Reader{Path: "*.ndjson", OnSchemaChange: schemaStop}, known: cols("id", "BIGINT"), err: `a.ndjson has a column that the table does not: "new"`, class: fault.Data},
		{name: "reject", files: map[string]string{"a.ndjson": `{"id":1}` + "\n" + `{"id":1,"new":"x"}`}, reader: Reader{Path: "*.ndjson", OnSchemaChange: schemaReject}, known: cols("id", "BIGINT"),
			rows: []string{"1|a.ndjson"}, rejects: []string{`a.ndjson:2 new: the table has no such column | {"id":1,"new":"x"}`}},
		{name: "keep extra", files: map[string]string{"a.ndjson": `{"id":1}` + "\n" + `{"id":1,"new":{"a": [1]}}`}, reader: Reader{Path: "*.ndjson", OnSchemaChange: schemaExtra}, known: cols("id", "BIGINT"),
			types: "id BIGINT, _extra VARCHAR, _file VARCHAR", rows: []string{`1|{"new":{"a":[1]}}|a.ndjson`, "1|∅|a.ndjson"}},
		{name: "nothing but garbage", files: map[string]string{"a.ndjson": "\x00\xff\n]]]\n"}, reader: Reader{Path: "*.ndjson"}, columns: cols("id", "BIGINT"), careful: true,
			rejects: []string{"a.ndjson:1 malformed JSON: invalid character '\\x00' looking for beginning of value | \x00?", "a.ndjson:2 malformed JSON: invalid character ']' looking for beginning of value | ]]]"}},
	})
}

func TestParquet(t *testing.T) {
	dir := inbox(t, map[string]string{"keep": ""})
	e := newEngine(t)
	for name, q := range map[string]string{
		"a.parquet": "SELECT 1::INTEGER AS id, 1.5::DECIMAL(12,2) AS total",
		"b.parquet": "SELECT 2::BIGINT AS id, 2.25::DECIMAL(12,2) AS total, 'x' AS more",
	} {
		if err := e.Exec(t.Context(), "COPY ("+q+") TO "+job.Literal(dir+"/"+name)+" (FORMAT parquet)"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(t, dir, Reader{Path: "*.parquet"}, job.Read{Known: cols("id", "INTEGER")})
	if err != nil {
		t.Fatal(err)
	}
	if got.columns != "id BIGINT, total DECIMAL(12,2), more VARCHAR, _file VARCHAR" || len(got.rel.Widened) != 1 || len(got.rel.Added) != 2 {
		t.Errorf("got %s, widened %v, added %v", got.columns, got.rel.Widened, got.rel.Added)
	}
	same(t, "rows", got.rows, []string{"1|1.50|∅|a.parquet", "2|2.25|x|b.parquet"})

	r := Reader{Path: "*.parquet"}
	r.SetColumns(cols("total", "INTEGER"))
	if err := e.Exec(t.Context(), "COPY (SELECT 3 AS id, 4::DECIMAL(12,2) AS total) TO "+job.Literal(dir+"/c.parquet")+" (FORMAT parquet)"); err != nil {
		t.Fatal(err)
	}
	if got, err = readAll(t, dir, r, job.Read{}); err != nil {
		t.Fatal(err)
	}
	same(t, "rows", got.rows, []string{"3|4|∅|c.parquet"})
	same(t, "rejects", got.rejects, []string{`a.parquet:1 total: "1.50" is not INTEGER | {"id":1,"total":1.5,"more":null}`, `b.parquet:1 total: "2.25" is not INTEGER | {"id":2,"total":2.25,"more":"x"}`})

	put(t, dir+"/d.parquet", "PAR1 not at all")
	if _, err = readAll(t, dir, r, job.Read{}); err == nil || fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "d.parquet") {
		t.Errorf("damaged: %v (%s)", err, fault.ClassOf(err))
	}
}

func TestLongJSONLine(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 40 MB")
	}
	r := Reader{Path: "*.ndjson", MaxLineSize: 1 << 20}
	r.SetColumns(cols("id", "BIGINT", "x", "VARCHAR"))
	dir := inbox(t, map[string]string{"a.ndjson": `{"id":1,"x":"` + strings.Repeat("y", 40<<20) + `"}` + "\n" + `{"id":2}`})
	got, err := readAll(t, dir, r, job.Read{Known: cols("id", "BIGINT", "x", "VARCHAR")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", got.rows, []string{"2|∅|a.ndjson"})
	if len(got.full) != 1 || got.full[0][6].Value != "the line is longer than 1048576 bytes" || len(got.full[0][8].Value) > 2<<20 {
		t.Errorf("got %d rejects", len(got.full))
	}
}
