package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/job"
)

func lookAt(t testing.TB, text string) glance {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g, sum, err := lookAtLines(t.Context(), &split{path: path, compression: "none"}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want, _, err := hashFile(t.Context(), path); sum != want || err != nil {
		t.Fatalf("the hash is %s, want %s, %v", sum, want, err)
	}
	return g
}

// jsonValue writes values of all forms, some of them over the edges of what is plain.
func jsonValue() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "false", `""`, `"x"`, `"a\"b\\"`, `"2026-01-02"`, `"2026-13-45"`, `"0000-01-01"`, `"2026-01-02 03:04:05"`, `"2026-01-02T03:04:05.123456Z"`, `"2026-01-02 03:04:05+02"`,
			`"12345678901234567"`, "0", "-1", "1.50", "-0.25", "1e5", "12.345E-2", "123456789012345678", "1234567890.1234567", `[1,"x"]`, `{"n":{"m":[{"o":1}]}}`, `[]`, `{}`, `"\u00e4"`, `"ä"`, `"caf` + "\u00e9" + `"`}),
		rapid.StringMatching(`-?[1-9][0-9]{0,20}(\.[0-9]{1,20})?`),
	)
}

// What is seen of a key is what encoding/json finds, however the text is spaced and whatever keys a record has.
func TestJSONLook(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := []string{"a", "b", `q"`, "ä", "long key with words", "c"}
		space := rapid.SampledFrom([]string{"", " ", "\t ", "  "})
		var text bytes.Buffer
		var order []string
		forms := map[string]map[string]bool{}
		for range rapid.IntRange(0, 12).Draw(rt, "records") {
			text.WriteString(space.Draw(rt, "space") + "{")
			for i, k := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, len(keys), rapid.ID).Draw(rt, "keys") {
				if i > 0 {
					text.WriteString("," + space.Draw(rt, "space"))
				}
				v := jsonValue().Draw(rt, "value")
				name, _ := json.Marshal(k)
				text.WriteString(string(name) + space.Draw(rt, "space") + ":" + space.Draw(rt, "space") + v + space.Draw(rt, "space"))
				if forms[k] == nil {
					order, forms[k] = append(order, k), map[string]bool{}
				}
				forms[k][v] = true
			}
			text.WriteString("}" + rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(rt, "end"))
		}
		g := lookAt(t, text.String())
		if !slices.Equal(g.keys, order) {
			rt.Fatalf("keys %q of\n%s", g.keys, text.String())
		}
		for _, k := range order {
			for v := range forms[k] {
				if one := lookAtOne(v); !covers(g.looks[k], one) {
					rt.Fatalf("%s: %+v does not cover %s, %+v", k, g.looks[k], v, one)
				}
			}
		}
	})
}

// lookAtOne looks at one value.
func lookAtOne(v string) *keyLook {
	l := newJSONLook()
	text := `{"k":` + v + "}"
	l.line(append([]byte(text), make([]byte, slack)...), 0, len(text))
	return l.keys[0]
}

func covers(all, one *keyLook) bool {
	texts := formDay | formMoment | formZoned | formText
	forms := all.forms
	if all.word {
		forms |= texts // how other strings are written is then no more looked at
	}
	return forms&one.forms == one.forms && all.before >= one.before && all.behind >= one.behind && (all.long >= one.long || all.word)
}

func TestForms(t *testing.T) {
	for v, want := range map[string]forms{"null": formNull, "true": formBool, "-12": formWhole, "1.5": formFraction, "1e5": formExponent, "1.5E-3": formExponent, `"2026-01-02"`: formDay, `"2026-01-02 03:04:05"`: formMoment,
		`"2026-01-02T03:04:05Z"`: formMoment, `"2026-01-02 03:04:05+02"`: formZoned, `"x"`: formText, `""`: formText, `"2026-1-2"`: formText, "[]": formNested, `{"a":"}"}`: formNested} {
		g := lookAt(t, `{"k" : `+v+` , "z": 1}`)
		if k := g.looks["k"]; k == nil || k.forms != want || g.looks["z"] == nil {
			t.Errorf("%s: %+v", v, k)
		}
	}
	for text, want := range map[string]string{`{"a":1}`: "a", "{\"a\":1\n{\"b\":2}": "ab", `5`: "", "{\"a\":\"x}\n{\"b\":1}": "ab", "\xef\xbb\xbf{\"a\":1}": "a", "": "", `{"a":nul,"b":1}`: "a", `{"a":{"b":1}`: "a"} {
		if g := lookAt(t, text); strings.Join(g.keys, "") != want {
			t.Errorf("%q has keys %q", text, g.keys)
		}
	}
}

// A key is found wherever it lies about the chunks' edges, in a line longer than what is read behind them too, and in a
// compressed file.
func TestJSONLookChunks(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < 2*chunkSize+1000; i++ {
		fmt.Fprintf(&b, "{\"id\":%d,\"v\":\"text %d\"}\n", i, i*7919)
	}
	good := b.String()
	if g := lookAt(t, good); !slices.Equal(g.keys, []string{"id", "v"}) || g.looks["id"].forms != formWhole {
		t.Fatalf("%+v", g)
	}
	long := `{"id":1,"v":"` + strings.Repeat("x", 3*reach) + `","late":1}` + "\n"
	for _, edge := range []int{0, chunkSize, 2 * chunkSize} {
		for _, near := range []int{-60, -30, -1, 0, 1, 30} {
			at := strings.IndexByte(good[max(0, edge+near):], '\n') + max(0, edge+near) + 1
			for _, late := range []string{"{\"late\":1}\n", long} {
				if g := lookAt(t, good[:at]+late+good[at:]); !slices.Equal(g.keys, []string{"id", "v", "late"}) {
					t.Errorf("keys %q with a late one at %d", g.keys, at)
				}
			}
		}
	}
}

