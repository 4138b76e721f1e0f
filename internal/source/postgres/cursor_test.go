package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/postgres"
	"weir/test/env"
)

// readOn reads a dataset by cursor from a position and gives the ids read and the next position.
func readOn(t *testing.T, s *duckdb.Session, of, dataset, cursor string, reader *postgres.Reader, from job.Position) ([]string, job.Position, error) {
	t.Helper()
	o, err := (&postgres.Config{}).WithURL(of).Open(t.Context(), source.Env{Root: t.TempDir(), Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	reader.SetDataset(dataset, cursor, "")
	src, err := o.Dataset(reader)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := src.Begin(t.Context(), job.Read{Table: "raw.t", From: from})
	if err != nil {
		return nil, from, err
	}
	defer scan.Close()
	if len(scan.Splits()) == 0 {
		return nil, from, nil
	}
	rows, err := scan.(source.Batched).Rows(t.Context())
	if err != nil {
		return nil, from, err
	}
	release, err := s.Batches(t.Context(), "weir_in", rows)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Strings(t.Context(), "SELECT * FROM weir_in")
	if err = errors.Join(err, release()); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range out {
		ids = append(ids, r[0].Value)
	}
	return ids, scan.End(), nil
}

// TestCursorMissesNothing reads while writers take numbers and times early and commit late: every row comes once.
func TestCursorMissesNothing(t *testing.T) {
	for _, cursor := range []string{"n", "at"} {
		t.Run(cursor, func(t *testing.T) {
			of := env.Postgres(t)
			exec(t, connect(t, of), "CREATE TABLE x (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n bigserial, at timestamptz NOT NULL DEFAULT now())")
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
			defer stop()
			var writers sync.WaitGroup
			for i := range 4 {
				writers.Go(func() { lateWriter(ctx, of, rand.New(rand.NewPCG(uint64(i), 3))) })
			}
			s, seen, position := session(t), map[string]int{}, job.Position(nil)
			for reading := true; reading; {
				reading = ctx.Err() == nil // once more when all is written
				if !reading {
					writers.Wait()
				}
				ids, next, err := readOn(t, s, of, "public.x", cursor, &postgres.Reader{CursorWait: 10 * time.Second}, position)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					seen[id]++
				}
				position = next
			}
			var n int
			if err := connect(t, of).QueryRow(t.Context(), "SELECT count(*) FROM x").Scan(&n); err != nil {
				t.Fatal(err)
			}
			twice := 0
			for _, k := range seen {
				if k > 1 {
					twice++
				}
			}
			if len(seen) != n || twice > 0 || n < 50 {
				t.Errorf("%d rows, %d read, %d of them twice", n, len(seen), twice)
			}
		})
	}
}

// lateWriter begins transactions, waits, writes, waits and commits or not.
func lateWriter(ctx context.Context, of string, rng *rand.Rand) {
	keep := context.WithoutCancel(ctx)
	c, err := pgx.Connect(keep, of)
	if err != nil {
		return
	}
	defer c.Close(keep)
	pause := func() { time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond) }
	for ctx.Err() == nil {
		tx, err := c.Begin(keep)
		if err != nil {
			return
		}
		if _, err := tx.Exec(keep, "SELECT now()"); err != nil { // the time is taken
			return
		}
		pause()
		for range 1 + rng.IntN(5) {
			if _, err := tx.Exec(keep, "INSERT INTO x DEFAULT VALUES"); err != nil {
				return
			}
			pause()
		}
		if rng.IntN(5) == 0 {
			_ = tx.Rollback(keep)
		} else {
			_ = tx.Commit(keep)
		}
	}
}

// TestCursorTies reads rows of one value that come in several lots, and says who holds a cursor up.
func TestCursorTies(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, "CREATE TABLE x (id int PRIMARY KEY, day date NOT NULL); INSERT INTO x VALUES (1, '2026-01-01'), (2, '2026-01-02')")
	s, reader := session(t), func() *postgres.Reader { return &postgres.Reader{CursorWait: 200 * time.Millisecond} }
	read := func(from job.Position, want string) job.Position {
		t.Helper()
		ids, next, err := readOn(t, s, of, "public.x", "day", reader(), from)
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("read %q, want %q: %v", got, want, err)
		}
		return next
	}
	at := read(nil, "1 2")
	at = read(at, "")
	exec(t, c, "INSERT INTO x VALUES (3, '2026-01-02')")
	at = read(at, "3")
	at = read(at, "")
	exec(t, c, "INSERT INTO x VALUES (4, '2026-01-02'), (5, '2026-01-03')")
	at = read(at, "4 5")
	holder := connect(t, of)
	exec(t, holder, "BEGIN; INSERT INTO x VALUES (6, '2026-01-03')")
	exec(t, c, "INSERT INTO x VALUES (7, '2026-01-04')")
	_, _, err := readOn(t, s, of, "public.x", "day", reader(), at)
	var pid int
	if e := holder.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); e != nil {
		t.Fatal(e)
	}
	if fault.ClassOf(err) != fault.Unavailable || !strings.Contains(fault.HintOf(err), fmt.Sprint(pid)) {
		t.Errorf("held up by %d: %v · %s", pid, err, fault.HintOf(err))
	}
	exec(t, holder, "COMMIT")
	read(at, "6 7")
}
