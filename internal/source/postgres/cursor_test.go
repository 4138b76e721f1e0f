package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/test/env"
)

// next reads what is new after a position and gives the ids, and the position after them.
func (r *reading) next(from job.Position) (ids []int64, end job.Position, err error) {
	r.t.Helper()
	s, err := r.begin(job.Read{From: from})
	if err != nil {
		return nil, from, err
	}
	defer s.Close()
	if len(s.Splits()) == 0 {
		return nil, s.End(), nil
	}
	rows, err := rowsOf(r.t, s)
	if err != nil {
		return nil, from, err
	}
	defer rows.Close()
	for {
		b, err := rows.Next(r.t.Context())
		if err != nil {
			if err.Error() == "EOF" {
				err = nil
			}
			return ids, s.End(), errors.Join(err, rows.Close())
		}
		ids = append(ids, b.Column(0).(*array.Int64).Int64Values()...)
		b.Release()
	}
}

func (r *reading) mustNext(from job.Position) ([]int64, job.Position) {
	r.t.Helper()
	ids, end, err := r.next(from)
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids, end
}

// TestCursorMissesNothing reads again and again while transactions take their numbers and times early and commit late, or never:
// in the end each committed row was read, and none twice.
func TestCursorMissesNothing(t *testing.T) {
	of := env.Postgres(t)
	exec(t, connect(t, of), `CREATE SEQUENCE s; CREATE TABLE t (id bigint PRIMARY KEY, num bigint NOT NULL, at timestamptz NOT NULL, local timestamp NOT NULL, coarse timestamptz NOT NULL)`)
	for _, cursor := range []string{"id", "at", "local", "coarse"} {
		t.Run(cursor, func(t *testing.T) {
			exec(t, connect(t, of), "TRUNCATE t")
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
			defer stop()
			var writers sync.WaitGroup
			for range 6 {
				writers.Go(func() { write(ctx, t, of) })
			}
			r := reads(t, of, "t", cursor)
			seen, position, passes := map[int64]int{}, job.Position{}, 0
			read := func() {
				ids, end := r.mustNext(position)
				for _, id := range ids {
					seen[id]++
				}
				position = end
				passes++
			}
			for ctx.Err() == nil {
				read()
			}
			writers.Wait()
			read()
			rows, err := connect(t, of).Query(t.Context(), "SELECT id FROM t")
			if err != nil {
				t.Fatal(err)
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if seen[id] != 1 {
					t.Errorf("row %d was read %d times", id, seen[id])
				}
			}
			if len(seen) != len(ids) || len(ids) < 50 || passes < 4 {
				t.Errorf("%d rows were read of %d, in %d passes", len(seen), len(ids), passes)
			}
		})
	}
}

