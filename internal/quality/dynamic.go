package quality

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
)

// last is the function that gives earlier values of the metric a condition is about, the latest first: last() the one,
// last(k) as many as there are up to k.
const last = "last"

// condition judges a number by the rule's condition. An analyzer has none, and all numbers suit it.
func (l *leaf) condition(ctx context.Context, name string, value float64) verdict {
	c, ok := l.rule.Condition.(*dqdl.NumberCondition)
	if !ok {
		return verdict{passed: true}
	}
	v, values := l.compared(ctx, c, name, value)
	if values != nil {
		r := *l.rule
		r.Condition, v.evaluated = values, &r
	}
	return v
}

// threshold judges the ratio of rows that pass.
func (l *leaf) threshold(ctx context.Context, name string, ratio float64) verdict {
	v, values := l.compared(ctx, l.rule.Threshold, name, ratio)
	if values != nil {
		r := *l.rule
		r.Threshold, v.evaluated = values, &r
	}
	if !v.broken {
		v.reason = "the ratio of rows that pass is " + plain(ratio) + ", wanted " + l.rule.Threshold.String()
	}
	if v.passed {
		v.reason = ""
	}
	return v
}

// metric is the verdict on one number.
func (l *leaf) metric(ctx context.Context, name string, value float64) verdict {
	v := l.condition(ctx, name, value)
	v.metrics = map[string]float64{name: value}
	return v
}

// compared judges a number, and gives the condition with numbers in the place of functions where it has some.
func (l *leaf) compared(ctx context.Context, c *dqdl.NumberCondition, name string, value float64) (verdict, *dqdl.NumberCondition) {
	fns := dqdl.Standard()
	fns[last] = func(args ...[]float64) ([]float64, error) { return l.past(ctx, name, args) }
	values, err := c.Evaluate(fns)
	if err != nil {
		return verdict{broken: true, reason: err.Error()}, nil
	}
	numbers := &dqdl.NumberCondition{Op: c.Op}
	for i, v := range values {
		if _, null := c.Operands[i].(*dqdl.NullNumber); null {
			numbers.Operands = append(numbers.Operands, c.Operands[i])
		} else {
			numbers.Operands = append(numbers.Operands, &dqdl.Literal{Text: strconv.FormatFloat(v, 'f', -1, 64), Value: v})
		}
	}
	v := verdict{passed: numbers.Holds(value)}
	wanted := c.String()
	if len(c.Calls()) == 0 {
		numbers = nil
	} else {
		wanted += ", which is " + numbers.String()
	}
	if !v.passed {
		short := name[strings.LastIndexByte(name, '.')+1:]
		v.reason = fmt.Sprintf("%s is %s, wanted %s", short, plain(value), wanted)
	}
	return v, numbers
}

// past is the function last. Without a history it is 0.
func (l *leaf) past(ctx context.Context, name string, args [][]float64) ([]float64, error) {
	n := 1
	if len(args) > 0 {
		if len(args) > 1 || len(args[0]) != 1 || args[0][0] != math.Trunc(args[0][0]) || !(args[0][0] >= 1 && args[0][0] <= 1e6) {
			return nil, errors.New("takes a number of runs, 1 or more")
		}
		n = int(args[0][0])
	}
	if l.history == nil {
		return nil, fault.New(fault.Usage, "no history is kept")
	}
	past, err := l.history.Past(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(past) == 0 {
		return []float64{0}, nil
	}
	values := make([]float64, 0, n)
	for _, p := range past[:min(n, len(past))] {
		values = append(values, p.Value)
	}
	return values, nil
}
