package cli

import (
	"fmt"
	"strings"

	"weir/internal/diff"
)

// printDiff writes a comparison for a person: what was compared, then columns, rows, values, samples.
func (w *workspace) printDiff(r diffReport) {
	out := w.app.out
	fmt.Fprintf(out, "was  %s\nis   %s\n", r.Was.words(), r.Is.words())
	if !r.Different {
		fmt.Fprintf(out, "no difference%s\n", compared(r.Rows))
		return
	}
	if len(r.Schema) > 0 {
		fmt.Fprintln(out, "\ncolumns")
		g := &grid{}
		for _, c := range r.Schema {
			g.add(c.cells()...)
		}
		g.write(out)
	}
	fmt.Fprintln(out)
	w.printRowCounts(r)
	w.printValues(r)
	w.printSamples(r.Rows)
}

func (s sideReport) words() string {
	text := s.Table
	if s.Env != "" {
		text += " of " + s.Env
	}
	if s.Branch != "" {
		text += " on branch " + s.Branch
	}
	if s.Snapshot == 0 {
		return text + ", not built"
	}
	text += ", " + s.snapshot() + ", " + when(s.At) + " UTC"
	if s.Run != "" {
		text += ", run " + s.Run
	}
	return text + ", " + plural(s.Rows, "row")
}

func (s sideReport) snapshot() string {
	if s.Number > 0 {
		return "snapshot " + fmt.Sprint(s.Number)
	}
	return "snapshot " + fmt.Sprint(s.Snapshot)
}

func (c schemaChange) cells() []string {
	switch c.Change {
	case "added":
		return []string{"  + " + c.Column, c.Is}
	case "removed":
		return []string{"  - " + c.Column, c.Was}
	case "renamed":
		return []string{"  ~ " + c.Column, "was named " + c.Was}
	}
	text := c.Was + " → " + c.Is
	switch c.ComparedAs {
	case c.Is, c.Was:
	case "VARCHAR":
		text += ", compared as text"
	default:
		text += ", compared as " + c.ComparedAs
	}
	return []string{"  ~ " + c.Column, text}
}

// compared says how rows were told apart, where that is not plain.
func compared(r diff.Result) string {
	switch {
	case len(r.Compared) == 0:
		return ": the two have no column in common, so only their rows were counted"
	case len(r.Key) == 0:
		return "; without a key whole rows were compared, each as often as it stands there"
	}
	return " by key " + list(r.Key)
}

func (w *workspace) printRowCounts(r diffReport) {
	rows := r.Rows
	if len(rows.Compared) == 0 {
		fmt.Fprintf(w.app.out, "rows: %s were %s%s\n", count(r.Is.Rows), count(r.Was.Rows), compared(rows))
		return
	}
	text := fmt.Sprintf("rows: %s added, %s removed", count(rows.Added), count(rows.Removed))
	if len(rows.Key) > 0 {
		text += fmt.Sprintf(", %s changed", count(rows.Changed))
	}
	text += fmt.Sprintf(", %s the same", count(max(0, r.Was.Rows-rows.Removed-rows.Changed)))
	fmt.Fprintln(w.app.out, text+compared(rows))
	if rows.Repeated > 0 {
		fmt.Fprintf(w.app.out, "%s more than one row: such rows were compared whole\n", stand(rows.Repeated))
	}
	if rows.NullKeys > 0 {
		fmt.Fprintf(w.app.out, "%s a null in the key: such rows were compared whole\n", have(rows.NullKeys))
	}
}

func stand(keys int64) string {
	if keys == 1 {
		return "1 key stands in"
	}
	return count(keys) + " keys stand in"
}

func have(rows int64) string {
	if rows == 1 {
		return "1 row has"
	}
	return count(rows) + " rows have"
}

// printValues says in which columns values changed, and in how many of the rows that both sides have.
func (w *workspace) printValues(r diffReport) {
	if len(r.Rows.Values) == 0 {
		return
	}
	both := r.Was.Rows - r.Rows.Removed
	fmt.Fprintf(w.app.out, "\nchanged values, of %s on both sides\n", plural(both, "row"))
	g := &grid{}
	for _, v := range r.Rows.Values {
		g.add("  "+v.Column, count(v.Changed), share(v.Changed, both))
	}
	g.write(w.app.out)
}

func share(n, of int64) string {
	if of <= 0 {
		return ""
	}
	percent := 100 * float64(n) / float64(of)
	switch {
	case n > 0 && percent < 0.1:
		return "< 0.1 %"
	case n < of && percent > 99.9:
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", percent)
}

// Bounds of what a terminal shows of a row.
const (
	shownColumns = 10
	shownChars   = 40
)

func (w *workspace) printSamples(r diff.Result) {
	if changed := r.Samples.Changed; len(changed) > 0 {
		fmt.Fprintf(w.app.out, "\nchanged%s\n", sampled(len(changed), r.Changed))
		w.printChanged(r.Key, changed)
	}
	for _, part := range []struct {
		word string
		rows [][]*string
		n    int64
	}{{"added", r.Samples.Added, r.Added}, {"removed", r.Samples.Removed, r.Removed}} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintf(w.app.out, "\n%s%s\n", part.word, sampled(len(part.rows), part.n))
		n := min(len(r.Samples.Columns), shownColumns)
		g := &grid{head: indent(r.Samples.Columns[:n])}
		for _, row := range part.rows {
			g.add(indent(short(row[:n]))...)
		}
		g.write(w.app.out)
		if more := len(r.Samples.Columns) - n; more > 0 {
			fmt.Fprintf(w.app.out, "  … and %s more; --columns chooses\n", plural(int64(more), "column"))
		}
	}
}

func (w *workspace) printChanged(key []string, rows []diff.ChangedRow) {
	g := &grid{head: append(indent(key), "column", "was", "is")}
	for _, row := range rows {
		cells := short(row.Key)
		for i, v := range row.Values {
			if i == shownColumns {
				g.add(append(indent(cells), fmt.Sprintf("… %d more", len(row.Values)-i), "", "")...)
				break
			}
			pair := short([]*string{v.Was, v.Is})
			g.add(append(indent(cells), v.Column, pair[0], pair[1])...)
			cells = make([]string, len(key)) // said once a row
		}
	}
	g.write(w.app.out)
}

func sampled(shown int, of int64) string {
	if int64(shown) == of {
		return ""
	}
	return fmt.Sprintf(", %d of %s", shown, count(of))
}

// indent sets the first cell of a line in.
func indent(cells []string) []string {
	out := append([]string(nil), cells...)
	if len(out) > 0 {
		out[0] = "  " + out[0]
	}
	return out
}

// short makes values fit a terminal.
func short(row []*string) []string {
	out := make([]string, len(row))
	for i, v := range row {
		if v == nil {
			out[i] = "NULL"
			continue
		}
		text := []rune(strings.NewReplacer("\n", "\\n", "\r", "\\r", "\t", "\\t").Replace(*v))
		if len(text) > shownChars {
			text = append(text[:shownChars-1], '…')
		}
		out[i] = string(text)
	}
	return out
}
