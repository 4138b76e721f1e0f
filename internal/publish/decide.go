package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/lake"
	"weir/internal/sink"
)

// bringing is what is to be brought: all rows, or changes.
type bringing struct {
	mode    sink.Mode
	full    bool
	changes lake.Changes
}

// decide says what the destination needs. It sets Skipped where it needs nothing.
func (w *work) decide(ctx context.Context) (b bringing, err error) {
	b.mode = w.mode()
	why, err := w.all()
	if err != nil {
		return b, err
	}
	if c := w.lost(); why == "" && c != "" {
		why = "column " + c + " is not there any more"
	}
	if why == "" && w.stored.Snapshot == w.at && !w.reshaped() && len(w.t.Again) == 0 {
		w.out.Skipped, w.out.Why = true, "unchanged since "+runOf(w.stored.Run)
		return b, nil
	}
	if why == "" {
		if c := w.chosenLately(ctx); c != "" {
			why = "column " + c + " was not published before"
		}
	}
	if why == "" {
		if b.changes, why, err = w.changes(ctx); err != nil {
			return b, err
		}
	}
	if why == "" && len(w.t.Again) > 0 {
		if b.mode != sink.Upsert {
			return b, fault.New(fault.Usage, "nothing was published: mode %s has no key by which refused rows could be sent again", b.mode).
				WithHint("weir publish %s --full brings all rows, those too", w.t.Table.Name)
		}
		if b.changes.Commits > 0 {
			return b, fault.New(fault.Conflict, "nothing was published: the table has changed since it was published").WithHint("weir publish %s first", w.t.Table.Name)
		}
		return b, nil
	}
	if why == "" && b.mode == sink.Replace {
		b.full = b.changes.Commits > 0
		return b, nil
	}
	if why == "" {
		return b, nil
	}
	b.full, w.out.Full, w.out.Why = true, true, why
	if b.mode == sink.Append && (w.found || w.t.Full) {
		if !w.t.Full {
			return b, fault.New(fault.Data, "nothing was published: what is new cannot be told: %s", why).
				WithHint("weir publish %s --full puts all rows in the place of those there; with a key, mode: upsert follows by itself", w.t.Table.Name)
		}
		b.mode = sink.Replace
	}
	return b, nil
}

// all says why all rows have to be brought, before any look at changes; "" where nothing says so.
func (w *work) all() (string, error) {
	switch {
	case w.t.Full:
		return "asked for", nil
	case !w.found:
		return "first load", nil
	case w.stored.Table != w.t.Table.Name:
		return "", fault.New(fault.Usage, "nothing was published: the destination holds table %s (run %s)", w.stored.Table, w.stored.Run).
			WithHint("give %s a destination of its own; weir publish %s --full takes this one over", w.t.Table.Name, w.t.Table.Name)
	case w.shape.Creates:
		return "it is not there any more", nil
	case !w.same():
		return w.t.Table.Name + " was made anew since", nil
	}
	return "", nil
}

// changes tells what changed since the stored position, or why that cannot be told.
func (w *work) changes(ctx context.Context) (c lake.Changes, why string, err error) {
	c, err = w.table.Changes(ctx, w.stored.Snapshot)
	if err == nil {
		return c, "", nil
	}
	if !errors.Is(err, lake.ErrUntold) {
		return c, "", fmt.Errorf("read changes: %w", err)
	}
	if w.stored.Number > w.snap.Number && !w.knows(w.stored.Snapshot) {
		// Someone published from a lake that was ahead of this one: what we have is older (promise 1).
		return c, "", fault.New(fault.Data, "nothing was published: the destination holds version %d of %s (snapshot %d, run %s), and this lake only has %d",
			w.stored.Number, w.t.Table.Name, w.stored.Snapshot, w.stored.Run, w.snap.Number).
			WithHint("is this an older copy of the lake? weir publish %s --full brings the destination back to what it holds", w.t.Table.Name)
	}
	return c, strings.TrimSuffix(err.Error(), ": "+lake.ErrUntold.Error()), nil
}

func (w *work) knows(snapshot int64) bool {
	for _, s := range w.table.Snapshots() {
		if s.ID == snapshot {
			return true
		}
	}
	return false
}

func runOf(id string) string {
	if id == "" {
		return "the last load"
	}
	number, _, _ := strings.Cut(strings.TrimLeft(id, "0"), "-")
	return "run " + number
}
