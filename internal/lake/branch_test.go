package lake_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// on is the rig's lake on a branch.
func (r *rig) on(branch string) *rig {
	r.t.Helper()
	l, err := r.l.Branch(branch)
	ok(r.t, err)
	return &rig{t: r.t, l: l, db: r.db, config: r.config}
}

// read appends a query's rows as the read of one split.
func (r *rig) read(table, run, split, query string) {
	r.t.Helper()
	b := r.begin(table, run, query)
	b.in.Next = job.Position{split: "1"}
	_, err := b.commit()
	ok(r.t, err)
}

func (r *rig) list(table, columns string) string {
	r.t.Helper()
	return strings.Join(r.rows("SELECT "+columns+" FROM "+r.scan(table, lake.ScanOptions{})+" ORDER BY ALL"), " ")
}

func (r *rig) snapshot(table string) lake.Snapshot {
	r.t.Helper()
	s, is := r.table(table).Snapshot()
	if !is {
		r.t.Fatalf("%s has no snapshot", table)
	}
	return s
}

func (r *rig) position(table string) string {
	r.t.Helper()
	l, err := r.table(table).Ledger(r.t.Context())
	ok(r.t, err)
	var splits []string
	for s := range l.Position {
		splits = append(splits, s)
	}
	slices.Sort(splits)
	return strings.Join(splits, " ")
}

