package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/source"
	"weir/test/env"
)

// rig is a database and a table t in it.
type rig struct {
	t    *testing.T
	url  string
	conn *wire.Conn
}

func each(t *testing.T, test func(t *testing.T, r *rig)) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		r := &rig{t: t, url: of}
		r.conn = r.dial()
		test(t, r)
	})
}

func (r *rig) dial() *wire.Conn {
	r.t.Helper()
	server, err := (&mysql.Settings{URL: r.url}).Prepare("", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := server.Dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) exec(statements ...string) { r.on(r.conn, statements...) }

func (r *rig) on(c *wire.Conn, statements ...string) {
	r.t.Helper()
	for _, s := range statements {
		if err := c.Exec(r.t.Context(), s); err != nil {
			r.t.Fatalf("%.200s: %v", s, err)
		}
	}
}

// user gives the URL of a new user who may read, and do what further grants to %s say.
func (r *rig) user(grants ...string) string {
	r.t.Helper()
	u, err := url.Parse(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	database := u.Path[1:]
	user := "u_" + database[len(database)-8:]
	r.exec("CREATE USER "+user+" IDENTIFIED BY 'pw'", "GRANT SELECT ON "+database+".* TO "+user)
	r.t.Cleanup(func() { _ = r.conn.Exec(context.WithoutCancel(r.t.Context()), "DROP USER "+user) })
	for _, g := range grants {
		r.exec(fmt.Sprintf(g, user))
	}
	u.User = url.UserPassword(user, "pw")
	return u.String()
}

func (r *rig) source(reader *Reader, cursor string) source.Source {
	r.t.Helper()
	o, err := (&Config{Settings: mysql.Settings{URL: r.url}}).Open(r.t.Context(), source.Env{})
	if err != nil {
		r.t.Fatal(err)
	}
	reader.SetDataset("t", cursor, "")
	s, err := o.Dataset(reader)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) begin(reader *Reader, cursor string, read job.Read) source.Scan {
	r.t.Helper()
	s, err := r.tryBegin(reader, cursor, read)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (r *rig) tryBegin(reader *Reader, cursor string, read job.Read) (source.Scan, error) {
	read.Table = "raw.t"
	return r.source(reader, cursor).Begin(r.t.Context(), read)
}

// rowsOf reads a scan: its rows as texts, sorted, and the reasons of its rejects.
func (r *rig) rowsOf(s source.Scan) (out, rejects []string) {
	r.t.Helper()
	rows, err := s.(source.Batched).Rows(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for {
		b, err := rows.Next(r.t.Context())
		if err == io.EOF {
			break
		} else if err != nil {
			r.t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, strings.Clone(c.ValueStr(i)))
			}
			out = append(out, strings.Join(row, "|"))
		}
		b.Release()
	}
	for _, j := range rows.Rejects() {
		rejects = append(rejects, j.Reason+" "+j.Raw)
	}
	slices.Sort(out)
	return out, rejects
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFullRead(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))", "INSERT INTO t VALUES (1, 'a'), (2, NULL)")
		s := r.begin(&Reader{}, "", job.Read{})
		if len(s.Splits()) != 1 || !s.(source.Complete).Complete() {
			t.Errorf("splits %v", s.Splits())
		}
		got, _ := r.rowsOf(s)
		same(t, got, "1|a", "2|(null)")
		// The snapshot holds: what is written now is not there, and no other definition comes in between.
		r.on(r.dial(), "INSERT INTO t VALUES (3, 'late')")
		got, _ = r.rowsOf(s)
		same(t, got, "1|a", "2|(null)")
		if at := s.End()[s.Splits()[0].Name]; !strings.HasPrefix(at, "all at ") || len(at) < 12 {
			t.Errorf("the end is %q", at)
		}
		got, _ = r.rowsOf(r.begin(&Reader{Where: "id > 2 -- the rest"}, "", job.Read{}))
		same(t, got, "3|late")
	})
}

