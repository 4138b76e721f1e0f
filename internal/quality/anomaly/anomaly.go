// Package anomaly says which values of a series are unlike the others. A series is one metric of one table over its runs.
// The strategies are those of Deequ, by the same names and defaults; Learned, which rules of type DetectAnomalies use,
// needs no parameters.
package anomaly

import (
	"math"
	"slices"
	"time"

	"weir/internal/fault"
)

// Point is a metric's value at a time. NaN stands for a run that has none.
type Point struct {
	Time  time.Time
	Value float64
	// Excluded is set for a day known to be bad: it teaches nothing and is not reported.
	Excluded bool
}

func (p Point) missing() bool { return p.Excluded || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) }

// Anomaly is a point that a strategy did not expect.
type Anomaly struct {
	Index int // in the series
	Point Point
	// Measured is what was compared: the value, or how it differs from values before it.
	Measured     float64
	Lower, Upper float64 // what Measured may be, infinite where there is no limit
}

// Strategy finds anomalies among the points from (inclusive) to to (exclusive) of a series in the order of time. It may
// look at points before them. Points without a value are passed over. Its error is one of its parameters, of the bounds,
// or that there is too little to judge by; it is of class Usage.
type Strategy interface {
	Detect(series []Point, from, to int) ([]Anomaly, error)
}

// Newest asks whether a new point is like those before it, which come in any order; nil where it is.
func Newest(s Strategy, history []Point, p Point) (*Anomaly, error) {
	if len(history) == 0 {
		return nil, fault.New(fault.Usage, "find anomalies: there is no history to compare with")
	}
	series := slices.SortedStableFunc(slices.Values(history), func(a, b Point) int { return a.Time.Compare(b.Time) })
	if last := series[len(series)-1].Time; !p.Time.After(last) {
		return nil, fault.New(fault.Usage, "find anomalies: the new point is of %s and the history goes to %s",
			p.Time.Format(time.RFC3339), last.Format(time.RFC3339))
	}
	found, err := s.Detect(append(series, p), len(series), len(series)+1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// known is a series without what is missing.
type known struct {
	values []float64
	at     []int // place of each in the series
	points []Point
	from   int // the part to search, in values
	to     int
}

func usable(series []Point, from, to int) (known, error) {
	k := known{}
	if from < 0 || from > to {
		return k, fault.New(fault.Usage, "find anomalies: no points are from %d to %d", from, to)
	}
	if !slices.IsSortedFunc(series, func(a, b Point) int { return a.Time.Compare(b.Time) }) {
		return k, fault.New(fault.Usage, "find anomalies: the series is not in the order of time")
	}
	for i, p := range series {
		if p.missing() {
			continue
		}
		if i < from {
			k.from++
		}
		if i < to {
			k.to++
		}
		k.values, k.at, k.points = append(k.values, p.Value), append(k.at, i), append(k.points, p)
	}
	return k, nil
}

// judge compares what was measured for value i with its limits.
func (k *known) judge(found []Anomaly, i int, measured, lower, upper float64) []Anomaly {
	if measured >= lower && measured <= upper {
		return found
	}
	return append(found, Anomaly{Index: k.at[i], Point: k.points[i], Measured: measured, Lower: lower, Upper: upper})
}

func ordered(what string, lower, upper float64) error {
	if !(lower <= upper) {
		return fault.New(fault.Usage, "find anomalies: %s: the lower limit %v is above the upper limit %v", what, lower, upper)
	}
	return nil
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// deviation is the standard deviation of a sample; 0 for one value.
func deviation(v []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	m, sum := mean(v), 0.0
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return math.Sqrt(sum / float64(len(v)-1))
}

// middle is the median of values, which it sorts.
func middle(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n == 0 {
		return 0
	}
	if n%2 == 0 {
		return v[n/2-1] + (v[n/2]-v[n/2-1])/2
	}
	return v[n/2]
}
