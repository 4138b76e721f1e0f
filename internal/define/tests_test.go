package define

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/job"
	"weir/internal/project"
)

// readTests reads the text of a test of the SQL table marts.daily.
func readTests(t testing.TB, text string) ([]*Tests, []project.Problem) {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"tests/marts/daily.yaml": text} {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &Project{Root: root, Vars: job.Params{"currency": "GBP"}, Tables: map[string]*Table{
		"marts.daily": {Name: "marts.daily", Kind: FromSQL}, "raw.orders": {Name: "raw.orders", Kind: FromSource}}}
	return LoadTests(p)
}

func TestLoadTests(t *testing.T) {
	tests, problems := readTests(t, `
given: { raw.orders: [{ id: 1 }], raw.stores: [] }
run_time: 2026-03-01
tolerance: 0.5
cases:
  - name: one build
    given: { RAW.ORDERS: [{ id: 2, name: ~ }, { name: x }] }
    expect: [{ id: 1 }]
  - name: several
    vars: { currency: EUR }
    tolerance: 0
    ordered: true
    key: id
    builds:
      - expect_count: 1
      - given: { raw.orders: { add: "id\n1", remove: [{ id: 1 }] } }
        expect_error: nope
        expect: []
      - run_time: 2026-05-01T10:00:00+01:00
        expect_quarantined: []
`)
	if len(problems) > 0 || len(tests) != 1 {
		t.Fatal(tests, problems)
	}
	one, several := tests[0].Cases[0], tests[0].Cases[1]
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if g := one.Builds[0].Given; len(g) != 2 || g[0].Input != "raw.stores" || g[1].Input != "RAW.ORDERS" || len(g[1].Rows.List) != 2 || g[1].Rows.List[1].Get("id") != nil {
		t.Errorf("given: %+v", g)
	}
	if one.Tolerance != 0.5 || several.Tolerance != 0 || !several.Ordered || several.Vars["currency"] != "EUR" || several.Key[0] != "id" {
		t.Errorf("%+v %+v", one, several)
	}
	b := several.Builds
	if !b[0].Time.Equal(day) || !b[1].Time.Equal(day.AddDate(0, 0, 1)) || !b[2].Time.Equal(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("times %v %v %v", b[0].Time, b[1].Time, b[2].Time)
	}
	if len(b[0].Given) != 2 || len(b[1].Given) != 1 || b[1].Given[0].Add == nil || b[1].Given[0].Remove == nil || b[1].Error != "nope" || b[1].Expect == nil || b[2].Quarantined == nil {
		t.Errorf("%+v", b)
	}
}

