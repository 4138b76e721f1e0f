package mysql

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/job"
	"weir/internal/mysql/wire"
)

// fix opens the snapshot that all rows are read of, and holds the table's definition still: changes of it wait until the
// read is over.
func (s *scan) fix(ctx context.Context) (err error) {
	if s.fixed {
		return nil
	}
	bound := ""
	if s.cursor != nil {
		if bound, err = s.fixCursor(ctx); err != nil {
			return err
		}
	}
	if s.first {
		err = s.fixFirst(ctx)
	} else {
		err = s.openSnapshot(ctx)
	}
	if err != nil {
		return err
	}
	at, err := s.state(ctx)
	if err != nil {
		return err
	}
	// What was looked at before the table's first use in the transaction may have changed since.
	if err := s.conn.Exec(ctx, "SELECT 1 FROM "+s.rel.quoted()+" LIMIT 0"); err != nil {
		return fmt.Errorf("open a snapshot of %s: %w", s.rel.shown(), err)
	}
	if s.rel, err = look(ctx, s.conn, s.rel.database, s.rel.name); err != nil {
		return err
	}
	if err := s.choose(); err != nil {
		return err
	}
	if s.cursor != nil {
		if err := s.settle(ctx, bound); err != nil {
			return err
		}
	}
	s.fixed = true
	s.position(at)
	return nil
}

func (s *scan) openSnapshot(ctx context.Context) error {
	for _, sql := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"} {
		if err := s.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("open a snapshot: %w", err)
		}
	}
	return nil
}

// state is how far the server has come, in its own words: for a person, no read goes on from it.
func (s *scan) state(ctx context.Context) (string, error) {
	sql := "SELECT @@GLOBAL.gtid_executed"
	if s.id.Maria {
		sql = "SELECT @@GLOBAL.gtid_current_pos"
	}
	rows, err := s.conn.Strings(ctx, sql)
	if err != nil {
		return "", fmt.Errorf("ask for the state of the server: %w", err)
	}
	if at := strings.ReplaceAll(rows[0][0].Value, "\n", ""); at != "" {
		return at, nil
	}
	if rows, err = s.conn.Strings(ctx, "SELECT utc_timestamp(6)"); err != nil {
		return "", fmt.Errorf("ask for the time of the server: %w", err)
	}
	return rows[0][0].Value, nil
}

// position notes where the read ends: by cursor, or at which state of the server everything was read.
func (s *scan) position(at string) {
	if s.end == nil {
		s.end = job.Position{}
	}
	switch {
	case s.first:
		s.end[s.rel.shown()] = s.started.String()
	case s.cursor == nil:
		s.end[s.rel.shown()] = "all at " + at
	case s.cursor.end != nil:
		s.end[s.rel.shown()] = s.cursor.end.String()
	}
}

// selectSQL reads the rows of the scan.
func (s *scan) selectSQL() string {
	return s.selectWhere(s.cursor.condition())
}

// selectWhere selects the columns and, with a cursor, its value behind them.
func (s *scan) selectWhere(condition string) string {
	items := make([]string, len(s.columns), len(s.columns)+1)
	for i, c := range s.columns {
		items[i] = c.Expression(wire.Name(c.Name))
	}
	if s.cursor != nil {
		items = append(items, s.cursor.column)
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + s.rel.quoted() + s.also(condition)
}

// also writes WHERE with the table's own condition and further ones.
func (s *scan) also(conditions ...string) string {
	var all []string
	for _, c := range append([]string{parenthesized(s.reader.Where)}, conditions...) {
		if c != "" {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// parenthesized keeps a condition together, and what follows it out of a comment it may end in.
func parenthesized(condition string) string {
	if strings.TrimSpace(condition) == "" {
		return ""
	}
	return "(" + condition + "\n)"
}
