package main

import (
	"os/exec"
	"testing"

	"weir/test/env"
)

func TestMariaDBTableIsMadeOnceAndWhole(t *testing.T) {
	env.MariaDB(t) // skips where there is no server
	if _, err := exec.LookPath("mariadb"); err != nil {
		t.Skip("the client of MariaDB is not here")
	}
	s := small(t)
	const rows = 2_000
	m, err := s.maria(t.Context(), benchDatabase)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(sql string) string {
		t.Helper()
		got, err := m.ask(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var made string
	for range 2 {
		table, err := s.mariaData(t.Context(), m, rows)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask("SELECT count(*), count(DISTINCT l_orderkey, l_linenumber), min(l_comment) <> '', max(l_shipdate) > '1992-01-01' FROM " + table); got != "2000\t2000\t1\t1" {
			t.Errorf("rows, keys, texts and dates are %s", got)
		}
		at := ask("SELECT create_time FROM information_schema.tables WHERE table_schema = '" + benchDatabase + "' AND table_name = '" + table + "'")
		if made != "" && at != made {
			t.Errorf("it was made again: %s, %s", made, at)
		}
		made = at
	}
}
