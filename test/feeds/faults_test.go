package feeds

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/test/env"
	"weir/test/program"
)

// rig is a case of faults: a database of its own on a server that all cases of a test share, and a project that follows it.
type rig struct {
	*testing.T
	dir string
	url string
	sql func(statements ...string)
}

func (r *rig) write(files map[string]string) {
	r.Helper()
	program.Write(r.T, r.dir, files)
}

func (r *rig) run(args ...string) {
	r.Helper()
	program.Must(r.T, append([]string{"-C", r.dir, "run"}, args...)...)
}

// stops wants a run to fail and to say all of some texts.
func (r *rig) stops(args []string, says ...string) {
	r.Helper()
	out, errOut, code := program.Run(r.T, append([]string{"-C", r.dir, "run"}, args...)...)
	if code == 0 {
		r.Fatalf("weir run %v ended well:\n%s%s", args, out, errOut)
	}
	for _, want := range says {
		if !strings.Contains(out+errOut, want) {
			r.Errorf("weir run %v does not say %q:\n%s%s", args, want, out, errOut)
		}
	}
}

func (r *rig) equal(tables ...string) {
	r.Helper()
	for _, table := range tables {
		out, errOut, code := program.Run(r.T, "-C", r.dir, "verify", table)
		if code != 0 || !strings.Contains(out, "are equal") {
			r.Errorf("verify %s: exit %d\n%s%s", table, code, out, errOut)
		}
	}
}

// holds wants a query of the lake to give rows, written as CSV lines joined with spaces.
func (r *rig) holds(query, want string) {
	r.Helper()
	if got := strings.Join(strings.Fields(program.Query(r.T, r.dir, query)), " "); got != want {
		r.Errorf("%s gives %q, want %q", query, got, want)
	}
}

func (r *rig) project(kind string) map[string]string {
	return map[string]string{
		"weir.yaml": "name: faults\nlake: lake\ndevelopment: on\nconnections:\n  db: { type: " + kind + ", url: \"${DB_URL}\" }\n",
		".env":      "DB_URL=" + r.url + "\n",
	}
}

const ofChanges = "mode: changes\nkey: id\nmax_rejects: 10\n"

