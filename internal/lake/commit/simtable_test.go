package commit

import (
	"fmt"
	"slices"
	"strconv"
)

// simFile is a data file: rows [from, to) of a split. Foreign files hold rows no position speaks of.
type simFile struct {
	split    string
	from, to int
	foreign  bool
	bad      bool // rows that a rule turned down
	gone     bool // deleted from disk
}

// simSnapshot is one snapshot with all it names.
type simSnapshot struct {
	Snapshot
	run    string // "" for a foreign one
	branch bool   // committed to the branch
	files  []*simFile
}

func (s *simSnapshot) rows() (n int64) {
	for _, f := range s.files {
		n += int64(f.to - f.from)
	}
	return n
}

// simVersion is one version of the table's metadata; it never changes.
type simVersion struct {
	number    int // 0: the table does not exist
	schema    int
	current   *simSnapshot
	snapshots []*simSnapshot
	property  string
	branch    *simSnapshot // where the one branch beside main stands; nil: there is none
}

// on is the snapshot a build on main, or on the branch, starts from.
func (v *simVersion) on(branch bool) *simSnapshot {
	if branch && v.branch != nil {
		return v.branch
	}
	return v.current
}

// simTable is the catalog's row, the blob store and the truth that the invariants are checked against.
type simTable struct {
	now      *simVersion
	sequence int64
	ids      int64
	history  map[int64]*simSnapshot // every snapshot there ever was
	ledgers  map[string]Ledger
	forgets  bool // earlier metadata is not kept
	rolled   bool // rolled back since Weir's last commit
	broken   error
	commits  int
	moves    int
	tell     func(format string, args ...any) // traces one schedule, nil for silence
}

func (t *simTable) trace(format string, args ...any) {
	if t.tell != nil {
		t.tell(format, args...)
	}
}

func newSimTable() *simTable {
	return &simTable{now: &simVersion{}, history: map[int64]*simSnapshot{}, ledgers: map[string]Ledger{}}
}

func (t *simTable) fail(format string, args ...any) {
	if t.broken == nil {
		t.broken = fmt.Errorf(format, args...)
	}
}

// advance makes a new version out of the one that is current.
func (t *simTable) advance(change func(v *simVersion)) {
	v := *t.now
	v.number++
	v.snapshots = slices.Clone(v.snapshots)
	change(&v)
	t.now = &v
}

// add gives a snapshot its place in the table.
func (t *simTable) add(s *simSnapshot) {
	t.history[s.ID] = s
	t.sequence = max(t.sequence, s.Sequence)
	t.advance(func(v *simVersion) {
		if v.snapshots = append(v.snapshots, s); s.branch {
			v.branch = s
		} else {
			v.current = s
		}
	})
}

func (t *simTable) nextID() int64 { t.ids++; return t.ids }

// apply is the catalog's compare and set. It is where promises 2, 3 and 4 are checked.
func (t *simTable) apply(base *simVersion, p *simProposal) bool {
	if p.to == nil {
		t.trace("run %s swaps snapshot %d in on version %d, the table is at %d", p.snapshot.run, p.snapshot.ID, base.number, t.now.number)
	} else {
		t.trace("main moves to %d on version %d, the table is at %d", p.to.ID, base.number, t.now.number)
	}
	if t.now.number != base.number {
		return false
	}
	if p.to != nil {
		return t.point(p)
	}
	if p.applied = true; p.forgotten {
		t.fail("promise 1: snapshot %d is made of what was deleted", p.snapshot.ID)
	}
	for s := p.snapshot.Parent; s != 0; s = t.history[s].Parent {
		if t.history[s].run == p.snapshot.run {
			t.fail("promise 4: run %s commits twice, in snapshots %d and %d", p.snapshot.run, s, p.snapshot.ID)
		}
	}
	l, ok := t.ledgers[p.snapshot.Ledger]
	if !ok {
		t.fail("promise 1: snapshot %d names ledger %s, which is not there", p.snapshot.ID, p.snapshot.Ledger)
	}
	var before int64
	if on := base.on(p.snapshot.branch); on != nil {
		before = on.rows()
	}
	if c := l.Counts; c.Before != before || c.After != p.snapshot.rows() || c.After != c.Before+c.Inserted-c.Deleted {
		t.fail("promise 2: counts %+v of run %s, but %d rows became %d", c, p.snapshot.run, before, p.snapshot.rows())
	}
	t.add(p.snapshot)
	if !p.snapshot.branch {
		t.now.property, t.rolled = p.snapshot.Ledger, false
	}
	if p.creates {
		t.now.schema = 1
	}
	t.commits++
	t.check()
	return true
}

// check holds the promises against the table as it is.
func (t *simTable) check() {
	v := t.now
	for _, s := range v.snapshots {
		for _, f := range s.files {
			switch {
			case f.gone:
				t.fail("promise 3: snapshot %d of run %q names a file that was deleted", s.ID, s.run)
			case f.bad:
				t.fail("promise 3: snapshot %d shows rows that were turned down", s.ID)
			}
		}
	}
	for _, branch := range []bool{false, true} {
		s := v.on(branch)
		if s == nil {
			continue
		}
		l, err := t.resolved(branch)
		if err != nil {
			t.fail("ledger of snapshot %d: %w", s.ID, err)
			return
		}
		t.checkPosition(s, l)
		t.checkRuns(s, l)
	}
}

// checkPosition is promise 1: of every split the table holds the rows up to its position, each once.
func (t *simTable) checkPosition(s *simSnapshot, l Ledger) {
	for _, split := range simSplits {
		var of []*simFile
		for _, f := range s.files {
			if !f.foreign && f.split == split {
				of = append(of, f)
			}
		}
		slices.SortFunc(of, func(a, b *simFile) int { return a.from - b.from })
		at := 0
		for _, f := range of {
			if f.from != at {
				t.fail("promise 1: snapshot %d holds rows from %d of %s after rows up to %d", s.ID, f.from, split, at)
			}
			at = f.to
		}
		if at != simValue(l.Position[split]) {
			t.fail("promise 1: snapshot %d holds %d rows of %s, its position says %q", s.ID, at, split, l.Position[split])
		}
	}
}

// checkRuns compares the ledger's runs and rejects with the commits the snapshot descends from.
func (t *simTable) checkRuns(s *simSnapshot, l Ledger) {
	at, rejects := len(l.Runs), 0
	for {
		if s.run != "" {
			at--
			if at < 0 || l.Runs[at].ID != s.run || l.Runs[at].Snapshot != s.ID {
				t.fail("promise 4: run %s committed snapshot %d, the ledger does not say so", s.run, s.ID)
				return
			}
			rejects++
		}
		if s.Parent == 0 {
			break
		}
		s = t.history[s.Parent]
	}
	if at != 0 || len(l.Rejects) != rejects {
		t.fail("the ledger names %d runs and %d rejects files that the table's history has not", at, len(l.Rejects)-rejects)
	}
}

func simValue(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

func simText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

var simSplits = []string{"a", "b"}
