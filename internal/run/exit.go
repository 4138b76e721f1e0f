package run

import (
	"weir/internal/fault"
)

// Exit gives the exit code of a process for the results of its run: 130 where anything was interrupted, 0 where nothing
// failed, 5 where some steps committed and some failed. Where steps failed and none committed it is the code of their
// class; of several classes the one furthest from passing by itself counts (internal, usage, data, then not now), so
// that 4 always means that the same command may do better later.
func Exit(results []Result) int {
	committed, worst := false, fault.ExitDone
	for _, r := range results {
		switch r.Status {
		case Interrupted:
			return fault.ExitInterrupted
		case Built:
			committed = true
		case Failed:
			if code := codeOf(r.Err); worst == fault.ExitDone || code < worst {
				worst = code
			}
		}
	}
	if worst != fault.ExitDone && committed {
		return fault.ExitPartly
	}
	return worst
}

// codeOf is the code of a failed step; one that cannot say why is a fault of weir.
func codeOf(err error) int {
	if err == nil {
		return fault.ExitInternal
	}
	return fault.ExitCode(err)
}