// onPostgres makes a case: a database with tables that statements make, and a project with raw.NAME for each of its tables.
func onPostgres(t *testing.T, server *env.Server, tables []string, statements ...string) *rig {
	t.Helper()
	name := "c" + strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()))
	name = name[max(0, len(name)-40):]
	admin, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE \""+name+"\""); err != nil {
		t.Fatal(err)
	}
	_ = admin.Close(t.Context()) // it was only needed for that
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	r := &rig{T: t, dir: t.TempDir(), url: u.String()}
	r.sql = func(statements ...string) {
		t.Helper()
		c, err := pgx.Connect(t.Context(), r.url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }() // nothing hangs on it
		for _, q := range statements {
			if _, err := c.Exec(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
	}
	r.sql(statements...)
	files := r.project("postgres")
	for _, table := range tables {
		files["tables/raw/"+table+".yaml"] = "from: db.public." + table + "\n" + ofChanges
	}
	r.write(files)
	return r
}

const aTable = "CREATE TABLE a (id bigint PRIMARY KEY, n int, note text)"

func TestPostgresFaults(t *testing.T) {
	server := env.OwnPostgres(t)
	for name, test := range map[string]func(*testing.T, *env.Server){
		"keys":        keysOfPostgres,
		"identity":    identityOfPostgres,
		"misfits":     misfitsOfPostgres,
		"large":       largeOfPostgres,
		"schema":      schemaOfPostgres,
		"lostTable":   lostTableOfPostgres,
		"branch":      branchOfPostgres,
		"slot":        slotOfPostgres,
		"together":    togetherOfPostgres,
		"rollback":    rollbackOfPostgres,
		"partitioned": partitionedOfPostgres,
		"turned":      turnedOfPostgres,
		"rules":       rulesOfPostgres,
		"givenUp":     givenUpOfPostgres,
		"waits":       waitsOfPostgres,
		"restarts":    restartsOfPostgres,
		"otherServer": otherServerOfPostgres,
		"leaves":      leavesOfPostgres,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

func keysOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a SELECT i, i, 'x' FROM generate_series(1, 20) i")
	r.write(map[string]string{"tables/raw/log.yaml": "from: db.public.a\nmode: append\nread: feed\n"})
	r.run()
	r.sql("BEGIN", "UPDATE a SET id = -1 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 2", "UPDATE a SET id = 2 WHERE id = -1", "COMMIT",
		"BEGIN", "INSERT INTO a VALUES (100, 1, 'undone')", "ROLLBACK",
		"BEGIN", "SAVEPOINT s", "DELETE FROM a WHERE id < 10", "ROLLBACK TO s", "UPDATE a SET note = repeat('ü€😀', 700000) WHERE id = 3", "COMMIT",
		"BEGIN", "COMMIT")
	r.run()
	r.equal("raw.a")
	r.holds("select id, n from raw.a where id < 3 order by id", "1,2 2,1")
	r.sql("BEGIN", "INSERT INTO a VALUES (200, 1, 'before')", "TRUNCATE a", "INSERT INTO a VALUES (201, 1, 'after')", "COMMIT")
	r.run()
	r.equal("raw.a")
	r.holds("select _op, id from raw.log where _op <> 'read' order by _position desc limit 3", "insert,201 truncate, insert,200")
}

func identityOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b", "c"}, "CREATE TABLE a (id bigint NOT NULL, v int)", "CREATE TABLE b (pk int PRIMARY KEY, id bigint NOT NULL UNIQUE)",
		"CREATE TABLE c (pk int PRIMARY KEY, id bigint NOT NULL UNIQUE)", "ALTER TABLE c REPLICA IDENTITY USING INDEX c_id_key",
		"INSERT INTO a VALUES (1, 1), (2, 2)", "INSERT INTO b VALUES (1, 1), (2, 2)", "INSERT INTO c VALUES (1, 1), (2, 2)")
	r.run("raw.b", "raw.c")
	r.stops([]string{"raw.a"}, "raw.a", "public.a has no replica identity")
	r.sql("UPDATE a SET v = v") // it is not in the publication, so the server takes this
	// A change of a key that the server does not tell of would leave the old row behind.
	r.sql("UPDATE b SET id = 5 WHERE pk = 1", "UPDATE c SET id = 5 WHERE pk = 1")
	r.stops(nil, "raw.b", "REPLICA IDENTITY FULL", "has no replica identity")
	r.equal("raw.c") // goes on without the others
	r.sql("ALTER TABLE a REPLICA IDENTITY FULL", "ALTER TABLE b REPLICA IDENTITY FULL", "DELETE FROM a WHERE id = 2", "UPDATE a SET id = 3 WHERE id = 1", "UPDATE b SET id = 6 WHERE pk = 2")
	r.run("raw.b", "--full")
	r.sql("UPDATE b SET id = 7 WHERE pk = 2", "DELETE FROM c WHERE id = 5")
	r.run()
	r.equal("raw.a", "raw.b", "raw.c")
}

func misfitsOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, "CREATE TABLE a (id bigint PRIMARY KEY, v numeric(10,2))", "ALTER TABLE a REPLICA IDENTITY FULL",
		"INSERT INTO a SELECT i, i FROM generate_series(1, 9) i")
	r.write(map[string]string{"tables/raw/log.yaml": "from: db.public.a\nmode: append\nread: feed\nmax_rejects: 10\n"})
	r.run()
	r.sql("UPDATE a SET v = 'NaN' WHERE id IN (1, 2, 3, 4)")
	r.run()
	r.holds("select id, v from raw.a where id < 5 order by id", "1,1.00 2,2.00 3,3.00 4,4.00") // as they were
	r.sql("UPDATE a SET v = 7 WHERE id = 1", "DELETE FROM a WHERE id = 2", "UPDATE a SET id = 30, v = 8 WHERE id = 3", "DELETE FROM a WHERE id = 4")
	r.run()
	r.equal("raw.a")
	r.sql("INSERT INTO a SELECT i, 'NaN' FROM generate_series(1000, 1010) i", "UPDATE a SET v = 99 WHERE id = 9")
	r.stops(nil, "max_rejects")
	r.holds("select v from raw.a where id = 9", "9.00") // position and rows wait together
	r.sql("DELETE FROM a WHERE id >= 1000")
	r.run("--full", "--destroy-history", "raw.a", "raw.log")
	r.equal("raw.a")
}

