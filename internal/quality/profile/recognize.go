package profile

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"weir/internal/quality/profile/meaning"
)

// recognize says what the values of a column look like and mean.
func (p *profiler) recognize(c *Column, l *look) {
	if l.present == 0 {
		return
	}
	text := strings.EqualFold(c.Type, "VARCHAR")
	if text {
		c.Patterns = patterns(l.counts, l.present, p.out.Rows-c.Missing)
		c.Inferred = inferred(l.counts)
	}
	present := p.out.Rows - c.Missing
	c.Meaning = meaning.Of(meaning.Column{Name: c.Name, Values: l.counts, Text: text, Whole: c.Whole(), Number: c.Kind == Numbers, Time: c.Kind == Times,
		Unique: c.Distinct == present && c.DistinctExact || !c.DistinctExact && c.alike(present), Rows: present})
}

// alike says whether as many different values as estimated may be all there are.
func (c *Column) alike(present int64) bool {
	return float64(c.Distinct) > 0.98*float64(present)
}

// mostPatterns are told of a column.
const mostPatterns = 5

// patterns are the most frequent forms of texts: letter by letter where few forms say it all, else with runs of letters
// and digits of any length.
func patterns(counts map[string]int64, looked, present int64) []Value {
	exact := map[string]int64{}
	for text, n := range counts {
		exact[form(text, false)] += n
	}
	found := top(exact, looked, present, mostPatterns, 2)
	var held float64
	for _, f := range found {
		held += f.Share
	}
	if held >= 0.8 && (len(found) == 0 || len([]rune(found[0].Value)) <= 24) {
		return found
	}
	runs := map[string]int64{}
	for text, n := range counts {
		runs[form(text, true)] += n
	}
	return top(runs, looked, present, mostPatterns, 2)
}

// form writes A for an upper-case letter, a for another one, 9 for a digit; with runs, A+ for one or more.
func form(text string, runs bool) string {
	var b strings.Builder
	var last rune
	n := 0
	for _, r := range text {
		k := r
		switch {
		case unicode.IsUpper(r):
			k = 'A'
		case unicode.IsLetter(r):
			k = 'a'
		case unicode.IsDigit(r):
			k = '9'
		case unicode.IsControl(r):
			k = '·'
		}
		if runs && k == last && (k == 'A' || k == 'a' || k == '9' || k == ' ') {
			if n++; n == 2 && k != ' ' {
				b.WriteByte('+')
			}
			continue
		}
		if b.Len() > 60 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(k)
		last, n = k, 1
	}
	return b.String()
}

// inferred is the type that all texts are written as, "" where that is only text. A number with a zero or a plus in front
// is a code.
func inferred(counts map[string]int64) string {
	could := []struct {
		typ string
		is  func(string) bool
	}{{"BIGINT", isWhole}, {"DECIMAL", isDecimal}, {"DOUBLE", isNumber}, {"BOOLEAN", isTruth}, {"DATE", isDate}, {"TIMESTAMP", isTimestamp}}
	seen := false
	for text := range counts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		seen = true
		for i := range could {
			if could[i].is != nil && !could[i].is(text) {
				could[i].is = nil
			}
		}
	}
	for _, c := range could {
		if seen && c.is != nil {
			return c.typ
		}
	}
	return ""
}

func isWhole(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil && !coded(s)
}

func isDecimal(s string) bool {
	if len(s) > 39 || strings.ContainsAny(s, "eEpPxX_/") || coded(s) {
		return false
	}
	_, ok := new(big.Rat).SetString(s)
	return ok
}

func isNumber(s string) bool {
	if strings.ContainsAny(s, "xXpP_") || coded(s) {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func coded(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s == "" || s[0] == '+' || len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

func isTruth(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isTimestamp(s string) bool {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// Personal are the columns that seem to hold personal data, by name.
func (p *Profile) Personal() (out []string) {
	for _, c := range p.Columns {
		if c.Meaning != nil && c.Meaning.Personal {
			out = append(out, c.Name)
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
