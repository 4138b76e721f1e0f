package suggest

import (
	"fmt"
	"math"

	"weir/internal/quality/profile"
)

// z is the normal deviate of a 95 % interval.
const z = 1.96

// bounds are between which a share seen among n rows lies with 95 % confidence, rounded outward to two decimals.
func (i Interval) bounds(share float64, n int64) (lower, upper float64) {
	rows := float64(n)
	middle, half := share, z*math.Sqrt(share*(1-share)/rows)
	if i == Wilson {
		shrink := 1 / (1 + z*z/rows)
		middle = shrink * (share + z*z/(2*rows))
		half = shrink * z * math.Sqrt(share*(1-share)/rows+z*z/(4*rows*rows))
	}
	const dust = 1e-9 // of binary fractions
	lower = math.Floor(100*(middle-half)+dust) / 100
	upper = math.Ceil(100*(middle+half)-dust) / 100
	return max(lower, 0), min(upper, 1)
}

func (i Interval) lower(share float64, n int64) float64 {
	lower, _ := i.bounds(share, n)
	return lower
}

// seen is a column's numbers, nil where a rule could not be written about them: DQDL has no exponents, so that numbers far
// from 1 would be endless. NaN is above every bound and has no mean.
func seen(c *profile.Column) *profile.Number {
	n := c.Number
	if n == nil || n.Count == 0 || n.NaN+n.Infinite > 0 || math.Max(math.Abs(n.Min), math.Abs(n.Max)) > 1e18 {
		return nil
	}
	return n
}

func hasMin(c *profile.Column, _ int64, _ Options) (rule, why string) {
	if seen(c) == nil {
		return "", ""
	}
	return fmt.Sprintf("ColumnValues %s >= %s", quoted(c.Name), number(c.Number.Min)) + present(c), "the least value seen"
}

func hasMax(c *profile.Column, _ int64, _ Options) (rule, why string) {
	if seen(c) == nil {
		return "", ""
	}
	return fmt.Sprintf("ColumnValues %s <= %s", quoted(c.Name), number(c.Number.Max)) + present(c), "the greatest value seen"
}

// hasMean leaves a quarter of a deviation on both sides: rows that come later seldom have the very same mean.
func hasMean(c *profile.Column, _ int64, _ Options) (rule, why string) {
	n := seen(c)
	if n == nil || n.StdDev == nil || *n.StdDev == 0 {
		return "", ""
	}
	return fmt.Sprintf("Mean %s between %s and %s", quoted(c.Name), number(outward(n.Mean-*n.StdDev/4, math.Floor)), number(outward(n.Mean+*n.StdDev/4, math.Ceil))),
		"the mean is " + figure(n.Mean) + ", the standard deviation " + figure(*n.StdDev)
}

func hasDeviation(c *profile.Column, _ int64, _ Options) (rule, why string) {
	n := seen(c)
	if n == nil || n.StdDev == nil || *n.StdDev == 0 {
		return "", ""
	}
	return fmt.Sprintf("StandardDeviation %s between %s and %s", quoted(c.Name), number(outward(*n.StdDev*0.75, math.Floor)), number(outward(*n.StdDev*1.25, math.Ceil))),
		"the standard deviation is " + figure(*n.StdDev)
}

// outward keeps three digits of a number, rounded by the given function.
func outward(f float64, round func(float64) float64) float64 {
	if f == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(f)))-2)
	return math.Round(round(f/unit)*unit*1e9) / 1e9
}

func hasMinLength(c *profile.Column, _ int64, _ Options) (rule, why string) {
	if c.Text == nil || c.Kind != profile.Texts || c.Text.MinLength == 0 {
		return "", ""
	}
	return fmt.Sprintf("ColumnLength %s >= %d", quoted(c.Name), c.Text.MinLength) + present(c), "the shortest text seen"
}

func hasMaxLength(c *profile.Column, _ int64, _ Options) (rule, why string) {
	if c.Text == nil || c.Kind != profile.Texts {
		return "", ""
	}
	return fmt.Sprintf("ColumnLength %s <= %d", quoted(c.Name), c.Text.MaxLength) + present(c), "the longest text seen"
}
