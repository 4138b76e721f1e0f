package build

import (
	"context"
	"errors"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// reading is a fixed, bounded read: what is read and where the table stands after it.
type reading struct {
	rel       source.Relation
	params    job.Params
	base      job.Position // value of each split the read started from
	next      job.Position
	whole     bool // the position is swapped as a whole
	full      bool // everything there is was read, so a key that is not in it is gone
	server    string
	splits    []string // that are read
	replace   []string // splits whose earlier rows this read replaces
	closes    []string // rejects this read settles, as closings gives them
	part      *part    // what of the table its rows replace, whatever the mode; nil: as the mode says
	inside    string   // condition that every row brought must meet; "" for none
	within    string   // with mode upsert, condition on stored rows t that this read would have brought if their source still had them; "" for none
	beside    bool     // its rows come beside those there are, whatever the mode: a replay
	present   Present  // of a replay: what becomes of rows whose key the table has
	notes     []string // of a replay: locations of what it notes on rejects
	settles   bool     // though beside, the definition is from here on the one the table was built from
	careful   func(ctx context.Context, cause error) (source.Relation, error)
	steady    func(ctx context.Context) error // whether what was read is still what the position says; nil: it cannot change
	committed func(ctx context.Context) error // tells the source that the lake has what was read; nil: it need not know
	ends      []func(ctx context.Context) error
}

func (r *reading) close(ctx context.Context) error {
	var errs []error
	for i := len(r.ends) - 1; i >= 0; i-- {
		errs = append(errs, r.ends[i](ctx))
	}
	r.ends = nil
	return errors.Join(errs...)
}

// beginSource asks the source for what is new. It gives nil where nothing is.
func (w *work) beginSource(ctx context.Context) (*reading, error) {
	src, err := w.b.Source(ctx, w.t.Table)
	if err != nil {
		return nil, err
	}
	r := &reading{ends: []func(context.Context) error{func(context.Context) error { return src.Close() }}}
	if err := w.scan(ctx, src, r); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	if r.rel.SQL == "" {
		w.out.Why = "nothing new in " + r.server
		return nil, r.close(ctx)
	}
	return r, nil
}

func (w *work) scan(ctx context.Context, src source.Source, r *reading) (err error) {
	if r.server, err = src.Server(ctx); err != nil {
		return err
	}
	if err := w.sameServer(r.server); err != nil {
		return err
	}
	if nothing, err := w.nothingNew(ctx, src); err != nil || nothing {
		return err
	}
	if err := w.limit(); err != nil {
		return err
	}
	scan, err := src.Begin(ctx, w.request())
	if err != nil {
		return err
	}
	r.ends = append(r.ends, func(context.Context) error { return scan.Close() })
	if a, ok := scan.(source.Acknowledged); ok {
		r.committed = a.Committed
	}
	splits := scan.Splits()
	r.full = w.t.Full || w.t.Table.ReadsWhole() || complete(scan)
	r.whole = r.full
	if len(splits) == 0 && w.state.table != nil && (!r.whole || scan.End().Equal(w.state.ledger.Position)) {
		return nil
	}
	for _, s := range splits {
		w.out.BytesRead += s.Bytes
		r.splits = append(r.splits, s.Name)
		if s.Replaces {
			r.replace = append(r.replace, s.Name)
		}
	}
	if err := w.relate(ctx, scan, r); err != nil {
		return err
	}
	// Now that the source has looked at what it reads it knows the end without another look.
	r.base, r.next = w.state.ledger.Position, scan.End()
	if w.t.Limit > 0 {
		r.next = job.Position{} // nothing counts as read
	}
	if !r.whole {
		r.base, r.next = moved(w.state.ledger.Position, r.next)
	}
	return nil
}

// complete says whether a scan covers all there is, though it was not asked to.
func complete(scan source.Scan) bool {
	c, ok := scan.(source.Complete)
	return ok && c.Complete()
}

// moved keeps the splits whose value changes: only they are compared and set at the commit, so that two runs over different
// files do not meet.
func moved(from, to job.Position) (base, next job.Position) {
	base, next = job.Position{}, job.Position{}
	for split, value := range to {
		if was := from[split]; was != value {
			base[split], next[split] = was, value
		}
	}
	return base, next
}

func (w *work) request() job.Read {
	r := job.Read{Table: w.t.Table.Name, Dataset: w.t.Table.Dataset, Full: w.t.Full, Known: w.knownColumns(), Time: w.t.Time}
	if !w.t.Full {
		r.From = w.state.ledger.Position
	}
	if w.t.Table.ReadsWhole() {
		r.Whole = true
		if w.change.Way == FullBuild {
			r.Full = true
		}
	}
	if w.t.Full && w.swaps() {
		r.Known = nil // everything is swapped, the columns too
	}
	return r
}

func (w *work) relate(ctx context.Context, scan source.Scan, r *reading) (err error) {
	if rows, ok := scan.(source.Batched); ok {
		return w.relateRows(ctx, rows, r)
	}
	able, ok := scan.(source.Scannable)
	if !ok {
		return fault.New(fault.Internal, "the source gives neither a relation nor batches")
	}
	r.careful = func(ctx context.Context, cause error) (source.Relation, error) { return able.Careful(ctx, w.s, cause) }
	if r.rel, err = able.Relation(ctx, w.s); err != nil {
		if fault.ClassOf(err) != fault.Data {
			return err
		}
		// The columns could not even be found: the slow way may still read what is good.
		if r.rel, err = able.Careful(ctx, w.s, err); err != nil {
			return err
		}
	}
	w.keepClose(r, r.rel)
	if s, ok := scan.(source.Steady); ok {
		r.steady = s.Unchanged
	}
	return nil
}

func (w *work) keepClose(r *reading, rel source.Relation) {
	if rel.Close != nil {
		r.ends = append(r.ends, rel.Close)
	}
}

// closeRelation ends the relation before another of the same scan is made: rows that come in batches come once.
func (r *reading) closeRelation(ctx context.Context) error {
	if r.rel.Close == nil {
		return nil
	}
	return r.rel.Close(ctx)
}

// sameServer stops a read whose position was made on another server (promise 7).
func (w *work) sameServer(server string) error {
	was := w.state.ledger.Server
	if was == "" || was == server || w.asked {
		return nil
	}
	return fault.New(fault.Data, "server changed: the position was made on %s, the connection now leads to %s; nothing read", was, server).
		WithHint("same data in a new place: weir position accept-server %s; other data: weir run %s --full", w.t.Table.Name, w.t.Table.Name)
}
