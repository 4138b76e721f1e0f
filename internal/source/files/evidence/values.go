package evidence

import (
	"strings"
	"unicode/utf8"
)

// Place is where a value stands: the number its file has in the survey, and its line or record there.
type Place struct {
	File int
	Line int64
}

// example is the first value of a class.
type example struct {
	text string
	at   Place
}

// values counts what the texts of a column look like.
type values struct {
	count   [classes]int64
	first   [classes]example
	total   int64 // without tokens
	before  int   // digits before the point, at most
	behind  int   // digits behind it, at most
	least   int   // digits behind it, at least, of those with a point
	zeros   int64 // numbers with nothing but zeros behind the point
	short   int   // length of whole numbers, at least and at most
	long    int
	bits    int64 // whole numbers that are 0 or 1
	day     format
	stamp   format
	null    map[string]int64 // tokens
	longest int              // bytes of a text
	wide    bool             // a text held a character of several bytes
	gaps    bool             // some rows of the text file have no value
}

// maxTokens bounds how many different tokens are told apart.
const maxTokens = 16

func (v *values) add(s string, at Place) {
	c, n, f := classify(s)
	v.longest = max(v.longest, len(s))
	v.wide = v.wide || strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf && r != utf8.RuneError })
	if v.count[c] == 0 {
		v.first[c] = example{clip(s), at}
	}
	v.count[c]++
	if c == tokens {
		v.token(strings.TrimSpace(s))
		return
	}
	v.total++
	switch c {
	case integers, large, decimals:
		v.number(c, n, s)
	case ordered:
		v.day = narrowed(v.day, f, v.count[c])
	case stamps:
		v.stamp = narrowed(v.stamp, f, v.count[c])
	}
}

func narrowed(have, f format, count int64) format {
	if count == 1 {
		return f
	}
	return have.narrow(f)
}

func (v *values) token(s string) {
	if v.null == nil {
		v.null = map[string]int64{}
	}
	if _, known := v.null[s]; known || len(v.null) < maxTokens {
		v.null[s]++
	}
}

func (v *values) number(c class, n number, s string) {
	v.before = max(v.before, n.before)
	if c == decimals {
		if v.count[c] == 1 {
			v.least = n.behind
		}
		v.least, v.behind = min(v.least, n.behind), max(v.behind, n.behind)
		if n.zero {
			v.zeros++
		}
		return
	}
	if v.long == 0 {
		v.short = n.before
	}
	v.short, v.long = min(v.short, n.before), max(v.long, n.before)
	if s == "0" || s == "1" {
		v.bits++
	}
}

// only says whether every value is of one of these classes.
func (v *values) only(of ...class) bool {
	var n int64
	for _, c := range of {
		n += v.count[c]
	}
	return v.total > 0 && n == v.total
}

// clip shortens a value for a message.
func clip(s string) string {
	const most = 40
	r := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most]) + "…"
}
