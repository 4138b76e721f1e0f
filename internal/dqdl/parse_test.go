package dqdl

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// roundTrip prints a set, reads it again and wants an equal tree and an equal print.
func roundTrip(t interface {
	Helper()
	Fatalf(string, ...any)
}, set *Ruleset) {
	t.Helper()
	printed := set.String()
	again, err := Parse(printed)
	if err != nil {
		t.Fatalf("printed form does not parse: %v\n%s", err, printed)
	}
	strip(set.Rules...)
	strip(set.Analyzers...)
	strip(again.Rules...)
	strip(again.Analyzers...)
	if !reflect.DeepEqual(set, again) {
		t.Fatalf("trees differ for\n%s\n%#v\n%#v", printed, set, again)
	}
	if again.String() != printed {
		t.Fatalf("prints differ:\n%s\n%s", printed, again)
	}
}

func TestParseRulePrintsCanonically(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`IsComplete   "a"`, `IsComplete "a"`},
		{`Completeness of a   >0.5`, `Completeness of a > 0.5`},
		{"ColumnValues \"c\" in [ \"a\" ,\r\n \"b\", null ]", `ColumnValues "c" in ["a","b",NULL]`},
		{`ColumnValues "c" ! = 3`, `ColumnValues "c" != 3`},
		{`ColumnValues "c" in [NULL,"2022-01-01"]`, ""},
		{`ColumnValues "c" in [NULL, NULL]`, `ColumnValues "c" in [NULL,NULL]`},
		{`RowCount = 8.0 * (5.0 - (1.0 + - 4.0))`, `RowCount = 8.0 * (5.0 - (1.0 + -4.0))`},
		{`RowCount between 1 AND 2`, `RowCount between 1 and 2`},
		{`ColumnValues "c" in [1] with threshold > 0.5 labels=["k"="v"]`, ""},
		{`ColumnValues "c" in [1] labels = ["k" = "v"] with threshold > 0.5`, `ColumnValues "c" in [1] with threshold > 0.5 labels=["k"="v"]`},
		{`IsComplete "a" # why`, `IsComplete "a"`},
		{`(IsComplete "a") and ((IsUnique "b") AND (RowCount > 1))`, `(IsComplete "a") AND (IsUnique "b") AND (RowCount > 1)`},
		{`(IsComplete "a") or (IsUnique "b") and (RowCount > 1)`, `(IsComplete "a") OR ((IsUnique "b") AND (RowCount > 1))`},
		{`((IsComplete "a") and (IsUnique "b")) labels=["x"="y"]`, `((IsComplete "a") AND (IsUnique "b")) labels=["x"="y"]`},
		{`(IsUnique "b" labels=["x"="y"]) labels=["x"="z"]`, `IsUnique "b" labels=["x"="z"]`},
		{`IsComplete "a" AND (IsUnique "b")`, `(IsComplete "a") AND (IsUnique "b")`},
		{`ColumnValues "s" in ["B","c"] with ignoreCase = "true"`, `ColumnValues "s" in ["b","c"] with ignoreCase = "true"`},
		{`ColumnValues "s" matches "\D+" with ignoreCase = "true"`, ""},
		{`ColumnValues "d" > (now() - 3 days)`, ""},
		{`FileFreshness > "9:30 AM" with recentFiles = -1 with timeZone = "America/New_York"`, ""},
		{`FileSize in [3 KB,4]`, ""},
		{`DuplicateRowCount = 0`, ""},
		{"CustomSql \"select \\\"a\\\"\nfrom primary\" = 1", ""},
	} {
		r, err := ParseRule(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if c.want == "" {
			c.want = c.text
		}
		if r.String() != c.want {
			t.Errorf("%s printed\n%s, want\n%s", c.text, r, c.want)
		}
		again, err := ParseRule(r.String())
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		strip(r, again)
		if !reflect.DeepEqual(r, again) {
			t.Errorf("%s: trees differ", r)
		}
	}
}

