package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// inbox writes files into a fresh folder; names that end in .gz or .zst are packed.
func inbox(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "inbox")
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pack(t, path, text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pack(t testing.TB, name, text string) []byte {
	var b bytes.Buffer
	switch filepath.Ext(name) {
	case ".gz":
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
	case ".zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
		w.Close()
	default:
		b.WriteString(text)
	}
	return b.Bytes()
}

func cols(pairs ...string) []job.Column {
	var out []job.Column
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, job.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return out
}

func begin(t testing.TB, dir string, r Reader, read job.Read) (source.Scan, error) {
	t.Helper()
	for _, f := range r.Findings() {
		t.Fatalf("%s: %s", f.Key, f.Message)
	}
	c := &Config{Path: dir}
	o, err := c.Open(t.Context(), source.Env{Root: filepath.Dir(dir), Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	src, err := o.Dataset(&r)
	if err != nil {
		t.Fatal(err)
	}
	read.Table = "raw.t"
	s, err := src.Begin(t.Context(), read)
	if s != nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// outcome is a read's rows and rejects as text.
type outcome struct {
	columns string
	rows    []string
	rejects []string // dataset:line column reason | raw
	careful bool
	rel     source.Relation
	full    [][]source.Text
}

// readAll reads as a build does: fast, and carefully where that fails.
func readAll(t testing.TB, dir string, r Reader, read job.Read) (outcome, error) {
	t.Helper()
	s, err := begin(t, dir, r, read)
	if err != nil {
		return outcome{}, err
	}
	return take(t, s)
}

func take(t testing.TB, s source.Scan) (out outcome, err error) {
	t.Helper()
	return takeIn(t, newEngine(t), s)
}

func takeIn(t testing.TB, e *engine, s source.Scan) (out outcome, err error) {
	t.Helper()
	able := s.(source.Scannable)
	rel, err := able.Relation(t.Context(), e)
	if err == nil {
		err = e.Exec(t.Context(), "CREATE OR REPLACE TABLE got AS "+rel.SQL)
	}
	if err != nil {
		if fault.ClassOf(err) != fault.Data {
			return out, err
		}
		out.careful = true
		if rel, err = able.Careful(t.Context(), e, err); err != nil {
			return out, err
		}
		if err = e.Exec(t.Context(), "CREATE OR REPLACE TABLE got AS "+rel.SQL); err != nil {
			return out, err
		}
	}
	return finish(t, e, rel, out)
}

func finish(t testing.TB, e *engine, rel source.Relation, out outcome) (outcome, error) {
	t.Helper()
	described, err := e.Describe(t.Context(), "FROM got")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, c := range rel.Columns {
		names = append(names, c.Name+" "+c.Type)
		if d, err := parseType(described[i].Type); err != nil || described[i].Name != c.Name || d.String() != c.Type {
			t.Errorf("column %d is %s %s, announced as %s %s", i, described[i].Name, described[i].Type, c.Name, c.Type)
		}
	}
	out.columns = strings.Join(names, ", ")
	out.rows = e.lines(t, "FROM got")
	sort.Strings(out.rows)
	if rel.Settle != nil {
		if err := rel.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rel.Rejects != "" {
		if out.full, err = e.Strings(t.Context(), rel.Rejects); err != nil {
			t.Fatalf("%v\n%s", err, rel.Rejects)
		}
		d, err := e.Describe(t.Context(), rel.Rejects)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range record.RejectColumns() {
			if d[i].Name != c.Name || d[i].Type != c.Type {
				t.Errorf("reject column %d is %v, want %v", i, d[i], c)
			}
		}
		for _, r := range out.full {
			out.rejects = append(out.rejects, fmt.Sprintf("%s:%s %s | %s", r[2].Value, r[3].Value, r[6].Value, r[8].Value))
			if r[1].Value != "reject" || len(r[0].Value) != 32 {
				t.Errorf("reject %v", r)
			}
		}
		sort.Strings(out.rejects)
	}
	out.rel = rel
	if rel.Close != nil {
		if err := rel.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	return out, nil
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

type readCase struct {
	name    string
	files   map[string]string
	reader  Reader
	columns []job.Column
	known   []job.Column
	types   string
	rows    []string
	rejects []string
	careful bool
	err     string // part of the error, and its class
	class   fault.Class
}

func runCases(t *testing.T, cases []readCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := c.reader
			r.SetColumns(c.columns)
			got, err := readAll(t, inbox(t, c.files), r, job.Read{Known: c.known})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || fault.ClassOf(err) != c.class {
					t.Fatalf("got %v (%s), want %s error with %q", err, fault.ClassOf(err), c.class, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.types != "" && got.columns != c.types {
				t.Errorf("columns: got %s\nwant %s", got.columns, c.types)
			}
			same(t, "rows", got.rows, c.rows)
			same(t, "rejects", got.rejects, c.rejects)
			if got.careful != c.careful {
				t.Errorf("careful is %v", got.careful)
			}
		})
	}
}
