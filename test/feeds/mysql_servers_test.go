package feeds

import (
	"database/sql"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"weir/test/env"
	"weir/test/program"
)

// TestMariaDBFailover follows a table to the server that takes the place of the first: a replica of it, which knows the ids of its
// transactions. Nobody is believed to be the same without being asked, and a server of other data is found out.
func TestMariaDBFailover(t *testing.T) {
	name := mysqlName(t.Name())
	first, second := env.OwnMariaDB(t), env.OwnMariaDB(t)
	r := onMariaDB(t, first, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.write(map[string]string{"tables/raw/log.yaml": "from: db." + name + ".a\nmode: append\nread: feed\n"})
	r.run()
	r.sql("UPDATE a SET note = 'before', n = 2", "INSERT INTO a VALUES (2, 2, 'not read yet')")
	replicate(t, first, second)
	first.Stop(t)

	r.write(map[string]string{".env": "DB_URL=" + second.URL + "\n"})
	on := at(t, second)
	on("INSERT INTO " + name + ".a VALUES (3, 3, 'of the second')")
	r.stops(nil, "server changed", "weir position accept-server raw.a", "weir run raw.a --full")
	r.holds("select count(*) from raw.a", "1")
	program.Must(t, "-C", r.dir, "position", "accept-server", "raw.a")
	program.Must(t, "-C", r.dir, "position", "accept-server", "raw.log")
	r.run()
	r.equal("raw.a")
	r.holds("select _op, id, note from raw.log where _op <> 'read' order by _commit_ts, id", "update,1,before insert,2,not read yet insert,3,of the second")

	// One that has the table, but not the transactions.
	other := env.OwnMariaDB(t)
	on = at(t, other)
	on("CREATE DATABASE "+name, "USE "+name, aTable, "INSERT INTO a VALUES (7, 7, 'another')")
	r.write(map[string]string{".env": "DB_URL=" + other.URL + "\n"})
	r.stops(nil, "server changed")
	program.Must(t, "-C", r.dir, "position", "accept-server", "raw.a")
	r.stops([]string{"raw.a"}, "the position is not in the server's binary log", "--full")
	r.holds("select count(*) from raw.a", "3")
	r.run("raw.a", "--full")
	r.equal("raw.a")
}

// at runs statements in one session of a server.
func at(t *testing.T, server *env.Server) func(statements ...string) {
	t.Helper()
	connector, err := mysql.NewConnector(env.MySQLConfig(t, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return func(statements ...string) {
		t.Helper()
		for _, q := range statements {
			if _, err := db.ExecContext(t.Context(), q); err != nil {
				t.Fatalf("%.200s: %v", q, err)
			}
		}
	}
}

// replicate has a server follow another until it has all, and then take its place.
func replicate(t *testing.T, from, to *env.Server) {
	t.Helper()
	u, err := url.Parse(from.URL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	source := at(t, from)
	source("CREATE DATABASE done") // the last transaction
	replica := at(t, to)
	replica("SET GLOBAL server_id = 2", fmt.Sprintf("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %s, MASTER_USER = '%s', MASTER_PASSWORD = '%s', MASTER_USE_GTID = slave_pos", u.Port(), u.User.Username(), password), "START SLAVE")
	c, err := mysql.NewConnector(env.MySQLConfig(t, to.URL))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }() // nothing hangs on it
	for until := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'done'").Scan(&n); err != nil || time.Now().After(until) {
			t.Fatalf("the replica has not come to the end: %v", err)
		}
		if n == 1 {
			break
		}
	}
	replica("STOP SLAVE", "RESET SLAVE ALL")
}
