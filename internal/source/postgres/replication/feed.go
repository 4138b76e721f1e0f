// Package replication reads the change stream of a PostgreSQL server: a replication slot of pgoutput, by the streaming protocol or,
// for a backlog, as the result of a query. Changes come in the order of their commits, as batches of one table's rows.
package replication

import (
	"context"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/record"
)

// Options say what a feed reads.
type Options struct {
	Slot        string
	Publication string
	Tables      map[Table]Follow
	Convert     func(context.Context, Table, Column) (Conversion, error)
	Pool        *record.Pool
	Scratch     string // a folder for large transactions until they commit; "" leaves that to the server

	Hold        LSN           // others need what is after it, so it is not confirmed; 0: no one does
	Goal        LSN           // read all transactions that committed before, and end; 0: go on
	CatchUp     int64         // bytes of log before Goal from which on the backlog is read as a query; 0: never
	PeekChanges int           // changes the server may gather in files for such a query, 10 million by default; the rest is read as a stream
	Every       time.Duration // without Goal: how long rows may wait for a mark; 1 s by default
	Memory      int           // bytes of rows to gather, 64 MiB by default (promise 5)
	MaxChange   int           // bytes one change may have, 64 MiB by default
}

// Follow says what is wanted of one table.
type Follow struct {
	After  LSN      // the table's position: changes of transactions that committed before are in it
	Key    []string // key of the lake's table: an update that changes it is preceded by a before row; default: the replica identity
	Before bool     // all updates are preceded by a before row, where the table's identity tells it
}

func (o *Options) most() int {
	if o.MaxChange > 0 {
		return o.MaxChange
	}
	return 64 << 20
}

func (o *Options) memory() int {
	if o.Memory > 0 {
		return o.Memory
	}
	return 64 << 20
}

func (o *Options) peekChanges() int {
	if o.PeekChanges > 0 {
		return o.PeekChanges
	}
	return 10_000_000
}

func (o *Options) every() time.Duration {
	if o.Every > 0 {
		return o.Every
	}
	return time.Second
}

// streamed says whether large transactions are sent before they commit.
func (o *Options) streamed(version int) bool { return o.Scratch != "" && version >= 140000 }

// first is the position where reading begins: that of the table which is furthest behind.
func (o *Options) first() LSN {
	at := LSN(1<<64 - 1)
	for _, f := range o.Tables {
		at = min(at, f.After)
	}
	return at
}

// Event is what a feed gives: rows of a table, or a mark.
type Event struct {
	Relation *Relation         // of Batch and Rejects
	Columns  []job.Column      // of Batch
	Batch    arrow.RecordBatch // the relation's columns, then the columns of a change; to be released; nil where all were rejected
	Rejects  []record.Reject
	// Mark is set at the end of a transaction: all changes of transactions that committed before it have been given, and none of
	// later ones. It is the position to commit together with the rows (promise 1).
	Mark LSN
	Time time.Time // at a mark: of the last commit; zero where none was seen since the last mark
}

// origin gives messages of pgoutput in the order of commits.
type origin interface {
	next(ctx context.Context, deadline time.Time) (received, error)
	hurry() // the server is to say how far it is
	close(ctx context.Context)
}

// Feed reads a slot. Next and Close are for one goroutine; Committed may be called from any.
type Feed struct {
	o       *Options
	server  *postgres.Server
	version int
	from    origin

	relations map[uint32]*Relation
	types     map[uint32]TypeName
	rows      map[uint32]*rows // of followed tables; nil: not followed
	last      *rows            // of lastID: rows of one table often follow each other
	lastID    uint32

	tx     transaction
	seen   int64             // time of the last commit
	spills map[uint32]*spill // transactions under way, by id
	within *spill            // between stream start and stop
	replay *replay           // a spilled transaction that has committed
	until  LSN               // where that one's commit record ends

	msg     Message
	ready   []Event
	handled LSN       // all transactions that committed before have been gathered
	marked  LSN       // the last mark given
	due     time.Time // when the rows gathered want a mark; zero where there are none
	size    int       // bytes gathered in all
	over    bool
	peeked  bool // the slot stands where it stood: no stream has confirmed anything

	committed *position
}

