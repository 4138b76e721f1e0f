package postgres_test

import (
	"testing"

	"weir/internal/source"
	"weir/internal/source/sourcetest"
	"weir/test/env"
)

func TestConformance(t *testing.T) {
	sourcetest.RunBatched(t, func(t *testing.T) sourcetest.BatchedFixture {
		of := env.Postgres(t)
		c := connect(t, of)
		exec(t, c, `CREATE TABLE t (id int PRIMARY KEY, v text, a int[], d date); INSERT INTO t SELECT i, repeat('x', i % 90), ARRAY[i, NULL], '2026-01-01' FROM generate_series(1, 50000) i;
			INSERT INTO t VALUES (-1, 'endless', '{}', 'infinity'), (-2, NULL, '{{1},{2}}', NULL)`)
		return sourcetest.BatchedFixture{
			Source: dataset(t, of, "t"), Missing: dataset(t, of, "tt"), Rows: 50000, Bad: 2,
			Change: func(t *testing.T) {
				exec(t, c, "INSERT INTO t SELECT i, 'new' FROM generate_series(60001, 60100) i; UPDATE t SET v = 'changed' WHERE id < 50; DELETE FROM t WHERE id BETWEEN 100 AND 900")
			},
		}
	})
}

func dataset(t *testing.T, of, name string) source.Source {
	t.Helper()
	r := reads(t, of, name, "")
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	return r.source
}
