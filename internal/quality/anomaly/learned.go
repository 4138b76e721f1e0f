package anomaly

import (
	"math"
	"slices"
	"time"
)

// Band is what a metric is expected to be.
type Band struct {
	Expected, Lower, Upper float64
	Points                 int  // it was learned from
	Trend, Season          bool // whether the history goes up or down, and repeats by the hour of day or day of week
}

// Holds says whether a value lies in the band.
func (b Band) Holds(v float64) bool { return v >= b.Lower && v <= b.Upper }

const (
	// MinPoints is how many points a band is learned from at least.
	MinPoints = 3
	// window is how many of the latest points it is learned from: what was long ago is not what is expected today.
	window = 60
	// trendPoints and seasonPoints are how many points a trend, and how many of each hour or day a season, is believed from.
	trendPoints  = 6
	seasonPoints = 3
	// clearer is the share of the distances from the middle that must be left for a trend or a season to be believed.
	clearer = 0.6
)

// Learn says what is expected at a time after the points of a history, which come in any order; false for fewer than
// MinPoints. Medians keep single bad days from moving it, and a bad day that is known to be one is excluded.
func Learn(history []Point, at time.Time) (Band, bool) {
	var points []Point
	for _, p := range history {
		if !p.missing() {
			points = append(points, p)
		}
	}
	slices.SortStableFunc(points, func(a, b Point) int { return a.Time.Compare(b.Time) })
	points = points[max(0, len(points)-window):]
	n := len(points)
	if n < MinPoints {
		return Band{Points: n}, false
	}
	b := Band{Points: n}
	x, next := hours(points, at)
	rest := make([]float64, n)
	for i, p := range points {
		rest[i] = p.Value
	}
	b.trend(x, rest, next)
	lost := 1 // degrees of freedom
	if b.Trend {
		lost++
	}
	b.season(points, rest, at)
	level := middle(slices.Clone(rest))
	b.Expected += level
	half := b.half(rest, n-lost)
	b.Lower, b.Upper = b.Expected-half, b.Expected+half
	return b, true
}

// hours are the times of points and of the one to expect, from the first; without times their numbers.
func hours(points []Point, at time.Time) (x []float64, next float64) {
	first, last := points[0].Time, points[len(points)-1].Time
	timed := last.After(first) && at.After(last)
	for i, p := range points {
		x = append(x, float64(i))
		if timed {
			x[i] = p.Time.Sub(first).Hours()
		}
	}
	if timed {
		return x, at.Sub(first).Hours()
	}
	return x, float64(len(points))
}

// trend takes a line out of what is left, where that leaves clearly less: the median of the slopes between all pairs of
// points (Theil and Sen).
func (b *Band) trend(x, rest []float64, next float64) {
	if len(x) < trendPoints {
		return
	}
	var slopes []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if x[j] > x[i] {
				slopes = append(slopes, (rest[j]-rest[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return
	}
	slope := middle(slopes)
	line := make([]float64, len(x))
	for i := range x {
		line[i] = rest[i] - slope*x[i]
	}
	if slope == 0 || distance(line) > clearer*distance(rest) {
		return
	}
	b.Trend, b.Expected = true, slope*next
	copy(rest, line)
}

// season takes what each hour of the day, or day of the week, has of its own out of what is left, where that leaves
// clearly less.
func (b *Band) season(points []Point, rest []float64, at time.Time) {
	steps := make([]float64, 0, len(points))
	for i := 1; i < len(points); i++ {
		steps = append(steps, points[i].Time.Sub(points[i-1].Time).Hours())
	}
	var slot func(time.Time) int
	switch step := middle(steps); {
	case step >= 20 && step <= 28:
		slot = func(t time.Time) int { return int(t.UTC().Weekday()) }
	case step >= 0.5 && step <= 2:
		slot = func(t time.Time) int { return t.UTC().Hour() }
	default:
		return
	}
	groups := map[int][]float64{}
	for i, p := range points {
		groups[slot(p.Time)] = append(groups[slot(p.Time)], rest[i])
	}
	level, own := middle(slices.Clone(rest)), map[int]float64{}
	for s, g := range groups {
		if len(g) < seasonPoints {
			continue // too few to know
		}
		own[s] = middle(g) - level
	}
	if len(own) < 2 {
		return
	}
	left := make([]float64, len(rest))
	for i, p := range points {
		left[i] = rest[i]
		if _, ok := own[slot(p.Time)]; ok {
			left[i] = rest[i] - without(groups[slot(p.Time)], rest[i]) + level
		}
	}
	if distance(left) > clearer*distance(rest) {
		return
	}
	b.Season = true
	b.Expected += own[slot(at)]
	copy(rest, left)
}

// without is the median of a sorted group but for one of its values: what a point would be expected to be had it not been
// there. Else noise would look like a season that fits it.
func without(group []float64, v float64) float64 {
	i, _ := slices.BinarySearch(group, v)
	return middle(slices.Delete(slices.Clone(group), i, i+1))
}

// spread is the standard deviation as the median distance from the median tells it, which a few bad days do not move.
// Where more than half of the values are equal it is the mean distance.
func spread(v []float64) float64 {
	if s := 1.4826 * middle(far(v)); s > 0 {
		return s
	}
	return 1.2533 * distance(v)
}

// distance is the mean distance from the median. It sees what a minority of the points does, such as two days of a week.
func distance(v []float64) float64 { return mean(far(v)) }

func far(v []float64) []float64 {
	m := middle(slices.Clone(v))
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Abs(x - m)
	}
	return out
}

// half is how far from the expected value a value may lie: a good three deviations, and more where few points speak for
// them. Where nothing has varied yet a little is allowed for, the less the longer nothing did.
func (b *Band) half(rest []float64, freedom int) float64 {
	n := float64(len(rest))
	freedom = max(freedom, 1)
	wide := (3 + 10/float64(freedom)) * math.Sqrt(1+1/n)
	s := spread(rest) * math.Sqrt(n/(n-1))
	return max(wide*s, 0.05/n*math.Abs(b.Expected))
}

// Learned finds points outside the band that the points before each of them teach.
type Learned struct{}

// Detect implements Strategy. Where fewer than MinPoints are before a point it is no anomaly.
func (Learned) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	k, err := usable(series, from, to)
	for i := k.from; i < k.to; i++ {
		if b, ok := Learn(k.points[:i], k.points[i].Time); ok {
			found = k.judge(found, i, k.values[i], b.Lower, b.Upper)
		}
	}
	return found, err
}
