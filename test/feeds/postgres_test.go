package feeds

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/test/env"
)

type postgres struct{ server *env.Server }

func (p postgres) kind() string         { return "postgres" }
func (p postgres) schema() string       { return "public" }
func (p postgres) url() string          { return p.server.URL }
func (p postgres) restart(t testing.TB) { p.server.Restart(t) }

func (p postgres) connect(ctx context.Context) (session, error) {
	c, err := pgx.Connect(ctx, p.server.URL)
	if err != nil {
		return nil, err
	}
	return postgresSession{c}, nil
}

type postgresSession struct{ c *pgx.Conn }

func (s postgresSession) transaction(ctx context.Context, statements []string, commit bool) error {
	// Once begun it is carried to its end, so that the last transaction is whole or not there.
	ctx = context.WithoutCancel(ctx)
	tx, err := s.c.Begin(ctx)
	if err != nil {
		return err
	}
	for i, q := range statements {
		if i%3 == 1 { // a part that is taken back
			if _, err := tx.Exec(ctx, "SAVEPOINT s; UPDATE items SET amount = 0 WHERE id < 50; ROLLBACK TO s"); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	if !commit {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

func (s postgresSession) close() { _ = s.c.Close(context.Background()) }

func TestPostgres(t *testing.T) {
	server := env.OwnPostgres(t)
	c, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"CREATE TABLE items (id bigint PRIMARY KEY, grp int, amount numeric(14,2), note text, at timestamptz NOT NULL DEFAULT clock_timestamp())",
		"CREATE TABLE pairs (a int, b text, v numeric(14,2), PRIMARY KEY (a, b))",
		"CREATE TABLE docs (id bigint PRIMARY KEY, title text, body text)",
		"ALTER TABLE docs ALTER body SET STORAGE EXTERNAL", // large values lie out of line, and unchanged ones are not sent
		"INSERT INTO items SELECT i, i % 50, i * 1.25, 'first' FROM generate_series(1, 5000) i",
		"INSERT INTO docs SELECT i, 'first', repeat(md5(i::text), 200) FROM generate_series(1, 200) i",
		"INSERT INTO pairs SELECT i % 4, 'f' || i, i FROM generate_series(1, 500) i",
	} {
		if _, err := c.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	soak(t, postgres{server})
}
