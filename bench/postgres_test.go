package main

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/test/env"
)

func TestPostgresTableIsMadeOnceAndWhole(t *testing.T) {
	env.Postgres(t) // skips where there is no server
	s := small(t)
	const rows = 2_000
	database, table, err := s.postgresData(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var got, lines int
	var file string
	if err := conn.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT (l_orderkey, l_linenumber)), pg_relation_filepath($1::text::regclass) FROM "+table, table).Scan(&got, &lines, &file); err != nil {
		t.Fatal(err)
	}
	if got != rows || lines != rows {
		t.Errorf("%d rows with %d keys, not %d", got, lines, rows)
	}
	if _, _, err := s.postgresData(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	var again string
	if err := conn.QueryRow(t.Context(), "SELECT pg_relation_filepath($1::text::regclass)", table).Scan(&again); err != nil || again != file {
		t.Errorf("it was made again: %s, %s: %v", file, again, err)
	}
}

func TestPostgresColumnsAreThoseOfTPCH(t *testing.T) {
	text := serverColumns(lineitem())
	if strings.Contains(text, "VARCHAR NOT NULL") || strings.Count(text, "NOT NULL") != 16 {
		t.Errorf("a text has no length, or a column is missing: %s", text)
	}
}
