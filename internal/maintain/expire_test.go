package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"weir/internal/blob/blobtest"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func (r *rig) snapshots() []lake.Snapshot {
	r.t.Helper()
	return r.table().Snapshots()
}

// expirable are the places of the snapshots that would go, 0 for the oldest.
func (r *rig) expirable(k lake.Keep) (out []int) {
	r.t.Helper()
	e := r.table().Expirable(k)
	for i, s := range r.snapshots() {
		if slices.Contains(e.Snapshots, s.ID) {
			out = append(out, i)
		}
	}
	if e.Stay+len(e.Snapshots) != len(r.snapshots()) {
		r.t.Fatalf("%d stay and %d go of %d", e.Stay, len(e.Snapshots), len(r.snapshots()))
	}
	return out
}

func TestWhatExpires(t *testing.T) {
	r := localRig(t)
	r.fill(6)
	snaps := r.snapshots()
	now := time.Now().Add(time.Hour)
	for what, c := range map[string]struct {
		keep lake.Keep
		want []int
	}{
		"none old enough": {lake.Keep{Age: 2 * time.Hour, AtLeast: 1}, nil},
		"all":             {lake.Keep{AtLeast: 1}, []int{0, 1, 2, 3, 4}},
		"at least":        {lake.Keep{AtLeast: 4}, []int{0, 1}},
		// The third stopped being current when the fourth came.
		"age counts from the next one": {lake.Keep{AtLeast: 1, Age: now.Sub(snaps[3].At)}, []int{0, 1}},
		"a reader":                     {lake.Keep{AtLeast: 1, Readers: []lake.Reader{{Table: "m.a", Snapshot: snaps[2].ID}}}, []int{0, 1}},
		"a reader that is up to date":  {lake.Keep{AtLeast: 1, Readers: []lake.Reader{{Table: "m.a", Snapshot: snaps[5].ID}}}, []int{0, 1, 2, 3, 4}},
		"the slower of two readers":    {lake.Keep{AtLeast: 1, Readers: []lake.Reader{{Table: "m.a", Snapshot: snaps[4].ID}, {Table: "m.b", Snapshot: snaps[1].ID}}}, []int{0}},
		"a reader nobody can read":     {lake.Keep{AtLeast: 1, Readers: []lake.Reader{{Table: "m.a"}}}, nil},
		"a reader of what has expired": {lake.Keep{AtLeast: 1, Readers: []lake.Reader{{Table: "m.a", Snapshot: 7}}}, []int{0, 1, 2, 3, 4}},
	} {
		c.keep.Now = now
		if got := r.expirable(c.keep); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v would go, want %v", what, got, c.want)
		}
	}
	e := r.table().Expirable(lake.Keep{AtLeast: 1, Now: now, Readers: []lake.Reader{{Table: "m.a", Snapshot: snaps[2].ID}}})
	if e.Held["m.a"] != 3 {
		t.Errorf("held %v, want 3 for m.a", e.Held)
	}
}

// A table that does not change any more gives its small files back, though someone reads it: compacted rows are those the reader
// has seen.
func TestReaderOfCompactedRows(t *testing.T) {
	r := localRig(t)
	r.fill(5)
	since := r.table().RowsSince()
	r.keep.Readers = []lake.Reader{{Table: "marts.m", Snapshot: since}}
	old := r.files()
	r.maintain()
	if n := len(r.snapshots()); n != 2 {
		t.Fatalf("%d snapshots right after: want the compaction and what was current until it", n)
	}
	r.maintain()
	if n := len(r.snapshots()); n != 1 {
		t.Fatalf("%d snapshots", n)
	}
	if got := r.table().RowsSince(); got != since {
		t.Errorf("rows since %d, was %d", got, since)
	}
	for _, f := range old {
		if _, err := os.Stat(strings.TrimPrefix(f.Path, "file://")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", f.Path, err)
		}
	}
}

