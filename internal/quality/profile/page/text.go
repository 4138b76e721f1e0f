package page

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"weir/internal/quality/profile"
)

// count writes a whole number with separators: 12,345.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent never writes 100 for what is not all, nor 0 for what is something.
func percent(part float64) string {
	switch {
	case part > 0.999 && part < 1:
		return ">99.9 %"
	case part > 0 && part < 0.001:
		return "<0.1 %"
	}
	return strconv.FormatFloat(math.Round(1000*part)/10, 'f', -1, 64) + " %"
}

func figure(f float64) string {
	size := math.Abs(f)
	switch {
	case size >= 1e15 || size > 0 && size < 1e-4:
		return strconv.FormatFloat(f, 'g', 4, 64)
	case size >= 1000:
		return count(int64(math.Round(f)))
	}
	return strconv.FormatFloat(f, 'g', 4, 64)
}

func placeText(c *profile.Column, v float64) string {
	if c.Kind != profile.Times {
		return figure(v)
	}
	t := time.Unix(int64(v), 0).UTC()
	if strings.EqualFold(c.Type, "DATE") || t.Equal(t.Truncate(24*time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// shown makes a value readable in a line.
func shown(text string) string {
	if strings.TrimSpace(text) == "" {
		return strconv.Quote(text)
	}
	r := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '·'
		}
		return r
	}, text))
	if len(r) > 48 {
		return string(r[:47]) + "…"
	}
	return string(r)
}
