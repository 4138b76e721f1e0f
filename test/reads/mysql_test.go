package reads

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/test/env"
	"weir/test/program"
)

// mysqlProject is project for a server of MySQL or MariaDB.
func mysqlProject(t *testing.T, of, settings string, tables map[string]string) (dir string) {
	t.Helper()
	dir = project(t, of, settings, tables)
	text, err := os.ReadFile(dir + "/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	program.Write(t, dir, map[string]string{"weir.yaml": strings.Replace(string(text), "type: postgres", "type: mysql", 1)})
	return dir
}

// mysqlRun runs statements in a session of its own and gives the last one's rows.
func mysqlRun(t *testing.T, of string, statements ...string) (rows [][]wire.Text) {
	t.Helper()
	server, err := (&mysql.Settings{URL: of}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := server.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, sql := range statements {
		if rows, err = c.Strings(t.Context(), sql); err != nil {
			t.Fatalf("%.300s: %v", sql, err)
		}
	}
	return rows
}

// mysqlFilled makes a table of so many rows of 1 KB.
func mysqlFilled(t *testing.T, of string, rows int) (sum string) {
	t.Helper()
	got := mysqlRun(t, of, "CREATE TABLE t (id int PRIMARY KEY, v text)", fmt.Sprintf("INSERT INTO t SELECT seq, repeat(md5(seq), 32) FROM seq_1_to_%d", rows),
		"SELECT concat_ws(' ', count(*), sum(id), sum(length(v))) FROM t")
	return got[0][0].Value
}

// TestMySQLCut breaks a connection in the middle of a read, and slows it; one that is silent is given up. The build is tried again.
func TestMySQLCut(t *testing.T) {
	of := env.MariaDB(t)
	want := mysqlFilled(t, of, 10_000)
	n := env.Proxy(t, of)
	dir := mysqlProject(t, n.URL, "", map[string]string{"t": "from: shop.t\ntimeout: 20s\n"})
	for _, after := range []int64{100, 5_000, 5_000_000} {
		n.BreakAfter(t, env.FromServer, after)
		program.Must(t, "-C", dir, "run", "--full")
		lakeHas(t, dir, want)
	}
	n.Slow(t, env.FromServer, 5_000)
	program.Must(t, "-C", dir, "run", "--full")
	n.Heal(t)
	lakeHas(t, dir, want)
	program.Write(t, dir, map[string]string{"tables/raw/t.yaml": "from: shop.t\nretries: 0\ntimeout: 3s\n"})
	n.Silence(t, env.FromServer)
	if out, errOut, code := program.Run(t, "-C", dir, "run", "--full", "raw.t"); code != 4 {
		t.Errorf("a silent network: exit %d\n%s%s", code, out, errOut)
	}
	n.Heal(t)
	lakeHas(t, dir, want)
}

// TestMySQLRestart kills the server in the middle of a read and starts it again.
func TestMySQLRestart(t *testing.T) {
	server := env.OwnMariaDB(t)
	mysqlRun(t, server.URL, "CREATE DATABASE shop")
	u, _ := url.Parse(server.URL)
	u.Path = "/shop"
	want := mysqlFilled(t, u.String(), 10_000)
	n := env.Proxy(t, u.String())
	n.Slow(t, env.FromServer, 3_000) // three seconds
	dir := mysqlProject(t, n.URL, "", map[string]string{"t": "from: shop.t\nretries: 5\n"})
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

// TestMySQLPasswordStaysSecret is TestPasswordStaysSecret.
func TestMySQLPasswordStaysSecret(t *testing.T) {
	u, _ := url.Parse(env.MariaDB(t))
	u.User = url.UserPassword(u.User.Username(), "wrong-hunter2")
	staysSecret(t, mysqlProject(t, u.String(), "", map[string]string{"t": "from: shop.t\n"}), "Access denied for user")
}

// TestMySQLTLSRefused: where encryption is asked for, a server without it, or with a certificate that nobody vouches for, gets no password.
func TestMySQLTLSRefused(t *testing.T) {
	of := env.MariaDB(t)
	for settings, want := range map[string]string{
		"    tls: verify-full\n":                       "unknown authority",
		"    tls: verify-full\n    tls_ca: none.pem\n": "none.pem",
	} {
		dir := mysqlProject(t, of, settings, map[string]string{"t": "from: shop.t\nretries: 0\n"})
		out, errOut, code := program.Run(t, "-C", dir, "run")
		if code == 0 || !strings.Contains(out+errOut, want) {
			t.Errorf("%q: exit %d\n%s%s", settings, code, out, errOut)
		}
	}
}

// TestMySQLShape reads a table whose columns were dropped, renamed and changed between two reads.
func TestMySQLShape(t *testing.T) {
	of := env.MariaDB(t)
	mysqlRun(t, of, "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int)", "INSERT INTO t VALUES (1, 1, 1, 1)")
	dir := mysqlProject(t, of, "", map[string]string{"t": "from: shop.t\n", "kept": "from: shop.t\nkey: id\n"})
	program.Must(t, "-C", dir, "run")
	mysqlRun(t, of, "ALTER TABLE t DROP a, CHANGE b renamed int, MODIFY c bigint", "INSERT INTO t VALUES (2, 2, 3000000000)")
	program.Must(t, "-C", dir, "run")
	for table, want := range map[string]string{"t": "id,renamed,c\n1,1,1\n2,2,3000000000\n", "kept": "id,a,b,c,renamed\n1,,,1,1\n2,,,3000000000,2\n"} {
		if got, _, _ := program.Run(t, "-C", dir, "query", "--format", "csv", "select * from raw."+table+" order by id"); got != want {
			t.Errorf("raw.%s has %s, not %s", table, got, want)
		}
	}
	mysqlRun(t, of, "ALTER TABLE t MODIFY c varchar(20)", "UPDATE t SET c = 'text' WHERE id = 2")
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if code == 0 || !strings.Contains(out+errOut, `column "c" is BIGINT in the table and VARCHAR now`) {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if got := program.Query(t, dir, "select c from raw.t where id = 2"); got != "text\n" {
		t.Errorf("raw.t, which is replaced, has %s", got)
	}
}

// TestMySQLLongValuesAreNotHeld is TestLongValuesAreNotHeld.
func TestMySQLLongValuesAreNotHeld(t *testing.T) {
	of := env.OwnMariaDB(t).URL // for its largest packet
	mysqlRun(t, of, "SET GLOBAL max_allowed_packet = 268435456", "CREATE DATABASE shop", "USE shop", "CREATE TABLE shop.t (id int PRIMARY KEY, v longtext)", "INSERT INTO shop.t SELECT seq, 'short' FROM seq_1_to_1000")
	peak := func() int64 {
		dir := mysqlProject(t, of, "", map[string]string{"t": "from: shop.shop.t\nmax_rejects: 10\n"})
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
	mysqlRun(t, of, "INSERT INTO shop.t VALUES (0, repeat('x', 100 * 1024 * 1024))")
	if after := peak(); float64(after) > 1.25*float64(before) {
		t.Errorf("a value of 100 MB raises the peak from %d to %d", before, after)
	}
}
