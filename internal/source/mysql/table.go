package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/source"
	"weir/internal/source/mysql/binlog"
	"weir/internal/source/mysql/value"
)

// table is one table's source.
type table struct {
	*opened
	reader *Reader
}

var _ source.Source = (*table)(nil)

// Server is the id that the server gave itself: the one that is read, or whose log is.
func (t *table) Server(ctx context.Context) (name string, err error) {
	c, err := t.reads().Dial(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	id, err := mysql.Identify(ctx, c)
	return id.String(), err
}

// reads is the server that the table is read on. A feed reads where the log is.
func (t *table) reads() *mysql.Server {
	if t.reader.Follows() {
		return t.primary
	}
	return t.server
}

func (t *table) Close() error { return nil }

// Begin looks at the table and, with a cursor, at how far it goes by now. It holds no snapshot yet.
func (t *table) Begin(ctx context.Context, r job.Read) (source.Scan, error) {
	if t.reader.Follows() {
		return t.beginFeed(ctx, r)
	}
	s, err := t.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (t *table) begin(ctx context.Context, r job.Read) (_ *scan, err error) {
	database, name, err := splitName(t.reader.dataset, t.server.Database())
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	s := &scan{table: t, read: r, end: r.From.Clone()}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("begin reading %s: %w", r.Table, err), s.Close())
		}
	}()
	if r.Replay {
		return s, nil
	}
	// A row that is a little larger than a value may be is still told apart from one that is much larger.
	s.at = t.reads()
	if s.conn, err = s.at.DialLimit(ctx, t.reader.maxValue()+1<<20); err != nil {
		return nil, err
	}
	if s.id, err = mysql.Identify(ctx, s.conn); err != nil {
		return nil, err
	}
	if s.rel, err = look(ctx, s.conn, database, name); err != nil {
		return nil, err
	}
	if err := s.choose(); err != nil {
		return nil, err
	}
	if t.reader.cursor != "" {
		if s.cursor, err = s.beginCursor(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scan is one bounded read. Its connection holds the snapshot and reads the rows: the server can't show one snapshot to
// several.
type scan struct {
	*table
	read    job.Read
	id      mysql.Identity
	rel     *relation
	columns []value.Column
	at      *mysql.Server // that conn leads to
	conn    *wire.Conn
	fixed   bool
	cursor  *cursor // nil: everything is read
	first   bool    // a feed goes on from here
	started binlog.Position
	end     job.Position
}

var (
	_ source.Scan         = (*scan)(nil)
	_ source.Batched      = (*scan)(nil)
	_ source.Acknowledged = (*scan)(nil)
	_ source.Complete     = (*scan)(nil)
	_ source.Explained    = (*scan)(nil)
)

// choose settles the columns.
func (s *scan) choose() (err error) {
	if s.columns, err = columnsOf(s.rel, s.reader.columns, s.reader.Strict, s.reader.zeroDates()); err != nil {
		return err
	}
	if len(s.columns) == 0 {
		return fault.New(fault.Usage, "none of the declared columns is in %s", s.rel.shown())
	}
	if s.reader.OnSchemaChange != "stop" || len(s.read.Known) == 0 {
		return nil
	}
	for _, c := range s.columns {
		if !known(s.read.Known, c.Name) {
			return fault.New(fault.Data, "%s has a column %q that the table does not have", s.rel.shown(), c.Name).
				WithHint("on_schema_change: add takes it in; or declare the columns to read with strict: true")
		}
	}
	return nil
}

func known(cols []job.Column, name string) bool {
	for _, c := range cols {
		if strings.EqualFold(c.Name, name) {
			return true
		}
	}
	return false
}

// Columns are those that are read, as the lake stores them.
func (s *scan) Columns(context.Context) ([]job.Column, error) {
	out := make([]job.Column, len(s.columns))
	for i := range s.columns {
		out[i] = s.columns[i].Lake()
	}
	if s.reader.log {
		out = append(out, feed.Columns()...)
	}
	return out, nil
}

// Splits is the table itself, or nothing where the cursor has not moved.
func (s *scan) Splits() []source.Split {
	if s.rel == nil || s.cursor != nil && !s.cursor.moved() {
		return nil
	}
	return []source.Split{{Name: s.rel.shown(), Bytes: s.rel.bytes}}
}

// Complete says whether the read covers the whole table.
func (s *scan) Complete() bool { return s.cursor == nil || s.cursor.from == nil }

// Explain says what is read.
func (s *scan) Explain() string {
	switch {
	case s.rel == nil:
		return ""
	case s.cursor == nil:
		return "all of " + s.rel.shown()
	case s.cursor.from == nil:
		return "all of " + s.rel.shown() + " up to " + s.reader.cursor + " " + s.cursor.seen.Value
	}
	return s.rel.shown() + " after " + s.reader.cursor + " " + s.cursor.from.Value
}

// End is the position after the rows that Rows fixed.
func (s *scan) End() job.Position { return s.end.Clone() }

// Close lets go of the snapshot.
func (s *scan) Close() error {
	if s.conn == nil {
		return nil
	}
	c := s.conn
	s.conn = nil
	return c.Close()
}
