package crawl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/kinds"
)

// loaded writes a definition into a project and reads it back.
func loaded(t testing.TB, dir, text string) (*define.Table, error) {
	t.Helper()
	for path, text := range map[string]string{"weir.yaml": "name: p\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n  odd-one: { type: files, path: inbox }\n", "tables/raw/t.yaml": text} {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := define.Load(dir, "", kinds.All(), nil)
	if err != nil {
		return nil, err
	}
	return p.Tables["raw.t"], nil
}

func TestDefinition(t *testing.T) {
	got := Definition("inbox", source.Surveyed{Name: "orders", Dataset: "orders/**/*.csv", Format: "csv, gzip", Parts: 12,
		Options: []source.Option{{Key: "delimiter", Value: []string{";"}}, {Key: "null_values", Value: []string{"N/A", `\N`}, List: true}, {Key: "header", Value: []string{"false"}}},
		Columns: []source.SurveyedColumn{{Name: "order_id", Type: "BIGINT"}, {Name: "yes", Type: "VARCHAR"}, {Name: "paid at", Type: "TIMESTAMP WITH TIME ZONE"}, {Name: "who", Type: `STRUCT("id" BIGINT, "B c" DECIMAL(12,2)[])`}, {Name: "m", Type: "MAP(VARCHAR, DOUBLE)"}, {Name: "dt", Type: "DATE", Folder: true}},
		Folders: []source.Folder{{Name: "dt", Column: true, Type: "DATE"}},
		Keys:    []source.KeyEvidence{{Columns: []string{"order_id"}, Why: "unique and complete in all 100 rows"}},
		Advice:  source.Advice{Mode: "upsert", Key: []string{"order_id"}, OrderBy: "paid at", Set: true},
		Doubts:  []string{"yes: only\nno was seen"}, Bad: 2, BadAt: "orders/a.csv:7: 3 fields instead of 6"})
	want := `# Found by weir crawl inbox: 12 files, csv, gzip.
from: inbox
path: "orders/**/*.csv"
delimiter: ";"
null_values: ["N/A", "\\N"]
header: false
key: order_id               # unique and complete in all 100 rows
order_by: "paid at"         # of two rows of one key the later one wins
# partition: [dt]   (as the folders are; for large tables)
# max_rejects: 2   (2 records are malformed: orders/a.csv:7: 3 fields instead of 6)
columns:
  order_id: bigint
  "yes": varchar                                   # only no was seen
  "paid at": timestamptz
  who: 'struct(id bigint, "B c" decimal(12,2)[])'
  m: map(varchar, double)
  dt: date                                         # from the folders
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d, err := loaded(t, t.TempDir(), got)
	if err != nil {
		t.Fatal(err)
	}
	if d.Mode != define.Upsert || d.OrderBy != "paid at" || !slices.Equal(d.Key, []string{"order_id"}) || d.Columns[3].Type != `STRUCT("id" BIGINT, "B c" DECIMAL(12,2)[])` {
		t.Errorf("loaded %+v", d)
	}
}

// Whatever names columns and folders have, the definition reads back with these names, types and path.
func TestDefinitionsReadBack(t *testing.T) {
	dir := t.TempDir()
	name := rapid.OneOf(rapid.SampledFrom([]string{"id", "null", "Yes", "1", "1.5", "~", "a: b", "#x", "- y", "${HOME}", "$${x}", `"q"`, "it's", `a\b`, "{a}", "[b]", "*c", "&d", "!e", "%f", "@g", "`h", "ä", "a\tb", "x,y", "2026-01-01", "true", "=", "<<", "?", ":"}),
		rapid.StringN(1, 12, -1))
	scalar := rapid.SampledFrom([]string{"BIGINT", "VARCHAR", "DECIMAL(12,2)", "TIMESTAMP WITH TIME ZONE", "DOUBLE[]", "MAP(VARCHAR, BIGINT)"})
	rapid.Check(t, func(rt *rapid.T) {
		s := source.Surveyed{Dataset: rapid.SampledFrom([]string{"x/*.csv", "we[[]i]rd/[{]a}[*].csv", "it's ${HOME} #1: \"q\".csv", "Ü b/**/*.{csv,csv.gz}"}).Draw(rt, "path"), Format: "csv"}
		seen := map[string]bool{}
		for range rapid.IntRange(1, 4).Draw(rt, "columns") {
			n := strings.TrimSpace(name.Draw(rt, "name"))
			if n == "" || seen[strings.ToLower(n)] || strings.ContainsRune(n, 0) || n == "_file" || n == "_extra" {
				continue
			}
			seen[strings.ToLower(n)] = true
			typ := scalar.Draw(rt, "type")
			if rapid.Bool().Draw(rt, "nested") {
				if member := name.Draw(rt, "member"); !strings.ContainsRune(member, 0) {
					typ = "STRUCT(" + job.Quote(member) + " " + typ + ")"
				}
			}
			s.Columns = append(s.Columns, source.SurveyedColumn{Name: n, Type: typ})
		}
		if len(s.Columns) == 0 {
			return
		}
		s.Advice = source.Advice{Key: []string{s.Columns[0].Name}, OrderBy: s.Columns[len(s.Columns)-1].Name, Set: true}
		s.Doubts = []string{s.Columns[0].Name + ": " + name.Draw(rt, "doubt")}
		text := Definition("odd-one", s)
		d, err := loaded(t, dir, text)
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		if d.Dataset != s.Dataset || d.Connection != "odd-one" || d.Key[0] != s.Advice.Key[0] || d.OrderBy != s.Advice.OrderBy {
			rt.Fatalf("path %q, from %q, key %q, order_by %q\n%s", d.Dataset, d.Connection, d.Key, d.OrderBy, text)
		}
		for i, c := range s.Columns {
			if d.Columns[i].Name != c.Name || d.Columns[i].Type != c.Type {
				rt.Fatalf("column %q %s reads back as %q %s\n%s", c.Name, c.Type, d.Columns[i].Name, d.Columns[i].Type, text)
			}
		}
	})
}

