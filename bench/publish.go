package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
)

// publishRows is what one load brings.
const publishRows = 2_000_000

// postgres gives the URL of an empty database of its own in the server of WEIR_TEST_POSTGRES, which test/services starts.
func postgres(ctx context.Context, name string) (string, error) {
	server := os.Getenv("WEIR_TEST_POSTGRES")
	u, err := url.Parse(server)
	if err != nil || server == "" {
		return "", errors.New(`WEIR_TEST_POSTGRES is not set: eval "$(test/services)" starts a server`)
	}
	if err := psql(ctx, server, "DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// psqlArgs are the arguments for commands that each are a transaction of their own.
func psqlArgs(of string, commands ...string) []string {
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", of}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return args
}

func psql(ctx context.Context, of string, commands ...string) error {
	cmd := exec.CommandContext(ctx, "psql", psqlArgs(of, commands...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w\n%s", err, tail(string(out), 20))
	}
	return nil
}

// lakePostgres publishes a table, all of it, against psql that copies a binary file of the same rows.
func lakePostgres(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(publishRows)
	db, err := postgres(ctx, "weir_bench")
	if err != nil {
		return result{}, err
	}
	p, err := s.published(ctx, rows, "bi.public.lineitem", fmt.Sprintf("{ type: postgres, url: %q }", db))
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	file := filepath.Join(s.work, "lineitem.copy")
	publish := []string{"-C", p.dir, "--env", "prod", "publish", "--memory", s.memory}
	if _, err := measure(ctx, s.weir, publish...); err != nil {
		return result{}, err
	}
	if err := psql(ctx, db, `\copy lineitem TO `+quote(file)+` (FORMAT binary)`, "CREATE TABLE plain (LIKE lineitem)"); err != nil {
		return result{}, err
	}
	defer os.Remove(file)
	weir := side{"weir", func(ctx context.Context, _ int) (sample, error) {
		if err := psql(ctx, db, "DROP TABLE lineitem, _weir_loads", "CHECKPOINT"); err != nil {
			return sample{}, err
		}
		m, err := measure(ctx, s.weir, publish...)
		if err != nil {
			return m, err
		}
		return m, psql(ctx, db, fmt.Sprintf("DO $$ BEGIN ASSERT (SELECT count(*) FROM lineitem) = %d; END $$", rows))
	}}
	raw := side{"psql", func(ctx context.Context, _ int) (sample, error) {
		if err := psql(ctx, db, "TRUNCATE plain", "CHECKPOINT"); err != nil {
			return sample{}, err
		}
		return measure(ctx, "psql", psqlArgs(db, `\copy plain FROM `+quote(file)+` (FORMAT binary)`)...)
	}}
	w, r, err := interleave(ctx, s.reps, weir, raw)
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "psql COPY FROM of a binary file, one connection"), psql(ctx, db, "DROP TABLE lineitem, plain")
}

// published is a project with a table that is published to a connection.
func (s *settings) published(ctx context.Context, rows int64, to, connection string) (p project, err error) {
	dir, err := s.parquetData(ctx, rows)
	if err != nil {
		return p, err
	}
	if p, err = s.newProject("publish", dir, map[string]string{
		"tables/raw/lineitem.yaml": "from: inbox\npath: \"*.parquet\"\npublish: { to: " + to + " }\n",
	}); err != nil {
		return p, err
	}
	config := fmt.Sprintf("name: bench\nlake: lake\nconnections:\n  inbox: { type: files, path: %q }\n  bi: %s\nenvironments:\n  prod: { publish: on }\n", dir, connection)
	if err := p.write("weir.yaml", config); err != nil {
		return p, err
	}
	if _, err := p.run(ctx, "raw.lineitem"); err != nil {
		return p, err
	}
	return p, p.holds(ctx, "raw.lineitem", rows)
}
