package quality

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/dqdl"
	"weir/internal/job"
)

// naiveRow is a row of the table t (id INTEGER, n INTEGER, x DOUBLE, s VARCHAR); nil is NULL.
type naiveRow struct {
	id int
	n  *int
	x  *float64
	s  *string
}

func (r naiveRow) get(col string) (text string, number float64, ok bool) {
	switch col {
	case "id":
		return fmt.Sprint(r.id), float64(r.id), true
	case "n":
		if r.n != nil {
			return fmt.Sprint(*r.n), float64(*r.n), true
		}
	case "x":
		if r.x != nil {
			return fmt.Sprint(*r.x), *r.x, true
		}
	case "s":
		if r.s != nil {
			return *r.s, 0, true
		}
	}
	return "", 0, false
}

// naive judges a rule by a walk over the rows, one rule at a time, with nothing shared, in plain Go. It says
// whether the rule holds.
func naive(r *dqdl.Rule, rows []naiveRow, ref []naiveRow) (passed bool) {
	if r.Join != "" {
		passed = r.Join == dqdl.And
		for _, m := range r.Members {
			if r.Join == dqdl.And {
				passed = naive(m, rows, ref) && passed
			} else {
				passed = naive(m, rows, ref) || passed
			}
		}
		return passed
	}
	var in []naiveRow
	for _, row := range rows {
		if r.Where == "" || row.n != nil && *row.n > 0 { // the one where that is drawn
			in = append(in, row)
		}
	}
	filtered := r.Where != "" && len(in) == 0 && len(rows) > 0
	var cols []string
	for _, p := range r.Params {
		cols = append(cols, p.Value())
	}
	cond, _ := r.Condition.(*dqdl.NumberCondition)
	metric := func(v float64, ok bool) bool {
		if !ok {
			return filtered
		}
		return cond == nil && v == 1 || cond != nil && cond.Holds(v)
	}
	var values []float64
	for _, row := range in {
		if len(cols) > 0 {
			if _, v, ok := row.get(cols[0]); ok {
				values = append(values, v)
			}
		}
	}
	n := float64(len(values))
	switch r.Name {
	case "RowCount":
		return cond.Holds(float64(len(in)))
	case "IsComplete", "Completeness":
		return metric(n/float64(len(in)), len(in) > 0)
	case "Mean", "Sum", "Variance", "Range", "ZerosCount", "Skewness", "Kurtosis":
		v, ok := naiveStatistic(r.Name, values)
		return metric(v, ok)
	case "RowCountMatch":
		return cond.Holds(float64(len(rows)) / float64(len(ref)))
	case "ReferentialIntegrity":
		found := 0
		for _, row := range rows {
			if a, _, ok := row.get(cols[0]); ok && slices.ContainsFunc(ref, func(o naiveRow) bool { b, _, has := o.get(cols[0]); return has && a == b }) {
				found++
			}
		}
		return len(rows) > 0 && cond.Holds(float64(found)/float64(len(rows)))
	case "ColumnValues":
		return naiveValues(r, in, cols[0], filtered)
	}
	counts := map[string]int{}
	for _, row := range in {
		key, some := "", false
		for _, c := range cols {
			text, _, ok := row.get(c)
			key += fmt.Sprintf("%v %q,", ok, text)
			some = some || ok
		}
		if some {
			counts[key]++
		}
	}
	once, total, again, entropy := 0.0, 0.0, 0.0, 0.0
	for _, c := range counts {
		total += float64(c)
		if c == 1 {
			once++
		} else {
			again += float64(c)
		}
	}
	for _, c := range counts {
		entropy -= float64(c) / total * math.Log(float64(c)/total)
	}
	switch r.Name {
	case "IsUnique", "Uniqueness":
		return metric(once/total, total > 0)
	case "UniqueValueRatio":
		return metric(once/float64(len(counts)), total > 0)
	case "DistinctValuesCount":
		return metric(float64(len(counts)), total > 0)
	case "DuplicateRowCount":
		return cond.Holds(again)
	case "Entropy":
		return metric(entropy, total > 0)
	}
	panic(r.Name)
}

func naiveStatistic(name string, values []float64) (float64, bool) {
	n := float64(len(values))
	sum, zeros := 0.0, 0.0
	for _, v := range values {
		sum += v
		if v == 0 {
			zeros++
		}
	}
	if name == "ZerosCount" {
		return zeros, true
	}
	if n == 0 {
		return 0, false
	}
	m2, m3, m4 := 0.0, 0.0, 0.0
	for _, v := range values {
		d := v - sum/n
		m2, m3, m4 = m2+d*d/n, m3+d*d*d/n, m4+d*d*d*d/n
	}
	switch {
	case name == "Mean":
		return sum / n, true
	case name == "Sum":
		return sum, true
	case name == "Variance":
		return m2, true
	case name == "Range":
		return slices.Max(values) - slices.Min(values), true
	case m2 == 0:
		return 0, true
	case name == "Skewness":
		return m3 / math.Pow(m2, 1.5), true
	}
	return m4/m2/m2 - 3, true
}

func naiveValues(r *dqdl.Rule, in []naiveRow, col string, filtered bool) bool {
	good := 0.0
	for _, row := range in {
		text, v, ok := row.get(col)
		pass := false
		switch c := r.Condition.(type) {
		case *dqdl.NumberCondition:
			negated := c.Op == dqdl.NotEqual || c.Op == dqdl.NotIn
			pass = ok && c.Holds(v) || !ok && negated
		case *dqdl.StringCondition:
			_, wanted := c.Values()
			negated := c.Op == dqdl.NotEqual || c.Op == dqdl.NotIn
			pass = (ok && slices.Contains(wanted, text)) != negated
		}
		if pass {
			good++
		}
	}
	if len(in) == 0 {
		return filtered
	}
	if r.Threshold != nil {
		return r.Threshold.Holds(good / float64(len(in)))
	}
	return good == float64(len(in))
}