// Next gives what comes next; io.EOF after the mark at the goal. Without a goal it goes on until the context is cancelled.
func (f *Feed) Next(ctx context.Context) (Event, error) {
	for {
		if len(f.ready) > 0 {
			e := f.ready[0]
			f.ready = slices.Delete(f.ready, 0, 1)
			return e, nil
		}
		if f.over {
			return Event{}, io.EOF
		}
		if err := f.step(ctx); err != nil {
			return Event{}, f.o.explain(ctx, err)
		}
	}
}

// step takes in one message.
func (f *Feed) step(ctx context.Context) error {
	if f.replay != nil {
		data, err := f.replay.next()
		if err == io.EOF {
			f.replay.spill.drop()
			f.replay = nil
			f.commit(f.until)
			return nil
		}
		if err != nil {
			return err
		}
		return f.take(ctx, data)
	}
	if f.from == nil {
		return f.open(ctx)
	}
	r, err := f.from.next(ctx, f.deadline())
	if err != nil {
		return err
	}
	switch r.kind {
	case message:
		return f.message(ctx, r.data)
	case progress:
		f.progress(r.at)
	case ended:
		f.from.close(ctx)
		f.from = nil
		f.reach(r.at)
	case quiet:
		f.quiet()
	}
	return nil
}

// patience is how long a server that is near the goal may be silent before it is asked how far it is.
const patience = 100 * time.Millisecond

// deadline is when something is to be done even if the server says nothing.
func (f *Feed) deadline() time.Time {
	if f.tx.open {
		return time.Time{}
	}
	return f.due
}

// quiet is called when the server has said nothing for a while.
func (f *Feed) quiet() {
	if f.o.Goal > 0 {
		f.from.hurry()
	} else {
		f.mark(f.handled)
	}
}

// progress notes that the server has come so far.
func (f *Feed) progress(at LSN) {
	if f.tx.open || f.within != nil || at <= f.handled {
		return
	}
	f.handled = at
	switch {
	case f.o.Goal > 0 && at >= f.o.Goal:
		f.reach(at)
	case f.o.Goal == 0 && f.due.IsZero():
		f.due = time.Now().Add(f.o.every())
	}
}

// reach ends a bounded read at its goal, and otherwise marks how far it is.
func (f *Feed) reach(at LSN) {
	f.mark(at)
	f.over = at >= f.o.Goal
}

// message takes a message from the server, which may belong to a transaction under way.
func (f *Feed) message(ctx context.Context, data []byte) error {
	if f.within == nil {
		return f.take(ctx, data)
	}
	xid, data, ok, err := inStream(data)
	if err != nil {
		return err
	}
	if !ok {
		return f.take(ctx, data)
	}
	return f.within.add(xid, data)
}

// take decodes a message and does what it says.
func (f *Feed) take(ctx context.Context, data []byte) error {
	m := &f.msg
	if err := Decode(data, m); err != nil {
		return err
	}
	switch m.Kind {
	case KindInsert, KindUpdate, KindDelete:
		return f.change(ctx, m)
	case KindBegin:
		f.begin(m)
	case KindCommit:
		f.commit(m.End)
	case KindRelation:
		f.define(m.Defined)
	case KindType:
		f.types[m.Named.OID] = m.Named
	case KindTruncate:
		return f.truncate(ctx, m)
	case KindStreamStart, KindStreamStop, KindStreamAbort, KindStreamCommit:
		return f.stream(m)
	}
	return nil
}

func (f *Feed) begin(m *Message) {
	if f.o.Goal > 0 && m.LSN >= f.o.Goal {
		f.reach(f.o.Goal)
		return
	}
	f.tx = transaction{open: true, xid: m.Xid, lsn: m.LSN, time: m.Time}
}

func (f *Feed) commit(end LSN) {
	f.tx.open = false
	f.handled, f.seen = end, f.tx.time
	switch {
	case f.o.Goal > 0 && end >= f.o.Goal:
		f.reach(end)
	case f.o.Goal == 0 && f.due.IsZero():
		f.due = time.Now().Add(f.o.every())
	case f.o.Goal == 0 && time.Now().After(f.due):
		f.mark(end)
	}
}

