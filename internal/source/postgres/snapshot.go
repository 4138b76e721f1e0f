package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/job"
	"weir/internal/postgres"
)

// snapshot is the one state of the database that all connections of a scan read.
type snapshot struct {
	name string // exported; "" on a standby, which cannot export: there one connection reads
	lsn  string
	// ranges part the table by its pages; one part that is everything where it cannot be parted.
	ranges []string // conditions, "" for none
}

// fix opens the snapshot and holds the table's definition still: changes of it wait until the read is over.
func (s *scan) fix(ctx context.Context) (err error) {
	if s.fixed != nil {
		return nil
	}
	bound, held := "", false
	if s.cursor != nil {
		if bound, held, err = s.fixCursor(ctx); err != nil {
			return err
		}
	}
	join := ""
	if s.first {
		name, err := s.fixFirst(ctx)
		if err != nil {
			return err
		}
		join = "; SET TRANSACTION SNAPSHOT " + quoteLiteral(name)
	}
	f := &snapshot{}
	lsn := "pg_current_wal_insert_lsn()::text"
	if s.id.Standby {
		lsn = "coalesce(pg_last_wal_replay_lsn()::text, '')"
	}
	if _, err := s.control.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"+join+"; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL application_name = "+quoteLiteral(readerName), pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("open a snapshot: %w", postgres.Classify(ctx, err))
	}
	// It locks the table, its partitions and children as LOCK TABLE would, which asks for rights on all columns.
	if _, err := s.control.Exec(ctx, "SELECT 1 FROM "+s.rel.quoted()+" LIMIT 0"); err != nil {
		return fmt.Errorf("open a snapshot of %s: %w", s.rel.shown(), blocked(ctx, s.server, s.rel.oid, err))
	}
	if err := s.control.QueryRow(ctx, "SELECT "+lsn).Scan(&f.lsn); err != nil {
		return fmt.Errorf("open a snapshot: %w", postgres.Classify(ctx, err))
	}
	if !s.id.Standby {
		if err := s.control.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&f.name); err != nil {
			return fmt.Errorf("export a snapshot: %w", postgres.Classify(ctx, err))
		}
	}
	// What was looked at before the lock may have changed since.
	again, err := look(ctx, s.server, s.control, s.rel.schema, s.rel.name)
	if err != nil {
		return err
	}
	s.rel = again
	if err := s.choose(); err != nil {
		return err
	}
	f.ranges = s.ranges()
	if s.cursor != nil {
		if err := s.settle(ctx, bound, held); err != nil {
			return err
		}
	}
	s.fixed = f
	s.position()
	return nil
}

// position notes where the read ends: by cursor, or at which state of the server everything was read.
func (s *scan) position() {
	if s.end == nil {
		s.end = job.Position{}
	}
	switch {
	case s.first:
		s.end[s.rel.shown()] = place{LSN: s.started.At.String(), Slot: s.following.slot}.String()
	case s.cursor == nil:
		s.end[s.rel.shown()] = "all at " + s.fixed.lsn
	case s.cursor.end != nil:
		s.end[s.rel.shown()] = s.cursor.end.String()
	}
}

// rangeBytes is how much of a table one COPY reads, about.
const rangeBytes = 64 << 20

// ranges part a table by pages, which servers read directly since version 14. Each part is a COPY of its own, and all connections
// take parts until none is left. Of a partitioned table, or of one with children, a part is the same pages of each: the table
// itself is read, whose rights and policies may be others than theirs.
func (s *scan) ranges() []string {
	parted := s.rel.parted && s.id.Version >= 140000 && s.cursor == nil && !s.id.Standby && s.server.Connections() > 1
	parts := min(s.rel.bytes/s.part, s.rel.pages)
	if !parted || parts < 2 {
		return []string{""}
	}
	step := (s.rel.pages + parts - 1) / parts
	var out []string
	for from := int64(0); from < s.rel.pages; from += step {
		condition := fmt.Sprintf("ctid >= '(%d,0)'", from)
		if from+step < s.rel.pages {
			condition += fmt.Sprintf(" AND ctid < '(%d,0)'", from+step)
		}
		out = append(out, condition)
	}
	return out
}

// copySQL reads one range.
func (s *scan) copySQL(condition string) string {
	items := make([]string, len(s.columns))
	for i, c := range s.columns {
		items[i] = c.expr
	}
	var conditions []string
	for _, c := range []string{condition, parenthesized(s.reader.Where), s.cursor.condition()} {
		if c != "" {
			conditions = append(conditions, c)
		}
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM " + s.rel.quoted() + " AS " + rowAlias
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return "COPY (" + sql + ") TO STDOUT (FORMAT binary)"
}

// parenthesized keeps a condition together, and what follows it out of a comment it may end in.
func parenthesized(condition string) string {
	if strings.TrimSpace(condition) == "" {
		return ""
	}
	return "(" + condition + "\n)"
}
