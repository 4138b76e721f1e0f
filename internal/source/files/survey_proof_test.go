package files

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/job"
	"weir/internal/source"
)

// asWritten is the reader that a survey's options make, as the definition of them would.
func asWritten(t testing.TB, s source.Surveyed) *Reader {
	r := &Reader{Path: s.Dataset}
	for _, o := range s.Options {
		v := o.Value[0]
		switch o.Key {
		case "format":
			r.Format = v
		case "delimiter":
			r.Delimiter = v
		case "quote":
			r.Quote = v
		case "escape":
			r.Escape = v
		case "header":
			r.Header = v
		case "encoding":
			r.Encoding = v
		case "comment":
			r.Comment = v
		case "null_values":
			r.NullValues = o.Value
		case "date_format":
			r.DateFormat = v
		case "timestamp_format":
			r.TimestampFormat = v
		case "skip":
			if _, err := fmt.Sscan(v, &r.Skip); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("option %s", o.Key)
		}
	}
	var columns []job.Column
	for _, c := range s.Columns {
		columns = append(columns, job.Column{Name: c.Name, Type: c.Type})
	}
	r.SetColumns(columns)
	for _, f := range r.Findings() {
		t.Fatalf("%s: %s", f.Key, f.Message)
	}
	return r
}

// values are what columns of random files are made of, a kind a line.
var values = [][]string{
	{"1", "22", "-3", "0", "9223372036854775807", "9223372036854775808"}, {"007", "42", "0"}, {"1.5", "12.50", "0.001", "3", ".5", "7."}, {"1e5", "2", "0.25", "NaN"},
	{"0.1234567890123456", "3.14159265358979", "2"}, {"true", "false", "TRUE"}, {"0", "1"}, {"yes", "no"}, {"2026-01-02", "2026-12-31", "1999-02-28"}, {"2026-01-02 03:04:05", "2026-01-02T03:04", "2026-01-02 03:04:05.123456"},
	{"2026-01-02T03:04:05Z", "2026-01-02 03:04:05+02:00", "2026-01-02T03:04:05.5-0530"}, {"31.01.2026", "01.02.2026"}, {"01/31/2026 10:20", "12/01/2026 00:00"}, {"03:04:05", "23:59:59.25"}, {"NULL", "1", "2"}, {"N/A", "NA", "x"},
	{"a", "b c", "Größe", "it's", `say "hi"`, "x,y;z|w", "line\nbreak"}, {"", "1", "2"}, {"", "x"}, {" 7", "8 "}, {"-", "1.5"}, {"#1", "#2"}, {"12345.0", "", "7.0"}, {"1_000", "5"}, {"0x1F", "1"}, {"2026-02-30", "2026-01-01"}, {"'q'", "'r'"}, {`a\"b`, `c\`},
}

// What a survey proposes for a random CSV file takes every record of it, as many as the survey counted.
func TestProposalsTakeEveryRecord(t *testing.T) {
	e := newEngine(t)
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		folder := filepath.Join(dir, fmt.Sprint(n))
		text := drawCSV(rt)
		put(t, filepath.Join(folder, "x.csv"), text)
		defer os.RemoveAll(folder)
		proved(t, rt, e, folder, text)
	})
}

func drawCSV(rt *rapid.T) string {
	width := rapid.IntRange(1, 4).Draw(rt, "width")
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(rt, "delimiter")
	w.UseCRLF = rapid.Bool().Draw(rt, "crlf")
	kinds := make([][]string, width)
	var header []string
	for i := range kinds {
		kinds[i] = rapid.SampledFrom(values).Draw(rt, "kind")
		header = append(header, fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"id", "total", "plz", "name", "Updated At"}).Draw(rt, "name"), i))
	}
	headed := rapid.IntRange(0, 3).Draw(rt, "header") > 0
	if headed {
		_ = w.Write(header)
	}
	for range rapid.IntRange(1, 12).Draw(rt, "rows") {
		row := make([]string, width)
		for i := range row {
			row[i] = rapid.SampledFrom(kinds[i]).Draw(rt, "value")
		}
		if width == 1 && row[0] == "" && !headed {
			continue // a blank line is a record, but not as the first line of a file
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.String()
}

// proved surveys a folder and reads it as the survey proposes.
func proved(t *testing.T, rt *rapid.T, e *engine, folder, text string) {
	o, err := (&Config{Path: folder}).Open(t.Context(), source.Env{Root: folder, Scratch: folder + ".scratch"})
	if err != nil {
		rt.Fatal(err)
	}
	found, err := o.(source.Surveyor).Survey(t.Context(), source.SurveyRequest{Engine: e})
	if err != nil {
		rt.Fatal(err)
	}
	for _, s := range found.Tables {
		if s.Bad > 0 {
			continue // and is said so
		}
		r := asWritten(t, s)
		scan, err := begin(t, folder, *r, job.Read{})
		if err != nil {
			rt.Fatal(err)
		}
		got, err := takeIn(t, e, scan)
		if err != nil || len(got.rejects) > 0 || int64(len(got.rows)) != s.Rows {
			rt.Fatalf("%d rows of %d, rejects %q, error %v\n%q\n%+v\n%+v", len(got.rows), s.Rows, got.rejects, err, text, r, s.Columns)
		}
		if err := scan.Close(); err != nil {
			rt.Fatal(err)
		}
	}
}

// The same of JSON.
func TestProposalsTakeEveryJSONRecord(t *testing.T) {
	e := newEngine(t)
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		folder := filepath.Join(dir, fmt.Sprint(n))
		var b strings.Builder
		width := rapid.IntRange(1, 3).Draw(rt, "width")
		kinds := make([]*rapid.Generator[string], width)
		for i := range kinds {
			kinds[i] = jsonKind(rt, 2)
		}
		for range rapid.IntRange(1, 8).Draw(rt, "records") {
			b.WriteByte('{')
			sep := ""
			for i := range kinds {
				if rapid.IntRange(0, 5).Draw(rt, "absent") > 0 {
					fmt.Fprintf(&b, `%s"k%d": %s`, sep, i, kinds[i].Draw(rt, "value"))
					sep = ", "
				}
			}
			b.WriteString("}\n")
		}
		put(t, filepath.Join(folder, "x.ndjson"), b.String())
		defer os.RemoveAll(folder)
		proved(t, rt, e, folder, b.String())
	})
}

// jsonKind is a generator of values that a column may have together.
func jsonKind(rt *rapid.T, depth int) *rapid.Generator[string] {
	scalars := [][]string{{"1", "-2", "0"}, {"1.5", "2", "100.25"}, {"1e-7", "2"}, {"true", "false"}, {`"a"`, `"ü"`, `"\n\""`}, {`"007"`, `"8"`}, {`"2026-01-02"`, `"2026-12-31"`}, {`"2026-01-02T03:04:05"`}, {`"2026-01-02T03:04:05Z"`},
		{"12345678901234567890", "1"}, {"1", `"x"`}, {"1", "{}"}, {"[]", "[1]"}, {"null", "1"}, {"1.23456789012345678901", "2"}, {`"12:00:00"`}, {"12.0", "13.0"}, {`""`, `"x"`}, {"null"}, {"{}"}, {"[]"}, {"[[1.5], []]", "[]"}}
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 3).Draw(rt, "nesting")
	}
	switch kind {
	case 2:
		inner := jsonKind(rt, depth-1)
		return rapid.Custom(func(rt *rapid.T) string {
			return "[" + strings.Join(rapid.SliceOfN(inner, 0, 3).Draw(rt, "items"), ", ") + "]"
		})
	case 3:
		a, b := jsonKind(rt, depth-1), jsonKind(rt, depth-1)
		return rapid.Custom(func(rt *rapid.T) string {
			text := `{"a": ` + a.Draw(rt, "a")
			if rapid.Bool().Draw(rt, "more") {
				text += `, "B c": ` + b.Draw(rt, "b")
			}
			return text + "}"
		})
	}
	return rapid.SampledFrom(rapid.SampledFrom(scalars).Draw(rt, "scalars"))
}

// Nothing that stands in a file makes a survey fail or run wild.
func FuzzSurvey(f *testing.F) {
	for _, seed := range []string{"id,v\n1,a\n", "{\"a\":1}\n", "[1,2]", "\xff\xfea\x00", "# x\n\n\n\"", "a;b\n'x;y'\n", "{\"a\":{\"\":[{}]}}", "\x1f\x8b", "id,id\n1,2\n", "\"\"\"", "a\\\"b,\n"} {
		f.Add("x.csv", seed)
		f.Add("x.json", seed)
		f.Add("x", seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name, text string) {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\\x00") || len(name) > 100 || strings.HasSuffix(name, ".parquet") || strings.HasPrefix(text, "PAR1") {
			t.Skip()
		}
		path := filepath.Join(dir, name)
		if os.WriteFile(path, []byte(text), 0o644) != nil {
			t.Skip()
		}
		defer os.Remove(path)
		o, err := (&Config{Path: dir}).Open(t.Context(), source.Env{Root: dir})
		if err != nil {
			t.Fatal(err)
		}
		found, err := o.(source.Surveyor).Survey(t.Context(), source.SurveyRequest{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found.Tables {
			if s.Bad == 0 && s.Rows > 0 {
				asWritten(t, s)
			}
		}
	})
}
