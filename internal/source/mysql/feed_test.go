package mysql

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/source"
	"weir/internal/source/mysql/binlog"
)

// fed is a table of the lake that follows t.
type fed struct {
	*rig
	opened source.Opened
	reader *Reader
	at     job.Position
}

func (r *rig) feed(reader *Reader, mode string) *fed {
	r.t.Helper()
	o, err := (&Config{Settings: mysql.Settings{URL: r.url}}).Open(r.t.Context(), source.Env{Scratch: r.t.TempDir()})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = o.Close() })
	reader.SetDataset("t", "", mode)
	f := &fed{rig: r, opened: o, reader: reader}
	o.(source.Follower).Follow([]source.Member{{Table: "raw.t", Reader: reader, Key: []string{"id"},
		Position: func(context.Context) (job.Position, error) { return f.at, nil }}})
	return f
}

// read does what a build does and gives the rows, with what was done to them where they are changes, and why others were
// turned away.
func (f *fed) read() (rows, rejects []string, err error) {
	f.t.Helper()
	s, err := f.opened.Dataset(f.reader)
	if err != nil {
		f.t.Fatal(err)
	}
	scan, err := s.Begin(f.t.Context(), job.Read{Table: "raw.t", From: f.at, Time: time.Unix(0, 0)})
	if err != nil {
		return nil, nil, err
	}
	defer scan.Close()
	from, err := scan.(source.Batched).Rows(f.t.Context())
	if err != nil {
		return nil, nil, err
	}
	defer from.Close()
	for {
		b, err := from.Next(f.t.Context())
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, nil, err
		}
		for i := range int(b.NumRows()) {
			var row []string
			for k, c := range b.Columns() {
				if name := b.Schema().Field(k).Name; name != "_commit_ts" && name != "_position" && (name != "_absent" || !c.IsNull(i)) {
					row = append(row, strings.Clone(c.ValueStr(i)))
				}
			}
			rows = append(rows, strings.Join(row, "|"))
		}
		b.Release()
	}
	for _, j := range from.Rejects() {
		rejects = append(rejects, j.Reason+" "+j.Raw)
	}
	f.at = scan.End()
	return rows, rejects, scan.(source.Acknowledged).Committed(f.t.Context())
}

func (f *fed) expect(want ...string) {
	f.t.Helper()
	got, _, err := f.read()
	if err != nil {
		f.t.Fatal(err)
	}
	same(f.t, got, want...)
}

func TestFeed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), x INT)", "INSERT INTO t VALUES (1, 'a', 0)")
		f := r.feed(&Reader{}, "changes")
		f.expect("1|a|0")
		f.expect()
		r.exec("INSERT INTO t VALUES (2, 'b', 0)", "UPDATE t SET v = 'c' WHERE id = 1", "UPDATE t SET id = 3 WHERE id = 2", "DELETE FROM t WHERE id = 1")
		f.expect("2|b|0|insert", "1|c|0|update", "2|b|0|before", "3|b|0|update", "1|c|0|delete")
		r.exec("ALTER TABLE t ADD y INT DEFAULT 5", "INSERT INTO t (id) VALUES (4)", "TRUNCATE TABLE t", "INSERT INTO t (id) VALUES (5)")
		f.expect("4|(null)|(null)|5|insert", "(null)|(null)|(null)|(null)|truncate", "5|(null)|(null)|5|insert")
		r.exec("UPDATE t SET v = repeat('x', 9)")
		f.at["x"] = "another's"
		f.expect("5|xxxxxxxxx|(null)|5|update")
	})
}

// Only declared columns of a strict table are read, and the log says what was there first.
func TestFeedOfALog(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), x INT)", "INSERT INTO t VALUES (1, 'a', 0)")
		reader := &Reader{Read: "feed", Strict: true}
		reader.SetColumns([]job.Column{{Name: "id", Type: "INTEGER"}, {Name: "x", Type: "INTEGER"}})
		f := r.feed(reader, "append")
		f.expect("1|0|read")
		r.exec("UPDATE t SET v = 'b', x = 2")
		f.expect("1|2|update")
	})
}

