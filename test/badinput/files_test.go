package badinput

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"weir/test/program"
)

// oddity is a project of one table over odd files.
type oddity struct {
	name  string
	yaml  string            // the definition, without from and path
	files map[string]string // in the inbox
	code  int
	says  string // a pattern in what is printed
	query string // asked of the lake where something is to be there
	rows  string
}

const idNote = "columns: { id: bigint, note: varchar }\n"

var oddities = []oddity{
	{name: "keys in other letters", yaml: idNote, files: map[string]string{"a.ndjson": `{"ID":1,"Note":"x"}` + "\n" + `{"id":2}`}, query: "select id, note from raw.t order by id", rows: "1,x\n2,\n"},
	{name: "two arrays in a file", yaml: idNote, files: map[string]string{"a.json": `[{"id":1}] [{"id":2}]`}, code: 3, says: `a\.json goes on behind the end of its array`},
	{name: "an array cut off", yaml: idNote, files: map[string]string{"a.json": `[{"id":1},{"id":2}`}, code: 3, says: `a\.json is not valid JSON behind offset 18`},
	{name: "a record of 300,000 levels", files: map[string]string{"a.ndjson": `{"id":1,"v":` + strings.Repeat("[", 300_000) + strings.Repeat("]", 300_000) + "}"}, query: "select length(v) from raw.t", rows: "600000\n"},
	{name: "more keys than a map", files: map[string]string{"a.ndjson": wideJSON(2000)}, query: "select k0, k1999 from raw.t", rows: "0,1999\n"},
	{name: "types that mix", files: map[string]string{"a.ndjson": `{"v":1}` + "\n" + `{"v":"x"}` + "\n" + `{"v":{"a":[1]}}`}, query: "select v from raw.t order by v", rows: "1\nx\n\"{\"\"a\"\":[1]}\"\n"},
	{name: "one record of JSON that is not UTF-8", yaml: idNote + "max_rejects: 1\n", files: map[string]string{"a.ndjson": "{\"id\":1,\"note\":\"caf\xe9\"}\n{\"id\":2}\n"}, says: `1 rejected`, query: "select id from raw.t", rows: "2\n"},
	{name: "numbers at the edge of JSON", yaml: "columns: { id: bigint, d: \"decimal(38,10)\", f: double }\nmax_rejects: 4\n",
		files: map[string]string{"a.ndjson": `{"id":9223372036854775807,"d":1234567890123456789012345678.0123456789}` + "\n" + `{"id":9223372036854775808}` + "\n" + `{"id":9007199254740993.0}` + "\n" + `{"f":1e400}` + "\n" + `{"d":0.12345678901}` + "\n" + `{"f":NaN}`},
		query: "select id, d from raw.t order by id desc", rows: "9223372036854775807,1234567890123456789012345678.0123456789\n9007199254740993,\n"},
	{name: "values at the edge of CSV", yaml: "columns: { id: bigint, d: \"decimal(12,2)\", day: date, at: timestamp, f: double }\nmax_rejects: unlimited\n",
		files: map[string]string{"a.csv": "id,d,day,at,f\n9223372036854775807,9999999999.99,9999-12-31,9999-12-31 23:59:59.999999,5e-324\n9223372036854775808,,,,\n,10000000000,,,\n,1.005,,,\n,,2026-02-30,,\n,,0000-01-01,,\n,,10000-01-01,,\n,,,2026-03-01 10:00:00.1234567,\n,,,,1e400\n"},
		says:  "8 rejected", query: "select id, d, day, \"at\", f from raw.t", rows: "9223372036854775807,9999999999.99,9999-12-31,9999-12-31 23:59:59.999999,5e-324\n"},
	{name: "blank lines and a mark before the header", yaml: idNote, files: map[string]string{"a.csv": "\xef\xbb\xbf\r\n\r\nid,note\r\n1,\"a\r\nb\"\r\n"}, query: "select id, length(note) from raw.t", rows: "1,4\n"},
	{name: "a comment's sign within a line", yaml: idNote + "comment: \"#\"\n", files: map[string]string{"a.csv": "# of today\nid,note\n1,x # y\n"}, query: "select note from raw.t", rows: "\"x # y\"\n"},
	{name: "UTF-16 nobody declared", yaml: idNote, files: map[string]string{"a.csv": "\xff\xfei\x00d\x00\n\x001\x00\n\x00"}, code: 3, says: `a\.csv begins with the byte order mark of UTF-16.*encoding: utf-16`},
	{name: "UTF-16 declared", yaml: idNote + "encoding: utf-16\n", files: map[string]string{"a.csv": "\xff\xfei\x00d\x00\n\x001\x00\n\x00"}, query: "select id from raw.t", rows: "1\n"},
	{name: "latin-1 declared", yaml: idNote + "encoding: latin-1\n", files: map[string]string{"a.csv": "id,note\n1,caf\xe9\n"}, query: "select note from raw.t", rows: "café\n"},
	{name: "a zero byte in a field", yaml: idNote + "delimiter: \",\"\nmax_rejects: 1\n", files: map[string]string{"a.csv": "id,note\n1,one\n2\x002,two\n3,three\n"}, says: "1 rejected", query: "select id from raw.t order by id", rows: "1\n3\n"},
	{name: "odd names", yaml: idNote + "max_rejects: unlimited\n", files: map[string]string{"sp ace.csv": "id\nx\n1\n", "quo'te.csv": "id\nx\n2\n", "br[ac]ket.csv": "id\nx\n3\n", "st*r?.csv": "id\nx\n4\n", "per%20cent#.csv": "id\nx\n5\n", "k=a=b/ü.ndjson": `{"id":"x"}` + "\n" + `{"id":6}`},
		says: "6 rejected", query: "select id, _file, k from raw.t order by id", rows: "1,sp ace.csv,\n2,quo'te.csv,\n3,br[ac]ket.csv,\n4,st*r?.csv,\n5,\"per%20cent#.csv\",\n6,k=a=b/ü.ndjson,a=b\n"},
	{name: "a folder that is no date", yaml: "columns: { id: bigint, day: date }\n", files: map[string]string{"day=2026-03-01/a.csv": "id\n1\n", "day=soon/b.csv": "id\n2\n"}, code: 3, says: `day=soon/b\.csv: the folder day=soon is not DATE`},
	{name: "columns by name over formats", files: map[string]string{"a.csv": "id,x\n1,a\n", "b.csv": "y,id\n2.5,2\n", "c.ndjson": `{"id":3,"z":true}`}, query: "select id, x, y, z from raw.t order by id", rows: "1,a,,\n2,,2.5,\n3,,,true\n"},
	{name: "2,000 columns", files: map[string]string{"a.csv": wideCSV(2000)}, query: "select k0, k1999 from raw.t", rows: "0,1999\n"},
	{name: "2,000 files", yaml: idNote, files: manyFiles(2000), query: "select count(*), sum(id) from raw.t", rows: "2000,1999000\n"},
	{name: "a name that is not what it holds", yaml: idNote, files: map[string]string{"a.csv.zst": "id,note\n1,x\n"}, code: 3, says: `a\.csv\.zst is damaged`},
	{name: "a rule that reaches out", yaml: idNote + "rules:\n  - CustomSql \"select count(*) from read_text('/etc/hostname')\" = 0\n", files: map[string]string{"a.csv": "id,note\n1,x\n"}, code: 2, says: `tables/raw/t\.yaml:5:5: .*read_text.* is not allowed`},
	{name: "a rule that reaches out by its where", yaml: idNote + "rules:\n  - IsComplete \"id\" where \"1=1) or exists(select * from glob('/etc/*')\"\n", files: map[string]string{"a.csv": "id,note\n1,x\n"}, code: 2, says: `tables/raw/t\.yaml:5:5: .*glob.* is not allowed`},
	{name: "rules on odd names", yaml: "rules: |\n  Rules = [ IsComplete \"we ird\", ColumnValues \"größe\" > 2, IsUnique \"it's\", ColumnExists \"a.b\", ColumnValues \"order\" in [4] ]\n",
		files: map[string]string{"a.csv": "we ird,größe,order,it's,a.b\n1,3,4,5,6\n"}, query: "select \"we ird\", \"größe\", \"order\", \"it's\", \"a.b\" from raw.t", rows: "1,3,4,5,6\n"},
}

