package quality

import (
	"math"
	"strings"
)

// A table is made of pieces, its data files, which never change. What an aggregate needs of a piece is its state there, and the
// states of all pieces merge into the aggregate of the table, as Deequ's states do. So a build measures the files that it
// adds and no others, whether it appended or replaced some of them.

// State is a number, or NULL.
type State struct {
	Value float64
	Null  bool
}

// States are the states of pieces: of each piece, of each aggregate.
type States map[string]map[string]State

// merging is an aggregate as states of pieces.
type merging struct {
	states   []string // aggregates over one piece
	variance bool
	merge    func(of [][]State) any // nil is NULL
}

// merged is the aggregate over all pieces; false where it must be asked of their rows: DuckDB refuses the variance of NaN.
func (m merging) merged(of [][]State) (any, bool) {
	v := m.merge(of)
	n, ok := v.(float64)
	return v, !(ok && m.variance && math.IsNaN(n))
}

// mergeable takes an aggregate apart, as the rules of this package write it; false where it has no states that merge.
func mergeable(aggregate string) (merging, bool) {
	inner, cast := strings.CutPrefix(aggregate, "CAST(")
	if cast {
		if inner, cast = strings.CutSuffix(inner, " AS DOUBLE)"); !cast {
			return merging{}, false
		}
	}
	function, argument, filter, ok := call(inner)
	if !ok {
		return merging{}, false
	}
	of := func(function string) string {
		text := function + "(" + argument + ")" + filter
		if function == "count" {
			return text
		}
		return "CAST(" + text + " AS DOUBLE)"
	}
	switch function {
	case "count":
		return merging{[]string{of("count")}, false, func(s [][]State) any { return int64(total(s, 0)) }}, true
	case "sum":
		return merging{[]string{of("sum")}, false, sums}, cast
	case "min":
		return merging{[]string{of("min")}, false, func(s [][]State) any { return most(s, func(a, b float64) bool { return a < b }) }}, cast
	case "max":
		return merging{[]string{of("max")}, false, func(s [][]State) any { return most(s, func(a, b float64) bool { return a > b }) }}, cast
	case "avg":
		return merging{[]string{of("count"), of("avg")}, false, func(s [][]State) any { return moments(s).answer(false, false) }}, cast
	case "var_pop":
		return merging{[]string{of("count"), of("avg"), of("var_pop")}, true, func(s [][]State) any { return moments(s).answer(true, false) }}, cast
	case "stddev_pop":
		return merging{[]string{of("count"), of("avg"), of("var_pop")}, true, func(s [][]State) any { return moments(s).answer(true, true) }}, cast
	}
	return merging{}, false
}

// call takes a call of one function apart, with its filter; false for anything else.
func call(sql string) (function, argument, filter string, ok bool) {
	open := strings.IndexByte(sql, '(')
	if open < 1 {
		return "", "", "", false
	}
	end := bracket(sql, open)
	if end < 0 {
		return "", "", "", false
	}
	function, argument, filter = sql[:open], sql[open+1:end], sql[end+1:]
	if filter != "" && (!strings.HasPrefix(filter, " FILTER (") || bracket(filter, len(" FILTER ")) != len(filter)-1) {
		return "", "", "", false
	}
	return function, argument, filter, !strings.HasPrefix(strings.ToUpper(argument), "DISTINCT ")
}

// bracket finds the bracket that closes the one at open; -1 where there is none. Texts, names and comments are passed over.
func bracket(sql string, open int) int {
	for i, depth := open, 0; i < len(sql); i++ {
		if n := skipped(sql[i:]); n > 0 {
			i += n - 1
			continue
		}
		switch sql[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// total adds a state of all pieces; NULL adds nothing.
func total(of [][]State, i int) (sum float64) {
	for _, s := range of {
		if !s[i].Null {
			sum += s[i].Value
		}
	}
	return sum
}

// sums is the sum over all pieces, NULL where none has a value.
func sums(of [][]State) any {
	for _, s := range of {
		if !s[0].Null {
			return total(of, 0)
		}
	}
	return nil
}

// most is the state before which no other comes, NULL where none has a value. DuckDB takes NaN for the greatest number.
func most(of [][]State, before func(a, b float64) bool) any {
	var found any
	best := math.NaN()
	for _, s := range of {
		v := s[0]
		switch {
		case v.Null:
		case found == nil, comes(v.Value, best, before):
			found, best = v.Value, v.Value
		}
	}
	return found
}

func comes(a, b float64, before func(a, b float64) bool) bool {
	infinity := func(v float64) float64 { // NaN behind all
		if math.IsNaN(v) {
			return math.Inf(1)
		}
		return v
	}
	if math.IsNaN(a) != math.IsNaN(b) && infinity(a) == infinity(b) {
		return math.IsNaN(a) == before(1, 0)
	}
	return before(infinity(a), infinity(b))
}

// moment is the number, the mean and the squared distances from it of some values.
type moment struct{ n, mean, squares float64 }

// moments merges those of pieces: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances.
func moments(of [][]State) (m moment) {
	for _, s := range of {
		n := s[0].Value
		if n == 0 || s[1].Null {
			continue
		}
		squares := 0.0
		if len(s) > 2 {
			squares = s[2].Value * n
		}
		away := s[1].Value - m.mean
		all := m.n + n
		m.squares += squares + away*away*m.n*n/all
		m.mean += away * n / all
		m.n = all
	}
	return m
}

func (m moment) answer(variance, root bool) any {
	switch {
	case m.n == 0:
		return nil
	case root:
		return math.Sqrt(m.squares / m.n)
	case variance:
		return m.squares / m.n
	}
	return m.mean
}
