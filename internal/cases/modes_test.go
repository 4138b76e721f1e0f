package cases

import (
	"strings"
	"testing"
)

// passes runs a project's tests, all of which must pass.
func passes(t *testing.T, files map[string]string) {
	t.Helper()
	results := newRig(t, files).run()
	if len(results) == 0 {
		t.Error("no case was run")
	}
	if text := failures(results); text != "" {
		t.Error(text)
	}
}

// fails runs tests of which one must fail, and gives its report.
func fails(t *testing.T, files map[string]string) string {
	t.Helper()
	text := failures(newRig(t, files).run())
	if text == "" {
		t.Error("every case passed")
	}
	return text
}

func TestReplace(t *testing.T) {
	passes(t, map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": salesCase + `
  - name: an input that is not named is empty
    expect: []
  - name: missing columns are null, rows are a bag
    given:
      raw.orders: [{ id: 1, total: 1 }, { id: 2, total: 2 }, { id: 3, store: "" }]
    expect:
      - { store: "", revenue: ~ }
      - { store: null, revenue: 3.00 }
    expect_count: 2
  - name: rows come, change and go
    builds:
      - given: { raw.orders: [{ id: 1, ts: 2026-03-01, store: A, total: 1 }, { id: 2, ts: 2026-03-02, store: A, total: 2 }] }
        expect: [{ day: 2026-03-01, revenue: 1.00 }, { day: 2026-03-02, revenue: 2.00 }]
      - given: { raw.orders: [{ id: 2, ts: 2026-03-02, store: A, total: 20 }, { id: 3, ts: 2026-03-01, store: A, total: 3 }] }
        expect: [{ day: 2026-03-01, revenue: 4.00 }, { day: 2026-03-02, revenue: 20.00 }]
      - given: { raw.orders: { change: [{ id: 1, total: 10 }], remove: [{ id: 2 }], add: [{ id: 4, ts: 2026-03-01, store: B, total: 4 }] } }
        expect: [{ day: 2026-03-01, store: A, revenue: 13.00 }, { day: 2026-03-01, store: B, revenue: 4.00 }]
      - expect_count: 2
      - given: { raw.orders: { replace: [{ id: 9, total: 9 }] } }
        expect: [{ day: ~, revenue: 9.00 }]
      - given: { raw.orders: { remove: [{ total: 9 }] } }
        expect: []
`})
}

func TestAppendKeepsWhatItHas(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/seen.sql": "/* weir\nmode: append\n*/\nselect id, $run_time::date as on_day from raw.orders\n",
		"tests/marts/seen.yaml": `cases:
  - name: each build adds, at its own time
    run_time: 2026-03-01
    builds:
      - given: { raw.orders: [{ id: 1 }] }
        expect: [{ id: 1, on_day: 2026-03-01 }]
      - given: { raw.orders: [{ id: 2 }] }
        expect: [{ id: 1, on_day: 2026-03-01 }, { id: 1, on_day: 2026-03-02 }, { id: 2, on_day: 2026-03-02 }]
      - given: { raw.orders: { remove: [{ id: 1 }] } }
        run_time: 2026-04-01T12:00:00+02:00
        expect_count: 4
`})
}

func TestUpsert(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/last.sql": "/* weir\nmode: upsert\nkey: store\norder_by: ts\n*/\nselect store, ts, total from raw.orders\n",
		"tests/marts/last.yaml": `cases:
  - name: the newer row of a key wins, an older one that comes late is stale
    builds:
      - given: { raw.orders: [{ id: 1, store: A, ts: 2026-03-02, total: 2 }, { id: 2, store: B, ts: 2026-03-02, total: 5 }] }
        expect: [{ store: A, total: 2.00 }, { store: B, total: 5.00 }]
      - given: { raw.orders: { replace: [{ id: 3, store: A, ts: 2026-03-01, total: 1 }, { id: 4, store: B, ts: 2026-03-03, total: 6 }] } }
        expect: [{ store: A, total: 2.00 }, { store: B, total: 6.00 }]
`})
}

func TestPartitions(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/days.sql": "/* weir\nmode: partitions\npartition: day(ts)\n*/\nselect ts, store, total from raw.orders\n",
		"tests/marts/days.yaml": `cases:
  - name: days that come again are replaced, others stay
    builds:
      - given: { raw.orders: [{ id: 1, store: A, ts: 2026-03-01, total: 1 }, { id: 2, store: B, ts: 2026-03-02, total: 2 }] }
        expect_count: 2
      - given: { raw.orders: { replace: [{ id: 3, store: C, ts: 2026-03-02 09:00, total: 3 }] } }
        expect: [{ store: A }, { store: C }]
`})
}

func TestViews(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/large.sql": "/* weir\nmode: view\n*/\nselect id, store, total from raw.orders where total >= $least order by total desc\n",
		"tables/marts/sums.sql":  "select store, sum(total)::decimal(18,2) as revenue from marts.large group by all\n",
		"tests/marts/large.yaml": `cases:
  - name: a view is tested as it is read
    ordered: true
    given: { raw.orders: [{ id: 1, total: 4.99 }, { id: 2, total: 5 }, { id: 3, total: 7 }] }
    expect: [{ id: 3 }, { id: 2 }]
  - name: vars may be others
    vars: { least: 1 }
    given: { raw.orders: [{ id: 1, total: 4.99 }] }
    expect: [{ id: 1 }]
`,
		"tests/marts/sums.yaml": `cases:
  - name: through the view
    given: { raw.orders: [{ id: 1, store: A, total: 4 }, { id: 2, store: A, total: 5 }] }
    expect: [{ store: A, revenue: 5.00 }]
  - name: in the place of the view
    given: { marts.large: [{ id: 1, store: A, total: 4 }, { id: 2, store: A, total: 5 }] }
    expect: [{ store: A, revenue: 9.00 }]
`})
}

func TestRules(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/good.sql": "/* weir\nrules:\n  - rule: ColumnValues \"total\" >= 0\n    on_fail: quarantine\n  - IsComplete \"store\"\nmax_quarantined: 50%\n*/\nselect id, store, total, [total] as parts from raw.orders\n",
		"tests/marts/good.yaml": `cases:
  - name: rows below 0 are turned away
    given: { raw.orders: [{ id: 1, store: A, total: -1.10 }, { id: 2, store: A, total: 5 }] }
    expect: [{ id: 2 }]
    expect_quarantined: [{ id: 1, total: -1.10, parts: [-1.10] }]
  - name: too many are an error
    given: { raw.orders: [{ id: 1, store: A, total: -1 }] }
    expect_error: max_quarantined
    expect: []
  - name: a store is needed, and the table stays as it was
    builds:
      - given: { raw.orders: [{ id: 1, store: A, total: 1 }] }
        expect_count: 1
        expect_quarantined: []
      - given: { raw.orders: [{ id: 2, total: 2 }] }
        expect_error: 'rule IsComplete "store"'
        expect: [{ id: 1 }]
      - given: { raw.orders: [{ id: 2, store: B, total: 2 }] }
        expect: [{ id: 1 }, { id: 2 }]
`})
}

func TestNestedAndUnknownTypes(t *testing.T) {
	passes(t, map[string]string{
		"tables/raw/clicks.yaml": "from: inbox\npath: \"*.ndjson\"\ncolumns: { tags: \"varchar[]\", item: \"struct(price decimal(38,20), at timestamptz)\", counts: \"map(varchar, bigint)\", raw: blob }\n",
		"tables/marts/flat.sql":  "select tags, item.price as price, item.at as at, counts, raw, n + 1 as n, d, ts, b, x, s.a as a, l from raw.clicks\n",
		"tests/marts/flat.yaml": `cases:
  - name: values are exact
    given:
      raw.clicks:
        - tags: [a, "b,c", null]
          item: { price: 12345678901234567.12345678901234567890, at: "2026-03-01T09:00:00+02:00" }
          counts: { x: 9007199254740993 }
          raw: 'a\x00b'
          n: 9007199254740993
          d: 2026-03-01
          ts: 2026-03-01 10:00
          b: true
          x: 0.5
          s: { a: 1 }
          l: [1, 2.5]
    expect:
      - tags: '["a", "b,c", null]'
        price: 12345678901234567.12345678901234567890
        at: 2026-03-01 07:00:00+00
        counts: { x: 9007199254740993 }
        raw: 'a\x00b'
        n: 9007199254740994
        d: 2026-03-01
        ts: 2026-03-01 10:00:00
        b: true
        x: 0.50
        a: 1
        l: [1, 2.5]
`})
}

// A table in between whose source is not known does not keep the next from being tested: its rows are given.
func TestBesideAnUnknownSource(t *testing.T) {
	passes(t, map[string]string{
		"tables/raw/any.yaml": "from: inbox\npath: \"*.ndjson\"\ncolumns: { id: bigint }\n",
		"tables/stg/any.sql":  "select id, name from raw.any\n",
		"tables/marts/n.sql":  "select name, count(*) as n from stg.any group by all\n",
		"tests/marts/n.yaml":  "cases:\n  - name: x\n    given: { stg.any: [{ id: 1, name: a }, { name: a }] }\n    expect: [{ name: a, n: 2 }]\n",
	})
}

func TestMacros(t *testing.T) {
	passes(t, map[string]string{
		"macros/m.sql":           "create macro twice(x) as x * 2;\ncreate macro lasts() as table select max(id) as id from raw.orders;\n",
		"tables/marts/twice.sql": "select twice(id) as id from lasts()\n",
		"tests/marts/twice.yaml": "cases:\n  - name: twice\n    given: { raw.orders: [{ id: 2 }, { id: 4 }] }\n    expect: [{ id: 8 }]\n",
	})
}

func TestSharedByAFile(t *testing.T) {
	passes(t, map[string]string{"tables/marts/s.sql": "select id, $currency as currency, $run_time as at from raw.orders\n", "tests/marts/s.yaml": `
given: { raw.orders: [{ id: 1 }] }
vars: { currency: EUR }
run_time: 2026-01-01T01:02:03.000004Z
cases:
  - name: as the file says
    expect: [{ id: 1, currency: EUR, at: 2026-01-01 01:02:03.000004+00 }]
  - name: as the case says
    vars: { currency: USD }
    run_time: 2026-02-01
    given: { raw.orders: [{ id: 2 }] }
    expect: [{ id: 2, currency: USD, at: 2026-02-01 00:00:00+00 }]
`})
}

func TestFloats(t *testing.T) {
	files := map[string]string{"tables/marts/f.sql": "select 1 as id, (total / 3)::double as third, -0.0::double as zero from raw.orders\n"}
	files["tests/marts/f.yaml"] = `
tolerance: 0.01
cases:
  - name: near enough
    given: { raw.orders: [{ id: 1, total: 1 }, { id: 2, total: 1.03 }] }
    expect: [{ id: 1, third: 0.34, zero: 0 }, { id: 1, third: 0.33, zero: 0 }]
`
	passes(t, files)
	files["tests/marts/f.yaml"] = strings.Replace(files["tests/marts/f.yaml"], "0.01", "0", 1)
	if text := fails(t, files); !strings.Contains(text, "→ 0.3333333333333333") {
		t.Error(text)
	}
}

func TestReports(t *testing.T) {
	sales := func(text string) map[string]string {
		return map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": text}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"values": {sales(strings.Replace(salesCase, "revenue: 8.00", "revenue: 8.50", 1)),
			[]string{"marts.sales: sums (tests/marts/sales.yaml:2:5)", "rows differ: 1 changed (2 expected, 2 found)", "~  2026-03-01  Leeds  8.50 → 8.00  1"}},
		"missing and unexpected": {sales(salesCase + "      - { day: 2026-03-09, store: York, revenue: 1.00, orders: 7 }\n"),
			[]string{"rows differ: 1 missing (3 expected, 2 found)", "-  2026-03-09  York   1.00     7", "(- expected, missing)"}},
		"none expected": {sales("cases:\n  - name: none\n    given: { raw.orders: [{ id: 1, store: A, ts: 2026-03-01, total: 1 }] }\n    expect: []\n"),
			[]string{"rows differ: 1 unexpected (0 expected, 1 found)", "day         store  revenue  orders", "+  2026-03-01  A      1.00     1"}},
		"which build": {sales("cases:\n  - name: two\n    builds:\n      - expect: []\n      - given: { raw.orders: [{ id: 1 }] }\n        expect_count: 7\n"),
			[]string{"marts.sales: two, build 2 (tests/marts/sales.yaml:5:9)", "the table has 1 rows, expected were 7"}},
		"no such row": {sales("cases:\n  - name: x\n    builds:\n      - expect: []\n      - given: { raw.orders: { remove: [{ id: 4, store: Q }] } }\n        expect: []\n"),
			[]string{"tests/marts/sales.yaml:5:40: remove: raw.orders has no row with id 4, store Q"}},
		"one key twice": {sales("cases:\n  - name: x\n    builds:\n      - given: { raw.orders: [{ id: 4 }] }\n        expect_count: 1\n      - given: { raw.orders: [{ id: 1 }, { id: 1 }] }\n        expect: []\n"),
			[]string{"two rows of raw.orders have id 1"}},
		"went through": {sales("cases:\n  - name: x\n    expect_error: boom\n"),
			[]string{"the build went through, but was expected to fail with: boom"}},
		"another error": {map[string]string{"tables/marts/e.sql": "select error('broken ' || id) as e from raw.orders\n", "tests/marts/e.yaml": "cases:\n  - name: x\n    given: { raw.orders: [{ id: 1 }] }\n    expect_error: boom\n"},
			[]string{"the build failed with another error than expected", "broken 1", "expected in it: boom"}},
		"not expected": {map[string]string{"tables/marts/e.sql": "/* weir\nmode: view\n*/\nselect error('broken ' || id) as e from raw.orders\n", "tests/marts/e.yaml": "cases:\n  - name: x\n    given: { raw.orders: [{ id: 1 }] }\n    expect: []\n"},
			[]string{"the build failed: ", "broken 1"}},
		"order": {map[string]string{"tables/marts/o.sql": "/* weir\nsort: total desc\n*/\nselect id, total from raw.orders\n", "tests/marts/o.yaml": "cases:\n  - name: x\n    ordered: true\n    given: { raw.orders: [{ id: 1, total: 1 }, { id: 2, total: 2 }] }\n    expect: [{ id: 1 }, { id: 2 }]\n"},
			[]string{"rows stand in another order from row 1 on: expected (id 1), found (id 2)"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := fails(t, c.files)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
		})
	}
}

// A table that fails in its second build is a failure of the case, and no further build is made.
func TestNoBuildAfterAFailure(t *testing.T) {
	text := fails(t, map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": "cases:\n  - name: x\n    builds:\n      - expect_count: 1\n      - expect_count: 2\n"})
	if strings.Count(text, "expected were") != 1 {
		t.Error(text)
	}
}

func TestHistory(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/stores.sql": "/* weir\nmode: history\nkey: id\norder_by: ts\n*/\nselect id, store, ts from raw.orders\n",
		"tests/marts/stores.yaml": `cases:
  - name: a change closes the version before, and a late one stands in the middle
    builds:
      - given: { raw.orders: [{ id: 1, store: A, ts: 2026-03-01 }] }
        expect: [{ id: 1, store: A, is_current: true, valid_to: ~ }]
      - given: { raw.orders: { change: [{ id: 1, store: C, ts: 2026-03-05 }] } }
        expect:
          - { store: A, valid_from: 2026-03-01, valid_to: 2026-03-05, is_current: false }
          - { store: C, valid_from: 2026-03-05, valid_to: ~, is_current: true }
      - given: { raw.orders: { change: [{ id: 1, store: B, ts: 2026-03-03 }] } }
        expect:
          - { store: A, valid_from: 2026-03-01, valid_to: 2026-03-03 }
          - { store: B, valid_from: 2026-03-03, valid_to: 2026-03-05 }
          - { store: C, valid_from: 2026-03-05, valid_to: ~ }
`})
}

// The time of the build shows which groups it computed again: rows that come, change and go reach the table as in a run.
func TestIncremental(t *testing.T) {
	passes(t, map[string]string{
		"tables/marts/days.sql": "/* weir\nmode: upsert\nkey: day\nincremental:\n  input: raw.orders\n  by: day\n*/\nselect ts::date as day, sum(total)::decimal(18,2) as revenue, $run_time::date as made from raw.orders group by all\n",
		"tests/marts/days.yaml": `cases:
  - name: only the days of changed rows are computed again
    run_time: 2026-05-01
    builds:
      - given: { raw.orders: [{ id: 1, ts: 2026-03-01, total: 1 }, { id: 2, ts: 2026-03-02, total: 2 }, { id: 3, ts: 2026-03-03, total: 3 }] }
        expect_count: 3
      - given: { raw.orders: [{ id: 4, ts: 2026-03-01, total: 10 }] }
        expect:
          - { day: 2026-03-01, revenue: 11.00, made: 2026-05-02 }
          - { day: 2026-03-02, revenue: 2.00, made: 2026-05-01 }
          - { day: 2026-03-03, revenue: 3.00, made: 2026-05-01 }
      - given: { raw.orders: { change: [{ id: 2, ts: 2026-03-03 }], remove: [{ id: 4 }] } }
        expect:
          - { day: 2026-03-01, revenue: 1.00, made: 2026-05-03 }
          - { day: 2026-03-03, revenue: 5.00, made: 2026-05-03 }
`,
		"tables/marts/seen.sql": "/* weir\nmode: append\nincremental:\n  input: raw.plain\n*/\nselect id, $run_time::date as made from raw.plain where id > 0\n",
		"tables/raw/plain.yaml": "from: inbox\npath: \"plain*.csv\"\ncolumns: { id: bigint }\n",
		"tests/marts/seen.yaml": `cases:
  - name: only new rows are read
    run_time: 2026-05-01
    builds:
      - given: { raw.plain: [{ id: 1 }] }
        expect: [{ id: 1, made: 2026-05-01 }]
      - given: { raw.plain: [{ id: 2 }, { id: 0 }] }
        expect: [{ id: 1, made: 2026-05-01 }, { id: 2, made: 2026-05-02 }]
`})
}
