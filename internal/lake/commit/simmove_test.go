package commit

import (
	"context"
	"errors"
	"slices"
)

// A process that moves main: a person looks at the table, is asked, and main goes back, or forward to the branch.

// simMove is the world such a process acts on.
type simMove struct {
	*simBuild
	seen      int64
	publishes bool
	made      []*simProposal
}

// move looks at the table and moves main by the protocol.
func (b *simBuild) move() {
	if b.step() != nil {
		return
	}
	t := b.sim.table
	m := &simMove{simBuild: b}
	to := m.choose(t)
	if to == nil {
		return
	}
	t.trace("%s sees %d and wants %d", b.run, m.seen, to.ID)
	err := Mover[*simVersion, *simProposal]{World: m, faults: b.sim.faults}.Run(context.Background(), Move{Table: "t", What: "move", From: m.seen, To: to.ID})
	if b.dead {
		return
	}
	t.trace("%s ends: %v", b.run, err)
	applied := slices.ContainsFunc(m.made, func(p *simProposal) bool { return p.applied })
	switch {
	case err == nil && !applied:
		t.fail("%s says that it moved main, which it did not", b.run)
	case err != nil && applied && !errors.Is(err, ErrUnknown):
		t.fail("%s says that it failed, but moved main: %w", b.run, err)
	}
}

// choose says where main shall stand: on the branch if that came from where main is, else on any snapshot whose ledger can be told.
func (m *simMove) choose(t *simTable) *simSnapshot {
	v := t.now
	if v.current == nil {
		return nil
	}
	m.seen = v.current.ID
	if v.branch != nil && m.sim.random.IntN(2) == 0 {
		for s := v.branch; s != nil; s = t.history[s.Parent] {
			if s == v.current {
				m.publishes = true
				return v.branch
			}
		}
		return nil
	}
	var among []*simSnapshot
	for _, s := range v.snapshots {
		if !s.branch && (s.Ledger != "" || !t.forgets) {
			among = append(among, s)
		}
	}
	if len(among) == 0 {
		return nil
	}
	return among[m.sim.random.IntN(len(among))]
}

// Point makes the version in which main stands at a snapshot, with that snapshot's ledger as its property.
func (m *simMove) Point(ctx context.Context, base *simVersion, to int64) (*simProposal, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(base.snapshots, func(s *simSnapshot) bool { return s.ID == to })
	if i < 0 {
		return nil, errors.New("the snapshot has expired")
	}
	p := &simProposal{to: base.snapshots[i], seen: m.seen, publishes: m.publishes, ledger: base.snapshots[i].Ledger}
	if p.publishes && base.branch != p.to {
		return nil, errors.New("the branch has moved")
	}
	if p.ledger == "" {
		t := m.sim.table
		h := t.head(false)
		h.Current = &p.to.Snapshot
		l, err := Resolve[*simVersion, *simProposal](ctx, simReader{t: t}, h)
		if err != nil {
			return nil, err
		}
		if n := len(l.Runs); n > 0 {
			p.ledger = l.Runs[n-1].Ledger
		}
	}
	m.made = append(m.made, p)
	return p, nil
}

// Swapped says whether the proposal took place.
func (m *simMove) Swapped(_ context.Context, _ *simVersion, p *simProposal) (bool, error) {
	return p.applied, m.step()
}

// point is what the catalog does with a move.
func (t *simTable) point(p *simProposal) bool {
	if t.now.current.ID != p.seen {
		t.fail("a move from snapshot %d undoes snapshot %d, which nobody saw", p.seen, t.now.current.ID)
	}
	p.applied, t.rolled = true, false
	t.advance(func(v *simVersion) {
		if v.current, v.property = p.to, p.ledger; p.publishes {
			v.branch = nil
		}
	})
	t.moves++
	t.check()
	return true
}
