package files

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/blob/blobtest"
	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/files/layout"
)

// surveyed opens a connection, fills its store and surveys it.
func surveyed(t *testing.T, config *Config, files map[string]string, parquet map[string]string, r source.SurveyRequest) source.Survey {
	t.Helper()
	o, err := config.Open(t.Context(), source.Env{Root: t.TempDir(), Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t)
	for key, text := range files {
		if err := o.(*opened).store.Put(t.Context(), key, pack(t, key, text)); err != nil {
			t.Fatal(err)
		}
	}
	for key, query := range parquet {
		local := filepath.Join(t.TempDir(), "x.parquet")
		err := e.Exec(t.Context(), "COPY ("+query+") TO "+job.Literal(local)+" (FORMAT parquet, ROW_GROUP_SIZE 2048)")
		if err == nil {
			err = o.(*opened).store.PutFile(t.Context(), key, local)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Engine, r.Name = e, "inbox"
	found, err := o.(source.Surveyor).Survey(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// facts writes a survey as text, a line a fact.
func facts(s source.Survey) (out []string) {
	for _, t := range s.Tables {
		out = append(out, fmt.Sprintf("%s%s %s: %d files, %s, %d rows, whole %v", t.Name, t.Claim, t.Dataset, t.Parts, t.Format, t.Rows, t.Whole))
		for _, c := range t.Columns {
			line := "  " + c.Name + " " + c.Type
			if c.Misfit != nil {
				line += fmt.Sprintf(" misfit %d of %d %q %s", c.Misfit.Count, c.Misfit.Of, c.Misfit.Example, c.Misfit.Place)
			}
			out = append(out, line)
		}
		for _, k := range t.Keys {
			out = append(out, fmt.Sprintf("  key %s: %s", strings.Join(k.Columns, "+"), k.Why))
		}
		for _, b := range t.Breaks {
			out = append(out, "  breaks "+b)
		}
	}
	for _, u := range s.Unread {
		out = append(out, "unread "+u.Name)
	}
	for _, l := range s.Left {
		out = append(out, fmt.Sprintf("left out %d %s", l.Count, l.Reason))
	}
	return out
}

// A folder and a bucket with the same files have the same survey. The large Parquet file is over the bytes a survey reads,
// so that of it only the footer is looked at.
func TestSurveyIsTheSameInBucket(t *testing.T) {
	files := map[string]string{
		"orders/2026-01-01.csv": "order_id,total,updated_at\n" + rows(30, "%d,1.50,2026-01-01 00:00:00\n"), "orders/2026-01-02.csv.gz": "order_id,total,updated_at\n" + rows(12, "%d,2.50,2026-01-02 00:00:00\n"),
		"clicks/dt=2026-01-01/a.ndjson.zst": rows(300, `{"n":%d,"who":{"id":"x"}}`+"\n"), "clicks/dt=2026-01-02/a.ndjson": rows(200_000/20, `{"n":%d,"who":{"id":"x","more":1.5}}`+"\n"),
		"_SUCCESS": "x", "broken.csv.gz.bz2": "BZh", "notes.pdf": "%PDF-",
	}
	parquet := map[string]string{"p/1.parquet": "SELECT range AS id, range::DECIMAL(9,2) AS v FROM range(100)", "p/2.parquet": "SELECT range + 100 AS id, range::DECIMAL(9,2) AS v, hash(range) AS h FROM range(60000)"}
	r := source.SurveyRequest{Bytes: 300 << 10}
	local := facts(surveyed(t, &Config{Path: t.TempDir()}, files, parquet, r))
	location, s3 := blobtest.Bucket(t)
	remote := facts(surveyed(t, &Config{Path: location + "/in", Endpoint: s3.Endpoint, Region: s3.Region, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey}, files, parquet, r))
	if !slices.Equal(local, remote) {
		t.Errorf("folder\n%s\nbucket\n%s", strings.Join(local, "\n"), strings.Join(remote, "\n"))
	}
	want := []string{
		"clicks clicks/**/*.{ndjson,ndjson.zst}: 2 files, ndjson, unpacked and zstd, 8001 rows, whole false",
		"  n BIGINT", `  who STRUCT("id" VARCHAR, "more" DECIMAL(12,2))`, "  dt DATE",
		"orders orders/*.{csv,csv.gz}: 2 files, csv, gzip and unpacked, 42 rows, whole true",
		"  order_id BIGINT", "  total DECIMAL(12,2)", "  updated_at TIMESTAMP",
		"  key order_id: complete in all 42 rows; 12 come again with other values, each with another updated_at",
		"p p/*.parquet: 2 files, parquet, 100 rows, whole false", "  id BIGINT", "  v DECIMAL(9,2)", "  h DECIMAL(20,0)",
		"  key id: unique and complete in the 100 rows looked at",
		"unread broken.csv.gz.bz2", "unread notes.pdf", "left out 1 named with _ in front",
	}
	if !slices.Equal(local, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(local, "\n"), strings.Join(want, "\n"))
	}
}

func rows(n int, record string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, record, i)
	}
	return b.String()
}

// A claim is judged by its own definition: its types, its formats, its policy.
func TestSurveyOfClaims(t *testing.T) {
	files := map[string]string{
		"o/1.csv": "id;total;day\n1;1.50;31.01.2026\n", "o/2.csv": "id;total;day;note\n2;12,50;01.02.2026;x\n3;1.239;2026-02-01;y\n", "o/3.csv": "id,total,day\n4,1.50,01.02.2026\n",
		"e/1.ndjson": `{"id":1,"who":{"age":3}}` + "\n" + `{"id":3000000000,"who":{"age":"old"}}` + "\n", "gone/x.txt": "",
		"h/d=1/a.csv": "v\n1\n", "h/d=x/a.csv": "v\n2\n", "o/extra.tsv": "id\ttotal\tday\n9\t1\t01.01.2026\n",
	}
	parquet := map[string]string{"p/1.parquet": "SELECT 5000000000 AS id, 1.239::DECIMAL(9,3) AS v"}
	reader := func(path, columns string, r Reader) source.Reader {
		r.Path = path
		if columns != "" {
			r.SetColumns(cols(strings.Split(columns, " ")...))
		}
		return &r
	}
	claims := []source.Claim{
		{Table: "raw.o", Reader: reader("o/*.csv", "id BIGINT total DECIMAL(12,2) day DATE", Reader{Delimiter: ";", DateFormat: "%d.%m.%Y"}), Read: job.Position{"o/1.csv": "{}"}},
		{Table: "raw.e", Reader: reader("e/*.ndjson", "id INTEGER", Reader{})},
		{Table: "raw.gone", Reader: reader("gone/*.csv", "id BIGINT", Reader{})},
		{Table: "raw.h", Reader: reader("h/**/*.csv", "v BIGINT d BIGINT", Reader{})},
		{Table: "raw.p", Reader: reader("p/*.parquet", "id INTEGER v DECIMAL(9,2)", Reader{})},
	}
	for i := range claims {
		claims[i].Columns = claims[i].Reader.(*Reader).columns
	}
	claims[1].Columns = append(claims[1].Columns, job.Column{Name: "who", Type: `STRUCT("age" INTEGER)`})
	found := surveyed(t, &Config{Path: t.TempDir()}, files, parquet, source.SurveyRequest{Claims: claims})
	want := []string{
		"raw.o o/*.csv: 3 files, csv, 3 rows, whole true", "  id BIGINT", `  total VARCHAR misfit 2 of 3 "12,50" o/2.csv:2`, `  day VARCHAR misfit 1 of 3 "2026-02-01" o/2.csv:3`, "  note VARCHAR",
		"  key id: unique and complete in all 3 rows",
		`  breaks o/3.csv: comes out as one column, "id,total,day", where 3 are expected`,
		"raw.e e/*.ndjson: 1 files, ndjson, 2 rows, whole true", `  id BIGINT misfit 1 of 2 "3000000000" e/1.ndjson:2`, `  who STRUCT("age" VARCHAR) misfit 1 of 2 "{\"age\":\"old\"}" e/1.ndjson:2`,
		"  key id: unique and complete in all 2 rows",
		"raw.gone gone/*.csv: 0 files, , 0 rows, whole false", "  breaks no file matches gone/*.csv",
		"raw.h h/**/*.csv: 2 files, csv, 1 rows, whole true", "  v BIGINT", `  d VARCHAR misfit 1 of 2 "x" folder d=x`, "  breaks h/d=x/a.csv: the folder d=x is not BIGINT",
		"raw.p p/*.parquet: 1 files, parquet, 1 rows, whole true", `  id BIGINT misfit 1 of 1 "" `, `  v DECIMAL(9,3) misfit 1 of 1 "" `,
		"o o/extra.tsv: 1 files, tsv, 1 rows, whole true", "  id BIGINT", "  total BIGINT", "  day VARCHAR",
		"left out 1 empty",
	}
	if got := facts(found); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if o := found.Tables[0]; o.New == nil || o.New.Count != 2 || o.Columns[3].Late != "o/2.csv" {
		t.Errorf("new parts %+v, late %q", o.New, o.Columns[3].Late)
	}
	if extra := found.Tables[5]; extra.Beside != "raw.o" {
		t.Errorf("extra.tsv is beside %q", extra.Beside)
	}
}

func TestSurveyOnlyAndExclude(t *testing.T) {
	files := map[string]string{"a/x.csv": "id\n1\n", "b/y.csv": "id\n1\n", "b/z.csv": "n\n1\n", "b/deep/w.csv": "k\n1\n"}
	found := surveyed(t, &Config{Path: t.TempDir()}, files, nil, source.SurveyRequest{Only: "b/**", Exclude: []string{"b/z*", "**/deep/**"}, Claims: []source.Claim{{Table: "raw.a", Reader: &Reader{Path: "a/*.csv"}}}})
	want := []string{"b b/y.csv: 1 files, csv, 1 rows, whole true", "  id BIGINT", "left out 2 excluded"}
	if got := facts(found); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestSurveySamples(t *testing.T) {
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("x/d=%d/%02d.csv", i%2, i)] = "id\n1\n"
	}
	found := surveyed(t, &Config{Path: t.TempDir()}, files, nil, source.SurveyRequest{Sample: 3})
	if x := found.Tables[0]; x.Rows != 6 || x.Whole || x.Parts != 50 {
		t.Errorf("%d rows of %d files, whole %v", x.Rows, x.Parts, x.Whole)
	}
}

func TestSurveyIsInterrupted(t *testing.T) {
	o, err := (&Config{Path: t.TempDir()}).Open(t.Context(), source.Env{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.(source.Surveyor).Survey(ctx, source.SurveyRequest{}); err == nil {
		t.Error("a survey goes on after its context has ended")
	}
	if _, err := o.(source.Surveyor).Survey(t.Context(), source.SurveyRequest{Exclude: []string{"[x"}}); err == nil {
		t.Error("a pattern that is none is taken")
	}
	_ = os.Remove(o.(*opened).root)
	if _, err := o.(source.Surveyor).Survey(t.Context(), source.SurveyRequest{}); err == nil {
		t.Error("a folder that is not there is surveyed")
	}
}

// Whatever files there are, each is in one group, groups have names of their own that tables can have, and a pattern stands
// for all files of its group.
func TestGroupsHoldEveryFile(t *testing.T) {
	name := rapid.SampledFrom([]string{"orders", "a b", "2026", "01", "15", "dt=2026-01-01", "part-0001", "x[1]", "Über", "data", "k={v}", "q?", "0b8f7d1e", "1", "2"})
	clean := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	rapid.Check(t, func(t *rapid.T) {
		seen := map[string]bool{}
		var fs []layout.File
		for range rapid.IntRange(1, 25).Draw(t, "files") {
			key := path.Join(append(rapid.SliceOfN(name, 0, 3).Draw(t, "folders"), name.Draw(t, "name")+rapid.SampledFrom([]string{"", "_2026-01-01", "-7"}).Draw(t, "tail"))...)
			suffix := rapid.SampledFrom([]string{".csv", ".csv.gz", ".json", ""}).Draw(t, "suffix")
			if key += suffix; seen[key] {
				continue
			}
			seen[key] = true
			fs = append(fs, layout.File{Key: key, Suffix: suffix, Format: map[string]string{".json": "json"}[suffix] + "csv", Looked: rapid.Bool().Draw(t, "looked"),
				Columns: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 6).Draw(t, "columns")})
		}
		slices.SortFunc(fs, func(a, b layout.File) int { return strings.Compare(a.Key, b.Key) })
		in, names := map[int]bool{}, map[string]bool{}
		for _, g := range layout.Groups(fs, nil, "inbox", matcher) {
			if names[g.Name] || !clean.MatchString(g.Name) {
				t.Fatalf("name %q", g.Name)
			}
			names[g.Name] = true
			fits, err := matcher(g.Pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range g.Files {
				if in[f] {
					t.Fatalf("%s is in two groups", fs[f].Key)
				}
				in[f] = true
				if !fits(fs[f].Key) {
					t.Fatalf("%s does not stand for %s", g.Pattern, fs[f].Key)
				}
			}
		}
		if len(in) != len(fs) {
			t.Fatalf("%d of %d files are in a group", len(in), len(fs))
		}
	})
}
