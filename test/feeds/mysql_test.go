package feeds

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"weir/test/env"
)

// maria is a server of MariaDB.
type maria struct {
	server *env.Server
	config *mysql.Config
}

func (m maria) kind() string         { return "mysql" }
func (m maria) schema() string       { return "feeds" }
func (m maria) url() string          { return m.server.URL }
func (m maria) restart(t testing.TB) { m.server.Restart(t) }

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
	config := env.MySQLConfig(t, server.URL)
	m := maria{server: server, config: config}
	c, err := m.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	setup := []string{
		"CREATE DATABASE feeds",
		"USE feeds",
		"CREATE TABLE feeds.items (id bigint PRIMARY KEY, grp int, amount decimal(14,2), note text, at timestamp(6) NOT NULL DEFAULT current_timestamp(6))",
		"CREATE TABLE feeds.pairs (a int, b varchar(40), v decimal(14,2), PRIMARY KEY (a, b))",
		"CREATE TABLE feeds.docs (id bigint PRIMARY KEY, title text, body longtext)",
		"INSERT INTO feeds.items (id, grp, amount, note) SELECT seq, seq % 50, seq * 1.25, 'first' FROM seq_1_to_5000",
		"INSERT INTO feeds.docs SELECT seq, 'first', repeat(md5(seq), 200) FROM seq_1_to_200",
		"INSERT INTO feeds.pairs SELECT seq % 4, concat('f', seq), seq FROM seq_1_to_500",
	}
	for _, q := range setup {
		if _, err := c.(mariaSession).c.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", strings.SplitN(q, "(", 2)[0], err)
		}
	}
	c.close()
	m.config.DBName = "feeds"
	soak(t, m)
}
