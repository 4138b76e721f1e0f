package duckdb

import (
	"context"
	"fmt"
	"os"
	"testing"

	"weir/internal/job"
)

// Far more rows than memory are sorted, in every order, whatever lies at the cuts between ranges (promise 5).
func TestSortBeyondMemory(t *testing.T) {
	const count = 400_000
	ctx, s, check := context.Background(), session(t, open(t, Options{Memory: 64 << 20})), session(t, open(t, Options{}))
	columns := []job.Column{column("i", "BIGINT"), column("few", "INTEGER"), column("day", "DATE"), column("amount", "DECIMAL(12,2)"), column("text", "VARCHAR"), column("list", "VARCHAR[]"), column("one", "VARCHAR")}
	rows := fmt.Sprintf(`SELECT i, CASE WHEN hash(i) %% 10 > 3 THEN hash(i) %% 3 END AS few, CASE WHEN i %% 7 > 0 THEN DATE '1970-01-01' + CAST(hash(i, 1) %% 2000 AS INTEGER) END AS day,
		((hash(i, 2) %% 100000) / 8)::DECIMAL(12,2) AS amount, repeat(md5(i::VARCHAR), 3) || '''' AS text, [i::VARCHAR] AS list, 'same' AS one FROM range(%d) t(i)`, count)
	source, err := s.Stage(ctx, job.Write{SQL: rows, Columns: columns, Dir: t.TempDir(), Prefix: "source"}, "", nil)
	must(t, err)
	for _, c := range []struct {
		sort   []string
		atRest bool
		bytes  int64
	}{
		{[]string{`"day"`, `"amount" DESC`}, true, 0},
		{[]string{`"day" DESC NULLS FIRST`, `"i"`}, true, 0},
		{[]string{`"text"`}, false, 4 << 20},
		{[]string{`"few"`}, true, 4 << 20},
		{[]string{`"list" DESC`}, true, 0},
		{[]string{`"one" DESC NULLS FIRST`}, true, 0},
	} {
		w := job.Write{SQL: "SELECT * FROM " + reading(source), Columns: columns, Dir: t.TempDir(), Prefix: "p", Sort: c.sort, FileBytes: c.bytes, AtRest: c.atRest}
		files, err := s.Stage(ctx, w, "", nil)
		if err != nil {
			t.Errorf("%v: %v", c.sort, err)
			continue
		}
		left, err := os.ReadDir(w.Dir)
		must(t, err)
		if total(files) != count || len(left) != len(files) || (c.bytes == 0) != (len(files) == 1) {
			t.Errorf("%v: %d rows in %d files, %d in the folder", c.sort, total(files), len(files), len(left))
		}
		if got, want := one(t, check, "SELECT sum(i), sum(hash(i, few, day, amount, text)) FROM "+reading(files)), one(t, check, "SELECT sum(i), sum(hash(i, few, day, amount, text)) FROM "+reading(source)); got != want {
			t.Errorf("%v: rows are %s, want %s", c.sort, got, want)
		}
		for _, f := range files {
			inOrder(t, check, f, c.sort)
		}
	}
}

// inOrder holds each row of a file against the one before it.
func inOrder(t *testing.T, s *Session, f job.File, terms []string) {
	t.Helper()
	q := "SELECT count(*) FROM (SELECT k, lag(k) OVER (ORDER BY file_row_number) AS before FROM (SELECT " + keyOf(terms) + " AS k, file_row_number FROM read_parquet(" + job.Literal(f.Path) + ", file_row_number = true))) WHERE before > k"
	if got := one(t, s, q); got != "0" {
		t.Errorf("%v: %s rows out of order", terms, got)
	}
}
