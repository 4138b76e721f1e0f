package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/fault"
)

// shopNodes are the tables of a small shop, every one after what it reads.
func shopNodes() []Selectable {
	return []Selectable{
		{Name: "raw.orders", Tags: []string{"daily", "pii"}},
		{Name: "raw.customers", Tags: []string{"pii"}},
		{Name: "raw.Order Lines"},
		{Name: "staging.orders", Needs: []string{"raw.orders", "raw.Order Lines"}},
		{Name: "marts.customers", Needs: []string{"raw.customers", "staging.orders"}, Tags: []string{"daily"}},
		{Name: "marts.eu.sales", Needs: []string{"marts.customers", "gone.table"}},
		{Name: "marts.a+b"},
		{Name: "alone"},
	}
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		patterns, exclude string // several are apart by |
		want              string
	}{
		{"", "", "raw.orders|raw.customers|raw.Order Lines|staging.orders|marts.customers|marts.eu.sales|marts.a+b|alone"},
		{"*", "", "raw.orders|raw.customers|raw.Order Lines|staging.orders|marts.customers|marts.eu.sales|marts.a+b|alone"},
		{"alone", "", "alone"},
		{"marts.*", "", "marts.customers|marts.eu.sales|marts.a+b"},
		{"*.orders", "", "raw.orders|staging.orders"},
		{"raw.?rders", "", "raw.orders"},
		{"staging.orders|alone", "", "staging.orders|alone"},
		{"alone staging.orders,raw.orders", "", "raw.orders|staging.orders|alone"},
		{" alone ,, raw.orders\t", "", "raw.orders|alone"},
		{"+staging.orders", "", "raw.orders|raw.Order Lines|staging.orders"},
		{"staging.orders+", "", "staging.orders|marts.customers|marts.eu.sales"},
		{"+staging.orders+", "", "raw.orders|raw.Order Lines|staging.orders|marts.customers|marts.eu.sales"},
		{"1+marts.customers", "", "raw.customers|staging.orders|marts.customers"},
		{"2+marts.customers", "", "raw.orders|raw.customers|raw.Order Lines|staging.orders|marts.customers"},
		{"0+marts.customers", "", "marts.customers"},
		{"raw.orders+2", "", "raw.orders|staging.orders|marts.customers"},
		{"1+staging.orders+1", "", "raw.orders|raw.Order Lines|staging.orders|marts.customers"},
		{"+marts.eu.*", "", "raw.orders|raw.customers|raw.Order Lines|staging.orders|marts.customers|marts.eu.sales"},
		{"tag:pii", "", "raw.orders|raw.customers"},
		{"tag:pii+1", "", "raw.orders|raw.customers|staging.orders|marts.customers"},
		{"tag:d*", "", "raw.orders|marts.customers"},
		{"raw.Order Lines", "", "raw.Order Lines"},
		{`raw."Order Lines"`, "", "raw.Order Lines"},
		{`raw."Order Lines"+1,alone`, "", "raw.Order Lines|staging.orders|alone"},
		{"marts.a+b", "", "marts.a+b"},
		{"marts.a+b alone", "", "marts.a+b|alone"},
		{"*", "marts.*|tag:pii", "raw.Order Lines|staging.orders|alone"},
		{"", "+marts.customers,alone", "marts.eu.sales|marts.a+b"},
		{"raw.*", "marts.*", "raw.orders|raw.customers|raw.Order Lines"},
	} {
		got, err := Select(shopNodes(), list(c.patterns), list(c.exclude))
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%q without %q is %q, %v, want %q", c.patterns, c.exclude, strings.Join(got, "|"), err, c.want)
		}
	}
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "|")
}

