package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"weir/internal/fault"
	"weir/internal/job"
)

var (
	errDead   = errors.New("the process was killed")
	errAnswer = errors.New("the catalog did not answer")

	errOvertaken = errors.New("the files to join are gone")
)

// simProposal is a version that is ready to be swapped in.
type simProposal struct {
	snapshot  *simSnapshot
	creates   bool
	applied   bool
	forgotten bool         // its manifests are deleted
	to        *simSnapshot // of a move: where main shall stand; snapshot is nil then
	seen      int64        // of a move: where main stood when a person was asked
	ledger    string       // of a move: the ledger of to
	publishes bool         // of a move: the branch goes
}

// simBuild is one attempt of a run to build the table, in one process. It is the World its commit acts on.
type simBuild struct {
	sim   *simulation
	yield func(struct{}) bool
	dead  bool
	run   string
	bad   bool // its rows do not pass the rules

	compact  bool // it is a compaction
	split    string
	branch   bool // builds on the branch
	moves    bool // it does not build, but moves main
	whole    bool
	base     job.Position
	next     job.Position
	rewrites bool       // joins its rows to the last file
	compacts []*simFile // the files it joins instead of reading anything; nil for a build
	delta    *simFile   // staged once
	extra    []*simFile // staged by the last plan
	made     []int64    // snapshots it staged
}

// step is a place where anything may happen: another process acts, or this one is killed.
func (b *simBuild) step() error {
	if b.dead || !b.yield(struct{}{}) {
		b.dead = true
		return errDead
	}
	return nil
}

// resolved is the ledger of the table as it is, by the protocol's own rule.
func (t *simTable) resolved(branch bool) (Ledger, error) {
	return Resolve[*simVersion, *simProposal](context.Background(), simReader{t: t}, t.head(branch))
}

// simReader can only read ledgers.
type simReader struct {
	World[*simVersion, *simProposal]
	t *simTable
}

func (r simReader) ReadLedger(_ context.Context, location string) (Ledger, error) {
	return r.t.ledger(location)
}

func (t *simTable) ledger(location string) (Ledger, error) {
	l, ok := t.ledgers[location]
	if !ok {
		return Ledger{}, fmt.Errorf("no ledger %s", location)
	}
	return l, nil
}

func (t *simTable) head(branch bool) Head[*simVersion] {
	v := t.now
	h := Head[*simVersion]{SchemaID: v.schema, LastColumnID: v.schema, Property: v.property, Value: v}
	if v.number > 0 {
		h.Version = strconv.Itoa(v.number)
	}
	if on := v.on(branch); on != nil {
		h.Current = &on.Snapshot
		if on == v.branch {
			h.Property = on.Ledger
		}
	}
	h.Find = func(_ context.Context, id int64) (Snapshot, bool, bool, error) {
		for _, s := range v.snapshots {
			if s.ID == id {
				return s.Snapshot, false, true, nil
			}
		}
		if s, ok := t.history[id]; ok && !t.forgets {
			return s.Snapshot, true, true, nil
		}
		return Snapshot{}, false, false, nil
	}
	return h
}

func (b *simBuild) Load(context.Context) (Head[*simVersion], error) {
	if err := b.step(); err != nil {
		return Head[*simVersion]{}, err
	}
	return b.sim.table.head(b.branch), nil
}

func (b *simBuild) ReadLedger(_ context.Context, location string) (Ledger, error) {
	if b.dead {
		return Ledger{}, errDead
	}
	return b.sim.table.ledger(location)
}

// Stage plans against a version and judges what the table would be.
func (b *simBuild) Stage(_ context.Context, base *simVersion) (Proposed, *simProposal, error) {
	if err := b.step(); err != nil {
		return Proposed{}, nil, err
	}
	for _, f := range b.extra {
		f.gone = true // what an earlier plan staged is removed by the next one
	}
	b.extra = nil
	if b.bad {
		return Proposed{}, nil, fault.New(fault.Data, "a rule does not hold")
	}
	if b.delta.gone {
		return Proposed{}, nil, fault.New(fault.Conflict, "a staged file is gone")
	}
	if b.sim.random.IntN(40) == 0 {
		return Proposed{}, nil, ErrStale
	}
	t := b.sim.table
	s := &simSnapshot{run: b.run, branch: b.branch, Snapshot: Snapshot{ID: t.nextID(), Sequence: t.sequence + 1}}
	s.Ledger = "ledger-" + strconv.FormatInt(s.ID, 10)
	var counts job.Counts
	if on := base.on(b.branch); on != nil {
		s.Parent, s.files, counts.Before = on.ID, on.files, on.rows()
	}
	s.files = b.merge(s.files)
	counts.After = s.rows()
	if b.compacts != nil {
		for _, f := range b.compacts {
			if !slices.Contains(base.on(b.branch).files, f) {
				return Proposed{}, nil, errOvertaken
			}
		}
	} else {
		counts.Inserted, counts.Deleted = counts.After, counts.Before
	}
	b.made = append(b.made, s.ID)
	p := Proposed{Snapshot: s.ID, Parent: s.Parent, Sequence: s.Sequence, Ledger: s.Ledger, Counts: counts,
		Rejects: []RejectFile{{Path: b.run, Run: b.run}}}
	return p, &simProposal{snapshot: s, creates: base.number == 0}, b.step()
}

