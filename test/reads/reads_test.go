// Package reads has the program read servers of PostgreSQL and MariaDB that stop, networks that break and tables that are written to meanwhile:
// afterwards the lake has what the server has.
package reads

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// project writes one that reads a server; files are its tables by name.
func project(t *testing.T, of, settings string, tables map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("READS_URL", of)
	files := map[string]string{"weir.yaml": "name: reads\nlake: lake\nconnections:\n  shop:\n    type: postgres\n    url: ${READS_URL}\n" + settings}
	for name, text := range tables {
		files["tables/raw/"+name+".yaml"] = text
	}
	program.Write(t, dir, files)
	return dir
}

func connect(t *testing.T, of string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func exec(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
}

// sumOf is what the lake's or the server's rows of id and v come to.
const sumOf = "select count(*) || ' ' || sum(id) || ' ' || sum(length(v)) from "

func lakeHas(t *testing.T, dir, want string) {
	t.Helper()
	if got := strings.TrimSpace(program.Query(t, dir, sumOf+"raw.t")); got != want {
		t.Errorf("the lake has %s, the server %s", got, want)
	}
}

// filled makes a table of so many rows of 1 KB.
func filled(t *testing.T, c *pgx.Conn, rows int) (sum string) {
	t.Helper()
	exec(t, c, fmt.Sprintf("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat(md5(i::text), 32) FROM generate_series(1, %d) i", rows))
	if err := c.QueryRow(t.Context(), sumOf+"t").Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestCut breaks a connection in the middle of a read: the build is tried again.
func TestCut(t *testing.T) {
	of := env.Postgres(t)
	want := filled(t, connect(t, of), 20_000)
	for _, after := range []int64{1_000, 100_000, 10_000_000} {
		n := env.Proxy(t, of)
		n.BreakAfter(t, env.FromServer, after)
		dir := project(t, n.URL, "", map[string]string{"t": "from: shop.t\n"})
		program.Must(t, "-C", dir, "run")
		lakeHas(t, dir, want)
	}
}

// TestSlow reads over a slow network, and gives up on one that is silent when it is told to.
func TestSlow(t *testing.T) {
	of := env.Postgres(t)
	want := filled(t, connect(t, of), 3_000)
	n := env.Proxy(t, of)
	n.Slow(t, env.FromServer, 2_000)
	dir := project(t, n.URL, "", map[string]string{"t": "from: shop.t\nretries: 0\ntimeout: 5s\n"})
	program.Must(t, "-C", dir, "run")
	lakeHas(t, dir, want)
	n.Heal(t)
	n.Silence(t, env.FromServer)
	out, errOut, code := program.Run(t, "-C", dir, "run", "--full", "raw.t")
	if code != 4 {
		t.Errorf("a silent network: exit %d\n%s%s", code, out, errOut)
	}
	n.Heal(t)
	lakeHas(t, dir, want)
}

// TestRestart kills the server in the middle of a read and starts it again.
func TestRestart(t *testing.T) {
	server := env.OwnPostgres(t)
	want := filled(t, connect(t, server.URL), 20_000)
	n := env.Proxy(t, server.URL)
	n.Slow(t, env.FromServer, 5_000) // four seconds
	dir := project(t, n.URL, "", map[string]string{"t": "from: shop.t\nretries: 5\n"})
	done := make(chan string)
	go func() {
		out, errOut, code := program.Run(t, "-C", dir, "run")
		done <- fmt.Sprint(code, "\n", out, errOut)
	}()
	time.Sleep(1500 * time.Millisecond)
	server.Restart(t)
	n.Heal(t)
	if got := <-done; !strings.HasPrefix(got, "0\n") {
		t.Fatalf("exit %s", got)
	}
	lakeHas(t, dir, want)
}

// TestPasswordStaysSecret connects with a wrong password: nothing that is printed or kept has it.
func TestPasswordStaysSecret(t *testing.T) {
	u, _ := url.Parse(env.Postgres(t))
	u.User = url.UserPassword(u.User.Username(), "wrong-hunter2")
	staysSecret(t, project(t, u.String(), "", map[string]string{"t": "from: shop.t\n"}), "password authentication failed")
}

// staysSecret holds what a project prints and keeps, whose password is wrong-hunter2, to the server's word and not the password.
func staysSecret(t *testing.T, dir, word string) {
	t.Helper()
	for _, args := range [][]string{{"run"}, {"plan"}, {"run", "--json"}, {"connections", "check"}} {
		out, errOut, code := program.Run(t, append([]string{"-C", dir}, args...)...)
		if code == 0 && args[0] == "run" || strings.Contains(out+errOut, "hunter2") {
			t.Errorf("weir %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
		}
		if args[0] == "run" && len(args) == 1 && !strings.Contains(out+errOut, word) {
			t.Errorf("it does not say what is wrong:\n%s%s", out, errOut)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("%s has the password", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// every is a column of each sort of type, with a value.
var every = [][3]string{
	{"b", "boolean", "true"}, {"i2", "smallint", "-5"}, {"i4", "integer", "7"}, {"i8", "bigint", "-9223372036854775808"}, {"o", "oid", "4294967295"},
	{"f4", "real", "'-Infinity'"}, {"f8", "double precision", "0.30000000000000004"}, {"nan", "double precision", "'NaN'"}, {"n", "numeric(12,2)", "-12.5"},
	{"wide", "numeric(38,10)", "9999999999999999999999999999.0000000001"}, {"free", "numeric", "'NaN'"}, {"m", "money", "12.34"},
	{"tm", "time", "'12:30:00.5'"}, {"tz", "time with time zone", "'12:30+02'"}, {"ts", "timestamp", "'0044-03-15 12:00:00.25 BC'"},
	{"tsz", "timestamptz", "'2026-07-01 12:00:00+02'"}, {"iv", "interval", "'1 day'"}, {"s", "text", `E'é"\\ \n\t''{}🙂'`}, {"e", "text", "''"}, {"c", "char(5)", "'a'"},
	{"j", "json", `'{"a" : 1.0}'`}, {"jb", "jsonb", `'{"a": [1, null]}'`}, {"u", "uuid", "'00000000-0000-0000-0000-00000000000f'"}, {"by", "bytea", `'\x4100ff5c'`},
	{"ip", "inet", "'10.0.0.1'"}, {"bits", "bit(3)", "B'101'"}, {"r", "int4range", "'[1,5)'"}, {"nothing", "integer", "NULL"},
	{"ai", "integer[]", "'{1,NULL,3}'"}, {"ae", "integer[]", "'{}'"}, {"at", "text[]", `ARRAY['a "b"\ {}', NULL, 'NULL', '']`}, {"az", "timestamptz[]", "'{2026-01-01 00:00+00}'"},
	{"au", "uuid[]", "'{00000000-0000-0000-0000-00000000000f}'"}, {"ab", "bytea[]", `ARRAY['\x41ff'::bytea]`}, {"an", "numeric(6,2)[]", "'{1.5,NULL}'"},
	{"ao", "boolean[]", "'{t,NULL}'"}, {"af", "real[]", "'{NaN,0.1}'"}, {"ad", "date[]", "'{2026-01-01}'"},
}

// TestRejectsAreReplayed mends rows that one value kept out: all others of the row come out as if the row had been read.
func TestRejectsAreReplayed(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	var columns, values, names []string
	for _, e := range every {
		columns, values, names = append(columns, e[0]+" "+e[1]), append(values, e[2]), append(names, e[0])
	}
	exec(t, c, "CREATE TABLE t (id int PRIMARY KEY, "+strings.Join(columns, ", ")+", d date, back int[], clock time)")
	for id, odd := range []string{"'2026-01-01', '{1}', '12:00'", "'infinity', '{1}', '12:00'", "'2026-01-01', '[2:2]={1}', '12:00'", "'2026-01-01', '{1}', '24:00'"} {
		exec(t, c, fmt.Sprintf("INSERT INTO t VALUES (%d, %s, %s)", id, strings.Join(values, ", "), odd))
	}
	dir := project(t, of, "", map[string]string{"t": "from: shop.t\nkey: id\nmax_rejects: 10\n"})
	program.Must(t, "-C", dir, "run")
	if out, errOut, code := program.Run(t, "-C", dir, "rejects", "replay", "raw.t"); code == 0 {
		t.Errorf("rows were taken though nobody mended them:\n%s%s", out, errOut)
	}
	if got := program.Query(t, dir, "select id from raw.t"); got != "0\n" {
		t.Fatalf("the table has %q", got)
	}
	file := filepath.Join(dir, "rejects.ndjson")
	program.Must(t, "-C", dir, "rejects", "export", "raw.t", "--output", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mended := strings.NewReplacer(`\"d\":\"infinity\"`, `\"d\":\"2026-01-01\"`, `\"back\":\"[2:2]={1}\"`, `\"back\":[\"1\"]`, `\"clock\":\"24:00:00\"`, `\"clock\":\"12:00\"`).Replace(string(text))
	if err := os.WriteFile(file, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Must(t, "-C", dir, "rejects", "replay", "raw.t", "--from", file)
	if got := program.Query(t, dir, "select count(*) from raw.t"); got != "4\n" {
		t.Errorf("after the replay the table has %s rows", got)
	}
	for _, name := range append(names, "d", "back", "clock") {
		if got := program.Query(t, dir, fmt.Sprintf(`select count(distinct "%[1]s") = 1 and count("%[1]s") = 4 or count("%[1]s") = 0 from raw.t`, name)); got != "true\n" {
			t.Errorf("%s differs:\n%s", name, program.Query(t, dir, fmt.Sprintf(`select id, "%s" from raw.t order by id`, name)))
		}
	}
}

// TestCutRejects: a row that is not in its reject whole is not taken.
func TestCutRejects(t *testing.T) {
	of := env.Postgres(t)
	exec(t, connect(t, of), "CREATE TABLE t (id int PRIMARY KEY, v text, w text); INSERT INTO t VALUES (1, repeat('x', 200000), 'kept')")
	dir := project(t, of, "", map[string]string{"t": "from: shop.t\nkey: id\nmax_rejects: 10\nmax_value_bytes: 100kB\n"})
	program.Must(t, "-C", dir, "run")
	out, errOut, code := program.Run(t, "-C", dir, "rejects", "replay", "raw.t")
	if code != 3 || !strings.Contains(out+errOut, "not one JSON object") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	var shown []struct{ Raw, Reason string }
	program.JSON(t, &shown, "-C", dir, "rejects", "show", "raw.t", "--json")
	if b, _ := json.Marshal(shown); len(shown) != 1 || !strings.Contains(shown[0].Raw, `"v":<200000 bytes>,"w":"kept"`) {
		t.Errorf("%s", b)
	}
}

// TestDeletes: what a whole read does not find any more goes from the table where it says so; a cursor sees no deletes.
func TestDeletes(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	filled(t, c, 100)
	dir := project(t, of, "", map[string]string{
		"t":      "from: shop.t\nkey: id\ndeletes: remove\n",
		"kept":   "from: shop.t\nkey: id\n",
		"cursor": "from: shop.t\nkey: id\ncursor: id\n",
	})
	program.Must(t, "-C", dir, "run")
	exec(t, c, "DELETE FROM t WHERE id <= 40; UPDATE t SET v = 'new' WHERE id = 41; INSERT INTO t VALUES (101, 'more')")
	program.Must(t, "-C", dir, "run")
	for table, want := range map[string]string{"t": "61,1\n", "kept": "101,1\n", "cursor": "101,0\n"} {
		if got := program.Query(t, dir, "select count(*), count(*) filter (v = 'new') from raw."+table); got != want {
			t.Errorf("raw.%s has %s, not %s", table, got, want)
		}
	}
	exec(t, c, "TRUNCATE t")
	program.Must(t, "-C", dir, "run")
	for table, want := range map[string]string{"t": "0\n", "kept": "101\n", "cursor": "101\n"} {
		if got := program.Query(t, dir, "select count(*) from raw."+table); got != want {
			t.Errorf("after it was emptied raw.%s has %s, not %s", table, got, want)
		}
	}
}

// TestLongValuesAreNotHeld reads past a value of 100 MB: memory stays where it was.
func TestLongValuesAreNotHeld(t *testing.T) {
	of := env.Postgres(t)
	exec(t, connect(t, of), "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'short' FROM generate_series(1, 1000) i")
	peak := func() int64 {
		dir := project(t, of, "", map[string]string{"t": "from: shop.t\nmax_rejects: 10\n"})
		c := program.Command(t.Context(), "-C", dir, "run")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := program.Query(t, dir, "select count(*) from raw.t"); got != "1000\n" {
			t.Errorf("the table has %s rows", got)
		}
		return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	}
	before := peak()
	exec(t, connect(t, of), "INSERT INTO t VALUES (0, repeat('x', 100 * 1024 * 1024))")
	if after := peak(); float64(after) > 1.25*float64(before) {
		t.Errorf("a value of 100 MB raises the peak from %d to %d", before, after)
	}
}
