package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// mysqlTable is the database that stays, and a table in it of so many rows.
func (s *settings) mysqlTable(ctx context.Context, rows int64) (m maria, table string, err error) {
	if m, err = s.maria(ctx, benchDatabase); err != nil {
		return m, "", err
	}
	if err := os.Setenv(varBench, m.url); err != nil {
		return m, "", err
	}
	table, err = s.mariaData(ctx, m, rows)
	return m, table, err
}

// mysqlFullIceberg reads a table into the lake, against the client that writes it to nothing as text.
func mysqlFullIceberg(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(pgRows)
	m, table, err := s.mysqlTable(ctx, rows)
	if err != nil {
		return result{}, err
	}
	raw := side{"client", func(ctx context.Context, _ int) (sample, error) {
		return measure(ctx, "sh", append([]string{"-c", `exec "$@" >/dev/null`, "sh"}, append(m.args("SELECT * FROM "+table), "--quick")...)...)
	}}
	w, r, err := interleave(ctx, s.reps, beside(s.loadFrom("mysql", table, rows), m.used), beside(raw, m.used))
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "mariadb --quick, all rows as text to nothing"), nil
}

// mysqlMemoryGrowth is what ten times the rows add to the peak.
func mysqlMemoryGrowth(ctx context.Context, all *settings) (result, error) {
	s := all.tight()
	rows := s.rows(pgRows)
	m, table, err := s.mysqlTable(ctx, rows)
	if err != nil {
		return result{}, err
	}
	tenth, err := s.mariaData(ctx, m, rows/10)
	if err != nil {
		return result{}, err
	}
	one, more, err := interleave(ctx, s.reps, named("1x", s.loadFrom("mysql", tenth, rows/10)), named("10x", s.loadFrom("mysql", table, rows)))
	if err != nil {
		return result{}, err
	}
	return result{ratio: float64(more.rss) / float64(one.rss), rows: rows, weir: more, baseline: describe("weir with a tenth of the rows", one)}, nil
}

// lakeMySQL publishes a table, all of it, against the client that loads a file of the same rows.
func lakeMySQL(ctx context.Context, s *settings) (_ result, err error) {
	rows := s.rows(publishRows)
	m, err := s.maria(ctx, "weir_bench")
	if err != nil {
		return result{}, err
	}
	defer func() {
		_, dropped := m.ask(context.WithoutCancel(ctx), "DROP DATABASE weir_bench")
		err = errors.Join(err, dropped)
	}()
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return result{}, err
	}
	p, err := s.published(ctx, rows, "bi.lineitem", fmt.Sprintf("{ type: mysql, url: %q }", m.url))
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	// Both load into a table of the same shape, made by the first load, and write it to the server's log.
	publish := []string{"-C", p.dir, "--env", "prod", "publish", "--memory", s.memory}
	if _, err := measure(ctx, s.weir, publish...); err != nil {
		return result{}, err
	}
	if _, err := m.ask(ctx, "CREATE TABLE plain LIKE lineitem"); err != nil {
		return result{}, err
	}
	has := func(ctx context.Context, table string) error {
		n, err := m.ask(ctx, "SELECT count(*) FROM "+table)
		if err == nil && n != strconv.FormatInt(rows, 10) {
			err = fmt.Errorf("%s has %s rows, want %d", table, n, rows)
		}
		return err
	}
	weir := side{"weir", func(ctx context.Context, _ int) (sample, error) {
		if _, err := m.ask(ctx, "DROP TABLE lineitem, _weir_loads"); err != nil {
			return sample{}, err
		}
		took, err := measure(ctx, s.weir, publish...)
		return took, errors.Join(err, has(ctx, "lineitem"))
	}}
	raw := side{"client", func(ctx context.Context, _ int) (sample, error) {
		if _, err := m.ask(ctx, "TRUNCATE plain"); err != nil {
			return sample{}, err
		}
		args := m.args(loadData(filepath.Join(dir, "lineitem.csv"), "plain"))
		took, err := measure(ctx, args[0], args[1:]...)
		return took, errors.Join(err, has(ctx, "plain"))
	}}
	w, r, err := interleave(ctx, s.reps, beside(weir, m.used), beside(raw, m.used))
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "mariadb, LOAD DATA LOCAL INFILE of a CSV file, one connection"), nil
}
