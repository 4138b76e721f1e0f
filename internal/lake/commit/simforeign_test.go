package commit

import (
	"slices"
)

// What other tools do to the table. Each is one step of its own, at any moment.

// foreign makes a snapshot that names no ledger.
func (t *simTable) foreign(files []*simFile) {
	s := &simSnapshot{Snapshot: Snapshot{ID: t.nextID(), Parent: t.now.current.ID, Sequence: t.sequence + 1}, files: files}
	t.trace("another tool makes snapshot %d", s.ID)
	t.add(s)
}

// compact merges the files of every split.
func (t *simTable) compact() {
	var merged []*simFile
	for _, split := range append(simSplits, "foreign") {
		m := &simFile{split: split, foreign: split == "foreign", from: -1}
		for _, f := range t.now.current.files {
			if f.split != split {
				continue
			}
			if m.from < 0 {
				m.from, m.to = f.from, f.to
				continue
			}
			m.from, m.to = min(m.from, f.from), max(m.to, f.to)
		}
		if m.from >= 0 {
			merged = append(merged, m)
		}
	}
	t.foreign(merged)
}

// append adds rows no position speaks of.
func (t *simTable) append() {
	at := 0
	for _, f := range t.now.current.files {
		if f.foreign {
			at = max(at, f.to)
		}
	}
	t.foreign(append(slices.Clone(t.now.current.files), &simFile{split: "foreign", foreign: true, from: at, to: at + 1}))
}

// expire removes snapshots that are not current, and the files only they name.
func (t *simTable) expire(keep func() bool) {
	t.advance(func(v *simVersion) {
		v.snapshots = slices.DeleteFunc(v.snapshots, func(s *simSnapshot) bool { return s != v.current && s != v.branch && !keep() })
	})
	t.trace("expired, %d snapshots left", len(t.now.snapshots))
	used := map[*simFile]bool{}
	for _, s := range t.now.snapshots {
		for _, f := range s.files {
			used[f] = true
		}
	}
	for _, s := range t.history {
		for _, f := range s.files {
			if !used[f] {
				f.gone = true
			}
		}
	}
}

// rollback makes another snapshot the current one: an ancestor where earlier metadata is not kept, else any.
func (t *simTable) rollback(n int) {
	ok := t.now.snapshots
	if t.forgets {
		ok = nil
		for s := t.now.current; s != nil; s = t.history[s.Parent] {
			if slices.Contains(t.now.snapshots, s) {
				ok = append(ok, s)
			}
		}
	}
	t.rolled = true
	t.trace("rolled back from %d to %d", t.now.current.ID, ok[n%len(ok)].ID)
	t.advance(func(v *simVersion) { v.current = ok[n%len(ok)] })
}