func TestRollbackMovesAll(t *testing.T) {
	r := localRig(t)
	r.read("a.t", "r1", "one", "SELECT 1 AS a")
	first := r.snapshot("a.t")
	r.read("a.t", "r2", "two", "SELECT 2 AS a, 'x' AS b")
	second := r.snapshot("a.t")
	if err := r.l.Rollback(t.Context(), "a.t", first.ID, first.ID); fault.ClassOf(err) != fault.Conflict {
		t.Fatalf("rolled back from where the table is not: %v", err)
	}
	ok(t, r.l.Rollback(t.Context(), "a.t", second.ID, first.ID))
	if got := r.list("a.t", "*"); got != "1" || r.position("a.t") != "one" {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
	if l, err := r.table("a.t").Ledger(t.Context()); err != nil || l.HasRun("r2") || !l.HasRun("r1") {
		t.Errorf("ledger %+v, %v", l.Runs, err)
	}
	// The run whose commit was undone commits again: what it read is not there any more.
	r.read("a.t", "r2", "two", "SELECT 3 AS a, 'y' AS b")
	if got := r.list("a.t", "a, b"); got != "1|<nil> 3|y" || r.position("a.t") != "one two" {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
	var states []string
	for _, e := range r.table("a.t").History() {
		states = append(states, string(e.State))
	}
	if got := strings.Join(states, ", "); got != "earlier, rolled back, current" {
		t.Error(got)
	}
	// And forward to what was undone, with its schema.
	ok(t, r.l.Rollback(t.Context(), "a.t", r.snapshot("a.t").ID, second.ID))
	if got := r.list("a.t", "a, b"); got != "1|<nil> 2|x" {
		t.Error(got)
	}
	if err := r.l.Rollback(t.Context(), "a.t", second.ID, 77); fault.ClassOf(err) != fault.Usage {
		t.Error(err)
	}
}

// TestRollbackBeforeAnotherTool: the property names the ledger that main went back to, so that another tool's snapshot finds it
// even where all that came before has expired.
func TestRollbackBeforeAnotherTool(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.read("a.t", "r1", "one", "SELECT 1::BIGINT AS a")
	first := r.snapshot("a.t")
	r.read("a.t", "r2", "two", "SELECT 2::BIGINT AS a")
	ok(t, r.l.Rollback(t.Context(), "a.t", r.snapshot("a.t").ID, first.ID))
	f.append("a.t", 9)
	if got := r.list("a.t", "a"); got != "1 9" || r.position("a.t") != "one" {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
}

func TestNamed(t *testing.T) {
	r := localRig(t)
	for _, run := range []string{"000001-a", "000002-b", "000005-c"} {
		r.append("a.t", run, "SELECT 1 AS a")
	}
	table := r.table("a.t")
	all := table.Snapshots()
	for name, want := range map[string]int{"1": 0, "3": 2, "@0": 2, "current": 2, "@-1": 1, "@-2": 0, "previous": 1, "run:1": 0, "run:4": 1, "run:9": 2,
		"9999-01-01": 2, all[1].At.Format("2006-01-02T15:04:05.000Z07:00"): 1} {
		at, err := table.Named(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s, _ := at.Snapshot(); s.ID != all[want].ID {
			t.Errorf("%s is snapshot %d, want %d", name, s.Number, want+1)
		}
	}
	for _, name := range []string{"", "4", "@-3", "@-x", "@", "run:0", "run:x", "2001-01-01", "yesterday"} {
		if _, err := table.Named(t.Context(), name); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBranch(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.read("a.t", "r1", "one", "SELECT 1 AS a")
	main := r.snapshot("a.t")
	dev := r.on("dev")
	dev.read("a.t", "d1", "two", "SELECT 2 AS a, 'x' AS b")
	dev.read("a.t", "d2", "three", "SELECT 3 AS a, 'y' AS b")
	// Main has noticed nothing: not its rows, nor its columns, nor its position.
	if got := r.list("a.t", "*"); got != "1" || r.position("a.t") != "one" || r.snapshot("a.t").ID != main.ID || r.table("a.t").SchemaID() != 0 {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
	if got := dev.list("a.t", "a, b"); got != "1|<nil> 2|x 3|y" || dev.position("a.t") != "one three two" {
		t.Errorf("on the branch: %s, %s", got, dev.position("a.t"))
	}
	if s := f.load("a.t").Metadata().SnapshotByName("dev"); s == nil || s.SnapshotID != dev.snapshot("a.t").ID {
		t.Errorf("another tool finds %+v", s)
	}
	if b := r.table("a.t").Branches(); len(b) != 1 || b[0].Name != "dev" {
		t.Errorf("branches %+v", b)
	}
	// Main goes on by itself: another column, another position.
	r.read("a.t", "r2", "four", "SELECT 4 AS a, 1.5 AS c")
	if got := r.list("a.t", "a, c"); got != "1|<nil> 4|1.5" || r.position("a.t") != "four one" {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
	if got := dev.list("a.t", "*"); got != "1|<nil> 2|x 3|y" {
		t.Errorf("on the branch: %s", got)
	}
	// So the branch does not fit on main any more.
	err := r.l.Publish(t.Context(), "a.t", "dev")
	if fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "main of a.t has moved") {
		t.Fatal(err)
	}
	ok(t, r.l.Rollback(t.Context(), "a.t", r.snapshot("a.t").ID, main.ID))
	ok(t, r.l.Publish(t.Context(), "a.t", "dev"))
	if got := r.list("a.t", "*"); got != "1|<nil> 2|x 3|y" || r.position("a.t") != "one three two" || len(r.table("a.t").Branches()) > 0 {
		t.Errorf("published: %s, %s", got, r.position("a.t"))
	}
	r.append("a.t", "r3", "SELECT 5 AS a, 'z' AS b")
	if got := r.list("a.t", "*"); got != "1|<nil> 2|x 3|y 5|z" {
		t.Error(got)
	}
}

func TestBranchOfNewTable(t *testing.T) {
	r := localRig(t)
	dev := r.on("dev")
	dev.read("a.t", "d1", "one", "SELECT 1 AS a")
	if !r.table("a.t").OnlyBranches() || r.position("a.t") != "" {
		t.Errorf("on main: position %s", r.position("a.t"))
	}
	if _, is := r.table("a.t").Snapshot(); is {
		t.Error("main has a snapshot")
	}
	ok(t, r.l.Publish(t.Context(), "a.t", "dev"))
	if got := r.list("a.t", "*"); got != "1" || r.position("a.t") != "one" {
		t.Errorf("rows %s, position %s", got, r.position("a.t"))
	}
	dev.read("a.u", "d2", "one", "SELECT 1 AS a")
	ok(t, r.l.DropBranch(t.Context(), "a.u", "dev"))
	if r.table("a.u") != nil {
		t.Error("a table of a dropped branch alone is still there")
	}
	dev.read("a.t", "d3", "two", "SELECT 2 AS a")
	ok(t, r.l.DropBranch(t.Context(), "a.t", "dev"))
	if got := r.list("a.t", "*"); got != "1" || len(r.table("a.t").Branches()) > 0 {
		t.Error(got)
	}
	if err := r.l.DropBranch(t.Context(), "a.t", "dev"); fault.ClassOf(err) != fault.Usage {
		t.Error(err)
	}
	for _, name := range []string{"", "main", "a b", "-x", strings.Repeat("x", 70)} {
		if _, err := r.l.Branch(name); fault.ClassOf(err) != fault.Usage {
			t.Errorf("branch %q: %v", name, err)
		}
	}
}

// TestBranchWithoutBase: what a branch came from may expire. While its ledger or earlier metadata tell of it, it is published; else
// the error says why not.
func TestBranchWithoutBase(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.read("a.t", "r1", "one", "SELECT 1::BIGINT AS a")
	dev := r.on("dev")
	dev.read("a.t", "d1", "two", "SELECT 2::BIGINT AS a")
	dev.read("a.t", "d2", "three", "SELECT 3::BIGINT AS a")
	f.expire("a.t")
	if len(r.table("a.t").Snapshots()) != 2 || r.table("a.t").HasBranch("dev") == false {
		t.Fatalf("%+v is left", r.table("a.t").Snapshots())
	}
	if got := dev.list("a.t", "*"); got != "1 2 3" {
		t.Fatal(got)
	}
	r.forgetMetadata("a.t")
	if _, err := r.l.Publishable(t.Context(), "a.t", "dev"); err != nil {
		t.Errorf("the ledger tells of it: %v", err)
	}
	f.append("a.t", 9)
	r.forgetMetadata("a.t")
	err := r.l.Publish(t.Context(), "a.t", "dev")
	if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "base of branch dev of a.t has expired") {
		t.Fatal(err)
	}
}

// forgetMetadata deletes all metadata files of a table but the current one.
func (r *rig) forgetMetadata(table string) {
	r.t.Helper()
	now := strings.TrimPrefix(r.table(table).MetadataLocation(), "file://")
	all, err := filepath.Glob(filepath.Join(filepath.Dir(now), "*.metadata.json"))
	ok(r.t, err)
	for _, path := range all {
		if path != now {
			ok(r.t, os.Remove(path))
		}
	}
}

// TestDiffering: files that stand in both versions are left out, whatever other tools deleted of them in between, and what is
// left differs just as the whole does.
func TestDiffering(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.append("a.t", "r1", "SELECT range AS a FROM range(10)")
	r.append("a.t", "r2", "SELECT range + 100 AS a FROM range(10)")
	was := r.table("a.t")
	f.delete("a.t", iceberg.EqualTo(iceberg.Reference("a"), int64(3)), "merge-on-read")
	r.append("a.t", "r3", "SELECT 7::BIGINT AS a")
	is := r.table("a.t")
	r.differ(was, is, "3", "7")
	// Files that the same rows are deleted of stand in both.
	r.append("a.t", "r4", "SELECT 8::BIGINT AS a")
	if n := r.differ(is, r.table("a.t"), "", "8"); n != 20 {
		t.Errorf("%d rows left out", n)
	}
	r.differ(was, r.table("a.t"), "3", "7 8")
	r.differ(r.table("a.t"), was, "7 8", "3")
	if n := r.differ(is, is, "", ""); n != 20 {
		t.Errorf("%d rows left out of nothing", n)
	}
}

// differ checks what of two versions differs, with and without the files that stand in both, and gives how many rows those hold.
func (r *rig) differ(was, is *lake.Table, gone, come string) (rest int) {
	r.t.Helper()
	for _, short := range []bool{true, false} {
		s, err := lake.Differing(r.t.Context(), was, is, short)
		ok(r.t, err)
		if s.Rest.SQL != "" {
			rest = len(r.rows(s.Rest.SQL))
		}
		got := strings.Join(r.rows("SELECT * FROM (("+s.Was.SQL+") EXCEPT ALL ("+s.Is.SQL+")) ORDER BY ALL"), " ") + "|" +
			strings.Join(r.rows("SELECT * FROM (("+s.Is.SQL+") EXCEPT ALL ("+s.Was.SQL+")) ORDER BY ALL"), " ")
		if got != gone+"|"+come {
			r.t.Errorf("gone|come %s, want %s|%s", got, gone, come)
		}
	}
	return rest
}

// TestRollbackWithoutAnswer: a rollback whose answer from the catalog is lost finds out by itself how it ended, and says so.
func TestRollbackWithoutAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		swap  func(n int, swap func() error) error
		class fault.Class
		rows  string
	}{
		{"done, unheard", func(_ int, swap func() error) error { return errors.Join(swap(), errors.New("no answer")) }, "", "1"},
		{"lost at first", func(n int, swap func() error) error {
			if n == 1 {
				return errors.New("no answer")
			}
			return swap()
		}, "", "1"},
		{"never there", func(int, func() error) error { return errors.New("no answer") }, fault.Unavailable, "1 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := localRig(t)
			r.read("a.t", "r1", "one", "SELECT 1 AS a")
			first := r.snapshot("a.t")
			r.read("a.t", "r2", "two", "SELECT 2 AS a")
			n := 0
			r.l.DisturbSwaps(func(swap func() error) error { n++; return c.swap(n, swap) })
			if err := r.l.Rollback(t.Context(), "a.t", r.snapshot("a.t").ID, first.ID); fault.ClassOf(err) != c.class {
				t.Errorf("%v", err)
			}
			if got := r.list("a.t", "a"); got != c.rows {
				t.Errorf("rows %s", got)
			}
		})
	}
}