// While others write, a log begins with what its snapshot has, and goes on with what that has not: nothing is there twice.
func TestFeedBeginsExactly(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		c := r.dial()
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				_ = c.Exec(context.WithoutCancel(ctx), "INSERT INTO t (v) VALUES (1)")
			}
		}()
		time.Sleep(50 * time.Millisecond)
		f := r.feed(&Reader{Read: "feed"}, "append")
		all, _, err := f.read()
		time.Sleep(50 * time.Millisecond)
		stop()
		<-done
		if err != nil {
			t.Fatal(err)
		}
		more, _, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := r.conn.Strings(t.Context(), "SELECT id FROM t ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, more...); len(all) != len(rows) || len(more) == 0 {
			t.Fatalf("%d rows in the log, %d of them changes; %d in the table", len(all), len(more), len(rows))
		}
		for i, row := range rows {
			if !strings.HasPrefix(all[i], row[0].Value+"|1|") {
				t.Fatalf("row %d is %s, not %s", i, all[i], row[0].Value)
			}
		}
	})
}

func TestFeedTurnsAway(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("SET sql_mode = ''", "CREATE TABLE t (id INT PRIMARY KEY, d DATE, b BLOB)")
		f := r.feed(&Reader{}, "changes")
		f.expect()
		r.exec("INSERT INTO t VALUES (1, '0000-00-00', 'q'), (2, '2024-01-01', NULL)")
		rows, rejects, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		same(t, rows, "2|2024-01-01|(null)|insert")
		same(t, rejects, `insert: d is a date that no calendar has {"id":"1","d":"0000-00-00","b":"\\x71"}`)
	})
}

// Rows that go without a change of their own stop the feed.
func TestFeedStops(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		const table = "CREATE TABLE t (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)"
		for _, statements := range [][]string{
			{"DROP TABLE t", table}, {"CREATE TABLE o LIKE t", "RENAME TABLE t TO old, o TO t", "DROP TABLE old"}, {"ALTER TABLE t TRUNCATE PARTITION p0"}, {"ALTER TABLE t DROP PARTITION p0"},
		} {
			r.exec("DROP TABLE IF EXISTS t", table)
			f := r.feed(&Reader{}, "changes")
			f.expect()
			r.exec("INSERT INTO t VALUES (1, 1)")
			r.exec(statements...)
			if _, _, err := f.read(); fault.ClassOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "--full") {
				t.Errorf("%q: %v", statements, err)
			}
		}
	})
}

// A table that foreign keys change is refused where the log does not tell that, also to a user who may do no more than follow;
// where it does, the changes come.
func TestFeedAndCascades(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, p INT)", "INSERT INTO parent VALUES (1)", "INSERT INTO t VALUES (7, 1)")
		poor := &rig{t: t, url: r.user("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO %s")}
		f := poor.feed(&Reader{}, "changes")
		f.expect("7|1")
		for _, rule := range []string{"ON DELETE CASCADE", "ON UPDATE CASCADE", "ON DELETE SET NULL"} {
			r.exec("ALTER TABLE t ADD CONSTRAINT `it's` FOREIGN KEY (p) REFERENCES parent (id) " + rule)
			_, _, err := f.read()
			if r.conn.Server.Maria && (fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "`it's` changes rows when those of `parent` change") || !strings.Contains(fault.HintOf(err), "on_cascade")) {
				t.Errorf("%s: %v", rule, err)
			} else if !r.conn.Server.Maria && err != nil {
				t.Error(err)
			}
			_, _, err = poor.feed(&Reader{}, "changes").read()
			if r.conn.Server.Maria != (fault.ClassOf(err) == fault.Usage) {
				t.Errorf("%s at the first read: %v", rule, err)
			}
			poor.feed(&Reader{OnCascade: "ignore"}, "changes").expect("7|1")
			r.exec("ALTER TABLE t DROP FOREIGN KEY `it's`")
		}
		r.exec("ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES parent (id) ON DELETE RESTRICT ON UPDATE NO ACTION")
		f.expect()
		if !r.conn.Server.Maria {
			r.exec("ALTER TABLE t ADD CONSTRAINT told FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE", "ALTER TABLE t DROP FOREIGN KEY t_ibfk_1", "DELETE FROM parent")
			f.expect("7|1|delete")
		}
	})
}