func TestBranchesAndTagsStay(t *testing.T) {
	r := localRig(t)
	r.fill(5)
	snaps := r.snapshots()
	cat, ident := r.catalog()
	setRef(t, cat, ident, "audit", snaps[1].ID, "branch")
	setRef(t, cat, ident, "v1", snaps[3].ID, "tag")
	if got := r.expirable(lake.Keep{AtLeast: 1, Now: time.Now().Add(time.Hour)}); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("%v would go", got)
	}
	r.maintain()
	for _, i := range []int{1, 3} {
		past, err := r.table().At(r.ctx, snaps[i].ID)
		ok(t, err)
		if n := len(r.rows(past)); n != 3*(i+1) {
			t.Errorf("snapshot %d has %d rows", i, n)
		}
	}
	if refs := r.foreign().Metadata().Refs(); refs == nil {
		t.Error("no refs")
	} else {
		names := map[string]bool{}
		for name := range refs {
			names[name] = true
		}
		if !names["audit"] || !names["v1"] || !names["main"] {
			t.Errorf("refs %v", names)
		}
	}
}

func TestGarbageCollectionForbidden(t *testing.T) {
	r := localRig(t)
	r.fill(5)
	tx := r.foreign().NewTransaction()
	ok(t, tx.SetProperties(iceberg.Properties{"gc.enabled": "false"}))
	_, err := tx.Commit(r.ctx)
	ok(t, err)
	p := r.plan()
	if len(p.Expire.Snapshots) != 0 || len(p.Notes) != 1 || len(p.Compact) != 1 {
		t.Fatalf("planned %+v", p)
	}
	e, err := r.l.Expire(r.ctx, name, lake.Keep{AtLeast: 1, Now: time.Now().Add(time.Hour)}, r.places())
	if err != nil || len(e.Snapshots) != 0 || len(r.orphansNow().Files) != 0 {
		t.Fatalf("expired %+v, %v", e, err)
	}
}

func (r *rig) put(path string, age time.Duration) string {
	r.t.Helper()
	full := filepath.Join(r.root, filepath.FromSlash(path))
	ok(r.t, os.MkdirAll(filepath.Dir(full), 0o755))
	ok(r.t, os.WriteFile(full, []byte("left behind"), 0o644))
	at := time.Now().Add(-age)
	ok(r.t, os.Chtimes(full, at, at))
	return full
}

func there(path string) bool { _, err := os.Lstat(path); return err == nil }

