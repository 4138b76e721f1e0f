package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
)

// runRaw is the child process of the raw side: bench raw MEMORY SPILL FILE, a file of statements separated by lines with a
// semicolon alone. It is DuckDB with Weir's settings and nothing else.
func runRaw(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: bench raw MEMORY SPILL FILE")
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open duckdb: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open duckdb: %w", err)
	}
	defer conn.Close()
	settings := []string{
		fmt.Sprintf("SET memory_limit = '%s'", args[0]),
		fmt.Sprintf("SET temp_directory = '%s'", args[1]),
		fmt.Sprintf("SET threads = %d", runtime.GOMAXPROCS(0)),
		"SET preserve_insertion_order = false",
		"SET TimeZone = 'UTC'",
	}
	for _, statement := range append(settings, strings.Split(string(text), "\n;\n")...) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w\n%s", err, statement)
		}
	}
	return nil
}

// raw runs statements in a DuckDB of its own, as a child.
func (s *settings) raw(ctx context.Context, statements ...string) (sample, error) {
	file := filepath.Join(s.work, "statements.sql")
	if err := os.WriteFile(file, []byte(strings.Join(statements, "\n;\n")), 0o644); err != nil {
		return sample{}, fmt.Errorf("write statements: %w", err)
	}
	return measure(ctx, s.self, "raw", s.memory, filepath.Join(s.work, "spill"), file)
}

// rawSide is DuckDB writing into a fresh folder; statements get it.
func (s *settings) rawSide(statements func(out string, rep int) []string) side {
	return side{"duckdb", func(ctx context.Context, rep int) (sample, error) {
		out, err := os.MkdirTemp(s.work, "raw-")
		if err != nil {
			return sample{}, fmt.Errorf("make output folder: %w", err)
		}
		defer os.RemoveAll(out)
		return s.raw(ctx, statements(out, rep)...)
	}}
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// copyTo is DuckDB's COPY of a query into one zstd Parquet file.
func copyTo(query, file string) string {
	return fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd)", query, quote(file))
}
