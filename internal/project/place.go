// Package project reads a project's folder. It knows text and where it stands, not what it means: YAML becomes nodes with
// file, line and column, SQL is parted from its header.
package project

import (
	"cmp"
	"fmt"
	"slices"
)

// Place is a position in a file of the project.
type Place struct {
	File string // relative to the project's folder, with slashes
	Line int    // 1-based, 0 for the file as a whole
	Col  int    // 1-based, in characters
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one mistake in a project's text.
type Problem struct {
	Place
	Message string
	Hint    string // what to do about it, or ""
}

// String gives file:line:col: message; hint.
func (p Problem) String() string {
	s := p.Place.String() + ": " + p.Message
	if p.Hint != "" {
		s += "; " + p.Hint
	}
	return s
}

// Problem makes a problem at the place.
func (p Place) Problem(format string, args ...any) Problem {
	return Problem{Place: p, Message: fmt.Sprintf(format, args...)}
}

// WithHint gives the problem with what to do about it.
func (p Problem) WithHint(format string, args ...any) Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// SortProblems orders problems by file and place and leaves out those that are there twice.
func SortProblems(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}
