package lake_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// A build without rows makes an empty table, and its empty file goes.
func TestNoRows(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a WHERE false")
	if r.count("raw.x") != 0 || len(r.rows("FROM "+r.scan("raw.x", lake.ScanOptions{Filename: true}))) != 0 {
		t.Fatal("there are rows")
	}
	if files := left(t, r, "/data/"); len(files) != 0 {
		t.Fatalf("left %v", files)
	}
	r.append("raw.x", "r2", "SELECT 1 AS a")
	if got := r.values("raw.x"); got != "1" {
		t.Fatalf("got %s", got)
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
	if err := r.l.Drop(t.Context(), "raw.y", true); fault.ClassOf(err) != fault.Unavailable {
		t.Fatalf("dropped while it is built: %v", err)
	}
	ok(t, r.l.DropBehind(t.Context(), "raw.y"))
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict {
		t.Fatalf("got %v", err)
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