// While a table is read its definition stays as it is: who changes it waits. What was changed before the snapshot opens is read as it is then.
func TestDefinitionStaysWhileReading(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), w INT, x INT)", "INSERT INTO t VALUES (1, 'a', 2, 3)")
		s := r.begin(&Reader{}, "", job.Read{})
		r.exec("ALTER TABLE t DROP x, CHANGE v renamed VARCHAR(9), MODIFY w BIGINT UNSIGNED", "SET SESSION lock_wait_timeout = 1")
		rows, err := s.(source.Batched).Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []string{"DROP COLUMN w", "CHANGE renamed v VARCHAR(9)", "MODIFY w CHAR(9)"} {
			if err := r.conn.Exec(t.Context(), "ALTER TABLE t "+change); err == nil || !strings.Contains(err.Error(), "Lock wait timeout") {
				t.Errorf("%s in the middle of a read: %v", change, err)
			}
		}
		if got := rows.Columns(); len(got) != 3 || got[1].Name != "renamed" || got[2].Type != "DECIMAL(20,0)" {
			t.Errorf("columns %v", got)
		}
		_ = rows.Close()
		got, _ := r.rowsOf(s)
		same(t, got, "1|a|2")
		_ = s.Close()
		r.exec("ALTER TABLE t DROP COLUMN w")
	})
}

// A read that is left in the middle leaves a snapshot that is read again from its beginning.
func TestReadAgainAfterStoppingInTheMiddle(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))", "INSERT INTO t VALUES (0, repeat('x', 200))")
		for n := 1; n < 60_000; n *= 2 {
			r.exec(fmt.Sprintf("INSERT INTO t SELECT id + %d, v FROM t", n))
		}
		s := r.begin(&Reader{}, "", job.Read{})
		rows, err := s.(source.Batched).Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := rows.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
		began := time.Now()
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("closing took %s", d)
		}
		r.on(r.dial(), "DELETE FROM t WHERE id > 10")
		if got, _ := r.rowsOf(s); len(got) != 65536 {
			t.Errorf("%d rows the second time", len(got))
		}
	})
}

func TestRejects(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("SET sql_mode = ''", "CREATE TABLE t (id INT PRIMARY KEY, d DATE, b BIT(1), v LONGBLOB)",
			"INSERT INTO t VALUES (1, '0000-00-00', 1, 'q'), (2, '2024-01-01', 0, repeat('x', 1000)), (3, '2024-01-02', 0, repeat('x', 3000000)), (4, NULL, NULL, NULL)")
		got, rejects := r.rowsOf(r.begin(&Reader{MaxValueBytes: 999}, "", job.Read{}))
		same(t, got, "4|(null)|(null)|(null)")
		if len(rejects) != 3 || rejects[0] != `d is a date that no calendar has {"id":"1","d":"0000-00-00","b":"true","v":"\\x71"}` ||
			!strings.HasPrefix(rejects[1], "v is longer than max_value_bytes") || !strings.HasPrefix(rejects[2], "v the row has 3000") {
			t.Errorf("rejects %.120q", rejects)
		}
	})
}

func TestCursorReadsWhatIsNew(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP(3) NOT NULL)", "INSERT INTO t VALUES (1, '2024-01-01'), (2, '2024-01-01 00:00:00.5'), (3, '2024-01-01 00:00:00.5')")
		s := r.begin(&Reader{}, "ts", job.Read{})
		got, _ := r.rowsOf(s)
		same(t, got, "1|2024-01-01T00:00:00Z", "2|2024-01-01T00:00:00.5Z", "3|2024-01-01T00:00:00.5Z")
		from := s.End()
		if s := r.begin(&Reader{}, "ts", job.Read{From: from}); len(s.Splits()) != 0 {
			t.Errorf("nothing is new, and there is %v", s.Splits())
		}
		// Another row with the last value, and one after it; the two that were read do not come again.
		r.exec("INSERT INTO t VALUES (4, '2024-01-01 00:00:00.5'), (5, '2024-01-02')")
		s = r.begin(&Reader{}, "ts", job.Read{From: from})
		got, _ = r.rowsOf(s)
		same(t, got, "4|2024-01-01T00:00:00.5Z", "5|2024-01-02T00:00:00Z")
		from = s.End()
		got, _ = r.rowsOf(r.begin(&Reader{Lookback: 24 * time.Hour}, "ts", job.Read{From: from}))
		same(t, got, "1|2024-01-01T00:00:00Z", "2|2024-01-01T00:00:00.5Z", "3|2024-01-01T00:00:00.5Z", "4|2024-01-01T00:00:00.5Z", "5|2024-01-02T00:00:00Z")
		_, err := r.tryBegin(&Reader{}, "ts", job.Read{From: job.Position{s.Splits()[0].Name: `{"value":"1' OR 1"}`}})
		if fault.ClassOf(err) != fault.Data || fault.HintOf(err) == "" {
			t.Errorf("a position that is none: %v", err)
		}
	})
}

