package project

import "strings"

// Nearest gives the name among names that is most like name, or "" where none is like it. Letters left out, added,
// replaced or swapped count one each, a difference in case less than that.
func Nearest(name string, among []string) string {
	best, bestCost := "", 2*max(2, len(name)/3)+1
	lower := strings.ToLower(name)
	for _, other := range among {
		if other == name {
			return other
		}
		cost := 2*distance(lower, strings.ToLower(other)) + 1
		if short := strings.ToLower(other); len(lower) >= 3 && cost > 4 && (strings.HasPrefix(short, lower) || strings.HasSuffix(short, "."+lower)) {
			cost = 4 // a name cut short, or without its folder
		}
		if cost < bestCost {
			best, bestCost = other, cost
		}
	}
	return best
}

// distance is the optimal string alignment distance of two texts in bytes.
func distance(a, b string) int {
	const long = 200
	if len(a) > long || len(b) > long {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// NearestHint is the hint for a name that is not among names: the nearest, or all where they are few.
func NearestHint(name string, among []string) string {
	if n := Nearest(name, among); n != "" {
		return "nearest: " + n
	}
	if len(among) > 0 && len(among) <= 12 {
		return "one of: " + strings.Join(among, ", ")
	}
	return ""
}
