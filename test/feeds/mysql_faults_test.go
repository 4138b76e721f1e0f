package feeds

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"weir/test/env"
	"weir/test/program"
)

// mysqlName is the name of a case's database.
func mysqlName(test string) string {
	return "c" + strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(test))
}

// onMariaDB makes a case as onPostgres does.
func onMariaDB(t *testing.T, server *env.Server, tables []string, statements ...string) *rig {
	t.Helper()
	name := mysqlName(t.Name())
	config := env.MySQLConfig(t, server.URL)
	r := &rig{T: t, dir: t.TempDir(), url: server.URL}
	r.sql = func(statements ...string) {
		t.Helper()
		connector, err := mysql.NewConnector(config)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer func() { _ = db.Close() }() // nothing hangs on it
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range statements {
			if _, err := c.ExecContext(context.WithoutCancel(t.Context()), q); err != nil {
				t.Fatalf("%s: %v", q[:min(len(q), 200)], err)
			}
		}
	}
	r.sql("CREATE DATABASE " + name)
	config.DBName = name
	r.sql(statements...)
	files := r.project("mysql")
	for _, table := range tables {
		files["tables/raw/"+table+".yaml"] = "from: db." + name + "." + table + "\n" + ofChanges
	}
	r.write(files)
	return r
}

func TestMariaDBFaults(t *testing.T) {
	server := env.OwnMariaDB(t)
	for name, test := range map[string]func(*testing.T, *env.Server){
		"keys":      keysOfMariaDB,
		"misfits":   misfitsOfMariaDB,
		"schema":    schemaOfMariaDB,
		"untold":    untoldOfMariaDB,
		"statement": statementOfMariaDB,
		"rollback":  rollbackOfMariaDB,
		"purged":    purgedOfMariaDB,
		"cascades":  cascadesOfMariaDB,
		"keyless":   keylessOfMariaDB,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

const maxValue = "0123456789abcdef"

func keysOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, "CREATE TABLE a (id bigint unsigned PRIMARY KEY, n int, note longtext)", "INSERT INTO a SELECT seq, seq, 'x' FROM seq_1_to_20")
	r.run()
	r.sql("BEGIN", "UPDATE a SET id = 1000 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 2", "UPDATE a SET id = 2 WHERE id = 1000", "COMMIT",
		"BEGIN", "INSERT INTO a VALUES (100, 1, 'undone')", "ROLLBACK",
		"BEGIN", "SAVEPOINT s", "DELETE FROM a WHERE id < 10", "ROLLBACK TO s", "UPDATE a SET note = repeat('ü€😀', 700000) WHERE id = 3", "COMMIT",
		"INSERT INTO a VALUES (18446744073709551615, 1, 'greatest')")
	r.run()
	r.equal("raw.a")
	r.holds("select id, n from raw.a where id < 3 order by id", "1,2 2,1")
	r.sql("INSERT INTO a VALUES (200, 1, 'before')", "TRUNCATE a", "INSERT INTO a VALUES (201, 1, 'after')")
	r.run()
	r.equal("raw.a")
}

func misfitsOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, "CREATE TABLE a (id bigint PRIMARY KEY, v varchar(100), n int)", "INSERT INTO a SELECT seq, 'x', seq FROM seq_1_to_9")
	r.write(map[string]string{"tables/raw/a.yaml": "from: db.ctestmariadbfaults_misfits.a\n" + ofChanges + "max_value_bytes: 20\n"})
	r.run()
	long := "repeat('" + maxValue + "', 2)"
	r.sql("UPDATE a SET v = "+long+" WHERE id IN (1, 2, 3, 4)", "UPDATE a SET id = 50, v = "+long+" WHERE id = 5")
	r.run()
	r.holds("select id, v from raw.a where id < 6 or id = 50 order by id", "1,x 2,x 3,x 4,x") // 5 is no more, and 50 does not fit
	r.sql("UPDATE a SET v = 'y' WHERE id = 1", "DELETE FROM a WHERE id = 2", "UPDATE a SET id = 30, v = 'z' WHERE id = 3", "DELETE FROM a WHERE id IN (4, 50)")
	r.run()
	r.equal("raw.a")
}

func schemaOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a", "b"}, aTable, strings.Replace(aTable, " a ", " b ", 1), "ALTER TABLE b ADD m enum('good')", "INSERT INTO a VALUES (1, 1, 'x')", "INSERT INTO b VALUES (1, 1, 'x', 'good')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')", "ALTER TABLE a ADD extra int DEFAULT 7", "INSERT INTO a VALUES (3, 3, 'z', 7)", "ALTER TABLE a MODIFY n bigint",
		"INSERT INTO a VALUES (4, 5000000000, 'w', 7)", "ALTER TABLE a DROP extra", "ALTER TABLE a CHANGE note words text", "INSERT INTO a VALUES (5, 5, 'v')",
		"ALTER TABLE b MODIFY m enum('good', 'bad')", "INSERT INTO b VALUES (2, 2, 'y', 'bad')")
	r.run()
	r.holds("select id, n, note, extra, words from raw.a order by id", "1,1,x,, 2,2,y,, 3,3,z,7, 4,5000000000,w,7, 5,5,,,v")
	r.equal("raw.b")
	r.sql("ALTER TABLE a MODIFY n varchar(20)", "INSERT INTO a VALUES (6, 'six', 'u')", "INSERT INTO b VALUES (3, 3, 'z', 'good')")
	r.stops(nil, "raw.a", "--full")
	r.equal("raw.b")
	r.run("raw.a", "--full")
	r.sql("DROP TABLE a", aTable, "INSERT INTO a VALUES (9, 9, 'new')", "INSERT INTO b VALUES (4, 3, 'z', 'good')")
	r.stops(nil, "raw.a", "dropped", "--full")
	r.equal("raw.b")
	r.run("raw.a", "--full", "--destroy-history")
	r.equal("raw.a")
}

func untoldOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a", "b"}, "SET GLOBAL binlog_row_metadata = 'NO_LOG'", "CREATE TABLE a (id bigint PRIMARY KEY, v varchar(20), w varchar(20))", "CREATE TABLE b (id bigint PRIMARY KEY)",
		"INSERT INTO a VALUES (1, 'v', 'w')", "INSERT INTO b VALUES (1)")
	defer r.sql("SET GLOBAL binlog_row_metadata = 'FULL'")
	r.run()
	r.sql("ALTER TABLE a COMMENT = 'before all changes'", "INSERT INTO a VALUES (2, 'v', 'w')")
	r.run()
	r.equal("raw.a")
	// The log has the values in the order that the columns had, and does not say which.
	r.sql("INSERT INTO a VALUES (3, 'v', 'w')", "ALTER TABLE a MODIFY v varchar(20) AFTER w", "INSERT INTO b VALUES (2)")
	r.stops(nil, "raw.a", "altered", "binlog_row_metadata", "--full")
	r.equal("raw.b")
	r.run("raw.a", "--full")
	r.equal("raw.a")
}

func statementOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.run()
	r.sql("SET SESSION binlog_format = 'STATEMENT'", "UPDATE a SET n = 2")
	r.stops(nil, "binlog_format = ROW", "--full")
	r.holds("select n from raw.a", "1")
	r.run("--full")
	r.equal("raw.a")
}

func rollbackOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')")
	r.run()
	program.Must(t, "-C", r.dir, "rollback", "raw.a", "--to", "previous", "--yes")
	r.holds("select count(*) from raw.a", "1")
	r.sql("DELETE FROM a WHERE id = 1")
	r.run() // the changes come again
	r.equal("raw.a")
}

func purgedOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, aTable, "INSERT INTO a VALUES (1, 1, 'x')")
	r.run()
	r.sql("INSERT INTO a VALUES (2, 2, 'y')", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
	r.sql("DO sleep(1)", "PURGE BINARY LOGS BEFORE now(6) + INTERVAL 1 DAY")
	r.stops(nil, "raw.a", "not in the server's binary log", "--full", "binlog_expire_logs_seconds")
	r.holds("select count(*) from raw.a", "1")
	r.run("--full")
	r.equal("raw.a")
}

// What a foreign key deletes is not in the log: the table is refused, and where it is followed all the same, verify shows what is missing.
func cascadesOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, "CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE a (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
		"INSERT INTO parent VALUES (1), (2)", "INSERT INTO a VALUES (10, 1), (20, 2)")
	r.stops(nil, "raw.a", "`a_ibfk_1` changes rows when those of `parent` change", "on_cascade: ignore")
	r.write(map[string]string{"tables/raw/a.yaml": "from: db.ctestmariadbfaults_cascades.a\n" + ofChanges + "on_cascade: ignore\n"})
	r.run()
	r.sql("DELETE FROM parent WHERE id = 1", "INSERT INTO a VALUES (21, 2)")
	r.run()
	r.holds("select id from raw.a order by id", "10 20 21")
	out, errOut, code := program.Run(t, "-C", r.dir, "verify", "raw.a")
	if code == 0 || !strings.Contains(out, "10") {
		t.Errorf("verify: exit %d\n%s%s", code, out, errOut)
	}
	r.run("--full")
	r.equal("raw.a")
}

// A table without a primary key is followed by the key that is written; its log tells whole rows.
func keylessOfMariaDB(t *testing.T, server *env.Server) {
	r := onMariaDB(t, server, []string{"a"}, "CREATE TABLE a (id bigint, n int, note text)", "INSERT INTO a VALUES (1, 1, 'x'), (2, 2, 'x'), (3, 3, NULL)")
	const from = "from: db.ctestmariadbfaults_keyless.a\n"
	r.write(map[string]string{"tables/raw/log.yaml": from + "mode: append\nread: feed\n", "tables/raw/whole.yaml": from + "mode: upsert\nkey: id\ndeletes: remove\n"})
	r.run()
	r.sql("UPDATE a SET id = 30, note = 'moved' WHERE id = 3", "DELETE FROM a WHERE id = 1", "UPDATE a SET n = 20 WHERE id = 2", "INSERT INTO a VALUES (4, 4, 'new')")
	r.run()
	r.equal("raw.a", "raw.whole")
	r.holds("select _op, id from raw.log where _op <> 'read' order by _position", "update,30 delete,1 update,2 insert,4")
	// Two rows of one key: a read sees both and stops, the feed takes the later for a change of the earlier, and verify shows it.
	r.sql("INSERT INTO a VALUES (4, 5, 'twin')")
	r.stops([]string{"raw.whole"}, "two different rows of one key (id)")
	r.run("raw.a")
	out, errOut, code := program.Run(t, "-C", r.dir, "verify", "raw.a")
	if code == 0 || !strings.Contains(out, "different 4") {
		t.Errorf("verify: exit %d\n%s%s", code, out, errOut)
	}
	r.write(map[string]string{"tables/raw/a.yaml": from + "mode: changes\n"})
	r.stops(nil, "mode changes needs a key")
}