func TestOrphans(t *testing.T) {
	r := localRig(t)
	r.fill(2)
	week := 7 * 24 * time.Hour
	for path, stays := range map[string]bool{
		"raw.db/t/data/part-old.parquet":                    false,
		"raw.db/t/data/p=1/other-tool.parquet":              false,
		"raw.db/t/metadata/00000-old.metadata.json":         false,
		"raw.db/t/metadata/weir-ledger-none.json":           false,
		"raw.db/t/changes/weir-000009-x-12345678/c.parquet": false,
		"raw.db/u/data/part-old.parquet":                    true, // another folder
		"raw.db/t2/data/part-old.parquet":                   true,
		"notes.txt":                                         true,
	} {
		full := r.put(path, week)
		t.Run(path, func(t *testing.T) {
			if there(full) != true {
				t.Fatal("not made")
			}
			t.Cleanup(func() {
				if there(full) != stays {
					t.Errorf("there: %v, want %v", there(full), stays)
				}
			})
			r.maintain()
		})
	}
	young := r.put("raw.db/t/data/part-young.parquet", 2*24*time.Hour)
	half := r.put("raw.db/t/data/.weir-put-123", week)
	r.put("raw.db/t/data/part-old.parquet", week)
	empty := filepath.Join(r.root, "_stages", "raw.gone")
	ok(t, os.MkdirAll(empty, 0o755))
	ok(t, os.Chtimes(empty, time.Now().Add(-week), time.Now().Add(-week)))
	r.maintain()
	if !there(young) || there(half) || there(empty) {
		t.Errorf("young file there: %v, unfinished file there: %v, empty folder there: %v", there(young), there(half), there(empty))
	}
	r.same(r.query("SELECT count(*) FROM ("+must(r.table().Scan(r.ctx, lake.ScanOptions{})).SQL+")"), []string{"6"})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A stage is spared while its lease runs, whatever its files' age; when it has long ended the stage goes, but not what it committed.
func TestStagesAreSpared(t *testing.T) {
	r := localRig(t)
	r.fill(1)
	s, err := r.l.NewStage(r.ctx, name, "000777-open")
	ok(t, err)
	path := filepath.Join(s.Dir(), "part-1.parquet")
	ok(t, os.WriteFile(path, []byte("rows to come"), 0o644))
	old := time.Now().Add(-30 * 24 * time.Hour)
	ok(t, os.Chtimes(path, old, old))
	r.maintain()
	if !there(path) {
		t.Fatal("the file of an open stage is gone")
	}
	// As if its process had died long ago.
	o, err := r.l.Orphans(r.ctx, name, time.Now().Add(time.Hour), r.places())
	ok(t, err)
	if len(o.Stages) != 1 || len(o.Files) != 1 {
		t.Fatalf("found %+v", o)
	}
	_, err = r.l.RemoveOrphans(r.ctx, name, o, time.Now().Add(time.Hour), r.places())
	ok(t, err)
	stages, err := r.l.Stages(r.ctx, name)
	if err != nil || len(stages) != 0 || there(path) {
		t.Fatalf("stages %+v, file there: %v", stages, there(path))
	}
	if n := len(r.rows(r.table())); n != 3 {
		t.Fatalf("%d rows", n)
	}
	ok(t, s.Discard(r.ctx))
}

// Nothing outside a table's own folder is touched: not what a link in it leads to, not a table that lies inside, not data files
// that were added from elsewhere.
func TestOutsideStays(t *testing.T) {
	r := localRig(t)
	r.fill(1)
	outside := t.TempDir()
	target := filepath.Join(outside, "precious.parquet")
	ok(t, os.WriteFile(target, []byte("precious"), 0o644))
	old := time.Now().Add(-30 * 24 * time.Hour)
	ok(t, os.Chtimes(target, old, old))
	ok(t, os.Symlink(outside, filepath.Join(r.root, "raw.db", "t", "data", "link")))
	imported := filepath.Join(outside, "imported.parquet")
	ok(t, r.s.Exec(r.ctx, "COPY (SELECT 70::bigint AS id, 0::integer AS p, 'x' AS v) TO "+job.Literal(imported)+" (FORMAT parquet)"))
	ok(t, os.Chtimes(imported, old, old))
	tx := r.foreign().NewTransaction()
	ok(t, tx.AddFiles(r.ctx, []string{"file://" + imported}, nil, false))
	_, err := tx.Commit(r.ctx)
	ok(t, err)
	r.fill(5)
	before := r.rows(r.table())
	r.u.OrphanAge = -time.Hour
	if c := r.maintain().Compacted; c.Files != 7 {
		t.Fatalf("did %+v", c)
	}
	r.maintain()
	r.same(r.rows(r.table()), before)
	if !there(target) || !there(imported) {
		t.Errorf("linked file there: %v, imported file there: %v", there(target), there(imported))
	}
}

// Writers append and change rows while maintenance compacts, expires and removes without a pause. No row is lost.
func TestWritersAtOnce(t *testing.T) {
	r := localRig(t)
	r.part = byP()
	r.fill(6)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const each = 12
	var writers, keeper sync.WaitGroup
	errs := make([]error, 3)
	for w := range 2 {
		mine := *r
		mine.runs = 1000 * (w + 1)
		writers.Go(func() {
			for i := range each {
				id := 1000*(w+1) + i
				err := mine.commit(context.Background(), fmt.Sprintf("SELECT %d AS id, %d AS p, 'w' AS v", id, i%3), nil, job.Counts{}, job.Position{fmt.Sprint("w", w): fmt.Sprint(i + 1)})
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	keeper.Go(func() {
		mine := *r
		mine.runs = 9000
		for ctx.Err() == nil && errs[2] == nil {
			places, err := mine.l.Places(context.Background())
			if err != nil {
				errs[2] = err
				return
			}
			t := mine.kept()
			p, err := mine.u.Plan(context.Background(), t, places)
			if err == nil {
				_, err = mine.u.Do(context.Background(), p, mine.run(), time.Now(), places)
			}
			if fault.ClassOf(err) != fault.Conflict {
				errs[2] = err
			}
		}
	})
	writers.Wait()
	cancel()
	keeper.Wait()
	ok(t, errors.Join(errs...))
	want := make([]string, 0, 18+2*each)
	for _, row := range r.rows(r.table()) {
		want = append(want, strings.SplitN(row, "|", 2)[0])
	}
	if len(want) != 18+2*each || len(slices.Compact(slices.Sorted(slices.Values(want)))) != len(want) {
		t.Fatalf("ids %v", want)
	}
	l := r.ledger()
	for _, s := range []string{"w0", "w1"} {
		if l.Position[s] != fmt.Sprint(each) {
			t.Errorf("position %v", l.Position)
		}
	}
	r.maintain()
	if n := len(r.rows(r.table())); n != len(want) {
		t.Errorf("%d rows", n)
	}
	for _, f := range r.orphansNow().Files {
		if !strings.Contains(f.Key, "/metadata/weir-ledger-") { // of a commit that lost
			t.Errorf("left behind: %s", f.Key)
		}
	}
}

// The same in S3.
func TestRemote(t *testing.T) {
	location, s3 := blobtest.Bucket(t)
	r := newRig(t, lake.Config{Location: location + "/lake", State: t.TempDir(), S3: s3})
	r.part, r.sort = byP(), []string{`"id" DESC`}
	r.fill(6)
	before := r.rows(r.table())
	p := r.plan()
	if len(p.Compact) != 3 || len(p.Expire.Snapshots) != 5 || p.Expire.Removed.Files == 0 || p.Expire.Removed.Bytes == 0 {
		t.Fatalf("planned %+v", p)
	}
	done := r.maintain()
	if done.Compacted.Files != 18 || done.Compacted.Written != 3 || len(done.Expired.Snapshots) != 5 || done.Expired.Removed.Files == 0 {
		t.Fatalf("did %+v", done)
	}
	if done = r.maintain(); len(done.Expired.Snapshots) != 1 || done.Expired.Removed.Files < 18 {
		t.Fatalf("did %+v", done)
	}
	r.same(r.rows(r.table()), before)
	if o := r.orphansNow(); len(o.Files) != 0 {
		t.Errorf("orphans %+v", o.Files)
	}
	if p := r.plan(); !p.Nothing() {
		t.Errorf("then there is %+v to do", p)
	}
}

// While a branch waits to be published main does not move; then it is compacted, and what the branch named stays as long as it does.
func TestBranchThatWaits(t *testing.T) {
	r := localRig(t)
	r.fill(6)
	on, err := r.l.Branch("try")
	ok(t, err)
	mine := *r
	mine.l, mine.runs = on, 500
	mine.append("SELECT 900 AS id, 0 AS p, 'branch' AS v", nil)
	p := r.plan()
	if len(p.Compact) != 0 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "branch try") {
		t.Fatalf("planned %+v, %q", p.Compact, p.Notes)
	}
	r.u.OrphanAge = -time.Hour
	r.maintain()
	if n := len(mine.rows(mine.table())); n != 19 {
		t.Fatalf("%d rows on the branch", n)
	}
	_, err = mine.table().Ledger(r.ctx)
	ok(t, err)
	ok(t, r.l.Publish(r.ctx, name, "try"))
	if c := r.maintain().Compacted; c.Files != 7 || c.Written != 1 {
		t.Fatalf("did %+v", c)
	}
	// A branch that main has left behind holds nobody up, and can be read all the same.
	mine.append("SELECT 901 AS id, 0 AS p, 'branch' AS v", nil)
	r.fill(5)
	before := mine.rows(mine.table())
	if c := r.maintain().Compacted; c.Files == 0 {
		t.Fatalf("did %+v", c)
	}
	r.maintain()
	r.same(mine.rows(mine.table()), before)
}
