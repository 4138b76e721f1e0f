package anomaly

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"weir/test/env"
)

type golden struct {
	ID, Kind, Strategy string
	Params             struct {
		Lower    *float64 `json:"lowerBound"`
		Upper    *float64 `json:"upperBound"`
		Decrease *float64 `json:"maxRateDecrease"`
		Increase *float64 `json:"maxRateIncrease"`
		Below    *float64 `json:"lowerDeviationFactor"`
		Above    *float64 `json:"upperDeviationFactor"`
		Skip     *float64 `json:"ignoreStartPercentage"`
		Order    int
		Interval string
		Season   string `json:"seasonality"`
	}
	Series   []float64
	Interval []int
	Expected struct {
		Anomalies []int
		Count     *int      `json:"anomaly_count"`
		Diff      []float64 `json:"diff"`
		Error     bool
		Mean      *float64 `json:"last_mean"`
		Deviation *float64 `json:"last_stddev"`
	}
}

func or(p *float64, otherwise float64) float64 {
	if p == nil {
		return otherwise
	}
	return *p
}

func (g *golden) strategy(t *testing.T) Strategy {
	p, far := g.Params, math.Inf(1)
	factors := Factors{or(p.Below, far), or(p.Above, far)}
	switch g.Strategy {
	case "SimpleThreshold":
		return SimpleThreshold{or(p.Lower, -far), or(p.Upper, far)}
	case "AbsoluteChange":
		return AbsoluteChange{or(p.Decrease, -far), or(p.Increase, far), p.Order}
	case "RelativeRateOfChange":
		return RelativeRateOfChange{or(p.Decrease, -far), or(p.Increase, far), p.Order}
	case "BatchNormal":
		return BatchNormal{Factors: factors}
	case "OnlineNormal":
		return OnlineNormal{Factors: factors, SkipStart: or(p.Skip, 0.1)}
	case "HoltWinters":
		return HoltWinters{map[string]Season{"Weekly": DaysOfWeek, "Yearly": MonthsOfYear, "Daily": HoursOfDay}[p.Season]}
	}
	t.Fatalf("strategy %s", g.Strategy)
	return nil
}

// points gives values the times that the strategy's season counts by.
func (g *golden) points() []Point {
	out := make([]Point, len(g.Series))
	for i, v := range g.Series {
		at := time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC)
		if g.Params.Interval == "Monthly" {
			at = time.Date(2020, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC)
		}
		out[i] = Point{Time: at, Value: v}
	}
	return out
}

func TestStrategiesFindWhatDeequFinds(t *testing.T) {
	f, err := os.Open(env.Shared(t, "conformance/quality/deequ_metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, ran := bufio.NewScanner(f), 0
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var kind struct{ Kind string }
		if err := json.Unmarshal(lines.Bytes(), &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Kind != "anomaly" {
			continue
		}
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		ran++
		t.Run(g.ID, func(t *testing.T) { g.check(t) })
	}
	if err := lines.Err(); err != nil || ran != 35 {
		t.Fatalf("%d cases ran, %v", ran, err)
	}
}

func (g *golden) check(t *testing.T) {
	series, s := g.points(), g.strategy(t)
	from, to := 0, len(series)
	if g.Interval != nil {
		from, to = g.Interval[0], g.Interval[1]
	}
	if want := g.Expected.Diff; want != nil {
		for i, d := range differences(g.Series, g.Params.Order) {
			if math.Abs(d-want[i]) > 1e-9 {
				t.Errorf("difference %d is %v, want %v", i, d, want[i])
			}
		}
		return
	}
	if g.Expected.Mean != nil {
		k, err := usable(series, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if _, r, err := s.(OnlineNormal).follow(&k); err != nil || r.mean != *g.Expected.Mean || r.deviation() != *g.Expected.Deviation {
			t.Errorf("mean %v, deviation %v, %v", r.mean, r.deviation(), err)
		}
		return
	}
	found, err := s.Detect(series, from, to)
	if (err != nil) != g.Expected.Error {
		t.Fatalf("error %v, want one: %v", err, g.Expected.Error)
	}
	var at []int
	for _, a := range found {
		at = append(at, a.Index)
	}
	if n := g.Expected.Count; n != nil {
		if len(at) < *n-1 || len(at) > *n+1 { // depends on the fitted weights
			t.Errorf("%d anomalies, %v, want about %d", len(at), at, *n)
		}
		t.Logf("%d anomalies, %d there", len(at), *n)
		return
	}
	if !equal(at, g.Expected.Anomalies) {
		t.Errorf("anomalies at %v, want %v", at, g.Expected.Anomalies)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