// stream keeps transactions that are sent while they are under way.
func (f *Feed) stream(m *Message) (err error) {
	s := f.spills[m.Xid]
	switch {
	case m.Kind == KindStreamStop:
		f.within = nil
	case m.Kind == KindStreamStart:
		if s == nil {
			if s, err = newSpill(f.o.Scratch); err != nil {
				return err
			}
			f.spills[m.Xid] = s
		}
		f.within = s
	case s == nil: // nothing of it was sent
	case m.Kind == KindStreamAbort && m.Sub != m.Xid:
		s.abort(m.Sub)
	case m.Kind == KindStreamAbort || f.o.Goal > 0 && m.LSN >= f.o.Goal:
		s.drop()
		delete(f.spills, m.Xid)
	default:
		delete(f.spills, m.Xid)
		f.until = m.End
		f.replay, err = s.rewind()
	}
	if m.Kind == KindStreamCommit && err == nil {
		f.begin(m)
		if s == nil && f.tx.open {
			f.commit(m.End)
		}
	}
	return err
}

// define takes over what a table looks like from here on.
func (f *Feed) define(r Relation) {
	for i := range r.Columns {
		r.Columns[i].Named = f.types[r.Columns[i].Type]
	}
	if known := f.relations[r.ID]; known != nil && known.Equal(&r) {
		return
	}
	f.forget(r.ID)
	f.relations[r.ID] = &r
}

// forget gives away the rows of a table that will look different.
func (f *Feed) forget(id uint32) {
	f.last, f.lastID = nil, 0
	if w := f.rows[id]; w != nil {
		f.flush(w)
		w.release()
	}
	delete(f.rows, id)
}

// table finds where the rows of a relation go; nil where it is not followed.
func (f *Feed) table(ctx context.Context, id uint32) (*rows, error) {
	if id == f.lastID && f.lastID != 0 {
		return f.last, nil
	}
	w, ok := f.rows[id]
	if !ok {
		r := f.relations[id]
		if r == nil {
			return nil, fault.New(fault.Internal, "a change of table %d, which the server has not defined", id)
		}
		if follow, wanted := f.o.Tables[r.Table()]; wanted {
			var err error
			if w, err = newRows(ctx, r, follow, f.o); err != nil {
				if ctx.Err() != nil {
					return nil, err
				}
				w = &rows{relation: r, after: follow.After, broken: &TableError{r.Table(), err}}
			}
		}
		f.rows[id] = w
	}
	f.last, f.lastID = w, id
	return w, nil
}

func (f *Feed) change(ctx context.Context, m *Message) error {
	w, err := f.table(ctx, m.Relation)
	if err != nil {
		return err
	}
	if w == nil || f.tx.lsn < w.after {
		f.tx.seq++
		if m.OldKind != imageNone && m.Kind == KindUpdate {
			f.tx.seq++
		}
		return nil
	}
	if w.broken != nil {
		return w.broken
	}
	size := w.size
	if err := w.change(&f.tx, m); err != nil {
		return err
	}
	f.size += w.size - size
	f.bound(w)
	return nil
}

func (f *Feed) truncate(ctx context.Context, m *Message) error {
	for ids := m.Relations; len(ids) >= 4; ids = ids[4:] {
		w, err := f.table(ctx, binary.BigEndian.Uint32(ids))
		if err != nil {
			return err
		}
		if w == nil || f.tx.lsn < w.after {
			f.tx.seq++
			continue
		}
		if w.broken != nil {
			return w.broken
		}
		size := w.size
		w.truncate(&f.tx)
		f.size += w.size - size
		f.bound(w)
	}
	return nil
}

// bound gives rows away where they are a batch, or too much of all tables together (promise 5).
func (f *Feed) bound(w *rows) {
	switch {
	case w.builder.Full() || w.size >= record.BatchBytes:
		f.flush(w)
	case f.size >= f.o.memory():
		for _, o := range f.rows {
			if o != nil && o.size > w.size {
				w = o
			}
		}
		f.flush(w)
	}
}

// flush makes what was gathered of a table ready.
func (f *Feed) flush(w *rows) {
	f.size -= w.size
	batch, rejects := w.take()
	if batch != nil || len(rejects) > 0 {
		f.ready = append(f.ready, Event{Relation: w.relation, Columns: w.columns, Batch: batch, Rejects: rejects})
	}
}

// mark gives away everything gathered, and how far that is.
func (f *Feed) mark(at LSN) {
	f.due = time.Time{}
	for _, id := range slices.Sorted(maps.Keys(f.rows)) {
		if w := f.rows[id]; w != nil {
			f.flush(w)
		}
	}
	f.handled = max(f.handled, at)
	if at <= f.marked {
		return
	}
	e := Event{Mark: at}
	if f.seen != 0 {
		e.Time = time.UnixMicro(f.seen).UTC()
	}
	f.seen, f.marked = 0, at
	f.ready = append(f.ready, e)
}
