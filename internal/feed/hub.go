// Package feed keeps the changes of one connection for the tables that follow it: they are read once, in the order of their
// commits, and lie on disk, table by table, until each table's build has committed its own. What the source may forget is the
// minimum over all tables (promise 1).
package feed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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

// RejectID is the id of a change that could not be taken: it holds its position, by which it stands among the others.
func RejectID(dataset, position string) string { return dataset + " " + position }

// Changes are rows of one table as they come out of a stream. Batch may be nil; it is released by who is given it.
type Changes struct {
	Table   string // of the lake
	Columns []job.Column
	Batch   arrow.RecordBatch
	Rejects []record.Reject
}

// Gather reads a stream from where each table stands and hands its changes to keep, which takes the batch over. It gives the
// position up to which all transactions were handed on. What comes after safe is needed by a table that is left out now, or read
// later: the source may not let go of it.
type Gather[P any] func(ctx context.Context, from map[string]P, safe P, keep func(Changes) error) (to P, err error)

// Unreadable is the error of tables whose changes can't be told. Those of others can: they are read without these.
type Unreadable struct {
	Tables []string // of the lake
	Err    error
}

func (u *Unreadable) Error() string { return u.Err.Error() }

func (u *Unreadable) Unwrap() error { return u.Err }

// Again is the error of a gathering that handed on a transaction which turned out to be undone: it leaves it out once it is done
// again.
type Again struct{ Err error }

func (a *Again) Error() string { return a.Err.Error() }

func (a *Again) Unwrap() error { return a.Err }

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

// follower is one table that has been read for the first time.
type follower[P any] struct {
	committed P // in the lake
	fresh     bool
	base, end P // what lies here: changes after base up to end; fresh until a build was given them
	segments  []*segment
}

// New makes a hub; dir makes a folder for changes when they come.
func New[P any](less func(a, b P) bool, dir func() (string, error)) *Hub[P] {
	return &Hub[P]{less: less, dir: dir, tables: map[string]*follower[P]{}, pool: record.NewPool()}
}

// Place says where a table stands in the lake. Tables that are not placed are not read.
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
	f.committed = at
	return f
}

// Take gives the changes of a table after its position in the lake. What lies here serves one build; for the next, and where the
// table's position is another, the stream is read on, for all tables that have been placed.
func (h *Hub[P]) Take(ctx context.Context, table string, from P, gather Gather[P]) (*Backlog, P, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.place(table, from)
	if !f.fresh || h.less(f.base, from) || h.less(from, f.base) {
		if err := h.gather(ctx, table, gather); err != nil {
			return nil, from, err
		}
	}
	f.fresh = false
	for _, s := range f.segments {
		s.refs.Add(1)
	}
	return &Backlog{segments: slices.Clone(f.segments), pool: h.pool}, f.end, nil
}

// gather reads the stream anew from where each table stands in the lake, never from what merely lies here: a stream may take a
// position for one that is safe. Other tables than the one asked for are left out where they can't be read: theirs is the error
// when they are asked for.
func (h *Hub[P]) gather(ctx context.Context, asked string, gather Gather[P]) error {
	from := map[string]P{}
	for name, f := range h.tables {
		from[name] = f.committed
	}
	var safe P
	first := true
	for _, f := range h.tables {
		if first || h.less(f.committed, safe) {
			safe, first = f.committed, false
		}
	}
	for {
		err := h.gatherOf(ctx, from, safe, gather)
		var again *Again
		if errors.As(err, &again) {
			continue
		}
		var without *Unreadable
		if err == nil || !errors.As(err, &without) || slices.Contains(without.Tables, asked) {
			return err
		}
		before := len(from)
		for _, name := range without.Tables {
			delete(from, name)
		}
		if len(from) == before {
			return err
		}
	}
}

func (h *Hub[P]) gatherOf(ctx context.Context, from map[string]P, safe P, gather Gather[P]) error {
	added := map[string][]*segment{}
	to, err := gather(ctx, from, safe, func(c Changes) error { return h.keep(added, c) })
	for _, list := range added {
		for _, s := range list {
			err = errors.Join(err, s.finish())
		}
	}
	if err != nil {
		for _, list := range added {
			forget(list)
		}
		return err
	}
	for name, f := range h.tables {
		forget(f.segments)
		if _, read := from[name]; !read {
			f.segments, f.fresh = nil, false
			continue
		}
		f.segments, f.base, f.end, f.fresh = added[name], from[name], to, true
		if h.less(f.end, f.base) {
			f.end = f.base
		}
	}
	return nil
}

// keep writes changes behind those of their table: into another file where the columns are others.
func (h *Hub[P]) keep(added map[string][]*segment, c Changes) error {
	if c.Batch != nil {
		defer c.Batch.Release()
	}
	list := added[c.Table]
	if len(list) == 0 || !sameColumns(list[len(list)-1].columns, c.Columns) {
		s, err := h.segment(c)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			if err := list[len(list)-1].finish(); err != nil {
				return err
			}
		}
		list = append(list, s)
		added[c.Table] = list
	}
	return list[len(list)-1].add(c)
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

// Forgettable is the position that every table has in the lake; false where none has been placed.
func (h *Hub[P]) Forgettable() (at P, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.tables {
		if !ok || h.less(f.committed, at) {
			at, ok = f.committed, true
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

// forget removes segments, those that are being read when that is over.
func forget(list []*segment) {
	for _, s := range list {
		s.release()
	}
}
