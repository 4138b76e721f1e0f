package feeds

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/test/env"
	"weir/test/program"
)

// ask gives the first value of a query of the source.
func (r *rig) ask(query string) (value string) {
	r.Helper()
	c, err := pgx.Connect(r.Context(), r.url)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = c.Close(r.Context()) }() // nothing hangs on it
	if err := c.QueryRow(r.Context(), "SELECT ("+query+")::text").Scan(&value); err != nil {
		r.Fatalf("%s: %v", query, err)
	}
	return value
}

// rejects wants so many open rejects of a table.
func (r *rig) rejects(table string, want int) {
	r.Helper()
	out := program.Must(r.T, "-C", r.dir, "rejects", "show", table, "--json")
	if got := strings.Count(out, `"raw":`); got != want {
		r.Errorf("%s has %d open rejects, not %d:\n%s", table, got, want, out)
	}
}

const bigText = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)"

// turnedOfPostgres leaves a large value alone after one that was turned away: the older one never comes back in silence.
func turnedOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, "CREATE TABLE a (id bigint PRIMARY KEY, v numeric(10,2), note text)", "ALTER TABLE a ALTER note SET STORAGE EXTERNAL",
		"INSERT INTO a SELECT i, i, "+bigText+" FROM generate_series(1, 9) i")
	r.run()
	r.sql("UPDATE a SET v = 'NaN', note = reverse(note) WHERE id = 1", "UPDATE a SET v = 3 WHERE id = 1") // in one run
	r.stops(nil, "turned away", "(id) = (1)", "--full")
	r.run("--full")
	r.equal("raw.a")
	r.sql("UPDATE a SET v = 'NaN', note = reverse(note) WHERE id = 2") // in two
	r.run()
	r.rejects("raw.a", 1)
	r.sql("UPDATE a SET v = 4 WHERE id = 2")
	r.stops(nil, "turned away", "(id) = (2)", "--full")
	r.holds("select v from raw.a where id = 2", "2.00")
	r.run("--full")
	r.equal("raw.a")
	r.rejects("raw.a", 0)
	// What was turned away without a new value takes none along, and is settled by what comes after it.
	r.sql("UPDATE a SET v = 'NaN' WHERE id = 3", "UPDATE a SET v = 5 WHERE id = 3", "UPDATE a SET v = 'NaN' WHERE id = 4")
	r.run()
	r.rejects("raw.a", 1)
	out, errOut, code := program.Run(t, "-C", r.dir, "rejects", "replay", "raw.a")
	if code == 0 || !strings.Contains(out+errOut, `"note"`) {
		t.Errorf("a change without its large value was replayed:\n%s%s", out, errOut)
	}
	r.sql("UPDATE a SET v = 6 WHERE id = 4")
	r.run()
	r.equal("raw.a")
	r.rejects("raw.a", 0)
	r.sql("UPDATE a SET v = 'NaN', note = reverse(note) WHERE id = 5", "UPDATE a SET v = 'NaN', note = reverse(note) WHERE id = 6", "UPDATE a SET v = 'NaN' WHERE id = 7")
	r.run()
	r.rejects("raw.a", 3)
	r.sql("UPDATE a SET v = 1, note = note || 'x' WHERE id = 5", "DELETE FROM a WHERE id = 6")
	r.run()
	r.sql("UPDATE a SET v = 2 WHERE id = 5")
	r.run()
	r.rejects("raw.a", 1)
	r.sql("TRUNCATE a", "INSERT INTO a VALUES (7, 1, 'new')")
	r.run()
	r.equal("raw.a")
	r.rejects("raw.a", 0)
}

