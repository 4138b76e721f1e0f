package files

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/internal/fault"
)

// TestNothingLost reads JSON of which the engine alone would lose keys, records, digits or characters without a word.
func TestNothingLost(t *testing.T) {
	deep := `{"id":1,"v":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}"
	wide := make([]string, 300)
	for i := range wide {
		wide[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	typed := cols("id", "BIGINT", "v", "VARCHAR")
	runCases(t, []readCase{
		{name: "keys in other letters", files: map[string]string{"a.ndjson": `{"ID":1,"V":"x"}` + "\n" + `{"id":2,"v":"y"}`}, reader: Reader{Path: "*.ndjson"}, columns: typed,
			types: "id BIGINT, v VARCHAR, _file VARCHAR", rows: []string{"1|x|a.ndjson", "2|y|a.ndjson"}},
		{name: "keys in other letters, inferred", files: map[string]string{"a.ndjson": `{"Id":1}` + "\n" + `{"ID":2}`}, reader: Reader{Path: "*.ndjson"},
			types: "Id BIGINT, _file VARCHAR", rows: []string{"1|a.ndjson", "2|a.ndjson"}},
		{name: "two spellings in a record", files: map[string]string{"a.ndjson": `{"id":1,"ID":2}` + "\n" + `{"id":3}`}, reader: Reader{Path: "*.ndjson"}, columns: typed,
			rows: []string{"3|∅|a.ndjson"}, rejects: []string{`a.ndjson:1 the keys "id" and "ID" are one column | {"id":1,"ID":2}`}},
		{name: "an array and more", files: map[string]string{"a.json": `[{"id":1}][{"id":2}]`}, reader: Reader{Path: "*.json"}, columns: typed, err: "a.json goes on behind the end of its array, at offset 10", class: fault.Data},
		{name: "more keys than a map", files: map[string]string{"a.ndjson": "{" + strings.Join(wide, ",") + "}"}, reader: Reader{Path: "*.ndjson"},
			rows: []string{wideRow(300) + "|a.ndjson"}},
		{name: "names with the name of a type in them", files: map[string]string{"a.ndjson": `{"o":{"JSON":5,"myJSON":"x"}}`}, reader: Reader{Path: "*.ndjson"},
			types: `o STRUCT("JSON" BIGINT, "myJSON" VARCHAR), _file VARCHAR`, rows: []string{"{'JSON': 5, 'myJSON': x}|a.ndjson"}},
		{name: "a key without a name", files: map[string]string{"a.ndjson": `{"":5,"id":1}`}, reader: Reader{Path: "*.ndjson"}, err: `a.ndjson has a field named ""`, class: fault.Data},
		{name: "a key with a zero", files: map[string]string{"a.ndjson": `{"a\u0000b":5}`}, reader: Reader{Path: "*.ndjson"}, err: `a.ndjson has a field named "a\x00b"`, class: fault.Data},
		{name: "records without fields", files: map[string]string{"a.ndjson": "{}\n5\n"}, reader: Reader{Path: "*.ndjson"}, err: "a.ndjson has no column", class: fault.Data},
		{name: "too deep for the engine", files: map[string]string{"a.ndjson": deep}, reader: Reader{Path: "*.ndjson"}, columns: typed, rows: []string{"1|" + deep[12:len(deep)-1] + "|a.ndjson"}},
		{name: "too deep for a type", files: map[string]string{"a.ndjson": `{"v":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50) + "}"}, reader: Reader{Path: "*.ndjson"},
			rows: []string{strings.Repeat("{'a': ", 31) + "'" + strings.Repeat(`{"a":`, 19) + "1" + strings.Repeat("}", 19) + "'" + strings.Repeat("}", 31) + "|a.ndjson"}},
		{name: "bytes that are no text", files: map[string]string{"a.ndjson": "{\"id\":1,\"v\":\"caf\xe9\"}\n" + `{"id":2,"v":"\ud83d"}` + "\n" + `{"id":3,"v":"\ud83d\ude00"}` + "\n" + `{"id":4,"v":"\\ud83d"}`}, reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true,
			rows: []string{"3|😀|a.ndjson", `4|\ud83d|a.ndjson`}, rejects: []string{`a.ndjson:1 the record is not valid UTF-8 | {"id":1,"v":"caf?"}`, `a.ndjson:2 malformed JSON: half a surrogate pair stands alone | {"id":2,"v":"\ud83d"}`}},
		{name: "digits of a whole number with a point", files: map[string]string{"a.ndjson": `{"id":9007199254740993.0}`}, reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true, rows: []string{"9007199254740993|∅|a.ndjson"}},
		{name: "digits of a number kept as text", files: map[string]string{"a.ndjson": `{"id":1,"v":12345678901234567890.12}`, "b.ndjson": `{"id":2,"v":{"n":[0.12345678901234567890]}}`}, reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true,
			rows: []string{"1|12345678901234567890.12|a.ndjson", `2|{"n":[0.12345678901234567890]}|b.ndjson`}},
		{name: "zeros in front", files: map[string]string{"a.ndjson": `{"id":"007"}` + "\n" + `{"id":"-00"}` + "\n" + `{"id":"x"}`}, reader: Reader{Path: "*.ndjson"}, columns: typed, careful: true,
			rows: []string{"0|∅|a.ndjson", "7|∅|a.ndjson"}, rejects: []string{`a.ndjson:3 id: "x" is not BIGINT | {"id":"x"}`}},
		{name: "a map's key twice", files: map[string]string{"a.ndjson": `{"m":{"a":1,"a":2}}`}, reader: Reader{Path: "*.ndjson"}, columns: cols("m", "MAP(VARCHAR, INTEGER)"), careful: true, rows: []string{"{a=2}|a.ndjson"}},
	})
}

