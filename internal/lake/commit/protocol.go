package commit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
)

// maxAttempts bounds how often a commit plans anew after it lost, maxSwaps how often one swap without an answer is sent.
const (
	maxAttempts = 12
	maxSwaps    = 3
)

// patience is how long a canceled commit may take to learn whether its swap took place.
const patience = 20 * time.Second

// Protocol commits to one table.
type Protocol[V, P any] struct {
	World  World[V, P]
	faults faults
}

// faults are wrong turns that tests switch on, to see that the simulation finds them.
type faults struct {
	skipRun     bool // does not look for its own run id
	skipBase    bool // does not compare the base position
	skipCarry   bool // reads the ledger of the current snapshot only
	skipResolve bool // takes a swap without an answer for lost
	skipHistory bool // trusts the table's property where snapshots expired
	skipFrom    bool // moves a branch wherever it stands
}

// Run commits. It tries again while others are first, and gives class conflict once its base is no longer the table's.
func (p Protocol[V, P]) Run(ctx context.Context, in Intent) (Result, error) {
	proposed := map[int64]bool{} // snapshots of this call
	for attempt := 1; ; attempt++ {
		r, again, err := p.try(ctx, in, proposed)
		r.Attempts = attempt
		if err != nil || !again {
			return r, err
		}
		if attempt == maxAttempts {
			return r, fault.New(fault.Conflict, "commit to %s: %d times another writer was first", in.Table, attempt).
				WithHint("run again when fewer writers are at work on the table")
		}
		if err := p.World.Pause(ctx, attempt); err != nil {
			return r, err
		}
	}
}

// try makes one attempt on a fresh version of the table; again is true where it lost.
func (p Protocol[V, P]) try(ctx context.Context, in Intent, made map[int64]bool) (r Result, again bool, err error) {
	head, err := p.World.Load(ctx)
	if err != nil {
		return r, false, err
	}
	ledger, err := p.resolve(ctx, head)
	if err != nil {
		return r, false, err
	}
	// Promise 4: whatever happened to an earlier attempt, a run that is in the ledger is done. It may have been this call's
	// own attempt, whose answer got lost.
	if mark, ok := ledger.Run(in.RunID); ok && !p.faults.skipRun {
		return Result{Snapshot: mark.Snapshot, Already: !made[mark.Snapshot]}, false, nil
	}
	if err := p.fits(head, ledger, in); err != nil {
		return r, false, err
	}
	proposed, value, err := p.World.Stage(ctx, head.Value)
	if errors.Is(err, ErrStale) {
		return r, true, nil
	}
	if err != nil {
		return r, false, err
	}
	// The snapshot names the ledger, so it must be there before the snapshot can be seen (promise 1).
	if err := p.World.WriteLedger(ctx, proposed.Ledger, ledger.next(in, proposed)); err != nil {
		p.World.Forget(ctx, value)
		return r, false, err
	}
	made[proposed.Snapshot] = true
	won, err := p.swap(ctx, in, head, proposed, value)
	return Result{Snapshot: proposed.Snapshot}, !won && err == nil, err
}

// swap sends the swap until it is known how it ended.
func (p Protocol[V, P]) swap(ctx context.Context, in Intent, head Head[V], proposed Proposed, value P) (won bool, err error) {
	for n := 1; ; n++ {
		err := p.World.Swap(ctx, head.Value, value)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, ErrNotApplied) && n == 1:
			p.World.Forget(ctx, value)
			return false, fmt.Errorf("commit to %s: %w", in.Table, err)
		case errors.Is(err, ErrLost) && n == 1:
			p.World.Forget(ctx, value)
			return false, nil
		case p.faults.skipResolve:
			p.World.Forget(ctx, value)
			return false, nil
		}
		moved, committed, lerr := p.look(ctx, in, head, proposed)
		switch {
		case lerr != nil:
			return false, unknown(in, errors.Join(err, lerr))
		case committed:
			return true, nil
		case moved:
			// The version that was compared is gone for good, so the swap can not happen later either.
			return false, nil
		case n == maxSwaps || ctx.Err() != nil:
			return false, unknown(in, err)
		}
		// Not there yet, but it may still be under way. Sending the same swap again is safe, planning another is not.
		if err := p.World.Pause(ctx, n); err != nil {
			return false, unknown(in, err)
		}
	}
}

