package anomaly

import (
	"math"
	"time"

	"weir/internal/fault"
)

// Season is what a metric repeats.
type Season int

// The seasons of HoltWinters.
const (
	HoursOfDay Season = iota + 1
	DaysOfWeek
	DaysOfMonth // of months of 30 days, as far as days repeat by the month at all
	MonthsOfYear
)

// period is how many points make a season.
func (s Season) period() int {
	switch s {
	case HoursOfDay:
		return 24
	case DaysOfWeek:
		return 7
	case DaysOfMonth:
		return 30
	case MonthsOfYear:
		return 12
	}
	return 0
}

// slot numbers the hour, day or month of a time.
func (s Season) slot(t time.Time) int {
	t = t.UTC()
	switch s {
	case HoursOfDay:
		return int(t.Unix() / 3600)
	case MonthsOfYear:
		return t.Year()*12 + int(t.Month())
	}
	return int(t.Unix() / 86400)
}

// HoltWinters expects what level, trend and season of the points before the searched ones come to (additive exponential
// smoothing, its three weights fitted to them). A point is an anomaly where it is further from that than 1.96 standard
// deviations of the errors made on the way.
type HoltWinters struct{ Season Season }

// Detect implements Strategy. A slot that no point is of, or only a missing one, is passed over; where several points are
// of one slot the last counts. Points without times count as one a slot.
func (s HoltWinters) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	p := s.Season.period()
	if p == 0 {
		return nil, fault.New(fault.Usage, "find anomalies: HoltWinters knows no season %d", s.Season)
	}
	k, err := usable(series, from, to)
	if err != nil {
		return nil, err
	}
	slots := s.slots(&k)
	grid := []float64{}
	for i := range k.from {
		for len(grid) <= slots[i] {
			grid = append(grid, math.NaN())
		}
		grid[slots[i]] = k.values[i]
	}
	if len(grid) < 2*p {
		return nil, fault.New(fault.Usage, "find anomalies: HoltWinters needs two seasons, %d points, before those it judges; there are %d", 2*p, len(grid))
	}
	m, err := fit(grid, p)
	if err != nil {
		return nil, err
	}
	for i := k.from; i < k.to; i++ {
		e := m.forecast(slots[i] - len(grid))
		found = k.judge(found, i, k.values[i], e-1.96*m.spread, e+1.96*m.spread)
	}
	return found, nil
}

// slots numbers the points from the first.
func (s HoltWinters) slots(k *known) []int {
	out := make([]int, len(k.points))
	timed := len(k.points) > 0 && !k.points[0].Time.IsZero()
	for i, p := range k.points {
		out[i] = i
		if timed {
			out[i] = s.Season.slot(p.Time) - s.Season.slot(k.points[0].Time)
		}
	}
	return out
}

// smoothed is the state at the end of a series.
type smoothed struct {
	level, trend float64
	season       []float64 // of the next slots, in their order
	spread       float64   // of the errors' sizes
	squares      float64   // sum of the errors' squares
}

// forecast is what is expected ahead slots after the next one.
func (m *smoothed) forecast(ahead int) float64 {
	p := len(m.season)
	return m.level + float64(ahead+1)*m.trend + m.season[((ahead%p)+p)%p]
}

// start are level, trend and season as the first two seasons have them.
func start(grid []float64, p int) (*smoothed, error) {
	m := &smoothed{season: make([]float64, p)}
	one, two := present(grid[:p]), present(grid[p:2*p])
	if len(one) == 0 || len(two) == 0 {
		return nil, fault.New(fault.Usage, "find anomalies: HoltWinters has no value in one of the first two seasons")
	}
	m.level = mean(one)
	m.trend = (mean(two) - m.level) / float64(p)
	for i, x := range grid[:p] {
		if math.IsNaN(x) {
			x = grid[p+i]
		}
		if !math.IsNaN(x) {
			m.season[i] = x - m.level
		}
	}
	return m, nil
}

func present(v []float64) (out []float64) {
	for _, x := range v {
		if !math.IsNaN(x) {
			out = append(out, x)
		}
	}
	return out
}

// weights are how much the newest point counts for level, trend and season.
type weights [3]float64

// smooth runs along a series from its start.
func smooth(from *smoothed, grid []float64, w weights) *smoothed {
	p := len(from.season)
	m := &smoothed{level: from.level, trend: from.trend}
	season := append(make([]float64, 0, p), from.season...)
	var sizes running
	for t, x := range grid {
		s := season[t%p]
		expected := m.level + m.trend
		if math.IsNaN(x) {
			m.level = expected
			continue
		}
		e := x - expected - s
		m.squares += e * e
		sizes = sizes.with(math.Abs(e))
		level := w[0]*(x-s) + (1-w[0])*expected
		season[t%p] = w[2]*(x-expected) + (1-w[2])*s
		m.trend = w[1]*(level-m.level) + (1-w[1])*m.trend
		m.level = level
	}
	m.spread = math.Sqrt(sizes.sum / float64(max(sizes.n-1, 1)))
	at := len(grid) % p
	m.season = append(append([]float64(nil), season[at:]...), season[:at]...)
	return m
}

// fit finds the weights of the least squared errors: the best of a grid, then smaller and smaller steps from there.
func fit(grid []float64, p int) (*smoothed, error) {
	from, err := start(grid, p)
	if err != nil {
		return nil, err
	}
	var at weights
	best := smooth(from, grid, at)
	try := func(w weights) bool {
		m := smooth(from, grid, w)
		if m.squares < best.squares {
			best, at = m, w
			return true
		}
		return false
	}
	const coarse = 5
	for i := range coarse * coarse * coarse {
		try(weights{float64(i%coarse) / (coarse - 1), float64(i/coarse%coarse) / (coarse - 1), float64(i/coarse/coarse) / (coarse - 1)})
	}
	for step := 0.125; step > 1e-5; {
		moved := false
		for d := range at {
			for _, by := range []float64{step, -step} {
				w := at
				w[d] = min(max(w[d]+by, 0), 1)
				moved = try(w) || moved
			}
		}
		if !moved {
			step /= 2
		}
	}
	return best, nil
}
