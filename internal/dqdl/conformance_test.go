package dqdl

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"weir/test/env"
)

// cases reads one file of the conformance data, a JSON object a line.
func cases[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open(env.Shared(t, "conformance/quality/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var c T
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

type parseCase struct {
	ID        string
	Ruleset   string
	Valid     bool
	Canonical *string
	Scope     string `json:"canonical_scope"`
	RuleType  string `json:"rule_type"`
	Kind      string `json:"condition_kind"`
	Sorted    string `json:"sorted_condition"`
	Tag       string
}

// strip takes places out of a tree, so that two texts of one meaning compare equal.
func strip(rules ...*Rule) {
	for _, r := range rules {
		r.Line, r.Col = 0, 0
		strip(r.Members...)
	}
}

func TestConformanceParse(t *testing.T) {
	ran := 0
	for _, c := range cases[parseCase](t, "dqdl_parse.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			set, err := Parse(c.Ruleset)
			if c.Tag != "service" {
				t.Skipf("oss-quirk: reference says valid=%v, here error=%v", c.Valid, err)
			}
			ran++
			if !c.Valid {
				if err == nil {
					t.Fatalf("accepted %s", set)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, set)
			roundTrip(t, set)
		})
	}
	if ran < 200 {
		t.Errorf("only %d cases ran", ran)
	}
}

func (c parseCase) check(t *testing.T, set *Ruleset) {
	t.Helper()
	if c.Canonical != nil {
		var got string
		switch c.Scope {
		case "rule":
			got = set.Rules[0].String()
		case "analyzer":
			got = set.Analyzers[0].String()
		case "ruleset":
			got = set.String()
		default:
			t.Fatalf("scope %q", c.Scope)
		}
		if got != *c.Canonical {
			t.Errorf("printed %s, want %s", got, *c.Canonical)
		}
	}
	if c.Kind != "" {
		if got := string(set.Rules[0].Condition.Kind()); got != c.Kind {
			t.Errorf("condition is a %s, want %s", got, c.Kind)
		}
	}
	if c.Sorted != "" {
		if got := sortedCondition(set.Rules[0].Condition.(*StringCondition)); got != c.Sorted {
			t.Errorf("operands are %s, want %s", got, c.Sorted)
		}
	}
}

// sortedCondition prints a condition on text as the reference does after it resolved operands.
func sortedCondition(c *StringCondition) string {
	_, values := c.Values()
	for i, v := range values {
		var b strings.Builder
		for j, r := range v {
			if r == '\'' && (j == 0 || v[j-1] != '\\') {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		values[i] = `"` + b.String() + `"`
	}
	slices.Sort(values)
	if c.Op == In || c.Op == NotIn {
		return string(c.Op) + " [" + strings.Join(values, ",") + "]"
	}
	return string(c.Op) + " " + values[0]
}

func TestConformanceCondition(t *testing.T) {
	type conditionCase struct {
		ID, Rule, On string
		Metric       any
		Expect       bool
	}
	fns := Standard()
	fns["multiply"] = func(args ...[]float64) ([]float64, error) {
		product := 1.0
		for _, a := range args {
			product *= a[0]
		}
		return []float64{product}, nil
	}
	for _, c := range cases[conditionCase](t, "dqdl_condition.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			set, err := Parse("Rules = [ " + c.Rule + " ]")
			if err != nil {
				t.Fatal(err)
			}
			condition := set.Rules[0].Threshold
			if c.On == "condition" {
				condition = set.Rules[0].Condition.(*NumberCondition)
			}
			metric, ok := c.Metric.(float64)
			if !ok {
				metric = math.NaN()
			}
			got, err := condition.HoldsWith(metric, fns)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.Expect {
				t.Errorf("%s with %v is %v", c.Rule, metric, got)
			}
			if !strings.Contains(c.Rule, "multiply") && condition.Holds(metric) != c.Expect {
				t.Error("Holds and HoldsWith differ")
			}
		})
	}
}
