package binlog

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/source/mysql/value"
	"weir/test/env"
)

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told\n%q, not\n%q", got, want)
	}
}

func TestTransactionsAreToldWhole(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		from := r.now()
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))", "CREATE TABLE other (id INT)",
			"INSERT INTO t VALUES (1, 'a'), (2, NULL)",
			"BEGIN", "UPDATE t SET v = 'b' WHERE id = 1", "SAVEPOINT s", "DELETE FROM t WHERE id = 2", "ROLLBACK TO s", "INSERT INTO other VALUES (1)", "INSERT INTO t VALUES (3, 'c')", "COMMIT",
			"BEGIN", "INSERT INTO t VALUES (4, 'gone')", "ROLLBACK",
			"ALTER TABLE t ADD n INT DEFAULT 7 FIRST", "UPDATE t SET id = 9 WHERE id = 3", "TRUNCATE TABLE t", "INSERT INTO t VALUES (0, 5, 'e')",
			"RENAME TABLE t TO t2, t2 TO t", "DROP TABLE other, t")
		r.exec("CREATE TABLE t (n INT, id INT PRIMARY KEY, v VARCHAR(9))") // as it was: names come from the log, types from both
		lines, _ := r.told(from)
		var told []string
		for _, l := range lines {
			if l != "begin" && l != "commit" {
				told = append(told, l)
			}
		}
		expect(t, told, "schema t", "insert +1|a", "insert +2|(null)", "update -1|a +1|b", "insert +3|c", "schema t", "update -7|3|c +7|9|c",
			"truncate t", "insert +0|5|e", "schema t t", "schema t", "schema t")
		depth := 0
		for _, l := range lines {
			switch l {
			case "begin":
				depth++
			case "commit":
				depth--
			}
			if depth < 0 || depth > 1 {
				t.Fatalf("a transaction within another: %q", lines)
			}
		}
	})
}

// A log that is read on from any commit, by file or by ids, tells the rest.
func TestReadingGoesOnFromEveryCommit(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		from := r.now()
		for i := range 6 {
			r.exec(fmt.Sprintf("INSERT INTO t VALUES (%d), (%d)", i, 10+i))
			if i == 3 {
				r.exec("FLUSH BINARY LOGS")
			}
		}
		positions := []Position{from}
		l := r.log(t.Context(), from)
		for {
			e, err := l.Next()
			if err != nil {
				break
			}
			if e.Kind == Commit {
				positions = append(positions, l.Position())
			}
		}
		all, end := r.told(from)
		want := changed(all)
		if len(want) != 12 {
			t.Fatalf("%q", all)
		}
		for n, p := range positions {
			text := p.String()
			p, err := ParsePosition(text, r.conn.Server.Maria)
			if err != nil {
				t.Fatal(err)
			}
			if !p.ByID() {
				t.Errorf("%s has no ids", text)
			}
			byFile := p.Clone()
			byFile.Set, byFile.Last = Position{}.Set, Position{}.Last
			for _, at := range []Position{p, byFile} {
				lines, _ := r.told(at)
				rest := changed(lines)
				// Other tests write to the same log: a commit need not be one of this table.
				if len(rest) > len(want) || !slices.Equal(rest, want[len(want)-len(rest):]) || n == len(positions)-1 && len(rest) != 0 {
					t.Errorf("after %s: %q", at.String(), rest)
				}
			}
			if n < len(positions)-1 && (!p.Before(&end) || end.Before(&p)) {
				t.Errorf("%s is not before %s", p.String(), end.String())
			}
		}
	})
}

// A row from before a column was added has the columns it had.
func TestShapesAreThoseOfTheirTime(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (a INT UNSIGNED, b ENUM('x','y') CHARACTER SET latin1, c VARCHAR(9) CHARACTER SET latin1)")
		from := r.now()
		r.exec("INSERT INTO t VALUES (4294967295, 'y', 'ü')", "ALTER TABLE t DROP b, MODIFY a BIGINT, ADD z TIME(2) FIRST", "INSERT INTO t VALUES ('-01:02:03.4', -5, 'x')")
		lines, _ := r.told(from)
		expect(t, changed(lines), "insert +4294967295|y|ü", "insert +-01:02:03.40|-5|x")
	})
}

func (r *rig) failure(from Position) error {
	r.t.Helper()
	l := r.log(r.t.Context(), from)
	for {
		if _, err := l.Next(); err != nil {
			return err
		}
	}
}

