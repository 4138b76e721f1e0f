// Package histories builds tables along random histories of what they read and compares them with a full recomputation.
// A history is a few commits to the inputs, of all kinds, with builds of the table at some moments in between.
package histories

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// histories is how many are told in all.
const histories = 2000

// TestIncremental tells histories through every form of incremental table.
func TestIncremental(t *testing.T) {
	n := int64(histories)
	if testing.Short() {
		n = 200
	}
	var next atomic.Int64
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "Europe/London")
			for {
				seed := next.Add(1) - 1
				if seed >= n || t.Failed() {
					break
				}
				w.tell(uint64(seed))
			}
			for form, ways := range w.ways {
				t.Logf("%s: %v", form, ways)
				if ways["part"] == 0 && !t.Failed() {
					t.Errorf("%s was never built in part", form)
				}
			}
		})
	}
}