// look finds out how a swap without an answer ended. It does so for a canceled commit too.
func (p Protocol[V, P]) look(ctx context.Context, in Intent, head Head[V], proposed Proposed) (moved, committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	now, err := p.World.Load(ctx)
	if err != nil {
		return false, false, err
	}
	if now.Version == head.Version {
		return false, false, nil
	}
	if now.Version == "" {
		return true, false, nil // dropped
	}
	// Found even where the table was rolled back behind it since: then it did commit.
	if _, _, ok, err := now.Find(ctx, proposed.Snapshot); err != nil || ok {
		return true, ok, err
	}
	return true, false, nil
}

func unknown(in Intent, err error) error {
	return fault.New(fault.Unavailable, "commit to %s by run %s: %w: %w", in.Table, in.RunID, ErrUnknown, err).
		WithHint("run again: a run that has committed is not committed twice")
}

// fits checks that the table still is what the build started from (promises 1 and 7).
func (p Protocol[V, P]) fits(head Head[V], l Ledger, in Intent) error {
	if err := sameSchema(head, in); err != nil {
		return err
	}
	if !in.Whole && len(in.Next) > 0 && l.Server != "" && in.Server != "" && l.Server != in.Server {
		return fault.New(fault.Data, "commit to %s: its position belongs to %s, the rows come from %s", in.Table, l.Server, in.Server).
			WithHint("same data in a new place: weir position accept-server %s", in.Table)
	}
	if p.faults.skipBase {
		return nil
	}
	if in.Whole {
		return sameWhole(l.Position, in)
	}
	for split := range in.Next {
		if err := sameSplit(l.Position, in, split); err != nil {
			return err
		}
	}
	for split := range in.Base {
		if err := sameSplit(l.Position, in, split); err != nil {
			return err
		}
	}
	return nil
}

func sameSchema[V any](head Head[V], in Intent) error {
	switch {
	case head.Version == "" && in.SchemaID < 0:
		return nil
	case head.Version == "":
		return fault.New(fault.Conflict, "commit to %s: the table was dropped meanwhile", in.Table)
	case in.SchemaID < 0:
		return fault.New(fault.Conflict, "commit to %s: schema moved: the table was made meanwhile", in.Table)
	case head.SchemaID != in.SchemaID || head.LastColumnID != in.LastColumnID:
		return fault.New(fault.Conflict, "commit to %s: schema moved: staged against schema %d with last column id %d, the table has %d with %d",
			in.Table, in.SchemaID, in.LastColumnID, head.SchemaID, head.LastColumnID)
	}
	return nil
}

func sameWhole(is job.Position, in Intent) error {
	for split := range is {
		if err := sameSplit(is, in, split); err != nil {
			return err
		}
	}
	for split := range in.Base {
		if err := sameSplit(is, in, split); err != nil {
			return err
		}
	}
	return nil
}

func sameSplit(is job.Position, in Intent, split string) error {
	if is[split] == in.Base[split] {
		return nil
	}
	return fault.New(fault.Conflict, "commit to %s: position of %q moved: the build started from %s, the table is at %s",
		in.Table, split, shown(in.Base[split]), shown(is[split])).
		WithHint("another run read the same data; run again to read on from where it ended")
}

func shown(value string) string {
	if value == "" {
		return "the beginning"
	}
	if strings.HasPrefix(value, "{") {
		return value // JSON has enough quotes of its own
	}
	return fmt.Sprintf("%q", value)
}
