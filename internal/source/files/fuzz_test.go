package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// Whatever the bytes, reading ends, and no byte of a line is in two records.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a,b\n1,\"x\ny\"\n", "\"", "a\r\nb\rc", "\"a\"b\n\"\"\n", "#x\n\n1", "\"a\n\"b\"\n"} {
		f.Add([]byte(s), byte(','), byte('"'))
	}
	f.Fuzz(func(t *testing.T, b []byte, delimiter, quote byte) {
		if delimiter == quote || delimiter == '\n' || delimiter == '\r' || quote == '\n' || quote == '\r' {
			return
		}
		r := newRecords(bytes.NewReader(b), dialect{delimiter: delimiter, quote: quote, escape: quote}, 1000)
		end := int64(0)
		for {
			rec, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.offset < end || rec.line < 1 {
				t.Fatalf("record at %d begins before %d", rec.offset, end)
			}
			end = rec.offset + int64(len(rec.raw))
			if end > int64(len(b)) {
				t.Fatalf("record ends at %d of %d", end, len(b))
			}
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"DECIMAL(12,2)", `STRUCT("a ""b" INTEGER, c VARCHAR[])[]`, "MAP(VARCHAR, TIMESTAMP WITH TIME ZONE)", "VARCHAR[3]", "STRUCT("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := parseType(s)
		if err != nil {
			return
		}
		again, err := parseType(typ.String())
		if err != nil || again.String() != typ.String() {
			t.Fatalf("%q is %s, which is %s, %v", s, typ, again, err)
		}
	})
}

// eachMember and eachElement agree with encoding/json on every valid text.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{"a":1, "b" : [1,{"c":"]"}] ,"é\"":null}`, `{}`, `{"a":{"a":{}}}`, ` { "a" : "x" } `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := bytes.TrimSpace([]byte(s))
		var want map[string]json.RawMessage
		if !json.Valid(raw) || raw[0] != '{' || json.Unmarshal(raw, &want) != nil {
			return
		}
		got := map[string]string{}
		eachMember(raw, func(k string, v []byte) { got[k] = string(v) })
		if len(got) != len(want) {
			t.Fatalf("%q has members %q", s, got)
		}
		for k, v := range want {
			if got[k] != string(v) {
				t.Fatalf("%q: member %q is %q, want %q", s, k, got[k], v)
			}
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"**/*.csv", "a[!x]{b,c}?", "{", "[", "a/../b", "**"} {
		f.Add(s, "a/b.csv")
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		g, err := compileGlob(pattern)
		if err == nil && g.match(key) && !strings.HasPrefix(key, g.prefix) {
			t.Fatalf("%q matches %q, which is not below %q", pattern, key, g.prefix)
		}
	})
}

func FuzzFits(f *testing.F) {
	for _, s := range []string{"1.5", "2026-01-02 03:04:05+02", "1e999", "-", "24:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, name := range []string{"BIGINT", "DECIMAL(12,2)", "DOUBLE", "FLOAT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID", "VARCHAR"} {
			typ, err := parseType(name)
			if err != nil {
				t.Fatal(err)
			}
			normal, ok := typ.fits(s)
			if !ok {
				continue
			}
			if again, ok := typ.fits(normal); !ok || again != normal && typ.kind != decimal {
				t.Fatalf("%s: %q is %q, which is %q, %v", name, s, normal, again, ok)
			}
		}
	})
}

func FuzzTimeFormat(f *testing.F) {
	f.Add("%d.%m.%Y %H:%M", "01.02.2026 10:20")
	f.Fuzz(func(t *testing.T, format, text string) {
		c, err := compileFormat(format)
		if err != nil || c == nil {
			return
		}
		c.normal(text)
	})
}
