package project

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type inner struct {
	Name string `yaml:"name" required:"true"`
	Port int    `yaml:"port" default:"5432"`
}

type shared struct {
	Region string `yaml:"region" default:"us-east-1"`
}

type upper string

func (u *upper) DecodeNode(n *Node) []Problem {
	*u = upper(strings.ToUpper(n.Text))
	return nil
}

type settings struct {
	shared  `yaml:",inline"`
	Shared  shared            `yaml:",inline"`
	Text    string            `yaml:"text"`
	Mode    string            `yaml:"mode" enum:"append|replace|upsert" default:"append"`
	On      bool              `yaml:"on" default:"true"`
	Count   int32             `yaml:"count"`
	Rate    float64           `yaml:"rate"`
	Wait    time.Duration     `yaml:"wait" default:"2h"`
	Limit   Size              `yaml:"limit" default:"512MB"`
	Tags    []string          `yaml:"tags"`
	Key     []string          `yaml:"key,single"`
	Inner   *inner            `yaml:"inner"`
	Several []inner           `yaml:"several"`
	Named   map[string]inner  `yaml:"named"`
	Vars    map[string]any    `yaml:"vars"`
	Labels  map[string]string `yaml:"labels"`
	Raw     *Node             `yaml:"raw"`
	Upper   upper             `yaml:"upper"`
	Skipped string            `yaml:"-"`
}

func decode(t *testing.T, text string) (settings, string) {
	t.Helper()
	n, problems := ParseYAML("f.yaml", text)
	if len(problems) > 0 {
		t.Fatalf("%q: %s", text, texts(problems))
	}
	var s settings
	return s, texts(SortProblems(append(problems, Decode(n, &s)...)))
}

