package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/quality"
)

// metricValue is a number in JSON, or a text where JSON has no such number.
type metricValue float64

// MarshalJSON implements json.Marshaler.
func (v metricValue) MarshalJSON() ([]byte, error) {
	switch f := float64(v); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

type evalReport struct {
	Rules     []ruleReport     `json:"rules"`
	Analyzers []analyzerReport `json:"analyzers,omitempty"`
	Score     *float64         `json:"score,omitempty"` // rules that hold by all rules
	Rows      *rowsReport      `json:"rows,omitempty"`
}

type ruleReport struct {
	Rule        string                 `json:"rule"`
	Outcome     string                 `json:"outcome"`
	Metrics     map[string]metricValue `json:"metrics"`
	RowOutcomes []string               `json:"row_outcomes"` // null where rows were not asked for or the rule is not about rows
	Reason      string                 `json:"reason"`
	Evaluated   string                 `json:"evaluated_rule,omitempty"`
	RowsFailed  int64                  `json:"rows_failed,omitempty"`
	Labels      map[string]string      `json:"labels,omitempty"`
}

type analyzerReport struct {
	Analyzer     string                 `json:"analyzer"`
	Metrics      map[string]metricValue `json:"metrics"`
	Distribution *distributionReport    `json:"distribution,omitempty"`
	Reason       string                 `json:"reason,omitempty"`
}

type distributionReport struct {
	DataType string        `json:"DataType"`
	BinEdges []metricValue `json:"BinEdges,omitempty"`
	Values   []string      `json:"Values,omitempty"`
	Count    []int64       `json:"Count"`
}

// rowsReport are the columns that Glue adds to rows.
type rowsReport struct {
	Pass   [][]string `json:"DataQualityRulesPass"`
	Fail   [][]string `json:"DataQualityRulesFail"`
	Skip   [][]string `json:"DataQualityRulesSkip"`
	Result []string   `json:"DataQualityEvaluationResult"`
}

func outcomeWord(o quality.Outcome) string {
	switch {
	case o.Error:
		return "Error"
	case o.Passed:
		return "Passed"
	}
	return "Failed"
}

func metricValues(m map[string]float64) map[string]metricValue {
	out := make(map[string]metricValue, len(m))
	for name, v := range m {
		out[name] = metricValue(v)
	}
	return out
}

func (e *evaluation) printJSON(rows bool) error {
	r := evalReport{Rules: []ruleReport{}}
	for i, o := range e.outcomes {
		one := ruleReport{Rule: o.Rule.Text, Outcome: outcomeWord(o), Metrics: metricValues(o.Metrics), Reason: o.Reason,
			Evaluated: o.Evaluated, RowsFailed: o.Failed, Labels: e.labels(o)}
		if rows {
			one.RowOutcomes = e.rowOutcomes(i)
		}
		r.Rules = append(r.Rules, one)
	}
	for _, o := range e.analyzed {
		one := analyzerReport{Analyzer: o.Rule.Text, Metrics: metricValues(o.Metrics), Reason: o.Reason}
		if d := o.Distribution; d != nil {
			one.Distribution = &distributionReport{DataType: d.DataType, Values: d.Values, Count: d.Count}
			for _, edge := range d.BinEdges {
				one.Distribution.BinEdges = append(one.Distribution.BinEdges, metricValue(edge))
			}
		}
		r.Analyzers = append(r.Analyzers, one)
	}
	if n := len(e.outcomes); n > 0 {
		score := float64(e.passed()) / float64(n)
		r.Score = &score
	}
	if rows {
		r.Rows = e.rowColumns()
	}
	return writeJSON(e.app.out, r)
}

func (e *evaluation) passed() (n int) {
	for _, o := range e.outcomes {
		if o.Passed {
			n++
		}
	}
	return n
}

// labels are those of a rule and, of other keys, the default ones.
func (e *evaluation) labels(o quality.Outcome) map[string]string {
	all := map[string]string{}
	for _, l := range slices.Concat(e.set.DefaultLabels, o.Rule.Rule.Labels) {
		all[l.Key.Value()] = l.Value.Value()
	}
	return all
}

// tells says whether a rule is about rows. One that is marks a row out of its scope as skipped, and so does one that is not.
func (e *evaluation) tells(i int) bool { return e.outcomes[i].TellsRows }

// mark is what is reported of a row: rows out of a rule's scope have passed unless the options say otherwise.
func (e *evaluation) mark(i int, m quality.Mark) quality.Mark {
	if m == quality.Skipped && e.tells(i) && e.options[optionFiltered] != "SKIPPED" {
		return quality.Passed
	}
	return m
}

func (e *evaluation) rowOutcomes(i int) []string {
	if !e.tells(i) {
		return nil
	}
	all := make([]string, len(e.marks))
	for at, marks := range e.marks {
		all[at] = e.mark(i, marks[i]).String()
	}
	return all
}

func (e *evaluation) rowColumns() *rowsReport {
	r := &rowsReport{Pass: [][]string{}, Fail: [][]string{}, Skip: [][]string{}, Result: []string{}}
	texts := make([]string, len(e.outcomes))
	for i, o := range e.outcomes {
		texts[i] = e.ruleText(o.Rule.Rule)
	}
	for _, marks := range e.marks {
		pass, fail, skip := []string{}, []string{}, []string{}
		for i, m := range marks {
			switch e.mark(i, m) {
			case quality.Passed:
				pass = append(pass, texts[i])
			case quality.Failed:
				fail = append(fail, texts[i])
			default:
				skip = append(skip, texts[i])
			}
		}
		result := "Passed"
		if len(fail) > 0 {
			result = "Failed"
		}
		r.Pass, r.Fail, r.Skip, r.Result = append(r.Pass, pass), append(r.Fail, fail), append(r.Skip, skip), append(r.Result, result)
	}
	return r
}

// ruleText is a rule as rows name it: without labels unless an option asks for them.
func (e *evaluation) ruleText(r *dqdl.Rule) string {
	if e.options[optionLabels] == "ENABLED" || len(r.Labels) == 0 {
		return r.String()
	}
	bare := *r
	bare.Labels = nil
	return bare.String()
}

// print writes a table for a person.
func (e *evaluation) print(rows bool) error {
	g := grid{head: []string{"outcome", "rule", "metrics"}}
	for _, o := range e.outcomes {
		g.add(outcomeWord(o), inLine(o.Rule.Text, 100), metricText(o.Metrics))
		if o.Reason != "" {
			g.add("", "  "+inLine(o.Reason, 160), "")
		}
		if o.Evaluated != "" {
			g.add("", "  evaluated: "+inLine(o.Evaluated, 160), "")
		}
	}
	for _, o := range e.analyzed {
		word := "measured"
		if !o.Passed {
			word = outcomeWord(o)
		}
		g.add(word, inLine(o.Rule.Text, 100), metricText(o.Metrics))
		if o.Reason != "" {
			g.add("", "  "+inLine(o.Reason, 160), "")
		}
		if d := o.Distribution; d != nil {
			g.add("", "  "+inLine(distributionText(d), 160), "")
		}
	}
	g.write(e.app.out)
	if len(e.outcomes) > 0 {
		fmt.Fprintf(e.app.out, "\n%d of %s hold\n", e.passed(), plural(int64(len(e.outcomes)), "rule"))
	}
	if rows {
		e.printRows()
	}
	return nil
}

func (e *evaluation) printRows() {
	r := e.rowColumns()
	g := grid{head: []string{"row", "result", "rules it fails"}}
	for i, result := range r.Result {
		if result == "Failed" {
			g.add(count(int64(i+1)), result, inLine(strings.Join(r.Fail[i], ", "), 160))
		}
	}
	fmt.Fprintf(e.app.out, "\n%s of %s fail a rule\n", count(int64(len(g.rows))), plural(int64(len(r.Result)), "row"))
	if len(g.rows) > 0 {
		g.write(e.app.out)
	}
}

// inLine is a text on one line, cut where it is long.
func inLine(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func metricText(m map[string]float64) string {
	var all []string
	for _, name := range keys(m) {
		all = append(all, name+"="+strconv.FormatFloat(m[name], 'g', 10, 64))
	}
	text := strings.Join(all[:min(len(all), 4)], " ")
	if len(all) > 4 {
		text += fmt.Sprintf(" and %d more", len(all)-4)
	}
	return text
}

func distributionText(d *quality.Distribution) string {
	var parts []string
	for i, n := range d.Count {
		if d.Values != nil {
			parts = append(parts, fmt.Sprintf("%s: %d", d.Values[i], n))
		} else {
			parts = append(parts, fmt.Sprintf("%s–%s: %d", strconv.FormatFloat(d.BinEdges[i], 'g', 5, 64), strconv.FormatFloat(d.BinEdges[i+1], 'g', 5, 64), n))
		}
	}
	return strings.Join(parts, ", ")
}
