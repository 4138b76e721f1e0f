package env

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

func TestPostgresIsFreshAndGoesWithTheTest(t *testing.T) {
	var url string
	t.Run("inner", func(t *testing.T) {
		url = Postgres(t)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		// Left open, and with a slot: neither may keep the database.
		if _, err := conn.Exec(t.Context(), "SELECT pg_create_logical_replication_slot('weir_env_"+letters()+"', 'pgoutput')"); err != nil {
			t.Fatal(err)
		}
	})
	if url == "" {
		t.Skip("no server")
	}
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func TestMariaDBIsFreshAndGoesWithTheTest(t *testing.T) {
	var url string
	t.Run("inner", func(t *testing.T) {
		url = MariaDB(t)
		conn := mariaConn(t, url)
		// Left open in a transaction that holds a lock on the table.
		for _, s := range []string{"CREATE TABLE t (a INT)", "BEGIN", "INSERT INTO t VALUES (1)"} {
			if _, err := conn.ExecContext(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	})
	if url == "" {
		t.Skip("no server")
	}
	db, err := openMariaDB(url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("the database is still there")
	}
}

// TestServersLogChanges asks for the settings that reading changes needs.
func TestServersLogChanges(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for name, want := range map[string]string{"wal_level": "logical", "TimeZone": "UTC", "full_page_writes": "on", "synchronous_commit": "on"} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
			t.Errorf("PostgreSQL's %s is %q, not %q: %v", name, got, want, err)
		}
	}
	maria := mariaConn(t, MariaDB(t))
	for name, want := range map[string]string{"log_bin": "1", "binlog_format": "ROW", "binlog_row_image": "FULL",
		"binlog_row_metadata": "FULL", "gtid_strict_mode": "1", "time_zone": "+00:00", "local_infile": "1", "character_set_server": "utf8mb4"} {
		var got string
		if err := maria.QueryRowContext(t.Context(), "SELECT @@"+name).Scan(&got); err != nil || got != want {
			t.Errorf("MariaDB's %s is %q, not %q: %v", name, got, want, err)
		}
	}
}

func TestServersSpeakTLS(t *testing.T) {
	url := strings.Replace(Postgres(t), "sslmode=disable", "sslmode=verify-full", 1) + "&sslrootcert=" + PostgresCA(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	conn.Close(t.Context())

	pem, err := os.ReadFile(MariaDBCA(t))
	if err != nil {
		t.Fatal(err)
	}
	config := MySQLConfig(t, MariaDB(t))
	config.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	config.TLS.RootCAs.AppendCertsFromPEM(pem)
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("MariaDB: %v", err)
	}
}

func TestOwnServersKeepWhatWasCommittedOverAKill(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		s := OwnPostgres(t)
		if err := onPostgres(t.Context(), s.URL, "CREATE TABLE t AS SELECT generate_series(1, 1000)"); err != nil {
			t.Fatal(err)
		}
		survives(t, s, func() (n int, err error) {
			conn, err := pgx.Connect(t.Context(), s.URL)
			if err != nil {
				return 0, err
			}
			defer conn.Close(t.Context())
			return n, conn.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n)
		})
	})
	t.Run("mariadb", func(t *testing.T) {
		s := OwnMariaDB(t)
		for _, statement := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "INSERT INTO d.t " + values(1000)} {
			if err := onMariaDB(t.Context(), s.URL, statement); err != nil {
				t.Fatal(err)
			}
		}
		survives(t, s, func() (n int, err error) {
			db, err := openMariaDB(s.URL)
			if err != nil {
				return 0, err
			}
			defer db.Close()
			return n, db.QueryRowContext(t.Context(), "SELECT count(*) FROM d.t").Scan(&n)
		})
	})
}

// survives breaks the server in all ways and counts the thousand rows in between.
func survives(t *testing.T, s *Server, count func() (int, error)) {
	t.Helper()
	whole := func(after string) {
		t.Helper()
		if n, err := count(); err != nil || n != 1000 {
			t.Errorf("%d rows after %s: %v", n, after, err)
		}
	}
	s.Restart(t)
	whole("a restart")
	s.Kill(t)
	if _, err := count(); err == nil {
		t.Error("it answers after a kill")
	}
	s.Start(t)
	whole("a kill and a start")
	s.Stop(t)
	if _, err := count(); err == nil {
		t.Error("it answers after a stop")
	}
	s.Start(t)
	whole("a stop and a start")
}

func values(n int) string { return "VALUES (0)" + strings.Repeat(", (0)", n-1) }

func TestOldDatabasesAreTold(t *testing.T) {
	hour := time.Now().Unix() / 3600
	for name, want := range map[string]bool{
		freshName(): false,
		fmt.Sprintf("%s%07d_abc", prefix, hour-keepHours-1): true,
		fmt.Sprintf("%s%07d_abc", prefix, hour-1):           false,
		"weir_orders": false, "postgres": false, "weir_tables": false,
	} {
		if old(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func mariaConn(t *testing.T, url string) *sql.Conn {
	t.Helper()
	db, err := openMariaDB(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
