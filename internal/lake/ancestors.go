package lake

import "iter"

// Ancestors are a snapshot and those it descends from, newest first, as far as they have not expired.
func (t *Table) Ancestors(id int64) iter.Seq[Snapshot] { return descent(t.byID(), id) }

func (t *Table) byID() map[int64]Snapshot {
	out := map[int64]Snapshot{}
	for _, s := range t.Snapshots() {
		out[s.ID] = s
	}
	return out
}

func descent(byID map[int64]Snapshot, id int64) iter.Seq[Snapshot] {
	return func(yield func(Snapshot) bool) {
		for s, ok := byID[id]; ok && yield(s); {
			s, ok = byID[s.Parent]
		}
	}
}
