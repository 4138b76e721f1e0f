package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

var _ source.Engine = (*Session)(nil)

func open(t *testing.T, o Options) *Engine {
	t.Helper()
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	if o.TempDir == "" {
		o.TempDir = filepath.Join(t.TempDir(), "spill")
	}
	e, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func session(t *testing.T, e *Engine) *Session {
	t.Helper()
	s, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows gives a result as lines of values joined by |, null as NULL.
func rows(t *testing.T, s *Session, sql string) []string {
	t.Helper()
	got, err := s.Strings(context.Background(), sql)
	must(t, err)
	lines := make([]string, len(got))
	for i, r := range got {
		for j, v := range r {
			if j > 0 {
				lines[i] += "|"
			}
			if v.Valid {
				lines[i] += v.Value
			} else {
				lines[i] += "NULL"
			}
		}
	}
	return lines
}

func one(t *testing.T, s *Session, sql string) string {
	t.Helper()
	got := rows(t, s, sql)
	if len(got) != 1 {
		t.Fatalf("%s: %d rows", sql, len(got))
	}
	return got[0]
}

func TestSessionsDoNotMeet(t *testing.T) {
	ctx, e := context.Background(), open(t, Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := e.Session(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.View(ctx, "raw.orders", fmt.Sprintf("SELECT %d AS id", i)); err != nil {
				t.Error(err)
			}
			if err := s.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE own AS SELECT %d AS id", i)); err != nil {
				t.Error(err)
			}
			n, err := s.Int(ctx, "SELECT id * 10 + (SELECT id FROM own) FROM raw.orders")
			if err != nil || n != int64(i*11) {
				t.Errorf("session %d reads %d, %v", i, n, err)
			}
		})
	}
	wg.Wait()
	s := session(t, e)
	if n, err := s.Int(ctx, "SELECT count(*) FROM duckdb_databases() WHERE database_name LIKE 'weir_session%'"); err != nil || n != 1 {
		t.Errorf("%d databases of sessions are left, %v", n, err)
	}
}

