package commit

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/fault"
)

// Move points one of a table's branches to another of its snapshots: a rollback, or a branch that is taken over. The ledger
// moves with it, since a snapshot names its own. So the run of a commit that was undone may commit again, and it has to: what
// it read is not in the table any more.
type Move struct {
	Table string // for messages
	What  string // of the operation, for messages: roll back, publish
	// From is the snapshot a person saw, 0 for none, and To where the branch shall stand, 0 for where it is: then other branches
	// move alone.
	From, To int64
}

// Anywhere is a From that is not compared.
const Anywhere = -1

// MoveWorld is what a move acts on. V and P are as in World.
type MoveWorld[V, P any] interface {
	// Load reads the table as it is now.
	Load(ctx context.Context) (Head[V], error)
	// Point makes the version in which the branch stands at a snapshot.
	Point(ctx context.Context, base V, to int64) (P, error)
	// Swap is that of World.
	Swap(ctx context.Context, base V, p P) error
	// Swapped says whether a version came about by swapping p in, or descends from one that did.
	Swapped(ctx context.Context, now V, p P) (bool, error)
	Forget(ctx context.Context, p P)
	Pause(ctx context.Context, n int) error
}

// Point moves a branch, if it still stands where the move begins. Class conflict means that it does not: what a person was told
// of the move is not true any more.
func Point[V, P any](ctx context.Context, w MoveWorld[V, P], m Move) error {
	for attempt := 1; ; attempt++ {
		head, err := w.Load(ctx)
		if err != nil {
			return err
		}
		if at := currentID(head); at != m.From && m.From != Anywhere {
			return fault.New(fault.Conflict, "%s %s: another writer was first: its snapshot was %d and is %d", m.What, m.Table, m.From, at).
				WithHint("look at it again: weir show %s --history", m.Table)
		}
		p, err := w.Point(ctx, head.Value, m.To)
		if err != nil {
			return fmt.Errorf("%s %s: %w", m.What, m.Table, err)
		}
		won, err := swapMove(ctx, w, m, head, p)
		if won || err != nil {
			return err
		}
		if attempt == maxAttempts {
			return fault.New(fault.Conflict, "%s %s: %d times another writer was first", m.What, m.Table, attempt)
		}
		if err := w.Pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func currentID[V any](head Head[V]) int64 {
	if head.Current == nil {
		return 0
	}
	return head.Current.ID
}

// swapMove sends the swap until it is known how it ended.
func swapMove[V, P any](ctx context.Context, w MoveWorld[V, P], m Move, head Head[V], p P) (won bool, err error) {
	for n := 1; ; n++ {
		err := w.Swap(ctx, head.Value, p)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, ErrNotApplied) && n == 1:
			w.Forget(ctx, p)
			return false, fmt.Errorf("%s %s: %w", m.What, m.Table, err)
		case errors.Is(err, ErrLost) && n == 1:
			w.Forget(ctx, p)
			return false, nil
		}
		moved, done, lerr := lookMove(ctx, w, head, p)
		switch {
		case lerr != nil:
			return false, unknownMove(m, errors.Join(err, lerr))
		case done:
			return true, nil
		case moved:
			return false, nil // the version that was compared is gone for good
		case n == maxSwaps || ctx.Err() != nil:
			return false, unknownMove(m, err)
		}
		if err := w.Pause(ctx, n); err != nil {
			return false, unknownMove(m, err)
		}
	}
}

func lookMove[V, P any](ctx context.Context, w MoveWorld[V, P], head Head[V], p P) (moved, done bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	now, err := w.Load(ctx)
	if err != nil || now.Version == head.Version {
		return false, false, err
	}
	if now.Version == "" {
		return true, false, nil // dropped
	}
	done, err = w.Swapped(ctx, now.Value, p)
	return true, done, err
}

func unknownMove(m Move, err error) error {
	return fault.New(fault.Unavailable, "%s %s: %w: %w", m.What, m.Table, ErrUnknown, err).
		WithHint("weir show %s --history tells where it stands", m.Table)
}
