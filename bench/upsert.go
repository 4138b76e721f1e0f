package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The table has ten days of rows, ids in order of time. A batch changes half of its rows in two of the days, and brings
// the other half new on a day after them.
const (
	upsertRows  = 5_000_000
	upsertBatch = 100_000
	upsertDays  = 10
)

func events() []column {
	return []column{
		{"id", "BIGINT", "i"},
		{"created_at", "TIMESTAMP", "TIMESTAMP '2026-01-01' + to_microseconds((i::hugeint * 864000000000 // $rows)::bigint)"},
		{"updated_at", "TIMESTAMP", "TIMESTAMP '2026-02-01' + to_seconds($version)"},
		{"customer", "INTEGER", "(hash(i, 1) % 1000000)::integer"},
		{"store", "INTEGER", "(hash(i, 2) % 500)::integer"},
		{"amount", "DECIMAL(12,2)", "(hash(i, 3, $version) % 1000000)::integer / 100"},
		{"tax", "DECIMAL(12,2)", "(hash(i, 4, $version) % 100000)::integer / 100"},
		{"status", "VARCHAR", "['placed', 'paid', 'shipped', 'returned'][(hash(i, 5, $version) % 4)::integer + 1]"},
		{"channel", "VARCHAR", "['web', 'app', 'store'][(hash(i, 6) % 3)::integer + 1]"},
		{"note", "VARCHAR", "'order ' || (hash(i, 7) % 10000000)::varchar"},
	}
}

// upsertData is the table as one Parquet file (base), as a file a day (days), and a batch for each measurement.
func (s *settings) upsertData(ctx context.Context, rows, batch int64) (string, error) {
	return s.cached(ctx, fmt.Sprintf("events-%d-%d-%d", rows, batch, s.reps), func(dir string) []string {
		base := filepath.Join(dir, "base.parquet")
		statements := []string{
			copyTo(versioned(made(events(), 0, rows), rows, 0), base),
			fmt.Sprintf("COPY (SELECT *, created_at::date AS day FROM read_parquet(%s)) TO %s (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))", quote(base), quote(filepath.Join(dir, "days"))),
		}
		for rep := range s.reps {
			statements = append(statements, copyTo(batchSQL(rows, batch, rep), filepath.Join(dir, fmt.Sprintf("batch-%d.parquet", rep))))
		}
		return statements
	})
}

// batchSQL makes the batch of a measurement: each goes to days of its own, and its new ids follow those of the one before.
func batchSQL(rows, batch int64, rep int) string {
	half, perDay := batch/2, rows/upsertDays
	first := int64(rep*2%upsertDays) * perDay
	// Every so many-th row of two days is changed.
	step := max(1, 2*perDay/half)
	changed := fmt.Sprintf("SELECT * FROM (%s) WHERE (id - %d) %% %d = 0", made(events(), first, first+step*half), first, step)
	fresh := rows + int64(rep)*half
	return versioned(changed+" UNION ALL "+made(events(), fresh, fresh+half), rows, rep+1)
}

func upsert(ctx context.Context, s *settings) (result, error) {
	rows, batch := s.rows(upsertRows), s.rows(upsertBatch)
	dir, err := s.upsertData(ctx, rows, batch)
	if err != nil {
		return result{}, err
	}
	inbox := filepath.Join(s.work, "upsert-inbox")
	if err := os.MkdirAll(inbox, 0o755); err != nil {
		return result{}, fmt.Errorf("make inbox: %w", err)
	}
	defer os.RemoveAll(inbox)
	p, err := s.newProject("upsert", inbox, map[string]string{"tables/raw/events.yaml": "from: inbox\npath: \"*.parquet\"\nkey: id\norder_by: updated_at\npartition: [day(created_at)]\n"})
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	put := func(name string) error { return os.Link(filepath.Join(dir, name), filepath.Join(inbox, name)) }
	if err := put("base.parquet"); err != nil {
		return result{}, fmt.Errorf("fill inbox: %w", err)
	}
	if _, err := p.run(ctx); err != nil {
		return result{}, err
	}
	weir := side{"weir", func(ctx context.Context, rep int) (sample, error) {
		if err := put(fmt.Sprintf("batch-%d.parquet", rep)); err != nil {
			return sample{}, fmt.Errorf("fill inbox: %w", err)
		}
		m, err := p.run(ctx)
		if err != nil {
			return sample{}, err
		}
		return m, p.holds(ctx, "raw.events", rows+int64(rep+1)*(batch/2))
	}}
	raw := s.rawSide(func(out string, rep int) []string { return rewrite(dir, out, rep) })
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	return result{ratio: w.wall.Seconds() / r.wall.Seconds(), rows: batch, weir: w,
		baseline: describe("DuckDB finds the touched files by key and rewrites them with the batch", r)}, nil
}

// rewrite is the least an upsert that copies on write has to do: find the files that hold a changed key, and write them
// anew with the batch in them.
func rewrite(dir, out string, rep int) []string {
	days, batch := quote(filepath.Join(dir, "days", "*", "*.parquet")), quote(filepath.Join(dir, fmt.Sprintf("batch-%d.parquet", rep)))
	return []string{
		fmt.Sprintf("CREATE TEMP TABLE batch AS SELECT * FROM read_parquet(%s)", batch),
		fmt.Sprintf("SET VARIABLE touched = (SELECT list(DISTINCT filename) FROM read_parquet(%s, hive_partitioning = false, filename = true) d WHERE d.id IN (SELECT id FROM batch))", days),
		fmt.Sprintf(`COPY (
  SELECT *, created_at::date AS day FROM (
    SELECT * FROM read_parquet(getvariable('touched'), hive_partitioning = false) d WHERE d.id NOT IN (SELECT id FROM batch)
    UNION ALL BY NAME SELECT * FROM batch)
) TO %s (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))`, quote(filepath.Join(out, "days"))),
	}
}

// versioned fills in what a row depends on beside its number. Versions are of a row's content.
func versioned(query string, rows int64, version int) string {
	return strings.NewReplacer("$rows", fmt.Sprint(rows), "$version", fmt.Sprint(version)).Replace(query)
}
