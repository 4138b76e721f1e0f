// Package badinput gives the program what goes wrong in life and expects a named error or rejects, nothing lost and the
// table unchanged.
package badinput

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// project is a table that was built once from a good file.
var project = map[string]string{
	"weir.yaml": "name: bad\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n",
	"tables/raw/orders.yaml": `from: inbox
path: "orders*"
format: csv
mode: append
columns: { id: bigint, at: timestamp, total: "decimal(12,2)", note: varchar }
`,
	"inbox/orders1.csv": "id,at,total,note\n1,2026-03-01 10:00:00,1.50,a\n2,2026-03-01 11:00:00,2.50,b\n",
}

const before = "1,2026-03-01 10:00:00,1.50,a\n2,2026-03-01 11:00:00,2.50,b\n"

// misfortune is one thing that goes wrong after the first build.
type misfortune struct {
	name   string
	yaml   string // another definition, "" for the project's
	file   string // a new file in the inbox
	text   string
	code   int
	says   string // a pattern in what is printed
	gained string // rows the table has beside those it had
}

var misfortunes = []misfortune{
	{name: "empty file", file: "orders2.csv", text: ""},
	{name: "header only", file: "orders2.csv", text: "id,at,total,note\n"},
	{name: "value of another type", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,\"12,50\",c\n", code: 3, says: `orders2\.csv:2 .*total.*12,50.*DECIMAL\(12,2\)`},
	{name: "too many decimals", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.239,c\n", code: 3, says: `orders2\.csv:2 .*total.*1\.239`},
	{name: "missing columns in a line", file: "orders2.csv", text: "id,at,total,note\n3\n4,2026-03-02 10:00:00,1.00,d\n", code: 3, says: `orders2\.csv:2`},
	{name: "too many columns in a line", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00,d,e\n", code: 3, says: `orders2\.csv:2`},
	{name: "another delimiter than the file before", file: "orders2.csv", text: "id;at;total;note\n3;2026-03-02 10:00:00;1.00;d\n", gained: "3,2026-03-02 10:00:00,1.00,d\n"},
	{name: "wrong delimiter", yaml: "delimiter: \",\"\n", file: "orders2.csv", text: "id;at;total;note\n3;2026-03-02 10:00:00;1.00;d\n", code: 3, says: `orders2\.csv .*one column.*delimiter seems to be ';'`},
	{name: "binary in text", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00,\x00\x01\xff\xfe\n4,2026-03-02 10:00:00,1.00,ok\n", code: 3, says: `orders2\.csv`},
	{name: "binary file", file: "orders2.csv", text: "\x7fELF\x02\x01\x01\x00\x00\x00\xff\xfe\xfd", code: 3, says: `orders2\.csv`},
	{name: "mixed encodings", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00,caf\xe9\n4,2026-03-02 10:00:00,1.00,café\n", code: 3, says: `orders2\.csv`},
	{name: "truncated gzip", file: "orders2.csv.gz", text: truncatedGzip(), code: 3, says: `orders2\.csv\.gz`},
	{name: "duplicate columns", file: "orders2.csv", text: "id,at,total,total\n3,2026-03-02 10:00:00,1.00,2.00\n", code: 3, says: `orders2\.csv.*total`},
	{name: "a 10 MB line", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00," + strings.Repeat("x", 10<<20) + "\n", gained: "3,2026-03-02 10:00:00,1.00"},
	{name: "a line over the limit", yaml: "max_line_size: 1000000\n", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00," + strings.Repeat("x", 10<<20) + "\n", code: 3, says: `orders2\.csv:2 .*longer than 1000000 bytes`},
	{name: "unclosed quote", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00,\"never closed\n4,2026-03-02 10:00:00,1.00,d\n", code: 3, says: `orders2\.csv`},
	{name: "null key", yaml: "mode: upsert\nkey: id\n", file: "orders2.csv", text: "id,at,total,note\n,2026-03-02 10:00:00,1.00,c\n", code: 3, says: `key \(id\) is null`},
	{name: "two rows of one key", yaml: "mode: upsert\nkey: id\n", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n3,2026-03-02 10:00:00,2.00,c\n", code: 3, says: `two different rows of one key \(id\)`},
	{name: "rejects within the limit", yaml: "max_rejects: 1\n", file: "orders2.csv", text: "id,at,total,note\n3,2026-03-02 10:00:00,oops,c\n4,2026-03-02 10:00:00,4.00,d\n", gained: "4,2026-03-02 10:00:00,4.00,d\n"},
	{name: "unknown column stops", yaml: "on_schema_change: stop\n", file: "orders2.csv", text: "id,at,total,note,extra\n3,2026-03-02 10:00:00,1.00,c,x\n", code: 3, says: `orders2\.csv.*extra`},
	{name: "changed file stops", yaml: "on_changed_file: stop\n", file: "orders1.csv", text: "id,at,total,note\n9,2026-03-02 10:00:00,1.00,c\n", code: 3, says: `orders1\.csv`},
}

func truncatedGzip() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, "id,at,total,note\n")
	for i := range 5000 {
		fmt.Fprintf(w, "%d,2026-03-02 10:00:00,%d.00,note %d\n", i+10, i, i*7919)
	}
	w.Close()
	return b.String()[:b.Len()/2]
}

func TestMisfortunes(t *testing.T) {
	for _, m := range misfortunes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dir := built(t, m.yaml)
			program.Write(t, dir, map[string]string{"inbox/" + m.file: m.text})
			out, errOut, code := program.Run(t, "-C", dir, "run")
			if code != m.code {
				t.Fatalf("exit %d, want %d\n%s%s", code, m.code, out, errOut)
			}
			if ok, _ := regexp.MatchString("(?s)"+m.says, out+errOut); !ok {
				t.Errorf("printed %q, want %s in it", clip(out+errOut), m.says)
			}
			if strings.Contains(out+errOut, "goroutine ") {
				t.Errorf("a stack trace was shown to a person: %s", clip(out+errOut))
			}
			if got := rows(t, dir); !strings.HasPrefix(got, before+m.gained) || (m.gained == "" && got != before) {
				t.Errorf("the table holds %q, want what it held and %q", clip(got), clip(m.gained))
			}
		})
	}
}

// built is the project after its first build, with the given lines in the definition.
func built(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	program.Write(t, dir, project)
	if yaml != "" {
		text := project["tables/raw/orders.yaml"]
		if strings.Contains(yaml, "mode:") {
			text = strings.Replace(text, "mode: append\n", "", 1)
		}
		program.Write(t, dir, map[string]string{"tables/raw/orders.yaml": text + yaml})
	}
	program.Must(t, "-C", dir, "run")
	return dir
}

func rows(t *testing.T, dir string) string {
	t.Helper()
	return program.Query(t, dir, `select id, "at", total, note from raw.orders order by id`)
}

func clip(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "…"
	}
	return s
}

func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	program.Write(t, dir, project)
	program.Write(t, dir, map[string]string{"tables/raw/orders.yaml": "from: inbox\npath: \"ordrs*.csv\"\n"})
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if code != 2 || !strings.Contains(out+errOut, "ordrs*.csv") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestMissingFolder(t *testing.T) {
	dir := t.TempDir()
	program.Write(t, dir, project)
	if err := os.Rename(filepath.Join(dir, "inbox"), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if code != 2 || !strings.Contains(out+errOut, "inbox") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestTypeChangesBetweenFiles(t *testing.T) {
	dir := t.TempDir()
	program.Write(t, dir, map[string]string{
		"weir.yaml":              project["weir.yaml"],
		"tables/raw/orders.yaml": "from: inbox\npath: \"orders*.csv\"\n",
		"inbox/orders1.csv":      "id,code\n1,10\n2,20\n",
	})
	program.Must(t, "-C", dir, "run")
	program.Write(t, dir, map[string]string{"inbox/orders2.csv": "id,code\n3,A7\n"})
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if code != 3 || !strings.Contains(out+errOut, "orders2.csv:2") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if got := program.Query(t, dir, "select id, code from raw.orders order by id"); got != "1,10\n2,20\n" {
		t.Errorf("the table holds %q", got)
	}
}

func TestDefinitionGone(t *testing.T) {
	dir := built(t, "")
	if err := os.Remove(filepath.Join(dir, "tables/raw/orders.yaml")); err != nil {
		t.Fatal(err)
	}
	program.Write(t, dir, map[string]string{"tables/marts/one.sql": "select 1 as one\n"})
	program.Must(t, "-C", dir, "run")
	if out := program.Must(t, "-C", dir, "tables"); !regexp.MustCompile(`raw\.orders .*orphan`).MatchString(out) {
		t.Errorf("tables does not name the orphan:\n%s", out)
	}
	if got := rows(t, dir); got != before {
		t.Errorf("the table holds %q", got)
	}
}
