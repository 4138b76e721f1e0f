// Package suggest proposes rules for a relation: what holds of a profile of it, as a rule that would say so, and how that rule
// did on rows which the profile has not seen. The rules by which it proposes are those of Deequ, by their names and
// thresholds.
package suggest

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/quality/profile"
)

// Suggestion is a rule that seems to hold.
type Suggestion struct {
	Rule   string `json:"rule"` // DQDL
	By     string `json:"suggested_by"`
	Column string `json:"column"`
	Why    string `json:"why"`
	Held   *Held  `json:"held_back,omitempty"` // nil where no rows were held back
}

// Held says how a suggestion did on the rows held back.
type Held struct {
	Rows    int64  `json:"rows"`
	Failing int64  `json:"failing"` // rows, 0 where the rule is not about single rows
	Passed  bool   `json:"passed"`
	Reason  string `json:"reason,omitempty"` // why not
}

// Interval is how a lower bound of a share is found from how often it was seen.
type Interval int

// Wilson's bound is right for few rows, too; Wald's is what Deequ uses by default.
const (
	Wilson Interval = iota
	Wald
)

// Options say what is suggested.
type Options struct {
	Interval Interval
	// Statistics adds rules about bounds, means, deviations and lengths as they are seen.
	Statistics bool
	// MinCompleteness and MaxCompleteness are between which RetainCompleteness suggests; zeros are 0.2 and 1. A negative minimum is none.
	MinCompleteness, MaxCompleteness float64
}

// maker proposes a rule for a column: "" where it has nothing to say.
type maker struct {
	name       string
	unless     string // another that says more
	statistics bool
	rule       func(c *profile.Column, rows int64, o Options) (rule, why string)
}

func makers() []maker {
	return []maker{
		{"CompleteIfComplete", "", false, complete},
		{"RetainCompleteness", "", false, retain},
		{"RetainType", "", false, retainType},
		{"CategoricalRangeRule", "", false, categories},
		{"FractionalCategoricalRangeRule", "CategoricalRangeRule", false, mostCategories},
		{"NonNegativeNumbers", "", false, notNegative},
		{"UniqueIfApproximatelyUnique", "", false, unique},
		{"HasMin", "", true, hasMin},
		{"HasMax", "", true, hasMax},
		{"HasMean", "", true, hasMean},
		{"HasStandardDeviation", "", true, hasDeviation},
		{"HasMinLength", "", true, hasMinLength},
		{"HasMaxLength", "", true, hasMaxLength},
	}
}

// For proposes rules for a profile, column by column.
func For(p *profile.Profile, o Options) []Suggestion {
	out := []Suggestion{}
	for i := range p.Columns {
		c := &p.Columns[i]
		said := map[string]bool{}
		for _, m := range makers() {
			if m.statistics && !o.Statistics || p.Rows == 0 || said[m.unless] {
				continue
			}
			if rule, why := m.rule(c, p.Rows, o); rule != "" {
				said[m.name] = true
				out = append(out, Suggestion{Rule: rule, By: m.name, Column: c.Name, Why: why})
			}
		}
	}
	return out
}

func quoted(text string) string { return dqdl.Quote(text).String() }

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// present limits a rule to rows that have a value, where some have none: in DQDL a missing value fails.
func present(c *profile.Column) string {
	if c.Missing == 0 {
		return ""
	}
	name := c.Name
	if !plainName.MatchString(name) {
		name = "`" + name + "`"
	}
	return " where " + quoted(name+" is not null")
}

func complete(c *profile.Column, rows int64, _ Options) (rule, why string) {
	if c.Completeness < 1 {
		return "", ""
	}
	return "IsComplete " + quoted(c.Name), "all " + count(rows) + " rows have a value"
}

func retain(c *profile.Column, rows int64, o Options) (rule, why string) {
	least, most := cmp.Or(o.MinCompleteness, 0.2), cmp.Or(o.MaxCompleteness, 1)
	if c.Completeness <= max(least, 0) || c.Completeness >= most {
		return "", ""
	}
	bound := o.Interval.lower(c.Completeness, rows)
	if bound <= 0 {
		return "", ""
	}
	return fmt.Sprintf("Completeness %s >= %s", quoted(c.Name), number(bound)),
		fmt.Sprintf("%s of %s rows have a value; with 95 %% confidence at least this share has", count(rows-c.Missing), count(rows))
}

