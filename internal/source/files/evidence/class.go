// Package evidence finds out what the values of a column are, value by value, and chooses the narrowest type that holds
// every one of them exactly as written. It is stricter than reading is: what reading would accept with another spelling
// (007, +49…, 1 for true) stays text here, because a type that loses a spelling is a wrong guess that nobody notices.
package evidence

import (
	"strconv"
	"strings"
	"time"
)

// class is what one text looks like. Each text has exactly one.
type class int

const (
	words    class = iota // anything else
	integers              // 0, -17; fits 64 bits
	large                 // a whole number of more digits than 64 bits hold
	codes                 // digits that a number would not keep: 007, +49301234
	decimals              // 12.50
	floats                // 1e-7
	specials              // NaN, Infinity
	truths                // true, false
	days                  // 2026-03-01
	moments               // 2026-03-01 09:12:00, with a T or a space
	zoned                 // the same with a zone
	precise               // either with more digits of a second than microseconds
	clocks                // 09:12:00
	ordered               // a date in another order than ISO: 01.03.2026
	stamps                // such a date with a time
	tokens                // NULL, N/A, \N: a text that stands for no value
	classes               // how many there are
)

// number is what the digits of a number tell.
type number struct {
	before, behind int  // digits before and behind the point
	zero           bool // nothing but zeros behind it
}

// classify says what a text is; n is set for numbers, f for dates in another order.
func classify(s string) (c class, n number, f format) {
	s = strings.TrimSpace(s)
	if s == "" {
		return words, n, f
	}
	switch first := s[0]; {
	case first >= '0' && first <= '9', first == '-', first == '+', first == '.':
		if c, n = classifyNumber(s); c != words {
			return c, n, f
		}
		if c = classifyTime(s); c != words {
			return c, n, f
		}
		if f = orderOf(s); f != 0 {
			if f.timed() {
				return stamps, n, f
			}
			return ordered, n, f
		}
	case len(s) <= len("Infinity"):
		switch strings.ToLower(s) {
		case "true", "false":
			return truths, n, f
		case "nan", "inf", "infinity":
			return specials, n, f
		}
	}
	if isToken(s) {
		return tokens, n, f
	}
	return words, n, f
}

// isToken says whether a text is known to stand for no value.
func isToken(s string) bool {
	switch s {
	case "NULL", "null", "Null", `\N`, "N/A", "n/a", "NA", "#N/A", "None", "nil", "-", "--":
		return true
	}
	return false
}

func digit(c byte) bool { return c-'0' <= 9 }

func classifyNumber(s string) (class, number) {
	var n number
	body := s
	signed := body[0] == '-' || body[0] == '+'
	if signed {
		body = body[1:]
	}
	i := 0
	for i < len(body) && digit(body[i]) {
		i++
	}
	n.before = i
	point := i < len(body) && body[i] == '.'
	if point {
		n.zero = true
		for i++; i < len(body) && digit(body[i]); i++ {
			n.zero = n.zero && body[i] == '0'
			n.behind++
		}
	}
	switch {
	case n.before+n.behind == 0:
		return words, n
	case i < len(body):
		if exponent(body[i:]) && held(s) {
			return floats, n
		}
		return words, n
	case s[0] == '+', n.before > 1 && body[0] == '0':
		return codes, n
	case point:
		return decimals, n
	case n.before > 18 && !in64(body, s[0] == '-'):
		return large, n
	}
	return integers, n
}

func exponent(s string) bool {
	if s[0]|0x20 != 'e' || len(s) < 2 {
		return false
	}
	s = s[1:]
	if s[0] == '-' || s[0] == '+' {
		s = s[1:]
	}
	return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

// held says whether a DOUBLE holds a number: 1e400 is more than any.
func held(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func in64(digits string, negative bool) bool {
	bound := "9223372036854775807"
	if negative {
		bound = "9223372036854775808"
	}
	return len(digits) < len(bound) || len(digits) == len(bound) && digits <= bound
}

// classifyTime knows ISO 8601 as it is written nearly everywhere: full digits, - between them, a T or a space.
func classifyTime(s string) class {
	if len(s) >= 8 && s[2] == ':' && s[5] == ':' {
		if rest, fine, ok := clock(s, true); ok && rest == "" && fine <= 6 {
			return clocks
		}
		return words
	}
	if len(s) < 10 || s[4] != '-' || s[7] != '-' || !validDay(s[:10]) {
		return words
	}
	if len(s) == 10 {
		return days
	}
	if s[10] != ' ' && s[10] != 'T' {
		return words
	}
	rest, fine, ok := clock(s[11:], false)
	if !ok {
		return words
	}
	c := moments
	if rest != "" {
		if !zone(strings.TrimPrefix(rest, " ")) {
			return words
		}
		c = zoned
	}
	if fine > 6 {
		return precise
	}
	return c
}

func validDay(s string) bool {
	_, err := time.Parse("2006-01-02", s)
	return err == nil && s[:4] != "0000"
}

// clock reads 09:12, 09:12:00 or 09:12:00.123; fine is how many digits of a second count.
func clock(s string, seconds bool) (rest string, fine int, ok bool) {
	if len(s) < 5 || s[2] != ':' || !below(s[:2], 24) || !below(s[3:5], 60) {
		return "", 0, false
	}
	s = s[5:]
	if len(s) < 3 || s[0] != ':' {
		return s, 0, !seconds
	}
	if !below(s[1:3], 60) {
		return "", 0, false
	}
	s = s[3:]
	if s == "" || s[0] != '.' {
		return s, 0, true
	}
	end := 1
	for end < len(s) && digit(s[end]) {
		end++
	}
	return s[end:], len(strings.TrimRight(s[1:end], "0")), end > 1
}

func below(two string, bound int) bool {
	return digit(two[0]) && digit(two[1]) && int(two[0]-'0')*10+int(two[1]-'0') < bound
}

func zone(s string) bool {
	if s == "Z" || s == "UTC" {
		return true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' || !below(s[1:3], 16) {
		return false
	}
	s = s[3:]
	if s == "" {
		return true
	}
	s = strings.TrimPrefix(s, ":")
	return len(s) == 2 && below(s, 60)
}
