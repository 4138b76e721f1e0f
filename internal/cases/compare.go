package cases

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"weir/internal/job"
	"weir/internal/source"
)

// comparison holds two lists of rows against each other.
type comparison struct {
	columns   []job.Column
	key       []int // columns that pair rows which differ, nil for none
	tolerance float64
	ordered   bool
}

// compare gives what differs, and says it in a word; "" where nothing does.
func (c comparison) compare(want, got [][]source.Text) (*Diff, string) {
	missing, unexpected := c.unmatched(want, got)
	if len(missing)+len(unexpected) == 0 {
		if c.ordered {
			return nil, c.misplaced(want, got)
		}
		return nil, ""
	}
	d := &Diff{Columns: namesOf(c.columns)}
	pairs := c.pairs(want, got, missing, unexpected)
	paired, taken := map[int]int{}, map[int]bool{}
	for _, p := range pairs {
		paired[p.want] = p.got
		taken[p.got] = true
	}
	changed := 0
	for _, w := range missing {
		if g, ok := paired[w]; ok {
			changed++
			d.Lines = append(d.Lines, c.changed(want[w], got[g]))
			continue
		}
		d.Lines = append(d.Lines, plain('-', want[w]))
	}
	for _, g := range unexpected {
		if !taken[g] {
			d.Lines = append(d.Lines, plain('+', got[g]))
		}
	}
	message := "differ: " + words([]int{len(missing) - changed, len(unexpected) - changed, changed}, []string{"missing", "unexpected", "changed"})
	return d, fmt.Sprintf("%s (%d expected, %d found)", message, len(want), len(got))
}

// unmatched pairs equal rows off and gives the places of the others.
func (c comparison) unmatched(want, got [][]source.Text) (missing, unexpected []int) {
	byGroup := map[string][]int{} // rows found that are not matched yet, by the values that must be equal as texts
	for i, row := range got {
		group := c.group(row)
		byGroup[group] = append(byGroup[group], i)
	}
	match := func(w int, equal func(a, b []source.Text) bool) bool {
		group := c.group(want[w])
		for at, g := range byGroup[group] {
			if !equal(want[w], got[g]) {
				continue
			}
			if at == 0 {
				byGroup[group] = byGroup[group][1:]
			} else {
				byGroup[group] = slices.Delete(byGroup[group], at, at+1)
			}
			return true
		}
		return false
	}
	// First what is just the same, then what is near enough. In rows with one float, going from the least on finds a partner for
	// every row that can have one; taking equal rows before would spoil that.
	left := make([]int, 0, len(want))
	for w := range want {
		if c.floats() == 1 || !match(w, slices.Equal[[]source.Text]) {
			left = append(left, w)
		}
	}
	slices.SortStableFunc(left, func(a, b int) int { return c.byFloats(want[a], want[b]) })
	for _, group := range byGroup {
		slices.SortStableFunc(group, func(a, b int) int { return c.byFloats(got[a], got[b]) })
	}
	for _, w := range left {
		if !match(w, c.equal) {
			missing = append(missing, w)
		}
	}
	slices.Sort(missing)
	for _, rest := range byGroup {
		unexpected = append(unexpected, rest...)
	}
	slices.Sort(unexpected)
	return missing, unexpected
}

// group is a row without its floats.
func (c comparison) group(row []source.Text) string {
	var b strings.Builder
	for i, v := range row {
		switch {
		case c.float(i):
		case !v.Valid:
			b.WriteString("~;")
		default:
			fmt.Fprintf(&b, "%d:%s;", len(v.Value), v.Value)
		}
	}
	return b.String()
}

func (c comparison) floats() (n int) {
	for i := range c.columns {
		if c.float(i) {
			n++
		}
	}
	return n
}

func (c comparison) float(column int) bool {
	return c.columns[column].Type == "DOUBLE" || c.columns[column].Type == "FLOAT"
}

