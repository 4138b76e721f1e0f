package files

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/source/files/skim"
)

// skimTypes are sets of columns that lines are tried against.
var skimTypes = [][]string{
	{"BIGINT", "DECIMAL(12,2)", "DATE", "VARCHAR", "TIMESTAMP"},
	{"VARCHAR", "DATE", "INTEGER"},
	{"TIMESTAMP WITH TIME ZONE"},
	{"DOUBLE", "TINYINT"},
	{"VARCHAR"},
	{"DECIMAL(38,0)", "DECIMAL(38,37)", "DATE"},
}

// padded is a text with what may be loaded behind it: bytes that would change what is found if they were looked at.
func padded(text []byte) []byte {
	return append(bytes.Clone(text), strings.Repeat("1,\n\"", skim.Slack/4)...)[:len(text)]
}

func skimCertifier(t testing.TB, delimiter byte, types []string) *certifier {
	t.Helper()
	c := &certifier{d: dialect{delimiter: delimiter, quote: '"', escape: '"'}, nulls: []string{"NA"}}
	for _, name := range types {
		typ, err := parseType(name)
		if err != nil {
			t.Fatal(err)
		}
		check, _ := checkFor(typ)
		c.checks = append(c.checks, check)
	}
	return c
}

// skimmed checks what skim says of a text's lines that begin before end against what the reference says, and gives how many it
// left.
func skimmed(t interface{ Fatalf(string, ...any) }, c *certifier, text []byte, end int) (left int) {
	l, data := c.skim(), padded(text)
	full := data[:len(data)+skim.Slack]
	for i := 0; i < end; {
		found := l.Lines(data, i, end)
		lines, ascii := 0, true
		for i < found.Next {
			if i >= end {
				t.Fatalf("%q: a line is looked at that begins at %d, behind %d", text, i, end)
			}
			to := i + bytes.IndexByte(data[i:], '\n')
			if to < i {
				t.Fatalf("%q: a line without an end is looked at, at %d", text, i)
			}
			stop := to
			if stop > i && data[stop-1] == '\r' {
				stop--
			}
			line := data[i:stop]
			ascii = ascii && !slices.ContainsFunc(line, func(b byte) bool { return b >= 0x80 })
			if slices.Contains(found.Left, uint32(i)) {
				left++
			} else if len(line) > 0 && (!c.line(full, i, stop) || c.unsure.Load() || bytes.IndexByte(line, '\r') >= 0) {
				t.Fatalf("%q is not plain, of %q", line, text)
			}
			lines++
			i = to + 1
		}
		if lines != found.Lines || found.ASCII && !ascii {
			t.Fatalf("%q: %d lines, want %d; ASCII %v, want %v", text, found.Lines, lines, found.ASCII, ascii)
		}
		if lines == 0 {
			if bytes.IndexByte(data[i:], '\n') >= 0 {
				t.Fatalf("%q: nothing is looked at from %d", text, i)
			}
			break
		}
	}
	return left
}

func FuzzSkimCSV(f *testing.F) {
	for i, s := range []string{
		"1,2.50,2026-01-02,x,2026-01-02 03:04:05\n-1,-2,,,\r\n\r\n2,3.1,2024-02-29,\"a,\"\"b\",NA\r\n",
		"a,2026-02-29,1\nb,0000-01-01,2\n\xff,,\nlong " + strings.Repeat("x", 100) + ",2026-12-31,999999999\n", "2026-01-02T03:04:05.123456Z\n2026-01-02 24:00:00\n", "1.5,1\n-,-1\n1.,\n.5,12\n1e5,1\n",
		"\n\n\ra\nb", "1,0.1,\n12345678901234567890123456789012345678,1." + strings.Repeat("1", 37) + ",9999-12-31\n",
	} {
		f.Add([]byte(s), byte(i), byte(0), uint16(len(s)))
	}
	f.Fuzz(func(t *testing.T, text []byte, types, delimiter byte, end uint16) {
		c := skimCertifier(t, ",;|\t:"[delimiter%5], skimTypes[int(types)%len(skimTypes)])
		skimmed(t, c, text, min(int(end), len(text)))
		// Behind other lines the same text lies elsewhere about the edges of what is loaded at once.
		many := bytes.Repeat(text, 1+200/(1+len(text)))
		skimmed(t, c, many, len(many))
	})
}

// TestSkimCSV changes single bytes of lines, at every place of a window.
func TestSkimCSV(t *testing.T) {
	lines := []string{"1,2.50,2026-01-02,some text,2026-01-02 03:04:05\n", "-12345,-0.5,2024-02-29,,\r\n", ",,,,\n", "987654321,1234567890.12,1999-12-31,ä,2026-01-02T03:04:05.5Z\n"}
	c := skimCertifier(t, ',', skimTypes[0])
	if left := skimmed(t, c, []byte(strings.Repeat(strings.Join(lines, ""), 1000)), 1<<20); left != 0 {
		t.Fatalf("%d plain lines are left", left)
	}
	for _, line := range lines {
		for at := range len(line) {
			for _, b := range []byte("0-9.,:+eTZ \"\r\n\x00\x80/a") {
				changed := []byte(line)
				changed[at] = b
				for _, lead := range []int{0, 7, 63} {
					text := fmt.Sprintf("1,,,%0*d,\n%s%s", lead, 0, changed, line)
					skimmed(t, c, []byte(text), len(text))
				}
			}
		}
	}
	long := strings.Repeat("x", 3*skim.MaxFields)
	for _, text := range []string{"1,,," + long + ",\n2,,,,\n", "2,,,,\n1,,," + long, strings.Repeat(",", skim.MaxFields+5) + "\n2,,,,\n", strings.Repeat("\n", skim.MaxFields+5)} {
		skimmed(t, c, []byte(text), len(text))
	}
}