// What can't be followed stops the reading and says why.
func TestWhatStopsTheReading(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		maria := r.conn.Server.Maria
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, j JSON)")
		check := func(in string, statements ...string) {
			t.Helper()
			from := r.now()
			r.exec(statements...)
			err := r.failure(from)
			if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), in) || fault.HintOf(err) == "" {
				t.Errorf("%q: %v (%s)", statements, err, fault.HintOf(err))
			}
		}
		check("not in the log row by row", "SET SESSION binlog_format = 'STATEMENT'", "INSERT INTO t VALUES (1, '{}')", "SET SESSION binlog_format = 'ROW'")
		xid := r.database[len(r.database)-12:]
		check("XA PREPARE", "XA START '"+xid+"'", "INSERT INTO t VALUES (2, '{}')", "XA END '"+xid+"'", "XA PREPARE '"+xid+"'", "XA ROLLBACK '"+xid+"'")
		from := r.now()
		r.exec("XA START '"+xid+"'", "INSERT INTO t VALUES (3, '{}')", "XA END '"+xid+"'", "XA COMMIT '"+xid+"' ONE PHASE")
		lines, _ := r.told(from)
		expect(t, changed(lines), "insert +3|{}")
		if !maria {
			r.exec(`UPDATE t SET j = JSON_OBJECT('a', repeat('x', 1000), 'b', 1) WHERE id = 3`)
			check("parts of JSON", "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'", "UPDATE t SET j = JSON_SET(j, '$.b', 2) WHERE id = 3", "SET SESSION binlog_row_value_options = ''")
		}
	})
}

// A position that the server has purged is a stop with a name.
func TestPurgedLog(t *testing.T) {
	s := env.OwnMariaDB(t)
	t.Run("by position", func(t *testing.T) {
		r := newRig(t, s.URL+"mysql")
		r.exec("CREATE DATABASE IF NOT EXISTS d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
		r = newRig(t, s.URL+"d")
		from := r.now()
		r.exec("INSERT INTO t VALUES (1)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
		to := r.now()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) { // not before a checkpoint
			r.exec("PURGE BINARY LOGS TO '" + to.File + "'")
			if logs, err := r.conn.Strings(t.Context(), "SHOW BINARY LOGS"); err != nil || time.Now().After(deadline) {
				t.Fatalf("not purged: %v", err)
			} else if logs[0][0].Value != from.File {
				break
			}
		}
		byFile := from.Clone()
		byFile.Last = Position{}.Last
		nowhere := to.Clone()
		nowhere.Last = Position{}.Last
		nowhere.Pos += 1 << 20
		for _, p := range []Position{from, byFile, nowhere} {
			if err := r.failure(p); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "not in the server's binary log") || fault.HintOf(err) == "" {
				t.Errorf("%s: %v", p.String(), err)
			}
		}
	})
}

// A log that is not checked, compressed transactions, and ids with tags.
func TestFormsOfTheLog(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
		long := strings.Repeat("abcdefgh", 5000)
		from := r.now()
		want := []string{}
		add := func(n int) {
			r.exec("BEGIN", fmt.Sprintf("INSERT INTO t VALUES (%d, repeat('abcdefgh', 5000))", n), fmt.Sprintf("UPDATE t SET id = %d WHERE id = %d", 100+n, n), fmt.Sprintf("DELETE FROM t WHERE id = %d", 100+n), "COMMIT")
			want = append(want, fmt.Sprintf("insert +%d|%s", n, long), fmt.Sprintf("update -%d|%s +%d|%[2]s", n, long, 100+n), fmt.Sprintf("delete -%d|%s", 100+n, long))
		}
		add(1)
		if r.conn.Server.Maria {
			t.Cleanup(func() { _ = r.conn.Exec(context.WithoutCancel(t.Context()), "SET GLOBAL log_bin_compress = 0") })
			r.exec("SET GLOBAL log_bin_compress = 1")
			add(2)
			r.exec("SET GLOBAL log_bin_compress = 0")
		} else {
			r.exec("SET SESSION binlog_transaction_compression = 1")
			add(2)
			r.exec("SET SESSION binlog_transaction_compression = 0", "SET gtid_next = 'automatic:weir_test'")
			add(3)
			r.exec("SET gtid_next = 'automatic'")
		}
		middle := r.now()
		add(4)
		lines, end := r.told(from)
		expect(t, changed(lines), want...)
		lines, _ = r.told(middle)
		expect(t, changed(lines), want[len(want)-3:]...)
		if !r.conn.Server.Maria && !strings.Contains(end.Set.String(), "weir_test") {
			t.Errorf("the end has no tag: %s", end.String())
		}
	})
}