func retainType(c *profile.Column, _ int64, _ Options) (rule, why string) {
	typ := map[string]string{"BIGINT": "LONG", "DECIMAL": "DOUBLE", "DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN"}[c.Inferred]
	if typ == "" {
		return "", ""
	}
	return fmt.Sprintf("ColumnDataType %s = %s", quoted(c.Name), quoted(typ)) + present(c), "every text that was looked at is one"
}

// Bounds of what is listed in a rule. A longer list is hardly one of categories.
const mostListed = 120

// listed are a column's values where they may be categories: all counted, of texts or whole numbers, not of persons.
func listed(c *profile.Column) []profile.Value {
	text := strings.EqualFold(c.Type, "VARCHAR") && c.Inferred == ""
	if !text && !c.Whole() || !c.Listed || c.TopEstimated || len(c.Top) > mostListed || c.Meaning != nil && (c.Meaning.Personal || c.Meaning.Kind == "identifier") {
		return nil
	}
	values := slices.Clone(c.Top)
	slices.SortStableFunc(values, func(a, b profile.Value) int { return cmp.Compare(b.Count, a.Count) })
	return values
}

// lonely is the part of different values that come once.
func lonely(values []profile.Value) float64 {
	n := 0
	for _, v := range values {
		if v.Count == 1 {
			n++
		}
	}
	return float64(n) / float64(len(values))
}

func among(c *profile.Column, values []profile.Value) string {
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = v.Value
		if !c.Whole() {
			items[i] = quoted(v.Value)
		}
	}
	return fmt.Sprintf("ColumnValues %s in [%s]", quoted(c.Name), strings.Join(items, ", "))
}

func categories(c *profile.Column, _ int64, _ Options) (rule, why string) {
	values := listed(c)
	if len(values) == 0 || lonely(values) > 0.1 {
		return "", ""
	}
	if len(values) == 1 {
		return among(c, values) + present(c), "no other value comes"
	}
	return among(c, values) + present(c), fmt.Sprintf("%d different values, the rarest of which comes %s", len(values), times(values[len(values)-1].Count))
}

func mostCategories(c *profile.Column, rows int64, o Options) (rule, why string) {
	values := listed(c)
	if len(values) == 0 || lonely(values) > 0.4 {
		return "", ""
	}
	held, n := 0.0, 0
	for ; n < len(values) && held < 0.9; n++ {
		held += values[n].Share
	}
	held *= c.Completeness // a missing value is none of them
	if n == len(values) || held >= 1 {
		return "", ""
	}
	bound := o.Interval.lower(held, rows)
	if bound <= 0 {
		return "", ""
	}
	return fmt.Sprintf("%s with threshold >= %s", among(c, values[:n]), number(bound)),
		fmt.Sprintf("%s of the rows have one of these %d of %d values", percent(held), n, len(values))
}

func notNegative(c *profile.Column, _ int64, _ Options) (rule, why string) {
	if n := c.Number; n == nil || n.Count == 0 || n.Min < 0 || n.Infinite > 0 {
		return "", ""
	}
	return fmt.Sprintf("ColumnValues %s >= 0", quoted(c.Name)) + present(c), "the least value is " + number(c.Number.Min)
}

func unique(c *profile.Column, rows int64, _ Options) (rule, why string) {
	if c.Completeness < 1 || rows < 2 || math.Abs(1-float64(c.Distinct)/float64(rows)) > 0.08 || c.DistinctExact && c.Distinct < rows {
		return "", ""
	}
	if few := rows < leastHeld; few && (c.Meaning == nil || c.Meaning.Kind != "identifier") {
		return "", "" // nearly everything is unique among a few rows
	}
	about := ""
	if !c.DistinctExact {
		about = "about "
	}
	return "IsUnique " + quoted(c.Name), fmt.Sprintf("%s%s different values in %s rows", about, count(c.Distinct), count(rows))
}

// number writes a number as DQDL has them: digits, without an exponent.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// figure writes a number in four digits that count.
func figure(f float64) string {
	if size := math.Abs(f); size >= 1000 && size < 1e15 {
		return count(int64(math.Round(f)))
	}
	return strconv.FormatFloat(f, 'g', 4, 64)
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return count(n) + " times"
}

func percent(part float64) string {
	return strconv.FormatFloat(math.Floor(1000*part)/10, 'f', -1, 64) + " %"
}

// count writes a whole number with separators: 12,345.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
