package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The table is first written in files as small as DuckDB makes them, of one row group each, and then maintained with the usual
// target size.
const (
	smallFiles = "from: inbox\npath: \"*.parquet\"\ntarget_file_size: 1MB\n"
	largeFiles = "from: inbox\npath: \"*.parquet\"\n"
)

func compaction(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.parquetData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	p, err := s.newProject("compaction", dir, nil)
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	if _, err := p.smallFiles(ctx); err != nil {
		return result{}, err
	}
	small, err := p.keepSmall()
	if err != nil {
		return result{}, err
	}
	weir := side{"weir", func(ctx context.Context, _ int) (sample, error) {
		if _, err := p.smallFiles(ctx); err != nil {
			return sample{}, err
		}
		return p.compact(ctx, largeFiles, s.memory)
	}}
	raw := s.rawSide(func(out string, _ int) []string {
		return []string{copyTo(fmt.Sprintf("SELECT * FROM read_parquet(%s)", quote(filepath.Join(small, "*.parquet"))), filepath.Join(out, "one.parquet"))}
	})
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "DuckDB COPY of the same files into one"), nil
}

// smallFiles builds the table in small files.
func (p project) smallFiles(ctx context.Context) (sample, error) {
	if err := p.write("tables/raw/lineitem.yaml", smallFiles); err != nil {
		return sample{}, err
	}
	return p.run(ctx, "--full", "--destroy-history")
}

// keepSmall links the table's files into a folder of their own, where they stay.
func (p project) keepSmall() (string, error) {
	files, err := filepath.Glob(filepath.Join(p.dir, "lake", "raw.db", "lineitem", "data", "*", "*.parquet"))
	if err != nil || len(files) < 2 {
		return "", fmt.Errorf("the table has %d files: %w", len(files), err)
	}
	out := filepath.Join(p.dir, "small")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", fmt.Errorf("keep small files: %w", err)
	}
	for _, f := range files {
		if err := os.Link(f, filepath.Join(out, filepath.Base(f))); err != nil {
			return "", fmt.Errorf("keep small files: %w", err)
		}
	}
	return out, nil
}
