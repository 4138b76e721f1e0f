// Package crawl asks of data in many shapes: are the definitions that weir crawl writes those a person would keep, and does
// a run of them take every record?
package crawl

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// report is what of crawl --json the tests look at.
type report struct {
	Tables []struct {
		Table string
		State string
		Found struct {
			Dataset string
			Doubts  []string
			Columns []struct{ Name, Type string }
			Key     []struct{ Columns []string }
		}
		Changes []struct {
			Kind, Column, From, To, Effect, Policy, Text string
			Drift                                        bool
		}
	}
	Unread []struct{ Name, Reason string }
	Drift  bool
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func writeParquet(t *testing.T, dir string, parts map[string]string) {
	t.Helper()
	if len(parts) == 0 {
		return
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for path, query := range parts {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("copy (" + query + ") to '" + full + "' (format parquet)"); err != nil {
			t.Fatal(err)
		}
	}
}

// crawl crawls a connection, writes what it finds below a prefix, and checks what was written.
func (s shape) crawl(t *testing.T, dir, connection, prefix string) {
	var r report
	program.JSON(t, &r, "-C", dir, "crawl", connection, "--write", "--json", "--prefix", prefix)
	var got, want []string
	for _, f := range r.Tables {
		got = append(got, strings.TrimPrefix(f.Table, prefix+".")+" "+f.Found.Dataset)
	}
	for name, w := range s.tables {
		want = append(want, name+" "+w.path)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var unread []string
	for _, u := range r.Unread {
		unread = append(unread, u.Name)
	}
	slices.Sort(unread)
	if !slices.Equal(unread, s.unread) {
		t.Errorf("unread %v, want %v", r.Unread, s.unread)
	}
	for name, w := range s.tables {
		text, err := os.ReadFile(filepath.Join(dir, "tables", prefix, name+".yaml"))
		if err == nil {
			checkDefinition(t, name, string(text), w)
		}
	}
}

func checkDefinition(t *testing.T, name, text string, w table) {
	t.Helper()
	for _, line := range w.has {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s has no line %q:\n%s", name, line, text)
		}
	}
	for _, line := range w.hasNot {
		if strings.Contains(text, line) {
			t.Errorf("%s has %q:\n%s", name, line, text)
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line, _, _ = strings.Cut(line, " #")
		lines[i] = strings.TrimRight(strings.ReplaceAll(line, `"`, ""), " ")
	}
	for _, pair := range splitTypes(w.types) {
		i := strings.LastIndexByte(pair[:strings.IndexAny(pair+"(", "(")], ' ')
		if !slices.Contains(lines, "  "+pair[:i]+": "+pair[i+1:]) {
			t.Errorf("%s: no column %s:\n%s", name, pair, text)
		}
	}
}

// splitTypes cuts at the commas that stand in no parentheses.
func splitTypes(s string) (out []string) {
	depth, from := 0, 0
	for i, c := range s + "," {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 && i > from {
				out = append(out, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	return out
}
