package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// maxExpire bounds how often an expiry is planned anew after another writer was first.
const maxExpire = 12

// Expired is what an expiry did.
type Expired struct {
	Expiry
	Removed Removed // files that only the expired snapshots named
}

// Expire takes expired snapshots out of a table's metadata and then deletes the files that nothing names any more. It changes
// neither rows nor ledger. What a process that dies in between leaves are orphans.
func (l *Lake) Expire(ctx context.Context, name string, k Keep, places Places) (Expired, error) {
	if err := l.writable(); err != nil {
		return Expired{}, err
	}
	for n := 1; ; n++ {
		t, err := l.Table(ctx, name)
		if err != nil {
			return Expired{}, err
		}
		e := t.Expirable(k)
		if len(e.Snapshots) == 0 || !t.Collects() {
			return Expired{Expiry: Expiry{Stay: len(t.Snapshots()), Held: e.Held}}, nil
		}
		gone, err := t.freed(ctx, e.Snapshots)
		if err != nil {
			return Expired{}, fmt.Errorf("expire snapshots of %s: %w", name, err)
		}
		won, err := l.swapExpired(ctx, t, e.Snapshots)
		switch {
		case err != nil:
			return Expired{}, fmt.Errorf("expire snapshots of %s: %w", name, err)
		case won:
			out := Expired{Expiry: e}
			out.Removed, err = l.remove(ctx, places.own(t, gone))
			return out, err
		case n == maxExpire:
			return Expired{}, fault.New(fault.Conflict, "expire snapshots of %s: %d times another writer was first", name, n).
				WithHint("run again when fewer writers are at work on the table")
		}
		if err := (&world{}).Pause(ctx, n); err != nil {
			return Expired{}, err
		}
	}
}

// ExpiryPlan is what Expire would do now.
func (l *Lake) ExpiryPlan(ctx context.Context, name string, k Keep, places Places) (Expired, error) {
	t, err := l.Table(ctx, name)
	if err != nil {
		return Expired{}, err
	}
	out := Expired{Expiry: t.Expirable(k)}
	if !t.Collects() {
		out.Snapshots = nil
	}
	if len(out.Snapshots) == 0 {
		return out, nil
	}
	gone, err := t.freed(ctx, out.Snapshots)
	if err != nil {
		return out, fmt.Errorf("expire snapshots of %s: %w", name, err)
	}
	objects, err := l.store.List(ctx, t.key()+"/")
	if err != nil {
		return out, fmt.Errorf("expire snapshots of %s: %w", name, err)
	}
	sizes := make(map[string]int64, len(objects))
	for _, o := range objects {
		sizes[o.Key] = o.Size
	}
	for _, key := range places.own(t, gone) {
		if n, ok := sizes[key]; ok {
			out.Removed.Files, out.Removed.Bytes = out.Removed.Files+1, out.Removed.Bytes+n
		}
	}
	return out, nil
}

// Collects says whether snapshots and files of the table may go; gc.enabled=false forbids it.
func (t *Table) Collects() bool { return t.ice.Properties().GetBool("gc.enabled", true) }

// freed are the keys of files that snapshots name and no other does.
func (t *Table) freed(ctx context.Context, ids []int64) ([]string, error) {
	gone := make(map[int64]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	stay, err := t.reachOf(ctx, func(id int64) bool { return !gone[id] && t.has(id) })
	if err != nil {
		return nil, err
	}
	going, err := t.newReach(ctx)
	if err != nil {
		return nil, err
	}
	for m := range stay.manifests {
		going.manifests[m] = true // what it names stays
	}
	for _, s := range t.ice.Metadata().Snapshots() {
		if !gone[s.SnapshotID] {
			continue
		}
		// What is damaged goes as well; what it named and cannot tell any more are orphans.
		if err := going.snapshot(ctx, s, func(id int64) bool { return gone[id] }); err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	var keys []string
	for key := range going.keys {
		if !stay.keys[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// swapExpired makes the table's version one without these snapshots. False where another writer was first.
func (l *Lake) swapExpired(ctx context.Context, t *Table, ids []int64) (bool, error) {
	w := &world{lake: l, in: Intent{Table: t.name}, ident: t.ident}
	base := t.real.Metadata() // of all branches
	meta, err := table.UpdateTableMetadata(base, []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)}, t.ice.MetadataLocation())
	if err != nil {
		return false, err
	}
	p := &proposal{meta: meta, written: &recorder{}, last: t.ice.MetadataLocation(), stale: droppedMetadata(base, meta)}
	p.location = metadataLocation(meta.Location(), p.last)
	for n := 1; ; n++ {
		err := w.Swap(ctx, t, p)
		switch {
		case err == nil:
			w.removeOldMetadata(context.WithoutCancel(ctx), p)
			return true, nil
		case errors.Is(err, commit.ErrNotApplied) && n == 1:
			w.Forget(ctx, p)
			return false, err
		case errors.Is(err, commit.ErrLost) && n == 1:
			w.Forget(ctx, p)
			return false, nil
		}
		// No answer: what the table is now tells, unless it still is what it was.
		now, lerr := l.Table(context.WithoutCancel(ctx), t.name)
		switch {
		case lerr != nil:
			return false, errors.Join(err, lerr)
		case now.descendsFrom(p.location):
			return true, nil
		case now.ice.MetadataLocation() != p.last:
			return false, nil
		case n == maxSwaps || ctx.Err() != nil:
			return false, fault.New(fault.Unavailable, "it is not known whether it took place: %w", err).WithHint("run again")
		}
		if err := w.Pause(ctx, n); err != nil {
			return false, err
		}
	}
}

// maxSwaps is how often one swap without an answer is sent.
const maxSwaps = 3

// descendsFrom says whether a metadata file is the version's own or in its log.
func (t *Table) descendsFrom(location string) bool {
	if t.ice.MetadataLocation() == location {
		return true
	}
	for e := range t.ice.Metadata().PreviousFiles() {
		if e.MetadataFile == location {
			return true
		}
	}
	return false
}
