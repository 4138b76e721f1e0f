package commit

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
)

func TestNextLedger(t *testing.T) {
	l := Ledger{Server: "one", Definition: "d1", Position: job.Position{"a": "1", "b": "2"}, Closed: []string{"x"}}
	for i := range keepRuns + 5 {
		id := fmt.Sprint("run", i)
		was := l
		l = l.next(Intent{RunID: id, Next: job.Position{"a": fmt.Sprint(i), "b": ""}},
			Proposed{Snapshot: int64(i + 1), Parent: int64(i), Sequence: int64(i + 1), Ledger: "at " + id, ChangeSet: []string{"c"}, Rejects: []RejectFile{{Path: id}}})
		if len(was.Runs) > 0 && was.Runs[len(was.Runs)-1].ID != fmt.Sprint("run", i-1) {
			t.Fatal("the ledger before was changed")
		}
	}
	last := fmt.Sprint("run", keepRuns+4)
	if len(l.Runs) != keepRuns || len(l.Changes) != keepChanges || l.Runs[0].ID != "run5" || l.HasRun("run4") || !l.HasRun(last) {
		t.Errorf("%d runs from %s, %d change-sets", len(l.Runs), l.Runs[0].ID, len(l.Changes))
	}
	if mark, _ := l.Run(last); mark.Ledger != "at "+last || mark.Snapshot != int64(keepRuns+5) || l.Snapshot != mark.Snapshot {
		t.Errorf("mark %+v", mark)
	}
	if !l.Position.Equal(job.Position{"a": fmt.Sprint(keepRuns + 4)}) || l.Server != "one" || l.Definition != "d1" || len(l.Closed) != 1 {
		t.Errorf("ledger %+v, %s, %s, %v", l.Position, l.Server, l.Definition, l.Closed)
	}
	if len(l.Rejects) != keepRuns+5 || l.Rejects[2].Snapshot != 3 {
		t.Errorf("%d reject files", len(l.Rejects))
	}
	n := l.next(Intent{RunID: "whole", Whole: true, Next: job.Position{"z": "1"}, Server: "two", Definition: "d2", CloseRejects: []string{"y"}}, Proposed{})
	if !n.Position.Equal(job.Position{"z": "1"}) || n.Server != "two" || n.Definition != "d2" || len(n.Closed) != 2 || len(l.Closed) != 1 {
		t.Errorf("whole: %+v", n.Position)
	}
}

// fixed is a World that only knows ledgers.
type fixed struct {
	World[int, int]
	ledgers map[string]Ledger
}

func (f fixed) ReadLedger(_ context.Context, at string) (Ledger, error) {
	l, ok := f.ledgers[at]
	if !ok {
		return l, fmt.Errorf("no ledger %s", at)
	}
	return l, nil
}

func TestResolve(t *testing.T) {
	w := fixed{ledgers: map[string]Ledger{
		"l1": {Snapshot: 1, Sequence: 1, Runs: []RunMark{{ID: "one", Snapshot: 1, Sequence: 1, Ledger: "l1"}}},
		"l4": {Snapshot: 4, Sequence: 4, Runs: []RunMark{{ID: "one", Snapshot: 1, Sequence: 1, Ledger: "l1"}, {ID: "four", Snapshot: 4, Sequence: 4, Ledger: "l4"}}},
	}}
	snapshots := map[int64]Snapshot{1: {ID: 1, Sequence: 1, Ledger: "l1"}, 2: {ID: 2, Parent: 1, Sequence: 2}, 3: {ID: 3, Parent: 2, Sequence: 3}, 4: {ID: 4, Parent: 3, Sequence: 4, Ledger: "l4"},
		5: {ID: 5, Parent: 4, Sequence: 5}, 9: {ID: 9, Sequence: 9}}
	for _, c := range []struct {
		name     string
		current  int64
		known    []int64
		property string
		want     int64 // snapshot of the ledger
	}{
		{"its own", 4, []int64{4}, "l4", 4},
		{"an ancestor's", 3, []int64{1, 2, 3}, "l1", 1},
		{"rolled back", 3, []int64{1, 2, 3, 4}, "l4", 1},
		{"expired ancestor", 5, []int64{5}, "l4", 4},
		{"rolled back before expiry", 3, []int64{3}, "l4", 1},
		{"never Weir's", 9, []int64{9}, "", 0},
		{"made before Weir's first", 9, []int64{9}, "l1", 0},
		{"expired, never Weir's", 5, []int64{5}, "", 0},
	} {
		h := Head[int]{Version: "v", Property: c.property}
		s := snapshots[c.current]
		h.Current = &s
		h.Find = func(_ context.Context, id int64) (Snapshot, bool, bool, error) {
			for _, k := range c.known {
				if k == id {
					return snapshots[k], false, true, nil
				}
			}
			return Snapshot{}, false, false, nil
		}
		got, err := Resolve[int, int](t.Context(), w, h)
		if err != nil || got.Snapshot != c.want {
			t.Errorf("%s: ledger of %d, %v; want %d", c.name, got.Snapshot, err, c.want)
		}
	}
	if _, err := Resolve[int, int](t.Context(), w, Head[int]{Version: "v", Property: "l1"}); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "l1") {
		t.Errorf("no snapshot but a ledger gave %v", err)
	}
}
