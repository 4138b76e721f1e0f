package cases

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/internal/source"
)

// Diff is how rows found differ from those expected.
type Diff struct {
	Columns []string
	Lines   []Line
}

// Line is one row that differs: '-' was expected and is missing, '+' was found and not expected, '~' was found with other
// values.
type Line struct {
	Mark  byte
	Cells []DiffCell
}

// DiffCell is a value of a line. Of a row with mark '~' Got is what was found where that differs.
type DiffCell struct {
	Want, Got string
	Differs   bool
}

// Sizes of a printed difference.
const (
	cellWidth = 40  // characters of one value
	lineWidth = 120 // of a table of values; wider rows are written as names and values
	maxLines  = 20  // rows that are shown
)

// String writes the difference for a person, a line a row.
func (d *Diff) String() string {
	shown := d.Lines[:min(len(d.Lines), maxLines)]
	text, ok := d.table(shown)
	if !ok {
		text = d.named(shown)
	}
	if hidden := len(d.Lines) - len(shown); hidden > 0 {
		text += fmt.Sprintf("  … and %d more rows that differ\n", hidden)
	}
	return text + d.legend(shown)
}

// legend explains the marks that are there.
func (d *Diff) legend(lines []Line) string {
	var parts []string
	for _, m := range []struct {
		mark byte
		says string
	}{{'-', "- expected, missing"}, {'+', "+ found, not expected"}, {'~', "~ expected → found"}} {
		for _, l := range lines {
			if l.Mark == m.mark {
				parts = append(parts, m.says)
				break
			}
		}
	}
	return "  (" + strings.Join(parts, "; ") + ")\n"
}

// table writes rows below the names of their columns; false where that is too wide.
func (d *Diff) table(lines []Line) (string, bool) {
	rows := [][]string{append([]string{" "}, d.Columns...)}
	for _, l := range lines {
		row := []string{string(l.Mark)}
		for _, c := range l.Cells {
			row = append(row, c.String())
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	total := 0
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + 2
	}
	if total > lineWidth {
		return "", false
	}
	var b strings.Builder
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			line += " " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String(), true
}

// named writes each row as names and values, broken into lines; of a row with other values those that differ stand first.
func (d *Diff) named(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		var parts, same []string
		for i, c := range l.Cells {
			part := d.Columns[i] + " " + c.String()
			if l.Mark == '~' && !c.Differs {
				same = append(same, part)
				continue
			}
			parts = append(parts, part)
		}
		line := "  " + string(l.Mark) + " "
		all := append(parts, same...)
		for i, part := range all {
			if i < len(all)-1 {
				part += ", "
			}
			if utf8.RuneCountInString(line)+utf8.RuneCountInString(part) > lineWidth && strings.TrimSpace(line) != "" {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = "      "
			}
			line += part
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// String writes a value; where another was found, both, from where they begin to differ.
func (c DiffCell) String() string {
	if !c.Differs {
		return short(c.Want, cellWidth)
	}
	want, got := []rune(c.Want), []rune(c.Got)
	if len(want) <= cellWidth && len(got) <= cellWidth {
		return c.Want + " → " + c.Got
	}
	same := 0
	for same < min(len(want), len(got)) && want[same] == got[same] {
		same++
	}
	if from := same - 10; from > 0 {
		return short("…"+string(want[from:]), cellWidth) + " → " + short("…"+string(got[from:]), cellWidth)
	}
	return short(c.Want, cellWidth) + " → " + short(c.Got, cellWidth)
}

// show writes a value so that null, an empty text and spaces at the ends can be told apart.
func show(v source.Text) string {
	if !v.Valid {
		return "null"
	}
	if v.Value == "" || v.Value == "null" || strings.TrimSpace(v.Value) != v.Value || strings.ContainsFunc(v.Value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(v.Value)
	}
	return v.Value
}

func short(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return text
}
