package build

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/internal/define"
	"weir/internal/engine/duckdb"
	"weir/internal/fault"
)

// TestEndless: a recursive CTE that does not end is ended and named, whatever it uses up: time, or room.
func TestEndless(t *testing.T) {
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 1, Memory: 64 << 20, TempDir: t.TempDir(), MaxTemp: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	// One goes round between two rows and needs next to nothing; the other has twice the rows in each step.
	const (
		round = "CREATE OR REPLACE TEMP TABLE x AS WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT b FROM n JOIN (VALUES (1, 2), (2, 1)) e(a, b) ON a = x) SELECT * FROM n"
		wide  = "CREATE OR REPLACE TEMP TABLE x AS WITH RECURSIVE n AS (SELECT 1::BIGINT AS x UNION ALL SELECT x + i FROM n, range(2) r(i)) SELECT * FROM n"
	)
	task := Task{Table: &define.Table{Name: "m.t"}, Recursive: "tables/m/t.sql:1:16"}
	rows := func(sql string) func(context.Context) error {
		return func(ctx context.Context) error { return s.Exec(ctx, sql) }
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for want, err := range map[string]error{
		"did not end within 1m":                      task.ending(short, time.Minute, rows(round)),
		"did not end before memory or disk was full": task.Ending(t.Context(), rows(wide)),
	} {
		if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "the recursive CTE at tables/m/t.sql:1:16 "+want) || !strings.Contains(fault.HintOf(err), "depth < 100") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// What a person ends is no mistake of the SQL.
	interrupted, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	if err := task.Ending(interrupted, rows(round)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	// The session works on, and SQL without a recursive CTE is left alone.
	task.Recursive = ""
	if err := task.Ending(t.Context(), rows("CREATE OR REPLACE TEMP TABLE x AS SELECT 1")); err != nil {
		t.Error(err)
	}
}
