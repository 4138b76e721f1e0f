package quality

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
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
	History map[string][]float64
	Rows    *struct {
		Result []*string  `json:"DataQualityEvaluationResult"`
		Pass   [][]string `json:"DataQualityRulesPass"`
		Fail   [][]string `json:"DataQualityRulesFail"`
		Skip   [][]string `json:"DataQualityRulesSkip"`
	}
	Analyzers []struct {
		Analyzer string
		Metrics  map[string]any
	}

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
	seen := "* EXCLUDE (weir_row)"
	if len(e.Columns) == 0 {
		seen = "*" // a table of no columns cannot be made
	}
	d.exec(t, "CREATE VIEW "+job.Quote(name)+" AS SELECT "+seen+" FROM "+job.Quote(name+"_rows"))
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

// differs are cases of the open executor in which this program follows the documentation: docs/quality.md says how each
// differs.
var differs = map[string]string{
	"dqdl.eval.ColumnDataType.columndatatype-work-for-dataframes-with-nested-columns":                       "nested columns are not part of the documented rule",
	"dqdl.hand.ColumnValues.not-matches.prefix-quirk":                                                       "not matches is the negation of matches",
	"dqdl.hand.ColumnValues.string-date.not-between":                                                        "NULL fails not between, whatever is compared",
	"dqdl.hand.ColumnValues.string-oss.ne-empty":                                                            "NULL passes != unless NULL is listed",
	"dqdl.hand.ColumnValues.string-oss.not-in-empty-and-value":                                              "NULL passes not in unless NULL is listed",
	"dqdl.hand.DistinctValuesCount.oss-null-bin-3":                                                          "NULL is no value",
	"dqdl.eval.CustomSqlRowLevel.customsql-row-level-rule-handle-non-primary-key-selection-with-duplicates": "each row counts once, however many rows it agrees with",
	// The members of an OR are judged over all rows and one of them, IsComplete "name", holds. The outcome stated there is
	// derived, and the cases or-with-dataset-rule and evaluate-nested-composite-rule say the opposite of their like.
	"dqdl.eval.EvaluateDataQualityRowLevel.handle-multiple-independent-composites": "the derived outcome contradicts judging by column",
}

func TestConformanceEval(t *testing.T) {
	ran := 0
	for _, c := range evalCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			if reason, ok := differs[c.ID]; ok {
				t.Skip("differs: " + reason)
			}
			set, err := dqdl.Parse(c.Ruleset)
			if err != nil {
				t.Fatal(err)
			}
			ran++
			c.run(t, set)
		})
	}
	t.Logf("%d cases ran", ran)
	if ran < 373 {
		t.Errorf("only %d cases ran", ran)
	}
}

// told is a history by metric.
type told map[string][]float64

func (h told) Past(_ context.Context, metric string) (past []Past, err error) {
	for _, v := range h[metric] {
		past = append(past, Past{Value: v})
	}
	return past, nil
}

func (c evalCase) run(t *testing.T, set *dqdl.Ruleset) {
	d := newDuck(t)
	c.Table.create(t, d, "data under test")
	table := Table{Columns: d.columnsOf(t, `"data under test"`), Others: map[string][]job.Column{}, Now: time.Now(),
		History: told(c.History), ByRow: c.Options["compositeRuleEvaluation.method"] == "ROW"}
	if len(c.Table.Columns) == 0 {
		table.Columns = nil
	}
	others := map[string]string{}
	for name, other := range c.Others {
		other.create(t, d, name)
		others[name] = job.Quote(name)
		table.Others[name] = d.columnsOf(t, job.Quote(name))
	}
	checks, err := CompileRuleset(set, table)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, analyzed, err := checks.Judge(t.Context(), d, `"data under test"`, others)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		c.compare(t, i, o)
	}
	for i, want := range c.Analyzers {
		for name, value := range want.Metrics {
			if !near(analyzed[i].Metrics, name, value, 0) {
				t.Errorf("%s: metrics are %v, want %s = %v", want.Analyzer, analyzed[i].Metrics, name, value)
			}
		}
	}
	c.compareRows(t, d, checks, others, outcomes)
}

