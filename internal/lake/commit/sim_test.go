package commit

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The simulation drives the real protocol through random schedules: two or three processes that build one table, some of them
// with the same run id (a retry beside a zombie), some of them compactions of Weir's own, killed before or after any step and
// run again, swaps whose answer gets lost or that arrive late, builds on a branch, people who roll main back or publish the
// branch, and other tools that compact, append, expire, roll back and change the schema in between. After every change of the
// table promises 1 to 4 are checked.

// simProcess is a process that can be stopped at each of its steps.
type simProcess struct {
	build *simBuild
	next  func() (struct{}, bool)
	stop  func()
}

func (s *simulation) start(run string) {
	b := &simBuild{sim: s, run: run, bad: s.random.IntN(12) == 0, compact: s.random.IntN(5) == 0, branch: strings.HasPrefix(run, "branch"),
		moves: strings.HasPrefix(run, "move")}
	p := &simProcess{build: b}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		b.yield = yield
		b.process()
	})
	s.procs = append(s.procs, p)
}

// kill ends a process in the middle. Its swap on the way arrives or does not; then the run is started again and removes
// what the dead process staged, unless the run has committed.
func (s *simulation) kill(i int) {
	p := s.procs[i]
	s.table.trace("kill run %s", p.build.run)
	s.procs = append(s.procs[:i], s.procs[i+1:]...)
	p.build.dead = true
	p.stop()
	left := s.underWay[:0]
	for _, w := range s.underWay {
		switch {
		case w.by != p.build:
			left = append(left, w)
		case s.random.IntN(2) == 0:
			s.table.apply(w.base, w.p)
		}
	}
	s.underWay = left
	if p.build.moves {
		return // the person thinks again
	}
	for _, id := range p.build.made {
		if _, ok := s.table.history[id]; ok {
			return
		}
	}
	if p.build.delta != nil {
		p.build.remove()
	}
	s.start(p.build.run)
}

func (s *simulation) arrive() {
	i := s.random.IntN(len(s.underWay))
	w := s.underWay[i]
	s.underWay = append(s.underWay[:i], s.underWay[i+1:]...)
	s.table.apply(w.base, w.p)
}

// disturb is one act of another tool.
func (s *simulation) disturb() {
	t := s.table
	if t.now.current == nil {
		return
	}
	adds := !(t.forgets && t.rolled) // what nobody can know afterwards is not done
	switch s.random.IntN(9) {
	case 0, 1, 2:
		if adds {
			t.compact()
		}
	case 3, 4:
		if adds {
			t.append()
		}
	case 5, 6:
		t.expire(func() bool { return s.random.IntN(3) == 0 })
	case 7:
		t.rollback(s.random.IntN(16))
	case 8:
		t.advance(func(v *simVersion) { v.schema++ })
	}
	t.check()
}

// schedule runs one schedule and gives the promise it broke.
func schedule(seed uint64, f faults, tell func(format string, args ...any)) error {
	s := &simulation{random: rand.New(rand.NewPCG(seed, 77)), table: newSimTable(), faults: f}
	s.table.tell = tell
	s.table.forgets = s.random.IntN(4) == 0
	runs := 2 + s.random.IntN(4)
	name := func(i int) string {
		switch s.random.IntN(8) {
		case 0, 1:
			return fmt.Sprint("branch", i)
		case 2:
			return fmt.Sprint("move", i)
		}
		return fmt.Sprint("run", i)
	}
	for i := range min(runs, 2+s.random.IntN(2)) {
		s.start(name(i))
	}
	started := len(s.procs)
	for steps := 0; len(s.procs)+len(s.underWay) > 0 && steps < 400 && s.table.broken == nil; steps++ {
		n := s.random.IntN(100)
		switch {
		case n < 7:
			s.disturb()
		case n < 9 && len(s.procs) > 0 && steps < 200:
			s.kill(s.random.IntN(len(s.procs)))
		case n < 11 && len(s.procs) > 0 && steps < 200:
			s.start(s.procs[s.random.IntN(len(s.procs))].build.run) // the other one is a zombie now
		case n < 13 && started < runs:
			s.start(name(started))
			started++
		case n < 20 && len(s.underWay) > 0, len(s.procs) == 0 && len(s.underWay) > 0:
			s.arrive()
		case len(s.procs) > 0:
			// Bursts of one process alternate with fine interleaving.
			i := s.random.IntN(len(s.procs))
			for range 1 + s.random.IntN(6)*s.random.IntN(2) {
				if _, alive := s.procs[i].next(); !alive {
					s.procs = append(s.procs[:i], s.procs[i+1:]...)
					break
				}
			}
		}
	}
	for _, p := range s.procs {
		p.build.dead = true
		p.stop()
	}
	return s.table.broken
}

// search runs schedules on all cores and gives the seed of the first that breaks a promise.
func search(n int, f faults) (seed uint64, err error) {
	var next, found atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for found.Load() == 0 {
				i := next.Add(1)
				if i > int64(n) {
					return
				}
				if e := schedule(uint64(i), f, nil); e != nil {
					mu.Lock()
					if err == nil {
						seed, err = uint64(i), e
					}
					mu.Unlock()
					found.Store(1)
				}
			}
		})
	}
	wg.Wait()
	return seed, err
}

func TestSimulation(t *testing.T) {
	n := 100_000
	if os.Getenv("WEIR_SOAK") == "1" {
		n = 1_000_000
	}
	if seed, err := search(n, faults{}); err != nil {
		_ = schedule(seed, faults{}, t.Logf)
		t.Fatalf("schedule %d: %v", seed, err)
	}
}

// TestSimulationFindsFaults seeds each fault into the protocol: a simulation that did not find it would prove nothing.
func TestSimulationFindsFaults(t *testing.T) {
	for name, f := range map[string]faults{
		"run id not looked up":       {skipRun: true},
		"base not compared":          {skipBase: true},
		"ledger not carried":         {skipCarry: true},
		"lost answer taken for lost": {skipResolve: true},
		"history not read":           {skipHistory: true},
		"move not compared":          {skipFrom: true},
	} {
		t.Run(name, func(t *testing.T) {
			seed, err := search(50_000, f)
			if err == nil {
				t.Fatal("not found")
			}
			t.Logf("schedule %d: %v", seed, err)
		})
	}
}

// TestSimulationIsBusy sees to it that schedules do what they are there for.
func TestSimulationIsBusy(t *testing.T) {
	commits := 0
	for seed := range uint64(200) {
		s := &simulation{random: rand.New(rand.NewPCG(seed, 77)), table: newSimTable()}
		s.start("one")
		for alive := true; alive; {
			_, alive = s.procs[0].next()
		}
		for len(s.underWay) > 0 {
			s.arrive()
		}
		commits += s.table.commits
	}
	if commits < 150 {
		t.Fatalf("only %d of 200 undisturbed builds committed", commits)
	}
}
