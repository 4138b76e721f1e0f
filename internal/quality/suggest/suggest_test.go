package suggest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"weir/internal/dqdl"
	"weir/internal/quality/profile"

	"weir/test/env"
)

type golden struct {
	ID, Kind, Rule, Strategy string
	Params                   struct {
		Min, Max *float64
		Interval string
		P        float64
		N        int64
	}
	Profile struct {
		Column       string
		Completeness float64
		Approx       int64  `json:"approxDistinct"`
		Type         string `json:"dataType"`
		Inferred     bool   `json:"isDataTypeInferred"`
		Histogram    map[string]struct {
			Absolute int64
			Ratio    float64
		}
		Mean, Maximum, Minimum, StdDev *float64
	}
	Records  int64 `json:"num_records"`
	Expected struct {
		Applies    bool
		Suggestion *struct {
			Check, Column string
			Values        []string
			AtLeast       *float64 `json:"at_least"`
		}
		Lower, Upper float64
	}
}

// column is the profile of a case as ours.
func (g *golden) column() *profile.Column {
	p := g.Profile
	c := &profile.Column{Name: p.Column, Completeness: p.Completeness, Distinct: p.Approx, Missing: g.Records - int64(p.Completeness*float64(g.Records)+0.5)}
	types := map[string]string{"String": "VARCHAR", "Integral": "BIGINT", "Fractional": "DOUBLE", "Boolean": "BOOLEAN"}
	c.Type = types[p.Type]
	c.Kind = map[string]profile.Kind{"VARCHAR": profile.Texts, "BIGINT": profile.Numbers, "DOUBLE": profile.Numbers, "BOOLEAN": profile.Truth}[c.Type]
	if p.Inferred {
		c.Inferred, c.Type, c.Kind = c.Type, "VARCHAR", profile.Texts
	}
	if p.Minimum != nil {
		c.Number = &profile.Number{Min: *p.Minimum, Max: *p.Maximum, Mean: *p.Mean, StdDev: p.StdDev, Count: g.Records}
	}
	for v, n := range p.Histogram {
		c.Listed = true
		c.Top = append(c.Top, profile.Value{Value: v, Count: n.Absolute, Share: n.Ratio})
	}
	return c
}

func TestSuggestionsAreThoseOfDeequ(t *testing.T) {
	f, err := os.Open(env.Shared(t, "conformance/quality/deequ_metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, ran := bufio.NewScanner(f), 0
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var kind struct{ Kind string }
		if err := json.Unmarshal(lines.Bytes(), &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Kind != "suggestion" && kind.Kind != "confidence_interval" {
			continue
		}
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		ran++
		t.Run(g.ID, func(t *testing.T) { g.check(t) })
	}
	if err := lines.Err(); err != nil || ran != 37 {
		t.Fatalf("%d cases ran, %v", ran, err)
	}
}

func (g *golden) check(t *testing.T) {
	if g.Kind == "confidence_interval" {
		if lower, upper := Wilson.bounds(g.Params.P, g.Params.N); lower != g.Expected.Lower || upper != g.Expected.Upper {
			t.Errorf("%v to %v, want %v to %v", lower, upper, g.Expected.Lower, g.Expected.Upper)
		}
		return
	}
	o := Options{Interval: Wald, Statistics: true}
	if g.Params.Min != nil {
		o.MinCompleteness = *g.Params.Min
		if o.MinCompleteness == 0 {
			o.MinCompleteness = -1
		}
	}
	if g.Params.Max != nil {
		o.MaxCompleteness = *g.Params.Max
	}
	for _, m := range makers() {
		if strings.TrimSuffix(m.name, "Rule") != g.Rule {
			continue
		}
		rule, _ := m.rule(g.column(), g.Records, o)
		if (rule != "") != g.Expected.Applies {
			t.Fatalf("suggests %q, want one: %v", rule, g.Expected.Applies)
		}
		if rule == "" {
			return
		}
		if _, err := dqdl.ParseRule(rule); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
		if s := g.Expected.Suggestion; s != nil && rule != dqdlOf(s.Check, s.Column, s.Values, s.AtLeast) {
			t.Errorf("suggests %s, want %s", rule, dqdlOf(s.Check, s.Column, s.Values, s.AtLeast))
		}
		return
	}
	t.Fatalf("no rule %s", g.Rule)
}

// dqdlOf is a check of Deequ as DQDL.
func dqdlOf(check, column string, values []string, least *float64) string {
	switch check {
	case "isComplete":
		return fmt.Sprintf("IsComplete %q", column)
	case "isUnique":
		return fmt.Sprintf("IsUnique %q", column)
	case "isNonNegative":
		return fmt.Sprintf("ColumnValues %q >= 0", column)
	case "hasCompleteness":
		return fmt.Sprintf("Completeness %q >= %v", column, *least)
	case "isContainedIn":
		var items []string
		for _, v := range values {
			items = append(items, fmt.Sprintf("%q", v))
		}
		rule := fmt.Sprintf("ColumnValues %q in [%s]", column, strings.Join(items, ", "))
		if least != nil {
			rule += fmt.Sprintf(" with threshold >= %v", *least)
		}
		return rule
	}
	return check
}

// What a rule says of a column whose name and values need quoting is still DQDL.
func TestRulesAreDQDL(t *testing.T) {
	least, text := `a"b`, &profile.Text{MinLength: 1, MaxLength: 9}
	p := &profile.Profile{Rows: 100, Columns: []profile.Column{
		{Name: `a "b" \c`, Type: "VARCHAR", Kind: profile.Texts, Completeness: 0.9, Missing: 10, Distinct: 2, Listed: true, Text: text, Min: &least,
			Top: []profile.Value{{Value: `x"y\z`, Count: 60, Share: 0.67}, {Value: "", Count: 30, Share: 0.33}}},
		{Name: "n", Type: "DOUBLE", Kind: profile.Numbers, Completeness: 0.95, Missing: 5, Distinct: 80,
			Number: &profile.Number{Min: -1.5e-7, Max: 3e17, Mean: 2, StdDev: &[]float64{1e9}[0], Count: 95}},
	}}
	found := For(p, Options{Statistics: true})
	if len(found) < 7 {
		t.Errorf("%d rules", len(found))
	}
	for _, s := range found {
		if _, err := dqdl.ParseRule(s.Rule); err != nil {
			t.Errorf("%s: %v", s.Rule, err)
		}
	}
}
