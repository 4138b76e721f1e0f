package lake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func (r *rig) ledger(table string) lake.Ledger {
	r.t.Helper()
	l, err := r.table(table).Ledger(r.t.Context())
	ok(r.t, err)
	return l
}

// left lists the lake's files whose path contains a text.
func left(t *testing.T, r *rig, part string) (found []string) {
	t.Helper()
	root := r.place()
	ok(t, filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(strings.TrimPrefix(p, root), part) {
			found = append(found, p)
		}
		return err
	}))
	return found
}

// place is the lake's folder.
func (r *rig) place() string { return r.config.Location }

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

func TestRunCommitsOnce(t *testing.T) {
	r := localRig(t)
	first := r.append("raw.x", "r1", "SELECT 1 AS a")
	r.append("raw.x", "r2", "SELECT 2 AS a")
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	done, err := b.commit()
	ok(t, err)
	if !done.Already || done.Snapshot.ID != first.Snapshot.ID || done.Snapshot.Counts == nil {
		t.Fatalf("got %+v", done)
	}
	if n := r.count("raw.x"); n != 2 {
		t.Fatalf("%d rows", n)
	}
	if _, err := os.Stat(b.files[0].Path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("the second attempt's file stayed")
	}
	if files := left(t, r, "_stages"); len(files) != 0 {
		t.Fatalf("stages left: %v", files)
	}
}

// A build that fails leaves nothing at all: no table, no files (promise 3).
func TestFailedFirstBuild(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	seen := false
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		seen = tb == nil
		if _, _, err := b.plan(ctx, tb); err != nil {
			t.Error(err)
		}
		return lake.Change{}, job.Counts{}, fault.New(fault.Data, "a rule does not hold")
	}
	_, err := b.commit()
	if fault.ClassOf(err) != fault.Data || !seen {
		t.Fatalf("got %v, %v", err, seen)
	}
	if tb := r.table("raw.x"); tb != nil {
		t.Fatal("there is a table")
	}
	if files := left(t, r, "/"); len(files) != 0 {
		t.Fatalf("left %v", files)
	}
}