func TestMistakesNameTheirPlaceAndTheWayOut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`IsComplet "a"`, `line 1:1: rule type "IsComplet" is not known; nearest: IsComplete`},
		{`isComplete "a"`, `nearest: IsComplete`},
		{`CustomSQL "select 1" = 1`, `nearest: CustomSql`},
		{`IsComplete "a" AND IsUnique "b"`, `each stands in parentheses`},
		{`IsComplete`, `line 1:1: IsComplete takes one parameter, not 0`},
		{`FileMatch a b c = "x"`, `FileMatch takes 0 to 2 parameters, not 3`},
		{`RowCount > .5`, `line 1:12: expected a number, found '.5'`},
		{`RowCount > "5"`, `texts have no order`},
		{`RowCount = "5"`, `RowCount needs a condition on a number, not on a text`},
		{`RowCount`, `RowCount needs a condition on a number`},
		{`ColumnValues "c" > 1 where ""`, `line 1:22: where is empty`},
		{`ColumnExists "c" where "x"`, `ColumnExists takes no where`},
		{`ColumnValues 'c' > 1`, `line 1:14: '\'' is not part of the language; text stands between double quotes`},
		{"RowCount > 1\nIsComplete \"c\"", `line 2:1: expected the end of the rule, found 'IsComplete'`},
		{`IsComplete "c`, `line 1:12: a quote is opened and never closed`},
		{`ColumnValues "d" > now() - 3 days`, `(now() - 3 days)`},
		{`ColumnValues "d" > "2022-13-01"`, `"2022-13-01" is not a date`},
		{`ColumnValues "d" > "25:30"`, `"25:30" is not a time of day`},
		{`FileFreshness > "9:30 AM" with timeZone = "America/Chikago"`, `time zone "America/Chikago" is not known`},
		{`DataFreshness "c" <= 3`, `DataFreshness needs a condition on a duration, not on a number`},
		{`DataFreshness "c" <= 99999999999999999999 days`, `too large`},
		{`DataFreshness "c" <= 9999999999 days`, `too long`},
		{`FileSize > 9223372036854775807 TB`, `too large`},
		{`CustomSql "select 1" = 1 with threshold > 0.5`, `not both`},
		{`IsComplete $c`, `variable c is not defined`},
		{`AllStatistics "c"`, `AllStatistics is an analyzer and no rule`},
		{strings.Repeat("(", 1000) + `RowCount > 1` + strings.Repeat(")", 1000), `nested more than 200 deep`},
		{`RowCount > ` + strings.Repeat("(", 1000) + `1`, `nested more than 200 deep`},
		{``, `expected the name of a rule, found the end of the text`},
	} {
		_, err := ParseRule(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", clip(c.text), err, c.want)
		}
		var list Errors
		if !errors.As(err, &list) || list[0].Line < 1 || list[0].Col < 1 {
			t.Errorf("%s: no place in %#v", clip(c.text), err)
		}
	}
}