// merge is the table's files with the build's rows among them.
func (b *simBuild) merge(files []*simFile) []*simFile {
	if b.compacts != nil {
		return append(slices.DeleteFunc(slices.Clone(files), func(f *simFile) bool { return slices.Contains(b.compacts, f) }), b.delta)
	}
	if b.whole {
		return []*simFile{b.delta}
	}
	files = slices.Clone(files)
	if b.rewrites {
		for i, f := range files {
			if f.split == b.split && f.to == b.delta.from {
				f = &simFile{split: b.split, from: f.from, to: b.delta.to}
				b.extra = append(b.extra, f)
				files[i] = f
				return files
			}
		}
	}
	return append(files, b.delta)
}

func (b *simBuild) WriteLedger(_ context.Context, location string, l Ledger) error {
	if err := b.step(); err != nil {
		return err
	}
	b.sim.table.ledgers[location] = l
	return b.step()
}

// Swap reaches the catalog now, later or not at all, and the answer may get lost on the way back.
func (b *simBuild) Swap(_ context.Context, base *simVersion, p *simProposal) error {
	if err := b.step(); err != nil {
		return err
	}
	switch n := b.sim.random.IntN(24); n {
	case 0, 1, 2:
		b.sim.underWay = append(b.sim.underWay, simSwap{by: b, base: base, p: p})
		return errors.Join(errAnswer, b.step())
	case 3:
		return errors.Join(errAnswer, b.step())
	case 4:
		return ErrNotApplied
	default:
		won := b.sim.table.apply(base, p)
		if err := b.step(); err != nil {
			return err
		}
		if n < 8 {
			return errAnswer
		}
		if !won {
			return ErrLost
		}
	}
	return nil
}

func (b *simBuild) Forget(_ context.Context, p *simProposal) {
	if b.dead {
		return
	}
	p.forgotten = true
	if p.applied && p.to == nil {
		b.sim.table.fail("promise 1: what snapshot %d is made of was deleted", p.snapshot.ID)
	}
}

func (b *simBuild) Pause(context.Context, int) error { return b.step() }

// process builds until the run is through or has failed for good.
func (b *simBuild) process() {
	if b.moves {
		b.move()
		return
	}
	for range 4 {
		if !b.read() {
			return
		}
		r, err := Protocol[*simVersion, *simProposal]{World: b, faults: b.sim.faults}.Run(context.Background(), b.intent())
		if b.dead {
			return
		}
		if b.settle(r, err) {
			return
		}
	}
}

// read fixes what the build reads and stages its rows.
func (b *simBuild) read() bool {
	if b.step() != nil {
		return false
	}
	t, random := b.sim.table, b.sim.random
	b.base = job.Position{}
	b.delta = &simFile{bad: b.bad, to: random.IntN(3) + 1}
	if l, err := t.resolved(b.branch); err == nil {
		b.base = l.Position
		if l.HasRun(b.run) {
			return false
		}
	}
	if b.compact = b.compact && t.now.on(b.branch) != nil; b.compact {
		return b.join()
	}
	b.split = simSplits[random.IntN(len(simSplits))]
	b.delta.split = b.split
	b.whole, b.rewrites = random.IntN(6) == 0, random.IntN(3) == 0
	if !b.whole {
		b.delta.from = simValue(b.base[b.split])
		b.base = job.Position{b.split: b.base[b.split]}
		b.delta.to += b.delta.from
	}
	b.next = job.Position{b.split: simText(b.delta.to)}
	return true
}

// join is what a compaction reads: the files of one split, which become one. It moves no position.
func (b *simBuild) join() bool {
	split := simSplits[b.sim.random.IntN(len(simSplits))]
	b.delta, b.compacts = &simFile{split: split, from: -1}, []*simFile{}
	for _, f := range b.sim.table.now.on(b.branch).files {
		if f.split != split {
			continue
		}
		b.compacts = append(b.compacts, f)
		if b.delta.from < 0 {
			b.delta.from = f.from
		}
		b.delta.from, b.delta.to = min(b.delta.from, f.from), max(b.delta.to, f.to)
	}
	b.base, b.next, b.bad, b.whole = nil, nil, false, false
	return len(b.compacts) > 0
}

func (b *simBuild) intent() Intent {
	in := Intent{Table: "t", RunID: b.run, Base: b.base, Next: b.next, Whole: b.whole, SchemaID: b.sim.table.now.schema, LastColumnID: b.sim.table.now.schema}
	if b.sim.table.now.number == 0 {
		in.SchemaID = -1
	}
	return in
}

// settle does what a build does with its commit's answer; false tries again.
func (b *simBuild) settle(r Result, err error) bool {
	t := b.sim.table
	t.trace("run %s ends: %+v, %v", b.run, r, err)
	switch {
	case err == nil && r.Already:
		b.remove()
		return true
	case err == nil:
		if _, ok := t.history[r.Snapshot]; !ok {
			t.fail("run %s says it committed snapshot %d, which never was", b.run, r.Snapshot)
		}
		return true
	case errors.Is(err, ErrUnknown):
		return true // what was staged stays, under its lease
	}
	for _, s := range t.now.snapshots {
		if slices.Contains(b.made, s.ID) {
			t.fail("run %s says it failed, but committed snapshot %d: %w", b.run, s.ID, err)
		}
	}
	b.remove()
	return fault.ClassOf(err) != fault.Conflict
}

// remove deletes what was staged.
func (b *simBuild) remove() {
	for _, f := range append(b.extra, b.delta) {
		f.gone = true
	}
	b.extra, b.made = nil, nil
}

// simSwap is a swap on its way to the catalog.
type simSwap struct {
	by   *simBuild
	base *simVersion
	p    *simProposal
}

// simulation is one schedule.
type simulation struct {
	random   *rand.Rand
	table    *simTable
	faults   faults
	underWay []simSwap
	procs    []*simProcess
}