// write commits rows in transactions that dawdle.
func write(ctx context.Context, t *testing.T, of string) {
	c, err := pgx.Connect(context.Background(), of)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(context.Background())
	dawdle := func() string { return fmt.Sprintf("; SELECT pg_sleep(%f); ", rand.Float64()*0.06) }
	for ctx.Err() == nil {
		sql := "BEGIN; SELECT now()" + dawdle() + "SELECT nextval('s')" + dawdle() +
			"INSERT INTO t SELECT currval('s'), currval('s'), now(), now(), date_trunc('second', now())" + dawdle() + "COMMIT"
		if rand.IntN(5) == 0 {
			sql = strings.TrimSuffix(sql, "COMMIT") + "ROLLBACK"
		}
		if _, err := c.Exec(context.Background(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestCursorTies tells rows with the position's own value apart, also when the table has gained or lost columns since.
func TestCursorTies(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE TABLE t (id bigint PRIMARY KEY, d date NOT NULL, v text); INSERT INTO t SELECT i, '2026-01-01', 'x' FROM generate_series(1, 3) i;
		CREATE TABLE keyless (id bigint, d date NOT NULL, v text); INSERT INTO keyless SELECT * FROM t`)
	for _, name := range []string{"t", "keyless"} {
		r := reads(t, of, name, "d")
		ids, at := r.mustNext(nil)
		same := func(what string, want ...int64) {
			t.Helper()
			if !slices.Equal(ids, want) {
				t.Errorf("%s: %s: %v, not %v", name, what, ids, want)
			}
		}
		same("at first", 1, 2, 3)
		ids, at = r.mustNext(at)
		same("again")
		exec(t, c, "INSERT INTO "+name+" VALUES (4, '2026-01-01', 'y')")
		ids, at = r.mustNext(at)
		same("one more with the same value", 4)
		exec(t, c, "ALTER TABLE "+name+" ADD more int DEFAULT 7")
		ids, at = r.mustNext(at)
		same("a column more")
		exec(t, c, "INSERT INTO "+name+" VALUES (5, '2026-01-01', 'y')")
		ids, at = r.mustNext(at)
		same("a row after it", 5)
		exec(t, c, "ALTER TABLE "+name+" DROP v; DELETE FROM "+name+" WHERE id = 2")
		if name == "keyless" {
			_, _, err := r.next(at)
			refused(t, err, fault.Data, "told from those read", "--full")
			continue
		}
		ids, at = r.mustNext(at)
		same("a column less")
		exec(t, c, "INSERT INTO t VALUES (6, '2026-01-01'), (7, '2025-01-01'), (8, '2026-01-02')")
		ids, at = r.mustNext(at)
		same("rows after it", 6, 8)
		exec(t, c, "DELETE FROM t WHERE id = 8")
		ids, at = r.mustNext(at)
		same("the last is gone")
		exec(t, c, "INSERT INTO t VALUES (9, '2026-01-01'), (10, '2026-01-03')")
		ids, _ = r.mustNext(at)
		same("a position does not go back", 10)
	}
}

// TestCursorHeldBack names who holds a read up, or reads what lies before.
func TestCursorHeldBack(t *testing.T) {
	of := env.Postgres(t)
	c, other := connect(t, of), connect(t, of)
	exec(t, c, `CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), local timestamp NOT NULL DEFAULT now());
		INSERT INTO t VALUES (1, now() - interval '1 hour', now() - interval '1 day'); INSERT INTO t VALUES (2, now() - interval '1 hour', now() - interval '1 day')`)
	var pid int
	if err := other.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	// It has taken its time, and has written nothing yet.
	exec(t, other, "BEGIN; SELECT now()")
	time.Sleep(20 * time.Millisecond)
	exec(t, c, "INSERT INTO t VALUES (3)")
	ends := map[string]job.Position{}
	for _, cursor := range []string{"id", "at", "local"} { // a time without a zone cannot be compared with the server's clock
		r := reads(t, of, "t", cursor)
		r.reader.CursorWait = 200 * time.Millisecond
		ids, end, err := r.next(nil)
		if cursor != "at" {
			refused(t, err, fault.Unavailable, fmt.Sprintf("process %d of", pid), "cursor_wait")
			continue
		}
		if slices.Sort(ids); err != nil || !slices.Equal(ids, []int64{1, 2}) {
			t.Errorf("by %s: %v, %v", cursor, ids, err)
		}
		ends[cursor] = end
	}
	exec(t, other, "INSERT INTO t VALUES (4); COMMIT")
	for cursor, end := range ends {
		if ids, _ := reads(t, of, "t", cursor).mustNext(end); !slices.Equal(ids, []int64{3, 4}) {
			t.Errorf("by %s afterwards: %v", cursor, ids)
		}
	}
	// Readers do not hold anyone up.
	whole := reads(t, of, "t", "")
	if _, err := whole.rows(); err != nil {
		t.Fatal(err)
	}
	exec(t, c, "INSERT INTO t VALUES (5)")
	r := reads(t, of, "t", "id")
	r.reader.CursorWait = 300 * time.Millisecond
	if ids, _ := r.mustNext(nil); len(ids) != 5 {
		t.Errorf("beside a whole read: %v", ids)
	}
}

// TestCursorOfPreparedTransactions waits for those, too.
func TestCursorOfPreparedTransactions(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	var most string
	if err := c.QueryRow(t.Context(), "SHOW max_prepared_transactions").Scan(&most); err != nil || most == "0" {
		t.Skip("the server takes no prepared transactions")
	}
	exec(t, c, `CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (2)`)
	exec(t, c, `BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'held'`)
	r := reads(t, of, "t", "id")
	r.reader.CursorWait = 100 * time.Millisecond
	_, _, err := r.next(nil)
	exec(t, c, "COMMIT PREPARED 'held'")
	refused(t, err, fault.Unavailable, `"held"`)
	if ids, _ := r.mustNext(nil); len(ids) != 2 {
		t.Errorf("afterwards: %v", ids)
	}
}

// TestCursorMistakes names what cannot be a cursor, and looks back where that is asked for.
func TestCursorMistakes(t *testing.T) {
	of := env.Postgres(t)
	exec(t, connect(t, of), `CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz, v text); INSERT INTO t VALUES (1, '2026-01-01 10:00Z', 'a'), (2, NULL, 'b')`)
	for cursor, says := range map[string]string{"at": "is null in some rows", "v": "a cursor is a number", "gone": "is not in public.t"} {
		_, _, err := reads(t, of, "t", cursor).next(nil)
		class := fault.Usage
		if cursor == "at" {
			class = fault.Data
		}
		refused(t, err, class, says)
	}
	r := reads(t, of, "t", "at")
	r.reader.Where, r.reader.Lookback = "at IS NOT NULL -- a comment", time.Hour
	ids, at := r.mustNext(nil)
	if !slices.Equal(ids, []int64{1}) {
		t.Errorf("with where: %v", ids)
	}
	exec(t, connect(t, of), "INSERT INTO t VALUES (3, '2026-01-01 09:30Z', 'late'), (4, '2026-01-01 08:30Z', 'too late'), (5, '2026-01-01 11:00Z', 'new')")
	if ids, _ = r.mustNext(at); !slices.Equal(ids, []int64{1, 3, 5}) {
		t.Errorf("with lookback: %v", ids)
	}
}