func TestDocumentCollectsMistakes(t *testing.T) {
	_, err := Parse("Rules = [\n  IsComplet \"a\",\n  RowCount > ,\n  (IsComplete \"é\",\n  Mean \"x\" >\"y\",\n  ColumnExists \"c\" > 1\n]\n")
	var list Errors
	if !errors.As(err, &list) {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range list {
		lines = append(lines, e.Line)
	}
	if !reflect.DeepEqual(lines, []int{2, 3, 4, 5, 6}) {
		t.Errorf("mistakes on lines %v: %v", lines, err)
	}
	for text, want := range map[string]string{
		"Rules = [ RowCount > 1 ] extra":                    "expected '='",
		"Analyzers = [ RowCount ] Rules = [ RowCount > 1 ]": "'Rules' stands in the wrong place",
		"Rules = [ RowCount > 1 ] Rules = [ RowCount > 1 ]": "'Rules' stands in the wrong place",
		"Rules = [ RowCount > 1":                            "expected ',' or ']', found the end of the text",
		"Rules = [] Analyzers = [ IsComplete \"a\" ]":       "IsComplete is a rule and no analyzer",
		"x = []\nRules = [ RowCount > 1 ]":                  "empty list",
		"x = [\"a\"]\nRules = [ ColumnValues \"c\" = $x ]":  "variable x is a list",
		"x = [\"a\"]\nRules = [ IsComplete $x ]":            "a parameter needs a text",
		"abc = \"a\"\nRules = [ IsComplete $abd ]":          "nearest: abc",
		"_x = \"a\"\nRules = [ RowCount > 1 ]":              "does not start with",
		"":                                                  "there is no rule",
		"# nothing":                                         "there is no rule",
		"Metadata = { \"Version\": \"1\", \"Version\": \"2\" } Rules = [ RowCount > 1 ]": "given twice",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestVariablesAndLabels(t *testing.T) {
	set, err := Parse("\ufeffok = [\"a\", NULL]\r\ncol = \"the \\\"c\\\"\"\r\nDefaultLabels = [\"team\"=\"sales\", \"tier\"=\"1\"]\r\n" +
		"Rules = [ ColumnValues $col in $ok labels=[\"tier\"=\"2\"], ColumnValues $col not in [$ok, \"b\"] ]\n" +
		"Analyzers = [ Distribution \"c\" with bins = 20, rebin = false, RowCount ] # last")
	if err != nil {
		t.Fatal(err)
	}
	r := set.Rules[0]
	if got := r.Params[0].Value(); got != `the "c"` {
		t.Errorf("column is %s", got)
	}
	words, values := r.Condition.(*StringCondition).Values()
	if !reflect.DeepEqual(words, []Keyword{Null}) || !reflect.DeepEqual(values, []string{"a"}) {
		t.Errorf("operands are %v and %v", words, values)
	}
	if want := []Label{{Key: "tier", Value: "2"}}; !reflect.DeepEqual(r.Labels, want) {
		t.Errorf("labels are %v", r.Labels)
	}
	if want := []Label{{Key: "team", Value: "sales"}, {Key: "tier", Value: "1"}}; !reflect.DeepEqual(set.DefaultLabels, want) {
		t.Errorf("labels of all rules are %v", set.DefaultLabels)
	}
	if len(set.Analyzers) != 2 || len(set.Analyzers[0].Tags) != 2 {
		t.Errorf("analyzers are %v", set.Analyzers)
	}
	roundTrip(t, set)
}

func TestHoldsOfDynamicRules(t *testing.T) {
	history := []float64{8, 4, 3}
	fns := Standard()
	fns["last"] = func(args ...[]float64) ([]float64, error) {
		if len(args) == 0 {
			return history[:1], nil
		}
		return history[:min(int(args[0][0]), len(history))], nil
	}
	for text, want := range map[string]bool{
		"RowCount < last()":                   true,
		"RowCount = last(1) - 2":              true,
		"RowCount > avg(last(10))":            true,
		"RowCount = median(last(3)) + 2":      true,
		"RowCount = index(last(3), 2) * 2":    true,
		"RowCount between min(last(3)) and 7": true,
		"RowCount = 1 + 1 * 3":                true,
		"RowCount in [1, 2 * 3]":              true,
		"RowCount = abs(-6)":                  true,
		"RowCount < std(last(3))":             false,
		"RowCount = NULL":                     false,
	} {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Condition.(*NumberCondition).HoldsWith(6, fns); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"RowCount > last(3)", "RowCount > index(last(3), 3)", "RowCount > avg()", "RowCount > nothing(1)"} {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Condition.(*NumberCondition).HoldsWith(6, fns); err == nil {
			t.Errorf("%s gave no error", text)
		}
	}
}

func TestRoundTripOfGeneratedRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := &Ruleset{Rules: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *Rule { return drawRule(t, 2) }), 1, 4).Draw(t, "rules")}
		roundTrip(t, set)
	})
}

func drawRule(t *rapid.T, depth int) *Rule {
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "composite") == 0 {
		r := &Rule{Join: rapid.SampledFrom([]Join{And, Or}).Draw(t, "join")}
		for range rapid.IntRange(2, 3).Draw(t, "members") {
			if m := drawRule(t, depth-1); m.Join != r.Join || len(m.Labels) > 0 {
				r.Members = append(r.Members, m)
			} else {
				r.Members = append(r.Members, m.Members...)
			}
		}
		r.Labels = drawLabels(t)
		return r
	}
	text := rapid.String().Filter(func(s string) bool { return s != "" })
	quote := func(name string) Quoted { return Quote(text.Draw(t, name)) }
	r := &Rule{Name: "ColumnValues", Params: []Param{{Text: string(quote("column")), Quoted: true}}, Labels: drawLabels(t)}
	op := rapid.SampledFrom([]Op{Equal, NotEqual, In, NotIn, Between, NotBetween, Greater, Less}).Draw(t, "op")
	operands := 1
	switch op {
	case Between, NotBetween:
		operands = 2
	case In, NotIn:
		operands = rapid.IntRange(1, 3).Draw(t, "operands")
	}
	if op == Between || op == NotBetween || op == Greater || op == Less || rapid.Bool().Draw(t, "numbers") {
		c := &NumberCondition{Op: op}
		for range operands {
			c.Operands = append(c.Operands, drawNumber(t, 2))
		}
		r.Condition = c
	} else {
		c := &StringCondition{Op: op}
		for range operands {
			q := quote("value")
			if kind := quotedKind(string(q)); kind != quoted {
				q = "x" + q
			}
			c.Operands = append(c.Operands, Text{Quoted: q})
		}
		r.Condition = c
	}
	if rapid.Bool().Draw(t, "where") {
		r.Where = quote("sql")
	}
	if rapid.Bool().Draw(t, "threshold") {
		r.Threshold = &NumberCondition{Op: Greater, Operands: []Number{drawNumber(t, 0)}}
	}
	return r
}

