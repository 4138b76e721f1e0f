package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// benchCase is one figure and its goal.
type benchCase struct {
	name, what string
	goal       float64
	atMost     bool // the goal is an upper bound: times and memory
	run        func(ctx context.Context, s *settings) (result, error)
}

func cases() []benchCase {
	return []benchCase{
		{"csv-iceberg", "CSV into the lake against DuckDB's COPY to Parquet, rows/s", 0.90, false, csvIceberg},
		{"ndjson-iceberg-typed", "NDJSON with declared columns against typed COPY, rows/s", 0.90, false, ndjsonTyped},
		{"ndjson-iceberg-infer", "NDJSON with inferred columns against typed COPY, rows/s", 0.75, false, ndjsonInfer},
		{"transform", "lake to lake, filter and expressions and an aggregate, against Parquet to Parquet, rows/s", 0.85, false, transform},
		{"upsert", "100 k rows into 5 M against scan and rewrite of the touched files, time", 3.00, true, upsert},
		{"compaction", "many small files into few, against DuckDB's COPY of the same files, rows/s", 0.80, false, compaction},
		{"incremental-by", "an incremental build that touches 1 % of the groups of 20 M rows against a full one, time", 0.15, true, incrementalBy},
		{"pg-full-iceberg", "a PostgreSQL table into the lake against psql's COPY to nothing, rows/s", 0.90, false, pgFullIceberg},
		{"pg-full-decode", "reading it over two connections, nothing written, against two of psql, rows/s", 0.65, false, pgFullDecode},
		{"pg-memory-1x-10x", "peak memory with ten times the rows of a PostgreSQL table against once", 1.10, true, pgMemoryGrowth},
		{"pg-memory-values", "peak memory with values of 8 MB against 300 MB", 1.00, true, pgMemoryValues},
		{"pg-changes-stream", "1.4 M changes of PostgreSQL by the stream into batches, against pg_recvlogical to nothing, changes/s", 0.85, false, pgChangesStream},
		{"pg-changes-backlog", "the same as a backlog", 2.00, false, pgChangesBacklog},
		{"lake-postgres", "2 M rows of a table to PostgreSQL against psql COPY of a binary file, rows/s", 0.85, false, lakePostgres},
		{"mysql-full-iceberg", "a MariaDB table into the lake against the client's text to nothing, rows/s", 0.70, false, mysqlFullIceberg},
		{"mysql-memory-1x-10x", "peak memory with ten times the rows of a MariaDB table against once", 1.10, true, mysqlMemoryGrowth},
		{"lake-mysql", "2 M rows of a table to MariaDB against LOAD DATA of a CSV file, rows/s", 0.85, false, lakeMySQL},
		{"memory-1x-10x", "peak memory with ten times the CSV against once", 1.10, true, memoryGrowth},
		{"memory-budget", "peak memory against the budget and 150 MB", 1.00, true, memoryBudget},
		{"memory-compaction", "peak memory of compacting 3.5 GB of rows against budgets of 200 MB to 1 GB", 1.00, true, memoryCompaction},
		{"memory-compaction-sorted", "the same in order", 1.00, true, memoryCompactionSorted},
		{"memory-compaction-deletes", "the same with rows that delete files take out", 1.00, true, memoryCompactionDeletes},
		{"version-start", "weir version, against 100 ms", 1.00, true, versionStart},
		{"unit-tests-100", "weir test of 100 cases of 20 tables, against 5 s", 1.00, true, unitTests},
		{"quality-together", "20 rules of 6 M rows in one go against one SELECT of the same figures, rows/s", 0.80, false, qualityTogether},
		{"quality-apart", "20 rules in one go against one by one, rows/s", 5.00, false, qualityApart},
		{"profile", "a profile of 16 columns of 6 M rows against a scan of all of them (count, min, max), time", 3.00, true, profileParquet},
		{"lineage-1000", "validation and lineage of 1,000 SQL tables, against 5 s", 1.00, true, lineage1000},
		{"noop-50", "a run of 50 tables with nothing to do, against 1 s", 1.00, true, noop},
	}
}

// result is what a case found. The figures are Weir's.
type result struct {
	ratio    float64
	rows     int64 // that one measurement worked through; 0 where it is not about rows
	weir     sample
	baseline string
}

// line is the one line of a case.
func (r result) line(c benchCase) string {
	var perSecond float64
	if r.rows > 0 {
		perSecond = float64(r.rows) / r.weir.wall.Seconds()
	}
	return fmt.Sprintf("bench %s ratio=%.2f goal=%.2f rows_s=%.0f cpu_s=%.2f rss_mb=%d baseline=%q",
		c.name, r.ratio, c.goal, perSecond, r.weir.cpu.Seconds(), r.weir.rss>>20, r.baseline)
}

// throughput compares rows a second: above 1 Weir is faster.
func throughput(rows int64, weir, raw sample, what string) result {
	return result{ratio: raw.wall.Seconds() / weir.wall.Seconds(), rows: rows, weir: weir, baseline: describe(what, raw)}
}

// describe names a baseline with what it took itself.
func describe(what string, raw sample) string {
	return fmt.Sprintf("%s: %.2f s, %.2f cpu-s, %d MB", what, raw.wall.Seconds(), raw.cpu.Seconds(), raw.rss>>20)
}

func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// within compares a time with its goal: below 1 the goal is kept.
func within(m sample, goal time.Duration) result {
	return result{ratio: m.wall.Seconds() / goal.Seconds(), weir: m, baseline: fmt.Sprintf("goal of %v", goal)}
}
