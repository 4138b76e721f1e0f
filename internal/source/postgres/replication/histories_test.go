package replication_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/internal/source/postgres/replication"
)

// Several writers do at random what writers do; the changes that were read, applied one after another to a copy that knows nothing
// else, must give the tables as they stand in the server. The copy is read in parts, now by the stream, now as a backlog.
func TestCopyOfRandomTransactions(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY, n int, big text, x0 int)", "CREATE TABLE c (a int, b text, n numeric, PRIMARY KEY (a, b))",
				"CREATE TABLE f (id int, n int, big text)", "ALTER TABLE f REPLICA IDENTITY FULL",
				"ALTER TABLE d ALTER big SET STORAGE EXTERNAL", "ALTER TABLE f ALTER big SET STORAGE EXTERNAL")
			// Transactions of a few rows already count as large.
			r.exec(fmt.Sprintf("ALTER DATABASE %s SET logical_decoding_work_mem = '64kB'", r.conn.Config().Database),
				fmt.Sprintf("ALTER DATABASE %s SET deadlock_timeout = '20ms'", r.conn.Config().Database))
			keys := map[string][]string{"d": {"id"}, "c": {"a", "b"}, "f": nil}
			copies := map[string]*copied{}
			all := r.options("d", "c", "f")
			all.Tables[replication.Table{Schema: "public", Name: "f"}] = replication.Follow{After: r.start, Before: true}
			for name, o := range paths(t, all) {
				o.Slot = fmt.Sprint(r.slot, "_", len(copies))
				r.exec(fmt.Sprintf("SELECT pg_copy_logical_replication_slot('%s', '%s')", r.slot, o.Slot))
				copies[name] = &copied{t: t, name: name, keys: keys, o: o, rows: map[string]map[string]map[string]string{"d": {}, "c": {}, "f": {}}}
			}
			for round := range 3 {
				write(t, r, seed*100+uint64(round))
				goal := r.now()
				for _, c := range copies {
					c.follow(r, goal)
					c.compare(r)
				}
			}
		})
	}
}

// write has writers do random transactions side by side.
func write(t *testing.T, r *rig, seed uint64) {
	var all sync.WaitGroup
	for w := range uint64(4) {
		conn := r.dial()
		all.Go(func() {
			w := writer{t: t, rng: rand.New(rand.NewPCG(seed, w)), conn: conn}
			for range 15 {
				w.transaction(t.Context())
			}
		})
	}
	all.Wait()
}

type writer struct {
	t    *testing.T
	rng  *rand.Rand
	conn *pgx.Conn
}

// transaction does a few things in a transaction. One that fails, by a key that is there, a deadlock or a column that has gone, is
// rolled back like one that was never meant to be.
func (w *writer) transaction(ctx context.Context) {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		w.t.Error(err)
		return
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
	for range 1 + w.rng.IntN(5) {
		if w.rng.IntN(4) > 0 {
			if _, err := tx.Exec(ctx, w.statement()); err != nil {
				return
			}
			continue
		}
		sub, err := tx.Begin(ctx)
		if err != nil {
			return
		}
		for range 1 + w.rng.IntN(3) {
			if _, err = sub.Exec(ctx, w.statement()); err != nil {
				break
			}
		}
		if err != nil || w.rng.IntN(2) == 0 {
			err = sub.Rollback(ctx)
		} else {
			err = sub.Commit(ctx)
		}
		if err != nil {
			return
		}
	}
	if w.rng.IntN(5) > 0 {
		_ = tx.Commit(ctx) // a transaction that fails at its end is one more that did not happen
	}
}

func (w *writer) statement() string {
	id, to, n := w.rng.IntN(60), w.rng.IntN(60), w.rng.IntN(1000)
	switch w.rng.IntN(24) {
	case 0, 1, 2:
		return fmt.Sprintf("INSERT INTO d (id, n, big) VALUES (%d, %d, repeat('%d', %d)) ON CONFLICT (id) DO UPDATE SET n = excluded.n", id, n, n, w.rng.IntN(6000))
	case 3, 4:
		return fmt.Sprintf("UPDATE d SET n = %d WHERE id BETWEEN %d AND %d", n, id, id+5)
	case 5:
		return fmt.Sprintf("UPDATE d SET id = %d WHERE id = %d AND NOT EXISTS (SELECT FROM d WHERE id = %d)", to, id, to)
	case 6:
		return fmt.Sprintf("UPDATE d SET big = repeat('%d', %d) WHERE id = %d", n, w.rng.IntN(6000), id)
	case 7:
		return fmt.Sprintf("UPDATE d SET big = NULL WHERE id = %d", id)
	case 8:
		return fmt.Sprintf("DELETE FROM d WHERE id BETWEEN %d AND %d", id, id+3)
	case 9, 10:
		return fmt.Sprintf("INSERT INTO c VALUES (%d, 'k%d', %d.5) ON CONFLICT DO NOTHING", id%5, to, n)
	case 11:
		return fmt.Sprintf("UPDATE c SET b = b || 'x', n = NULL WHERE a = %d AND length(b) < 8", id%5)
	case 12:
		return fmt.Sprintf("DELETE FROM c WHERE a = %d AND b < 'k%d'", id%5, to)
	case 13, 14:
		return fmt.Sprintf("INSERT INTO f VALUES (%d, NULL, repeat('%d', %d)), (%d, %d, NULL)", id, n, w.rng.IntN(6000), to, n)
	case 15:
		return fmt.Sprintf("UPDATE f SET n = %d WHERE id BETWEEN %d AND %d", n, id, id+5)
	case 16:
		return fmt.Sprintf("UPDATE f SET id = %d WHERE id = %d", to, id)
	case 17:
		return fmt.Sprintf("DELETE FROM f WHERE id = %d", id)
	case 18, 19: // larger than what the server keeps in memory
		return fmt.Sprintf("INSERT INTO d (id, n, big) SELECT 1000 + %d * 1000 + g, g, repeat('z', 50) FROM generate_series(1, 500) g ON CONFLICT DO NOTHING", id%4)
	case 20:
		return fmt.Sprintf("UPDATE d SET n = n + 1 WHERE id > 1000 AND id %% 2 = %d", id%2)
	case 21:
		return fmt.Sprintf("ALTER TABLE d ADD COLUMN IF NOT EXISTS x%d int", id%3)
	case 22:
		return fmt.Sprintf("ALTER TABLE d DROP COLUMN IF EXISTS x%d", id%3)
	}
	return []string{"TRUNCATE c", "TRUNCATE d, f", "DELETE FROM d WHERE id > 1000", "SELECT pg_logical_emit_message(true, 'x', 'y')"}[w.rng.IntN(4)]
}

