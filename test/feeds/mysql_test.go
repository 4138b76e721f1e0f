package feeds

import (
	"context"
	"database/sql"
	"testing"

	"github.com/go-sql-driver/mysql"

	"weir/test/env"
)

// maria is a server of MariaDB, or of MySQL.
type maria struct {
	server *env.Server // nil: it is another's, and not restarted
	at     string
	config *mysql.Config
}

func (m maria) kind() string   { return "mysql" }
func (m maria) schema() string { return m.config.DBName }
func (m maria) url() string    { return m.at }

func (m maria) restart(t testing.TB) {
	if m.server != nil {
		m.server.Restart(t)
	}
}

func (m maria) connect(ctx context.Context) (session, error) {
	connector, err := mysql.NewConnector(m.config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	c, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return mariaSession{db, c}, nil
}

type mariaSession struct {
	db *sql.DB
	c  *sql.Conn
}

func (s mariaSession) transaction(ctx context.Context, statements []string, commit bool) error {
	// Once begun it is carried to its end, so that the last transaction is whole or not there.
	ctx = context.WithoutCancel(ctx)
	tx, err := s.c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i, q := range statements {
		if i%3 == 1 { // a part that is taken back
			for _, part := range []string{"SAVEPOINT s", "UPDATE items SET amount = 0 WHERE id < 50", "ROLLBACK TO s"} {
				if _, err := tx.ExecContext(ctx, part); err != nil {
					_ = tx.Rollback()
					return err
				}
			}
		}
		if _, err := tx.ExecContext(ctx, q); err != nil {
			_ = tx.Rollback()
			return err
		}
	}
	if !commit {
		return tx.Rollback()
	}
	return tx.Commit()
}

func (s mariaSession) close() {
	_ = s.c.Close()
	_ = s.db.Close()
}

func TestMariaDB(t *testing.T) {
	server := env.OwnMariaDB(t)
	m := maria{server: server, at: server.URL, config: env.MySQLConfig(t, server.URL)}
	m.prepare(t, "CREATE DATABASE feeds")
	m.config.DBName = "feeds"
	m.prepare(t)
	soak(t, m)
}

// TestMySQL is of the server of WEIR_TEST_MYSQL.
func TestMySQL(t *testing.T) {
	at := env.MySQL(t)
	m := maria{at: at, config: env.MySQLConfig(t, at)}
	m.prepare(t)
	soak(t, m)
}

// prepare makes the tables, or runs other statements.
func (m maria) prepare(t *testing.T, statements ...string) {
	c, err := m.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if len(statements) == 0 {
		const numbers = "WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < "
		statements = []string{
			"SET SESSION cte_max_recursion_depth = 10000",
			"SET SESSION max_recursive_iterations = 10000", // one of them is the server's word for it
			"CREATE TABLE items (id bigint PRIMARY KEY, grp int, amount decimal(14,2), note text, at timestamp(6) NOT NULL DEFAULT current_timestamp(6))",
			"CREATE TABLE pairs (a int, b varchar(40), v decimal(14,2), PRIMARY KEY (a, b))",
			"CREATE TABLE docs (id bigint PRIMARY KEY, title text, body longtext)",
			"INSERT INTO items (id, grp, amount, note) " + numbers + "5000) SELECT seq, seq % 50, seq * 1.25, 'first' FROM n",
			"INSERT INTO docs " + numbers + "200) SELECT seq, 'first', repeat(sha2(seq, 256), 100) FROM n",
			"INSERT INTO pairs " + numbers + "500) SELECT seq % 4, concat('f', seq), seq FROM n",
		}
	}
	for i, q := range statements {
		if _, err := c.(mariaSession).c.ExecContext(t.Context(), q); err != nil && i > 1 {
			t.Fatalf("%.60s: %v", q, err)
		}
	}
}