func TestDrift(t *testing.T) {
	cols := []job.Column{{Name: "id", Type: "INTEGER"}, {Name: "total", Type: "DECIMAL(12,2)"}, {Name: "note", Type: "VARCHAR"}}
	same := []source.SurveyedColumn{{Name: "ID", Type: "INTEGER"}, {Name: "total", Type: "DECIMAL(12,2)"}, {Name: "note", Type: "VARCHAR"}}
	with := func(c ...source.SurveyedColumn) []source.SurveyedColumn { return append(slices.Clone(same), c...) }
	set := func(i int, c source.SurveyedColumn) []source.SurveyedColumn {
		out := slices.Clone(same)
		out[i] = c
		return out
	}
	declared := "columns: { id: integer, total: \"decimal(12,2)\", note: varchar }\n"
	for _, c := range []struct {
		name, keys string
		known      []job.Column // beside those declared
		read       job.Position
		found      source.Surveyed
		want       []string // sign kind column: effect
	}{
		{name: "none", keys: declared, found: source.Surveyed{Columns: same}},
		{name: "nothing to compare with", found: source.Surveyed{Columns: same}},
		{name: "added under add", keys: declared, found: source.Surveyed{Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: add: would be added by the next run"}},
		{name: "added under stop", keys: declared + "on_schema_change: stop\n", found: source.Surveyed{Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: stop: the next run will stop"}},
		{name: "added under strict", keys: declared + "strict: true\n", found: source.Surveyed{Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: stop: the next run will stop"}},
		{name: "added under reject, JSON", keys: declared + "on_schema_change: reject\n", found: source.Surveyed{Format: "ndjson", Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: reject: records that have it would be rejected"}},
		{name: "added under reject, CSV", keys: declared + "on_schema_change: reject\n", found: source.Surveyed{Format: "csv", Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: reject: the next run will stop"}},
		{name: "added under keep_extra", keys: declared + "on_schema_change: keep_extra\n", found: source.Surveyed{Columns: with(source.SurveyedColumn{Name: "x", Type: "DATE"})}, want: []string{"! added x -> date: keep_extra: would be kept in _extra"}},
		{name: "known to the lake", known: cols, found: source.Surveyed{Columns: same}},
		{name: "missing", keys: declared, found: source.Surveyed{Columns: same[:2]}, want: []string{"! missing note varchar: null in new rows"}},
		{name: "missing of late", keys: declared, read: job.Position{"a.csv": "{}"}, found: source.Surveyed{Columns: set(2, source.SurveyedColumn{Name: "note", Type: "VARCHAR", Gone: "b.csv"})}, want: []string{"! missing note varchar: null in their rows"}},
		{name: "missing for long", keys: declared, read: job.Position{"b.csv": "{}"}, found: source.Surveyed{Columns: set(2, source.SurveyedColumn{Name: "note", Type: "VARCHAR", Gone: "b.csv"})}, want: []string{"  missing note varchar: null in their rows"}},
		{name: "does not fit", keys: declared, found: source.Surveyed{Columns: set(1, source.SurveyedColumn{Name: "total", Type: "VARCHAR", Misfit: &source.Misfit{Count: 3, Of: 1000}})},
			want: []string{"! type total decimal(12,2) -> varchar: the next run will stop: no record may be rejected (max_rejects)"}},
		{name: "does not fit, within the limit", keys: declared + "max_rejects: 1%\n", found: source.Surveyed{Columns: set(1, source.SurveyedColumn{Name: "total", Type: "VARCHAR", Misfit: &source.Misfit{Count: 3, Of: 1000}})},
			want: []string{"  type total decimal(12,2) -> varchar: rejected, within max_rejects"}},
		{name: "does not fit, over the limit", keys: declared + "max_rejects: 2\n", found: source.Surveyed{Columns: set(1, source.SurveyedColumn{Name: "total", Type: "VARCHAR", Misfit: &source.Misfit{Count: 3, Of: 1000}})},
			want: []string{"! type total decimal(12,2) -> varchar: rejected, and more than max_rejects: the next run will stop"}},
		{name: "wider, and nobody declared it", known: cols, found: source.Surveyed{Columns: set(0, source.SurveyedColumn{Name: "id", Type: "BIGINT", Misfit: &source.Misfit{Count: 3, Of: 1000}})},
			want: []string{"! wider id integer -> bigint: add: would be widened by the next run"}},
		{name: "wider than declared", keys: declared, found: source.Surveyed{Columns: set(0, source.SurveyedColumn{Name: "id", Type: "BIGINT", Misfit: &source.Misfit{Count: 3, Of: 1000}})},
			want: []string{"! type id integer -> bigint: the next run will stop: no record may be rejected (max_rejects)"}},
		{name: "narrower", keys: declared, found: source.Surveyed{Columns: set(1, source.SurveyedColumn{Name: "total", Type: "BIGINT"})}, want: []string{"  narrow total decimal(12,2) -> bigint: nothing to do"}},
		{name: "malformed", keys: declared, found: source.Surveyed{Columns: same, Rows: 9, Bad: 1}, want: []string{"! broken: the next run will stop: no record may be rejected (max_rejects)"}},
		{name: "malformed, within the limit", keys: declared + "max_rejects: 10%\n", found: source.Surveyed{Columns: same, Rows: 9, Bad: 1}, want: []string{"  broken: rejected, within max_rejects"}},
		{name: "cannot be read", keys: declared, found: source.Surveyed{Breaks: []string{"no file matches *.csv"}}, want: []string{"! broken: the next run will stop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := loaded(t, t.TempDir(), "from: inbox\npath: \"*.csv\"\n"+c.keys)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ch := range Drift(d, source.Claim{Columns: Baseline(d, c.known), Read: c.read}, c.found, nil) {
				line := "  " + ch.Kind
				if ch.Drift {
					line = "! " + ch.Kind
				}
				if ch.Column != "" {
					line += " " + ch.Column
				}
				if ch.From != "" {
					line += " " + ch.From
				}
				if ch.To != "" {
					line += " -> " + ch.To
				}
				line += ": "
				if ch.Policy != "" {
					line += ch.Policy + ": "
				}
				got = append(got, line+ch.Effect)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestBeside(t *testing.T) {
	d, err := loaded(t, t.TempDir(), "from: inbox\npath: \"x/*.csv\"\n")
	if err != nil {
		t.Fatal(err)
	}
	got := Drift(d, source.Claim{}, source.Surveyed{}, []source.Surveyed{{Dataset: "x/*.ndjson", Format: "ndjson", Parts: 2}})
	if len(got) != 1 || !got[0].Drift || got[0].Text != "its path does not match 2 files of x/*.ndjson (ndjson)" {
		t.Errorf("%+v", got)
	}
}

func TestPrefix(t *testing.T) {
	for _, good := range []string{"raw", "raw.shop", "R2"} {
		if err := CheckPrefix(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "raw.", "a/b", "2x", "..", "a b"} {
		if CheckPrefix(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