// byFloats orders rows by their floats, null and NaN first.
func (c comparison) byFloats(a, b []source.Text) int {
	for i := range c.columns {
		if !c.float(i) {
			continue
		}
		x, _ := strconv.ParseFloat(a[i].Value, 64)
		y, _ := strconv.ParseFloat(b[i].Value, 64)
		if n := cmp.Compare(x, y); n != 0 {
			return n
		}
	}
	return 0
}

func (c comparison) equal(a, b []source.Text) bool {
	for i := range a {
		if !c.same(i, a[i], b[i]) {
			return false
		}
	}
	return true
}

// same compares two values of a column. Floats are numbers: -0 is 0, and NaN itself.
func (c comparison) same(column int, a, b source.Text) bool {
	if a == b {
		return true
	}
	if !c.float(column) || !a.Valid || !b.Valid {
		return false
	}
	x, xerr := strconv.ParseFloat(a.Value, 64)
	y, yerr := strconv.ParseFloat(b.Value, 64)
	if xerr != nil || yerr != nil {
		return false
	}
	return x == y || math.Abs(x-y) <= c.tolerance
}

// misplaced says where rows begin to stand in another order.
func (c comparison) misplaced(want, got [][]source.Text) string {
	for i := range want {
		if !c.equal(want[i], got[i]) {
			return fmt.Sprintf("stand in another order from row %d on: expected %s, found %s", i+1, oneRow(c.columns, want[i]), oneRow(c.columns, got[i]))
		}
	}
	return ""
}

func oneRow(columns []job.Column, row []source.Text) string {
	parts := make([]string, len(row))
	for i, v := range row {
		parts[i] = columns[i].Name + " " + short(show(v), cellWidth)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// pair is an expected row and the row found that stands in its place.
type pair struct{ want, got, differ int }

// comparable bounds how many rows are held against each other to find pairs without a key.
const comparable = 200

// pairs finds rows that are one row with other values: those of one key, or, where there is no key, those that are equal in
// half of their columns, the most equal ones first.
func (c comparison) pairs(want, got [][]source.Text, missing, unexpected []int) (out []pair) {
	var all []pair
	if len(c.key) > 0 {
		all = c.byKey(want, got, missing, unexpected)
	} else {
		for _, w := range missing[:min(len(missing), comparable)] {
			for _, g := range unexpected[:min(len(unexpected), comparable)] {
				if n := c.differing(want[w], got[g]); n <= max(1, len(c.columns)/2) && n < len(c.columns) {
					all = append(all, pair{w, g, n})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return a.differ - b.differ })
	wants, gots := map[int]bool{}, map[int]bool{}
	for _, p := range all {
		if !wants[p.want] && !gots[p.got] {
			wants[p.want], gots[p.got] = true, true
			out = append(out, p)
		}
	}
	return out
}

func (c comparison) byKey(want, got [][]source.Text, missing, unexpected []int) (all []pair) {
	key := func(row []source.Text) string {
		var b strings.Builder
		for _, k := range c.key {
			fmt.Fprintf(&b, "%v%d:%s;", row[k].Valid, len(row[k].Value), row[k].Value)
		}
		return b.String()
	}
	at := map[string][]int{}
	for _, g := range unexpected {
		at[key(got[g])] = append(at[key(got[g])], g)
	}
	for _, w := range missing {
		k := key(want[w])
		if len(at[k]) > 0 {
			all = append(all, pair{want: w, got: at[k][0]})
			at[k] = at[k][1:]
		}
	}
	return all
}

func (c comparison) differing(a, b []source.Text) (n int) {
	for i := range a {
		if !c.same(i, a[i], b[i]) {
			n++
		}
	}
	return n
}

// changed is the line of a pair.
func (c comparison) changed(want, got []source.Text) Line {
	l := Line{Mark: '~'}
	for i := range want {
		cell := DiffCell{Want: show(want[i])}
		if !c.same(i, want[i], got[i]) {
			cell.Differs, cell.Got = true, show(got[i])
		}
		l.Cells = append(l.Cells, cell)
	}
	return l
}

func plain(mark byte, row []source.Text) Line {
	l := Line{Mark: mark}
	for _, v := range row {
		l.Cells = append(l.Cells, DiffCell{Want: show(v)})
	}
	return l
}
