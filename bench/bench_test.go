package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is the raw child where settings.raw started it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "raw" {
		main()
		return
	}
	os.Exit(m.Run())
}

func small(t *testing.T) *settings {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &settings{reps: 3, memory: "1GB", scale: 0.01, cache: t.TempDir(), work: t.TempDir(), self: self}
}

func value(t *testing.T, query string) string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var v string
	if err := db.QueryRow("SELECT (" + query + ")::varchar").Scan(&v); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return v
}

func TestDataIsMadeOnceAndTheSame(t *testing.T) {
	ctx := context.Background()
	sums := map[string]bool{}
	for range 2 {
		s := small(t)
		for range 2 {
			dir, err := s.csvData(ctx, 20_000)
			if err != nil {
				t.Fatal(err)
			}
			sums[value(t, fmt.Sprintf("SELECT count(*) || ' ' || sum(hash(c)) FROM read_csv('%s/lineitem.csv', columns = %s, header = true) c", dir, structOf(lineitem())))] = true
			if left, _ := filepath.Glob(filepath.Join(s.cache, "*.part")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
	if len(sums) != 1 {
		t.Errorf("the data differs: %v", sums)
	}
}

func TestRowsHaveTheSizeOfTheirGoals(t *testing.T) {
	s := small(t)
	for _, c := range []struct {
		file  string
		make  func(context.Context, int64) (string, error)
		bytes int64 // a row
	}{{"lineitem.csv", s.csvData, 127}, {"lineitem.ndjson", s.ndjsonData, 364}} {
		dir, err := c.make(context.Background(), 20_000)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		if per := info.Size() / 20_000; per < c.bytes*9/10 || per > c.bytes*11/10 {
			t.Errorf("%s has %d bytes a row, want about %d", c.file, per, c.bytes)
		}
	}
}

// The baseline does what it says: after it, the days that were touched hold the batch and all their other rows.
func TestRewriteIsAnUpsert(t *testing.T) {
	ctx, s := context.Background(), small(t)
	const rows, batch = 50_000, 1_000
	dir, err := s.upsertData(ctx, rows, batch)
	if err != nil {
		t.Fatal(err)
	}
	for rep := range s.reps {
		out := t.TempDir()
		if _, err := s.raw(ctx, rewrite(dir, out, rep)...); err != nil {
			t.Fatal(err)
		}
		written := fmt.Sprintf("read_parquet('%s/days/*/*.parquet', hive_partitioning = false)", out)
		batchFile := fmt.Sprintf("read_parquet('%s/batch-%d.parquet')", dir, rep)
		for query, want := range map[string]string{
			"SELECT count(*) FROM " + batchFile:         "1000",
			"SELECT count(*) FROM " + written:           fmt.Sprint(rows/upsertDays*2 + batch/2),
			"SELECT count(DISTINCT id) FROM " + written: fmt.Sprint(rows/upsertDays*2 + batch/2),
			"SELECT count(*) FROM " + written + " SEMI JOIN " + batchFile + " USING (id, updated_at, amount)": "1000",
			fmt.Sprintf("SELECT count(*) FROM %s WHERE id < %d", batchFile, rows):                             "500",
		} {
			if got := value(t, query); got != want {
				t.Errorf("rep %d: %s is %s, want %s", rep, query, got, want)
			}
		}
	}
}

func TestQueriesRunOnRawParquet(t *testing.T) {
	ctx, s := context.Background(), small(t)
	dir, err := s.parquetData(ctx, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	from := fmt.Sprintf("read_parquet('%s/lineitem.parquet')", dir)
	if n := value(t, "SELECT count(*) > 10000 AND count(*) < 20000 FROM ("+fmt.Sprintf(linesSQL, from)+")"); n != "true" {
		t.Error("the filter keeps all rows or too few")
	}
	if n := value(t, "SELECT count(*) FROM ("+fmt.Sprintf(pricingSQL, from)+")"); n != "6" {
		t.Errorf("the price report has %s groups, want 6", n)
	}
}

func TestChildIsMeasured(t *testing.T) {
	s := small(t)
	m, err := s.raw(context.Background(), "CREATE TABLE t AS SELECT i, hash(i)::varchar AS h FROM range(3000000) r(i)", "SELECT count(DISTINCT h) FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if m.wall <= 0 || m.cpu <= 0 || m.rss < 60<<20 {
		t.Errorf("measured %+v", m)
	}
	if _, err := s.raw(context.Background(), "SELECT no_such_column"); err == nil || !strings.Contains(err.Error(), "no_such_column") {
		t.Errorf("a failing child gives %v", err)
	}
}

func TestLine(t *testing.T) {
	r := throughput(6_000_000, sample{wall: 3 * time.Second, cpu: 5500 * time.Millisecond, rss: 900 << 20}, sample{wall: 2700 * time.Millisecond}, "x")
	want := `bench csv-iceberg ratio=0.90 goal=0.90 rows_s=2000000 cpu_s=5.50 rss_mb=900 baseline="x: 2.70 s, 0.00 cpu-s, 0 MB"`
	if got := r.line(cases()[0]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMedianTakesEachFigureForItself(t *testing.T) {
	got := median([]sample{{wall: 3, cpu: 1, rss: 5}, {wall: 1, cpu: 3, rss: 7}, {wall: 2, cpu: 2, rss: 6}})
	if got != (sample{wall: 2, cpu: 2, rss: 6}) {
		t.Errorf("got %+v", got)
	}
	if got := median([]sample{{wall: 4}, {wall: 2}}); got.wall != 3 {
		t.Errorf("of two: %+v", got)
	}
}

func TestChoose(t *testing.T) {
	got, err := choose("upsert, noop-50")
	if err != nil || len(got) != 2 || got[0].name != "upsert" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := choose("upset"); err == nil || !strings.Contains(err.Error(), "memory-1x-10x") {
		t.Errorf("a wrong name gives %v", err)
	}
}
