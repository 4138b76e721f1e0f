package quality

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/quality/anomaly"
)

// detectAnomalies judges what another rule measures by what it was in earlier runs. Where too few are known to expect
// anything by, it holds and says so.
func detectAnomalies(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	if name == "CustomSQL" {
		name = "CustomSql"
	}
	if !anomalous(name) {
		return fault.New(fault.Usage, "DetectAnomalies does not watch %q", name).
			WithHint("it watches RowCount, Completeness, Uniqueness, Mean, Sum, StandardDeviation and other measures")
	}
	of := &dqdl.Rule{Name: name, Params: l.rule.Params[1:]}
	if _, err := dqdl.ParseRule(of.String() + " > 0"); err != nil {
		return fault.New(fault.Usage, "DetectAnomalies %s: %w", of, err)
	}
	n, err := c.analyzer(of)
	if err != nil {
		return err
	}
	l.asks, l.groups, l.queries = n.leaf.asks, n.leaf.groups, n.leaf.queries
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		v, err := n.leaf.judge(ctx, p)
		if err != nil || !v.passed {
			return v, err
		}
		return l.expected(ctx, c, v), nil
	}
	return nil
}

func anomalous(name string) bool {
	return slices.Contains([]string{"RowCount", "Completeness", "Uniqueness", "Mean", "Sum", "StandardDeviation", "Entropy",
		"DistinctValuesCount", "UniqueValueRatio", "ColumnLength", "ColumnValues", "ColumnCorrelation", "CustomSql", "ColumnCount", "Variance"}, name)
}

// expected compares each metric with the band that its earlier values make.
func (l *leaf) expected(ctx context.Context, c *compiler, v verdict) verdict {
	for _, name := range slices.Sorted(maps.Keys(v.metrics)) {
		var past []Past
		if c.History != nil {
			var err error
			if past, err = c.History.Past(ctx, name); err != nil {
				return verdict{broken: true, reason: err.Error(), metrics: v.metrics}
			}
		}
		points := make([]anomaly.Point, 0, len(past))
		for _, p := range slices.Backward(past) {
			points = append(points, anomaly.Point{Time: p.At, Value: p.Value})
		}
		band, ok := anomaly.Learn(points, c.Now)
		switch value := v.metrics[name]; {
		case !ok:
			v.reason = fmt.Sprintf("%s has %d earlier values; %d are needed to expect one", name, band.Points, anomaly.MinPoints)
		case !band.Holds(value):
			v.passed = false
			v.reason = fmt.Sprintf("%s is %s, expected about %s, from %s to %s", name, plain(value), plain(band.Expected), plain(band.Lower), plain(band.Upper))
			return v
		}
	}
	return v
}
