package commit

import (
	"context"

	"weir/internal/fault"
)

// Resolve finds the ledger a version of a table stands for: the one its snapshot names, else the nearest ancestor's,
// because snapshots of other tools (a compaction) name none and change nothing a ledger holds. A rolled back table thus has
// the ledger of the snapshot it went back to.
func Resolve[V, P any](ctx context.Context, w World[V, P], head Head[V]) (Ledger, error) {
	return Protocol[V, P]{World: w}.resolve(ctx, head)
}

func (p Protocol[V, P]) resolve(ctx context.Context, head Head[V]) (Ledger, error) {
	if head.Version == "" {
		return Ledger{}, nil
	}
	if head.Current == nil {
		if head.Property == "" {
			return Ledger{}, nil
		}
		return Ledger{}, fault.New(fault.Data, "the table has no current snapshot, but a ledger: %s", head.Property).
			WithHint("set its main branch to a snapshot with the tool that took it away")
	}
	s, oldest := *head.Current, *head.Current
	for s.Ledger == "" && !p.faults.skipCarry {
		if s.Parent == 0 {
			return Ledger{}, nil // no ancestor is Weir's
		}
		parent, remembered, ok, err := head.Find(ctx, s.Parent)
		if err != nil {
			return Ledger{}, err
		}
		if !ok || (remembered && p.faults.skipHistory) {
			return p.byProperty(ctx, head.Property, oldest)
		}
		s = parent
		oldest = parent
	}
	if s.Ledger == "" {
		return Ledger{}, nil
	}
	return p.World.ReadLedger(ctx, s.Ledger)
}

// byProperty is the last resort, where ancestors have expired and earlier metadata is gone as well: the ledger of Weir's last
// commit, which the table's property names. Where that commit is younger than the oldest ancestor known, the table was rolled
// back behind it; then it is the last one of its history that is older.
func (p Protocol[V, P]) byProperty(ctx context.Context, location string, oldest Snapshot) (Ledger, error) {
	if location == "" {
		return Ledger{}, nil
	}
	l, err := p.World.ReadLedger(ctx, location)
	if err != nil || l.Sequence < oldest.Sequence || p.faults.skipHistory {
		return l, err
	}
	for i := len(l.Runs) - 1; i >= 0; i-- {
		if l.Runs[i].Sequence < oldest.Sequence {
			return p.World.ReadLedger(ctx, l.Runs[i].Ledger)
		}
	}
	return Ledger{}, nil
}