// rulesOfPostgres turns rows away by a rule: what the table has of their key stays until a row of it passes.
func rulesOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "ALTER TABLE a ALTER note SET STORAGE EXTERNAL", "INSERT INTO a VALUES (1, 1, 'x'), (2, 2, 'y'), (3, -3, 'never'), (4, 4, "+bigText+")")
	r.write(map[string]string{"tables/raw/a.yaml": "from: db.public.a\n" + ofChanges + "rules:\n  - rule: ColumnValues \"n\" > 0\n    on_fail: quarantine\nmax_quarantined: 3\n"})
	r.run()
	r.rejects("raw.a", 1)
	r.sql("UPDATE a SET n = -1, note = 'new' WHERE id = 1", "UPDATE a SET id = 20, n = -2 WHERE id = 2", "DELETE FROM a WHERE id = 3")
	r.run()
	r.holds("select id, n, left(note, 3) from raw.a order by id", "1,1,x 4,4,c4c") // as it was; the key that the change left is gone
	r.rejects("raw.a", 2)
	r.sql("UPDATE a SET n = 5 WHERE id = 1", "UPDATE a SET n = 6 WHERE id = 20")
	r.run()
	r.equal("raw.a")
	r.rejects("raw.a", 0)
	r.sql("UPDATE a SET n = -4, note = reverse(note) WHERE id = 4")
	r.run()
	r.sql("UPDATE a SET n = 4 WHERE id = 4") // its large value is with the row that was turned away
	r.stops(nil, "turned away", "(id) = (4)")
	r.run("--full")
	r.equal("raw.a")
	r.sql("UPDATE a SET n = -n")
	r.run("--full") // as many as there may be
	r.holds("select count(*) from raw.a", "0")
	r.sql("INSERT INTO a SELECT -i, -1, 'x' FROM generate_series(1, 4) i")
	r.stops(nil, "max_quarantined")
}

// givenUpOfPostgres has the server give up the slot while Weir is away.
func givenUpOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')", "INSERT INTO b VALUES (2, 2, 'y')", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()")
	for range 4 {
		r.sql("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)), pg_switch_wal()")
	}
	r.sql("CHECKPOINT", "DELETE FROM a WHERE id = 1")
	slots := "SELECT string_agg(slot_name || ' ' || wal_status, ',') FROM pg_replication_slots WHERE database = current_database()"
	before := r.ask(slots)
	if !strings.Contains(before, " lost") {
		t.Fatalf("the server has not given up the slot: %s", before)
	}
	r.sql("ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")
	r.stops(nil, "changes were lost", "weir run raw.a --full", "weir run raw.b --full", "max_slot_wal_keep_size")
	r.holds("select count(*) from raw.a", "1") // no position is ahead of its rows
	if out := program.Must(t, "-C", r.dir, "position", "show", "raw.a"); !strings.Contains(out, "given up by the server: lost") {
		t.Errorf("position show says nothing of the slot:\n%s", out)
	}
	r.run("raw.a", "--full")
	r.equal("raw.a")
	r.sql("INSERT INTO a VALUES (3, 3, 'z')")
	r.stops(nil, "raw.b", "--full") // alone
	r.equal("raw.a")
	r.run("raw.b", "--full")
	r.sql("INSERT INTO a VALUES (4, 4, 'z')", "INSERT INTO b VALUES (4, 4, 'z')")
	r.run()
	r.equal("raw.a", "raw.b")
	if after := r.ask(slots); strings.Contains(after, ",") || strings.Contains(after, " lost") {
		t.Errorf("slots of the database: %s, then %s", before, after)
	}
}

