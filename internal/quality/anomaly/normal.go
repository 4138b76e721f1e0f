package anomaly

import (
	"math"

	"weir/internal/fault"
)

// Factors are how many standard deviations a value may lie below and above the mean; infinite for no limit.
type Factors struct{ Lower, Upper float64 }

// Usual are the factors where none are given.
var usual = Factors{3, 3}

// check gives the factors to use: the usual ones for none at all.
func (f Factors) check(what string) (Factors, error) {
	switch {
	case f == Factors{}:
		return usual, nil
	case math.IsInf(f.Lower, 1) && math.IsInf(f.Upper, 1):
		return f, fault.New(fault.Usage, "find anomalies: %s has neither a lower nor an upper factor", what)
	case !(f.Lower >= 0) || !(f.Upper >= 0):
		return f, fault.New(fault.Usage, "find anomalies: %s: factors of a deviation are not negative", what)
	}
	return f, nil
}

func (f Factors) around(mean, deviation float64) (lower, upper float64) {
	lower, upper = math.Inf(-1), math.Inf(1)
	if !math.IsInf(f.Lower, 1) {
		lower = mean - f.Lower*deviation
	}
	if !math.IsInf(f.Upper, 1) {
		upper = mean + f.Upper*deviation
	}
	return lower, upper
}

// BatchNormal takes mean and deviation of the points that are not searched, or of all.
type BatchNormal struct {
	Factors         Factors
	IncludeSearched bool
}

// Detect implements Strategy.
func (s BatchNormal) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	f, err := s.Factors.check("BatchNormal")
	if err != nil {
		return nil, err
	}
	k, err := usable(series, from, to)
	if err != nil {
		return nil, err
	}
	basis := k.values
	if !s.IncludeSearched {
		basis = append(append([]float64(nil), k.values[:k.from]...), k.values[k.to:]...)
	}
	if len(basis) == 0 {
		return nil, fault.New(fault.Usage, "find anomalies: BatchNormal has no point to learn from")
	}
	lower, upper := f.around(mean(basis), deviation(basis))
	for i := k.from; i < k.to; i++ {
		found = k.judge(found, i, k.values[i], lower, upper)
	}
	return found, nil
}

// OnlineNormal takes mean and deviation of the points so far, the one that is judged among them.
type OnlineNormal struct {
	Factors Factors
	// SkipStart is the part of the series, from 0 to 1, at whose points nothing is reported yet.
	SkipStart float64
	// LearnFromAnomalies lets anomalies move mean and deviation, too.
	LearnFromAnomalies bool
}

// running are mean and sum of squared deviations so far.
type running struct {
	n         int
	mean, sum float64
}

func (r running) with(x float64) running {
	r.n++
	before := r.mean
	r.mean += (x - before) / float64(r.n)
	r.sum += (x - before) * (x - r.mean)
	return r
}

func (r running) deviation() float64 { return math.Sqrt(r.sum / float64(max(r.n, 1))) }

// Detect implements Strategy.
func (s OnlineNormal) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	k, err := usable(series, from, to)
	if err != nil {
		return nil, err
	}
	found, _, err = s.follow(&k)
	return found, err
}

// follow gives the anomalies, and mean and deviation at the end.
func (s OnlineNormal) follow(k *known) (found []Anomaly, r running, err error) {
	f, err := s.Factors.check("OnlineNormal")
	if err != nil {
		return nil, r, err
	}
	if !(s.SkipStart >= 0 && s.SkipStart <= 1) {
		return nil, r, fault.New(fault.Usage, "find anomalies: OnlineNormal skips a part from 0 to 1 of the series, not %v", s.SkipStart)
	}
	skip := s.SkipStart * float64(len(k.values))
	for i, x := range k.values {
		next := r.with(x)
		before := len(found)
		if float64(i) >= skip && i >= k.from && i < k.to {
			lower, upper := f.around(next.mean, next.deviation())
			found = k.judge(found, i, x, lower, upper)
		}
		if len(found) == before || s.LearnFromAnomalies {
			r = next
		}
	}
	return found, r, nil
}
