package anomaly

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day0 = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)

// daily makes a point a day.
func daily(values ...float64) []Point {
	out := make([]Point, len(values))
	for i, v := range values {
		out[i] = Point{Time: day0.AddDate(0, 0, i), Value: v}
	}
	return out
}

func next(points []Point) time.Time { return day0.AddDate(0, 0, len(points)) }

// alarms is the part of normal days that a band of n points calls bad.
func alarms(n int, value func(r *rand.Rand, day int) float64) float64 {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	bad, runs := 0, 1000
	for range runs {
		v := make([]float64, n+1)
		for i := range v {
			v[i] = value(r, i)
		}
		points := daily(v...)
		if b, ok := Learn(points[:n], points[n].Time); !ok || !b.Holds(v[n]) {
			bad++
		}
	}
	return float64(bad) / float64(runs)
}

func TestNormalDaysSeldomAlarm(t *testing.T) {
	shapes := map[string]func(r *rand.Rand, day int) float64{
		"noise":  func(r *rand.Rand, _ int) float64 { return 1000 + 50*r.NormFloat64() },
		"skewed": func(r *rand.Rand, _ int) float64 { return 1000 * math.Exp(0.2*r.NormFloat64()) },
		"growth": func(r *rand.Rand, d int) float64 { return 1000 + 20*float64(d) + 10*r.NormFloat64() },
		"weekly": func(r *rand.Rand, d int) float64 {
			if d%7 >= 5 {
				return 300 + 20*r.NormFloat64()
			}
			return 1000 + 20*r.NormFloat64()
		},
		"ratio": func(r *rand.Rand, _ int) float64 { return 0.97 + 0.01*r.Float64() },
	}
	for name, shape := range shapes {
		for n, most := range map[int]float64{5: 0.08, 10: 0.04, 30: 0.02, 60: 0.015} {
			if name == "weekly" && n < 28 || name == "growth" && n < 10 {
				continue // too short to see what it is
			}
			if a := alarms(n, shape); a > most {
				t.Errorf("%s: %.1f%% of normal days alarm after %d, want at most %.1f%%", name, 100*a, n, 100*most)
			} else {
				t.Logf("%s: %.2f%% after %d", name, 100*a, n)
			}
		}
	}
}

func TestWhatIsNotNormalAlarms(t *testing.T) {
	noise := func(day int) float64 { return 1000 + 30*math.Sin(float64(day*day)) }
	var flat, grown, weekly []float64
	for d := range 35 {
		flat = append(flat, noise(d))
		grown = append(grown, noise(d)+100*float64(d))
		weekly = append(weekly, map[bool]float64{true: 300, false: 1000}[d%7 >= 5]+noise(d)/50)
	}
	for _, c := range []struct {
		name          string
		history       []float64
		good, bad     float64
		trend, season bool
	}{
		{"half the rows", flat, 1010, 500, false, false},
		{"twice the rows", flat, 980, 2000, false, false},
		{"no rows", flat[:7], 990, 0, false, false},
		{"growth that stops", grown, 4500, 3600, true, false},
		{"a Sunday's rows on a Monday", weekly, 1020, 320, false, true},
		{"three points", []float64{100, 104, 98}, 106, 200, false, false},
		{"a thing that never changed", []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 0.98, false, false},
		{"zero ever since", []float64{0, 0, 0, 0, 0}, 0, 1, false, false},
	} {
		points := daily(c.history...)
		b, ok := Learn(points, next(points))
		if !ok || !b.Holds(c.good) || b.Holds(c.bad) || b.Trend != c.trend || b.Season != c.season {
			t.Errorf("%s: %+v, %v; want %v in and %v out", c.name, b, ok, c.good, c.bad)
		}
	}
}

func TestABadDayDoesNotMoveTheBand(t *testing.T) {
	good := daily(1000, 1010, 990, 1005, 995, 1002, 998, 1007, 993, 1001)
	before, _ := Learn(good, next(good))
	bad := daily(1000, 1010, 990, 1005, 0, 1002, 998, 1007, 993, 1001)
	after, _ := Learn(bad, next(bad))
	if math.Abs(after.Expected-before.Expected) > 5 || after.Upper-after.Lower > 2*(before.Upper-before.Lower) || after.Holds(0) {
		t.Errorf("a day of no rows makes %+v of %+v", after, before)
	}
	bad[4].Excluded = true
	left, _ := Learn(bad, next(bad))
	if left.Points != 9 || left.Upper-left.Lower > 1.3*(before.Upper-before.Lower) {
		t.Errorf("excluded: %+v", left)
	}
	found, err := SimpleThreshold{Lower: 500, Upper: math.Inf(1)}.Detect(bad, 0, len(bad))
	if err != nil || len(found) > 0 {
		t.Errorf("an excluded point is reported: %v, %v", found, err)
	}
}

