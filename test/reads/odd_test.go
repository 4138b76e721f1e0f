package reads

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"weir/test/env"
	"weir/test/program"
)

// TestVerifyOdd compares tables that no small example has: dates and times that the lake cannot hold, and a thousand columns.
func TestVerifyOdd(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE TABLE ends (id int PRIMARY KEY, at timestamptz, seen timestamp, day date);
		INSERT INTO ends VALUES (1, '2026-01-01 00:00:00+00', '0044-03-15 BC', '0044-03-15 BC'), (2, NULL, NULL, NULL),
			(3, 'infinity', '2026-01-01', '2026-01-01'), (4, '2026-01-01', '-infinity', '2026-01-01'), (5, '2026-01-01', '294270-01-01', '2026-01-01'), (6, '2026-01-01', '2026-01-01', 'infinity')`)
	columns := make([]string, 999)
	for i := range columns {
		columns[i] = fmt.Sprintf("c%d int", i)
	}
	exec(t, c, "CREATE TABLE wide (id int PRIMARY KEY, "+strings.Join(columns, ", ")+"); INSERT INTO wide (id, c0, c998) VALUES (1, 2, 3), (2, NULL, 5)")
	dir := project(t, of, "", map[string]string{"ends": "from: shop.public.ends\nkey: id\nmax_rejects: 10\n", "wide": "from: shop.public.wide\nkey: id\n"})
	if out, errOut, code := program.Run(t, "-C", dir, "run"); code != 0 {
		t.Fatalf("run: exit %d\n%s%s", code, out, errOut)
	}
	for table, want := range map[string]string{"raw.wide": "are equal: 2 rows, 1,000 columns compared", "raw.ends": "raw.ends has 2 rows, shop.public.ends has 6"} {
		out, errOut, _ := program.Run(t, "-C", dir, "verify", table)
		if !strings.Contains(out, want) {
			t.Errorf("verify %s says\n%s%s\nwant %s", table, out, errOut, want)
		}
	}
}

// TestFollowsNoKeyless says at once, in a plan and in a run, that a table cannot be followed, and leaves its users alone.
func TestFollowsNoKeyless(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, "CREATE TABLE bare (id int, v text); INSERT INTO bare VALUES (1, 'a'); CREATE VIEW seen AS SELECT * FROM bare")
	dir := project(t, of, "", map[string]string{"log": "from: shop.public.bare\nmode: append\nread: feed\n", "seen": "from: shop.public.seen\nmode: changes\nkey: id\n"})
	for _, command := range []string{"plan", "run"} {
		out, errOut, code := program.Run(t, "-C", dir, command)
		for _, want := range []string{"public.bare has no replica identity", "public.seen is a view"} {
			if code == 0 || !strings.Contains(out, want) {
				t.Errorf("%s: exit %d, want %q\n%s%s", command, code, want, out, errOut)
			}
		}
	}
	exec(t, c, "UPDATE bare SET v = 'b'; DELETE FROM bare")
}

// TestFollowsNoComputed leaves out what the server does not send with changes, rather than make it null.
func TestFollowsNoComputed(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, "CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t VALUES (1, 1)")
	t.Cleanup(func() { // the test's context is over by then
		if _, err := c.Exec(context.Background(), "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"); err != nil {
			t.Error(err)
		}
	})
	dir := project(t, of, "", map[string]string{"t": "from: shop.public.t\nmode: changes\nkey: id\n", "whole": "from: shop.public.t\nkey: id\n"})
	for range 2 {
		if out, errOut, code := program.Run(t, "-C", dir, "run"); code != 0 {
			t.Fatalf("run: exit %d\n%s%s", code, out, errOut)
		}
		exec(t, c, "UPDATE t SET a = a + 1; INSERT INTO t SELECT max(id) + 1, 7 FROM t")
	}
	if out, errOut, code := program.Run(t, "-C", dir, "run"); code != 0 {
		t.Fatalf("run: exit %d\n%s%s", code, out, errOut)
	}
	for table, columns := range map[string]string{"raw.t": "2", "raw.whole": "3"} {
		out, errOut, code := program.Run(t, "-C", dir, "verify", table)
		if want := "are equal: 3 rows, " + columns + " columns compared"; code != 0 || !strings.Contains(out, want) {
			t.Errorf("verify %s says\n%s%s\nwant %s", table, out, errOut, want)
		}
	}
	program.Write(t, dir, map[string]string{"tables/raw/t2.yaml": "from: shop.public.t\nmode: changes\nkey: id\ncolumns: { twice: bigint }\n"})
	if out, errOut, code := program.Run(t, "-C", dir, "run", "raw.t2"); code == 0 || !strings.Contains(out+errOut, `column "twice" of public.t is generated`) {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}
