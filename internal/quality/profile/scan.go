package profile

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// summed sums up the columns whose values were not counted, many in one scan.
func (p *profiler) summed(ctx context.Context) error {
	var many []int
	for i := range p.out.Columns {
		if !p.out.Columns[i].Listed {
			many = append(many, i)
		}
	}
	for part := range slices.Chunk(many, chunk) {
		err := p.sum(ctx, part, true)
		if err != nil && fault.ClassOf(err) == fault.Data {
			// A deviation is more than a DOUBLE holds; the engine does not say of which column.
			err = p.sum(ctx, part, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// measured is an aggregate and where its value goes.
type measured struct {
	sql  string
	take func(v any)
}

func (p *profiler) sum(ctx context.Context, part []int, deviation bool) error {
	var all []measured
	for _, i := range part {
		all = append(all, p.measures(&p.out.Columns[i], &p.looks[i], deviation)...)
	}
	items := make([]string, len(all))
	for i, m := range all {
		items[i] = m.sql
	}
	return p.q.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+p.relation, func(row []any) error {
		for i, v := range row {
			all[i].take(v)
		}
		return nil
	})
}

// measures are the aggregates of one column.
func (p *profiler) measures(c *Column, l *look, deviation bool) []measured {
	name := job.Quote(c.Name)
	out := []measured{{"count(" + name + ")::BIGINT", func(v any) { c.Missing = p.out.Rows - whole(v) }}}
	if p.out.Whole() && c.Kind.listable() && !l.clipped {
		c.Distinct, c.DistinctExact = int64(len(l.counts)), true // each was seen
	} else {
		out = append(out, p.distinct(c, l, name))
	}
	if n := c.size(); n != "" {
		c.Text = &Text{}
		out = append(out, measured{"min(" + n + ")::BIGINT", func(v any) { c.Text.MinLength = whole(v) }},
			measured{"max(" + n + ")::BIGINT", func(v any) { c.Text.MaxLength = whole(v) }},
			measured{"avg(" + n + ")::DOUBLE", func(v any) { c.Text.MeanLength = real(v) }})
	}
	switch c.Kind {
	case Numbers:
		return append(out, numberMeasures(c, name, deviation)...)
	case Times:
		finite := "CASE WHEN isfinite(" + name + ") THEN " + name + " END"
		return append(out, ends(c, "min("+finite+")::VARCHAR", "max("+finite+")::VARCHAR")...)
	case Texts:
		text := name
		if !strings.EqualFold(c.Type, "VARCHAR") {
			text = name + "::VARCHAR"
		}
		return append(append(out, ends(c, "left(min("+text+"), 128)", "left(max("+text+"), 128)")...),
			measured{"count_if(" + text + " = '')::BIGINT", func(v any) { c.Text.Empty = whole(v) }},
			// Only a text that begins with a space can be blank; those are few.
			measured{"count_if(starts_with(" + text + ", ' ') AND trim(" + text + ") = '')::BIGINT", func(v any) { c.Text.Blank = whole(v) }})
	}
	return out
}

// keptHashes is about how many hashes of different values are kept to count them.
const keptHashes = 32_768

// distinct counts different values by their hashes. Where there seem to be many, it counts those whose hash ends in some
// zeros and takes the others to be as many in each share: that is right to about one in a hundred, and cheaper and nearer than the
// engine's sketch.
func (p *profiler) distinct(c *Column, l *look, name string) measured {
	zeros := 0
	for guess := l.different(p.out.Rows); guess > keptHashes; guess /= 2 {
		zeros++
	}
	c.DistinctExact = zeros == 0
	if zeros == 0 {
		return measured{"count(DISTINCT CASE WHEN " + name + " IS NOT NULL THEN hash(" + name + ") END)::BIGINT", func(v any) { c.Distinct = whole(v) }}
	}
	sql := fmt.Sprintf("count(DISTINCT CASE WHEN hash(%s) %% %d = 0 AND %s IS NOT NULL THEN hash(%s) END)::BIGINT", name, 1<<zeros, name, name)
	return measured{sql, func(v any) { c.Distinct = max(whole(v)<<zeros, int64(len(l.counts))) }}
}

// different guesses how many different values a column has from how many the rows looked at have, as if all came equally often:
// where they do not there are more.
func (l *look) different(rows int64) float64 {
	n, d := float64(l.present), float64(len(l.counts))
	if d >= n {
		return float64(rows)
	}
	low, high := d, float64(rows)
	for range 60 {
		if mid := (low + high) / 2; mid*(1-math.Exp(-n/mid)) < d {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

func ends(c *Column, least, greatest string) []measured {
	return []measured{{least, func(v any) { c.Min = words(v) }}, {greatest, func(v any) { c.Max = words(v) }}}
}

func numberMeasures(c *Column, name string, deviation bool) []measured {
	n := &Number{}
	c.Number = n
	value := name
	var out []measured
	if floating(c.Type) {
		value = "CASE WHEN isfinite(" + name + ") THEN " + name + " END"
		out = append(out, measured{"count_if(isnan(" + name + "))::BIGINT", func(v any) { n.NaN = whole(v) }},
			measured{"count_if(isinf(" + name + "))::BIGINT", func(v any) { n.Infinite = whole(v) }})
	}
	out = append(out,
		measured{"min(" + value + ")::VARCHAR", func(v any) { c.Min, n.Min = words(v), parsed(v) }},
		measured{"max(" + value + ")::VARCHAR", func(v any) { c.Max, n.Max = words(v), parsed(v) }},
		measured{"avg(" + value + ")::DOUBLE", func(v any) { n.Mean = real(v) }},
		measured{"count_if(" + name + " = 0)::BIGINT", func(v any) { n.Zeros = whole(v) }},
		measured{"count_if(" + value + " < 0)::BIGINT", func(v any) { n.Negative = whole(v) }})
	if deviation {
		out = append(out, measured{"stddev_pop(" + value + "::DOUBLE)::DOUBLE", func(v any) {
			if d, ok := v.(float64); ok {
				n.StdDev = &d
			}
		}})
	}
	return out
}

func parsed(v any) float64 {
	s, _ := v.(string)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