func TestSettings(t *testing.T) {
	e := open(t, Options{Memory: 200 << 20, Threads: 2, MaxTemp: 1 << 30, Timezone: "Europe/London"})
	s := session(t, e)
	for name, want := range map[string]string{
		"memory_limit": "200.0 MiB", "threads": "2", "TimeZone": "Europe/London", "preserve_insertion_order": "false",
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "allow_community_extensions": "false",
		"max_temp_directory_size": "1.0 GiB", "errors_as_json": "true",
	} {
		if got := one(t, s, "SELECT value FROM duckdb_settings() WHERE name = "+job.Literal(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	_, err := Open(context.Background(), Options{Timezone: "Mars/Olympus"})
	if fault.ClassOf(err) != fault.Usage {
		t.Errorf("unknown zone: %v", err)
	}
}

func TestDirs(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := open(t, Options{Dirs: []string{dir}})
	s := session(t, e)
	w := job.Write{SQL: "SELECT 1 AS id", Columns: []job.Column{{Name: "id", Type: "INTEGER"}}, Dir: filepath.Join(dir, "stage"), Prefix: "p"}
	files, err := s.Stage(ctx, w, "", nil)
	must(t, err)
	if n, err := s.Int(ctx, "SELECT count(*) FROM read_parquet("+job.Literal(files[0].Path)+")"); n != 1 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	other := filepath.Join(t.TempDir(), "x.txt")
	must(t, os.WriteFile(other, []byte("secret"), 0o600))
	if _, err := s.Strings(ctx, "FROM read_text("+job.Literal(other)+")"); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a file outside is read: %v", err)
	}
}

func TestView(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	for _, name := range []string{"top", "raw.orders", "a.b.c", "a.b.c2.d", "a.order.c", `odd."x`, "raw.Ünï"} {
		must(t, s.View(ctx, name, "SELECT '"+strings.ReplaceAll(name, "'", "''")+"' AS id, 1 AS n"))
	}
	must(t, s.View(ctx, "a.b.over", "SELECT * FROM a.b.c"))
	for sql, want := range map[string]string{
		"SELECT id FROM top":                                   "top",
		"SELECT raw.orders.id FROM raw.orders":                 "raw.orders",
		"SELECT id FROM a.b.c":                                 "a.b.c",
		"SELECT a.b.c.id FROM A.B.C":                           "a.b.c",
		`SELECT x.id FROM "a" . "b"."c" AS x`:                  "a.b.c",
		`SELECT "a"."b"."c"."id" FROM "a"."b"."c"`:             "a.b.c",
		`SELECT id FROM a."order".c`:                           "a.order.c",
		"SELECT 'a.b.c' FROM a.b.c -- a.b.c":                   "a.b.c",
		"SELECT $$a.b.c$$ || /* a.b.c */ '' FROM a.b.c":        "a.b.c",
		"SELECT id FROM a.b.over":                              "a.b.c",
		`SELECT id FROM odd."""x"`:                             `odd."x`,
		"SELECT id FROM raw.ÜNÏ":                               "",
		"SELECT id FROM raw.Ünï":                               "raw.Ünï",
		"SELECT a.b.c FROM (SELECT {'b': {'c': 'deep'}} AS a)": "",
	} {
		got, err := s.Strings(ctx, sql)
		if want == "" {
			continue // only must not harm the session
		}
		if err != nil || got[0][0].Value != want {
			t.Errorf("%s: %v, %v", sql, got, err)
		}
	}
	for _, name := range []string{"temp.x", "system.x", "", "a..b", "information_schema.t"} {
		if err := s.View(ctx, name, "SELECT 1"); fault.ClassOf(err) != fault.Usage {
			t.Errorf("view %q: %v", name, err)
		}
	}
	must(t, s.View(ctx, "top", "SELECT 'new' AS id"))
	if got := one(t, s, "SELECT id FROM top"); got != "new" {
		t.Errorf("replaced view gives %s", got)
	}
}

func TestDeepNamesKeepPlaces(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	must(t, s.View(ctx, "a.b.c", "SELECT 1 AS id"))
	for _, from := range []string{"a.b.c", `"a"."b"."c"`, `a . b . c`} {
		sql := "SELECT *\nFROM " + from + " WHERE nocol = 1"
		_, err := s.Describe(ctx, sql)
		var e *SQLError
		if !errors.As(err, &e) || e.Line != 2 || e.Col != len("FROM "+from+" WHERE ")+1 {
			t.Errorf("%s: %+v", from, e)
		}
	}
}

func TestParams(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{Timezone: "America/New_York"}))
	p := job.Params{"run_time": time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC), "currency": "GBP", "n": int64(7), "f": 1.5, "b": true, "unused": "x"}
	cols, err := s.DescribeParams(ctx, "SELECT $currency AS c, $n AS n, $f AS f, $b AS b, $run_time AS r, $run_time::DATE AS d", p)
	must(t, err)
	want := []string{"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP WITH TIME ZONE", "DATE"}
	for i, c := range cols {
		if c.Type != want[i] {
			t.Errorf("%s is %s, want %s", c.Name, c.Type, want[i])
		}
	}
	w := job.Write{SQL: "SELECT $currency AS c, $run_time AS r FROM range(3)", Columns: []job.Column{column("c", "VARCHAR"), column("r", "TIMESTAMP WITH TIME ZONE")}, Dir: t.TempDir(), Prefix: "p"}
	files, err := s.Stage(ctx, w, "", p)
	must(t, err)
	if got := one(t, s, "SELECT DISTINCT c, epoch(r)::BIGINT FROM "+reading(files)); got != fmt.Sprintf("GBP|%d", p["run_time"].(time.Time).Unix()) {
		t.Errorf("got %s", got)
	}
	_, err = s.DescribeParams(ctx, "SELECT $nope", p)
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "$currency") {
		t.Errorf("missing parameter: %v, %q", err, fault.HintOf(err))
	}
	if _, err := s.DescribeParams(ctx, "SELECT $a, $b", job.Params{"b": true, "c": "must not slip into $a"}); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a parameter took another's value: %v", err)
	}
}