func wideJSON(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	return "{" + strings.Join(fields, ",") + "}\n"
}

func wideCSV(n int) string {
	names, values := make([]string, n), make([]string, n)
	for i := range names {
		names[i], values[i] = fmt.Sprintf("k%d", i), fmt.Sprint(i)
	}
	return strings.Join(names, ",") + "\n" + strings.Join(values, ",") + "\n"
}

func manyFiles(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%d.csv", i)] = fmt.Sprintf("id,note\n%d,x\n", i)
	}
	return files
}

func TestOddFiles(t *testing.T) {
	for _, o := range oddities {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program.Write(t, dir, map[string]string{"weir.yaml": project["weir.yaml"], "tables/raw/t.yaml": "from: inbox\npath: \"**\"\n" + o.yaml})
			for name, text := range o.files {
				program.Write(t, dir, map[string]string{"inbox/" + name: text})
			}
			out, errOut, code := program.Run(t, "-C", dir, "run")
			if code != o.code {
				t.Fatalf("exit %d, want %d\n%s", code, o.code, clip(out+errOut))
			}
			if ok, _ := regexp.MatchString("(?s)"+o.says, out+errOut); !ok {
				t.Errorf("printed %q, want %s in it", clip(out+errOut), o.says)
			}
			if strings.Contains(out+errOut, "goroutine ") {
				t.Errorf("a stack trace was shown to a person: %s", clip(out+errOut))
			}
			if o.query == "" {
				return
			}
			if got := program.Query(t, dir, o.query); got != o.rows {
				t.Errorf("%s gave %q, want %q", o.query, clip(got), o.rows)
			}
		})
	}
}

