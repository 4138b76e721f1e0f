package replication_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/internal/postgres"
	"weir/internal/source/postgres/replication"
	"weir/test/env"
)

// The slot lets go of what the lake has, and of nothing else (promise 1).
func TestSlotFollowsWhatIsCommitted(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)")
	for name, o := range paths(t, r.options("d")) {
		t.Run(name, func(t *testing.T) {
			before := r.state()
			r.exec("TRUNCATE d", "INSERT INTO d VALUES (1)")
			o.Tables[replication.Table{Schema: "public", Name: "d"}] = replication.Follow{After: before.Confirmed}
			o.Goal = r.now()
			for range 2 { // not committed: told again
				f, err := replication.Open(t.Context(), r.server, o)
				if err != nil {
					t.Fatal(err)
				}
				if all, _ := drain(t, t.Context(), f, nil); len(all) != 2 {
					t.Fatalf("got %v", all)
				}
				if err := f.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s := r.state(); s.Confirmed != before.Confirmed {
					t.Fatalf("slot at %s, was at %s, and nothing was committed", s.Confirmed, before.Confirmed)
				}
			}
			all, at := r.read(o)
			if s := r.state(); len(all) != 2 || s.Confirmed != at || at < o.Goal {
				t.Errorf("slot at %s after %s was committed, goal %s, %d changes", s.Confirmed, at, o.Goal, len(all))
			}
			o.Tables[replication.Table{Schema: "public", Name: "d"}] = replication.Follow{After: at}
			if all, _ = r.read(o); len(all) != 0 {
				t.Errorf("read again: %v", all)
			}
		})
	}
}

func (r *rig) state() replication.Slot {
	r.t.Helper()
	s, ok, err := replication.FindSlot(r.t.Context(), r.conn, r.slot)
	if err != nil || !ok {
		r.t.Fatal(ok, err)
	}
	return s
}

// Tables of one slot may stand at different places: each gets what it lacks.
func TestTablesAtDifferentPlaces(t *testing.T) {
	r := newRig(t, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)")
	r.exec("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)")
	between := r.now()
	r.exec("INSERT INTO a VALUES (2)", "INSERT INTO b VALUES (2)")
	o := r.options("a", "b")
	o.Goal = r.now()
	o.Tables[replication.Table{Schema: "public", Name: "b"}] = replication.Follow{After: between}
	for name, o := range paths(t, o) {
		f, err := replication.Open(t.Context(), r.server, o)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := drain(t, t.Context(), f, nil)
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := lines(all); got != "insert a id=1\ninsert a id=2\ninsert b id=2\n" {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// A snapshot of a new slot and its changes make up the table: no row twice, none missing.
func TestSnapshotAndChanges(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)", "INSERT INTO d SELECT generate_series(1, 100)")
	stop, writing := make(chan struct{}), make(chan error)
	other := r.dial()
	go func() {
		for id := 101; ; id++ {
			select {
			case <-stop:
				writing <- nil
				return
			default:
				if _, err := other.Exec(t.Context(), "INSERT INTO d VALUES ($1)", id); err != nil {
					writing <- err
					return
				}
			}
		}
	}()
	slot, err := replication.CreateSlot(t.Context(), r.server, r.slot+"_2", true, false)
	if err != nil {
		t.Fatal(err)
	}
	c := r.dial()
	seen := map[string]int{}
	for _, s := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", fmt.Sprintf("SET TRANSACTION SNAPSHOT '%s'", slot.Snapshot)} {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := slot.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), "SELECT id::text FROM d")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		seen[id]++
	}
	time.Sleep(100 * time.Millisecond) // a few more rows
	close(stop)
	if err := <-writing; err != nil {
		t.Fatal(err)
	}
	o := r.options("d")
	o.Slot, o.Goal = slot.Name, r.now()
	o.Tables[replication.Table{Schema: "public", Name: "d"}] = replication.Follow{After: slot.At}
	all, _ := r.read(o)
	for _, ch := range all {
		seen[ch.values["id"]]++
	}
	var n int
	if err := r.conn.QueryRow(t.Context(), "SELECT count(*) FROM d").Scan(&n); err != nil {
		t.Fatal(err)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("row %s %d times", id, times)
		}
	}
	if len(seen) != n || len(all) == 0 || len(ids) == n {
		t.Errorf("%d rows, %d in the snapshot and %d changes make %d", n, len(ids), len(all), len(seen))
	}
}