func drawLabels(t *rapid.T) []Label {
	if rapid.Bool().Draw(t, "unlabelled") {
		return nil
	}
	return []Label{{Key: "k", Value: Quote(rapid.StringN(1, 20, -1).Draw(t, "label"))}}
}

func drawNumber(t *rapid.T, depth int) Number {
	kind := rapid.IntRange(0, 4).Draw(t, "number")
	if depth == 0 {
		kind = min(kind, 1)
	}
	switch kind {
	case 0:
		return &NullNumber{}
	case 1:
		n, _ := literal(rapid.StringMatching(`-?[0-9]{1,9}(\.[0-9]{1,5})?`).Draw(t, "literal"))
		return n
	case 2:
		right := drawNumber(t, depth-1)
		if _, ok := right.(*Binary); ok {
			right = &Paren{Inner: right}
		}
		return &Binary{Op: rapid.SampledFrom([]byte("+-*/")).Draw(t, "sign"), Left: drawNumber(t, depth-1), Right: right}
	case 3:
		return &Paren{Inner: drawNumber(t, depth-1)}
	}
	return &Call{Name: "avg", Args: []Number{drawNumber(t, depth-1), drawNumber(t, depth-1)}}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`Rules = [ IsComplete "a", (RowCount > 1) OR (IsUnique "b" where "x > 1") labels=["k"="v"] ]`,
		"x = [\"a\",NULL]\nDefaultLabels=[\"a\"=\"b\"] Rules = [ ColumnValues \"c\" in $x with threshold between 0.5 and 1 ]",
		`Metadata = {"Version": "1.0"} DataSources = {"Primary": "p", "AdditionalDataSources": ["a","b"]} Rules = [ FileSize > 5 KB ]`,
		`Rules = [ ColumnValues d in ["2022-01-01",(now() + 3 hours),NULL,"9:30 AM"] ] Analyzers = [ AllStatistics AllColumns ]`,
		`Rules = [ RowCount = 2 * (avg(last(3), -1.5) - NULL) / 4, DataFreshness "t" not between 3 days and 9 days ]`,
		`Rules = [ ColumnValues "c\"\\" not matches "\d+" with ignoreCase = "true" with x = 1.5 ]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRule(text); err == nil {
			again, err := ParseRule(r.String())
			if err != nil {
				t.Fatalf("printed form of %q does not parse: %v", text, err)
			}
			strip(r, again)
			if !reflect.DeepEqual(r, again) {
				t.Fatalf("trees of %q differ: %s", text, again)
			}
		}
		set, err := Parse(text)
		if err != nil {
			var list Errors
			if !errors.As(err, &list) || len(list) == 0 {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		roundTrip(t, set)
	})
}

// What is no part of the language does not hide the other mistakes, nor does it make new ones.
func TestStrayCharactersHideNothing(t *testing.T) {
	_, err := Parse("Rules = [\n IsComplet \"a\",\n IsComplete 'a',\n RowCount > 1 ; ,\n IsUnique ~ \"x\",\n RowCount > ,\n IsUnique \"x\n]")
	var places []string
	for _, e := range err.(Errors) {
		places = append(places, fmt.Sprintf("%d:%d", e.Line, e.Col))
	}
	if got := strings.Join(places, " "); got != "2:2 3:13 4:15 5:11 6:13 7:11" {
		t.Errorf("%s: %v", got, err)
	}
}
