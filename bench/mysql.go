package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const varMariaDB = "WEIR_TEST_MARIADB" // as test/services sets it

// maria is a database of a server of MariaDB, reached by its own client.
type maria struct {
	url    string
	client []string // the client and the arguments that lead to the database
	pid    int      // of the server; 0: on another machine, or not to be seen
}

// maria gives a database of that name in the server of WEIR_TEST_MARIADB. The password lies in a file that only this user
// reads: as an argument others on the machine would see it.
func (s *settings) maria(ctx context.Context, database string) (maria, error) {
	u, err := url.Parse(os.Getenv(varMariaDB))
	if err != nil || u.Host == "" {
		return maria{}, fmt.Errorf(`no MariaDB server: %s is not set; set it by: eval "$(test/services)"`, varMariaDB)
	}
	password, _ := u.User.Password() // none is one, too
	options := filepath.Join(s.work, "client.cnf")
	text := fmt.Sprintf("[client]\nhost=%s\nport=%s\nuser=%s\npassword=%q\nlocal-infile=1\ndefault-character-set=utf8mb4\n", u.Hostname(), u.Port(), u.User.Username(), password)
	if err := os.WriteFile(options, []byte(text), 0o600); err != nil {
		return maria{}, fmt.Errorf("write options for the client: %w", err)
	}
	m := maria{client: []string{"mariadb", "--defaults-extra-file=" + options, "--batch", "--skip-column-names"}}
	if _, err := m.ask(ctx, "CREATE DATABASE IF NOT EXISTS "+database); err != nil {
		return m, err
	}
	u.Path = "/" + database
	m.url, m.client = u.String(), append(m.client, "--database="+database)
	file, err := m.ask(ctx, "SELECT @@pid_file")
	if err != nil {
		return m, err
	}
	if line, err := os.ReadFile(file); err == nil {
		m.pid, _ = strconv.Atoi(strings.TrimSpace(string(line))) // only a figure beside others hangs on it
	}
	return m, nil
}

// args are the arguments of the client that runs statements, the client first.
func (m maria) args(statements ...string) []string {
	return append(append([]string{}, m.client...), "--execute="+strings.Join(statements, "; "))
}

// ask runs statements and gives what they print.
func (m maria) ask(ctx context.Context, statements ...string) (string, error) {
	args := m.args(statements...)
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w\n%s", err, tail(string(failed.Stderr), 20))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// used is the CPU time of the server, so also of those sessions that measure nothing of ours.
func (m maria) used() time.Duration {
	const utime = 11 // counted from the state on
	return processTime(m.pid, utime)
}

// mariaData gives the name of a table that holds so many rows of lineitem, with the types of TPC-H and its primary key.
func (s *settings) mariaData(ctx context.Context, m maria, rows int64) (table string, err error) {
	table = fmt.Sprintf("lineitem_%d", rows)
	there, err := m.ask(ctx, "SHOW TABLES LIKE '"+table+"'")
	if err != nil || there != "" {
		return table, err
	}
	dir, err := s.csvData(ctx, rows)
	if err != nil {
		return "", err
	}
	note("loading %s into MariaDB", table)
	// What has the name is whole. The server's log has no use for the rows.
	_, err = m.ask(ctx, "SET SESSION sql_log_bin = 0", "DROP TABLE IF EXISTS part_"+table, "CREATE TABLE part_"+table+mariaColumns(),
		loadData(filepath.Join(dir, "lineitem.csv"), "part_"+table), "ANALYZE TABLE part_"+table, "RENAME TABLE part_"+table+" TO "+table)
	return table, err
}

// mariaColumns declares lineitem.
func mariaColumns() string {
	return fmt.Sprintf(" (%s, PRIMARY KEY (l_orderkey, l_linenumber)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4", serverColumns(lineitem()))
}

// loadData loads a CSV file with a header.
func loadData(file, table string) string {
	return fmt.Sprintf(`LOAD DATA LOCAL INFILE %s INTO TABLE %s FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\n' IGNORE 1 LINES`, quote(file), table)
}
