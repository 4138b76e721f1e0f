package files

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLongNumber(t *testing.T) {
	number := regexp.MustCompile(`(^|[^0-9A-Za-z.])([0-9.]{16,})($|[^0-9A-Za-z.]|e-?[0-9]+($|[^0-9A-Za-z.]))`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([0-9]{1,20}[,.ae"-]?){0,12}`).Draw(t, "text")
		expect := short
		for rest := s; ; {
			m := number.FindStringSubmatchIndex(rest)
			if m == nil {
				break
			}
			run, before, after := rest[m[4]:m[5]], rest[m[2]:m[3]], rest[m[6]:m[7]]
			found := long
			if before != `"` && (strings.Contains(run, ".") || strings.HasPrefix(after, "e")) {
				found = longest
			}
			expect = max(expect, found)
			rest = rest[m[5]:]
		}
		if got := longNumber([]byte(s)); got < expect {
			t.Fatalf("%q: %v, want %v", s, got, expect)
		}
	})
	for text, want := range map[string]length{
		"": short, "123456789012345": short, "1,234567890123456789,": long, `"1.2345678901234567"`: long, ":1.23456789012345,": longest,
		"a1234567890123456789": short, "1234567890123456789abc": short, "12345678901234567e-3": longest, "1992-01-01,123456789,1.00,999999": short,
	} {
		for lead := range 8 {
			if got := longNumber([]byte(strings.Repeat(" ", lead) + text)); got != want {
				t.Errorf("%q is %v, want %v", text, got, want)
			}
		}
	}
}
