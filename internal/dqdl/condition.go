package dqdl

import (
	"fmt"
	"strings"
)

// Op is a comparison, in the words it is written with.
type Op string

// The comparisons. Between excludes both ends; NotBetween is its negation.
const (
	Equal        Op = "="
	NotEqual     Op = "!="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Less         Op = "<"
	LessEqual    Op = "<="
	Between      Op = "between"
	NotBetween   Op = "not between"
	In           Op = "in"
	NotIn        Op = "not in"
	Matches      Op = "matches"
	NotMatches   Op = "not matches"
)

// Kind says what a condition compares.
type Kind string

// The kinds of condition.
const (
	None   Kind = "none"
	Num    Kind = "number"
	String Kind = "text"
	Date   Kind = "date"
	Span   Kind = "duration"
	Size   Kind = "size"
)

// Condition is what a rule's metric or its column's values must be: one of *NumberCondition, *StringCondition,
// *DateCondition, *DurationCondition and *SizeCondition.
type Condition interface {
	Kind() Kind
	Operator() Op
	String() string // canonical
}

func printCondition[T fmt.Stringer](op Op, operands []T) string {
	texts := make([]string, len(operands))
	for i, o := range operands {
		texts[i] = o.String()
	}
	switch op {
	case Between, NotBetween:
		return string(op) + " " + strings.Join(texts, " and ")
	case In, NotIn:
		return string(op) + " [" + strings.Join(texts, ",") + "]"
	}
	return string(op) + " " + texts[0]
}

// DateCondition compares a point in time.
type DateCondition struct {
	Op       Op
	Operands []Moment
}

// Kind is Date.
func (c *DateCondition) Kind() Kind { return Date }

// Operator gives the comparison.
func (c *DateCondition) Operator() Op { return c.Op }

func (c *DateCondition) String() string { return printCondition(c.Op, c.Operands) }

// DurationCondition compares an age.
type DurationCondition struct {
	Op       Op
	Operands []Duration
}

// Kind is Span.
func (c *DurationCondition) Kind() Kind { return Span }

// Operator gives the comparison.
func (c *DurationCondition) Operator() Op { return c.Op }

func (c *DurationCondition) String() string { return printCondition(c.Op, c.Operands) }

// SizeCondition compares a file's size.
type SizeCondition struct {
	Op       Op
	Operands []Bytes
}

// Kind is Size.
func (c *SizeCondition) Kind() Kind { return Size }

// Operator gives the comparison.
func (c *SizeCondition) Operator() Op { return c.Op }

func (c *SizeCondition) String() string { return printCondition(c.Op, c.Operands) }

// Holds compares a size in bytes.
func (c *SizeCondition) Holds(bytes int64) bool {
	values := make([]float64, len(c.Operands))
	for i, o := range c.Operands {
		values[i] = float64(o.Count())
	}
	return Compare(c.Op, float64(bytes), values)
}
