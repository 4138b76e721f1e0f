package dqdl

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Function is one function of dynamic rules. Each argument is a list, of one number where a number was written.
type Function func(args ...[]float64) ([]float64, error)

// Functions are functions by name.
type Functions map[string]Function

// Standard gives the functions that need no history: avg, median, max, min, sum, std (population), abs, and
// index(list, i), 0 being the most recent. last() is the caller's to add.
func Standard() Functions {
	return Functions{
		"avg":    reduce(func(v []float64) float64 { return sum(v) / float64(len(v)) }),
		"median": reduce(median),
		"max":    reduce(slices.Max[[]float64]),
		"min":    reduce(slices.Min[[]float64]),
		"sum":    reduce(sum),
		"std":    reduce(deviation),
		"abs":    absolute,
		"index":  index,
	}
}

func reduce(of func([]float64) float64) Function {
	return func(args ...[]float64) ([]float64, error) {
		all := slices.Concat(args...)
		if len(all) == 0 {
			return nil, errors.New("needs a number")
		}
		return []float64{of(all)}, nil
	}
}

func sum(v []float64) (total float64) {
	for _, x := range v {
		total += x
	}
	return total
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

func deviation(v []float64) float64 {
	mean, squares := sum(v)/float64(len(v)), 0.0
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	return math.Sqrt(squares / float64(len(v)))
}

func absolute(args ...[]float64) ([]float64, error) {
	if len(args) != 1 {
		return nil, errors.New("takes one argument")
	}
	out := make([]float64, len(args[0]))
	for i, x := range args[0] {
		out[i] = math.Abs(x)
	}
	return out, nil
}

func index(args ...[]float64) ([]float64, error) {
	if len(args) != 2 || len(args[1]) != 1 {
		return nil, errors.New("takes a list and a number")
	}
	i := args[1][0]
	if i != math.Trunc(i) || i < 0 || i >= float64(len(args[0])) {
		return nil, fmt.Errorf("%v is not a place in a list of %d", i, len(args[0]))
	}
	return []float64{args[0][int(i)]}, nil
}
