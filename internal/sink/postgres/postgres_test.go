package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/internal/postgres"
	"weir/internal/sink"
	"weir/internal/sink/sinktest"
	"weir/test/env"
)

// open gives the sink of a URL.
func openURL(t testing.TB, url string) *Sink {
	t.Helper()
	s, err := Kind().Open(t.Context(), &postgres.Settings{URL: url}, sink.Env{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Sink)
}

// session is a connection of the test's own.
func session(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// rowTexts gives a query's rows as texts.
func rowTexts(ctx context.Context, c *pgx.Conn, sql string) ([]string, error) {
	rs := c.PgConn().Exec(ctx, sql)
	var out []string
	for rs.NextResult() {
		r := rs.ResultReader()
		for r.NextRow() {
			var row []string
			for _, v := range r.Values() {
				if v == nil {
					row = append(row, "NULL")
				} else {
					row = append(row, string(v))
				}
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	return out, rs.Close()
}

func TestSuite(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.System {
		url := env.Postgres(t)
		c := session(t, url)
		return sinktest.System{
			Sink: openURL(t, url), Schema: "bi", Quote: func(name string) string { return postgres.Quote(name) },
			Exec: func(sql string) error {
				_, err := c.Exec(t.Context(), "CREATE SCHEMA IF NOT EXISTS bi; "+sql)
				return err
			},
			Rows: func(sql string) ([]string, error) { return rowTexts(t.Context(), c, sql) },
		}
	})
}