// TestSkimCSVFields has texts of fields that are plain, nearly plain, or of another kind, in any mixture.
func TestSkimCSVFields(t *testing.T) {
	field := rapid.OneOf(
		rapid.StringMatching(`-?[0-9]{0,20}(\.[0-9]{0,4})?`), rapid.StringMatching(`(0000|19[0-9]{2}|2024)-[0-3][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,7})?Z?)?`),
		rapid.SampledFrom([]string{"", "NA", "x", "a text of some length, with a comma", `"quoted"`, `"a ""b"", c"`, "ä", "-", "1e5", "\xff", "a\rb", strings.Repeat("y", 200)}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		c := skimCertifier(t, ',', rapid.SampledFrom(skimTypes).Draw(rt, "types"))
		var text strings.Builder
		for range rapid.IntRange(0, 20).Draw(rt, "lines") {
			text.WriteString(strings.Join(rapid.SliceOfN(field, len(c.checks), len(c.checks)).Draw(rt, "fields"), ","))
			text.WriteString(rapid.SampledFrom([]string{"\n", "\n", "\r\n", ",\n", "\n\n"}).Draw(rt, "end"))
		}
		skimmed(rt, c, []byte(text.String()), rapid.IntRange(0, text.Len()).Draw(rt, "limit"))
	})
}

// bothLooks looks at NDJSON with skim and without.
func bothLooks(t testing.TB, text []byte) (with, without glance) {
	t.Helper()
	data := padded(text)
	l, reference := newJSONLook(), newJSONLook()
	if err := l.chunk(nil, chunk{size: len(data), data: data, last: true}, 1<<20); err != nil {
		t.Fatal(err)
	}
	for i := markLength(data); i < len(data); {
		to := len(data)
		if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
			to = i + n
		}
		reference.line(data[:len(data)+slack], i, to)
		i = to + 1
	}
	return mergeLooks([]*jsonLook{l}), mergeLooks([]*jsonLook{reference})
}

// sameLooks says what is seen otherwise with skim than without.
func sameLooks(with, without glance) string {
	if !slices.Equal(with.keys, without.keys) || with.longest != without.longest || with.deep != without.deep || with.full != without.full {
		return fmt.Sprintf("%+v, want %+v", with, without)
	}
	texts := formDay | formMoment | formZoned | formText
	for _, name := range with.keys {
		a, b := *with.looks[name], *without.looks[name]
		if a.word && b.word { // how other strings are written is then no more looked at
			a.forms, b.forms, a.long, b.long = a.forms|texts, b.forms|texts, max(a.long, long), max(b.long, long)
		}
		if a.forms != b.forms || a.before != b.before || a.behind != b.behind || a.long != b.long || a.word != b.word || a.first != b.first || len(a.members) != len(b.members) {
			return fmt.Sprintf("%s: %+v, want %+v", name, a, b)
		}
	}
	return ""
}

func FuzzSkimJSON(f *testing.F) {
	for _, s := range []string{
		"{\"a\":1,\"b\":\"x\"}\n{\"a\":-12.50,\"b\":\"2026-01-02\"}\n{\"a\":null,\"b\":\"2026-01-02 03:04:05\"}\n{\"a\":1234567890123456.5,\"b\":\"\"}\n",
		"{\"a\": true}\n{\"a\": false}\n{\"a\": 12345678901234567}\n{\"a\": \"q\\\"\"}\n{\"b\":1,\"a\": 1e5}\r\n{\"a\": 1}", "{\"a\":\"0000-01-02\"}\n{\"a\":\"2026-02-30 00:00:00\"}\n{\"a\":\"0000-01-02\"}\n{\"a\":-}\n{\"a\":1.}\n",
		"{\"" + strings.Repeat("k", 40) + "\":[1],\"z\":{}}\n{\"" + strings.Repeat("k", 40) + "\":2,\"z\":3}\n", "{\"a\":12,\"b\":3\n{\"a\":12\n,\"b\":4}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for range 2 {
			if wrong := sameLooks(bothLooks(t, text)); wrong != "" {
				t.Fatalf("%q: %s", text, wrong)
			}
			text = append(append(bytes.Clone(text), '\n'), text...) // now keys and what follows them are known
		}
	})
}

// TestSkimJSON changes single bytes of records like those before.
func TestSkimJSON(t *testing.T) {
	records := []string{`{"id":12345,"at":"2026-01-02","x":-1.25,"s":"some text of a length","b":true,"n":null}`, `{"id":1,"at":"2026-01-02T03:04:05Z","x":1234567890123456789.5,"s":"","b":false,"n":null}`,
		`{"id":1,"at":"0000-01-02","x":0,"s":"abc","b":false,"n":12}`}
	for _, r := range records {
		for at := range len(r) {
			for _, b := range []byte("0-9.,:eE\"\\{}[]\r\n\x00\x80 nz") {
				changed := []byte(r)
				changed[at] = b
				text := fmt.Sprintf("%s\n%s\n%s\n%s\n", records[0], records[0], changed, r)
				if wrong := sameLooks(bothLooks(t, []byte(text))); wrong != "" {
					t.Fatalf("%s: %s", text, wrong)
				}
			}
		}
	}
}
