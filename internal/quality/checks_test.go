package quality

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/job"
)

var orderColumns = []job.Column{
	{Name: "order_id", Type: "BIGINT"}, {Name: "total", Type: "DECIMAL(12,2)"}, {Name: "status", Type: "VARCHAR"},
	{Name: "at", Type: "TIMESTAMP"}, {Name: "tags", Type: "VARCHAR[]"}, {Name: "paid", Type: "BOOLEAN"},
}

func TestCompileSaysWhatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ rule, want, hint string }{
		{`IsComplete "order_idd"`, `column "order_idd" is not in the table; nearest: order_id`, ""},
		{`(RowCount > 1) AND (IsUnique "odrer_id")`, `nearest: order_id`, ""},
		{`ColumnDataType "status" = "DAY"`, `Unrecognized data type "DAY"`, "DECIMAL(p,s)"},
		{`ColumnDataType "status" in ["DATE","INTEGER"]`, `with = or !=, not with in`, ""},
		{`ColumnDataType "status" = "DATE" with format = "yyyy"`, `format "yyyy" of a date is not known`, "dd-MM-yyyy"},
		{`RowCountMatch "ref" = 1`, `"ref" is not found in additional sources`, "no further table is given"},
		{`ReferentialIntegrity "status" "nothing" = 1`, `"nothing" is not a column of a further table`, "reference.column"},
		{`AggregateMatch "max(total)" "sum(total)" = 1`, `"max(total)" is not sum(column) or avg(column)`, ""},
		{`ColumnNamesMatchPattern "("`, `pattern: error parsing regexp`, "RE2"},
		{`FileSize > 1`, `rules about files are not judged here`, "eval"},
		{`DetectAnomalies "IsComplete" "total"`, `does not watch "IsComplete"`, "RowCount"},
		{`RowCount > smallest(3)`, `function smallest is not known`, "last, abs"},
		{`Mean "status" > 1`, `Mean needs a column of numbers; "status" is VARCHAR`, ""},
		{`ColumnValues "at" > 5`, `column "at" is TIMESTAMP and cannot be compared with numbers`, ""},
		{`ColumnValues "total" > "2022-01-01"`, `cannot be compared with dates`, ""},
		{`ColumnValues "tags" = "a"`, `cannot be compared with texts`, ""},
		{`ColumnValues "status" matches "("`, `pattern: error parsing regexp`, "RE2"},
		{`ColumnValues "total" > NULL`, `NULL has no order`, ""},
		{`ColumnLength "status" = NULL`, `NULL is no length`, ""},
		{`RowCount > avg(last(3))`, `last() asks for the values of earlier runs, which are not kept here`, "--history"},
		{`RowCount > index(1, 7)`, `not a place`, ""},
		{`ColumnValues "total" > 1 / 0`, `1 / 0 is not a number`, ""},
		{`DataFreshness "paid" < 3 days`, `cannot be compared with dates`, ""},
	} {
		r := rules(t, c.rule)
		r[0].File, r[0].Line = "tables/orders.yaml", 7
		_, err := Compile(r, orderColumns)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "rule "+r[0].Text+" (tables/orders.yaml:7): ") {
			t.Errorf("%s: class %s, %v", c.rule, fault.ClassOf(err), err)
		}
		if !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s: hint %q", c.rule, fault.HintOf(err))
		}
	}
	_, err := Compile(rules(t, `IsComplete "a"`, `IsComplete "total"`, `IsUnique "b"`), orderColumns)
	if err == nil || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("not all mistakes: %v", err)
	}
}