// A feed without a goal gives rows soon after their commit, tells of progress in a database where nothing happens, and ends with its
// context.
func TestFollow(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)", "CREATE TABLE quiet (id int)")
	o := r.options("d")
	o.Every = 50 * time.Millisecond
	f, err := replication.Open(t.Context(), r.server, o)
	if err != nil {
		t.Fatal(err)
	}
	for id := range 3 {
		r.exec(fmt.Sprintf("INSERT INTO d VALUES (%d)", id))
		all, at := drain(t, t.Context(), f, func(at replication.LSN) bool { return at > 0 })
		for len(all) == 0 { // a mark may come of what went before
			all, at = drain(t, t.Context(), f, func(at replication.LSN) bool { return at > 0 })
		}
		if len(all) != 1 || all[0].values["id"] != fmt.Sprint(id) {
			t.Fatalf("got %v", all)
		}
		f.Committed(at)
	}
	r.wait("SELECT flush_lsn >= $2::text::pg_lsn FROM pg_stat_replication JOIN pg_replication_slots ON pid = active_pid WHERE slot_name = $1", r.slot, "0/1")
	for range 3 {
		r.exec("INSERT INTO quiet VALUES (1)")
	}
	idle := r.now()
	all, at := drain(t, t.Context(), f, func(at replication.LSN) bool { return at >= idle })
	if len(all) != 0 {
		t.Errorf("got %v", all)
	}
	f.Committed(at)
	r.wait("SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1", r.slot, idle.String())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for err == nil {
		_, err = f.Next(ctx)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := f.Close(ctx); err != nil {
		t.Error(err)
	}
	r.wait("SELECT active_pid IS NULL FROM pg_replication_slots WHERE slot_name = $1", r.slot)
}

// A server that hears nothing ends the session: a consumer that is busy for longer does not lose its feed.
func TestBusyConsumer(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY, big text)", "ALTER TABLE d ALTER big SET STORAGE EXTERNAL")
	r.exec(fmt.Sprintf("ALTER DATABASE %s SET wal_sender_timeout = '300ms'", r.conn.Config().Database))
	r.exec("INSERT INTO d SELECT g, repeat('x', 5000) FROM generate_series(1, 4000) g") // more than lies in buffers
	o := r.options("d")
	o.Goal = r.now()
	f, err := replication.Open(t.Context(), r.server, o)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		e, err := f.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Batch != nil {
			if n == 0 {
				time.Sleep(time.Second)
			}
			n += int(e.Batch.NumRows())
			e.Batch.Release()
		}
	}
	if n != 4000 {
		t.Errorf("%d rows", n)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A backlog that is read in parts goes on as a query where each part was committed, and as a stream where it was not.
func TestBacklogInParts(t *testing.T) {
	for _, commits := range []bool{true, false} {
		t.Run(fmt.Sprint("commits ", commits), func(t *testing.T) {
			r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)")
			for id := range 30 {
				r.exec(fmt.Sprintf("INSERT INTO d VALUES (%d), (%d)", 2*id, 2*id+1))
			}
			o := r.options("d")
			o.Goal, o.CatchUp, o.PeekChanges = r.now(), 1, 20
			f, err := replication.Open(t.Context(), r.server, o)
			if err != nil {
				t.Fatal(err)
			}
			marks := 0
			all, at := drain(t, t.Context(), f, func(at replication.LSN) bool {
				marks++
				if commits {
					f.Committed(at)
				}
				return false
			})
			for i, c := range all {
				if c.values["id"] != fmt.Sprint(i) {
					t.Fatalf("change %d is %v", i, c)
				}
			}
			if len(all) != 60 || at < o.Goal || marks < 2 || commits != (marks > 2) {
				t.Errorf("%d changes, %d marks", len(all), marks)
			}
			if err := f.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := r.state(); commits != (s.Confirmed == at) {
				t.Errorf("slot at %s, read to %s", s.Confirmed, at)
			}
		})
	}
}

// A table that changes its columns under the reader gives batches of each shape, in order.
func TestChangedColumns(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)")
	r.exec("INSERT INTO d VALUES (1)", "ALTER TABLE d ADD COLUMN n int DEFAULT 7", "INSERT INTO d VALUES (2, 2)", "ALTER TABLE d DROP COLUMN n, ADD COLUMN t text",
		"INSERT INTO d VALUES (3, 'c')", "ALTER TABLE d RENAME COLUMN t TO u", "INSERT INTO d VALUES (4, 'd')")
	o := r.options("d")
	o.Goal = r.now()
	for name, o := range paths(t, o) {
		f, err := replication.Open(t.Context(), r.server, o)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := drain(t, t.Context(), f, nil)
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range all {
			got += fmt.Sprintln(c, c.columns)
		}
		if want := "insert d id=1 [id]\ninsert d id=2 n=2 [id n]\ninsert d id=3 t=c [id t]\ninsert d id=4 u=d [id u]\n"; got != want {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// Changes come over TLS as they do without: many records, each as small as a change.
func TestOverTLS(t *testing.T) {
	ca := env.PostgresCA(t)
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY, t text)")
	r.exec("INSERT INTO d SELECT g, 'row ' || g FROM generate_series(1, 50000) g", "UPDATE d SET t = repeat('x', 300000) WHERE id = 7")
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = ""
	if r.server, err = (&postgres.Settings{URL: u.String(), TLSCA: ca, TLS: "verify-full"}).Prepare("", nil); err != nil {
		t.Fatal(err)
	}
	var secured bool
	if err := r.dial().QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&secured); err != nil || !secured {
		t.Fatal(secured, err)
	}
	o := r.options("d")
	o.Goal = r.now()
	for name, o := range paths(t, o) {
		f, err := replication.Open(t.Context(), r.server, o)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := drain(t, t.Context(), f, nil)
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(all) != 50001 || all[49999].values["t"] != "row 50000" || len(all[50000].values["t"]) != 300000 {
			t.Errorf("%s: %d changes", name, len(all))
		}
	}
}