func TestErrors(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	must(t, s.Exec(ctx, "CREATE TABLE c(i INTEGER NOT NULL)"))
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "x.parquet"), []byte("not parquet"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "x.csv.gz"), []byte("not gzip at all"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "x.csv"), []byte("a,b\n1,2\n1,x\n"), 0o600))
	for _, c := range []struct {
		sql   string
		class fault.Class
		text  string
		line  int
		col   int
	}{
		{"SELECT * FROM nope", fault.Usage, "Table with name nope does not exist!", 1, 15},
		{"SELECT\n é, nocol FROM (SELECT 1 AS é)", fault.Usage, `Referenced column "nocol" not found`, 2, 5},
		{"SELECT 1 +", fault.Usage, "syntax error", 1, 11},
		{"SELECT nofunction(1)", fault.Usage, "nofunction", 1, 8},
		{"SELECT 'abc'::INTEGER", fault.Data, "Could not convert string 'abc' to INT32", 1, 13},
		{"SELECT error('broken')", fault.Data, "broken", 0, 0},
		{"SELECT 9223372036854775807 + i FROM range(2) t(i)", fault.Data, "Overflow", 0, 0},
		{"INSERT INTO c VALUES (NULL)", fault.Data, "NOT NULL constraint failed", 0, 0},
		{"FROM read_parquet('" + dir + "/nope.parquet')", fault.Usage, "No files found", 1, 6},
		{"FROM read_parquet('" + dir + "/x.parquet')", fault.Data, "too small to be a Parquet file", 1, 6},
		{"FROM read_csv('" + dir + "/x.csv.gz')", fault.Data, "GZIP", 1, 6},
		{"FROM read_csv('" + dir + "/x.csv', columns = {'a': 'INTEGER', 'b': 'INTEGER'}, header = true)", fault.Data, `Error when converting column "b"`, 0, 0},
		{"COPY (SELECT 1) TO '" + dir + "/no/such/folder/x.parquet'", fault.Unavailable, "No such file", 0, 0},
		{"INSTALL httpfs", fault.Unavailable, "", 0, 0},
	} {
		var got error
		if strings.HasPrefix(c.sql, "SELECT") || strings.HasPrefix(c.sql, "FROM") {
			got = s.Query(ctx, c.sql, func([]any) error { return nil })
		} else {
			got = s.Exec(ctx, c.sql)
		}
		if c.sql == "INSTALL httpfs" {
			if got == nil {
				t.Error("an extension was installed")
			}
			continue
		}
		if fault.ClassOf(got) != c.class || !strings.Contains(fmt.Sprint(got), c.text) {
			t.Errorf("%s: %s %v", c.sql, fault.ClassOf(got), got)
			continue
		}
		if strings.ContainsAny(got.Error(), "\n^") || strings.Contains(got.Error(), "LINE 1") || strings.Contains(got.Error(), "exception") {
			t.Errorf("%s: noise in %q", c.sql, got)
		}
		var e *SQLError
		if !errors.As(got, &e) || e.Line != c.line || e.Col != c.col {
			t.Errorf("%s: place %d:%d, want %d:%d", c.sql, e.Line, e.Col, c.line, c.col)
		}
	}
}

func TestDescribeAndStringsPlaces(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	place := func(err error) string {
		var e *SQLError
		if !errors.As(err, &e) {
			return fmt.Sprint(err)
		}
		line, col := e.Position()
		return fmt.Sprintf("%d:%d@%d", line, col, e.Offset)
	}
	sql := "SELECT 1 AS a,\n  nocol"
	if _, err := s.Describe(ctx, sql); place(err) != "2:3@17" {
		t.Errorf("describe: %s", place(err))
	}
	if _, err := s.Strings(ctx, sql); place(err) != "2:3@17" {
		t.Errorf("strings: %s", place(err))
	}
	if err := s.View(ctx, "v", sql); place(err) != "2:3@17" {
		t.Errorf("view: %s", place(err))
	}
}

func TestOutOfMemory(t *testing.T) {
	ctx := context.Background()
	s := session(t, open(t, Options{Memory: 60 << 20, MaxTemp: 5 << 20}))
	err := s.Exec(ctx, "CREATE TABLE big AS SELECT i, md5(i::VARCHAR) AS s FROM range(5000000) t(i) ORDER BY s")
	if fault.ClassOf(err) != fault.Unavailable || !strings.Contains(fault.HintOf(err), "--memory") {
		t.Errorf("%s %v hint %q", fault.ClassOf(err), err, fault.HintOf(err))
	}
	if n, err := s.Int(ctx, "SELECT 1"); n != 1 || err != nil {
		t.Errorf("session after: %d, %v", n, err)
	}
}

