package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
	"weir/internal/sink/sinktest"
	"weir/test/env"
)

// openURL gives the sink of a URL.
func openURL(t testing.TB, of string) *Sink {
	t.Helper()
	s, err := Kind().Open(t.Context(), &mysql.Settings{URL: of}, sink.Env{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Sink)
}

// session is a connection of the test's own.
func session(t testing.TB, of string) *wire.Conn {
	t.Helper()
	server, err := (&mysql.Settings{URL: of}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := server.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// rowTexts gives a query's rows as texts.
func rowTexts(ctx context.Context, c *wire.Conn, sql string) ([]string, error) {
	rows, err := c.Strings(ctx, sql)
	var out []string
	for _, r := range rows {
		var row []string
		for _, v := range r {
			if v.Valid {
				row = append(row, v.Value)
			} else {
				row = append(row, "NULL")
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out, err
}

func TestSuite(t *testing.T) {
	env.EachMySQL(t, suite)
}

// TestSuiteWithoutLoadData has a server that forbids LOAD DATA LOCAL, as MySQL does by default.
func TestSuiteWithoutLoadData(t *testing.T) {
	of := env.OwnMariaDB(t).URL
	if err := session(t, of).Exec(t.Context(), "SET GLOBAL local_infile = 0"); err != nil {
		t.Fatal(err)
	}
	suite(t, of)
}

// suite gives each part a database of its own, which the sink makes.
func suite(t *testing.T, of string) {
	n := 0
	sinktest.Run(t, func(t *testing.T) sinktest.System {
		c, s := session(t, of), openURL(t, of)
		n++
		schema := fmt.Sprintf("%s_%d", cmp.Or(s.database, "weir_t"), n)
		t.Cleanup(func() { _ = c.Exec(context.Background(), "DROP DATABASE IF EXISTS "+wire.Name(schema)) })
		return sinktest.System{Sink: s, Schema: schema, Quote: wire.Name,
			Exec: func(sql string) error {
				return errors.Join(c.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS "+wire.Name(schema)), c.Exec(t.Context(), sql))
			},
			Rows: func(sql string) ([]string, error) { return rowTexts(t.Context(), c, sql) }}
	})
}
