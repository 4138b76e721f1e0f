package cli

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"weir/internal/quality/profile"
)

// profileWidth is how wide a profile is printed.
const profileWidth = 80

// printProfile prints a profile for a person.
func printProfile(out io.Writer, p *profile.Profile, notes []string) {
	head := fmt.Sprintf("%s · %s · %s", p.Name, plural(p.Rows, "row"), plural(int64(len(p.Columns)), "column"))
	if !p.Whole() {
		head += " · " + count(p.Looked) + " looked at one by one"
	}
	lines(out, "", head)
	for _, n := range notes {
		fmt.Fprintln(out, "  note: "+n)
	}
	for i := range p.Columns {
		fmt.Fprintln(out)
		printColumn(out, &p.Columns[i])
	}
	printCorrelations(out, p)
	if names := p.Personal(); len(names) > 0 {
		fmt.Fprintln(out)
		lines(out, "personal data in: ", strings.Join(names, ", "))
	}
	if !p.Whole() {
		fmt.Fprintln(out, "\n~ estimated: different values from a part of their hashes, spread and frequent\nvalues from the rows looked at; everything else is of all rows")
	}
}

func printColumn(out io.Writer, c *profile.Column) {
	right := "filled " + percent(c.Completeness) + "  " + tilde(!c.DistinctExact) + count(c.Distinct) + " different"
	left := fitted(c.Name, 30) + "  " + fitted(strings.ToLower(c.Type), 24)
	gap := profileWidth - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	fmt.Fprintln(out, left+strings.Repeat(" ", max(2, gap))+right)
	if c.Distinct == 0 {
		return
	}
	for _, line := range []string{rangeText(c), spreadText(c)} {
		if line != "" {
			fmt.Fprintln(out, "  "+fitted(line, profileWidth-2))
		}
	}
	if len(c.Top) > 0 && (c.Distinct > 1 || c.Kind != profile.Numbers) {
		lines(out, "  values: "+tilde(c.TopEstimated), valuesText(c.Top, c.Distinct, profileWidth-12))
	}
	if len(c.Patterns) > 0 && (c.Distinct > 20 || c.Meaning != nil) {
		lines(out, "  form: ", valuesText(c.Patterns, int64(len(c.Patterns)), profileWidth-10))
	}
	if c.Inferred != "" {
		fmt.Fprintln(out, "  every text is a "+strings.ToLower(c.Inferred))
	}
	if m := c.Meaning; m != nil {
		text := "  likely: " + m.String() + " (" + m.Why + ")"
		if m.Personal {
			text += ", personal data"
		}
		fmt.Fprintln(out, text)
	}
}

// rangeText is where the values of a column lie.
func rangeText(c *profile.Column) string {
	var parts []string
	switch {
	case c.Min != nil && c.Kind != profile.Texts && c.Kind != profile.Truth:
		parts = append(parts, *c.Min+" … "+*c.Max)
	case c.Text != nil && c.Text.MinLength == c.Text.MaxLength:
		parts = append(parts, plural(c.Text.MaxLength, unitOf(c))+" each")
	case c.Text != nil:
		parts = append(parts, fmt.Sprintf("%s to %s, %s on average", count(c.Text.MinLength), plural(c.Text.MaxLength, unitOf(c)), figure(c.Text.MeanLength)))
	}
	if n := c.Number; n != nil && n.Count > 0 {
		mean := "mean " + figure(n.Mean)
		if n.StdDev != nil {
			mean += " ± " + figure(*n.StdDev)
		}
		parts = append(parts, mean)
		parts = counted64(parts, []tally{{n.Zeros, "zero"}, {n.Negative, "negative"}, {n.NaN, "NaN"}, {n.Infinite, "infinite"}})
	}
	if t := c.Text; t != nil {
		parts = counted64(parts, []tally{{t.Empty, "empty"}, {t.Blank, "blank"}})
	}
	return strings.Join(parts, " · ")
}

type tally struct {
	n    int64
	what string
}

func counted64(parts []string, all []tally) []string {
	for _, t := range all {
		if t.n > 0 {
			parts = append(parts, count(t.n)+" "+t.what)
		}
	}
	return parts
}