func TestTableWithoutSpec(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	b.in.New = nil
	if _, err := b.commit(); !errors.Is(err, lake.ErrNoTable) {
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

func TestSchemaMoved(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	b := r.begin("raw.x", "r2", "SELECT 1 AS a")
	r.append("raw.x", "r3", "SELECT 1 AS a, 2 AS b")
	_, err := b.commit()
	if fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "schema moved") {
		t.Fatalf("got %v", err)
	}
	b = r.begin("raw.y", "r4", "SELECT 1 AS a")
	r.append("raw.y", "r5", "SELECT 1 AS a")
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict {
		t.Fatalf("got %v", err)
	}
	b = r.begin("raw.y", "r6", "SELECT 1 AS a")
	ok(t, r.l.Drop(t.Context(), "raw.y", false))
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict {
		t.Fatalf("got %v", err)
	}
}

// Writers that read different splits all get through; each plans again on what the others left.
func TestConcurrentCommits(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r0", "SELECT 0 AS a")
	const writers = 6
	builds := make([]*build, writers)
	for i := range builds {
		builds[i] = r.begin("raw.x", fmt.Sprint("r", i+1), fmt.Sprintf("SELECT %d AS a", i+1))
		builds[i].in.Next = job.Position{fmt.Sprint("s", i): "1"}
	}
	var wg sync.WaitGroup
	var retried sync.Map
	errs := make([]error, writers)
	for i, b := range builds {
		wg.Go(func() {
			done, err := r.l.Commit(context.Background(), b.in)
			errs[i] = err
			if done.Attempts > 1 {
				retried.Store(i, true)
			}
		})
	}
	wg.Wait()
	ok(t, errors.Join(errs...))
	for _, b := range builds {
		ok(t, b.stage.Done(t.Context()))
	}
	if got := r.rows("SELECT count(*), sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "7|21" {
		t.Fatalf("got %v", got)
	}
	if l := r.ledger("raw.x"); len(l.Position) != writers || len(l.Runs) != writers+1 {
		t.Fatalf("ledger %+v", l)
	}
	snaps := r.table("raw.x").Snapshots()
	for _, s := range snaps[1:] {
		if s.Counts.After != s.Counts.Before+1 {
			t.Errorf("counts of %s: %+v", s.RunID, s.Counts)
		}
	}
	// Manifests of proposals that lost are gone.
	if n := len(left(t, r, "/metadata/snap-")); n != writers+1 {
		t.Errorf("%d manifest lists for %d snapshots", n, writers+1)
	}
}

// Of writers that read the same split one gets through.
func TestConcurrentSameSplit(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r0", "SELECT 0 AS a")
	const writers = 4
	builds := make([]*build, writers)
	for i := range builds {
		builds[i] = r.begin("raw.x", fmt.Sprint("r", i+1), "SELECT 1 AS a")
		builds[i].in.Base, builds[i].in.Next = job.Position{"s": ""}, job.Position{"s": "1"}
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i, b := range builds {
		wg.Go(func() { _, errs[i] = r.l.Commit(context.Background(), b.in) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if fault.ClassOf(err) != fault.Conflict {
			t.Errorf("writer %d: %v", i, err)
		}
		ok(t, builds[i].stage.Discard(t.Context()))
	}
	if won != 1 || r.count("raw.x") != 2 {
		t.Fatalf("%d won, %d rows", won, r.count("raw.x"))
	}
	if got := r.rows("SELECT sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "1" {
		t.Fatalf("got %v", got)
	}
}

// Two runs that both make the table: one does.
func TestConcurrentCreate(t *testing.T) {
	r := localRig(t)
	var wg sync.WaitGroup
	builds := []*build{r.begin("raw.x", "r1", "SELECT 1 AS a"), r.begin("raw.x", "r2", "SELECT 2 AS a"), r.begin("raw.x", "r3", "SELECT 3 AS a")}
	errs := make([]error, len(builds))
	for i, b := range builds {
		wg.Go(func() { _, errs[i] = r.l.Commit(context.Background(), b.in) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "schema moved") {
			t.Error(err)
		}
	}
	if won != 1 || r.count("raw.x") != 1 {
		t.Fatalf("%d won", won)
	}
}

func TestRemoveAndReplace(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT i AS a FROM range(10) t(i)")
	r.append("raw.x", "r2", "SELECT i AS a FROM range(10, 30) t(i)")
	b := r.begin("raw.x", "r3", "SELECT -1::BIGINT AS a")
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		files, err := tb.Files(ctx)
		if err != nil {
			return lake.Change{}, job.Counts{}, err
		}
		change, _, err := b.plan(ctx, tb)
		for _, f := range files {
			if f.Rows == 10 {
				change.Remove = append(change.Remove, f.Path)
			}
		}
		return change, job.Counts{Before: 30, Inserted: 1, Deleted: 10, After: 21}, err
	}
	done, err := b.commit()
	ok(t, err)
	if done.Snapshot.Operation != "overwrite" || r.count("raw.x") != 21 {
		t.Fatalf("%+v", done)
	}
	if got := r.rows("SELECT min(a), max(a), count(*) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "-1|29|21" {
		t.Fatalf("got %v", got)
	}
	// All rows go and none comes.
	b = r.begin("raw.x", "r4", "SELECT 1::BIGINT AS a")
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		files, err := tb.Files(ctx)
		var c lake.Change
		for _, f := range files {
			c.Remove = append(c.Remove, f.Path)
		}
		return c, job.Counts{Before: 21, Deleted: 21}, err
	}
	_, err = b.commit()
	ok(t, err)
	if r.count("raw.x") != 0 {
		t.Fatal("rows stayed")
	}
	if got := r.rows("FROM " + r.scan("raw.x", lake.ScanOptions{})); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
}

// A plan that removes files which are not live is made again, and in the end given up.
func TestStalePlan(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	b := r.begin("raw.x", "r2", "SELECT 2 AS a")
	calls := 0
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		c, n, err := b.plan(ctx, tb)
		if calls++; calls == 1 {
			c.Remove = []string{tb.Location() + "/data/none.parquet"}
		}
		return c, n, err
	}
	done, err := b.commit()
	ok(t, err)
	if done.Attempts != 2 || calls != 2 || r.count("raw.x") != 2 {
		t.Fatalf("%+v after %d plans", done, calls)
	}
}

func TestStagedFileGone(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		c, n, err := b.plan(ctx, tb)
		ok(t, os.Remove(b.files[0].Path))
		return c, n, err
	}
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "gone") {
		t.Fatalf("got %v", err)
	}
	if r.table("raw.x") != nil {
		t.Fatal("there is a table")
	}
}

// A stage that maintenance took away is noticed before the swap.
func TestStageTakenAway(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	for _, f := range left(t, r, "_stages/raw.x/") {
		ok(t, os.Remove(f))
	}
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "taken away") {
		t.Fatalf("got %v", err)
	}
}

func TestCanceledCommit(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	ctx, cancel := context.WithCancel(t.Context())
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		c, n, err := b.plan(ctx, tb)
		cancel()
		return c, n, err
	}
	if _, err := r.l.Commit(ctx, b.in); fault.ClassOf(err) != fault.Canceled {
		t.Fatalf("got %v (%s)", err, fault.ClassOf(err))
	}
	ok(t, b.stage.Discard(t.Context()))
	if files := left(t, r, "data/"); len(files) != 0 || r.table("raw.x") != nil {
		t.Fatalf("left %v", files)
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
