package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// memoryGrowth reads ten files instead of one: the same file by ten names, as Weir can not know. The budget is one that a
// single file fills: with room to spare, ten files fill more of it.
func memoryGrowth(ctx context.Context, all *settings) (result, error) {
	tight := *all
	tight.memory = "400MB"
	s := &tight
	rows := s.rows(csvRows)
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	ten, err := s.linked(filepath.Join(dir, "lineitem.csv"), 10)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(ten)
	one, more, err := interleave(ctx, s.reps, named("1x", s.load(dir, "raw.lineitem", csvTable(), rows)), named("10x", s.load(ten, "raw.lineitem", csvTable(), 10*rows)))
	if err != nil {
		return result{}, err
	}
	return result{ratio: float64(more.rss) / float64(one.rss), rows: 10 * rows, weir: more, baseline: describe("weir with one file instead of ten", one)}, nil
}

func named(name string, s side) side { return side{name, s.measure} }

// memoryBudget compares the peak memory of reading ten files with what may be used: the budget and 150 MB.
func memoryBudget(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	budget, err := bytesOf(s.memory)
	if err != nil {
		return result{}, err
	}
	ten, err := s.linked(filepath.Join(dir, "lineitem.csv"), 10)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(ten)
	m, err := repeat(ctx, s.reps, s.load(ten, "raw.lineitem", csvTable(), 10*rows))
	if err != nil {
		return result{}, err
	}
	return result{ratio: float64(m.rss) / float64(budget+(150<<20)), rows: 10 * rows, weir: m, baseline: "budget of " + s.memory + " and 150 MB"}, nil
}

// bytesOf reads a size as 1GB or 512MB.
func bytesOf(size string) (int64, error) {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(size, "%d%s", &n, &unit); err != nil {
		return 0, fmt.Errorf("memory %q: write it like 512MB or 2GB", size)
	}
	switch unit {
	case "MB":
		return n << 20, nil
	case "GB":
		return n << 30, nil
	}
	return 0, fmt.Errorf("memory %q: write it like 512MB or 2GB", size)
}

// repeat measures one side alone.
func repeat(ctx context.Context, reps int, one side) (sample, error) {
	var all []sample
	for rep := range reps {
		m, err := one.measure(ctx, rep)
		if err != nil {
			return sample{}, err
		}
		note("  %-6s %6.3f s  %6.2f cpu-s  %5d MB", one.name, m.wall.Seconds(), m.cpu.Seconds(), m.rss>>20)
		all = append(all, m)
	}
	return median(all), nil
}

func versionStart(ctx context.Context, s *settings) (result, error) {
	m, err := repeat(ctx, max(11, s.reps), side{"weir", func(ctx context.Context, _ int) (sample, error) { return measure(ctx, s.weir, "version") }})
	if err != nil {
		return result{}, err
	}
	return within(m, 100*time.Millisecond), nil
}

// noop runs a project of 50 tables that are all built: 10 that read files, 40 made from them by SQL.
func noop(ctx context.Context, s *settings) (result, error) {
	inbox := filepath.Join(s.work, "noop-inbox")
	if err := os.MkdirAll(inbox, 0o755); err != nil {
		return result{}, fmt.Errorf("make inbox: %w", err)
	}
	defer os.RemoveAll(inbox)
	files := map[string]string{}
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(inbox, fmt.Sprintf("f%d.csv", i)), []byte("id,amount\n1,2\n3,4\n"), 0o644); err != nil {
			return result{}, fmt.Errorf("fill inbox: %w", err)
		}
		files[fmt.Sprintf("tables/raw/t%d.yaml", i)] = fmt.Sprintf("from: inbox\npath: f%d.csv\ncolumns: { id: bigint, amount: bigint }\n", i)
		for k := range 4 {
			files[fmt.Sprintf("tables/marts/m%d_%d.sql", i, k)] = fmt.Sprintf("select id, sum(amount)::bigint + %d as amount from raw.t%d group by id\n", k, i)
		}
	}
	p, err := s.newProject("noop", inbox, files)
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	if _, err := p.run(ctx); err != nil {
		return result{}, err
	}
	if err := p.holds(ctx, "marts.m9_3", 2); err != nil {
		return result{}, err
	}
	m, err := repeat(ctx, max(5, s.reps), side{"weir", func(ctx context.Context, _ int) (sample, error) { return p.run(ctx) }})
	if err != nil {
		return result{}, err
	}
	return within(m, time.Second), nil
}