// lines are n records of a key id, and what comes behind them.
func lines(n int, behind string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":%d,\"o\":{\"a\":1}}\n", i)
	}
	return b.String() + behind
}

// TestLateKeys has keys and members behind the records that the engine looks at for types.
func TestLateKeys(t *testing.T) {
	n := sampleRecords + 10
	late := `{"id":1,"late":"x","o":{"a":2}}` + "\n"
	member := `{"id":1,"o":{"a":2,"b":[{"c":1}]}}` + "\n"
	for name, c := range map[string]struct {
		files  map[string]string
		reader Reader
		types  string
		err    string
	}{
		"a key":                  {files: map[string]string{"a.ndjson": lines(n, late)}, reader: Reader{Path: "*"}, types: `id BIGINT, o STRUCT("a" BIGINT), late VARCHAR, _file VARCHAR`},
		"a key in an array":      {files: map[string]string{"a.json": "[" + strings.ReplaceAll(strings.TrimSpace(lines(n, late)), "\n", ",\n") + "]"}, reader: Reader{Path: "*"}, types: `id BIGINT, o STRUCT("a" BIGINT), late VARCHAR, _file VARCHAR`},
		"a member":               {files: map[string]string{"a.ndjson": lines(n, member)}, reader: Reader{Path: "*"}, types: `id BIGINT, o STRUCT("a" BIGINT, "b" STRUCT("c" BIGINT)[]), _file VARCHAR`},
		"a member not declared":  {files: map[string]string{"a.ndjson": lines(1, member)}, reader: Reader{Path: "*", columns: cols("o", "STRUCT(a BIGINT)")}, err: `a.ndjson: o has a member that its type does not: "b"`},
		"one deeper":             {files: map[string]string{"a.ndjson": lines(1, member)}, reader: Reader{Path: "*", columns: cols("o", "STRUCT(a BIGINT, b STRUCT(d BIGINT)[])")}, err: `"b.c"`},
		"a key that must not be": {files: map[string]string{"a.ndjson": lines(n, late)}, reader: Reader{Path: "*", Strict: true, columns: cols("id", "BIGINT", "o", "STRUCT(a BIGINT)"), OnSchemaChange: "stop"}, err: `a.ndjson has a column that the table does not: "late"`},
	} {
		t.Run(name, func(t *testing.T) {
			c.reader.SetColumns(c.reader.columns)
			got, err := readAll(t, inbox(t, c.files), c.reader, job.Read{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || fault.ClassOf(err) != fault.Data {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil || got.columns != c.types || len(got.rows) != n+1 {
				t.Fatalf("%d rows of %s, %v", len(got.rows), got.columns, err)
			}
		})
	}
}

func FuzzJSONLook(f *testing.F) {
	for _, s := range []string{`{"a":1, "b" : [1,{"c":"]"}] ,"é\"":null}`, "{\"a\":\"2026-01-02\"}\n{}\n{\"a\":-1.5e3,", `{"a":{"a":{}}}`, "\xef\xbb\xbf{\"\\u0061\":1}\r\n{\"a\":[[[\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newJSONLook()
		for line := range bytes.SplitSeq(b, []byte{'\n'}) {
			d := append(bytes.Clone(line), make([]byte, slack)...)
			l.line(d, 0, len(line))
			var record map[string]json.RawMessage
			if !json.Valid(line) || json.Unmarshal(line, &record) != nil {
				continue
			}
			for k := range record {
				if raw, _ := json.Marshal(k); len(raw) < maxKey && mergeLooks([]*jsonLook{l}).looks[k] == nil {
					t.Fatalf("key %q of %q is not seen", k, line)
				}
			}
		}
	})
}

// TestPlainTimes reads times that the engine's reader is trusted with.
func TestPlainTimes(t *testing.T) {
	for typ, values := range map[string]map[string]string{
		"DATE": {"2026-01-02": "2026-01-02", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31"},
		"TIMESTAMP": {"2026-01-02": "2026-01-02 00:00:00", "2026-01-02 03:04:05": "2026-01-02 03:04:05", "2026-01-02T03:04:05": "2026-01-02 03:04:05", "2026-01-02T03:04:05Z": "2026-01-02 03:04:05",
			"2026-01-02 03:04:05.1": "2026-01-02 03:04:05.1", "2026-01-02T03:04:05.123456Z": "2026-01-02 03:04:05.123456", "1969-12-31 23:59:59.999999": "1969-12-31 23:59:59.999999"},
		"TIMESTAMP WITH TIME ZONE": {"2026-01-02": "2026-01-02 00:00:00+00", "2026-01-02T03:04:05Z": "2026-01-02 03:04:05+00", "2026-01-02 03:04:05+02": "2026-01-02 01:04:05+00", "2026-01-02T03:04:05.5-11:30": "2026-01-02 14:34:05.5+00", "2026-01-02 03:04:05": "2026-01-02 03:04:05+00"},
	} {
		for v, want := range values {
			r := Reader{Path: "*"}
			r.SetColumns(cols("v", typ))
			got, err := readAll(t, inbox(t, map[string]string{"a.ndjson": `{"v":"` + v + `"}`}), r, job.Read{})
			if err != nil || got.careful || len(got.rows) != 1 || got.rows[0] != want+"|a.ndjson" {
				t.Errorf("%s %s: %q, careful %v, %v", typ, v, got.rows, got.careful, err)
			}
			typed, err := parseType(typ)
			if err != nil || !lookAtOne(`"`+v+`"`).plain(typed) {
				t.Errorf("%s %s is not plain", typ, v)
			}
		}
	}
}
