package build

import (
	"context"
	"errors"
	"strconv"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/lake"
	"weir/internal/source"
)

// limited settles what a limit, of this build or of the one before, makes of a build of a table that is read from a source. What a
// limited build left is no past worth keeping: the next build, limited or not, swaps it for what it reads.
func limited(t Task, st state) Task {
	switch {
	case t.Table.Kind == define.FromSQL:
		t.Limit = 0 // its inputs are limited, or are not
	case st.ledger.Limited > 0:
		t.Full, t.Destroy = true, true
	}
	return t
}

// limit makes a build with a limit one that swaps all rows, and refuses where rows would go that may not be there to be read again.
func (w *work) limit() error {
	if w.t.Limit == 0 {
		return nil
	}
	if accumulates(string(w.t.Table.Mode)) && !w.t.Destroy && !w.state.empty() {
		return fault.New(fault.Usage, "--limit is refused: with mode %s the table keeps a past that may not be there to be read again", w.t.Table.Mode).
			WithHint("add --destroy-history to drop the rows of %s, or build on a branch: --branch NAME", w.t.Table.Name)
	}
	w.t.Full, w.t.Destroy, w.out.Limited = true, true, w.t.Limit
	return nil
}

// nothingNew says whether a complete table has nothing to read, so that a limited build leaves it alone.
func (w *work) nothingNew(ctx context.Context, src source.Source) (nothing bool, err error) {
	if w.t.Limit == 0 || w.state.empty() || w.t.Full {
		return false, nil
	}
	scan, err := src.Begin(ctx, w.request())
	if err != nil {
		return false, err
	}
	nothing = len(scan.Splits()) == 0
	return nothing, errors.Join(err, scan.Close())
}

// cut is a read's query within the limit.
func (w *work) cut(sql string) string {
	if w.t.Limit == 0 {
		return sql
	}
	return "SELECT * FROM (" + sql + "\n) LIMIT " + strconv.FormatInt(w.t.Limit, 10)
}

// limitOf gives the limit that a build's rows come from: its own, or the smallest of its inputs that were built with one.
func (w *work) limitOf(ctx context.Context, inputs map[string]*lake.Table) (int64, error) {
	limit := w.t.Limit
	for _, t := range inputs {
		l, err := t.Ledger(ctx)
		if err != nil {
			return 0, err
		}
		if l.Limited > 0 && (limit == 0 || l.Limited < limit) {
			limit = l.Limited
		}
	}
	return limit, nil
}
