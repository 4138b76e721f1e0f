package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/source"
	"weir/internal/source/postgres/replication"
)

// table is one table's source.
type table struct {
	*opened
	reader *Reader
}

var _ source.Source = (*table)(nil)

// Server is the cluster's system identifier and the database: a copy of the data under another name is the same server.
func (t *table) Server(ctx context.Context) (name string, err error) {
	c, err := t.server.Dial(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	id, err := postgres.Identify(ctx, c)
	if err == nil && id.System == "" {
		return "postgres " + t.server.Address(), nil
	}
	return id.String(), err
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
	schema, name, err := splitName(t.reader.dataset)
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
	server := t.server
	if t.reader.Follows() {
		server = t.primary // a replica has neither the slot nor its snapshots
	}
	if s.control, err = server.Dial(ctx); err != nil {
		return nil, err
	}
	if s.id, err = postgres.Identify(ctx, s.control); err != nil {
		return nil, err
	}
	if s.rel, err = look(ctx, server, s.control, schema, name); err != nil {
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

// scan is one bounded read.
type scan struct {
	*table
	read    job.Read
	id      postgres.Identity
	rel     *relation
	columns []column
	control *pgx.Conn // holds the snapshot while rows are read
	fixed   *snapshot // nil until the first Rows
	cursor  *cursor   // nil: everything is read
	first   bool      // a feed goes on from here
	started *replication.Created
	end     job.Position
}

var (
	_ source.Scan         = (*scan)(nil)
	_ source.Acknowledged = (*scan)(nil)
	_ source.Batched      = (*scan)(nil)
	_ source.Complete     = (*scan)(nil)
	_ source.Explained    = (*scan)(nil)
)

// choose settles the columns.
func (s *scan) choose() error {
	s.columns = columnsOf(s.rel, s.reader.columns, s.reader.Strict)
	if s.reader.Follows() {
		if err := s.leaveComputed(); err != nil {
			return err
		}
	}
	for i := range s.columns {
		s.columns[i].checkText(s.control)
	}
	if len(s.columns) == 0 {
		return fault.New(fault.Usage, "none of the declared columns is in %s", s.rel.shown())
	}
	if err := s.mayRead(); err != nil {
		return err
	}
	if s.reader.OnSchemaChange != "stop" || len(s.read.Known) == 0 {
		return nil
	}
	for _, c := range s.columns {
		if !known(s.read.Known, c.name) {
			return fault.New(fault.Data, "%s has a column %q that the table does not have", s.rel.shown(), c.name).
				WithHint("on_schema_change: add takes it in; or declare the columns to read with strict: true")
		}
	}
	return nil
}

// leaveComputed leaves out columns that the server computes: it does not send them with changes, so they would be null from the
// first change of their row on.
func (s *scan) leaveComputed() error {
	var out []column
	for _, c := range s.columns {
		a, ok := s.rel.attribute(c.name)
		if !ok || !a.computed {
			out = append(out, c)
			continue
		}
		if known(s.reader.columns, c.name) {
			return fault.New(fault.Usage, "column %q of %s is generated: the server does not send it with changes", c.name, s.rel.shown()).
				WithHint("take it out of columns, and compute it in a SQL table above")
		}
	}
	s.columns = out
	return nil
}

// mayRead refuses columns that the role has no right on: the server would name the table alone.
func (s *scan) mayRead() error {
	var denied []string
	for _, c := range s.columns {
		if a, ok := s.rel.attribute(c.name); ok && !a.allowed {
			denied = append(denied, strconv.Quote(c.name))
		}
	}
	switch {
	case len(denied) == 0:
		return nil
	case len(denied) == len(s.columns):
		return fault.New(fault.Usage, "the role may not read %s", s.rel.shown()).WithHint("GRANT SELECT ON %s TO the role of the connection", s.rel.quoted())
	}
	return fault.New(fault.Usage, "the role may not read %s of %s", strings.Join(denied[:min(len(denied), 8)], ", "), s.rel.shown()).
		WithHint("grant SELECT on it, or declare the columns to read, with strict: true")
}

func known(cols []job.Column, name string) bool {
	for _, c := range cols {
		if c.Name == name {
			return true
		}
	}
	return false
}

// Columns are those that are read, as the lake stores them.
func (s *scan) Columns(context.Context) ([]job.Column, error) {
	out := make([]job.Column, len(s.columns))
	for i, c := range s.columns {
		out[i] = c.job()
	}
	if s.reader.log {
		out = append(out, feed.Columns()...)
	}
	return out, nil
}

// Splits is the table itself, or nothing where the cursor has not moved.
func (s *scan) Splits() []source.Split {
	if s.rel == nil || s.cursor != nil && !s.cursor.more {
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
		return "all of " + s.rel.shown() + " by " + s.reader.cursor
	}
	return s.rel.shown() + " after " + s.reader.cursor + " " + s.cursor.from.Value
}

// End is the position after the rows that Rows fixed.
func (s *scan) End() job.Position { return s.end.Clone() }

// Close lets go of the snapshot.
func (s *scan) Close() error {
	if s.started != nil {
		_ = s.started.Close(context.Background()) // it was for this read only
		s.started = nil
	}
	if s.control == nil {
		return nil
	}
	c := s.control
	s.control = nil
	return c.Close(context.Background())
}
