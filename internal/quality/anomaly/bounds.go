package anomaly

import (
	"weir/internal/fault"
)

// SimpleThreshold finds values outside fixed limits; an infinite limit is none.
type SimpleThreshold struct{ Lower, Upper float64 }

// Detect implements Strategy.
func (s SimpleThreshold) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	if err := ordered("SimpleThreshold", s.Lower, s.Upper); err != nil {
		return nil, err
	}
	k, err := usable(series, from, to)
	for i := k.from; i < k.to; i++ {
		found = k.judge(found, i, k.values[i], s.Lower, s.Upper)
	}
	return found, err
}

// AbsoluteChange finds values that rose or fell by too much. Order is how often differences are taken, 0 stands for
// once: with 2, the change of the change is compared.
type AbsoluteChange struct {
	MaxDecrease, MaxIncrease float64 // a fall is negative; infinite for no limit
	Order                    int
}

// Detect implements Strategy.
func (s AbsoluteChange) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	if err := ordered("AbsoluteChange", s.MaxDecrease, s.MaxIncrease); err != nil {
		return nil, err
	}
	order, err := orderOf(s.Order)
	if err != nil {
		return nil, err
	}
	k, err := usable(series, from, to)
	if err != nil {
		return nil, err
	}
	first := max(k.from-order, 0)
	change := differences(k.values[first:k.to], order)
	for i, c := range change {
		if at := first + order + i; at >= k.from {
			found = k.judge(found, at, c, s.MaxDecrease, s.MaxIncrease)
		}
	}
	return found, nil
}

func orderOf(order int) (int, error) {
	if order < 0 {
		return 0, fault.New(fault.Usage, "find anomalies: an order of differences of %d", order)
	}
	return max(order, 1), nil
}

// differences takes the differences of neighbours, order times.
func differences(values []float64, order int) []float64 {
	out := append([]float64(nil), values...)
	for range order {
		if len(out) == 0 {
			return nil
		}
		for i := range len(out) - 1 {
			out[i] = out[i+1] - out[i]
		}
		out = out[:len(out)-1]
	}
	return out
}

// RelativeRateOfChange finds values that are too small or too large a multiple of an earlier one, which is Order points
// before, 0 stands for 1.
type RelativeRateOfChange struct {
	MaxDecrease, MaxIncrease float64 // 0.5 is half, 2 twice as much; infinite for no limit
	Order                    int
}

// Detect implements Strategy.
func (s RelativeRateOfChange) Detect(series []Point, from, to int) (found []Anomaly, err error) {
	if err := ordered("RelativeRateOfChange", s.MaxDecrease, s.MaxIncrease); err != nil {
		return nil, err
	}
	order, err := orderOf(s.Order)
	if err != nil {
		return nil, err
	}
	k, err := usable(series, from, to)
	for i := max(k.from, order); i < k.to; i++ {
		if now, before := k.values[i], k.values[i-order]; now != before { // 0 after 0 is no change
			found = k.judge(found, i, now/before, s.MaxDecrease, s.MaxIncrease)
		} else {
			found = k.judge(found, i, 1, s.MaxDecrease, s.MaxIncrease)
		}
	}
	return found, err
}