func TestTooFewPoints(t *testing.T) {
	points := append(daily(1, 2), Point{Time: day0.AddDate(0, 0, 5), Value: math.NaN()}, Point{Time: day0.AddDate(0, 0, 6), Value: 3, Excluded: true})
	if b, ok := Learn(points, day0.AddDate(0, 0, 7)); ok || b.Points != 2 {
		t.Errorf("a band of two points: %+v", b)
	}
}

func TestNewest(t *testing.T) {
	history := daily(100, 101, 99, 100, 102)
	history[0], history[3] = history[3], history[0]
	if a, err := Newest(Learned{}, history, Point{Time: next(history), Value: 10}); err != nil || a == nil || a.Index != 5 || a.Measured != 10 {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := Newest(Learned{}, history, Point{Time: next(history), Value: 101}); err != nil || a != nil {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := Newest(Learned{}, nil, Point{Time: day0}); err == nil {
		t.Error("no history is no error")
	}
	if _, err := Newest(Learned{}, history, Point{Time: day0}); err == nil {
		t.Error("a point before the last is no error")
	}
}

func TestHoltWintersSeesGaps(t *testing.T) {
	var points []Point
	for d := range 28 {
		if d == 9 || d == 17 {
			continue // no run on that day
		}
		points = append(points, Point{Time: day0.AddDate(0, 0, d), Value: float64(100 + 50*(d%7) + d)})
	}
	points = append(points, Point{Time: day0.AddDate(0, 0, 28), Value: 128}, Point{Time: day0.AddDate(0, 0, 29), Value: 129})
	found, err := HoltWinters{DaysOfWeek}.Detect(points, len(points)-2, len(points))
	if err != nil || len(found) != 1 || found[0].Index != len(points)-1 {
		t.Errorf("found %v, %v, want only the Tuesday that is like a Monday", found, err)
	}
}

// strategies are those with nothing to set up wrong.
var strategies = []Strategy{
	SimpleThreshold{-1, 1}, AbsoluteChange{-1, 1, 1}, AbsoluteChange{-2, 2, 2}, RelativeRateOfChange{0.5, 2, 1},
	BatchNormal{IncludeSearched: true}, OnlineNormal{}, Learned{},
}

// Properties of every strategy: anomalies lie in the part searched, in order, and where missing points stand changes
// nothing about the others.
func TestEveryStrategy(t *testing.T) {
	for _, s := range strategies {
		t.Run(fmt.Sprintf("%T", s), func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { everyStrategy(t, s) }) })
	}
}

func everyStrategy(t *rapid.T, s Strategy) {
	values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 40).Draw(t, "values")
	from := rapid.IntRange(0, len(values)).Draw(t, "from")
	to := rapid.IntRange(from, len(values)).Draw(t, "to")
	series := daily(values...)
	found, err := s.Detect(series, from, to)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, a := range found {
		if a.Index < from || a.Index >= to || a.Index <= last || a.Point != series[a.Index] || a.Measured >= a.Lower && a.Measured <= a.Upper {
			t.Fatalf("%+v searched from %d to %d", a, from, to)
		}
		last = a.Index
	}
	hole := rapid.IntRange(0, len(values)).Draw(t, "hole")
	holed := append(append(append([]Point(nil), series[:hole]...), Point{Value: math.NaN()}), series[hole:]...)
	if hole > 0 {
		holed[hole].Time = series[hole-1].Time
	}
	shift := func(i int) int {
		if i >= hole {
			return i + 1
		}
		return i
	}
	again, err := s.Detect(holed, shift(from), shift(to))
	if err != nil || len(again) != len(found) {
		t.Fatalf("%d anomalies, %d with a missing point at %d, %v", len(found), len(again), hole, err)
	}
	for i, a := range again {
		if a.Index != shift(found[i].Index) || a.Measured != found[i].Measured {
			t.Fatalf("%+v and %+v with a missing point at %d", found[i], a, hole)
		}
	}
}

// Property of the band: it moves with its values, whatever their unit and zero.
func TestBandMovesWithItsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 100), MinPoints, 70).Draw(t, "values")
		scale := float64(int64(1) << rapid.IntRange(0, 20).Draw(t, "scale"))
		points := daily(values...)
		b, ok := Learn(points, next(points))
		for i := range points {
			points[i].Value *= scale
		}
		s, sok := Learn(points, next(points))
		if !ok || !sok || !(b.Lower <= b.Expected && b.Expected <= b.Upper) {
			t.Fatalf("%+v, %v", b, ok)
		}
		for _, p := range [][2]float64{{b.Lower, s.Lower}, {b.Expected, s.Expected}, {b.Upper, s.Upper}} {
			if math.Abs(p[0]*scale-p[1]) > 1e-6*scale {
				t.Fatalf("%+v times %v is %+v", b, scale, s)
			}
		}
	})
}