func wideRow(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	return strings.Join(all, "|")
}

func TestCSVBeginnings(t *testing.T) {
	typed := cols("id", "BIGINT", "v", "VARCHAR")
	runCases(t, []readCase{
		{name: "blank lines before the header", files: map[string]string{"a.csv": "\n\nid,v\n\n1,x\n"}, reader: Reader{Path: "*.csv"}, columns: typed, rows: []string{"1|x|a.csv"}},
		{name: "a line's number behind them", files: map[string]string{"a.csv": "\n\nid,v\nbad,x\n"}, reader: Reader{Path: "*.csv"}, columns: typed, rejects: []string{`a.csv:4 id: "bad" is not BIGINT | bad,x`}},
		{name: "a comment is a line", files: map[string]string{"a.csv": "# of today\nid,v\n# more\n1,x # 2\n", "b.csv": "id,v\n#1,y\n2,z\n"}, reader: Reader{Path: "*.csv", Comment: "#"}, columns: typed,
			rows: []string{"1|x # 2|a.csv", "2|z|b.csv"}},
		{name: "UTF-16 nobody declared", files: map[string]string{"a.csv": "\xff\xfei\x00d\x00\n\x001\x00\n\x00"}, reader: Reader{Path: "*.csv"}, columns: typed, err: "a.csv begins with the byte order mark of UTF-16", class: fault.Data},
		{name: "years and hours that are none", files: map[string]string{"a.csv": "d,t,z,c\n0000-01-01,,,\n,0000-01-01 00:00:00,,\n,,2026-03-01 10:00:00+99,\n,,,24:00:00\n,2026-03-01 24:00:00,,\n"}, reader: Reader{Path: "*.csv"}, careful: true,
			columns: cols("d", "DATE", "t", "TIMESTAMP", "z", "TIMESTAMP WITH TIME ZONE", "c", "TIME"), rows: []string{"∅|2026-03-02 00:00:00|∅|∅|a.csv"},
			rejects: []string{`a.csv:2 d: "0000-01-01" is not DATE | 0000-01-01,,,`, `a.csv:3 t: "0000-01-01 00:00:00" is not TIMESTAMP | ,0000-01-01 00:00:00,,`,
				`a.csv:4 z: "2026-03-01 10:00:00+99" is not TIMESTAMP WITH TIME ZONE | ,,2026-03-01 10:00:00+99,`, `a.csv:5 c: "24:00:00" is not TIME | ,,,24:00:00`}},
		{name: "folders with two signs", files: map[string]string{"k=a=b/a.csv": "id\n1\n", "k=c/b.csv": "id\n2\n"}, reader: Reader{Path: "**/*.csv"}, columns: cols("id", "BIGINT"),
			rows: []string{"1|a=b|k=a=b/a.csv", "2|c|k=c/b.csv"}},
	})
}

// TestGlance cuts a text at every place: what is found does not depend on how it is read.
func TestGlance(t *testing.T) {
	text := `{"a":{"no":[1,"x"]},"b\"c":"}{","ä":1}` + "\n{\"broken: 1\n" + `{"d":[{}],"a":2}`
	for shape, want := range map[string][]string{shapeLines: {"a", `b"c`, "ä", "d"}} {
		for cut := range len(text) {
			s := glancer{shape: shape, seen: map[string]bool{}}
			s.look([]byte(text[:cut]))
			s.look([]byte(text[cut:]))
			if !slices.Equal(s.found.keys, want) || s.found.deep || s.found.behind {
				t.Fatalf("cut at %d: found %+v, want %q", cut, s.found, want)
			}
		}
	}
	s := glancer{shape: shapeArray, base: 1, seen: map[string]bool{}}
	s.look([]byte(" [ {\"a\":[1]}, 5, {\"b\":{}} ] \n"))
	if !slices.Equal(s.found.keys, []string{"a", "b"}) || s.found.behind {
		t.Errorf("found %+v", s.found)
	}
	if s.look([]byte("x")); !s.found.behind {
		t.Error("what stands behind an array is not seen")
	}
}