func (c evalCase) compare(t *testing.T, i int, o Outcome) {
	t.Helper()
	want, r := c.Expected[i], o.Rule.Text
	got := map[bool]string{true: "Passed", false: "Failed"}[o.Passed]
	if o.Error {
		got = "Error"
	}
	if want.Outcome != nil && got != *want.Outcome && !slices.Contains(want.OutcomeAny, got) {
		t.Errorf("%s %s (%s), want %s", r, got, o.Reason, *want.Outcome)
	}
	if !o.Passed && o.Reason == "" {
		t.Errorf("%s failed without a reason", r)
	}
	for name, value := range want.Metrics {
		if !near(o.Metrics, name, value, want.Tolerance[name]) {
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
		for bound, holds := range map[string]bool{"ge": v >= b["ge"], "gt": v > b["gt"], "le": v <= b["le"], "lt": v < b["lt"]} {
			if _, has := b[bound]; !ok || has && !holds {
				t.Errorf("%s: %s is %v", r, name, v)
			}
		}
	}
	if want.Count != nil && len(o.Metrics) != *want.Count {
		t.Errorf("%s: metrics are %v, want %d", r, o.Metrics, *want.Count)
	}
}

func near(metrics map[string]float64, name string, want any, tolerance float64) bool {
	if name == "*" {
		for only := range metrics {
			name = only
		}
	}
	got, ok := metrics[name]
	switch want := want.(type) {
	case float64:
		return ok && math.Abs(got-want) <= max(tolerance, 1e-9)
	case string:
		number, err := strconv.ParseFloat(want, 64)
		return ok && err == nil && (got == number || math.IsNaN(got) && math.IsNaN(number))
	}
	return false
}

// compareRows wants each rule to say of each row what the case says, and as many rows to fail as the outcome counts.
func (c evalCase) compareRows(t *testing.T, d *duck, checks *Checks, others map[string]string, outcomes []Outcome) {
	t.Helper()
	failed := make([]int64, len(outcomes))
	at := 0
	err := checks.MarkRows(t.Context(), d, `(SELECT * FROM "data under test_rows" ORDER BY weir_row)`, others, func(marks []Mark) error {
		for i, m := range marks {
			if m == Failed {
				failed[i]++
			}
			if want := c.Expected[i].Rows; want != nil && want[at] != nil && *want[at] != "Skipped" && (m != Failed) != (*want[at] == "Passed") {
				t.Errorf("%s: row %d %s, want %s", outcomes[i].Rule.Text, at, m, *want[at])
			}
		}
		c.compareRow(t, at, marks, outcomes)
		at++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Rule.Rule.Join == "" && o.Metrics != nil && checks.all[i].node.marks() && o.Total > 0 && failed[i] != o.Failed {
			t.Errorf("%s: %d rows fail, outcome says %d", o.Rule.Text, failed[i], o.Failed)
		}
	}
}

func (c evalCase) compareRow(t *testing.T, at int, marks []Mark, outcomes []Outcome) {
	t.Helper()
	if c.Rows == nil {
		return
	}
	said := map[string][]string{}
	for i, m := range marks {
		text := outcomes[i].Rule.Text
		switch {
		case m == Failed:
			said["fail"] = append(said["fail"], text)
		case m == Skipped && !c.aboutRows(i, outcomes):
			said["skip"] = append(said["skip"], text)
		default:
			said["pass"] = append(said["pass"], text)
		}
	}
	result := "Passed"
	if len(said["fail"]) > 0 {
		result = "Failed"
	}
	if want := c.Rows.Result; want != nil && want[at] != nil && *want[at] != result {
		t.Errorf("row %d %s, want %s", at, result, *want[at])
	}
	for _, l := range []struct {
		name string
		want [][]string
	}{{"pass", c.Rows.Pass}, {"fail", c.Rows.Fail}, {"skip", c.Rows.Skip}} {
		if l.want == nil || l.want[at] == nil {
			continue
		}
		got, want := slices.Sorted(slices.Values(said[l.name])), slices.Sorted(slices.Values(l.want[at]))
		if !slices.Equal(got, want) {
			t.Errorf("row %d: %s is %q, want %q", at, l.name, got, want)
		}
	}
}

// aboutRows says whether a rule that skipped a row did so because of its where: such rows count as passed.
func (c evalCase) aboutRows(i int, outcomes []Outcome) bool {
	filtered := false
	outcomes[i].Rule.Rule.Leaves(func(l *dqdl.Rule) { filtered = filtered || l.Where != "" })
	return filtered
}
