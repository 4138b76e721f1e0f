// Package page draws a profile as one HTML page that needs nothing else: charts are SVG, and no network is asked.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/quality/profile"
)

//go:embed page.html
var text string

// Write draws a profile. notes are what a person should know of how the rows were read.
func Write(w io.Writer, p *profile.Profile, notes []string, at time.Time) error {
	t, err := template.New("profile").Funcs(template.FuncMap{
		"count": count, "percent": percent, "figure": figure, "bars": bars, "strip": strip, "width": width, "lower": strings.ToLower, "shown": shown,
	}).Parse(text)
	if err != nil {
		return fault.New(fault.Internal, "draw profile: %w", err)
	}
	v := view{Profile: p, Notes: notes, At: at.UTC().Format("2006-01-02 15:04 UTC"), Heat: heatOf(p), Personal: p.Personal(), Cells: int64(len(p.Columns)) * p.Rows}
	for i := range p.Columns {
		v.Missing += p.Columns[i].Missing
		v.Columns = append(v.Columns, columnOf(i, &p.Columns[i]))
	}
	if err := t.Execute(w, v); err != nil {
		return fault.New(fault.Unavailable, "write page: %w", err)
	}
	return nil
}

// view is what the template shows.
type view struct {
	*profile.Profile
	Notes          []string
	At             string
	Columns        []column
	Heat           *heat
	Personal       []string
	Missing, Cells int64
}

// Len is the number of columns.
func (v view) Len() int64 { return int64(len(v.Columns)) }

// MissingShare is the part of all values that are missing.
func (v view) MissingShare() float64 { return float64(v.Missing) / float64(v.Cells) }

// column is a column and what is written beside it.
type column struct {
	*profile.Column
	Anchor string
	Facts  []fact
	Shown  []profile.Value // of the top values
	Others int64           // rows that have none of them
	Low    string          // ends of the histogram
	High   string
}

type fact struct{ Label, Value string }

func columnOf(i int, c *profile.Column) column {
	v := column{Column: c, Anchor: fmt.Sprintf("c%d", i+1), Facts: facts(c)}
	const most = 8
	v.Shown = c.Top[:min(most, len(c.Top))]
	if c.Listed && len(c.Top) > most {
		for _, t := range c.Top[most:] {
			v.Others += t.Count
		}
	}
	if n := len(c.Histogram); n > 0 {
		v.Low, v.High = placeText(c, c.Histogram[0].From), placeText(c, lastOf(c))
	}
	return v
}

// lastOf is where the values in the last bar end.
func lastOf(c *profile.Column) float64 {
	last := c.Histogram[len(c.Histogram)-1]
	if n := c.Number; n != nil && n.Max >= last.From && n.Max < last.To {
		return n.Max
	}
	return last.To
}

func facts(c *profile.Column) []fact {
	different := count(c.Distinct)
	if !c.DistinctExact {
		different = "≈ " + different
	}
	out := []fact{{"filled", percent(c.Completeness)}, {"missing", count(c.Missing)}, {"different", different}}
	add := func(label, value string) { out = append(out, fact{label, value}) }
	if c.Min != nil {
		add("least", shown(*c.Min))
		add("greatest", shown(*c.Max))
	}
	if n := c.Number; n != nil && n.Count > 0 {
		add("mean", figure(n.Mean))
		if n.StdDev != nil {
			add("std. deviation", figure(*n.StdDev))
		}
		for _, o := range []struct {
			label string
			n     int64
		}{{"zero", n.Zeros}, {"negative", n.Negative}, {"NaN", n.NaN}, {"infinite", n.Infinite}} {
			if o.n > 0 {
				add(o.label, count(o.n))
			}
		}
	}
	for _, q := range c.Quantiles {
		add(fmt.Sprintf("%.0f %%", 100*q.Q), placeText(c, q.Value))
	}
	if t := c.Text; t != nil {
		add("length", count(t.MinLength)+" – "+count(t.MaxLength))
		add("mean length", figure(t.MeanLength))
		if t.Empty > 0 {
			add("empty", count(t.Empty))
		}
		if t.Blank > 0 {
			add("blank", count(t.Blank))
		}
	}
	return out
}

// bars draws a histogram 320 wide and 96 high.
func bars(c column) template.HTML { return drawn(c, 320, 96, true) }

// strip draws a small one for the table.
func strip(c column) template.HTML { return drawn(c, 96, 22, false) }

func drawn(c column, wide, high float64, told bool) template.HTML {
	var b strings.Builder
	var most int64
	for _, bin := range c.Histogram {
		most = max(most, bin.Count)
	}
	if most == 0 {
		return ""
	}
	fmt.Fprintf(&b, `<svg class="bars" viewBox="0 0 %g %g" preserveAspectRatio="none" role="img" aria-label="histogram">`, wide, high)
	n := float64(len(c.Histogram))
	step := wide / n
	gap := math.Min(2, step/5)
	for i, bin := range c.Histogram {
		if bin.Count == 0 {
			continue
		}
		h := math.Max(1.5, float64(bin.Count)/float64(most)*(high-2))
		fmt.Fprintf(&b, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" rx="1">`, float64(i)*step+gap/2, high-h, step-gap, h)
		if told {
			fmt.Fprintf(&b, "<title>%s – %s: %s</title>", template.HTMLEscapeString(placeText(c.Column, bin.From)), template.HTMLEscapeString(placeText(c.Column, bin.To)), count(bin.Count))
		}
		b.WriteString("</rect>")
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// heat is the map of correlations.
type heat struct {
	Names []string
	Rows  []heatRow
}

type heatRow struct {
	Name  string
	Cells []heatCell
}

type heatCell struct {
	Text  string
	Title string
	Style template.CSS
}

// mostHeat is how many columns the map shows.
const mostHeat = 16

// heatOf draws the columns with the strongest correlations; nil where there is none to speak of.
func heatOf(p *profile.Profile) *heat {
	const worth = 0.1
	in := map[string]bool{}
	for _, c := range p.Correlations {
		if math.Abs(c.R) < worth {
			break // the strongest come first
		}
		for _, n := range []string{c.A, c.B} {
			if len(in) < mostHeat {
				in[n] = true
			}
		}
	}
	if len(in) < 2 {
		return nil
	}
	r := map[[2]string]float64{}
	for _, c := range p.Correlations {
		r[[2]string{c.A, c.B}], r[[2]string{c.B, c.A}] = c.R, c.R
	}
	h := &heat{}
	for _, c := range p.Columns {
		if in[c.Name] {
			h.Names = append(h.Names, c.Name)
		}
	}
	for _, a := range h.Names {
		row := heatRow{Name: a}
		for _, b := range h.Names {
			row.Cells = append(row.Cells, cellOf(a, b, r))
		}
		h.Rows = append(h.Rows, row)
	}
	return h
}

func cellOf(a, b string, r map[[2]string]float64) heatCell {
	v, ok := r[[2]string{a, b}]
	switch {
	case a == b:
		return heatCell{Text: "·", Style: "color:var(--faint)"}
	case !ok:
		return heatCell{}
	}
	hue := "var(--plus)"
	if v < 0 {
		hue = "var(--minus)"
	}
	return heatCell{Text: strings.Replace(strconv.FormatFloat(v, 'f', 2, 64), "-0.00", "0.00", 1), Title: a + " and " + b,
		Style: template.CSS(fmt.Sprintf("background:color-mix(in srgb, %s %.0f%%, transparent)", hue, 85*math.Abs(v)))}
}

func width(share float64) template.CSS {
	return template.CSS(fmt.Sprintf("width:%.2f%%", 100*share))
}
