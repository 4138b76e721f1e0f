package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/mysql/gtid"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/mysql/binlog"
)

// beginFeed begins to read by the feed: a table that has no position yet whole, at a place of the log that the feed goes on
// from; else its changes.
func (t *table) beginFeed(ctx context.Context, r job.Read) (source.Scan, error) {
	f := t.following
	if f == nil {
		return nil, fault.New(fault.Internal, "no feed was made for %s", r.Table)
	}
	database, table, err := splitName(t.reader.dataset, t.primary.Database())
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	name := binlog.TableName{Schema: database, Name: table}
	text, ok := r.From[shown(name)]
	if r.Full || !ok {
		scan, err := t.begin(ctx, r)
		if err != nil {
			return nil, err
		}
		scan.first = true
		return scan, nil
	}
	maria, err := t.checkFeed(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("begin reading %s: %w", r.Table, err)
	}
	at, err := binlog.ParsePosition(text, maria)
	if err != nil {
		return nil, fault.New(fault.Data, "the position of %s is not one of a feed: %s", r.Table, text).
			WithHint("weir run %s --full reads everything again", r.Table)
	}
	s := &feedScan{table: t, read: r, dataset: shown(name), from: at, to: at}
	if r.Look || r.Replay {
		return s, nil
	}
	if s.backlog, s.to, err = f.take(ctx, r.Table, at, maria); err != nil {
		return nil, fmt.Errorf("begin reading %s: %w", r.Table, err)
	}
	return s, nil
}

// Portable says whether a position is one of transactions' ids, which a server of the same data knows as well. A file and a byte are
// those of one server, and most others have something else there.
func (t *table) Portable(ctx context.Context, at job.Position) (err error) {
	if !t.reader.Follows() {
		return nil
	}
	database, name, err := splitName(t.reader.dataset, t.primary.Database())
	if err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	text, ok := at[shown(binlog.TableName{Schema: database, Name: name})]
	if !ok {
		return nil
	}
	c, err := t.primary.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if p, err := binlog.ParsePosition(text, c.Server.Maria); err != nil || !p.ByID() {
		return fault.New(fault.Usage, "the position %s is a place in the log of the server it was made on, which no other knows", text).
			WithHint("read everything anew with --full; with GTIDs at the servers a position is the same for all of them")
	}
	return nil
}

// checkFeed asks whether the table can be followed, and whether the server is one of MariaDB, whose positions are written in
// another way.
func (t *table) checkFeed(ctx context.Context, name binlog.TableName) (maria bool, err error) {
	c, err := t.primary.Dial(ctx)
	if err != nil {
		return false, err
	}
	return c.Server.Maria, errors.Join(t.noCascades(ctx, c, name), c.Close())
}

// fixFirst opens the snapshot of a first read and finds its place in the log. The log is looked at before: a server that can't be
// followed is not read for hours first.
func (s *scan) fixFirst(ctx context.Context) (err error) {
	if err := binlog.Check(ctx, s.conn); err != nil {
		return err
	}
	if err := s.table.noCascades(ctx, s.conn, binlog.TableName{Schema: s.rel.database, Name: s.rel.name}); err != nil {
		return err
	}
	if s.id.Maria {
		s.started, err = s.openAtPlace(ctx)
		return err
	}
	if s.started, err = binlog.Now(ctx, s.conn); err != nil {
		return err
	}
	if !s.reader.log && s.started.ByID() {
		// What is among the ids had been committed before the snapshot opens. A few later changes may be in both: in a table
		// they come to the same.
		return s.openSnapshot(ctx)
	}
	return s.openLocked(ctx)
}

// openAtPlace opens a snapshot of MariaDB, which says itself at which place of the log it stands.
func (s *scan) openAtPlace(ctx context.Context) (p binlog.Position, err error) {
	if err := s.openSnapshot(ctx); err != nil {
		return p, err
	}
	rows, err := s.conn.Strings(ctx, "SHOW STATUS WHERE Variable_name IN ('binlog_snapshot_file', 'binlog_snapshot_position')")
	if err != nil {
		return p, fmt.Errorf("ask for the snapshot's place in the binary log: %w", err)
	}
	p.Maria = true
	for _, r := range rows {
		if strings.EqualFold(r[0].Value, "binlog_snapshot_file") {
			p.File = r[1].Value
		} else {
			p.Pos = uint64(number(r[1]))
		}
	}
	if p.File == "" {
		return p, fault.New(fault.Usage, "the server does not say at which place of its binary log a snapshot stands").
			WithHint("switch the binary log on: log_bin")
	}
	rows, err = s.conn.Strings(ctx, fmt.Sprintf("SELECT binlog_gtid_pos(%s, %d)", wire.Literal(p.File), p.Pos))
	if err != nil {
		return p, fmt.Errorf("ask for the snapshot's place in the binary log: %w", err)
	}
	p.Last, err = gtid.ParseLast(rows[0][0].Value)
	return p, err
}