// The time of a commit is the server's, in microseconds where it tells them.
func TestTimeOfCommits(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		from := r.now()
		r.exec("BEGIN", "INSERT INTO t VALUES (1)", "DO sleep(1.2)", "COMMIT")
		committed := time.Now()
		l := r.log(t.Context(), from)
		for {
			e, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != Change {
				continue
			}
			if d := committed.Sub(e.Transaction.Time); d < -100*time.Millisecond || d > 1100*time.Millisecond {
				t.Errorf("committed %s ago", d)
			}
			return
		}
	})
}

// Several sessions change two tables at random, and definitions change on the way; what the log tells, put onto what was there,
// gives what is there.
func TestRandomTransactions(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.names = []string{"t", "u"}
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40), d DECIMAL(30,5), ts DATETIME(6))", "CREATE TABLE u (a BIGINT UNSIGNED, b VARBINARY(20), c DOUBLE, PRIMARY KEY (a, b))",
			"INSERT INTO t VALUES (1, 'there', 1, NULL)")
		state := map[string]map[string]string{"t": {"1": r.query("t", "")[0]}, "u": {}}
		from := r.now()
		var wg sync.WaitGroup
		for w := range 4 {
			c := r.dial()
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(w), 9))
				for range 60 {
					_ = c.Exec(context.WithoutCancel(t.Context()), "BEGIN")
					for range 1 + rng.IntN(6) {
						_ = c.Exec(context.WithoutCancel(t.Context()), randomStatement(rng)) // deadlocks and doubled keys are part of it
					}
					_ = c.Exec(context.WithoutCancel(t.Context()), []string{"COMMIT", "COMMIT", "COMMIT", "ROLLBACK"}[rng.IntN(4)])
				}
			})
		}
		wg.Wait()
		r.replay(from, state)
		for name, rows := range state {
			want := r.query(name, "")
			got := slices.Collect(maps.Values(rows))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s: %d rows of the log, %d of the table", name, len(got), len(want))
			}
		}
	})
}

func randomStatement(rng *rand.Rand) string {
	id := rng.IntN(30)
	switch rng.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, repeat('ü', %d), %d.%05d, now(6))", id, rng.IntN(30), rng.Int64()-1<<62, rng.IntN(99999))
	case 2:
		return fmt.Sprintf("UPDATE t SET v = concat(left(v, 5), %d), d = -d WHERE id < %d", rng.IntN(99), id)
	case 3:
		return fmt.Sprintf("UPDATE t SET id = id + 100 WHERE id = %d", id)
	case 4:
		return fmt.Sprintf("DELETE FROM t WHERE id IN (%d, %d)", id, id+100)
	case 5:
		return fmt.Sprintf("REPLACE INTO u VALUES (%d, char(%d, 0), %d / 7e0)", uint64(id)+1<<63, rng.IntN(3), rng.Int64())
	case 6:
		return fmt.Sprintf("INSERT INTO u VALUES (%d, '', 1) ON DUPLICATE KEY UPDATE c = c + 1", id)
	}
	return fmt.Sprintf("DELETE FROM u WHERE a %% 7 = %d", rng.IntN(7))
}

// replay puts changes onto a state: rows by table and key.
func (r *rig) replay(from Position, state map[string]map[string]string) {
	r.t.Helper()
	l := r.log(r.t.Context(), from)
	shapes := map[*Table][2]*shape{}
	keys := map[string]int{"t": 1, "u": 2}
	key := func(table, row string) string { return strings.Join(strings.Split(row, "|")[:keys[table]], "|") }
	for {
		e, err := l.Next()
		if err != nil {
			return
		}
		if e.Kind != Change {
			continue
		}
		table := e.Rows.Table
		s, ok := shapes[table]
		if !ok {
			columns, err := table.Describe(r.t.Context(), nil, r.charsets, value.TextZero)
			if err != nil {
				r.t.Fatal(err)
			}
			s = [2]*shape{r.shape(columns), r.shape(columns)}
			shapes[table] = s
		}
		rows := state[table.Name]
		for e.Rows.More() {
			if err := e.Rows.Next(); err != nil {
				r.t.Fatal(err)
			}
			put(r.t, e.Rows, s[0].cells, s[1].cells)
			if e.Rows.Op != Insert {
				old := s[0].row()
				if rows[key(table.Name, old)] != old {
					r.t.Errorf("%s %q, where %q was", e.Rows.Op, old, rows[key(table.Name, old)])
				}
				delete(rows, key(table.Name, old))
			}
			if e.Rows.Op != Delete {
				row := s[1].row()
				rows[key(table.Name, row)] = row
			}
		}
	}
}