// A cursor of numbers near the end of BIGINT UNSIGNED is compared with all its digits.
func TestCursorOfLargeNumbers(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY)", "INSERT INTO t VALUES (18446744073709551610), (18446744073709551611)")
		s := r.begin(&Reader{}, "id", job.Read{})
		got, _ := r.rowsOf(s)
		same(t, got, "18446744073709551610", "18446744073709551611")
		r.exec("INSERT INTO t VALUES (18446744073709551612), (18446744073709551615)")
		got, _ = r.rowsOf(r.begin(&Reader{}, "id", job.Read{From: s.End()}))
		same(t, got, "18446744073709551612", "18446744073709551615")
	})
}

// A transaction that took its number early and commits late is waited for; its rows are not lost.
func TestCursorWaitsForOpenTransactions(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)", "INSERT INTO t (v) VALUES (1)")
		open := r.dial()
		r.on(open, "BEGIN", "INSERT INTO t (v) VALUES (2)")
		r.exec("INSERT INTO t (v) VALUES (3)") // has the greater number, and commits first
		s := r.begin(&Reader{}, "id", job.Read{})
		committed := make(chan error, 1)
		time.AfterFunc(700*time.Millisecond, func() { committed <- open.Exec(context.WithoutCancel(t.Context()), "COMMIT") })
		got, _ := r.rowsOf(s)
		same(t, got, "1|1", "2|2", "3|3")
		if err := <-committed; err != nil {
			t.Fatal(err)
		}
	})
}

// A statement that has begun but waits for a lock has not written yet, and is waited for all the same.
func TestCursorWaitsForStatements(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))", "CREATE TABLE other (a INT PRIMARY KEY)", "INSERT INTO other VALUES (1)")
		holder, late := r.dial(), r.dial()
		r.on(holder, "BEGIN", "UPDATE other SET a = 2") // waited for as well, and ends before the other
		inserted := make(chan error, 1)
		go func() {
			inserted <- late.Exec(context.WithoutCancel(t.Context()), "INSERT INTO t (id) SELECT a FROM other FOR UPDATE")
		}()
		time.Sleep(300 * time.Millisecond)
		r.exec("INSERT INTO t (id) VALUES (9)")
		s := r.begin(&Reader{}, "ts", job.Read{})
		time.AfterFunc(500*time.Millisecond, func() { _ = holder.Exec(context.WithoutCancel(t.Context()), "COMMIT") })
		got, _ := r.rowsOf(s)
		if err := <-inserted; err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || !strings.HasPrefix(got[0], "2|") || !strings.HasPrefix(got[1], "9|") {
			t.Errorf("%q", got)
		}
	})
}

// Where a transaction stays open, a cursor of moments ends before it, and one of numbers does not read.
func TestCursorIsHeldBack(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, ts TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))", "INSERT INTO t (ts) VALUES ('2024-01-01')")
		open := r.dial()
		r.on(open, "BEGIN", "INSERT INTO t () VALUES ()")
		r.exec("INSERT INTO t () VALUES ()")
		s := r.begin(&Reader{CursorWait: 300 * time.Millisecond}, "id", job.Read{})
		_, err := s.(source.Batched).Rows(t.Context())
		if fault.ClassOf(err) != fault.Unavailable || !strings.Contains(fault.HintOf(err), fmt.Sprint(open.Server.Thread)) {
			t.Errorf("a cursor of numbers: %v, hint %q", err, fault.HintOf(err))
		}
		s = r.begin(&Reader{CursorWait: 300 * time.Millisecond}, "ts", job.Read{})
		got, _ := r.rowsOf(s)
		same(t, got, "1|2024-01-01T00:00:00Z")
		r.on(open, "COMMIT")
		if got, _ = r.rowsOf(r.begin(&Reader{}, "ts", job.Read{From: s.End()})); len(got) != 2 {
			t.Errorf("after the commit: %q", got)
		}
	})
}