func TestRulesAreAboutRowsOrTheTable(t *testing.T) {
	all := rules(t, `RowCount > 1`, `IsComplete "total"`, `(IsComplete "total") OR (ColumnLength "status" > 1)`,
		`(IsComplete "total") AND (RowCount > 1)`, `ColumnValues "total" > 1 with threshold > 0.9`, `CustomSql "select order_id from primary"`,
		`Completeness "total" > 0.5`, `ColumnExists "nothing"`)
	checks, err := Compile(all, orderColumns)
	if err != nil {
		t.Fatal(err)
	}
	texts := func(rs []Rule) (s []string) {
		for _, r := range rs {
			s = append(s, r.Text)
		}
		return s
	}
	if got, want := texts(checks.RowRules()), []string{all[1].Text, all[2].Text, all[4].Text}; !reflect.DeepEqual(got, want) {
		t.Errorf("row rules are %q", got)
	}
	if got := texts(checks.TableRules()); len(got) != 5 || got[0] != all[0].Text {
		t.Errorf("table rules are %q", got)
	}
	for i := range all {
		all[i].OnFail = Quarantine
		_, err := Compile(all[i:i+1], orderColumns)
		about := i == 1 || i == 2 || i == 4 || i == 5 || i == 6
		if about != (err == nil) || err != nil && (fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "quarantine")) {
			t.Errorf("%s: %v", all[i].Text, err)
		}
	}
}

// A text alone is enough, and one that does not parse is an error of the rule.
func TestCompileParsesText(t *testing.T) {
	checks, err := Compile([]Rule{{Text: `IsComplete   "total"`}}, orderColumns)
	if err != nil || checks.RowRules()[0].Rule == nil {
		t.Errorf("%v, %v", checks, err)
	}
	if _, err := Compile([]Rule{{Text: `IsComplet "total"`}}, orderColumns); fault.ClassOf(err) != fault.Usage {
		t.Errorf("%v", err)
	}
}