func largeOfPostgres(t *testing.T, server *env.Server) {
	big := "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)"
	r := onPostgres(t, server, []string{"a"}, "CREATE TABLE a (id bigint PRIMARY KEY, v numeric(10,2), note text)", "ALTER TABLE a ALTER note SET STORAGE EXTERNAL",
		"INSERT INTO a SELECT i, i, "+big+" FROM generate_series(1, 5) i")
	r.run()
	r.sql("UPDATE a SET v = v + 1", "INSERT INTO a VALUES (6, 'NaN', "+big+")")
	r.run()
	r.holds("select count(*), count(note) from raw.a", "5,5")
	r.sql("UPDATE a SET v = 6 WHERE id = 6") // the value was in the change that was turned away
	r.stops(nil, "turned away", "--full")
	r.run("--full")
	r.equal("raw.a")
	r.sql("UPDATE a SET id = 60 WHERE id = 6")
	r.stops(nil, "changed the key", "--full")
	r.run("--full")
	r.sql("ALTER TABLE a REPLICA IDENTITY FULL", "UPDATE a SET id = 61 WHERE id = 60")
	r.run()
	r.equal("raw.a")
}

func schemaOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "CREATE TYPE mood AS ENUM ('good')", "ALTER TABLE b ADD m mood DEFAULT 'good'",
		"INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x')")
	r.write(map[string]string{"tables/raw/log.yaml": "from: db.public.a\nmode: append\nread: feed\n"})
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')", "ALTER TABLE a ADD extra int DEFAULT 7", "INSERT INTO a VALUES (3, 3, 'z')", "ALTER TABLE a ALTER n TYPE bigint",
		"INSERT INTO a VALUES (4, 5000000000, 'w')", "ALTER TABLE a DROP extra", "ALTER TABLE a RENAME note TO words", "INSERT INTO a VALUES (5, 5, 'v')",
		"ALTER TYPE mood ADD VALUE 'bad'", "INSERT INTO b VALUES (2, 2, 'y', 'bad')")
	r.run()
	r.holds("select id, n, note, extra, words from raw.a order by id", "1,1,x,, 2,2,y,, 3,3,z,7, 4,5000000000,w,7, 5,5,,,v")
	r.holds("select id, n, note, extra, words from raw.log where _op = 'insert' order by id", "2,2,y,, 3,3,z,7, 4,5000000000,w,7, 5,5,,,v")
	r.equal("raw.b")
	r.sql("ALTER TABLE a ALTER n TYPE text", "INSERT INTO a VALUES (6, 'six', 'u')", "INSERT INTO b VALUES (3, 3, 'z', 'good')")
	r.stops(nil, "raw.a", "raw.log", "--full")
	r.equal("raw.b")
	r.run("raw.a", "raw.log", "--full", "--destroy-history")
	r.sql("INSERT INTO a VALUES (7, 'seven', 't')")
	r.run()
	r.holds("select count(*), max(n) from raw.a", "7,six")
}

func lostTableOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'x')", "DROP TABLE a", aTable, "INSERT INTO a VALUES (9, 9, 'new')", "INSERT INTO b VALUES (2, 2, 'y')")
	r.stops(nil, "raw.a", "dropped", "--full")
	r.equal("raw.b")
	r.run("raw.a", "--full")
	r.sql("INSERT INTO a VALUES (10, 9, 'new')", "CREATE TABLE c (id bigint PRIMARY KEY)", "INSERT INTO c VALUES (1)")
	r.write(map[string]string{"tables/raw/c.yaml": "from: db.public.c\n" + ofChanges})
	r.run()
	r.sql("INSERT INTO c VALUES (2)", "INSERT INTO a VALUES (11, 9, 'new')")
	r.run("raw.c") // only one of several, then all
	r.run()
	r.equal("raw.a", "raw.b", "raw.c")
	r.run("--full", "raw.b")
	r.sql("DELETE FROM c", "DELETE FROM b WHERE id = 1")
	program.Must(t, "-C", r.dir, "maintain")
	r.run()
	r.equal("raw.a", "raw.b", "raw.c")
}

func branchOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.write(map[string]string{"tables/marts/sums.sql": "/* weir\nincremental: { input: raw.a, by: [n] }\n*/\nselect n, count(*) as c from raw.a group by n\n"})
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')")
	r.run("--branch", "dev")
	r.run("--branch", "dev")
	r.sql("INSERT INTO a VALUES (3, 2, 'y')", "UPDATE a SET n = 5 WHERE id = 1", "DELETE FROM a WHERE id = 2")
	r.run("--branch", "dev")
	r.run("--branch", "other", "--limit", "1")
	r.run() // what the branch has read is still there for main
	r.equal("raw.a")
	r.holds("select n, c from marts.sums order by n", "2,1 5,1")
}

func slotOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')")
	var slot string
	c, err := pgx.Connect(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }() // nothing hangs on it
	if err := c.QueryRow(t.Context(), "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()").Scan(&slot); err != nil {
		t.Fatal(err)
	}
	reader := program.Command(t.Context())
	reader.Path, reader.Args = pgRecvlogical(t), []string{"pg_recvlogical", "--dbname", r.url, "--slot", slot, "--start", "--no-loop", "--file", filepath.Join(t.TempDir(), "read"),
		"--option", "proto_version=1", "--option", "publication_names=weir_faults", "--fsync-interval", "0", "--status-interval", "0"}
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	active := false
	for until := time.Now().Add(20 * time.Second); !active && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if err := c.QueryRow(t.Context(), "SELECT active FROM pg_replication_slots WHERE slot_name = $1", slot).Scan(&active); err != nil {
			t.Fatal(err)
		}
	}
	r.stops(nil, "session", "one slot has one reader")
	r.holds("select count(*) from raw.a", "1")
	_ = reader.Process.Kill() // as a reader that dies
	_ = reader.Wait()
	settle(t, r.dir)
	r.equal("raw.a")
	r.sql("INSERT INTO a VALUES (3, 2, 'y')", "SELECT pg_drop_replication_slot('"+slot+"')", "INSERT INTO a VALUES (4, 2, 'y')")
	r.stops(nil, "gone", "--full")
	r.holds("select count(*) from raw.a", "2")
	r.run("--full")
	r.equal("raw.a")
	r.sql("INSERT INTO a VALUES (5, 2, 'y')")
	r.run()
	r.equal("raw.a")
}

func pgRecvlogical(t *testing.T) string {
	if path, err := exec.LookPath("pg_recvlogical"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_recvlogical") // the pattern is well formed
	if len(found) == 0 {
		t.Skip("pg_recvlogical is not here")
	}
	return found[len(found)-1]
}

func togetherOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.write(map[string]string{"tables/raw/log.yaml": "from: db.public.a\nmode: append\nread: feed\n"})
	r.run()
	r.sql("INSERT INTO a SELECT i, i, 'x' FROM generate_series(2, 50000) i")
	first, second := program.Command(t.Context(), "-C", r.dir, "run"), program.Command(t.Context(), "-C", r.dir, "run")
	for _, c := range []interface{ Start() error }{first, second} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("two runs at once end with %v and %v", first.Wait(), second.Wait())
	settle(t, r.dir)
	r.equal("raw.a")
	r.holds("select count(*), count(distinct _position) from raw.log where _op = 'insert'", "49999,49999")
}

func rollbackOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')", "INSERT INTO b VALUES (2, 2, 'y')")
	r.run()
	program.Must(t, "-C", r.dir, "rollback", "raw.a", "--to", "previous", "--yes")
	r.holds("select count(*) from raw.a", "1")
	r.sql("INSERT INTO b VALUES (3, 2, 'y')")
	// The server has let go of the changes: it says so, and the other table goes on.
	r.stops(nil, "raw.a", "--full")
	r.equal("raw.b")
	r.run("raw.a", "--full")
	r.equal("raw.a")
}

func partitionedOfPostgres(t *testing.T, server *env.Server) {
	r := onPostgres(t, server, []string{"a"}, "CREATE TABLE a (id bigint PRIMARY KEY, v int) PARTITION BY RANGE (id)", "CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (100)",
		"CREATE TABLE a2 PARTITION OF a FOR VALUES FROM (100) TO (200)", "INSERT INTO a SELECT i, i FROM generate_series(1, 150) i")
	r.run()
	r.sql("UPDATE a SET id = id + 99 WHERE id IN (60, 70)", "CREATE TABLE a3 PARTITION OF a FOR VALUES FROM (200) TO (300)", "INSERT INTO a VALUES (250, 1)", "DELETE FROM a WHERE id = 120")
	r.run()
	r.equal("raw.a")
	r.sql("TRUNCATE a", "INSERT INTO a VALUES (7, 7)")
	r.run()
	r.equal("raw.a")
	r.sql("INSERT INTO a VALUES (107, 7)")
	r.run()
	r.sql("TRUNCATE a1") // which the server does not tell
	r.run()
	if out, errOut, code := program.Run(t, "-C", r.dir, "verify", "raw.a"); code == 0 {
		t.Errorf("verify does not see that a partition was emptied:\n%s%s", out, errOut)
	}
	r.run("--full")
	r.equal("raw.a")
}