func unitOf(c *profile.Column) string {
	switch c.Kind {
	case profile.Binary:
		return "byte"
	case profile.Lists:
		return "element"
	}
	return "character"
}

// spreadText draws a histogram, with the quantiles beside it.
func spreadText(c *profile.Column) string {
	if len(c.Histogram) < 2 || c.Distinct < 3 {
		return ""
	}
	var most int64
	for _, b := range c.Histogram {
		most = max(most, b.Count)
	}
	bars := []rune(" ▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, bin := range c.Histogram {
		i := 0
		if bin.Count > 0 {
			i = max(1, int(math.Round(float64(bin.Count)*8/float64(most))))
		}
		b.WriteRune(bars[i])
	}
	text := tilde(c.Estimated) + "▕" + b.String() + "▏"
	if q := c.Quantiles; len(q) == 5 {
		text += fmt.Sprintf("  median %s, 90 %% in %s … %s", placeText(c, q[2].Value), placeText(c, q[0].Value), placeText(c, q[4].Value))
	}
	return text
}

// placeText writes a number, or the day of a time given in seconds.
func placeText(c *profile.Column, v float64) string {
	if c.Kind != profile.Times {
		return figure(v)
	}
	return time.Unix(int64(v), 0).UTC().Format(time.DateOnly)
}

// valuesText lists values with their shares, as many as fit.
func valuesText(all []profile.Value, distinct int64, width int) string {
	var b strings.Builder
	for i, v := range all {
		item := shown(v.Value) + " " + percent(v.Share)
		if i > 0 {
			item = ", " + item
		}
		if i > 0 && utf8.RuneCountInString(b.String()+item) > width-2 {
			break
		}
		b.WriteString(item)
		if i == len(all)-1 && int64(len(all)) == distinct {
			return b.String()
		}
	}
	return b.String() + " …"
}

// shown makes a value readable in a line: what cannot be seen is written out.
func shown(text string) string {
	if strings.TrimSpace(text) == "" {
		return strconv.Quote(text)
	}
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '·'
		}
		return r
	}, text)
	return fitted(clean, 32)
}

func fitted(text string, width int) string {
	r := []rune(text)
	if len(r) <= width {
		return text
	}
	return string(r[:width-1]) + "…"
}

// percent writes a part of 1 as percent; what is not all is never written as 100.
func percent(part float64) string {
	switch {
	case part == 0, part == 1:
		return fmt.Sprintf("%.0f %%", 100*part)
	case part > 0.999:
		return ">99.9 %"
	case part < 0.001:
		return "<0.1 %"
	case part > 0.99, part < 0.1:
		return fmt.Sprintf("%.1f %%", 100*part)
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// figure writes a number in four digits that count.
func figure(f float64) string {
	size := math.Abs(f)
	switch {
	case size >= 1e15 || size > 0 && size < 1e-4:
		return strconv.FormatFloat(f, 'g', 4, 64)
	case size >= 1000:
		return count(int64(math.Round(f)))
	}
	digits := 3
	if size >= 1 {
		digits = 3 - int(math.Log10(size))
	}
	text := strconv.FormatFloat(f, 'f', max(digits, 0), 64)
	if size < 1 {
		text = strconv.FormatFloat(f, 'g', 4, 64)
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func tilde(estimated bool) string {
	if estimated {
		return "~"
	}
	return ""
}

func printCorrelations(out io.Writer, p *profile.Profile) {
	const clear, most = 0.3, 8
	g := &grid{}
	for _, c := range p.Correlations {
		if math.Abs(c.R) >= clear && len(g.rows) < most {
			g.add("  "+fitted(c.A, 30), fitted(c.B, 30), fmt.Sprintf("%.2f", c.R))
		}
	}
	if len(g.rows) > 0 {
		fmt.Fprintln(out, "\ncorrelations")
		g.write(out)
	}
}

// lines prints a text behind its label, broken between words.
func lines(out io.Writer, label, text string) {
	line := label
	for i, w := range strings.Split(text, " ") {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > profileWidth {
			fmt.Fprintln(out, line)
			line = strings.Repeat(" ", utf8.RuneCountInString(label)) + w
			continue
		}
		if i > 0 {
			line += " "
		}
		line += w
	}
	fmt.Fprintln(out, line)
}
