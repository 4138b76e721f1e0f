// Package feed keeps the changes of one connection for the tables that follow it: they are read once, in the order of their
// commits, and lie on disk, table by table, until each table's build has committed its own. What the source may forget is the
// minimum over all tables (promise 1).
package feed

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// Columns of a change, beside those of its table. Position orders all changes of a connection as text.
const (
	ColumnOp       = "_op"        // VARCHAR: read, insert, update, delete, truncate; in a log also before
	ColumnTime     = "_commit_ts" // TIMESTAMP WITH TIME ZONE of the commit, by the server's clock
	ColumnPosition = "_position"  // VARCHAR
	// VARCHAR[]: columns whose value the change does not tell, although they are null here. Null where every value is told.
	ColumnAbsent = "_absent"
)

// What a change did. A before row is the row as it was under the key it had; an update of its key follows.
const (
	OpRead     = "read" // it was there when the table was first read
	OpInsert   = "insert"
	OpBefore   = "before"
	OpUpdate   = "update"
	OpDelete   = "delete"
	OpTruncate = "truncate" // all rows before are gone; every column is null
)

// Columns are those of a change.
func Columns() []job.Column {
	return []job.Column{{Name: ColumnOp, Type: "VARCHAR"}, {Name: ColumnTime, Type: "TIMESTAMP WITH TIME ZONE"},
		{Name: ColumnPosition, Type: "VARCHAR"}, {Name: ColumnAbsent, Type: "VARCHAR[]"}}
}

// Changes are rows of one table as they come out of a stream. Batch may be nil; it is released by who is given it.
type Changes struct {
	Table   string // of the lake
	Columns []job.Column
	Batch   arrow.RecordBatch
	Rejects []record.Reject
}

// Gather reads a stream from where each table stands and hands its changes to keep, which takes the batch over. It gives the
// position up to which all transactions were handed on.
type Gather[P any] func(ctx context.Context, from map[string]P, keep func(Changes) error) (to P, err error)

// Hub keeps changes for the tables of one connection. P is a position in the stream.
type Hub[P any] struct {
	less func(a, b P) bool
	dir  func() (string, error)

	mu     sync.Mutex
	tables map[string]*follower[P]
	pool   *record.Pool
	made   string // the folder, once there is one
	files  int
}

// follower is one table.
type follower[P any] struct {
	placed    bool // it has been read for the first time
	committed P    // in the lake
	spooled   P    // changes up to here have been read from the stream
	given     P    // up to here they were given to a build
	segments  []*segment
	ends      []P // position after each segment
}

// New makes a hub; dir makes a folder for changes when they come.
func New[P any](less func(a, b P) bool, dir func() (string, error)) *Hub[P] {
	return &Hub[P]{less: less, dir: dir, tables: map[string]*follower[P]{}, pool: record.NewPool()}
}

// Place says where a table stands in the lake. It may be told again at any time.
func (h *Hub[P]) Place(table string, at P) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place(table, at)
}

func (h *Hub[P]) place(table string, at P) *follower[P] {
	f := h.tables[table]
	if f == nil {
		f = &follower[P]{}
		h.tables[table] = f
	}
	if !f.placed || h.less(at, f.committed) {
		// Read for the first time, or rolled back: what lies here may not be all.
		f.drop(len(f.segments))
		f.committed, f.spooled, f.given = at, at, at
	}
	f.placed = true
	for i := len(f.ends) - 1; i >= 0; i-- {
		if !h.less(at, f.ends[i]) {
			f.drop(i + 1)
			break
		}
	}
	if f.committed = at; h.less(f.spooled, at) {
		f.spooled, f.given = at, at
	}
	return f
}

// Take gives the changes of a table after a position. Where a build has had all that lies here, more is gathered first, for
// all tables that have been placed.
func (h *Hub[P]) Take(ctx context.Context, table string, from P, gather Gather[P]) (*Backlog, P, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.place(table, from)
	if !h.less(f.given, f.spooled) {
		if err := h.gather(ctx, gather); err != nil {
			return nil, from, err
		}
	}
	f.given = f.spooled
	return &Backlog{segments: append([]*segment(nil), f.segments...), pool: h.pool}, f.spooled, nil
}

func (h *Hub[P]) gather(ctx context.Context, gather Gather[P]) (err error) {
	from := map[string]P{}
	for name, f := range h.tables {
		if f.placed {
			from[name] = f.spooled
		}
	}
	open := map[string]*segment{}
	var finished []*segment
	added := map[string][]*segment{}
	keep := func(c Changes) error {
		if c.Batch != nil {
			defer c.Batch.Release()
		}
		s := open[c.Table]
		if s == nil || !sameColumns(s.columns, c.Columns) {
			if s, err = h.segment(c); err != nil {
				return err
			}
			open[c.Table] = s
			added[c.Table] = append(added[c.Table], s)
			finished = append(finished, s)
		}
		return s.add(c)
	}
	to, err := gather(ctx, from, keep)
	for _, s := range finished {
		if ferr := s.finish(); err == nil {
			err = ferr
		}
	}
	if err != nil {
		for _, s := range finished {
			s.remove()
		}
		return err
	}
	for name := range from {
		f := h.tables[name]
		for _, s := range added[name] {
			f.segments, f.ends = append(f.segments, s), append(f.ends, to)
		}
		if h.less(f.spooled, to) {
			f.spooled = to
		}
	}
	return nil
}

func (h *Hub[P]) segment(c Changes) (*segment, error) {
	if h.made == "" {
		dir, err := h.dir()
		if err != nil {
			return nil, fault.New(fault.Unavailable, "make a folder for changes: %w", err)
		}
		h.made = dir
	}
	h.files++
	return newSegment(fmt.Sprintf("%s/%06d.arrow", h.made, h.files), c.Columns)
}

// Forgettable is the position before which no table needs the stream any more; false where none has been placed.
func (h *Hub[P]) Forgettable() (at P, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.tables {
		if !f.placed {
			continue
		}
		needs := f.committed
		if len(f.segments) == 0 && h.less(needs, f.spooled) {
			needs = f.spooled // the stream had nothing for it up to here
		}
		if !ok || h.less(needs, at) {
			at, ok = needs, true
		}
	}
	return at, ok
}

// Close removes what lies on disk.
func (h *Hub[P]) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pool.Close()
	h.tables = map[string]*follower[P]{}
	if h.made == "" {
		return nil
	}
	dir := h.made
	h.made = ""
	return os.RemoveAll(dir)
}

// drop forgets the first n segments.
func (f *follower[P]) drop(n int) {
	for _, s := range f.segments[:n] {
		s.remove()
	}
	f.segments, f.ends = f.segments[n:], f.ends[n:]
}
