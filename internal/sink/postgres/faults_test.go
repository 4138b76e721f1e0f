package postgres

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/sink"
	"weir/test/env"
)

// once hands out one batch.
type once struct {
	schema *arrow.Schema
	batch  arrow.RecordBatch
}

func (o *once) Schema() *arrow.Schema { return o.schema }

func (o *once) Next(context.Context) (arrow.RecordBatch, error) {
	if o.batch == nil {
		return nil, io.EOF
	}
	b := o.batch
	o.batch = nil
	return b, nil
}

func (o *once) Close() error { return nil }

// impatient waits for locks for a moment only.
func impatient(t testing.TB, of string) *Sink {
	t.Helper()
	s, err := Kind().Open(t.Context(), &postgres.Settings{URL: of, LockTimeout: 300 * time.Millisecond}, sink.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Sink)
}

// A lock that another session holds is a conflict, which is tried again, and says who that is.
func TestLocked(t *testing.T) {
	of := env.Postgres(t)
	c, s := session(t, of), impatient(t, of)
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 1)); err != nil {
		t.Fatal(err)
	}
	exec(t, c, "BEGIN", "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
	pid, err := rowTexts(t.Context(), c, "SELECT pg_backend_pid()")
	if err != nil {
		t.Fatal(err)
	}
	named := "pid " + pid[0]
	for _, mode := range []sink.Mode{sink.Upsert, sink.Append, sink.Replace} {
		if _, err := apply(t, s, "public", "t", brought(t, mode, 2)); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	exec(t, c, "ROLLBACK", "BEGIN", "SELECT count(*) FROM t") // a reader in an open transaction
	if _, err := apply(t, s, "public", "t", brought(t, sink.Replace, 2)); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), named) {
		t.Errorf("a swap under a reader: %v", err)
	}
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 2)); err != nil {
		t.Errorf("an upsert beside a reader: %v", err)
	}
	exec(t, c, "ROLLBACK", "BEGIN", "SELECT * FROM _weir_loads FOR UPDATE")
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 2)); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), named) {
		t.Errorf("the position is locked: %v", err)
	}
	exec(t, c, "ROLLBACK")
	l, err := s.Begin(t.Context(), sink.Target{Name: "bi.t", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), sink.Target{Name: "bi.t", Schema: "public", Table: "t"}); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another load of bi.t is under way by pid") {
		t.Errorf("two loads at once: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRights(t *testing.T) {
	of := env.Postgres(t)
	c := session(t, of)
	role := roles(t, c, 1)[0]
	exec(t, c, "ALTER ROLE "+role+" LOGIN PASSWORD 'secret-word'", "CREATE SCHEMA closed", "CREATE TABLE public.theirs (id bigint PRIMARY KEY, name text)", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "secret-word")
	s := openURL(t, u.String())
	for schema, want := range map[string]string{"closed": "permission denied for schema closed", "fresh": "permission denied for database", "public": "permission denied for schema public"} {
		_, err := apply(t, s, schema, "t", brought(t, sink.Upsert, 1))
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), want) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v (%s)", schema, err, fault.HintOf(err))
		}
	}
	exec(t, c, "GRANT CREATE ON SCHEMA public TO "+role)
	if _, err := apply(t, s, "public", "theirs", brought(t, sink.Upsert, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "permission denied for table theirs") {
		t.Errorf("a table of another: %v", err)
	}
	exec(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE ON theirs TO "+role)
	for _, mode := range []sink.Mode{sink.Upsert, sink.Replace, sink.Append} {
		if out, err := apply(t, s, "public", "theirs", brought(t, mode, int64(len(mode)))); err != nil || out.How == "swapped" {
			t.Errorf("%s: %v, %+v", mode, err, out)
		}
	}
	u.User = url.UserPassword(role, "wrong-word")
	_, err = apply(t, openURL(t, u.String()), "public", "t", brought(t, sink.Upsert, 1))
	if text := fault.HintOf(err) + err.Error(); fault.ClassOf(err) != fault.Usage || !strings.Contains(text, role) || strings.Contains(text, "wrong-word") {
		t.Errorf("a wrong password: %s", text)
	}
}

// TestDeferred has a foreign key that is checked at the commit, where no row could be told any more.
func TestDeferred(t *testing.T) {
	of := env.Postgres(t)
	c, s := session(t, of), openURL(t, of)
	exec(t, c, "CREATE TABLE ref (id bigint PRIMARY KEY)", "INSERT INTO ref VALUES (1), (2)", "CREATE TABLE t (id bigint PRIMARY KEY REFERENCES ref DEFERRABLE INITIALLY DEFERRED, name text)")
	out, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 1, 9, 2))
	if !errors.Is(err, sink.ErrTooMany) || len(out.Rejects) != 1 || out.Rejects[0].Key != "(id) = (9)" || out.Rejects[0].Constraint != "t_id_fkey" {
		t.Errorf("refused %+v: %v", out.Rejects, err)
	}
	rowsAre(t, c, "SELECT count(*) FROM t", "0")
}

// TestRaise has a trigger that refuses rows in words of its own.
func TestRaise(t *testing.T) {
	of := env.Postgres(t)
	c, s := session(t, of), openURL(t, of)
	exec(t, c, "CREATE TABLE t (id bigint PRIMARY KEY, name text)", `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.id = 3 THEN RAISE 'three is no number'; END IF; RETURN new; END $$`,
		"CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()")
	for _, mode := range []sink.Mode{sink.Append, sink.Upsert, sink.Replace} {
		out, err := apply(t, s, "public", "t", brought(t, mode, 1, 2, 3, 4))
		if len(out.Rejects) != 1 || out.Rejects[0].Reason != "three is no number" {
			t.Errorf("%s: refused %+v: %v", mode, out.Rejects, err)
		}
	}
}

// A server that ends in the middle of a load leaves nothing of it, and the next try does it all.
func TestServerEnds(t *testing.T) {
	server := env.OwnPostgres(t)
	s := openURL(t, server.URL)
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 1)); err != nil {
		t.Fatal(err)
	}
	l, err := s.Begin(t.Context(), sink.Target{Name: "bi.t", Schema: "public", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Apply(t.Context(), brought(t, sink.Upsert, 2)); err != nil {
		t.Fatal(err)
	}
	server.Restart(t)
	if err := l.Commit(t.Context(), sink.Position{Snapshot: 2}); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("a commit to a server that went: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	server.Kill(t)
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 2)); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("no server: %v", err)
	}
	server.Start(t)
	c := session(t, server.URL)
	rowsAre(t, c, "SELECT id FROM t", "1")
	if _, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 2)); err != nil {
		t.Fatal(err)
	}
	rowsAre(t, c, "SELECT id FROM t ORDER BY 1", "1", "2")
}