// waitsOfPostgres makes a slot while transactions of another database go on, which the server waits for.
func waitsOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.write(map[string]string{"weir.yaml": "name: faults\nlake: lake\ndevelopment: on\nconnections:\n  db: { type: postgres, url: \"${DB_URL}\", lock_timeout: 300ms }\n",
		"tables/raw/a.yaml": "from: db.public.a\nretries: 0\n" + ofChanges})
	at, err := pgx.ParseConfig(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.RuntimeParams["application_name"] = "nightly"
	other, err := pgx.ConnectConfig(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(t.Context()) }() // nothing hangs on it
	do := func(sql string) {
		t.Helper()
		if _, err := other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	do("BEGIN")
	do("SELECT txid_current()")
	r.stops(nil, fmt.Sprintf("process %d of weir (nightly) in database postgres, since 20", other.PgConn().PID()), "lock_timeout")
	do("PREPARE TRANSACTION 'left over'")
	r.stops(nil, `prepared transaction "left over" of weir in database postgres, since 20`, "ROLLBACK PREPARED")
	do("ROLLBACK PREPARED 'left over'")
	r.run()
	r.equal("raw.a")
}

// restartsOfPostgres cuts the power in the middle of a first read, and of reading changes.
func restartsOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a SELECT i, i, repeat(md5(i::text), 8) FROM generate_series(1, 30000) i")
	r.write(map[string]string{"weir.yaml": "name: faults\nlake: lake\ndevelopment: on\nconnections:\n  db: { type: postgres, url: \"${DB_URL}\", rows_per_second: 15000 }\n"})
	r.cutDuring(server, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND state = 'active'")
	r.equal("raw.a")
	r.sql("UPDATE a SET n = n + 1, note = repeat(md5(n::text), 8)", "DELETE FROM a WHERE id % 3 = 0")
	r.cutDuring(server, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active")
	r.equal("raw.a")
}

// cutDuring kills the server as soon as a query gives more than 0 while a run goes on, and then lets it come to its end.
func (r *rig) cutDuring(server *env.Server, begun string) {
	r.Helper()
	run := program.Command(r.Context(), "-C", r.dir, "run")
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	if err := run.Start(); err != nil {
		r.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	c, err := pgx.Connect(r.Context(), r.url)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = c.Close(r.Context()) }() // the server has ended it
	until := time.Now().Add(30 * time.Second)
	for n := 0; n == 0; time.Sleep(2 * time.Millisecond) {
		if err := c.QueryRow(r.Context(), begun).Scan(&n); err != nil {
			r.Fatal(err)
		}
		if time.Now().After(until) {
			r.Fatalf("the run has not begun to read:\n%s", out.String())
		}
	}
	server.Restart(r.T)
	r.Logf("the run ended with %v", <-ended)
	settle(r.T, r.dir)
}

// otherServerOfPostgres leads the connection to a server that is another one.
func otherServerOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.run()
	other := onPostgres(t, env.OwnPostgres(t), []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x'), (2, 2, 'there')")
	r.write(map[string]string{".env": "DB_URL=" + other.url + "\n"})
	r.stops(nil, "server changed", "weir position accept-server raw.a", "--full")
	r.holds("select count(*) from raw.a", "1")
	program.Must(t, "-C", r.dir, "position", "accept-server", "raw.a")
	r.stops(nil, "gone from the server", "weir run raw.a --full") // slots do not move with data
	r.holds("select count(*) from raw.a", "1")
	r.run("--full")
	r.equal("raw.a")
	other.sql("INSERT INTO a VALUES (3, 3, 'there')")
	r.run()
	r.equal("raw.a")
}

// leavesOfPostgres takes a table out of the project: the server's log does not wait for it.
func leavesOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x')")
	r.run()
	if err := os.Remove(filepath.Join(r.dir, "tables/raw/b.yaml")); err != nil {
		t.Fatal(err)
	}
	r.sql("INSERT INTO b VALUES (2, 2, 'y')", "INSERT INTO a VALUES (2, 2, 'y')")
	at := r.ask("pg_current_wal_lsn()")
	r.run()
	r.equal("raw.a")
	if past := r.ask("SELECT confirmed_flush_lsn >= '" + at + "' FROM pg_replication_slots WHERE database = current_database()"); past != "true" {
		t.Errorf("the slot waits for a table that is not in the project")
	}
	r.write(map[string]string{"tables/raw/b.yaml": "from: db.public.b\n" + ofChanges})
	r.stops(nil, "raw.b", "--full")
	r.equal("raw.a")
	r.run("raw.b", "--full")
	r.equal("raw.a", "raw.b")
}