func TestRowsAsCSV(t *testing.T) {
	tests, problems := readTests(t, `
cases:
  - name: x
    given:
      raw.orders: |
        id , name,      note
        1,   Zoë,       "a, b"
        2,   "",
        3,   " x ",     null

        4,   "say ""x""", true
    expect: []
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rows := tests[0].Cases[0].Builds[0].Given[0].Rows
	want := [][]string{{"1", "Zoë", "a, b"}, {"2", "", "<null>"}, {"3", " x ", "null"}, {"4", `say "x"`, "true"}}
	if len(rows.List) != len(want) || rows.Columns[0].Name != "id" {
		t.Fatalf("%+v", rows)
	}
	for i, row := range rows.List {
		for k, c := range row.Cells {
			got := c.Text
			if c.IsNull() {
				got = "<null>"
			}
			if got != want[i][k] {
				t.Errorf("row %d column %d is %q, want %q", i, k, got, want[i][k])
			}
		}
	}
	if at := rows.List[0].Cells[2].Place.String(); at != "tests/marts/daily.yaml:7:25" {
		t.Errorf("the note stands at %s", at)
	}
	if at := rows.List[3].Cells[0].Place.String(); at != "tests/marts/daily.yaml:11:9" {
		t.Errorf("the last id stands at %s", at)
	}
	// A quoted value is a text, whatever it looks like.
	if n := rows.List[2].Cells[1]; n.Style != project.Quoted {
		t.Errorf("%+v", n)
	}
}

func TestMistakesInTests(t *testing.T) {
	for text, want := range map[string]string{
		"case: []":                                                                  `:1:1: unknown key "case"; nearest: cases`,
		"cases: []":                                                                 `:1:1: there are no cases in this file`,
		"cases: [{ name: x }]":                                                      `nothing is expected of this build`,
		"cases: [{ name: x, expect: 3 }]":                                           `:1:28: expected rows, found the number 3`,
		"cases: [{ name: x, builds: [] }]":                                          `builds: a case needs a build`,
		"cases: [{ name: x, expect: ['a'] }]":                                       `:1:29: expected a row as a map, found the text "a"`,
		"cases: [{ name: x, expect: [{}] }]":                                        `this row names no column`,
		"cases: [{ name: x, expect: [{a: 1}, {}]}]":                                 `this row does not name column "a"`,
		"cases: [{ name: '', expect: [] }]":                                         `a case needs a name`,
		"cases:\n- {name: x, expect: []}\n- {name: x, expect: []}":                  `:3:10: a case named "x" is here already; first at line 2`,
		"cases: [{ name: x, given: [], expect: [] }]":                               `given: expected tables with rows, found a list`,
		"cases: [{ name: x, given: { t: {} }, expect: [] }]":                        `expected rows, found an empty map`,
		"cases: [{ name: x, given: { t: { ad: [] } }, expect: [] }]":                `unknown key "ad"; nearest: add`,
		"cases: [{ name: x, given: { t: '' }, expect: [] }]":                        `expected rows, found an empty text`,
		"cases:\n- name: x\n  expect: |\n    a,b\n    1,2\n    1":                   `:6:5: this row has 1 values for 2 columns`,
		"cases:\n- name: x\n  expect: |\n    a,,b\n    1,2,3":                       `:4:7: column 2 has no name`,
		"cases:\n- name: x\n  expect: |\n    a,b\n    1,\"x\"y":                     `:5:`,
		"cases: [{ name: x, expect: [], vars: { curency: 1 } }]":                    `curency is not among the project's vars; nearest: currency`,
		"cases: [{ name: x, expect: [], run_time: noon }]":                          `run_time: expected a time, found the text "noon"`,
		"cases: [{ name: x, expect: [], expect_count: many }]":                      `expect_count: expected a whole number, found the text "many"`,
		"cases: [{ name: x, given: { t: [], T: [] }, expect: [] }]":                 `t and T are one table`,
		"cases: [{ name: x, builds: [{ expect: [] }], expect: [] }]":                `expect stands beside builds`,
		"cases: [{ name: x, given: { t: { replace: [], add: [] } }, expect: [] }]":  `replace stands alone`,
		"cases: [{ name: x, given: { t: [{ a: 1, A: 2 }] }, expect: [] }]":          `column "A" is here twice`,
		"cases: [{ name: x, given: { t: [{ ? [a] : 1 }] }, expect: [] }]":           ``,
		"cases: [{ name: x, expect: [], tolerance: -1 }]":                           `a difference is not below 0`,
		"cases: [{ name: x, expect: [], ordered: maybe }]":                          `ordered: expected true or false`,
		"cases: [{ name: x, given: { t: { remove: [{a: 1}, {b: 1}]}}, expect: []}]": `remove: this row does not name column "b"`,
	} {
		_, problems := readTests(t, text)
		var all strings.Builder
		for _, p := range problems {
			all.WriteString(p.String() + "\n")
		}
		if len(problems) == 0 || !strings.Contains(all.String(), want) {
			t.Errorf("%s\nsays %q, want %q", text, all.String(), want)
		}
	}
}

// Whatever stands in a file of tests is read or reported: each value that is given stands at a place of the file.
func FuzzTests(f *testing.F) {
	f.Add("cases:\n- name: x\n  given:\n    raw.orders: |\n      id, name\n      1, \"é\"\n  expect: [{ id: 1 }]\n")
	f.Add("cases: [{ name: x, builds: [{ given: { raw.orders: { change: [{ id: 1 }] } }, expect_count: 1 }] }]")
	f.Add("given: { raw.orders: \"a\\n1\" }\ncases: [{ name: x, expect_error: y }]")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		doc, _ := project.ParseYAML("tests/marts/daily.yaml", text)
		if doc == nil {
			return
		}
		p := &Project{Vars: job.Params{}, Tables: map[string]*Table{"marts.daily": {Name: "marts.daily", Kind: FromSQL}}}
		tests, problems := loadTests(p, project.File{Name: "marts.daily", Path: "tests/marts/daily.yaml", Doc: doc})
		for _, x := range problems {
			if x.Line < 1 || x.Line > lines || x.Col < 1 {
				t.Errorf("%s stands at no place of %q", x, text)
			}
		}
		for _, c := range tests.Cases {
			for _, b := range c.Builds {
				for _, g := range b.Given {
					for _, rows := range g.All() {
						for _, row := range rows.List {
							for _, cell := range row.Cells {
								if cell.Node == nil || cell.Line < 1 || cell.Line > lines {
									t.Errorf("%+v stands at no place of %q", cell, text)
								}
							}
						}
					}
				}
			}
		}
	})
}
