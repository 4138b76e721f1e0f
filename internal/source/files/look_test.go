package files

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLongNumber(t *testing.T) {
	want := regexp.MustCompile(`[0-9.]{16,}`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([0-9]{1,20}[,.a-]?){0,12}`).Draw(t, "text")
		expect := short
		for _, run := range want.FindAllString(s, -1) {
			expect = max(expect, long)
			if strings.Contains(run, ".") {
				expect = longest
			}
		}
		if got := longNumber([]byte(s)); got != expect {
			t.Fatalf("%q: %v", s, got)
		}
	})
}
