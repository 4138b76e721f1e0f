package replication

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// position is how far the consumer is. Any goroutine may raise it.
type position struct {
	at    atomic.Uint64
	moved chan struct{}
}

func (p *position) get() LSN { return LSN(p.at.Load()) }

func (p *position) raise(to LSN) {
	for {
		at := p.at.Load()
		if uint64(to) <= at {
			return
		}
		if p.at.CompareAndSwap(at, uint64(to)) {
			break
		}
	}
	select {
	case p.moved <- struct{}{}:
	default: // one is on its way
	}
}

// Open begins to read a slot from the positions of its tables. What would make it miss changes is an error that says so: no
// slot, one that another session reads or that the server gave up, a table that is not published, positions before what the
// slot still has.
func Open(ctx context.Context, server *postgres.Server, o Options) (*Feed, error) {
	if len(o.Tables) == 0 {
		return nil, fault.New(fault.Internal, "a feed without tables")
	}
	f := &Feed{o: &o, server: server, relations: map[uint32]*Relation{}, types: map[uint32]TypeName{}, rows: map[uint32]*rows{}, spills: map[uint32]*spill{},
		committed: &position{moved: make(chan struct{}, 1)}}
	err := f.check(ctx)
	if err == nil && !f.over {
		err = f.open(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read slot %s: %w", o.Slot, o.explain(ctx, err))
	}
	return f, nil
}

// check looks at the slot and the publication, and moves the slot to the tables' positions.
func (f *Feed) check(ctx context.Context) error {
	c, err := f.server.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	f.version = version(c)
	slot, ok, err := FindSlot(ctx, c, f.o.Slot)
	if err != nil {
		return err
	}
	if err := f.usable(c, &slot, ok); err != nil {
		return err
	}
	tables := make([]Table, 0, len(f.o.Tables))
	for t := range f.o.Tables {
		tables = append(tables, t)
	}
	slices.SortFunc(tables, func(a, b Table) int { return slices.Compare([]string{a.Schema, a.Name}, []string{b.Schema, b.Name}) })
	if err := checkPublished(ctx, c, f.o.Publication, tables); err != nil {
		return err
	}
	first := f.o.first()
	safe := first
	if f.o.Hold > 0 {
		safe = min(first, f.o.Hold)
	}
	f.committed.raise(safe)
	f.handled, f.marked = first, first
	f.over = f.o.Goal > 0 && first >= f.o.Goal
	return Advance(ctx, c, f.o.Slot, safe)
}

func (f *Feed) usable(c *pgx.Conn, slot *Slot, ok bool) error {
	switch {
	case !ok:
		return fault.New(fault.Data, "there is no such slot").WithHint("changes since the last read are lost with it: read its tables anew with --full")
	case slot.Plugin != "pgoutput":
		return fault.New(fault.Usage, "it is a slot for %q, not for pgoutput", slot.Plugin).WithHint("give the feed a slot of its own")
	case slot.Database != c.Config().Database:
		return fault.New(fault.Usage, "it belongs to database %s, the connection leads to %s", slot.Database, c.Config().Database)
	case slot.Lost():
		return slot.Gone()
	case slot.TwoPhase:
		return fault.New(fault.Usage, "it sends prepared transactions, which this reader does not follow").WithHint("make the slot without two_phase")
	case slot.Active():
		return fault.New(fault.Conflict, "session %d reads it", slot.PID).WithHint("one slot has one reader: another run, or one that has just ended, still holds it")
	}
	end := slot.Confirmed + LSN(max(slot.Behind, 0))
	for t, w := range f.o.Tables {
		if w.After > end {
			return fault.New(fault.Data, "%s was read to %s, the server's log ends at %s", t, w.After, end).
				WithHint("another copy of the server has taken over, or it was set back, without what had been read last: read its tables anew with --full")
		}
		if w.After < slot.Confirmed {
			return &TableError{t, fault.New(fault.Data, "%s has changes before %s, the slot tells only what came after %s", t, w.After, slot.Confirmed).
				WithHint("the table was rolled back, someone else has read the slot, or it was made anew: read the table anew with --full")}
		}
	}
	return nil
}

// open begins or goes on with reading: a large backlog as a query, the rest as a stream.
func (f *Feed) open(ctx context.Context) (err error) {
	if f.peeked = f.backlog(); !f.peeked {
		f.from, err = origins(startStream(ctx, f.server, f.o, f.handled, f.committed, f.version))
		return err
	}
	if err := f.letGo(ctx); err != nil {
		return err
	}
	f.from, err = origins(startPeek(ctx, f.server, f.o, f.o.Goal))
	return err
}

// backlog says whether what is left before the goal is to be read as a query. A query begins where the slot stands: what was
// read and is not committed yet would come again.
func (f *Feed) backlog() bool {
	return f.o.CatchUp > 0 && f.o.Goal > f.handled && int64(f.o.Goal-f.handled) >= f.o.CatchUp && f.committed.get() >= f.handled
}

// letGo moves the slot to what is committed, while no one reads it.
func (f *Feed) letGo(ctx context.Context) error {
	c, err := f.server.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	return Advance(ctx, c, f.o.Slot, f.committed.get())
}

// origins keeps a failed start from looking like an origin.
func origins[T origin](o T, err error) (origin, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Committed says that the lake has everything before an LSN: the slot may let go of it, never sooner (promise 1).
func (f *Feed) Committed(at LSN) { f.committed.raise(at) }

// Close ends reading, and tells the server what was committed, even if the context is cancelled.
func (f *Feed) Close(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*farewell)
	defer cancel()
	if f.from != nil {
		f.from.close(ctx)
	}
	if f.peeked { // no stream has told the server
		err = f.letGo(ctx)
	}
	for _, e := range f.ready {
		if e.Batch != nil {
			e.Batch.Release()
		}
	}
	for _, w := range f.rows {
		if w != nil {
			w.release()
		}
	}
	for _, s := range f.spills {
		s.drop()
	}
	if f.replay != nil {
		f.replay.spill.drop()
	}
	f.from, f.ready, f.rows, f.spills, f.replay = nil, nil, nil, nil, nil
	return f.o.explain(ctx, err)
}
