package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/project"
)

// budget is the memory of the process's engine in bytes (promise 5): the flag, else the project's, else half of the
// machine's memory, at most 8 GB.
func budget(flag string, configured int64) (int64, error) {
	if flag != "" {
		n, err := project.ParseSize(flag)
		if err != nil {
			return 0, fault.New(fault.Usage, "--memory: %w", err).WithHint("write it like 512MB or 4GB")
		}
		if n < 64<<20 {
			return 0, fault.New(fault.Usage, "--memory: %s is too little", flag).WithHint("64MB is the least")
		}
		return int64(n), nil
	}
	if configured > 0 {
		return configured, nil
	}
	return min(max(machineMemory()/2, 512<<20), 8<<30), nil
}

// engineShare is what of the budget DuckDB may fill with buffers. The rest of the process (the program's own pages, Go's heap,
// what DuckDB holds outside its buffers, more where it has more) took 120 to 260 MB in the benchmarks, and belongs to the budget as
// well. A small budget is shared, since with less than this nothing can be built.
func engineShare(memory int64) int64 {
	rest := memory/10 + 160<<20
	return max(memory-rest, memory/5*2)
}

// machineMemory reads the machine's memory, 4 GiB where it cannot be known.
func machineMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 4 << 30
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "MemTotal:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 4 << 30
}

// peakMemory is the most memory this process has held so far, in bytes, 0 where it cannot be known.
func peakMemory() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
