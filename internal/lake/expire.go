package lake

import (
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
)

// Keep says which snapshots stay when others expire.
type Keep struct {
	Age     time.Duration // a snapshot stays for so long after another one took its place
	AtLeast int           // so many of a branch stay, however old
	Readers []Reader
	Now     time.Time
}

// Reader is a table that reads this one, and the snapshot its position names. Every snapshot since then stays, because the
// reader needs what was changed between.
type Reader struct {
	Table    string
	Snapshot int64 // 0: it is not known how far it has read, so that everything stays
}

// Expiry are snapshots that can go.
type Expiry struct {
	Snapshots []int64        // oldest first
	Stay      int            // how many stay
	Held      map[string]int // snapshots that stay for a reader alone, by reader
}

// Expirable finds the snapshots that can go. The current one stays, so do those of branches and tags, those young enough or
// few enough, and those that a reader or the ledger of what stays needs.
func (t *Table) Expirable(k Keep) Expiry {
	e := expiring{byID: t.byID(), keep: map[int64]bool{}}
	all := t.Snapshots()
	onBranch := map[int64]bool{}
	for _, ref := range t.ice.Metadata().Refs() {
		e.keep[ref.SnapshotID] = true
		if ref.SnapshotRefType == table.BranchRef {
			e.branch(ref.SnapshotID, k, onBranch)
		}
	}
	if t.snap != nil {
		e.keep[t.snap.SnapshotID] = true
		e.branch(t.snap.SnapshotID, k, onBranch)
	}
	for _, s := range all {
		if !onBranch[s.ID] && k.Now.Sub(s.At) <= k.Age {
			e.keep[s.ID] = true // rolled back behind, not long ago
		}
	}
	out := Expiry{Held: map[string]int{}}
	for _, r := range k.Readers {
		if held := e.reader(t, r); held > 0 {
			out.Held[r.Table] = held
		}
	}
	e.carried()
	for _, s := range all {
		if !e.keep[s.ID] {
			out.Snapshots = append(out.Snapshots, s.ID)
		}
	}
	out.Stay = len(all) - len(out.Snapshots)
	return out
}

type expiring struct {
	byID map[int64]Snapshot
	keep map[int64]bool
}

// chain gives a snapshot and those it descends from, as far as they are known.
func (e expiring) chain(id int64) (out []Snapshot) {
	return slices.Collect(descent(e.byID, id))
}

// branch keeps what is young enough, counted from when the next snapshot took its place: then a table can be read as of every
// moment of that time.
func (e expiring) branch(head int64, k Keep, onBranch map[int64]bool) {
	chain := e.chain(head)
	for i, s := range chain {
		onBranch[s.ID] = true
		if i == 0 || i < k.AtLeast || k.Now.Sub(chain[i-1].At) <= k.Age {
			e.keep[s.ID] = true
		}
	}
}

// reader keeps what a reader has not seen yet, and the snapshot it has read last, or a younger one of the same rows. It gives
// how many snapshots stay for its sake.
func (e expiring) reader(t *Table, r Reader) (held int) {
	hold := func(s Snapshot) {
		if !e.keep[s.ID] {
			e.keep[s.ID] = true
			held++
		}
	}
	var chain []Snapshot
	if t.snap != nil {
		chain = e.chain(t.snap.SnapshotID)
	}
	at := slices.IndexFunc(chain, func(s Snapshot) bool { return s.ID == r.Snapshot || s.RowsSince == r.Snapshot && r.Snapshot != 0 })
	switch {
	case at >= 0:
		chain = chain[:at+1]
	case r.Snapshot != 0:
		chain = nil // it has expired already, or the table was rolled back behind it
		if s, ok := e.byID[r.Snapshot]; ok {
			hold(s)
		}
	}
	for _, s := range chain {
		hold(s)
	}
	return held
}

// carried keeps the ancestors that say what ledger and which rows a snapshot of another tool stands for.
func (e expiring) carried() {
	for _, s := range e.byID {
		if !e.keep[s.ID] {
			continue
		}
		for s.Ledger == "" || s.RowsSince == 0 && s.SameRows() {
			parent, ok := e.byID[s.Parent]
			if !ok || s.Ledger != "" && s.SchemaID != parent.SchemaID {
				break
			}
			e.keep[parent.ID], s = true, parent
		}
	}
}