// openLocked opens the snapshot while a second session keeps others from writing to the table, and asks for the log's end
// meanwhile: all changes of the table before it are in the snapshot, none after. That takes milliseconds, once nobody writes.
func (s *scan) openLocked(ctx context.Context) (err error) {
	guard, err := s.primary.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guard.Close()) }()
	for _, sql := range []string{"SET SESSION lock_wait_timeout = 30", "LOCK TABLES " + s.rel.quoted() + " READ"} {
		if err := guard.Exec(ctx, sql); err != nil {
			return fmt.Errorf("keep others from writing to %s for a moment: %w", s.rel.shown(), err)
		}
	}
	if err := s.openSnapshot(ctx); err != nil {
		return err
	}
	if s.started, err = binlog.Now(ctx, guard); err != nil {
		return err
	}
	return guard.Exec(ctx, "UNLOCK TABLES")
}

// startText is the position of rows of a first read in a log of changes: before all changes that follow.
func (s *scan) startText() string { return placeText(s.started.File, s.started.Pos) + "-" }

// feedScan is one table's share of what the feed has read.
type feedScan struct {
	*table
	read     job.Read
	dataset  string
	from, to binlog.Position
	backlog  *feed.Backlog // nil for a mere look
}

var (
	_ source.Portable     = (*table)(nil)
	_ source.Scan         = (*feedScan)(nil)
	_ source.Batched      = (*feedScan)(nil)
	_ source.Changing     = (*feedScan)(nil)
	_ source.Acknowledged = (*feedScan)(nil)
	_ source.Explained    = (*feedScan)(nil)
)

// Changes says that the rows are changes.
func (s *feedScan) Changes() bool { return !s.reader.log }

// idleLog is how many bytes of log a table without changes may fall behind before its position is moved all the same: the
// server throws its log away in time.
const idleLog = 16 << 20

// Splits is the table where it has changes, or where its position has fallen behind.
func (s *feedScan) Splits() []source.Split {
	near := s.to.File == s.from.File && s.to.Pos-s.from.Pos < idleLog
	if s.backlog != nil && s.backlog.Empty() && near {
		return nil
	}
	return []source.Split{{Name: s.dataset}}
}

// Explain says what is read.
func (s *feedScan) Explain() string { return "changes of " + s.dataset + " after " + s.from.String() }

// End is the position after the changes.
func (s *feedScan) End() job.Position {
	end := s.read.From.Clone()
	end[s.dataset] = s.to.String()
	return end
}

// Columns are those of the table. Without changes they are as they were.
func (s *feedScan) Columns(context.Context) ([]job.Column, error) {
	if s.backlog == nil {
		return s.read.Known, nil
	}
	cols := s.backlog.Columns(s.read.Known)
	if s.Changes() {
		return cols[:len(cols)-len(feed.Columns())], nil
	}
	return cols, nil
}

// Rows reads the changes.
func (s *feedScan) Rows(ctx context.Context) (source.Rows, error) {
	cols, err := s.Columns(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := s.backlog.Read(s.read.Known)
	if err != nil {
		return nil, fmt.Errorf("read changes of %s: %w", s.read.Table, err)
	}
	return &feedRows{Reader: reader, columns: cols, backlog: s.backlog}, nil
}

// feedRows are a table's changes.
type feedRows struct {
	*feed.Reader
	columns []job.Column
	backlog *feed.Backlog
}

func (r *feedRows) Columns() []job.Column { return r.columns }

func (r *feedRows) Rejects() []record.Reject { return r.backlog.Rejects() }

// Committed notes that the lake has the changes.
func (s *feedScan) Committed(context.Context) error {
	s.following.hub.Place(s.read.Table, s.to)
	return nil
}

// Committed notes where a first read ended.
func (s *scan) Committed(context.Context) error {
	if s.first {
		s.following.hub.Place(s.read.Table, s.started)
	}
	return nil
}

// Close lets go of the changes.
func (s *feedScan) Close() error {
	if s.backlog != nil {
		s.backlog.Close()
	}
	return nil
}
