package dqdl

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is an expression: *Literal, *NullNumber, *Binary, *Paren or *Call.
type Number interface {
	String() string
	// eval gives one number, or the list that a function gave. A null is NaN.
	eval(fns Functions) ([]float64, error)
}

// Literal is a number as written, sign included.
type Literal struct {
	Text  string
	Value float64
}

// NullNumber is the keyword NULL among numbers.
type NullNumber struct{}

// Binary is left op right. All four operators (+ - * /) bind alike, from the left, as in the reference: 1 + 2 * 3 is 9.
type Binary struct {
	Op          byte
	Left, Right Number
}

// Paren keeps the parentheses that were written.
type Paren struct{ Inner Number }

// Call is a function of a dynamic rule, such as avg(last(10)).
type Call struct {
	Name string
	Args []Number
}

func (l *Literal) String() string  { return l.Text }
func (*NullNumber) String() string { return string(Null) }
func (b *Binary) String() string {
	return b.Left.String() + " " + string(b.Op) + " " + b.Right.String()
}
func (p *Paren) String() string { return "(" + p.Inner.String() + ")" }
func (c *Call) String() string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.String()
	}
	return c.Name + "(" + strings.Join(args, ",") + ")"
}

func (l *Literal) eval(Functions) ([]float64, error)   { return []float64{l.Value}, nil }
func (*NullNumber) eval(Functions) ([]float64, error)  { return []float64{math.NaN()}, nil }
func (p *Paren) eval(fns Functions) ([]float64, error) { return p.Inner.eval(fns) }
func (b *Binary) eval(fns Functions) ([]float64, error) {
	left, err := single(b.Left, fns)
	if err != nil {
		return nil, err
	}
	right, err := single(b.Right, fns)
	if err != nil {
		return nil, err
	}
	switch b.Op {
	case '+':
		left += right
	case '-':
		left -= right
	case '*':
		left *= right
	default:
		left /= right
	}
	return []float64{left}, nil
}

func (c *Call) eval(fns Functions) ([]float64, error) {
	fn, ok := fns[c.Name]
	if !ok {
		return nil, fmt.Errorf("%s: function %q is not known", c, c.Name)
	}
	args := make([][]float64, len(c.Args))
	for i, a := range c.Args {
		v, err := a.eval(fns)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	v, err := fn(args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	return v, nil
}

// single evaluates to one number; a list of one number is that number.
func single(n Number, fns Functions) (float64, error) {
	v, err := n.eval(fns)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("%s gives %d numbers where one is needed; reduce them with avg, median, max, min or sum", n, len(v))
	}
	return v[0], nil
}

// NumberCondition compares a number.
type NumberCondition struct {
	Op       Op
	Operands []Number
}

// Kind is Num.
func (c *NumberCondition) Kind() Kind { return Num }

// Operator gives the comparison.
func (c *NumberCondition) Operator() Op { return c.Op }

func (c *NumberCondition) String() string { return printCondition(c.Op, c.Operands) }

// Holds says whether a metric satisfies the condition, with the functions of Standard. A condition that asks for
// anything else, such as last(), does not hold: see HoldsWith.
func (c *NumberCondition) Holds(metric float64) bool {
	ok, err := c.HoldsWith(metric, Standard())
	return err == nil && ok
}

// HoldsWith is Holds with the functions of a dynamic rule.
func (c *NumberCondition) HoldsWith(metric float64, fns Functions) (bool, error) {
	values, err := c.Evaluate(fns)
	if err != nil {
		return false, err
	}
	return Compare(c.Op, metric, values), nil
}

// Evaluate gives the operands' values; NULL is NaN.
func (c *NumberCondition) Evaluate(fns Functions) ([]float64, error) {
	values := make([]float64, len(c.Operands))
	for i, o := range c.Operands {
		v, err := single(o, fns)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// Calls names the functions that the operands use, in order, each as often as it is used.
func (c *NumberCondition) Calls() []string {
	var names []string
	var walk func(Number)
	walk = func(n Number) {
		switch n := n.(type) {
		case *Binary:
			walk(n.Left)
			walk(n.Right)
		case *Paren:
			walk(n.Inner)
		case *Call:
			names = append(names, n.Name)
			for _, a := range n.Args {
				walk(a)
			}
		}
	}
	for _, o := range c.Operands {
		walk(o)
	}
	return names
}

// Compare is exact on 64-bit floats. NaN equals NaN and satisfies no ordering, as in the reference.
func Compare(op Op, m float64, v []float64) bool {
	switch op {
	case Equal, In:
		return among(m, v)
	case NotEqual, NotIn:
		return !among(m, v)
	case Greater:
		return m > v[0]
	case GreaterEqual:
		return m >= v[0]
	case Less:
		return m < v[0]
	case LessEqual:
		return m <= v[0]
	case Between:
		return v[0] < m && m < v[1]
	case NotBetween:
		return m <= v[0] || m >= v[1]
	}
	return false
}

func among(m float64, v []float64) bool {
	for _, x := range v {
		if m == x || math.IsNaN(m) && math.IsNaN(x) {
			return true
		}
	}
	return false
}

func literal(text string) (*Literal, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is beyond the range of numbers", text)
	}
	return &Literal{Text: text, Value: v}, nil
}
