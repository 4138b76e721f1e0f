package cases

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/junit"
)

// mistakes are the problems of a project's tests, found without running them or, where they can be found only then, by that.
func mistakes(t *testing.T, files map[string]string) string {
	t.Helper()
	r := newRig(t, files)
	suites, err := r.suites()
	if err == nil {
		_, err = r.runner().Run(t.Context(), suites)
	}
	var problems define.Problems
	if !errors.As(err, &problems) || fault.ClassOf(err) != fault.Usage {
		t.Fatalf("no problems: %v", err)
	}
	return err.Error()
}

func TestMistakes(t *testing.T) {
	unknown := map[string]string{"tables/raw/any.yaml": "from: inbox\npath: \"*.ndjson\"\n", "tables/marts/any.sql": "select * from raw.any\n"}
	for name, c := range map[string]struct {
		table, sql, cases string
		want              []string
	}{
		"names": {"sales", salesSQL, "  - name: x\n    given: { raw.order: [{ id: 1 }], raw.orders: [{ idd: 1 }] }\n    expect: [{ dai: 2026-01-01 }]\n", []string{
			"tests/marts/sales.yaml:3:14: marts.sales does not read raw.order; nearest: raw.orders",
			`tests/marts/sales.yaml:3:53: column "idd" is not in raw.orders; nearest: id`,
			`tests/marts/sales.yaml:4:16: column "dai" is not in marts.sales; nearest: day`}},
		"values": {"sales", salesSQL, "  - name: x\n    given:\n      raw.orders: |\n        id, total\n        1, 1.005\n        x, \"\"\n    expect: [{ orders: 1.5, day: 2026-02-30, store: { a: 1 } }]\n", []string{
			`sales.yaml:6:12: column "total": the number 1.005 is not decimal(12,2)`,
			`sales.yaml:7:9: column "id": the text "x" is not bigint`,
			`sales.yaml:7:12: column "total": the text "" is not decimal(12,2)`,
			`sales.yaml:8:24: column "orders": the number 1.5 is not bigint`,
			`column "day": the text "2026-02-30" is not date`}},
		"no key": {"a", "select * from raw.any", "  - name: x\n    given: { raw.any: { change: [{ n: 1 }] } }\n    expect: []\n", []string{"raw.any has no key by which a row is known again; write remove: and add:"}},
		"nothing known": {"a", "select * from raw.any", "  - name: x\n    expect: []\n", []string{
			"tests/marts/a.yaml:2:5: the columns of raw.any are not known; declare them in tables/raw/any.yaml, or give it a row"}},
		"not JSON": {"a", "select [1, 2] as l from raw.orders", "  - name: x\n    expect: [{ l: 'x' }]\n", []string{`column "l": the text "x" is not integer[]; a list, struct or map is written as in YAML, or as a text of JSON`}},
		"known only after the build": {"a", "select n, n + 1 as m from raw.any", "  - name: x\n    given: { raw.any: [{ n: 1 }] }\n    expect: [{ m: 2x }]\n  - name: y\n    given: { raw.any: [{ n: 1 }] }\n    expect: [{ k: 2 }]\n", []string{
			`tests/marts/a.yaml:4:19: column "m": the text "2x" is not bigint`, `tests/marts/a.yaml:7:16: column "k" is not in marts.a`}},
		"SQL over a source known in part": {"a", "select m from raw.any", "  - name: x\n    given: { raw.any: [{ n: 1 }] }\n    expect: []\n", []string{"tables/marts/a.sql:1:8: "}},
		"SQL":                             {"sales", "select idd from raw.orders", "  - name: x\n    expect: []\n", []string{"tables/marts/sales.sql:1:8: ", "idd"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"tables/marts/" + c.table + ".sql": c.sql, "tests/marts/" + c.table + ".yaml": "cases:\n" + c.cases}
			for path, text := range unknown {
				files[path] = text
			}
			text := mistakes(t, files)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
		})
	}
}

func TestJUnit(t *testing.T) {
	results := newRig(t, map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": salesCase + "  - name: \"<odd> & \\\"name\\\"\"\n    given: { raw.orders: [{ id: 1, store: \"\\x01]]>\" }] }\n    expect: []\n"}).run()
	var b strings.Builder
	ok(t, WriteJUnit(&b, "shop", results, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), func(s string) string { return s }))
	var read junit.Report
	ok(t, xml.Unmarshal([]byte(b.String()), &read))
	if read.Tests != 2 || read.Failures != 1 || len(read.Suites) != 1 || read.Suites[0].Tests != 2 || read.Suites[0].Failures != 1 {
		t.Errorf("%+v", read)
	}
	first, second := read.Suites[0].Cases[0], read.Suites[0].Cases[1]
	if first.Failure != nil || first.Class != "marts.sales" || first.Line != 2 || second.Name != `<odd> & "name"` || second.Failure == nil {
		t.Errorf("%+v %+v", first, second)
	}
	if !strings.Contains(second.Failure.Message, "1 unexpected") || !strings.Contains(second.Failure.Text, "]]>") {
		t.Errorf("%+v", second.Failure)
	}
}

func TestInterrupt(t *testing.T) {
	r := newRig(t, map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": salesCase})
	suites, err := r.suites()
	ok(t, err)
	ctx, stop := contextThatIsOver()
	defer stop()
	if _, err := r.runner().Run(ctx, suites); fault.ClassOf(err) != fault.Canceled {
		t.Errorf("an interrupt is %v", err)
	}
}
