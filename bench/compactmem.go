package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// copies is how often the data of a compaction lies in the table where its memory is measured: 3.5 GB of rows.
const copies = 4

// memoryCompaction compares peak memory with the budget where a table is compacted that is several times as large: as it is, in
// order, and with rows that other tools deleted.
func memoryCompaction(ctx context.Context, s *settings) (result, error) {
	return s.compactWithin(ctx, largeFiles, false)
}

func memoryCompactionSorted(ctx context.Context, s *settings) (result, error) {
	return s.compactWithin(ctx, largeFiles+"sort: [l_shipdate, l_partkey]\n", false)
}

func memoryCompactionDeletes(ctx context.Context, s *settings) (result, error) {
	return s.compactWithin(ctx, largeFiles, true)
}

// compactWithin measures one compaction with several budgets. The result is that of the budget it came nearest to, or exceeded
// most.
func (s *settings) compactWithin(ctx context.Context, definition string, deletes bool) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.parquetData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	inbox, err := s.linked(filepath.Join(dir, "lineitem.parquet"), copies)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(inbox)
	p, err := s.newProject("within", inbox, nil)
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	var worst result
	for _, memory := range []string{"300MB", "1GB"} {
		budget, err := bytesOf(memory)
		if err != nil {
			return result{}, err
		}
		m, err := repeat(ctx, s.reps, side{memory, func(ctx context.Context, _ int) (sample, error) {
			if err := p.prepared(ctx, rows, deletes); err != nil {
				return sample{}, err
			}
			return p.compact(ctx, definition, memory)
		}})
		if err != nil {
			return result{}, err
		}
		if ratio := float64(m.rss) / float64(budget); ratio > worst.ratio {
			worst = result{ratio: ratio, rows: copies * rows, weir: m, baseline: "budget of " + memory}
		}
	}
	return worst, nil
}

// prepared builds the table in small files, with rows deleted or not.
func (p project) prepared(ctx context.Context, rows int64, deletes bool) error {
	if _, err := p.smallFiles(ctx); err != nil || !deletes {
		return err
	}
	_, err := measure(ctx, p.s.self, "deletes", filepath.Join(p.dir, "lake"), strconv.FormatInt(rows/4, 10))
	return err
}

// compact maintains the table by a definition, and counts its rows before and after.
func (p project) compact(ctx context.Context, definition, memory string) (sample, error) {
	if err := p.write("tables/raw/lineitem.yaml", definition); err != nil {
		return sample{}, err
	}
	before, err := p.count(ctx, "raw.lineitem")
	if err != nil {
		return sample{}, err
	}
	m, err := measure(ctx, p.s.weir, "-C", p.dir, "maintain", "--yes", "--memory", memory)
	if err != nil {
		return sample{}, err
	}
	if written, err := filepath.Glob(filepath.Join(p.dir, "lake", "raw.db", "lineitem", "data", "*", "compact-*.parquet")); err != nil || len(written) == 0 {
		return sample{}, fmt.Errorf("nothing was compacted: %w", err)
	}
	return m, p.holds(ctx, "raw.lineitem", before)
}

// linked is a folder that has a file several times.
func (s *settings) linked(file string, times int) (string, error) {
	dir, err := os.MkdirTemp(s.work, "linked-")
	if err != nil {
		return "", fmt.Errorf("make inbox: %w", err)
	}
	for i := range times {
		if err := os.Link(file, filepath.Join(dir, fmt.Sprintf("part-%d%s", i, filepath.Ext(file)))); err != nil {
			return "", fmt.Errorf("fill inbox: %w", err)
		}
	}
	return dir, nil
}
