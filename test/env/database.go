package env

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// Variables that test/services sets.
const (
	varPostgres = "WEIR_TEST_POSTGRES"
	varMariaDB  = "WEIR_TEST_MARIADB"
	suffixCA    = "_CA"
	suffixCtl   = "_CTL"
)

// Databases of tests are named prefix, the hour they were made, and letters. Those that a killed test left are dropped
// when they are older than keepHours: a slot that stays keeps every byte of the log.
const (
	prefix    = "weir_t"
	keepHours = 4
)

var (
	tidyPostgres sync.Once
	tidyMariaDB  sync.Once
)

// Postgres gives the URL of a new, empty database in the server of WEIR_TEST_POSTGRES, as a superuser. It goes with the
// test, together with its replication slots and the sessions that are still open. Without the variable the test is
// skipped, or fails where CI=true. Roles and settings of the server are shared with other tests.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(varPostgres)
	if server == "" {
		missing(t, "PostgreSQL: %s is not set", varPostgres)
	}
	tidyPostgres.Do(func() { tidy(t, oldPostgres, dropPostgres, server) })
	name := freshName()
	if err := onPostgres(t.Context(), server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() { drop(t, dropPostgres, server, name) })
	return inDatabase(t, server, name)
}

// PostgresCA gives the path of the certificate that signed the server's own, which is for localhost and 127.0.0.1.
func PostgresCA(t testing.TB) string { return certificate(t, varPostgres) }

// MariaDB gives the URL of a new, empty database in the server of WEIR_TEST_MARIADB, as a user who may do everything. It
// goes with the test. Without the variable the test is skipped, or fails where CI=true. The binary log, users and
// settings of the server are shared with other tests.
func MariaDB(t testing.TB) string {
	t.Helper()
	server := os.Getenv(varMariaDB)
	if server == "" {
		missing(t, "MariaDB: %s is not set", varMariaDB)
	}
	tidyMariaDB.Do(func() { tidy(t, oldMariaDB, dropMariaDB, server) })
	name := freshName()
	if err := onMariaDB(t.Context(), server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() { drop(t, dropMariaDB, server, name) })
	return inDatabase(t, server, name)
}

// MariaDBCA gives the path of the certificate that signed the server's own, which is for localhost and 127.0.0.1.
func MariaDBCA(t testing.TB) string { return certificate(t, varMariaDB) }

// MySQLConfig is what go-sql-driver/mysql connects with, for a URL that MariaDB gave.
func MySQLConfig(t testing.TB, of string) *mysql.Config {
	t.Helper()
	c, err := mysqlConfig(of)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mysqlConfig(of string) (*mysql.Config, error) {
	u, err := url.Parse(of)
	if err != nil {
		return nil, errors.New("the URL of a MySQL server cannot be read") // the error would show its password
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Passwd, _ = u.User.Password()
	if len(u.Path) > 1 {
		c.DBName = u.Path[1:]
	}
	return c, nil
}

func certificate(t testing.TB, server string) string {
	t.Helper()
	path := os.Getenv(server + suffixCA)
	if path == "" {
		missing(t, "a server with TLS: %s is not set", server+suffixCA)
	}
	return path
}

func inDatabase(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("the server's URL cannot be read")
	}
	u.Path = "/" + name
	return u.String()
}

func freshName() string {
	return fmt.Sprintf("%s%07d_%s", prefix, time.Now().Unix()/3600, letters())
}

func letters() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// old says whether a database is one that a killed test left.
func old(name string) bool {
	var hour int64
	if _, err := fmt.Sscanf(name, prefix+"%07d_", &hour); err != nil {
		return false
	}
	return hour < time.Now().Unix()/3600-keepHours
}

// A list finds databases of a server, a dropper removes one.
type (
	list    func(ctx context.Context, server string) ([]string, error)
	dropper func(ctx context.Context, server, name string) error
)

func drop(t testing.TB, d dropper, server, name string) {
	// The test's own context has ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d(ctx, server, name); err != nil {
		t.Errorf("drop database %s: %v", name, err)
	}
}

func tidy(t testing.TB, of list, d dropper, server string) {
	t.Helper()
	names, err := of(t.Context(), server)
	if err != nil {
		t.Logf("look for databases of killed tests: %v", err)
		return
	}
	for _, name := range names {
		// Another process may be dropping the same.
		if err := d(t.Context(), server, name); err != nil {
			t.Logf("drop database %s of a killed test: %v", name, err)
		}
	}
}

func onPostgres(ctx context.Context, server string, statements ...string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func dropPostgres(ctx context.Context, server, name string) error {
	const own = " FROM pg_replication_slots WHERE database = '%s'"
	return onPostgres(ctx, server,
		fmt.Sprintf("SELECT pg_terminate_backend(active_pid, 10000)"+own+" AND active", name),
		fmt.Sprintf("SELECT pg_drop_replication_slot(slot_name)"+own, name),
		"DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func oldPostgres(ctx context.Context, server string) ([]string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return onlyOld(names), err
}

func onMariaDB(ctx context.Context, server, statement string) error {
	db, err := openMariaDB(server)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func openMariaDB(server string) (*sql.DB, error) {
	config, err := mysqlConfig(server)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// dropMariaDB ends the sessions in the database first: the drop would wait for their transactions.
func dropMariaDB(ctx context.Context, server, name string) error {
	db, err := openMariaDB(server)
	if err != nil {
		return err
	}
	defer db.Close()
	sessions, err := column(ctx, db, "SELECT id FROM information_schema.processlist WHERE db = ?", name)
	if err != nil {
		return err
	}
	for _, id := range sessions {
		_, _ = db.ExecContext(ctx, "KILL "+id) // it may have ended by itself
	}
	_, err = db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name)
	return err
}

func oldMariaDB(ctx context.Context, server string) ([]string, error) {
	db, err := openMariaDB(server)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	names, err := column(ctx, db, "SELECT schema_name FROM information_schema.schemata")
	return onlyOld(names), err
}

func column(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

func onlyOld(names []string) []string {
	var left []string
	for _, name := range names {
		if old(name) {
			left = append(left, name)
		}
	}
	return left
}