func TestSelectNothing(t *testing.T) {
	for _, c := range []struct{ patterns, exclude, says, hint string }{
		{"raw.ordrs", "", `no table matches "raw.ordrs"`, "nearest: raw.orders"},
		{"+raw.ordrs+2", "", `no table matches "raw.ordrs"`, "nearest: raw.orders"},
		{"mart.*", "", `no table matches "mart.*"`, "nearest: marts.*"},
		{"raw", "", `no table matches "raw"`, "nearest: raw.*"},
		{"tag:dialy", "", `no table matches "tag:dialy"`, "nearest: tag:daily"},
		{"alone raw.ordrs", "", `no table matches "raw.ordrs"`, "nearest: raw.orders"},
		{"*", "raw.ordrs", `no table matches "raw.ordrs"`, "nearest: raw.orders"},
		{`"raw.*"`, "", `no table matches "raw.*"`, "nearest: raw.*"},
		{" , ", "", "a selection is empty", "'*' means every table"},
		{"+", "", `no table matches ""`, ""},
		{"raw.[", "", `selection "raw.["`, "quote"},
		{"tag:[", "", `selection "tag:["`, "quote"},
		{"raw.*", "raw.*", "nothing is left of raw.* without raw.*", ""},
	} {
		got, err := Select(shopNodes(), list(c.patterns), list(c.exclude))
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) || !strings.Contains(fault.HintOf(err), c.hint) || got != nil {
			t.Errorf("%q without %q is %v, %v (%s), want %s (%s)", c.patterns, c.exclude, got, err, fault.HintOf(err), c.says, c.hint)
		}
	}
	if _, err := Select(nil, []string{"*"}, nil); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("a project without tables gives %v", err)
	}
	if _, err := Select(shopNodes(), []string{""}, nil); fault.ClassOf(err) != fault.Usage {
		t.Errorf("an empty word gives %v", err)
	}
}

// TestSelectAnyGraph compares +t, t+ and N+t with reachability computed step by step.
func TestSelectAnyGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "n")
		all := make([]Selectable, n)
		for i := range all {
			all[i].Name = fmt.Sprint("t", i)
			for k := range i {
				if rapid.IntRange(0, 2).Draw(rt, "edge") == 0 {
					all[i].Needs = append(all[i].Needs, fmt.Sprint("t", k))
				}
			}
		}
		start := rapid.IntRange(0, n-1).Draw(rt, "start")
		steps := rapid.IntRange(0, n).Draw(rt, "steps")
		name := all[start].Name
		for pattern, want := range map[string][]string{
			"+" + name:                      within(all, start, n, true),
			name + "+":                      within(all, start, n, false),
			fmt.Sprint(steps, "+", name):    within(all, start, steps, true),
			fmt.Sprint(name, "+", steps):    within(all, start, steps, false),
			name + " " + name + ",+" + name: within(all, start, n, true),
		} {
			if got, err := Select(all, []string{pattern}, nil); err != nil || !slices.Equal(got, want) {
				rt.Errorf("%s is %v, %v, want %v", pattern, got, err, want)
			}
		}
	})
}

// within lists the tables at most so many steps from one, in order.
func within(all []Selectable, start, steps int, up bool) (names []string) {
	in := map[string]bool{all[start].Name: true}
	for range steps {
		more := map[string]bool{}
		for _, n := range all {
			for _, need := range n.Needs {
				if up && in[n.Name] {
					more[need] = true
				}
				if !up && in[need] {
					more[n.Name] = true
				}
			}
		}
		for name := range more {
			in[name] = true
		}
	}
	for _, n := range all {
		if in[n.Name] {
			names = append(names, n.Name)
		}
	}
	return names
}

// FuzzSelect holds for any text: it means tables of the project, each once and in order, or is an error of class usage.
func FuzzSelect(f *testing.F) {
	for _, text := range []string{"*", "+raw.orders+", "2+tag:pii", `raw."Order Lines"`, `"`, `""`, `"a""b"`, "a[", "+", "++", "1+2+3", "\\", "\xff,+", "+\"a\nb\"+"} {
		f.Add(text, "")
		f.Add("*", text)
	}
	f.Fuzz(func(t *testing.T, pattern, exclude string) {
		all := shopNodes()
		got, err := Select(all, []string{pattern}, list(exclude))
		if err != nil {
			if fault.ClassOf(err) != fault.Usage || got != nil {
				t.Fatalf("%v, %v", got, err)
			}
			return
		}
		at := 0
		for _, name := range got {
			i := slices.IndexFunc(all[at:], func(n Selectable) bool { return n.Name == name })
			if i < 0 {
				t.Fatalf("%v is not a list of tables in order", got)
			}
			at += i + 1
		}
		if len(got) == 0 {
			t.Fatal("nothing is selected and nothing said")
		}
	})
}
