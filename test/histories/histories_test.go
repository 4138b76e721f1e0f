// Package histories builds tables along random histories of what they read and compares them with a full recomputation or, where a
// mode keeps what earlier builds brought, with a replay of the builds. A history is a few commits to the inputs, of all kinds, with
// builds of the table at some moments in between.
package histories

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
)

// histories is how many are told in all.
const histories = 2000

// TestKeptUp tells histories through every mode of a SQL table and every way to keep it up.
func TestKeptUp(t *testing.T) {
	n := int64(histories)
	if testing.Short() {
		n = 200
	}
	var next atomic.Int64
	// What a history leaves is thrown away soon, and the machine has room.
	was := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(was) })
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
	for _, f := range forms {
		ways := y.ways[f.name]
		t.Logf("%s: %v", f.name, ways)
		want := "full"
		if f.incremental("") != nil {
			want = "part"
		}
		if ways[want] == 0 && !t.Failed() {
			t.Errorf("%s was never built: %s", f.name, want)
		}
	}
}
