package lake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func TestPosition(t *testing.T) {
	r := localRig(t)
	commit := func(run string, base, next job.Position, whole bool) error {
		b := r.begin("raw.x", run, "SELECT 1 AS a")
		b.in.Base, b.in.Next, b.in.ReplacePosition = base, next, whole
		b.in.Server, b.in.Definition = "inbox", "hash-"+run
		_, err := b.commit()
		return err
	}
	ok(t, commit("r1", nil, job.Position{"f1": "1"}, false))
	ok(t, commit("r2", job.Position{"f2": ""}, job.Position{"f2": "1"}, false))
	for _, c := range []struct {
		base, next job.Position
		whole      bool
		says       string
	}{
		{nil, job.Position{"f1": "2"}, false, `position of "f1" moved: the build started from the beginning, the table is at "1"`},
		{job.Position{"f1": "0"}, job.Position{"f1": "2"}, false, `started from "0", the table is at "1"`},
		{job.Position{"f1": "1"}, job.Position{"f1": "2"}, true, `position of "f2" moved`},
		{job.Position{"f3": "1"}, job.Position{}, false, `position of "f3" moved: the build started from "1", the table is at the beginning`},
	} {
		err := commit("r3", c.base, c.next, c.whole)
		if fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v -> %v gave %v", c.base, c.next, err)
		}
	}
	ok(t, commit("r4", job.Position{"f1": "1", "f2": "1"}, job.Position{"f9": "1"}, true))
	l := r.ledger("raw.x")
	if !l.Position.Equal(job.Position{"f9": "1"}) || l.Server != "inbox" || l.Definition != "hash-r4" || len(l.Runs) != 3 {
		t.Fatalf("ledger %+v", l)
	}
	if n := r.count("raw.x"); n != 3 {
		t.Fatalf("%d rows", n)
	}
	ok(t, commit("r5", job.Position{"f9": "1"}, job.Position{"f9": ""}, false))
	if l := r.ledger("raw.x"); len(l.Position) != 0 {
		t.Fatalf("position %v", l.Position)
	}
}

func TestServer(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	b.in.Next, b.in.Server = job.Position{"a": "1"}, "one"
	_, err := b.commit()
	ok(t, err)
	b = r.begin("raw.x", "r2", "SELECT 1 AS a")
	b.in.Base, b.in.Next, b.in.Server = job.Position{"a": "1"}, job.Position{"a": "2"}, "two"
	if _, err = b.commit(); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "belongs to one") {
		t.Fatalf("got %v", err)
	}
}

// A change of the ledger alone still makes a snapshot, so that position and history move together.
func TestLedgerAlone(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	tb := r.table("raw.x")
	in := lake.Intent{Table: "raw.x", RunID: "r2", SchemaID: tb.SchemaID(), LastColumnID: tb.LastColumnID(), Next: job.Position{"a": "9"}, CloseRejects: []string{"x1"},
		Plan: func(context.Context, *lake.Table) (lake.Change, job.Counts, error) {
			return lake.Change{}, job.Counts{Before: 1, After: 1}, nil
		}}
	done, err := r.l.Commit(t.Context(), in)
	ok(t, err)
	if done.Snapshot.Operation != "append" || len(r.table("raw.x").Snapshots()) != 2 || r.count("raw.x") != 1 {
		t.Fatalf("committed %+v", done)
	}
	l := r.ledger("raw.x")
	if l.Position["a"] != "9" || len(l.Closed) != 1 {
		t.Fatalf("ledger %+v", l)
	}
}

// The ledger compresses itself and moves long lists of closed rejects out; both read back.
func TestLongLedger(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	tb := r.table("raw.x")
	var ids []string
	for i := range 1500 {
		ids = append(ids, fmt.Sprint("reject-", i))
	}
	next := job.Position{}
	for i := range 2000 {
		next[fmt.Sprintf("inbox/some/long/folder/file-%06d.csv", i)] = fmt.Sprintf(`{"size":%d}`, i)
	}
	in := lake.Intent{Table: "raw.x", RunID: "r2", SchemaID: tb.SchemaID(), LastColumnID: tb.LastColumnID(), Next: next, CloseRejects: ids,
		Plan: func(context.Context, *lake.Table) (lake.Change, job.Counts, error) {
			return lake.Change{}, job.Counts{Before: 1, After: 1}, nil
		}}
	_, err := r.l.Commit(t.Context(), in)
	ok(t, err)
	in.RunID, in.Next, in.CloseRejects = "r3", nil, []string{"last"}
	_, err = r.l.Commit(t.Context(), in)
	ok(t, err)
	l := r.ledger("raw.x")
	closed, err := r.table("raw.x").ClosedRejects(t.Context())
	ok(t, err)
	if !l.Position.Equal(next) || len(l.Closed) != 1 || len(l.ClosedFiles) != 1 || len(closed) != 1501 {
		t.Fatalf("%d splits, %d closed in it, %d closed", len(l.Position), len(l.Closed), len(closed))
	}
}