func TestDecode(t *testing.T) {
	n, _ := ParseYAML("f.yaml", `
text: 1.10
mode: upsert
on: off
count: 010
rate: 1e-3
wait: 1d12h
limit: 1.5 GB
tags: [a, 2, "yes"]
key: id
inner: {name: x}
several: [{name: a, port: 1}, {name: b}]
named: {z: {name: q}}
vars: {s: GBP, i: 3, f: 1.5, b: true, d: 2026-03-01, q: "7"}
labels: {b: "1", a: "2"}
raw: [1]
upper: abc
region: eu
`)
	var s settings
	if ps := Decode(n, &s); len(ps) > 0 {
		t.Fatal(texts(ps))
	}
	want := settings{Shared: shared{Region: "eu"}, Text: "1.10", Mode: "upsert", Count: 10, Rate: 0.001, Wait: 36 * time.Hour, Limit: 3 << 29,
		Tags: []string{"a", "2", "yes"}, Key: []string{"id"}, Inner: &inner{"x", 5432}, Several: []inner{{"a", 1}, {"b", 5432}},
		Named: map[string]inner{"z": {"q", 5432}}, Labels: map[string]string{"b": "1", "a": "2"}, Raw: n.Get("raw"), Upper: "ABC",
		Vars: map[string]any{"s": "GBP", "i": int64(3), "f": 1.5, "b": true, "d": "2026-03-01", "q": "7"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}

	s = settings{}
	if ps := Decode(nil, &s); len(ps) > 0 {
		t.Fatal(texts(ps))
	}
	if want := (settings{Shared: shared{"us-east-1"}, Mode: "append", On: true, Wait: 2 * time.Hour, Limit: 512 << 20}); !reflect.DeepEqual(s, want) {
		t.Errorf("defaults are %+v", s)
	}
}

func TestDecodeNamesEveryMistake(t *testing.T) {
	for text, want := range map[string]string{
		"modee: append\n":          `f.yaml:1:1: unknown key "modee"; nearest: mode`,
		"mode: upsret\n":           `f.yaml:1:7: mode: "upsret" is not one of append, replace, upsert; nearest: upsert`,
		"text: yes\n":              `f.yaml:1:7: text: expected a text, and YAML takes yes for true or false; quote it: "yes"`,
		"text: true\n":             `f.yaml:1:7: text: expected a text, and YAML takes true for true or false; quote it: "true"`,
		"text: [a]\n":              `f.yaml:1:7: text: expected a text, found a list`,
		"on: \"true\"\n":           `f.yaml:1:5: on: expected true or false, found the text "true"`,
		"on: 1\n":                  `f.yaml:1:5: on: expected true or false, found the number 1`,
		"count: 3000000000\n":      `f.yaml:1:8: count: expected a whole number, found the number 3000000000`,
		"count: 1.5\n":             `f.yaml:1:8: count: expected a whole number, found the number 1.5`,
		"rate: fast\n":             `f.yaml:1:7: rate: expected a number, found the text "fast"`,
		"rate: inf\n":              `f.yaml:1:7: rate: expected a number, found the text "inf"`,
		"wait: 30\n":               `f.yaml:1:7: wait: expected a duration such as 30s, 15m or 2h, found the number 30`,
		"wait: -1h\n":              `f.yaml:1:7: wait: expected a duration such as 30s, 15m or 2h, found the text "-1h"`,
		"limit: 12 parsecs\n":      `f.yaml:1:8: limit: expected a size such as 512MB or 4GB, found the text "12 parsecs"`,
		"tags: a\n":                `f.yaml:1:7: tags: expected a list, found the text "a"; write tags: [a]`,
		"tags: [a, ~, [b]]\n":      "f.yaml:1:11: tags: ~ is no text in YAML; quote it: \"~\"\nf.yaml:1:14: tags: expected a text, found a list",
		"inner: {port: x}\n":       "f.yaml:1:8: key \"name\" is missing\nf.yaml:1:15: port: expected a whole number, found the text \"x\"",
		"inner: {name: }\n":        `f.yaml:1:9: key "name" has no value`,
		"inner:\n  nam: x\n":       "f.yaml:2:3: key \"name\" is missing\nf.yaml:2:3: unknown key \"nam\"; nearest: name",
		"inner: name:x\n":          `f.yaml:1:8: expected keys and values, found the text "name:x"; write a space after the colon: name: x`,
		"named: [a]\n":             `f.yaml:1:8: expected keys and values, found a list`,
		"vars: {a: [1]}\n":         `f.yaml:1:11: a: expected a text, a number, or true or false, found a list`,
		"several: {name: a}\n":     `f.yaml:1:10: several: expected a list, found a map`,
		"- a\n":                    `f.yaml:1:1: expected keys and values, found a list`,
		"xyz: 1\n\nreggion: e\n":   "f.yaml:1:1: unknown key \"xyz\"\nf.yaml:3:1: unknown key \"reggion\"; nearest: region",
		"text:\nmode: ~\ncount:\n": "",
	} {
		if _, got := decode(t, text); got != want {
			t.Errorf("%q\nsays %s\nwant %s", text, got, want)
		}
	}
}

func TestDecodeAllKnowsTheKeysOfAll(t *testing.T) {
	n, _ := ParseYAML("f.yaml", "name: a\nregion: b\nregon: c\n")
	var a inner
	var b shared
	got := texts(DecodeAll(n, &a, &b))
	if got != `f.yaml:3:1: unknown key "regon"; nearest: region` || a.Name != "a" || b.Region != "b" {
		t.Errorf("%s %+v %+v", got, a, b)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "64": 64, "1b": 1, "1KB": 1 << 10, "512MB": 512 << 20, "1.5gb": 3 << 29, "2 TiB": 2 << 40, "4g": 4 << 30} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "1.5b", "MB", "1PB", "9999999999TB", "1e3", "NaN"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%s is %d", text, got)
		}
	}
	for text, want := range map[string]time.Duration{"0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "3d": 72 * time.Hour, "1d1h": 25 * time.Hour} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "-5s", "1d-5h", "d", "99999999d", "2 hours"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%s is %v", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"order_id", "customer_id", "total", "raw.orders", "marts.daily_sales"}
	for name, want := range map[string]string{"order_idd": "order_id", "oder_id": "order_id", "Total": "total", "totla": "total", "zzz": "",
		"orders": "raw.orders", "daily_sales": "marts.daily_sales", "": "", "cust": "customer_id"} {
		if got := Nearest(name, names); got != want {
			t.Errorf("nearest of %q is %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		among := rapid.SliceOfN(rapid.StringMatching(`[a-z_.]{4,12}`), 1, 8).Draw(t, "names")
		one := rapid.SampledFrom(among).Draw(t, "one")
		if got := Nearest(one, among); got != one {
			t.Fatalf("nearest of itself is %q", got)
		}
		i := rapid.IntRange(0, len(one)-1).Draw(t, "i")
		if Nearest(one[:i]+one[i+1:], among) == "" {
			t.Fatal("one letter less is nearest to nothing")
		}
	})
}

