package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// csvRows and jsonRows are what a case works through at SCALE=1: about 760 MB of CSV, 730 MB of NDJSON.
const (
	csvRows  = 6_000_000
	jsonRows = 2_000_000
)

// csvTable is the definition that reads lineitem from CSV.
func csvTable() string { return "from: inbox\npath: \"*.csv\"\n" + yamlOf(lineitem()) }

func csvIceberg(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(csvRows)
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	raw := s.rawSide(func(out string, _ int) []string {
		read := fmt.Sprintf("SELECT * FROM read_csv(%s, header = true, auto_detect = false, columns = %s)", quote(filepath.Join(dir, "lineitem.csv")), structOf(lineitem()))
		return []string{copyTo(read, filepath.Join(out, "lineitem.parquet"))}
	})
	w, r, err := interleave(ctx, s.reps, s.load(dir, "raw.lineitem", csvTable(), rows), raw)
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "DuckDB COPY of the CSV file to zstd Parquet"), nil
}

func ndjsonTyped(ctx context.Context, s *settings) (result, error) {
	return ndjson(ctx, s, "from: inbox\npath: \"*.ndjson\"\n"+yamlOf(lineitem()))
}

func ndjsonInfer(ctx context.Context, s *settings) (result, error) {
	return ndjson(ctx, s, "from: inbox\npath: \"*.ndjson\"\n")
}

// ndjson compares with a typed COPY whether the definition declares its columns or not.
func ndjson(ctx context.Context, s *settings, definition string) (result, error) {
	rows := s.rows(jsonRows)
	dir, err := s.ndjsonData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	raw := s.rawSide(func(out string, _ int) []string {
		read := fmt.Sprintf("SELECT * FROM read_json(%s, format = 'newline_delimited', columns = %s)", quote(filepath.Join(dir, "lineitem.ndjson")), structOf(lineitem()))
		return []string{copyTo(read, filepath.Join(out, "lineitem.parquet"))}
	})
	w, r, err := interleave(ctx, s.reps, s.load(dir, "raw.lineitem", definition, rows), raw)
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "DuckDB COPY of the NDJSON file, typed, to zstd Parquet"), nil
}
