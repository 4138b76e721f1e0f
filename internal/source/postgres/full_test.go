package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/postgres"
	"weir/test/env"
)

// reading is a source and what may go wrong with it.
type reading struct {
	t      *testing.T
	config *postgres.Config
	reader *postgres.Reader
	opened source.Opened
	source source.Source
}

func reads(t *testing.T, of, dataset, cursor string) *reading {
	t.Helper()
	r := &reading{t: t, config: (&postgres.Config{}).WithURL(of), reader: &postgres.Reader{}}
	r.reader.SetDataset(dataset, cursor, "")
	return r
}

// open makes the source.
func (r *reading) open() (err error) {
	r.t.Helper()
	if r.opened, err = r.config.Open(r.t.Context(), source.Env{Root: r.t.TempDir(), Scratch: r.t.TempDir()}); err != nil {
		return err
	}
	postgres.InParts(r.opened, 64<<10)
	if r.source, err = r.opened.Dataset(r.reader); err != nil {
		return err
	}
	r.t.Cleanup(func() { _ = errors.Join(r.source.Close(), r.opened.Close()) })
	return nil
}

// begin opens what is not open yet and begins a scan.
func (r *reading) begin(read job.Read) (source.Scan, error) {
	r.t.Helper()
	if r.source == nil {
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	read.Table = "raw.t"
	s, err := r.source.Begin(r.t.Context(), read)
	if err == nil {
		r.t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// rows begins a scan and its rows.
func (r *reading) rows() (source.Rows, error) {
	r.t.Helper()
	s, err := r.begin(job.Read{})
	if err != nil {
		return nil, err
	}
	return rowsOf(r.t, s)
}

func rowsOf(t *testing.T, s source.Scan) (source.Rows, error) {
	t.Helper()
	rows, err := s.(source.Batched).Rows(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = rows.Close() })
	}
	return rows, err
}

func drain(t *testing.T, rows source.Rows) (n int64, err error) {
	t.Helper()
	for {
		b, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += b.NumRows()
		b.Release()
	}
}

// all reads a dataset and gives the answer to a query over its rows, which it calls weir_all.
func all(t *testing.T, r *reading, query string) string {
	t.Helper()
	rows, err := r.rows()
	if err != nil {
		t.Fatal(err)
	}
	s := session(t)
	release, err := s.Batches(t.Context(), "weir_in", rows)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Exec(t.Context(), "CREATE OR REPLACE TEMP TABLE weir_all AS SELECT * FROM weir_in")
	if err = errors.Join(err, release()); err != nil {
		t.Fatal(err)
	}
	out, err := s.Strings(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, row := range out {
		for _, v := range row {
			values = append(values, v.Value)
		}
	}
	return strings.Join(values, " ")
}

// refused checks the class of an error, and words in it and its hint.
func refused(t *testing.T, err error, class fault.Class, words ...string) {
	t.Helper()
	if fault.ClassOf(err) != class {
		t.Fatalf("%v is %s, not %s", err, fault.ClassOf(err), class)
	}
	text := err.Error() + " " + fault.HintOf(err)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

// TestKindsOfTables reads the same rows however they are kept, in parts where that can be done.
func TestKindsOfTables(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	u, _ := url.Parse(of)
	password, _ := u.User.Password()
	exec(t, c, `CREATE TABLE plain (id int PRIMARY KEY, v text);
		INSERT INTO plain SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i; DELETE FROM plain WHERE id BETWEEN 5000 AND 9000`)
	exec(t, c, "VACUUM plain")
	exec(t, c, `CREATE TABLE parent (id int, v text) PARTITION BY RANGE (id);
		CREATE TABLE first (v text, gone int, id int); ALTER TABLE first DROP COLUMN gone; ALTER TABLE parent ATTACH PARTITION first FOR VALUES FROM (0) TO (3000);
		CREATE TABLE second PARTITION OF parent FOR VALUES FROM (3000) TO (99999) PARTITION BY RANGE (id);
		CREATE TABLE second_a PARTITION OF second FOR VALUES FROM (3000) TO (15000); CREATE TABLE second_b PARTITION OF second DEFAULT;
		INSERT INTO parent SELECT * FROM plain`)
	exec(t, c, `CREATE TABLE elder (id int, v text); CREATE TABLE child (more int) INHERITS (elder);
		INSERT INTO elder SELECT * FROM plain WHERE id % 2 = 0; INSERT INTO child SELECT *, 1 FROM plain WHERE id % 2 = 1`)
	exec(t, c, `CREATE TABLE long (id int, v text); ALTER TABLE long ALTER v SET STORAGE EXTERNAL;
		INSERT INTO long SELECT id, CASE WHEN id % 100 = 0 THEN repeat('x', 10000) ELSE v END FROM plain`)
	exec(t, c, `CREATE VIEW seen AS SELECT * FROM plain; CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain; CREATE TABLE empty (id int, v text);
		CREATE TABLE few PARTITION OF parent FOR VALUES FROM (99999) TO (999999)`)
	exec(t, c, fmt.Sprintf(`CREATE EXTENSION postgres_fdw; CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname '%s');
		CREATE USER MAPPING FOR CURRENT_USER SERVER self OPTIONS (user '%s', password '%s');
		CREATE FOREIGN TABLE far (id int, v text) SERVER self OPTIONS (table_name 'plain')`, u.Hostname(), u.Port(), u.Path[1:], u.User.Username(), password))
	var want string
	if err := c.QueryRow(t.Context(), "SELECT count(*) || ' ' || sum(id) FROM plain").Scan(&want); err != nil {
		t.Fatal(err)
	}
	for name, parted := range map[string]bool{"plain": true, "parent": true, "elder": true, "long": true, "kept": true, "seen": false, "far": false, "empty": false} {
		t.Run(name, func(t *testing.T) {
			r := reads(t, of, name, "")
			s, err := r.begin(job.Read{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rowsOf(t, s); err != nil {
				t.Fatal(err)
			}
			if n := postgres.Parts(s); n > 1 != parted {
				t.Errorf("is read in %d parts", n)
			}
			got := all(t, reads(t, of, name, ""), "SELECT count(*), sum(id) FROM weir_all")
			if name == "empty" {
				want = "0 "
			}
			if got != want {
				t.Errorf("gives %s, not %s", got, want)
			}
		})
		if name == "empty" { // maps are walked in any order
			if err := c.QueryRow(t.Context(), "SELECT count(*) || ' ' || sum(id) FROM plain").Scan(&want); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOddTables reads what is allowed, though it is not usual.
func TestOddTables(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE SCHEMA "Odd ""one"""; CREATE TABLE "Odd ""one"""."Großer Name.x" ("A b" int, "ü""x" text, "select" int, "weir_row" int, gone int, g int GENERATED ALWAYS AS ("A b" * 2) STORED);
		INSERT INTO "Odd ""one"""."Großer Name.x" VALUES (1, 'é', 2, 3, 4); ALTER TABLE "Odd ""one"""."Großer Name.x" DROP COLUMN gone`)
	if got := all(t, reads(t, of, `"Odd ""one"""."Großer Name.x"`, ""), `SELECT "A b", "ü""x", "select", weir_row, g FROM weir_all`); got != "1 é 2 3 2" {
		t.Errorf("odd names give %q", got)
	}
	if got := all(t, reads(t, of, `"Odd ""one"""."Großer Name.x"`, `"A b"`[1:4]), `SELECT "A b", g FROM weir_all`); got != "1 2" {
		t.Errorf("odd names by cursor give %q", got)
	}
	var columns []string
	for i := range 1600 {
		columns = append(columns, fmt.Sprintf("c%d bool DEFAULT %t", i, i%2 == 0))
	}
	exec(t, c, "CREATE TABLE wide ("+strings.Join(columns, ", ")+"); INSERT INTO wide DEFAULT VALUES; INSERT INTO wide (c0) VALUES (NULL)")
	if got := all(t, reads(t, of, "wide", ""), "SELECT count(*), count(c0), bool_and(c1598), bool_or(c1599) FROM weir_all"); got != "2 1 true false" {
		t.Errorf("1,600 columns give %q", got)
	}
}

// TestRights names what a role may not read, and reads the rest.
func TestRights(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	u, _ := url.Parse(of)
	role := "r_" + u.Path[1:]
	exec(t, c, `CREATE TABLE t (id int, secret text); INSERT INTO t VALUES (1, 'x'); CREATE TABLE closed (id int);
		CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parent DEFAULT; INSERT INTO parent SELECT * FROM generate_series(1, 20000);
		CREATE ROLE `+role+` LOGIN PASSWORD 'p'; GRANT SELECT (id) ON t TO `+role+`; GRANT SELECT ON parent TO `+role)
	t.Cleanup(func() {
		c := connectAgain(t, of)
		defer c.Close(context.Background())
		_, err := c.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Error(err)
		}
	})
	u.User = url.UserPassword(role, "p")
	_, err := reads(t, u.String(), "t", "").rows()
	refused(t, err, fault.Usage, `"secret"`, "strict")
	_, err = reads(t, u.String(), "closed", "").rows()
	refused(t, err, fault.Usage, "may not read public.closed", "GRANT")
	r := reads(t, u.String(), "t", "")
	r.reader.Strict = true
	r.reader.SetColumns([]job.Column{{Name: "id", Type: "INTEGER"}})
	if got := all(t, r, "SELECT id FROM weir_all"); got != "1" {
		t.Errorf("the column it may read gives %q", got)
	}
	if got := all(t, reads(t, u.String(), "parent", ""), "SELECT count(*) FROM weir_all"); got != "20000" {
		t.Errorf("a partitioned table without rights on its partition gives %q", got)
	}
}

func connectAgain(t *testing.T, of string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), of)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChangesBesideReading alters a table before and while it is read.
func TestChangesBesideReading(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	begun := func(sql string) (*reading, source.Scan) {
		exec(t, c, `DROP TABLE IF EXISTS t, other; CREATE TABLE t (id int, a text, b int); INSERT INTO t SELECT i, 'x', i FROM generate_series(1, 50000) i`)
		r := reads(t, of, "t", "")
		s, err := r.begin(job.Read{})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, c, sql)
		return r, s
	}
	for sql, want := range map[string]string{
		"ALTER TABLE t DROP COLUMN a":               "id b",
		"ALTER TABLE t RENAME COLUMN a TO c":        "id c b",
		"ALTER TABLE t ALTER b TYPE text":           "id a b",
		"ALTER TABLE t ADD d int DEFAULT 7":         "id a b d",
		"TRUNCATE t":                                "id a b",
		"CREATE TABLE other (a int); DROP TABLE t;": "",
	} {
		_, s := begun(sql)
		rows, err := rowsOf(t, s)
		if want == "" {
			refused(t, err, fault.Usage, "does not exist")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		var names []string
		for _, col := range rows.Columns() {
			names = append(names, col.Name)
		}
		n, err := drain(t, rows)
		if err != nil || strings.Join(names, " ") != want || n != 50000 && sql != "TRUNCATE t" {
			t.Errorf("%s: %d rows of %v, %v", sql, n, names, err)
		}
		if err := errors.Join(rows.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	_, s := begun("SELECT 1")
	rows, err := rowsOf(t, s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), "SET lock_timeout = '100ms'; ALTER TABLE t DROP COLUMN a", pgx.QueryExecModeSimpleProtocol)
	if err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("a column was dropped while the table was read: %v", err)
	}
	exec(t, c, "INSERT INTO t VALUES (-1, 'later', 1); DELETE FROM t WHERE id < 100 AND id > 0")
	if n, err := drain(t, rows); err != nil || n != 50000 {
		t.Errorf("%d rows, %v, though the snapshot has 50000", n, err)
	}
	if err := errors.Join(rows.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	exec(t, c, "ALTER TABLE t DROP COLUMN a")
}

// TestLocked names who keeps a table locked, also by a partition of it.
func TestLocked(t *testing.T) {
	of := env.Postgres(t)
	c, other := connect(t, of), connect(t, of)
	exec(t, c, `CREATE TABLE t (id int); CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parent DEFAULT`)
	var pid int
	if err := other.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	for locked, read := range map[string]string{"t": "t", "part": "parent"} {
		exec(t, other, "BEGIN; LOCK TABLE "+locked)
		r := reads(t, of, read, "")
		r.config.LockTimeout = 200_000_000
		_, err := r.rows()
		refused(t, err, fault.Unavailable, fmt.Sprintf("process %d of", pid), "lock_timeout")
		exec(t, other, "ROLLBACK")
		if _, err := r.rows(); err != nil {
			t.Error(err)
		}
	}
}

// TestStatementTimeout ends a read that the server works on too long.
func TestStatementTimeout(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE VIEW slow AS SELECT i, pg_sleep(0.01) IS NULL AS s FROM generate_series(1, 1000) i`)
	r := reads(t, of, "slow", "")
	r.config.StatementTimeout = 300_000_000
	rows, err := r.rows()
	if err == nil {
		_, err = drain(t, rows)
	}
	refused(t, err, fault.Unavailable, "statement_timeout")
}

// TestLongValues turns away what is too long, names it, and reads on.
func TestLongValues(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE TABLE t (id int, small text, big text, last int);
		INSERT INTO t VALUES (1, repeat('s', 100000), repeat('x', 100 * 1024 * 1024), 9), (2, 'a', 'b', 9), (3, repeat('a', 2000000), 'b', 9),
			(4, repeat('c', 1000000), repeat('d', 1000000), 9), (5, NULL, NULL, NULL)`)
	r := reads(t, of, "t", "")
	r.reader.MaxValueBytes = 1 << 20
	rows, err := r.rows()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := drain(t, rows); err != nil || n != 3 {
		t.Fatalf("%d rows, %v", n, err)
	}
	rejects := rows.Rejects()
	if len(rejects) != 2 {
		t.Fatalf("%d rejects", len(rejects))
	}
	for i, want := range []struct{ column, reason, raw string }{
		{"big", "big is 104857600 bytes long", `{"id":"1","small":<100000 bytes>,"big":<104857600 bytes>,"last":"9"}`},
		{"small", "small is 2000000 bytes long", `{"id":"3","small":<2000000 bytes>,"big":"b","last":"9"}`},
	} {
		if x := rejects[i]; x.Column != want.column || !strings.HasPrefix(x.Reason, want.reason) || x.Raw != want.raw {
			t.Errorf("reject %s %s %.200s", x.Column, x.Reason, x.Raw)
		}
	}
	r = reads(t, of, "u", "")
	r.reader.MaxValueBytes = 300_000
	exec(t, c, "CREATE TABLE u (LIKE t); ALTER TABLE u ADD more text; INSERT INTO u SELECT 1, v, v, 2, v FROM (SELECT repeat('y', 299999) AS v) AS x; INSERT INTO u SELECT 2, 'a', 'b', 3, 'c'; ALTER TABLE u ADD e1 text; ALTER TABLE u ADD e2 text; UPDATE u SET e1 = small, e2 = small WHERE id = 1")
	if rows, err = r.rows(); err != nil {
		t.Fatal(err)
	}
	if n, err := drain(t, rows); err != nil || n != 1 || len(rows.Rejects()) != 1 || !strings.Contains(rows.Rejects()[0].Reason, "make a row of") {
		t.Errorf("%d rows, %v, %.300v", n, err, rows.Rejects())
	}
}

// TestBytesForText rejects text of a database that takes any bytes for it.
func TestBytesForText(t *testing.T) {
	of := env.Postgres(t)
	u, _ := url.Parse(of)
	ascii := u.Path[1:] + "_ascii"
	exec(t, connect(t, of), "CREATE DATABASE "+ascii+" ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() {
		c := connectAgain(t, of)
		defer c.Close(context.Background())
		if _, err := c.Exec(context.Background(), "DROP DATABASE "+ascii+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + ascii
	c := connect(t, u.String())
	exec(t, c, `CREATE TABLE t (id int, v text, a text[]); INSERT INTO t VALUES (1, 'plain', '{x}'), (2, 'é', NULL);
		INSERT INTO t VALUES (3, convert_from('\x636166e9', 'SQL_ASCII'), NULL), (4, 'x', ARRAY[convert_from('\xff', 'SQL_ASCII')])`)
	rows, err := reads(t, u.String(), "t", "").rows()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := drain(t, rows); err != nil || n != 2 || len(rows.Rejects()) != 2 {
		t.Fatalf("%d rows, %v, %v", n, err, rows.Rejects())
	}
	if x := rows.Rejects()[0]; !strings.Contains(x.Reason, "no UTF-8") || x.Raw != `{"id":"3","v":<4 bytes that are no UTF-8: 636166e9>,"a":null}` {
		t.Errorf("%+v", x)
	}
	decode, _, err := postgres.TextDecoder(t.Context(), c, "t", "v")
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(nil, []byte("caf\xe9")); err == nil {
		t.Error("a stream takes it")
	}
}
