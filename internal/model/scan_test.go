package model

import (
	"context"
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	for sql, want := range map[string]string{
		"":                                    "",
		" ; -- x\n ; /* ; */":                 "",
		"a; b":                                "a|b",
		"select ';' ; \"x;y\" ; $$;$$":        "select ';'|\"x;y\"|$$;$$",
		"$t$ ; $$ ; $t$; b":                   "$t$ ; $$ ; $t$|b",
		"a -- ; \n ; b":                       "a|b",
		"/* a /* ; */ ; */ b":                 "b",
		`e'\';' ; b`:                          `e'\';'|b`,
		"'it''s;' ; b":                        "'it''s;'|b",
		"$1 ; $x ; a$b$c":                     "$1|$x|a$b$c",
		"'open ; b":                           "'open ; b",
		"a /* open ; b":                       "a",
		"é ; ü":                               "é|ü",
		"a;b;;c;":                             "a|b|c",
		"create macro f() as 1; -- é\nselect": "create macro f() as 1|select",
	} {
		var got []string
		for _, s := range statements(sql) {
			got = append(got, sql[s.start:s.end])
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

// Tokens lie in order inside the text and statements inside each other's gaps, whatever the text.
func FuzzScan(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.sql)
	}
	for _, s := range []string{"'", "\"", "$$", "$a$", "/*", "--", "e'\\", "\xff;", "/* /* */", "create macro f(a := (", "create macro f() as table x, (a) as", ";;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		last := 0
		for _, tok := range scan(sql) {
			if tok.start < last || tok.end <= tok.start || tok.end > len(sql) {
				t.Fatalf("token %+v after %d", tok, last)
			}
			last = tok.end
		}
		last = 0
		for _, s := range statements(sql) {
			if s.start < last || s.end <= s.start || s.end > len(sql) {
				t.Fatalf("statement %+v after %d", s, last)
			}
			last = s.end
			h, wrong := readHeading(sql, s)
			if wrong != nil {
				place(sql, *wrong)
				continue
			}
			for _, b := range h.bodies {
				if text := b.wrapped(sql); text[b.start:b.end] != sql[b.start:b.end] {
					t.Fatalf("body %q became %q", sql[b.start:b.end], text)
				}
			}
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add(`{"error":false,"statements":[{"node":{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","table_name":"t"}}}]}`)
	f.Add(`{"error":true,"error_type":"parser","position":"99999999999"}`)
	f.Add(`[[[`)
	f.Fuzz(func(t *testing.T, text string) {
		r := newRules(nil)
		if _, found, err := r.read(context.Background(), fixed(text), "select 1"); err == nil {
			placed("select 1", found)
		}
	})
}

// fixed is a Parser that always gives the same tree.
type fixed string

func (f fixed) Parse(context.Context, string) (string, error) { return string(f), nil }
