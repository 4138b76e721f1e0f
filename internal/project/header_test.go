package project

import (
	"strings"
	"testing"
)

func TestParseSQL(t *testing.T) {
	for _, c := range []struct{ text, header, body, problems string }{
		{"select 1", "none", "1:select 1", ""},
		{"/* weir\nmode: upsert\nkey: [a]\n*/\nselect 1\n", `{mode@2:1=text:"upsert"@2:7 key@3:1=[text:"a"@3:7]}`, "5:select 1\n", ""},
		{"-- licence\n/* of\n ours */\n\n/* weir  \r\nmode: view\r\n  */\r\n-- note\nselect 1", `{mode@6:1=text:"view"@6:7}`, "8:-- note\nselect 1", ""},
		{"/* weir\n*/\nselect 1", "{}", "3:select 1", ""},
		{"/* weir\npath: \"a/**/*.csv\"\n*/\nselect 1", `{path@2:1=text:"a/**/*.csv"@2:7}`, "4:select 1", ""},
		{"/* weir\nmode: view */\nselect 1", "none", "3:", "f.sql:1:1: the header has no end; end it with a line that holds only */"},
		{"/*weir\nmode: view\n*/\nselect 1", "none", "1:/*weir\nmode: view\n*/\nselect 1", "f.sql:1:1: \"/*weir\" is not the start of a header; write /* weir alone on its line"},
		{"/* weir mode: view */\nselect 1", "none", "1:/* weir mode: view */\nselect 1", "f.sql:1:1: \"/* weir mode: view */\" is not the start of a header; write /* weir alone on its line"},
		{"/* weir builds this: daily */ select 1", "none", "1:/* weir builds this: daily */ select 1", ""},
		{"select 1\n/* weir\nmode: view\n*/\n", "none", "1:select 1\n/* weir\nmode: view\n*/\n", "f.sql:2:1: the header stands behind SQL; move it to the top of the file"},
		{"/* weir\nkey: **\nkey: b\n*/\nselect 1", `{key@2:1=text:"**"@2:6}`, "5:select 1", "f.sql:2:6: ** is read as a reference to an anchor; quote it: \"**\"\nf.sql:3:1: key \"key\" is here twice; first at line 2"},
	} {
		sql, problems := ParseSQL("f.sql", c.text)
		if got := outline(sql.Header); got != c.header {
			t.Errorf("%q\nheader %s\nwant   %s", c.text, got, c.header)
		}
		line, body, _ := strings.Cut(c.body, ":")
		if sql.Body != body || line != string(rune('0'+sql.Line)) {
			t.Errorf("%q: body %d:%q, want %s", c.text, sql.Line, sql.Body, c.body)
		}
		if got := texts(problems); got != c.problems {
			t.Errorf("%q\nsays %s\nwant %s", c.text, got, c.problems)
		}
	}
}

func FuzzParseSQL(f *testing.F) {
	for _, text := range []string{"/* weir\nmode: view\n*/\nselect 1", "-- x\n/* weir\n*/", "select '/* weir\n*/'", "/* weir", "/*\n/* weir\na: 1\n*/\n*/", "\ufeff/* weir\r\n*/\r\nx"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sql, problems := ParseSQL("f.sql", text)
		clean := strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), "\r", "\n")
		lines := strings.Split(clean, "\n")
		if len(problems) > 0 {
			return
		}
		// The body is the file from its line on.
		if got := strings.Join(lines[min(sql.Line-1, len(lines)):], "\n"); got != sql.Body {
			t.Fatalf("body %q at line %d, the file has %q there", sql.Body, sql.Line, got)
		}
		checkPlaces(t, sql.Header, len(lines))
	})
}
