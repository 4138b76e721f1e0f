// Package histories builds tables along random histories of what they read and compares them with a full recomputation.
// A history is a few commits to the inputs, of all kinds, with builds of the table at some moments in between.
package histories

import (
	"fmt"
	"runtime"
	"sync"
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
	total := &tally{ways: map[string]map[string]int{}}
	// Where every build computed everything, equal tables would tell nothing.
	t.Cleanup(func() { total.check(t) })
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
			total.add(w.ways)
		})
	}
}

// tally is how often each form was built in which way, over all workers.
type tally struct {
	mu   sync.Mutex
	ways map[string]map[string]int
}

func (y *tally) add(ways map[string]map[string]int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for form, by := range ways {
		if y.ways[form] == nil {
			y.ways[form] = map[string]int{}
		}
		for way, n := range by {
			y.ways[form][way] += n
		}
	}
}

func (y *tally) check(t *testing.T) {
	for form, ways := range y.ways {
		t.Logf("%s: %v", form, ways)
		if ways["part"] == 0 && !t.Failed() {
			t.Errorf("%s was never built in part", form)
		}
	}
}
