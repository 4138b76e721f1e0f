package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one child process, from start to end.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user and system, all threads
	rss  int64         // peak resident memory, bytes
}

// measure runs a program to its end. Its output is shown only where it fails.
//
// A child's peak memory starts at what its parent held when it was started, so this process must stay small: data is made
// and DuckDB is run in children only.
func measure(ctx context.Context, program string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if ctx.Err() != nil {
		return sample{}, ctx.Err()
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, tail(out.String(), 20))
	}
	use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, fmt.Errorf("this system does not tell a child's memory")
	}
	rss := use.Maxrss
	if runtime.GOOS != "darwin" {
		rss *= 1024 // kilobytes everywhere else
	}
	return sample{wall: wall, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rss: rss}, nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// median takes each figure's own median.
func median(samples []sample) sample {
	return sample{
		wall: middle(samples, func(s sample) time.Duration { return s.wall }),
		cpu:  middle(samples, func(s sample) time.Duration { return s.cpu }),
		rss:  middle(samples, func(s sample) int64 { return s.rss }),
	}
}

func middle[T int64 | time.Duration](samples []sample, of func(sample) T) T {
	var values []T
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// side is one way of doing the work: prepared before each measurement, checked after it.
type side struct {
	name    string
	measure func(ctx context.Context, rep int) (sample, error)
}

// interleave measures both sides in turn, so that what else the machine does meets both; who goes first alternates.
func interleave(ctx context.Context, reps int, a, b side) (sample, sample, error) {
	var first, second []sample
	for rep := range reps {
		order := []side{a, b}
		if rep%2 == 1 {
			order = []side{b, a}
		}
		for _, s := range order {
			m, err := s.measure(ctx, rep)
			if err != nil {
				return sample{}, sample{}, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(os.Stderr, "  %-6s %6.2f s  %6.2f cpu-s  %5d MB\n", s.name, m.wall.Seconds(), m.cpu.Seconds(), m.rss>>20)
			if s.name == a.name {
				first = append(first, m)
			} else {
				second = append(second, m)
			}
		}
	}
	return median(first), median(second), nil
}