func TestCursorWithoutProcess(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, ts DATETIME NOT NULL)", "INSERT INTO t VALUES (1, '2024-01-01')")
		poor := &rig{t: t, url: r.user()}
		for _, c := range []struct {
			reader Reader
			cursor string
			ok     bool
		}{{Reader{}, "id", false}, {Reader{}, "ts", false}, {Reader{Lookback: time.Minute}, "ts", true}} {
			rows, err := poor.begin(&c.reader, c.cursor, job.Read{}).(source.Batched).Rows(t.Context())
			if c.ok && err != nil || !c.ok && (fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "PROCESS")) {
				t.Errorf("by %s: %v, hint %q", c.cursor, err, fault.HintOf(err))
			}
			if rows != nil {
				_ = rows.Close()
			}
		}
		if got, _ := poor.rowsOf(poor.begin(&Reader{}, "", job.Read{})); len(got) != 1 {
			t.Errorf("all of it: %q", got)
		}
	})
}

func TestMistakesAreNamed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE tt (id INT)", "CREATE TABLE t (id INT, v VARCHAR(9), n INT NULL)", "INSERT INTO t VALUES (1, 'a', NULL)")
		check := func(what, in string, class fault.Class, err error) {
			t.Helper()
			if fault.ClassOf(err) != class || !strings.Contains(err.Error()+fault.HintOf(err), in) {
				t.Errorf("%s: %v (%s), hint %q", what, err, fault.ClassOf(err), fault.HintOf(err))
			}
		}
		_, err := r.tryBegin(&Reader{}, "v", job.Read{})
		check("a cursor of texts", "varchar(9)", fault.Usage, err)
		_, err = r.tryBegin(&Reader{}, "nope", job.Read{})
		check("a cursor that is not there", "nope", fault.Usage, err)
		_, err = r.tryBegin(&Reader{}, "n", job.Read{})
		check("a cursor with nulls", "where: n is not null", fault.Data, err)
		_, err = r.tryBegin(&Reader{OnSchemaChange: "stop"}, "", job.Read{Known: []job.Column{{Name: "id"}, {Name: "v"}}})
		check("a new column", `column "n"`, fault.Data, err)
		s := r.begin(&Reader{Where: "nope = 1"}, "", job.Read{})
		rows, err := s.(source.Batched).Rows(t.Context())
		if err == nil {
			_, err = rows.Next(t.Context())
			_ = rows.Close()
		}
		check("a condition of nonsense", "nope", fault.Usage, err)
		_ = s.Close() // it holds the table's definition still
		r.exec("DROP TABLE t")
		_, err = r.tryBegin(&Reader{}, "", job.Read{})
		check("no table", "tt", fault.Usage, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = r.source(&Reader{}, "").Begin(ctx, job.Read{})
		check("interrupted", "", fault.Canceled, err)
	})
}

func TestDiscover(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT)", "CREATE TABLE `Order Lines` (id INT)", "CREATE VIEW v AS SELECT 1 AS a")
		found, err := r.source(&Reader{}, "").Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(r.url)
		var names []string
		for _, d := range found {
			if own, ok := strings.CutPrefix(d.Name, u.Path[1:]+"."); ok {
				names = append(names, own)
			}
		}
		slices.Sort(names)
		same(t, names, `"Order Lines"`, "t", "v")
	})
}

// A connection that is lost in the middle is an error that can pass, not an end.
func TestLostConnection(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))", "INSERT INTO t VALUES (0, repeat('x', 200))")
		for n := 1; n < 60_000; n *= 2 {
			r.exec(fmt.Sprintf("INSERT INTO t SELECT id + %d, v FROM t", n))
		}
		s := r.begin(&Reader{}, "", job.Read{})
		rows, err := s.(source.Batched).Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		r.exec(fmt.Sprintf("KILL %d", s.(*scan).conn.Server.Thread))
		for err == nil {
			b, nerr := rows.Next(t.Context())
			if err = nerr; b != nil {
				b.Release()
			}
		}
		if errors.Is(err, io.EOF) || fault.ClassOf(err) != fault.Unavailable {
			t.Errorf("%v (%s)", err, fault.ClassOf(err))
		}
	})
}
