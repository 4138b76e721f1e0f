package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	varPostgres   = "WEIR_TEST_POSTGRES"  // as test/services sets it
	benchDatabase = "weir_bench_lineitem" // in that server; it stays, so that data is made once
)

// runPostgres is the command that prepares data for other programs than this one: bench postgres [-rows N] makes the table
// and prints the names of its database and of the table.
func runPostgres(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench postgres", flag.ContinueOnError)
	rows := flags.Int64("rows", 6_000_000, "rows of the table")
	s := settings{memory: "1GB"}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := s.folders(); err != nil {
		return err
	}
	defer os.RemoveAll(s.work)
	_, table, err := s.postgresData(ctx, *rows)
	if err != nil {
		return err
	}
	fmt.Println(benchDatabase, table)
	return nil
}

// postgresData gives the URL of a database and the name of a table in it that holds so many rows of lineitem, with the types
// of TPC-H, its primary key, and nothing left for the server to tidy up.
func (s *settings) postgresData(ctx context.Context, rows int64) (database, table string, err error) {
	table = fmt.Sprintf("lineitem_%d", rows)
	if database, err = makeDatabase(ctx); err != nil {
		return "", "", err
	}
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return "", "", fmt.Errorf("connect to the bench's database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	// Rows and key come in one transaction: what exists is whole.
	if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&exists); err != nil {
		return "", "", fmt.Errorf("look for table %s: %w", table, err)
	}
	if exists {
		return database, table, nil
	}
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return "", "", err
	}
	note("loading %s into PostgreSQL", table)
	if err := load(ctx, conn, table, filepath.Join(dir, "lineitem.csv")); err != nil {
		return "", "", fmt.Errorf("load table %s: %w", table, err)
	}
	for _, statement := range []string{"VACUUM (FREEZE, ANALYZE) " + table, "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", "", fmt.Errorf("load table %s: %w", table, err)
		}
	}
	return database, table, nil
}

func makeDatabase(ctx context.Context) (string, error) {
	server := os.Getenv(varPostgres)
	if server == "" {
		return "", fmt.Errorf(`no PostgreSQL server: %s is not set; set it by: eval "$(test/services)"`, varPostgres)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read as a URL", varPostgres) // the error would show its password
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var n int
	err = conn.QueryRow(ctx, "SELECT 1 FROM pg_database WHERE datname = $1", benchDatabase).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+benchDatabase)
	}
	if err != nil {
		return "", fmt.Errorf("make database %s: %w", benchDatabase, err)
	}
	u.Path = "/" + benchDatabase
	return u.String(), nil
}

func load(ctx context.Context, conn *pgx.Conn, table, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	if _, err := tx.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", table, serverColumns(lineitem()))); err != nil {
		return err
	}
	// FREEZE spares the first reader of the table from writing to it.
	copyIn := fmt.Sprintf("COPY %s FROM STDIN (FORMAT csv, HEADER, FREEZE)", table)
	if _, err := conn.PgConn().CopyFrom(ctx, in, copyIn); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (l_orderkey, l_linenumber)", table)); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// serverColumns declares columns with the lengths of text that TPC-H gives them.
func serverColumns(columns []column) string {
	text := map[string]string{
		"l_returnflag": "CHAR(1)", "l_linestatus": "CHAR(1)", "l_shipinstruct": "CHAR(25)", "l_shipmode": "CHAR(10)",
		"l_comment": "VARCHAR(44)",
	}
	var list []string
	for _, c := range columns {
		kind := c.kind
		if of, ok := text[c.name]; ok {
			kind = of
		}
		list = append(list, c.name+" "+kind+" NOT NULL")
	}
	return strings.Join(list, ", ")
}
