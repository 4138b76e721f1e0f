package cli

import (
	"strings"
	"testing"
)

func TestShortened(t *testing.T) {
	if got := shortened("short"); got != "short" {
		t.Errorf("got %q", got)
	}
	long := strings.Repeat("ü", 1000)
	if got, want := shortened(long), strings.Repeat("ü", 120)+"… (2,000 bytes; --json prints them all)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
