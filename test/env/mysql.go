package env

import (
	"os"
	"testing"
)

// varMySQL is the URL of a MySQL server 8.0 or later, which test/services does not bring: Debian has none.
const varMySQL = "WEIR_TEST_MYSQL"

// MySQL gives the URL of a new, empty database in the server of WEIR_TEST_MYSQL, as MariaDB does. Without the variable the
// test is skipped, also where CI=true.
func MySQL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(varMySQL)
	if server == "" {
		t.Skip("a server of MySQL: " + varMySQL + " is not set")
	}
	name := freshName()
	if err := onMariaDB(t.Context(), server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() { drop(t, dropMariaDB, server, name) })
	return inDatabase(t, server, name)
}

// EachMySQL runs a test on MariaDB and, where WEIR_TEST_MYSQL is set, on that server of MySQL: each time with the URL of
// a new, empty database.
func EachMySQL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("mariadb", func(t *testing.T) { test(t, MariaDB(t)) })
	t.Run("mysql", func(t *testing.T) { test(t, MySQL(t)) })
}
