package replication_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/source/postgres/replication"
	"weir/test/env"
)

// refused says that an error has a class, names what is wrong and, after a bar, says what to do.
func refused(t *testing.T, err error, class fault.Class, says, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s: %s", class, says)
	}
	if got := fault.ClassOf(err); got != class || !strings.Contains(err.Error(), says) || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("got %s: %v | %s\nwant %s: … %s … | … %s …", got, err, fault.HintOf(err), class, says, hint)
	}
}

// What would make a feed miss changes, or never end, is said before it begins.
func TestWhatKeepsAFeedFromBeginning(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)", "CREATE TABLE bare (id int)", "CREATE TABLE none (id int PRIMARY KEY)",
		"ALTER TABLE none REPLICA IDENTITY NOTHING", "CREATE TABLE elsewhere (id int PRIMARY KEY)",
		"CREATE PUBLICATION few FOR TABLE d", "CREATE PUBLICATION inserts FOR TABLE d WITH (publish = 'insert')", "CREATE PUBLICATION part FOR TABLE d WHERE (id > 5)")
	for _, c := range []struct {
		name string
		edit func(*replication.Options)
		fault.Class
		says, hint string
	}{
		{"no slot", func(o *replication.Options) { o.Slot = "gone" }, fault.Data, "there is no such slot", "--full"},
		{"no publication", func(o *replication.Options) { o.Publication = "gone" }, fault.Usage, "there is no publication gone", "CREATE PUBLICATION"},
		{"not published", func(o *replication.Options) {
			*o = r.options("d", "elsewhere")
			o.Publication = "few"
		}, fault.Usage, "publication few lacks the table public.elsewhere", "--full"},
		{"only inserts", func(o *replication.Options) { o.Publication = "inserts" }, fault.Usage, "leaves out kinds of change", "SET (publish"},
		{"only some rows", func(o *replication.Options) { o.Publication = "part" }, fault.Usage, "only some rows of public.d", "row filter"},
		{"no key", func(o *replication.Options) { *o = r.options("bare") }, fault.Usage, "public.bare has no replica identity", "REPLICA IDENTITY FULL"},
		{"identity nothing", func(o *replication.Options) { *o = r.options("none") }, fault.Usage, "public.none has no replica identity", "REPLICA IDENTITY FULL"},
		{"a position before the slot's", func(o *replication.Options) {
			o.Tables[replication.Table{Schema: "public", Name: "d"}] = replication.Follow{After: r.start - 1}
		}, fault.Data, "the slot tells only what came after", "--full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := r.options("d")
			c.edit(&o)
			_, err := replication.Open(t.Context(), r.server, o)
			refused(t, err, c.Class, c.says, c.hint)
		})
	}
	t.Run("a position after the end of the log", func(t *testing.T) {
		o := r.options("d")
		o.Tables[replication.Table{Schema: "public", Name: "d"}] = replication.Follow{After: r.start + 1<<40}
		_, err := replication.Open(t.Context(), r.server, o)
		refused(t, err, fault.Data, "the server's log ends at", "--full")
	})
	t.Run("read by another", func(t *testing.T) {
		f, err := replication.Open(t.Context(), r.server, r.options("d"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = replication.Open(t.Context(), r.server, r.options("d"))
		refused(t, err, fault.Conflict, "reads it", "one slot has one reader")
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("another plugin", func(t *testing.T) {
		r.exec(fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s_other', 'test_decoding')", r.slot))
		o := r.options("d")
		o.Slot += "_other"
		_, err := replication.Open(t.Context(), r.server, o)
		refused(t, err, fault.Usage, `"test_decoding", not for pgoutput`, "")
	})
	t.Run("a slot that is there", func(t *testing.T) {
		_, err := replication.CreateSlot(t.Context(), r.server, r.slot, false, false)
		refused(t, err, fault.Conflict, "already exists", "")
	})
	t.Run("a name that is none", func(t *testing.T) {
		_, err := replication.CreateSlot(t.Context(), r.server, "Odd-Name", false, false)
		refused(t, err, fault.Usage, "invalid character", "lower-case")
	})
}

// A role needs the right to read the log.
func TestRoleWithoutRight(t *testing.T) {
	r := newRig(t)
	role := r.slot + "_plain"
	r.exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x'", role))
	t.Cleanup(func() {
		if _, err := r.conn.Exec(context.Background(), "DROP ROLE "+role); err != nil {
			t.Log(err)
		}
	})
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "x")
	server, err := (&postgres.Settings{URL: u.String()}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = replication.CreateSlot(t.Context(), server, r.slot+"2", false, false)
	refused(t, err, fault.Usage, "replication role", "REPLICATION")
	_, err = replication.Open(t.Context(), server, r.options())
	refused(t, err, fault.Internal, "without tables", "")
}

// A reader whose session is ended by an administrator can try again.
func TestSessionEnded(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)")
	f, err := replication.Open(t.Context(), r.server, r.options("d"))
	if err != nil {
		t.Fatal(err)
	}
	r.exec(fmt.Sprintf("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s'", r.slot))
	_, err = f.Next(t.Context())
	refused(t, err, fault.Unavailable, "", "")
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What befalls a server: it is killed, its log is thrown away, it does not log enough, another takes its place.
func TestServerFaults(t *testing.T) {
	own := env.OwnPostgres(t)
	r := newRigAt(t, own.URL, "CREATE TABLE d (id int PRIMARY KEY, n int)")
	r.exec("INSERT INTO d VALUES (1, 1)")
	o := r.options("d")
	o.Every = 10 * time.Millisecond
	f, err := replication.Open(t.Context(), r.server, o)
	if err != nil {
		t.Fatal(err)
	}
	all, at := drain(t, t.Context(), f, func(replication.LSN) bool { return true })
	if len(all) != 1 {
		t.Fatalf("got %v", all)
	}
	own.Restart(t)
	for err = nil; err == nil; {
		_, err = f.Next(t.Context())
	}
	refused(t, err, fault.Unavailable, "", "")
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.conn = r.dial()
	r.exec("INSERT INTO d VALUES (2, 2)")
	o.Tables[replication.Table{Schema: "public", Name: "d"}], o.Goal = replication.Follow{After: at}, r.now()
	if all, _ = r.read(o); len(all) != 1 || all[0].values["id"] != "2" {
		t.Fatalf("after the restart: %v", all)
	}

	r.exec("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()")
	for range 5 {
		r.exec("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)), pg_switch_wal()")
	}
	r.exec("CHECKPOINT")
	slot, ok, err := replication.FindSlot(t.Context(), r.conn, r.slot)
	if err != nil || !ok || !slot.Lost() {
		t.Fatalf("slot %+v, %v, %v", slot, ok, err)
	}
	_, err = replication.Open(t.Context(), r.server, o)
	refused(t, err, fault.Data, "changes were lost", "max_slot_wal_keep_size")

	if err := replication.DropSlot(t.Context(), r.conn, r.slot); err != nil {
		t.Fatal(err)
	}
	r.exec("ALTER SYSTEM SET wal_level = replica")
	own.Restart(t)
	_, err = replication.CreateSlot(t.Context(), r.server, r.slot, false, false)
	refused(t, err, fault.Usage, "wal_level", "wal_level = logical")
}
