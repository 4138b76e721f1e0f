package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Unfinished gives the runs that are marked running though their process is gone: begun on this machine, by a process
// that no longer lives. What runs on another machine cannot be judged from here.
func (j *Journal) Unfinished(ctx context.Context) ([]Run, error) {
	rs, err := read(ctx, j, "read unfinished runs", (*Run).places, `SELECT `+runColumns+` FROM runs WHERE status = 'running' ORDER BY number, rowid`)
	if err != nil {
		return nil, err
	}
	var gone []Run
	for _, r := range rs {
		if r.Host == j.host && r.Host != "" && !lives(r.PID, r.Process) {
			gone = append(gone, r)
		}
	}
	return gone, nil
}

// Interrupt marks a run that is still marked running, and its running builds, as interrupted. A run that has ended
// stays as it is.
func (j *Journal) Interrupt(ctx context.Context, runID string) error {
	return j.write(ctx, "mark run interrupted", func(tx *sql.Tx) error {
		if err := begun(ctx, tx, runID); err != nil {
			return err
		}
		at := stamp(now())
		n, err := affected(tx.ExecContext(ctx, `UPDATE runs SET status = 'interrupted', ended = ?,
			error = 'process ' || pid || ' on ' || host || ' ended without finishing the run' WHERE id = ? AND status = 'running'`, at, runID))
		if err != nil || n == 0 {
			return err
		}
		for _, table := range []string{"builds", "publishes"} {
			if _, err := tx.ExecContext(ctx, `UPDATE `+table+` SET status = 'interrupted', ended = ? WHERE run = ? AND status = 'running'`, at, runID); err != nil {
				return err
			}
		}
		return nil
	})
}

// lives says whether a process is there and still the one that left the mark.
func lives(pid int, was string) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }() // a handle at most
	if err := p.Signal(syscall.Signal(0)); errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	is, state := startOf(pid)
	if strings.ContainsAny(state, "ZX") {
		return false // dead, only not yet waited for
	}
	return was == "" || is == "" || is == was
}

// mark tells a process from a later one that was given the same PID, "" where the system has no such thing.
func mark(pid int) string {
	m, _ := startOf(pid)
	return m
}

// startOf gives the boot a process was started in with the tick it was started at, and the letter of its state, as Linux
// tells them: proc(5), fields 22 and 3 of /proc/PID/stat. Both are "" elsewhere.
func startOf(pid int) (start, state string) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	// Field 2 is the program's name in parentheses and may hold anything, more parentheses included.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", ""
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19], fields[0]
}
