package profile

import (
	"cmp"
	"math"
	"slices"
)

// shares are the quantiles that are told.
var shares = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

// spread tells quantiles and histogram of values with a place.
func (c *Column) spread(values []frequency) {
	var at []frequency
	var total int64
	for _, v := range values {
		if !math.IsNaN(v.place) && !math.IsInf(v.place, 0) {
			at = append(at, v)
			total += v.count
		}
	}
	if total == 0 {
		return
	}
	slices.SortFunc(at, func(a, b frequency) int { return cmp.Compare(a.place, b.place) })
	for _, q := range shares {
		c.Quantiles = append(c.Quantiles, Quantile{q, quantile(at, total, q)})
	}
	c.Histogram = histogram(at, total)
}

// quantile is the least value that a share of the values does not exceed. Values are sorted.
func quantile(values []frequency, total int64, q float64) float64 {
	rank := int64(math.Ceil(q * float64(total)))
	for _, v := range values {
		if rank -= v.count; rank <= 0 {
			return v.place
		}
	}
	return values[len(values)-1].place
}

// histogram parts the range of sorted values evenly. Where single values lie far out it parts the range of the others, so
// that these show.
func histogram(values []frequency, total int64) []Bin {
	low, high := values[0].place, values[len(values)-1].place
	near, far := quantile(values, total, 0.01), quantile(values, total, 0.99)
	if room := far - near; room > 0 {
		if near-low > 2*room {
			low = near
		}
		if high-far > 2*room {
			high = far
		}
	}
	n := bins
	if step := stepOf(values); step > 0 {
		// Each bin has as many of the values that could come as the others.
		each := math.Ceil((math.Round((high-low)/step) + 1) / bins)
		n = int(math.Ceil((math.Round((high-low)/step) + 1) / each))
		high = low + float64(n)*each*step
	}
	if high <= low {
		n = 1
	}
	width := high/float64(n) - low/float64(n)
	out := make([]Bin, n)
	for i := range out {
		from, to := float64(i)/float64(n), float64(i+1)/float64(n)
		out[i] = Bin{From: low*(1-from) + high*from, To: low*(1-to) + high*to}
	}
	out[0].From, out[n-1].To = low, high
	for _, v := range values {
		i := 0
		if width > 0 {
			i = int(min(max(v.place/width-low/width+1e-6, 0), float64(n-1)))
		}
		out[i].Count += v.count
	}
	return out
}

// stepOf is what all values are apart by some times, 0 for nothing: 1 for most whole numbers, 0.01 for shares in percent.
func stepOf(values []frequency) float64 {
	const most = 10_000 // steps
	step := math.Inf(1)
	for i := 1; i < len(values); i++ {
		if gap := values[i].place - values[i-1].place; gap > 0 {
			step = min(step, gap)
		}
	}
	low, high := values[0].place, values[len(values)-1].place
	if math.IsInf(step, 0) || (high-low)/step > most {
		return 0
	}
	for _, v := range values {
		if n := (v.place - low) / step; math.Abs(n-math.Round(n)) > 1e-3 {
			return 0
		}
	}
	return step
}

// settle adds to the columns what the rows looked at tell.
func (p *profiler) settle() {
	for i := range p.out.Columns {
		c := &p.out.Columns[i]
		if p.out.Rows > 0 {
			c.Completeness = float64(p.out.Rows-c.Missing) / float64(p.out.Rows)
		}
		if c.Missing == p.out.Rows {
			c.Number, c.Text = nil, nil
			continue
		}
		if n := c.Number; n != nil {
			n.Count = p.out.Rows - c.Missing - n.NaN - n.Infinite
			if math.IsNaN(n.Mean) || math.IsInf(n.Mean, 0) {
				n.Mean = p.looks[i].mean() // the sum is more than a DOUBLE holds
			}
		}
		if c.Distinct = min(c.Distinct, p.out.Rows-c.Missing); !c.Listed && c.Kind.listable() {
			p.guess(c, &p.looks[i])
		}
		p.recognize(c, &p.looks[i])
	}
	p.correlate()
}

// guess takes most frequent values and spread from the rows looked at.
func (p *profiler) guess(c *Column, l *look) {
	c.Estimated, c.TopEstimated = !p.out.Whole(), !p.out.Whole()
	present := p.out.Rows - c.Missing
	least := int64(2)
	if c.TopEstimated {
		least = leastSeen
	}
	c.Top = top(l.counts, l.present, present, topValues, least)
	if !c.TopEstimated && int64(len(l.counts)) == c.Distinct && len(l.counts) <= topValues {
		c.Listed = true
	}
	if l.places == nil {
		return
	}
	values := make([]frequency, 0, len(l.places))
	for _, at := range l.places {
		values = append(values, frequency{place: at, count: 1})
	}
	c.spread(values)
	var sum int64
	for _, b := range c.Histogram {
		sum += b.Count
	}
	for i := range c.Histogram {
		c.Histogram[i].Count = scaled(c.Histogram[i].Count, sum, present)
	}
}

func scaled(n, of, to int64) int64 {
	if of == 0 || of == to {
		return n
	}
	return int64(math.Round(float64(n) * float64(to) / float64(of)))
}

// leastSeen is how often a value must be among the rows looked at for its count in all to be told.
const leastSeen = 10

// top are the most frequent of values that come at least so many times, all where there are few.
func top(counts map[string]int64, looked, present int64, most int, least int64) []Value {
	out := make([]Value, 0, len(counts))
	for text, n := range counts {
		if n >= least || len(counts) <= most {
			out = append(out, Value{Value: text, Count: scaled(n, looked, present), Share: float64(n) / float64(looked)})
		}
	}
	slices.SortFunc(out, func(a, b Value) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	return slices.Clip(out[:min(most, len(out))])
}

// mostCorrelated bounds the columns that are compared with each other; of fewer rows than leastPairs nothing is said.
const (
	mostCorrelated = 40
	leastPairs     = 10
)

// correlate compares the numeric columns pair by pair.
func (p *profiler) correlate() {
	var at []int
	for i := range min(chunk, len(p.out.Columns)) { // others were looked at in other rows
		if c := &p.out.Columns[i]; c.Kind == Numbers && c.Distinct > 1 && len(at) < mostCorrelated {
			at = append(at, i)
		}
	}
	for k, i := range at {
		for _, j := range at[k+1:] {
			if r, ok := pearson(p.looks[i].places, p.looks[j].places); ok {
				p.out.Correlations = append(p.out.Correlations, Correlation{p.out.Columns[i].Name, p.out.Columns[j].Name, r})
			}
		}
	}
	slices.SortStableFunc(p.out.Correlations, func(a, b Correlation) int { return cmp.Compare(math.Abs(b.R), math.Abs(a.R)) })
}

func pearson(a, b []float64) (float64, bool) {
	var n, meanA, meanB, both, squareA, squareB float64
	for i := range min(len(a), len(b)) {
		if math.IsNaN(a[i]) || math.IsNaN(b[i]) || math.IsInf(a[i], 0) || math.IsInf(b[i], 0) {
			continue
		}
		n++
		da, db := a[i]-meanA, b[i]-meanB
		meanA += da / n
		meanB += db / n
		both += da * (b[i] - meanB)
		squareA += da * (a[i] - meanA)
		squareB += db * (b[i] - meanB)
	}
	r := both / math.Sqrt(squareA) / math.Sqrt(squareB)
	return min(max(r, -1), 1), n >= leastPairs && squareA > 0 && squareB > 0 && !math.IsNaN(r) && !math.IsInf(r, 0)
}
