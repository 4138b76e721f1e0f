package dqdl

import (
	"fmt"
	"strings"
)

// Error is one mistake and its place.
type Error struct {
	Line, Col int // 1-based, columns in characters
	Msg       string
}

func (e Error) Error() string { return fmt.Sprintf("line %d:%d: %s", e.Line, e.Col, e.Msg) }

// Errors are all mistakes of a text, in order of place. Parse and ParseRule return this type as their error.
type Errors []Error

func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, x := range e {
		texts[i] = x.Error()
	}
	return strings.Join(texts, "; ")
}

// Nearest gives the name among names that is most like the given one, or "" where none is like it. Case counts less than
// letters.
func Nearest(name string, names []string) string {
	best, bestCost := "", 2*max(2, len(name)/3)+1
	for _, n := range names {
		cost := 2 * distance(strings.ToLower(name), strings.ToLower(n))
		if n != name && cost == 0 {
			cost = 1
		}
		if cost < bestCost {
			best, bestCost = n, cost
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements that turn a into b.
func distance(a, b string) int {
	if len(a) > 256 || len(b) > 256 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
