package project

import (
	"fmt"
	"strings"
	"testing"
)

// outline writes a node on one line: kinds, texts and places.
func outline(n *Node) string {
	if n == nil {
		return "none"
	}
	var parts []string
	switch n.Kind {
	case Map:
		for _, p := range n.Pairs {
			parts = append(parts, fmt.Sprintf("%s@%d:%d=%s", p.Key, p.At.Line, p.At.Col, outline(p.Value)))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case List:
		for _, item := range n.Items {
			parts = append(parts, outline(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	names := []string{"null", "bool", "int", "float", "text"}
	return fmt.Sprintf("%s:%q@%d:%d", names[n.Kind], n.Text, n.Line, n.Col)
}

func texts(ps []Problem) string {
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return strings.Join(out, "\n")
}

func TestPlacesAreThoseOfTheFile(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb:\n  - x\n  - {c: true, d: 1.5}\n":                           `{a@1:1=int:"1"@1:4 b@2:1=[text:"x"@3:5 {c@4:6=bool:"true"@4:9 d@4:15=float:"1.5"@4:18}]}`,
		"\n# note\n  \né: \"ü\"\nz: ['é', é]\n":                              `{é@4:1=text:"ü"@4:4 z@5:1=[text:"é"@5:5 text:"é"@5:10]}`,
		"a: |\n  one\n  two\nb: >-\n  x\n  y\n":                              `{a@1:1=text:"one\ntwo\n"@1:4 b@4:1=text:"x y"@4:4}`,
		"a: 010\nb: 0x1F\nc: 1_000\nd: 1e3\ne: 2026-03-01\nf: .5\ng: 1.10\n": `{a@1:1=int:"010"@1:4 b@2:1=int:"0x1F"@2:4 c@3:1=text:"1_000"@3:4 d@4:1=float:"1e3"@4:4 e@5:1=text:"2026-03-01"@5:4 f@6:1=float:".5"@6:4 g@7:1=float:"1.10"@7:4}`,
		"a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n":                        `{a@1:1={b@1:8=int:"1"@1:11} c@2:1={b@1:8=int:"1"@1:11} d@3:1={e@5:3=int:"2"@5:6 b@1:8=int:"1"@1:11}}`,
		"a: \"1\"\nb: !!str 5\nc: ~\nd:\n":                                   `{a@1:1=text:"1"@1:4 b@2:1=text:"5"@2:9 c@3:1=null:"~"@3:4 d@4:1=null:""@4:4}`,
		"\ufeffa: 1\r\nb: 2\r\n":                                             `{a@1:1=int:"1"@1:4 b@2:1=int:"2"@2:4}`,
		"":                                                                   `{}`,
		"# nothing\n":                                                        `{}`,
		"schedule: cron(0 2 * * ? *)\n":                                      `{schedule@1:1=text:"cron(0 2 * * ? *)"@1:11}`,
		"a: {\"b\": 1}\n\"c d\": 2\n1: x\n":                                  `{a@1:1={b@1:5=int:"1"@1:10} c d@2:1=int:"2"@2:8 1@3:1=text:"x"@3:4}`,
	} {
		n, problems := ParseYAML("f.yaml", text)
		if len(problems) > 0 {
			t.Errorf("%q: %s", text, texts(problems))
		}
		if got := outline(n); got != want {
			t.Errorf("%q\nis   %s\nwant %s", text, got, want)
		}
	}
}

func TestSlipsAreAnsweredAndReadingGoesOn(t *testing.T) {
	for _, c := range []struct{ text, want, tree string }{
		{"c: { id: int, total: decimal(12,2), x: text }\n", `f.yaml:1:22: the comma cuts decimal(12,2) in two; quote it: "decimal(12,2)"`,
			`{c@1:1={id@1:6=text:"int"@1:10 total@1:15=text:"decimal(12,2)"@1:22 x@1:37=text:"text"@1:40}}`},
		{"p: [bucket(16, id), day(ts)]\n", `f.yaml:1:5: the comma cuts bucket(16,id) in two; quote it: "bucket(16,id)"`,
			`{p@1:1=[text:"bucket(16,id)"@1:5 text:"day(ts)"@1:21]}`},
		{"c: {p: struct(a int, b decimal(3, 1), d int)}\n", `f.yaml:1:8: the comma cuts struct(a int,b decimal(3,1),d int) in two; quote it: "struct(a int,b decimal(3,1),d int)"`,
			`{c@1:1={p@1:5=text:"struct(a int,b decimal(3,1),d int)"@1:8}}`},
		{"path: *.csv\nb: 1\n", `f.yaml:1:7: *.csv is a reference to an anchor &.csv, and there is none before it; to mean the text, quote it: "*.csv"`,
			`{path@1:1=text:"*.csv"@1:7 b@2:1=int:"1"@2:4}`},
		{"path: **/*.csv # all\nb: 1\n", `f.yaml:1:7: **/*.csv is read as a reference to an anchor; quote it: "**/*.csv"`,
			`{path@1:1=text:"**/*.csv"@1:7 b@2:1=int:"1"@2:4}`},
		{"a:\n  delimiter: |\n  b: 1\n", `f.yaml:2:14: | starts a block of text, and none follows; to mean the character, quote it: "|"`,
			`{a@1:1={delimiter@2:3=text:"|"@2:14 b@3:3=int:"1"@3:6}}`},
		{"delimiter: |\n", `f.yaml:1:12: | starts a block of text, and none follows; to mean the character, quote it: "|"`, `{delimiter@1:1=text:"|"@1:12}`},
		{"delimiter: -\nb: 1\n", `f.yaml:1:12: - starts an item of a list; quote it: "-"`, `{delimiter@1:1=text:"-"@1:12 b@2:1=int:"1"@2:4}`},
		{"comment: #\nb: 1\n", `f.yaml:1:9: # starts a comment, so there is no value; to mean the character, quote it: "#"`, `{comment@1:1=text:"#"@1:9 b@2:1=int:"1"@2:4}`},
		{"quote: '\nb: 1\n", `f.yaml:1:8: ' starts a quoted text, and its end is missing; quote it: "'"`, `{quote@1:1=text:"'"@1:8 b@2:1=int:"1"@2:4}`},
		{"quote: \"\nb: 1\n", `f.yaml:1:8: " starts a quoted text, and its end is missing; quote it: '"'`, `{quote@1:1=text:"\""@1:8 b@2:1=int:"1"@2:4}`},
		{"a:\n\tb: 1\n\tc: 2\n", "f.yaml:2:1: a tab indents this line; YAML takes spaces only\nf.yaml:3:1: a tab indents this line; YAML takes spaces only", `{a@1:1={b@2:3=int:"1"@2:6 c@3:3=int:"2"@3:6}}`},
		{"a: 1\nb: 2\na: 3\n", `f.yaml:3:1: key "a" is here twice; first at line 1`, `{a@1:1=int:"1"@1:4 b@2:1=int:"2"@2:4}`},
		{"d: note: this\nb: 1\n", `f.yaml:1:4: a colon and a space stand inside this text; quote it: "note: this"`, `{d@1:1=text:"note: this"@1:4 b@2:1=int:"1"@2:4}`},
		{"a: @x\nb: `y`\nc: %z\n", "f.yaml:1:4: a text cannot start with @; quote it: \"@x\"\nf.yaml:2:4: a text cannot start with `; quote it: \"`y`\"\nf.yaml:3:4: a text cannot start with %; quote it: \"%z\"",
			"{a@1:1=text:\"@x\"@1:4 b@2:1=text:\"`y`\"@2:4 c@3:1=text:\"%z\"@3:4}"},
		{"r:\n  - ColumnValues \"x\" = \"a #b\"\n", `f.yaml:2:5: a # after a space starts a comment, so the text ends at 'ColumnValues "x" = "a'; quote the whole: 'ColumnValues "x" = "a #b"'`,
			`{r@1:1=[text:"ColumnValues \"x\" = \"a #b\""@2:5]}`},
		{"a: !x y\n", `f.yaml:1:4: !x is a type tag of YAML, which has no meaning here; to mean the text, quote it: "!x y"`, `{a@1:1=text:"!x y"@1:4}`},
		{"c: {d: ${X}}\n", `f.yaml:1:9: this is not YAML: ',' or '}' must be specified; inside { } and [ ] quote it: "${NAME}"`, "none"},
		{"a: 1\n---\nb: 2\n", "f.yaml:3:2: a second document starts here; a file holds one; take the line --- out", "none"},
		{"a: [1,\n", "f.yaml:1:4: this is not YAML: sequence end token ']' not found; a { or [ is not closed", "none"},
		{"a: \xff\n", "f.yaml:1:4: this is not UTF-8 text; save the file as UTF-8", "none"},
		{"a: \x00\n", "f.yaml:1:4: character U+0000 cannot stand here", "none"},
	} {
		n, problems := ParseYAML("f.yaml", c.text)
		if got := texts(problems); got != c.want {
			t.Errorf("%q\nsays %s\nwant %s", c.text, got, c.want)
		}
		if got := outline(n); got != c.tree {
			t.Errorf("%q\nis   %s\nwant %s", c.text, got, c.tree)
		}
	}
}

func TestHugeInputIsRefused(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	for name, text := range map[string]string{
		"brackets": "a: " + strings.Repeat("[", 50_000), "braces": "a: " + strings.Repeat("{b: ", 50_000),
		"lines of brackets": strings.Repeat("[\n", 50_000), "dashes": strings.Repeat("- ", 50_000) + "x",
		"indents": indents(2000), "references": laughs, "long": strings.Repeat("a", maxText+1), "questions": strings.Repeat("? ", 50_000),
		"tags": "a: " + strings.Repeat("!x ", 50_000), "anchors": strings.Repeat("&x ", 50_000),
	} {
		if _, problems := ParseYAML("f.yaml", text); len(problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
	}
}

func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func FuzzParseYAML(f *testing.F) {
	for _, text := range []string{"a: 1\nb: [x, {c: d}]\n", "a: &x {b: 1}\nc: *x\n<<: *x\n", "a: |\n  x\n", "p: **/*.csv\n", "a: decimal(12,2)\n", "{a: b(1,2)}",
		"a:\n\tb: 1", "a: \"\\u00e9\"", "? a\n: b", "a: !!str 1", "- - - x", "a: 'x\n", "a: #\n", "r:\n - A \"x #y\"\n", "a: b: c", "--- \na: 1\n...\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, problems := ParseYAML("f.yaml", text)
		if n == nil && len(problems) == 0 {
			t.Fatal("neither a tree nor a problem")
		}
		// Mending may widen a tab; no place lies behind the text.
		lines := strings.Count(strings.ReplaceAll(text, "\r", "\n"), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Message == "" {
				t.Fatalf("place of %s in %d lines", p, lines)
			}
		}
		checkPlaces(t, n, lines)
		var into struct {
			A string            `yaml:"a"`
			B []string          `yaml:"b,single"`
			C map[string]any    `yaml:"c"`
			R *Node             `yaml:"r"`
			P map[string]string `yaml:"p"`
		}
		if n != nil {
			Substitute(n, func(string) (string, bool) { return "v", true })
			Decode(n, &into)
		}
	})
}

func checkPlaces(t *testing.T, n *Node, lines int) {
	if n == nil {
		return
	}
	if n.Line < 1 || n.Line > lines || n.Col < 1 {
		t.Fatalf("place of %s: %s in %d lines", n.Describe(), n.Place, lines)
	}
	for _, item := range n.Items {
		checkPlaces(t, item, lines)
	}
	for _, p := range n.Pairs {
		checkPlaces(t, p.Value, lines)
	}
}
