package fault

import (
	"math/rand/v2"
	"strings"
	"time"
)

// Exit codes of the process, by class (docs/promises.md).
const (
	ExitDone        = 0
	ExitInternal    = 1
	ExitUsage       = 2
	ExitData        = 3
	ExitNotNow      = 4
	ExitPartly      = 5 // several tables asked, some committed and some failed
	ExitInterrupted = 130
)

// ExitCode gives the process's exit code for an error.
func ExitCode(err error) int {
	switch ClassOf(err) {
	case "":
		return ExitDone
	case Usage:
		return ExitUsage
	case Data:
		return ExitData
	case Unavailable, Conflict:
		return ExitNotNow
	case Canceled:
		return ExitInterrupted
	}
	return ExitInternal
}

// Retryable says whether trying again without a change can help.
func Retryable(err error) bool {
	c := ClassOf(err)
	return c == Unavailable || c == Conflict
}

// Backoff is the wait before attempt n (1 is the first retry): 200 ms doubled each time up to 30 s,
// half of it random so that writers that met once do not meet again.
func Backoff(n int) time.Duration {
	d := 30 * time.Second
	if n < 8 {
		d = min(d, 200*time.Millisecond<<max(0, n-1))
	}
	return d/2 + rand.N(d/2)
}

// Short writes a duration without the zeros that say nothing: 2m, not 2m0s.
func Short(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}
