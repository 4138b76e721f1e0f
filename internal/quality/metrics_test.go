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

	"weir/test/env"
)

type metricCase struct {
	ID, Kind, Analyzer string
	Table              evalTable
	Params             struct {
		Column  string
		Columns []string
		Where   string
		Filter  string `json:"filteredRow"`
		Pattern string
	}
	Expected struct {
		Value     *float64
		Tolerance float64
		Lt, Gt    *float64
		Error     bool
		Rows      []any
	}
}

// analyzersOf are the analyzers of the file that a rule of this language measures, and the metric it names.
var analyzersOf = map[string]string{"Completeness": "", "Uniqueness": "", "UniqueValueRatio": "", "CountDistinct": "DistinctValuesCount", "Entropy": "",
	"Mean": "", "Sum": "", "StandardDeviation": "", "Variance": "", "Minimum": "ColumnValues", "Maximum": "ColumnValues", "MinLength": "ColumnLength",
	"MaxLength": "ColumnLength", "Range": "", "InterquartileRange": "", "Skewness": "", "Kurtosis": "", "ZerosCount": "", "DuplicateRowCount": ""}

// metricsElsewhere are analyzers that profiles, not rules, are made of.
var metricsElsewhere = []string{"ApproxQuantile", "ApproxCountDistinct", "ExactQuantile", "DataType", "Histogram", "PatternMatch", "Compliance", "MutualInformation"}

// metricsDiffer are cases of the open executor in which this program differs on purpose: docs/quality.md says how.
var metricsDiffer = map[string]string{
	"deequ.hand.all-null.MinLength": "NULL has the length 0, as documented",
	"deequ.metric.AnalyzerTests.MaxLength.fail-to-compute-max-length-for-non-string-type": "a number's length is that of its text",
}

func TestConformanceMetrics(t *testing.T) {
	f, err := os.Open(env.Shared(t, "conformance/quality/deequ_metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ran := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var kind struct{ Kind string }
		if err := json.Unmarshal(lines.Bytes(), &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Kind != "analyzer" && kind.Kind != "row_level" {
			continue
		}
		var c metricCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.ID, func(t *testing.T) {
			if _, ok := analyzersOf[c.Analyzer]; !ok {
				if !slices.Contains(metricsElsewhere, c.Analyzer) {
					t.Errorf("analyzer %s", c.Analyzer)
				}
				t.Skip("no rule measures it")
			}
			if reason, ok := metricsDiffer[c.ID]; ok {
				t.Skip("differs: " + reason)
			}
			ran++
			c.run(t)
		})
	}
	t.Logf("%d cases ran", ran)
	if ran < 74 {
		t.Errorf("only %d cases ran", ran)
	}
}

func (c metricCase) rule() *dqdl.Rule {
	r := &dqdl.Rule{Name: c.Analyzer, Where: dqdl.Quote(c.Params.Where)}
	if name := analyzersOf[c.Analyzer]; name != "" {
		r.Name = name
	}
	for _, col := range append(c.Params.Columns, c.Params.Column) {
		if col != "" {
			r.Params = append(r.Params, dqdl.Param{Text: string(dqdl.Quote(col)), Quoted: true})
		}
	}
	return r
}

func (c metricCase) run(t *testing.T) {
	d := newDuck(t)
	c.Table.create(t, d, "t")
	if strings.HasSuffix(c.ID, "return-0-for-all-null-column") {
		d.exec(t, `ALTER TABLE "t_rows" ALTER value TYPE DOUBLE`) // there the column is one of numbers, or it were refused
	}
	table := Table{Columns: d.columnsOf(t, "t"), Now: time.Now()}
	set := &dqdl.Ruleset{Analyzers: []*dqdl.Rule{c.rule()}}
	if c.Kind == "row_level" {
		c.rows(t, d, table)
		return
	}
	checks, err := CompileRuleset(set, table)
	if err != nil {
		t.Fatal(err)
	}
	_, outcomes, err := checks.Judge(t.Context(), d, "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := outcomes[0]
	suffix := map[string]string{"Minimum": "Minimum", "Maximum": "Maximum", "MinLength": "MinimumLength", "MaxLength": "MaximumLength"}[c.Analyzer]
	got, found := 0.0, false
	for name, v := range o.Metrics {
		if strings.HasSuffix(name, suffix) {
			got, found = v, true
		}
	}
	switch {
	case c.Expected.Error:
		if found {
			t.Errorf("%s is %v, want none", o.Rule.Text, got)
		}
	case !found:
		t.Errorf("%s: no value: %s", o.Rule.Text, o.Reason)
	case c.Expected.Value != nil && math.Abs(got-*c.Expected.Value) > max(c.Expected.Tolerance, 1e-9),
		c.Expected.Lt != nil && got >= *c.Expected.Lt, c.Expected.Gt != nil && got <= *c.Expected.Gt:
		t.Errorf("%s is %v, want %+v", o.Rule.Text, got, c.Expected)
	}
}

func (c metricCase) rows(t *testing.T, d *duck, table Table) {
	r := c.rule()
	cond, err := dqdl.ParseRule("RowCount >= 0")
	if err != nil {
		t.Fatal(err)
	}
	switch r.Name {
	case "Completeness", "Uniqueness", "UniqueValueRatio":
		r.Condition = cond.Condition
	default:
		t.Skip("the case states an assertion in code")
	}
	checks, err := CompileRuleset(&dqdl.Ruleset{Rules: []*dqdl.Rule{r}}, table)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	err = checks.MarkRows(t.Context(), d, `(SELECT * EXCLUDE (weir_row) FROM "t_rows" ORDER BY weir_row)`, nil, func(marks []Mark) error {
		want, m := c.Expected.Rows[at], marks[0]
		if m == Skipped && c.Params.Filter != "NULL" {
			m = Passed
		}
		if got := map[Mark]string{Skipped: "<nil>", Passed: "true", Failed: "false"}[m]; want == nil && got != "<nil>" || want != nil && got != fmt.Sprint(want) {
			t.Errorf("row %d is %s", at, got)
		}
		at++
		return nil
	})
	if err != nil || at != len(c.Expected.Rows) {
		t.Errorf("%d rows, %v", at, err)
	}
}
