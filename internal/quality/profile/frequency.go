package profile

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"weir/internal/job"
)

// sets is how many columns are counted value by value in one query.
const sets = 30

// counted counts the values of the columns with few of them. A column that turns out to have many is left to summed.
func (p *profiler) counted(ctx context.Context) error {
	var few []int
	for i := range p.out.Columns {
		if p.looks[i].few(p.out.Whole()) {
			few = append(few, i)
		}
	}
	for part := range slices.Chunk(few, sets) {
		if err := p.countValues(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// frequency is a value and how often it comes.
type frequency struct {
	null, blank bool
	text        string
	place       float64 // NaN for none
	size        int64
	count       int64
}

func (p *profiler) countValues(ctx context.Context, part []int) error {
	var names, each, texts, places, sizes, blanks []string
	for k, i := range part {
		c := &p.out.Columns[i]
		name := job.Quote(c.Name)
		names, each = append(names, name), append(each, "("+name+")")
		// Of a set's id the bit of its own column is 0, all others are 1.
		when := fmt.Sprintf("WHEN %d THEN ", 1<<len(part)-1-1<<(len(part)-1-k))
		texts = append(texts, when+c.text())
		if at := c.place(); at != "" {
			places = append(places, when+at)
		}
		if n := c.size(); n != "" {
			sizes = append(sizes, when+n)
			blanks = append(blanks, when+"trim("+c.text()+") = ''")
		}
	}
	sql := fmt.Sprintf("SELECT g, %s, %s::DOUBLE, %s::BIGINT, %s::BOOLEAN, n FROM (SELECT grouping_id(%s)::BIGINT AS g, %s, count(*)::BIGINT AS n FROM %s GROUP BY GROUPING SETS (%s)) LIMIT %d",
		pick(texts), pick(places), pick(sizes), pick(blanks), strings.Join(names, ", "), strings.Join(names, ", "), p.relation, strings.Join(each, ", "), sets*mostValues)
	found, rows := map[int64][]frequency{}, 0
	err := p.q.Query(ctx, sql, func(row []any) error {
		f := frequency{place: math.NaN(), size: whole(row[3]), count: whole(row[5])}
		text := words(row[1])
		if f.null = text == nil; !f.null {
			f.text = *text
		}
		if at, ok := row[2].(float64); ok {
			f.place = at
		}
		f.blank, _ = row[4].(bool)
		g := whole(row[0])
		found[g] = append(found[g], f)
		rows++
		return nil
	})
	if err != nil || rows == sets*mostValues {
		return err
	}
	for k, i := range part {
		values := found[int64(1<<len(part)-1-1<<(len(part)-1-k))]
		if len(values) <= mostValues {
			p.out.Columns[i].fill(values, p.out.Rows)
		}
	}
	return nil
}

func pick(cases []string) string {
	if len(cases) == 0 {
		return "NULL"
	}
	return "CASE g " + strings.Join(cases, " ") + " END"
}

// fill is all that is known of a column from how often each of its values comes.
func (c *Column) fill(values []frequency, rows int64) {
	var some []frequency
	for _, v := range values {
		if v.null {
			c.Missing = v.count
		} else {
			some = append(some, v)
		}
	}
	c.Listed, c.Distinct, c.DistinctExact = true, int64(len(some)), true
	slices.SortFunc(some, func(a, b frequency) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.place, b.place), cmp.Compare(a.text, b.text))
	})
	for _, v := range some {
		c.Top = append(c.Top, Value{Value: v.text, Count: v.count, Share: float64(v.count) / float64(rows-c.Missing)})
	}
	c.ends(some)
	c.measure(some)
	c.spread(some)
}

// ends finds the least and the greatest value.
func (c *Column) ends(values []frequency) {
	order := func(a, b frequency) int { return cmp.Compare(a.text, b.text) }
	if c.Kind == Numbers || c.Kind == Times {
		order = func(a, b frequency) int { return cmp.Compare(a.place, b.place) }
		values = slices.DeleteFunc(slices.Clone(values), func(f frequency) bool { return math.IsNaN(f.place) || math.IsInf(f.place, 0) })
	}
	if len(values) > 0 {
		least, greatest := slices.MinFunc(values, order).text, slices.MaxFunc(values, order).text
		c.Min, c.Max = &least, &greatest
	}
}

// measure sums up numbers and texts.
func (c *Column) measure(values []frequency) {
	switch {
	case c.Kind == Numbers:
		c.Number = numberOf(values)
	case c.size() != "" && len(values) > 0:
		t := &Text{MinLength: math.MaxInt64}
		var sum, n int64
		for _, v := range values {
			t.MinLength, t.MaxLength = min(t.MinLength, v.size), max(t.MaxLength, v.size)
			sum, n = sum+v.size*v.count, n+v.count
			switch {
			case v.size == 0:
				t.Empty += v.count
			case v.blank:
				t.Blank += v.count
			}
		}
		t.MeanLength = float64(sum) / float64(n)
		c.Text = t
	}
}

func numberOf(values []frequency) *Number {
	n := &Number{Min: math.Inf(1), Max: math.Inf(-1)}
	squares := 0.0
	for _, v := range values {
		switch {
		case math.IsNaN(v.place):
			n.NaN += v.count
			continue
		case math.IsInf(v.place, 0):
			n.Infinite += v.count
			continue
		case v.place == 0:
			n.Zeros += v.count
		case v.place < 0:
			n.Negative += v.count
		}
		n.Min, n.Max = min(n.Min, v.place), max(n.Max, v.place)
		n.Count += v.count
		step := v.place - n.Mean
		n.Mean += step * float64(v.count) / float64(n.Count)
		squares += float64(v.count) * step * (v.place - n.Mean)
	}
	if n.Count == 0 {
		n.Min, n.Max = 0, 0
		return n
	}
	if d := math.Sqrt(squares / float64(n.Count)); !math.IsInf(d, 0) && !math.IsNaN(d) {
		n.StdDev = &d
	}
	return n
}
