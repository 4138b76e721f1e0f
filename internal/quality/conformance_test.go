package quality

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/dqdl"
	"weir/internal/job"

	"weir/test/env"
)

type evalTable struct {
	Columns []struct{ Name, Type string }
	Rows    [][]any
}

type evalCase struct {
	ID      string
	Table   evalTable
	Others  map[string]evalTable `json:"other_tables"`
	Ruleset string
	Tag     string
	Options map[string]any
	History map[string]any

	Expected []struct {
		Rule       string
		Outcome    *string
		OutcomeAny []string                      `json:"outcome_any"`
		Metrics    map[string]any                `json:"metrics"`
		Tolerance  map[string]float64            `json:"metric_tolerance"`
		Keys       []string                      `json:"metric_keys"`
		Bounds     map[string]map[string]float64 `json:"metric_bounds"`
		Count      *int                          `json:"metric_count"`
		Rows       []*string                     `json:"row_outcomes"`
	}
}

func evalCases(t *testing.T) []evalCase {
	t.Helper()
	f, err := os.Open(env.Shared(t, "conformance/quality/dqdl_eval.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []evalCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var c evalCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// create makes the case's table, with a column that keeps the order of its rows out of the rules' sight.
func (e evalTable) create(t *testing.T, d *duck, name string) {
	t.Helper()
	types := map[string]string{"string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
		"boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "decimal": "DECIMAL(18,4)", "struct": "JSON"}
	columns := []string{"weir_row INTEGER"}
	for _, c := range e.Columns {
		if types[c.Type] == "" {
			t.Fatalf("type %s", c.Type)
		}
		columns = append(columns, job.Quote(c.Name)+" "+types[c.Type])
	}
	d.exec(t, "CREATE TABLE "+job.Quote(name+"_rows")+" ("+strings.Join(columns, ", ")+")")
	for i, row := range e.Rows {
		values := []string{fmt.Sprint(i)}
		for _, v := range row {
			values = append(values, cell(v))
		}
		d.exec(t, "INSERT INTO "+job.Quote(name+"_rows")+" VALUES ("+strings.Join(values, ", ")+")")
	}
	d.exec(t, "CREATE VIEW "+job.Quote(name)+" AS SELECT * EXCLUDE (weir_row) FROM "+job.Quote(name+"_rows"))
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return job.Literal(v)
	case map[string]any:
		if days, ok := v["$ago_days"].(float64); ok {
			at := time.Now().UTC().Add(-time.Duration(days * 24 * float64(time.Hour)))
			if v["as"] == "date" {
				return job.Literal(at.Format(time.DateOnly))
			}
			return job.Literal(at.Format("2006-01-02T15:04:05.000"))
		}
		text, _ := json.Marshal(v)
		return job.Literal(string(text))
	}
	return fmt.Sprint(v)
}

// disputed are cases whose expectation is not what this version does on purpose.
var disputed = map[string]string{
	// The members of an OR are judged over all rows and one of them, IsComplete "name", holds. The outcome stated there is
	// derived, and the cases or-with-dataset-rule and evaluate-nested-composite-rule say the opposite of their like.
	"dqdl.eval.EvaluateDataQualityRowLevel.handle-multiple-independent-composites": "the derived outcome contradicts judging by column",
	"dqdl.hand.composite.missing-column":                                           "an unknown column is an error of Compile, in a composite too",
}

// reasonToSkip names what keeps a case from being judged by this version, or "".
func (c evalCase) reasonToSkip(set *dqdl.Ruleset) string {
	switch {
	case c.Tag != "service":
		return "oss-quirk: the open executor differs from the service"
	case len(set.Rules) == 0:
		return "analyzers are not evaluated in this version"
	case c.History != nil:
		return "history of metrics is not kept in this version"
	case c.Options["compositeRuleEvaluation.method"] == "ROW":
		return "composites are judged by column in this version"
	case len(c.Table.Columns) == 0:
		return "a table without columns cannot be made"
	}
	if reason, ok := disputed[c.ID]; ok {
		return reason
	}
	reason := ""
	for _, r := range set.Rules {
		r.Leaves(func(l *dqdl.Rule) {
			if kinds()[l.Name] == nil {
				reason = l.Name + " is not evaluated in this version"
			}
		})
	}
	return reason
}

func TestConformanceEval(t *testing.T) {
	skipped := map[string][]string{}
	ran := 0
	for _, c := range evalCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			set, err := dqdl.Parse(c.Ruleset)
			if err != nil {
				t.Fatal(err)
			}
			if reason := c.reasonToSkip(set); reason != "" {
				skipped[reason] = append(skipped[reason], c.ID)
				t.Skip(reason)
			}
			ran++
			c.run(t, set)
		})
	}
	for reason, ids := range skipped {
		slices.Sort(ids)
		t.Logf("skipped %d: %s: %s", len(ids), reason, strings.Join(ids, " "))
	}
	t.Logf("%d cases ran", ran)
	if ran < 200 {
		t.Errorf("only %d cases ran", ran)
	}
}