func TestCancel(t *testing.T) {
	s := session(t, open(t, Options{}))
	const forever = "SELECT sum(hash(a.i, b.i)) FROM range(1000000) a(i), range(1000000) b(i)"
	for name, run := range map[string]func(ctx context.Context) error{
		"exec":  func(ctx context.Context) error { return s.Exec(ctx, forever) },
		"query": func(ctx context.Context) error { return s.Query(ctx, forever, func([]any) error { return nil }) },
		"stream": func(ctx context.Context) error {
			st, err := s.Stream(ctx, forever, nil)
			if err != nil {
				return err
			}
			defer st.Release()
			for st.Next() {
			}
			return st.Err()
		},
		"stage": func(ctx context.Context) error {
			dir := t.TempDir()
			_, err := s.Stage(ctx, job.Write{SQL: "SELECT a.i FROM range(1000000) a(i), range(1000000) b(i)", Columns: []job.Column{{Name: "i", Type: "BIGINT"}}, Dir: dir, Prefix: "p"}, "", nil)
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
			return err
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		stop := time.AfterFunc(100*time.Millisecond, cancel)
		if err := run(ctx); !errors.Is(err, context.Canceled) || fault.ClassOf(err) != fault.Canceled {
			t.Errorf("%s: %v", name, err)
		}
		stop.Stop()
		cancel()
		if n, err := s.Int(context.Background(), "SELECT 1"); n != 1 || err != nil {
			t.Errorf("%s: session after: %d, %v", name, n, err)
		}
	}
}

func TestProgress(t *testing.T) {
	ctx, e := context.Background(), open(t, Options{})
	s := session(t, e)
	must(t, s.Exec(ctx, "CREATE TABLE big AS SELECT i, md5(i::VARCHAR) AS s FROM range(1000000) t(i)"))
	if p, r, n := s.Progress(); p != 0 || r != 0 || n != 0 {
		t.Errorf("idle: %v %d %d", p, r, n)
	}
	done, seen := make(chan struct{}), make(chan bool)
	go func() {
		some := false
		for {
			select {
			case <-done:
				seen <- some
				return
			default:
			}
			percent, _, total := s.Progress()
			some = some || percent > 0 && total > 0
			e.Usage()
		}
	}()
	must(t, s.Exec(ctx, "CREATE TABLE sorted AS SELECT md5(s || i) AS m FROM big ORDER BY m"))
	close(done)
	if !<-seen {
		t.Error("no progress was seen")
	}
	if memory, _ := e.Usage(); memory == 0 {
		t.Error("no memory is in use")
	}
	must(t, s.Close())
	if p, _, _ := s.Progress(); p != 0 {
		t.Errorf("closed: %v", p)
	}
	if err := s.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a closed session works")
	}
}

func TestInt(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	for sql, want := range map[string]int64{
		"SELECT count(*) FROM range(3)": 3, "SELECT sum(i) FROM range(3) t(i)": 3, "SELECT NULL::BIGINT": 0, "SELECT 1::TINYINT": 1,
		"SELECT 1 WHERE false": 0, "SELECT 5::UBIGINT": 5, "SELECT 7": 7,
	} {
		if got, err := s.Int(ctx, sql); got != want || err != nil {
			t.Errorf("%s: %d, %v", sql, got, err)
		}
	}
	for _, sql := range []string{"SELECT 1, 2", "SELECT * FROM range(2)", "SELECT 'x'", "SELECT 170141183460469231731687303715884105727"} {
		if got, err := s.Int(ctx, sql); err == nil {
			t.Errorf("%s: %d", sql, got)
		}
	}
}

func TestQueryCallback(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	stop := errors.New("enough")
	seen := 0
	err := s.Query(ctx, "FROM range(10)", func([]any) error {
		if seen++; seen == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || seen != 3 {
		t.Errorf("%d rows, %v", seen, err)
	}
	if err := s.Query(ctx, "FROM range(1)", func([]any) error { return s.Exec(ctx, "SELECT 1") }); err == nil {
		t.Error("a statement within a statement was run")
	}
}
