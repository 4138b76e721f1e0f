package duckdb

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// threadMemory is the least of the engine's memory for each of its threads: each holds a row group that it writes, pieces of
// what it reads, and the ends of what it sorts. With less, a sort fails sooner, and takes longer until then.
const threadMemory = 96 << 20

// threads is how many threads an engine has: one a core, as far as memory allows.
func (o Options) threads() int {
	cores := runtime.GOMAXPROCS(0)
	switch {
	case o.Threads > 0:
		return o.Threads
	case o.Memory > 0:
		return int(min(max(o.Memory/threadMemory, 1), int64(cores)))
	}
	return cores
}

// watchEvery is how often the process's memory is looked at.
const watchEvery = 50 * time.Millisecond

// watch keeps the process within its budget until the engine closes. DuckDB's allocator keeps what was freed for a while, and
// more of it the longer a statement takes: at times as much as is in use. That costs nothing while there is room, so it
// is asked to give it back only near the end of the budget.
func (e *Engine) watch() {
	defer close(e.watched)
	low, step := residentMemory(), max(e.opts.Process/32, 16<<20)
	near := max(e.opts.Process/2, e.opts.Process-256<<20)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-e.closing:
			return
		case <-tick.C:
		}
		now := residentMemory()
		low = min(low, now)
		if now > near && now > low+step {
			e.giveBack()
			low = residentMemory()
		}
	}
}

// giveBack has the allocator return freed memory to the system: DuckDB does so whenever its limit is set, to the same value too.
// The limit stands where DuckDB cannot; the next try may.
func (e *Engine) giveBack() {
	_, _ = e.db.ExecContext(context.Background(), e.limit())
}

func (e *Engine) limit() string { return fmt.Sprintf("SET GLOBAL memory_limit = '%dB'", e.opts.Memory) }

// residentMemory is what the process holds now, 0 where the system does not tell.
func residentMemory() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