func (c evalCase) run(t *testing.T, set *dqdl.Ruleset) {
	d := newDuck(t)
	c.Table.create(t, d, "data under test")
	others := map[string]string{}
	for name, table := range c.Others {
		table.create(t, d, name)
		others[name] = job.Quote(name)
	}
	columns := d.columnsOf(t, `"data under test"`)
	for i, r := range set.Rules {
		want := c.Expected[i]
		checks, err := Compile([]Rule{{Rule: r}}, columns)
		if err != nil {
			// What Glue finds when it runs, a rule about no such column, is found before.
			if want.Outcome == nil || *want.Outcome == "Passed" {
				t.Errorf("%s: %v", r, err)
			}
			continue
		}
		rows, err := checks.JudgeRows(t.Context(), d, `"data under test"`)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := checks.JudgeTable(t.Context(), d, `"data under test"`, others)
		if err != nil {
			t.Fatal(err)
		}
		o := append(rows, whole...)[0]
		got := map[bool]string{true: "Passed", false: "Failed"}[o.Passed]
		if want.Outcome != nil && got != *want.Outcome && !slices.Contains(want.OutcomeAny, got) {
			t.Errorf("%s %s (%s), want %s", r, got, o.Reason, *want.Outcome)
		}
		if !o.Passed && o.Reason == "" {
			t.Errorf("%s failed without a reason", r)
		}
		for name, value := range want.Metrics {
			if !c.near(o.Metrics, name, value, want.Tolerance[name]) {
				t.Errorf("%s: metrics are %v, want %s = %v", r, o.Metrics, name, value)
			}
		}
		for _, name := range want.Keys {
			if _, ok := o.Metrics[name]; !ok {
				t.Errorf("%s: metrics are %v, want %s", r, o.Metrics, name)
			}
		}
		for name, b := range want.Bounds {
			v, ok := o.Metrics[name]
			if ge, has := b["ge"]; !ok || has && v < ge {
				t.Errorf("%s: %s is %v", r, name, v)
			}
			if lt, has := b["lt"]; has && v >= lt {
				t.Errorf("%s: %s is %v", r, name, v)
			}
		}
		if want.Count != nil && len(o.Metrics) != *want.Count {
			t.Errorf("%s: metrics are %v, want %d", r, o.Metrics, *want.Count)
		}
		if len(rows) == 1 {
			compareRows(t, d, checks, o, want.Rows)
		}
	}
}

func (c evalCase) near(metrics map[string]float64, name string, want any, tolerance float64) bool {
	if name == "*" {
		for only := range metrics {
			name = only
		}
	}
	got, ok := metrics[name]
	number, isNumber := want.(float64)
	if !ok || !isNumber {
		return false
	}
	return math.Abs(got-number) <= max(tolerance, 1e-9)
}

// compareRows wants the predicate to say of each row what the case says, and as many failing rows as the outcome counts.
func compareRows(t *testing.T, d *duck, checks *Checks, o Outcome, want []*string) {
	t.Helper()
	var got []any
	err := d.Query(t.Context(), `SELECT `+checks.Predicate(0)+` FROM "data under test_rows" ORDER BY weir_row`, func(row []any) error {
		got = append(got, row[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	failed := int64(0)
	for i, v := range got {
		passes, ok := v.(bool)
		if !ok {
			t.Fatalf("predicate of row %d is %v", i, v)
		}
		if !passes {
			failed++
		}
		if want != nil && want[i] != nil && (*want[i] == "Passed") != passes {
			t.Errorf("%s: row %d passes: %v, want %s", o.Rule.Text, i, passes, *want[i])
		}
	}
	if o.Rule.Rule.Join == "" && failed != o.Failed || o.Rule.Rule.Join != "" && !o.Passed && failed != o.Failed {
		t.Errorf("%s: %d rows fail, outcome says %d", o.Rule.Text, failed, o.Failed)
	}
}