func TestSubstitute(t *testing.T) {
	values := map[string]string{"URL": "pg://x", "PORT": "5432", "EMPTY": "", "YES": "yes", "YAML": "{a: [1]}", "REF": "${URL}"}
	lookup := func(n string) (string, bool) { v, ok := values[n]; return v, ok }
	for text, want := range map[string]string{
		"a: ${URL}":                         `text:"pg://x"`,
		"a: ${PORT}":                        `int:"5432"`,
		"a: \"${PORT}\"":                    `text:"5432"`,
		"a: ${EMPTY}":                       `text:""`,
		"a: ${EMPTY:-x}":                    `text:"x"`,
		"a: ${NONE:-}":                      `text:""`,
		"a: ${NONE:-true}":                  `bool:"true"`,
		"a: ${NONE:-${PORT}}":               `int:"5432"`,
		"a: ${NONE:-${secret:x#y}}":         `text:"${secret:x#y}"`,
		"a: x${PORT}y${URL}z":               `text:"x5432ypg://xz"`,
		"a: ${YAML}":                        `text:"{a: [1]}"`,
		"a: ${REF}":                         `text:"${URL}"`,
		"a: $${URL} $x {}":                  `text:"${URL} $x {}"`,
		"a: ${secret:shop#password}":        `text:"${secret:shop#password}"`,
		"a: p://${secret:a#b}@${NONE:-h}/x": `text:"p://${secret:a#b}@h/x"`,
	} {
		n, _ := ParseYAML("f.yaml", text)
		ps := Substitute(n, lookup)
		if got := outline(n.Get("a")); len(ps) > 0 || got != want+"@1:4" {
			t.Errorf("%s is %s, want %s %s", text, got, want, texts(ps))
		}
	}
	n, _ := ParseYAML("f.yaml", "a: ${NONE}\nb:\n  - ${1X}\n  - x${OPEN\nc: ${}\nd: ${YES}\n")
	got := texts(SortProblems(Substitute(n, lookup)))
	want := `f.yaml:1:4: ${NONE} is not set; set it in the environment or in .env, or give a default: ${NONE:-…}
f.yaml:3:5: ${1X} is not a name of a variable; write ${NAME}, ${NAME:-default} or ${secret:name#field}
f.yaml:4:5: ${ is not closed; write ${NAME} or ${NAME:-default}; a plain ${ is written $${
f.yaml:5:4: ${} is not a name of a variable; write ${NAME}, ${NAME:-default} or ${secret:name#field}`
	if got != want {
		t.Errorf("says %s\nwant %s", got, want)
	}
	var s settings
	n, _ = ParseYAML("f.yaml", "text: ${YES}")
	Substitute(n, lookup)
	if ps := Decode(n, &s); len(ps) > 0 || s.Text != "yes" {
		t.Errorf("a variable's yes is the text yes: %q %s", s.Text, texts(ps))
	}
}

func TestMergeGoesKeyByKey(t *testing.T) {
	base, _ := ParseYAML("b", "lake: lake\nconnections:\n  a: {type: files, path: x}\n  b: {type: pg}\nlist: [1, 2]\ngone: 1\n")
	over, _ := ParseYAML("o", "connections:\n  a: {path: y}\n  c: {type: q}\nlist: [3]\ngone: ~\n")
	before := outline(base)
	m := Merge(base, over)
	want := `{lake@1:1=text:"lake"@1:7 connections@1:1={a@2:3={type@3:7=text:"files"@3:13 path@2:7=text:"y"@2:13} b@4:3={type@4:7=text:"pg"@4:13} c@3:3={type@3:7=text:"q"@3:13}} list@4:1=[int:"3"@4:8] gone@5:1=null:"~"@5:7}`
	if got := outline(m); got != want {
		t.Errorf("is   %s\nwant %s", got, want)
	}
	if m.Get("connections").Get("a").Get("path").File != "o" || outline(base) != before {
		t.Error("places or the base changed")
	}
	if Merge(nil, over) != over || Merge(base, nil) != base {
		t.Error("nothing merges to something")
	}
}

func TestDotenv(t *testing.T) {
	values, problems := ParseDotenv(".env", "# c\nA=1\nexport B = two words # note\nC='a # \"b\"'\nD=\"x\\ny\\\"\" # c\nE=\n\nF=a=b#c\nbroken\nG='open\nH=\"a\" b\n")
	want := map[string]string{"A": "1", "B": "two words", "C": `a # "b"`, "D": "x\ny\"", "E": "", "F": "a=b#c"}
	if !reflect.DeepEqual(values, want) {
		t.Errorf("values %q", values)
	}
	if got := fmt.Sprint(len(problems), problems[0].Line, problems[1].Line, problems[2].Line); got != "3 9 10 11" {
		t.Errorf("problems %s", texts(problems))
	}
}