func TestOneScanWhileRulesHold(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE orders AS SELECT i AS id, i % 7 AS kind, i * 0.5 AS total, 'name' || i AS name FROM range(100) r(i)`)
	row := rules(t, `IsComplete "id"`, `IsComplete "name"`, `ColumnValues "total" >= 0`, `ColumnValues "total" < 100`, `ColumnValues "id" != 500`,
		`ColumnValues "kind" in [0,1,2,3,4,5,6]`, `ColumnLength "name" between 4 and 7`, `ColumnValues "name" matches "name[0-9]+"`,
		`ColumnValues "total" >= 0 where "kind = 1"`, `(IsComplete "id") AND (IsComplete "name")`)
	table := rules(t, `RowCount = 100`, `IsUnique "id"`, `Uniqueness "id" = 1`, `UniqueValueRatio "id" = 1`, `DistinctValuesCount "id" = 100`,
		`DistinctValuesCount "id" = 15 where "kind = 1"`, `IsPrimaryKey "id" "kind"`, `IsUnique "kind" "id"`, `Mean "total" > 1`, `Sum "id" = 4950`)
	for _, o := range d.judged(t, "orders", append(row, table...), nil) {
		if !o.Passed {
			t.Errorf("%s: %s", o.Rule.Text, o.Reason)
		}
	}
	var scans, groupings int
	for _, q := range d.asked {
		switch {
		case strings.Contains(q, "GROUP BY"):
			groupings++
		case strings.Contains(q, "count("):
			scans++
		}
	}
	if scans != 2 || groupings != 2 {
		t.Errorf("%d scans and %d groupings:\n%s", scans, groupings, strings.Join(d.asked, "\n"))
	}
}

func TestFailedRowsAreCounted(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 1.5), (2, NULL, -1), (3, 'ccc', NULL), (3, '', 9)) v(id, s, x)`)
	for text, want := range map[string]Outcome{
		`IsComplete "s"`:                                                      {Failed: 1, Total: 4, Reason: `"s" is null`},
		`ColumnValues "x" > 0`:                                                {Failed: 2, Total: 4, Reason: `"x" is not > 0`},
		`ColumnValues "x" <= 9`:                                               {Failed: 1, Total: 4, Reason: `"x" is not <= 9`},
		`ColumnValues "x" != 9`:                                               {Failed: 1, Total: 4, Reason: `"x" is 9`},
		`ColumnValues "x" > 0 with threshold >= 0.5`:                          {Passed: true, Failed: 2, Total: 4},
		`ColumnValues "x" > 0 with threshold > 0.5`:                           {Failed: 2, Total: 4, Reason: `the ratio of rows that pass is 0.5, wanted > 0.5`},
		`ColumnValues "x" > 0 where "id > 2"`:                                 {Failed: 1, Total: 2, Reason: `"x" is not > 0`},
		`ColumnValues "x" > 0 where "id > 9"`:                                 {Passed: true, Reason: noneMatched},
		`ColumnValues "x" > 0 where "id = 1 -- one"`:                          {Passed: true, Total: 1},
		`ColumnLength "s" > 0`:                                                {Failed: 2, Total: 4, Reason: `the length of "s" is not > 0`},
		`ColumnLength "s" < 3`:                                                {Failed: 1, Total: 4, Reason: `the length of "s" is not < 3`},
		`ColumnLength "s" in [0, 1]`:                                          {Failed: 1, Total: 4, Reason: `the length of "s" is not in [0,1]`},
		`IsUnique "id"`:                                                       {Failed: 2, Total: 4, Reason: `"id" occurs more than once`},
		`IsPrimaryKey "id" "s"`:                                               {Failed: 1, Total: 4, Reason: `"s" is null (1 rows)`},
		`RowCount > 9`:                                                        {Reason: `RowCount is 4, wanted > 9`},
		`Completeness "s" = 1`:                                                {Failed: 1, Total: 4, Reason: `Completeness is 0.75, wanted = 1`},
		`(IsComplete "s") OR (IsComplete "x")`:                                {Failed: 0, Total: 4, Reason: `"s" is null; "x" is null`},
		`(IsComplete "s") AND (IsComplete "x")`:                               {Failed: 2, Total: 4, Reason: `"s" is null; "x" is null`},
		`(IsComplete "id") AND (RowCount > 9)`:                                {Reason: `RowCount is 4, wanted > 9`},
		`ColumnExists "ID"`:                                                   {Reason: `column "ID" is not in the table; nearest: id`},
		`CustomSql "select count(*) from primary" > 4`:                        {Reason: `CustomSQL is 4, wanted > 4`},
		`CustomSql "select id from primary where x > 0"`:                      {Failed: 1, Total: 4, Reason: `rows are not among those its query yields`},
		`CustomSql "select s from PRIMARY where id = 2;"`:                     {Failed: 3, Total: 4, Reason: `rows are not among those its query yields`},
		`CustomSql "select 1 as one"`:                                         {Reason: `its query yields column "one", which is not found in the table`},
		`CustomSql "select 1, 2" = 1`:                                         {Reason: `its query does not give one row of one column`},
		`CustomSql "select id from primary" = 1`:                              {Reason: `its query does not give one row of one column`},
		`CustomSql "select 'x'" = 1`:                                          {Reason: `its query does not give a number`},
		`CustomSql "with p as (from primary) from p" = 1`:                     {Reason: `its query does not give one row of one column`},
		`CustomSql "select count(*) from other -- x" = 2`:                     {Passed: true},
		"CustomSql \"select max(`x`) from primary\" = 9":                      {Passed: true},
		`Entropy "s" > 0 where "s is null"`:                                   {Reason: `"s" holds no value`},
		`Mean "x" > 0 where "id > 9"`:                                         {Passed: true, Reason: noneMatched},
		`ColumnValues "s" > 0`:                                                {Failed: 4, Total: 4, Reason: `"s" is not > 0`},
		`ColumnValues "s" != 0`:                                               {Passed: true, Total: 4},
		`ColumnValues "id" matches "[123]"`:                                   {Passed: true, Total: 4},
		`ColumnValues "s" in ["A","CCC",NULL,EMPTY] with ignoreCase = "true"`: {Passed: true, Total: 4},
	} {
		got := d.judged(t, "t", rules(t, text), map[string]string{"other": "(VALUES (1), (2))"})[0]
		got.Rule, got.Metrics, got.TellsRows = Rule{}, nil, false
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestNumbersAreComparedExactly(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT 9007199254740993::BIGINT AS big, 0.30::DECIMAL(5,2) AS cents, 0.3::DOUBLE AS x,
		200::UTINYINT AS small, 170141183460469231731687303715884105727::HUGEINT AS huge, '1e2' AS said`)
	for text, want := range map[string]bool{
		`ColumnValues "big" > 9007199254740992`:                               true,
		`ColumnValues "big" = 9007199254740993`:                               true,
		`ColumnValues "big" < 9007199254740994`:                               true,
		`ColumnValues "big" in [9007199254740992]`:                            false,
		`ColumnValues "big" > 0.5`:                                            true,
		`ColumnValues "cents" = 0.3`:                                          true,
		`ColumnValues "cents" in [0.1, 0.3]`:                                  true,
		`ColumnValues "x" = 0.3`:                                              true,
		`ColumnValues "x" = 0.1 + 0.2`:                                        false,
		`ColumnValues "small" > -5`:                                           true,
		`ColumnValues "small" in [300, 200]`:                                  true,
		`ColumnValues "huge" = 170141183460469231731687303715884105727`:       true,
		`ColumnValues "huge" < 999999999999999999999999999999999999999999999`: true,
		`ColumnValues "said" = 100`:                                           true,
	} {
		if o := d.judged(t, "t", rules(t, text), nil)[0]; o.Passed != want {
			t.Errorf("%s is %v: %s", text, o.Passed, o.Reason)
		}
	}
}

// One rule that cannot be run does not take the others with it.
func TestRulesThatCannotRunFailAlone(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT 1 AS id, 'x' AS s, 9223372036854775807 AS big UNION ALL SELECT 2, 'y', 1`)
	all := rules(t, `IsComplete "id"`, `IsComplete "id" where "nothing > 1"`, `IsComplete "s" where "%%'' > %%"`, `ColumnValues "id" > 0 where "s::int > 0"`,
		`RowCount = 2`, `Range "big" > 0 where "s::int > 0"`, `CustomSql "select nothing from primary" = 1`, `CustomSql "select broken("`, `IsUnique "id" where "nothing"`)
	got := d.judged(t, "t", all, nil)
	for i, passed := range []bool{true, false, false, false, true, false, false, false, false} {
		if got[i].Passed != passed || !passed && (!strings.Contains(got[i].Reason, "fails: ") && !strings.Contains(got[i].Reason, "cannot be evaluated: ")) {
			t.Errorf("%s: %+v", all[i].Text, got[i])
		}
	}
	checks, err := Compile(all, d.columnsOf(t, "t"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checks.JudgeRows(t.Context(), d, "no_such_relation"); err == nil {
		t.Error("a relation that cannot be read was judged")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checks.JudgeTable(ctx, d, "t", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	broken := queryFunc(func() error { return fault.New(fault.Unavailable, "disk is gone") })
	if _, err := checks.JudgeRows(t.Context(), broken, "t"); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("unavailable: %v", err)
	}
}

type queryFunc func() error

func (f queryFunc) Query(context.Context, string, func([]any) error) error { return f() }

func TestEmptyTable(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t (id INTEGER, s VARCHAR, "at" TIMESTAMP)`)
	for text, want := range map[string]bool{
		`RowCount = 0`: true, `IsComplete "id"`: false, `IsUnique "id"`: false, `IsPrimaryKey "id"`: false, `Mean "id" = 0`: false,
		`ColumnValues "id" > 0 where "id > 0"`: false, `DataFreshness "at" < 1 days`: true, `CustomSql "select id from primary"`: false,
		`ColumnExists "id"`: true, `DistinctValuesCount "id" = 0`: false, `RowCount = 0 where "id > 0"`: true,
		`(IsComplete "id") OR (RowCount = 0)`: true,
	} {
		o := d.judged(t, "t", rules(t, text), nil)[0]
		if o.Passed != want || o.Total != 0 || o.Failed != 0 {
			t.Errorf("%s: %+v", text, o)
		}
	}
}

func TestOddNamesAndTimes(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT 1 AS "Odd ""Name""", 'it''s "x" \' AS "group", TIMESTAMP '2026-03-01 23:30:00' AS at,
		DATE '2026-03-02' AS day, TIMESTAMPTZ '2026-03-01 23:30:00+00' AS zoned`)
	now := time.Date(2026, 3, 2, 12, 0, 30, 0, time.UTC)
	for text, want := range map[string]bool{
		`IsComplete "odd \"name\""`:                                 true,
		`IsUnique "Odd \"Name\"" "group"`:                           true,
		`ColumnValues "group" = "it's \"x\" \\"`:                    true,
		`ColumnValues "group" in ["it's \"x\" \\"]`:                 true,
		`ColumnValues "at" = "2026-03-01"`:                          true,
		`ColumnValues "day" = now()`:                                true,
		`ColumnValues "day" < (now() + 12 hours)`:                   true,
		`ColumnValues "zoned" between "2026-02-28" and now()`:       true,
		`ColumnValues "day" = "00:30" with timeZone = "Asia/Tokyo"`: false, // of the second of March in Tokyo: still the first in UTC
		`DataFreshness "at" = 751 minutes`:                          false,
		`DataFreshness "at" between 12 hours and 13 hours`:          true,
		`DataFreshness "zoned" < 13 hours`:                          true,
		`DataFreshness "day" in [12 hours, 12 hours]`:               false, // 12.01: half a minute past
		`DataFreshness "day" not in [1 days]`:                       true,
	} {
		checks, err := CompileAt(rules(t, text), d.columnsOf(t, "t"), now)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := checks.JudgeRows(t.Context(), d, "t")
		if err != nil {
			t.Fatal(err)
		}
		table, err := checks.JudgeTable(t.Context(), d, "t", nil)
		if err != nil {
			t.Fatal(err)
		}
		if o := append(rows, table...)[0]; o.Passed != want {
			t.Errorf("%s: %+v", text, o)
		}
	}
}

// Whatever the rule and the rows: the predicate is never NULL, and the outcome counts as many rows as it turns away.
func TestPredicateAgreesWithOutcome(t *testing.T) {
	d := newDuck(t)
	d.exec(t, "CREATE TABLE t (id INTEGER, n INTEGER, x DOUBLE, s VARCHAR, d DATE)")
	columns := d.columnsOf(t, "t")
	rapid.Check(t, func(r *rapid.T) {
		d.exec(t, "DELETE FROM t")
		for i := range rapid.IntRange(1, 6).Draw(r, "rows") {
			pick := func(values ...string) string { return rapid.SampledFrom(append(values, "NULL")).Draw(r, "value") }
			d.exec(t, fmt.Sprintf("INSERT INTO t VALUES (%d, %s, %s, %s, %s)", i, pick("-1", "0", "1", "2"), pick("0.5", "'nan'", "'inf'", "-2"),
				pick("''", "'  '", "'a'", "'B'", "'2'", "'a''b'"), pick("'2022-01-01'", "'2022-06-01'", "'2023-01-01'")))
		}
		text := drawRowRule(r, 2)
		checks, err := Compile(rules(t, text), columns)
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		outcomes, err := checks.JudgeRows(t.Context(), d, "(SELECT * FROM t)")
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		o := outcomes[0]
		var failed, unknown float64
		predicates, err := checks.Predicates(t.Context(), d, "t", nil)
		if err != nil {
			r.Fatal(err)
		}
		err = d.Query(t.Context(), "SELECT count(*) FILTER (WHERE NOT p), count(*) FILTER (WHERE p IS NULL) FROM (SELECT "+predicates[0]+" AS p FROM t)", func(row []any) error {
			failed, _ = float(row[0])
			unknown, _ = float(row[1])
			return nil
		})
		if err != nil {
			r.Fatalf("%s: %v", text, err)
		}
		if unknown != 0 {
			r.Fatalf("%s: predicate is NULL for %v rows: %s", text, unknown, predicates[0])
		}
		composite := o.Rule.Rule.Join != ""
		if !composite && failed != float64(o.Failed) || composite && !o.Passed && failed != float64(o.Failed) {
			r.Fatalf("%s: predicate turns away %v rows, outcome %+v", text, failed, o)
		}
		if !composite && o.Passed != (failed == 0) {
			r.Fatalf("%s: %v rows fail and the outcome is %+v", text, failed, o)
		}
	})
}

func drawRowRule(r *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 3).Draw(r, "composite") == 0 {
		join := rapid.SampledFrom([]string{" AND ", " OR "}).Draw(r, "join")
		return "(" + drawRowRule(r, depth-1) + ")" + join + "(" + drawRowRule(r, depth-1) + ")"
	}
	rule := rapid.SampledFrom([]string{
		`IsComplete "n"`, `IsComplete "s"`, `ColumnValues "n" > 0`, `ColumnValues "n" >= 0`, `ColumnValues "n" < 2`, `ColumnValues "n" <= 1`,
		`ColumnValues "n" = 1`, `ColumnValues "n" != 1`, `ColumnValues "n" between -1 and 2`, `ColumnValues "n" not between 0 and 2`,
		`ColumnValues "n" in [0,1]`, `ColumnValues "n" in [0,NULL]`, `ColumnValues "n" not in [0,1]`, `ColumnValues "n" not in [0,NULL]`,
		`ColumnValues "n" = NULL`, `ColumnValues "n" != NULL`, `ColumnValues "x" > 0`, `ColumnValues "x" < 10`, `ColumnValues "x" = 0.5`,
		`ColumnValues "s" > 1`, `ColumnValues "s" != 2`, `ColumnValues "s" = "a"`, `ColumnValues "s" != EMPTY`, `ColumnValues "s" in ["a",NULL,WHITESPACES_ONLY]`,
		`ColumnValues "s" not in [NULL,EMPTY]`, `ColumnValues "s" not in [WHITESPACES_ONLY]`, `ColumnValues "s" matches "[a-z]*"`, `ColumnValues "s" not matches "a.*"`,
		`ColumnValues "s" in ["A","b"] with ignoreCase = "true"`, `ColumnLength "s" > 0`, `ColumnLength "s" < 2`, `ColumnLength "s" = 1`, `ColumnLength "s" != 0`,
		`ColumnLength "s" in [0,1]`, `ColumnLength "s" not in [1]`, `ColumnLength "s" between 0 and 3`, `ColumnLength "s" not between 0 and 2`,
		`ColumnValues "d" > "2022-01-01"`, `ColumnValues "d" != "2022-06-01"`, `ColumnValues "d" in ["2022-06-01",NULL]`, `ColumnValues "d" < now()`,
	}).Draw(r, "rule")
	if where := rapid.SampledFrom([]string{"", `id > 1`, `n > 0`, `s = 'a' or s is null`}).Draw(r, "where"); where != "" {
		base, tag, tagged := strings.Cut(rule, " with ")
		rule = base + ` where "` + where + `"`
		if tagged {
			rule += " with " + tag
		}
	}
	return rule
}

func TestRewriteSQL(t *testing.T) {
	for sql, want := range map[string]string{
		"select * from primary;\n":                                            `select * from "primary"`,
		"select Primary.a from PRIMARY":                                       `select "primary".a from "primary"`,
		"select 'primary', \"primary\"":                                       `select 'primary', "primary"`,
		"select 'it''s primary' -- primary\n+1":                               "select 'it''s primary' -- primary\n+1",
		"select E'\\' primary' /* primary */, $$primary$$, $a$ $$primary $a$": "select E'\\' primary' /* primary */, $$primary$$, $a$ $$primary $a$",
		"select `a b`, my_primary, primary_key":                               `select "a b", my_primary, primary_key`,
		"select `open":                                                        "select `open",
		"select 'open primary":                                                "select 'open primary",
		"select $primary, é.primary, 1/*open":                                 `select $primary, é."primary", 1/*open`,
		"":                                                                    "",
	} {
		if got := rewriteSQL(sql); got != want {
			t.Errorf("%q became %q, want %q", sql, got, want)
		}
	}
}

func FuzzRewriteSQL(f *testing.F) {
	f.Add("select `a`, 'primary', $x$primary$x$ from primary -- c")
	f.Fuzz(func(t *testing.T, sql string) {
		once := rewriteSQL(sql)
		if twice := rewriteSQL(once); once != twice {
			t.Fatalf("%q became %q, then %q", sql, once, twice)
		}
	})
}