// copied is a copy of the tables, kept up from changes alone.
type copied struct {
	t    *testing.T
	name string
	keys map[string][]string
	o    replication.Options
	rows map[string]map[string]map[string]string // by table and key; by the whole row where there is no key, with a count
}

// follow reads from where the copy is to the goal.
func (c *copied) follow(r *rig, goal replication.LSN) {
	c.t.Helper()
	o := c.o
	o.Goal = goal
	f, err := replication.Open(c.t.Context(), r.server, o)
	if err != nil {
		c.t.Fatalf("%s: %v", c.name, err)
	}
	all, at := drain(c.t, c.t.Context(), f, nil)
	if err := f.Close(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	if !slices.IsSortedFunc(all, func(a, b change) int {
		if a.table != b.table {
			return 0
		}
		return cmp.Or(cmp.Compare(a.lsn, b.lsn), cmp.Compare(a.seq, b.seq))
	}) {
		c.t.Errorf("%s: changes are not in the order of their places", c.name)
	}
	var moved map[string]string
	for _, ch := range all {
		moved = c.apply(ch, moved)
	}
	for t, w := range o.Tables {
		w.After = at
		c.o.Tables = maps.Clone(c.o.Tables)
		c.o.Tables[t] = w
	}
}

// apply does one change, and gives the row that a before row took away.
func (c *copied) apply(ch change, moved map[string]string) map[string]string {
	rows, key := c.rows[ch.table], c.key(ch.table, ch.values)
	stored := rows[key]
	switch ch.op {
	case replication.OpTruncate:
		clear(rows)
	case replication.OpDelete, replication.OpBefore:
		if stored == nil {
			c.t.Fatalf("%s: %v, which is not there", c.name, ch)
		}
		if len(c.keys[ch.table]) == 0 && stored["#"] != "1" {
			stored["#"] = fmt.Sprint(count(stored) - 1)
		} else {
			delete(rows, key)
		}
		return stored
	case replication.OpInsert, replication.OpUpdate:
		if stored == nil {
			stored = moved
		}
		for _, a := range ch.absent {
			if stored == nil {
				c.t.Fatalf("%s: %v, and there was no such row", c.name, ch)
			}
			if v, ok := stored[a]; ok {
				ch.values[a] = v
			}
		}
		if len(c.keys[ch.table]) == 0 {
			ch.values["#"] = fmt.Sprint(count(rows[key]) + 1)
		}
		rows[key] = ch.values
	}
	return nil
}

func count(row map[string]string) (n int) {
	_, _ = fmt.Sscan(row["#"], &n) // none: 0
	return n
}

func (c *copied) key(table string, row map[string]string) string {
	if keys := c.keys[table]; len(keys) > 0 {
		var parts []string
		for _, k := range keys {
			parts = append(parts, row[k])
		}
		return strings.Join(parts, "|")
	}
	return text(row, slices.Sorted(maps.Keys(row)))
}

func text(row map[string]string, columns []string) string {
	var b strings.Builder
	for _, k := range columns {
		if v, ok := row[k]; ok && k != "#" {
			fmt.Fprintf(&b, "%s=%s|", k, v)
		}
	}
	return b.String()
}

// compare holds the copy against the server.
func (c *copied) compare(r *rig) {
	c.t.Helper()
	for table, rows := range c.rows {
		var columns, want, got []string
		if err := r.conn.QueryRow(c.t.Context(), `SELECT array_agg(attname::text ORDER BY attname::text COLLATE "C") FROM pg_attribute
			WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped`, table).Scan(&columns); err != nil {
			c.t.Fatal(err)
		}
		var items []string
		for _, col := range columns {
			items = append(items, fmt.Sprintf("coalesce('%s=' || %s || '|', '')", col, col))
		}
		found, err := r.conn.Query(c.t.Context(), fmt.Sprintf("SELECT %s FROM %s", strings.Join(items, " || "), table))
		if err != nil {
			c.t.Fatal(err)
		}
		if want, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
			c.t.Fatal(err)
		}
		for _, row := range rows {
			for range max(1, count(row)) {
				got = append(got, text(row, columns))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			c.t.Fatalf("%s: table %s: the copy has %d rows, the server %d; first difference: %s", c.name, table, len(got), len(want), differ(got, want))
		}
	}
}

func differ(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "(none)", "(none)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf("%.200s, in the server %.200s", g, w)
		}
	}
	return "none"
}
