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

// Mover moves the branches of one table.
type Mover[V, P any] struct {
	World  MoveWorld[V, P]
	faults faults
}

// Run moves a branch, if it still stands where the move begins. Class conflict means that it does not: what a person was told
// of the move is not true any more.
func (p Mover[V, P]) Run(ctx context.Context, m Move) error {
	w := p.World
	for attempt := 1; ; attempt++ {
		head, err := w.Load(ctx)
		if err != nil {
			return err
		}
		if at := currentID(head); at != m.From && m.From != Anywhere && !p.faults.skipFrom {
			return fault.New(fault.Conflict, "%s %s: another writer was first: its snapshot was %d and is %d", m.What, m.Table, m.From, at).
				WithHint("look at it again: weir show %s --history", m.Table)
		}
		next, err := w.Point(ctx, head.Value, m.To)
		if err != nil {
			return fmt.Errorf("%s %s: %w", m.What, m.Table, err)
		}
		won, err := p.swap(ctx, m, head, next)
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

// swap sends the swap until it is known how it ended.
func (p Mover[V, P]) swap(ctx context.Context, m Move, head Head[V], next P) (won bool, err error) {
	w := p.World
	for n := 1; ; n++ {
		err := w.Swap(ctx, head.Value, next)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, ErrNotApplied) && n == 1:
			w.Forget(ctx, next)
			return false, fmt.Errorf("%s %s: %w", m.What, m.Table, err)
		case errors.Is(err, ErrLost) && n == 1:
			w.Forget(ctx, next)
			return false, nil
		case p.faults.skipResolve:
			return false, nil
		}
		moved, done, lerr := p.look(ctx, head, next)
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

// look finds out how a swap without an answer ended.
func (p Mover[V, P]) look(ctx context.Context, head Head[V], next P) (moved, done bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	now, err := p.World.Load(ctx)
	if err != nil || now.Version == head.Version {
		return false, false, err
	}
	if now.Version == "" {
		return true, false, nil // dropped
	}
	done, err = p.World.Swapped(ctx, now.Value, next)
	return true, done, err
}

func unknownMove(m Move, err error) error {
	return fault.New(fault.Unavailable, "%s %s: %w: %w", m.What, m.Table, ErrUnknown, err).
		WithHint("weir show %s --history tells where it stands", m.Table)
}