// Dates that no calendar has follow the policy, in a read of the whole table and in the feed alike.
func TestFeedOfZeroDates(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("SET sql_mode = 'ALLOW_INVALID_DATES'", "CREATE TABLE t (id INT PRIMARY KEY, d DATE, ts DATETIME)")
		declared := &Reader{}
		declared.SetColumns([]job.Column{{Name: "d", Type: "VARCHAR"}, {Name: "ts", Type: "VARCHAR"}})
		for _, c := range []struct {
			reader *Reader
			values string // "" for a reject
		}{{&Reader{}, ""}, {&Reader{ZeroDates: "null"}, "|(null)|(null)"}, {&Reader{ZeroDates: "text"}, "|0000-00-00|2024-02-31 01:02:03"}, {declared, "|0000-00-00|2024-02-31 01:02:03"}} {
			r.exec("TRUNCATE TABLE t")
			f := r.feed(c.reader, "changes")
			for id, op := range []string{"", "insert"} {
				r.exec(fmt.Sprintf("INSERT INTO t VALUES (%d, '0000-00-00', '2024-02-31 01:02:03')", id))
				rows, rejects, err := f.read()
				if err != nil {
					t.Fatal(err)
				}
				if c.values == "" {
					same(t, rows)
					same(t, rejects, strings.TrimPrefix(op+": ", ": ")+fmt.Sprintf(`d is a date that no calendar has {"id":"%d","d":"0000-00-00","ts":"2024-02-31 01:02:03"}`, id))
					continue
				}
				same(t, rows, strings.TrimSuffix(fmt.Sprint(id)+c.values+"|"+op, "|"))
				same(t, rejects)
			}
		}
	})
}

// One reading of the log serves tables that are not equally far, and each gets what it has not.
func TestFeedOfSeveral(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		a, b := r.feed(&Reader{}, "changes"), r.feed(&Reader{}, "changes")
		a.expect()
		r.exec("INSERT INTO t VALUES (1)")
		b.expect("1")
		for i := 2; i < 5; i++ {
			r.exec(fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		}
		a.expect("1|insert", "2|insert", "3|insert", "4|insert")
		b.expect("2|insert", "3|insert", "4|insert")
	})
}

// A position of transactions' ids holds on another server of the same data; a file and a byte are nobody else's.
func TestPositionOnAnotherServer(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		f := r.feed(&Reader{}, "changes")
		f.expect()
		s, err := f.opened.Dataset(f.reader)
		if err != nil {
			t.Fatal(err)
		}
		ask := s.(source.Portable)
		if err := ask.Portable(t.Context(), f.at); err != nil {
			t.Errorf("%v: %v", f.at, err)
		}
		for name := range f.at {
			err := ask.Portable(t.Context(), job.Position{name: `{"file":"binlog.000001","pos":4}`})
			if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--full") {
				t.Errorf("%v", err)
			}
		}
		if err := r.source(&Reader{}, "").(source.Portable).Portable(t.Context(), job.Position{"t": "all at once"}); err != nil {
			t.Errorf("a read of the whole table: %v", err)
		}
	})
}

// Where a position has no ids the feed goes on by file and byte.
func TestFeedByFile(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		f := r.feed(&Reader{}, "changes")
		f.expect()
		for id := range 3 {
			r.exec(fmt.Sprintf("INSERT INTO t VALUES (%d)", id), "FLUSH BINARY LOGS")
			for name, text := range f.at {
				p, err := binlog.ParsePosition(text, r.conn.Server.Maria)
				if err != nil {
					t.Fatal(err)
				}
				f.at[name] = (&binlog.Position{File: p.File, Pos: p.Pos}).String()
			}
			f.expect(fmt.Sprintf("%d|insert", id))
		}
	})
}