// TestFileThatChanges reads a file that grows, is replaced by one of the same size, is touched and goes.
func TestFileThatChanges(t *testing.T) {
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{"weir.yaml": project["weir.yaml"], "tables/raw/t.yaml": "from: inbox\npath: \"*.csv\"\n" + idNote, "inbox/a.csv": "id,note\n1,x\n", "inbox/b.csv": "id,note\n9,z\n"})
	file := filepath.Join(dir, "inbox", "a.csv")
	for _, step := range []struct{ text, rows, says string }{
		{"id,note\n1,x\n", "1,x\n9,z\n", "built"},
		{"id,note\n1,x\n2,y\n", "1,x\n2,y\n9,z\n", "built"},
		{"id,note\n3,x\n4,y\n", "3,x\n4,y\n9,z\n", "built"},
		{"id,note\n3,x\n4,y\n", "3,x\n4,y\n9,z\n", "skipped"},
		{"", "3,x\n4,y\n9,z\n", "skipped"},
		{"id,note\n5,x\n", "5,x\n9,z\n", "built"},
	} {
		err := os.Remove(file)
		if step.text != "" {
			err = os.WriteFile(file, []byte(step.text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if out := program.Must(t, "-C", dir, "run"); !strings.Contains(out, step.says) {
			t.Errorf("with %q: %s, want %s", step.text, out, step.says)
		}
		if got := program.Query(t, dir, "select id, note from raw.t order by id"); got != step.rows {
			t.Errorf("with %q the table holds %q, want %q", step.text, got, step.rows)
		}
	}
}