func drawNaiveRule(r *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 3).Draw(r, "composite") == 0 {
		join := rapid.SampledFrom([]string{" AND ", " OR "}).Draw(r, "join")
		return "(" + drawNaiveRule(r, depth-1) + ")" + join + "(" + drawNaiveRule(r, depth-1) + ")"
	}
	pick := func(values ...string) string { return rapid.SampledFrom(values).Draw(r, "word") }
	// Halves and quarters are exact; others lie between what small tables give.
	number := func() string { return pick("0", "1", "2", "0.5", "0.25", "0.51", "-0.7", "3") }
	order := func() string { return pick(">", ">=", "<", "<=", "=", "!=") + " " + number() }
	rule := ""
	switch rapid.IntRange(0, 7).Draw(r, "kind") {
	case 0:
		rule = pick("IsComplete ", "IsUnique ") + pick("n", "x", "s", "id")
	case 1:
		rule = pick("Completeness ", "Uniqueness ", "UniqueValueRatio ", "DistinctValuesCount ", "Entropy ") + pick("n", "x", "s", "id") + " " + order()
	case 2:
		rule = pick("Mean ", "Sum ", "Variance ", "Range ", "ZerosCount ", "Skewness ", "Kurtosis ") + pick("n", "x") + " " + pick(">", "<") + " " + pick("0.13", "1.31", "-0.77")
	case 3:
		rule = pick("Uniqueness ", "DuplicateRowCount ") + pick(`"n" "s"`, `"s" "n"`, `"x" "n"`) + " " + order()
	case 4:
		rule = "RowCount " + order()
	case 5:
		rule = "ColumnValues " + pick("n", "x") + " " + pick(order(), "between -1 and 2", "not between 0 and 1", "in [0,1]", "not in [1,2]")
	case 6:
		rule = "ColumnValues s " + pick(`= "a"`, `!= "a"`, `in ["a",""]`, `not in ["b"]`)
	default:
		return pick("RowCountMatch ref ", "ReferentialIntegrity n ref.n ", "ReferentialIntegrity s ref.s ") + order()
	}
	if pick("all", "some") == "some" {
		rule += ` where "n > 0"`
	}
	if strings.HasPrefix(rule, "ColumnValues") && pick("", "t") == "t" {
		rule += " with threshold " + pick(">", ">=", "=") + " " + pick("0.5", "0.25")
	}
	return rule
}

func drawNaiveRows(r *rapid.T, d *duck, t *testing.T, table string) []naiveRow {
	rows := []naiveRow{}
	d.exec(t, "DELETE FROM "+table)
	var values []string
	for i := range rapid.IntRange(0, 6).Draw(r, "rows") {
		row := naiveRow{id: i}
		cells := []string{fmt.Sprint(i), "NULL", "NULL", "NULL"}
		if v := rapid.IntRange(-2, 3).Draw(r, "n"); v > -2 {
			row.n, cells[1] = &v, fmt.Sprint(v)
		}
		if v := rapid.SampledFrom([]float64{-9, 0, 0.5, 1, 2, -1.5}).Draw(r, "x"); v > -9 {
			row.x, cells[2] = &v, fmt.Sprint(v)
		}
		if v := rapid.SampledFrom([]string{"-", "", "a", "b"}).Draw(r, "s"); v != "-" {
			row.s, cells[3] = &v, job.Literal(v)
		}
		rows, values = append(rows, row), append(values, "("+strings.Join(cells, ",")+")")
	}
	if len(values) > 0 {
		d.exec(t, "INSERT INTO "+table+" VALUES "+strings.Join(values, ","))
	}
	return rows
}

// Whatever the rules and the rows: judged together, by queries that share scans, they say what each says by itself.
func TestTogetherAsOneByOne(t *testing.T) {
	d := newDuck(t)
	for _, table := range []string{"t", "ref"} {
		d.exec(t, "CREATE TABLE "+table+" (id INTEGER, n INTEGER, x DOUBLE, s VARCHAR)")
	}
	table := Table{Columns: d.columnsOf(t, "t"), Others: map[string][]job.Column{"ref": d.columnsOf(t, "ref")}, Now: time.Now()}
	rapid.Check(t, func(r *rapid.T) {
		rows, ref := drawNaiveRows(r, d, t, "t"), drawNaiveRows(r, d, t, "ref")
		var texts []string
		for range rapid.IntRange(1, 8).Draw(r, "rules") {
			texts = append(texts, drawNaiveRule(r, 2))
		}
		set, err := dqdl.Parse("Rules = [" + strings.Join(texts, ", ") + "]")
		if err != nil {
			r.Fatalf("%q: %v", texts, err)
		}
		checks, err := CompileRuleset(set, table)
		if err != nil {
			r.Fatal(err)
		}
		outcomes, _, err := checks.Judge(t.Context(), d, "t", map[string]string{"ref": "ref"})
		if err != nil {
			r.Fatalf("%q: %v", texts, err)
		}
		for i, o := range outcomes {
			if want := naive(set.Rules[i], rows, ref); o.Passed != want || o.Error {
				r.Fatalf("%s is %v (%s), by itself %v; rows %v", o.Rule.Text, o.Passed, o.Reason, want, rows)
			}
		}
	})
}
