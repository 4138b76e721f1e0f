package lake

import (
	"context"
	"slices"

	"weir/internal/fault"
)

// Rollback makes an earlier snapshot of a table the current one again, with its schema, its partitioning and its ledger: the
// position moves back with the rows (promise 1). from is the snapshot that is current, as the caller saw it; class conflict
// where it is not any more. Snapshots that are undone stay until they expire, and one of them may be rolled forward to.
func (l *Lake) Rollback(ctx context.Context, name string, from, to int64) error {
	m, err := l.mover(name)
	if err != nil {
		return err
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(t.History(), func(e Entry) bool { return e.ID == to && e.State == OnBranch }); i >= 0 {
		return fault.New(fault.Usage, "roll back %s: snapshot %d is on branch %s only", name, to, t.History()[i].Branch).
			WithHint("weir branch publish %s takes the branch over", t.History()[i].Branch)
	}
	return m.move(ctx, "roll back", from, to)
}

// State says how a snapshot stands to what readers see.
type State string

// States of a snapshot.
const (
	Current    State = "current"
	Earlier    State = "earlier"     // the current one descends from it
	RolledBack State = "rolled back" // it was current once, or would have been
	OnBranch   State = "branch"      // only another branch leads to it
)

// Entry is one snapshot in a table's history.
type Entry struct {
	Snapshot
	State  State
	Branch string // the branch, of a snapshot on one alone
}

// History is every snapshot the table still knows, oldest first, with what became of it.
func (t *Table) History() []Entry {
	state := map[int64]State{}
	for i, s := range t.Lineage() {
		state[s.ID] = Earlier
		if i == 0 {
			state[s.ID] = Current
		}
	}
	on := map[int64]string{}
	for _, b := range t.Branches() {
		for s := t.ice.SnapshotByID(b.Snapshot); s != nil && state[s.SnapshotID] == ""; {
			on[s.SnapshotID] = b.Name
			if s.ParentSnapshotID == nil {
				break
			}
			s = t.ice.SnapshotByID(*s.ParentSnapshotID)
		}
	}
	var out []Entry
	for _, s := range t.Snapshots() {
		e := Entry{Snapshot: s, State: state[s.ID]}
		if e.State == "" {
			e.State = RolledBack
			if b := on[s.ID]; b != "" {
				e.State, e.Branch = OnBranch, b
			}
		}
		out = append(out, e)
	}
	return out
}
