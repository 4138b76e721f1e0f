package maintain_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func byP() []job.PartitionField {
	return []job.PartitionField{{Name: "p", Column: "p", Transform: "identity"}}
}

// fill appends n times three rows, each to a partition of its own.
func (r *rig) fill(n int) {
	r.t.Helper()
	for i := range n {
		r.append(fmt.Sprintf("SELECT %d + i AS id, i AS p, 'v' || (i * 7 %% 5) AS v FROM range(3) AS t(i)", 10*i), job.Position{"s": fmt.Sprint(i + 1)})
	}
}

func (r *rig) files() []lake.DataFile {
	r.t.Helper()
	files, err := r.table().Files(r.ctx)
	ok(r.t, err)
	return files
}

func (r *rig) ledger() lake.Ledger {
	r.t.Helper()
	l, err := r.table().Ledger(r.ctx)
	ok(r.t, err)
	return l
}

func TestSmallFilesAreJoined(t *testing.T) {
	r := localRig(t)
	r.part, r.sort = byP(), []string{`"v"`, `"id" DESC`}
	r.fill(7)
	before, was, since := r.rows(r.table()), r.ledger(), r.table().RowsSince()
	p := r.plan()
	if len(p.Compact) != 3 || p.Compact[0].Small != 7 || p.Compact[0].Unsorted != 7 {
		t.Fatalf("planned %+v", p.Compact)
	}
	done := r.compact()
	if c := done.Compacted; c.Files != 21 || c.Written != 3 || c.Counts.Before != 21 || c.Counts.After != 21 || done.More {
		t.Fatalf("did %+v", done)
	}
	r.same(r.rows(r.table()), before)
	snap, _ := r.table().Snapshot()
	if snap.Operation != "replace" || !snap.SameRows() || r.table().RowsSince() != since {
		t.Fatalf("snapshot %+v", snap)
	}
	if l := r.ledger(); !l.Position.Equal(was.Position) || len(l.Runs) != len(was.Runs)+1 {
		t.Fatalf("ledger %+v, was %+v", l, was)
	}
	if _, mapped := r.table().Properties()["schema.name-mapping.default"]; mapped {
		t.Error("a name mapping was written, which would not follow the columns")
	}
	// Each file holds one partition, and its rows stand in the order asked for, which Iceberg knows of.
	ice := r.foreign()
	if o := ice.SortOrder(); o.Len() != 2 || o.Field(1).Direction != table.SortDESC || o.Field(0).NullOrder != table.NullsLast {
		t.Errorf("order %v", o)
	}
	for _, f := range r.files() {
		path := strings.TrimPrefix(f.Path, "file://")
		in := r.query("SELECT v, id FROM read_parquet(" + job.Literal(path) + ", hive_partitioning = false) ORDER BY file_row_number")
		if sorted := r.query("SELECT v, id FROM read_parquet(" + job.Literal(path) + ", hive_partitioning = false) ORDER BY v, id DESC"); !slices.Equal(in, sorted) {
			t.Errorf("%s holds %q", f.Path, in)
		}
	}
	if p := r.plan(); len(p.Compact) != 0 {
		t.Errorf("then there is %+v to do", p.Compact)
	}
	// What is appended later is not in this order; only that is written again.
	r.append("SELECT 99 AS id, 1 AS p, 'v' AS v", nil)
	if p := r.plan(); len(p.Compact) != 1 || p.Compact[0].Unsorted != 1 || len(p.Compact[0].Files) != 2 {
		t.Errorf("then there is %+v to do", p.Compact)
	}
}

func TestFewSmallFilesStay(t *testing.T) {
	r := localRig(t)
	r.fill(4)
	if p := r.plan(); !p.Nothing() && len(p.Compact) > 0 {
		t.Fatalf("planned %+v", p.Compact)
	}
	r.fill(1)
	if p := r.plan(); len(p.Compact) != 1 || len(p.Compact[0].Files) != 5 {
		t.Fatalf("planned %+v", p.Compact)
	}
}

// A group holds so many bytes and a pass so many groups; pass by pass all is done.
func TestGroupsAndPasses(t *testing.T) {
	r := localRig(t)
	r.part = byP()
	r.fill(12)
	one := r.files()[0].Bytes
	r.u.GroupBytes, r.u.PassBytes = 6*one+one/2, 13*one
	before := r.rows(r.table())
	passes := 0
	for more := true; more; passes++ {
		done := r.compact()
		if c := done.Compacted; c.Files > 13 || c.Written > 2 {
			t.Fatalf("pass %d did %+v", passes, c)
		}
		more = done.More
	}
	if passes < 3 {
		t.Errorf("%d passes", passes)
	}
	r.same(r.rows(r.table()), before)
	if n := len(r.files()); n > 9 {
		t.Errorf("%d files are left", n)
	}
}

// Rows that another tool deleted go for good, and the delete files with them.
func TestDeletedRowsGo(t *testing.T) {
	r := localRig(t)
	r.append("SELECT i AS id, 0 AS p, 'x' AS v FROM range(1000) t(i)", nil)
	r.append("SELECT i AS id, 0 AS p, 'x' AS v FROM range(1000, 2000) t(i)", nil)
	r.deleteByPosition(iceberg.LessThan(iceberg.Reference("id"), int64(3)))
	if p := r.plan(); len(p.Compact) != 0 {
		t.Fatalf("3 of 1,000 rows are worth %+v", p.Compact)
	}
	r.deleteByPosition(iceberg.LessThan(iceberg.Reference("id"), int64(100)))
	p := r.plan()
	if len(p.Compact) != 1 || p.Compact[0].Pruned == 0 {
		t.Fatalf("planned %+v", p.Compact)
	}
	r.deleteByEquality(1500)
	if done := r.compact(); done.Compacted.Counts.After != 1899 {
		t.Fatalf("did %+v", done.Compacted)
	}
	got := r.rows(r.table())
	if len(got) != 1899 || got[0] != "100|0|x" {
		t.Fatalf("%d rows from %s", len(got), got[0])
	}
	if s := r.foreign().CurrentSnapshot().Summary.Properties; s["total-delete-files"] != "0" || s["total-records"] != "1899" {
		t.Errorf("summary %v", s)
	}
}

// All of a table's rows may be gone.
func TestNothingIsLeft(t *testing.T) {
	r := localRig(t)
	r.append("SELECT 1 AS id, 0 AS p, 'x' AS v", nil)
	r.deleteByEquality(1)
	if c := r.compact().Compacted; c.Files != 1 || c.Written != 0 {
		t.Fatalf("did %+v", c)
	}
	if n := len(r.files()); n != 0 || len(r.rows(r.table())) != 0 {
		t.Fatalf("%d files", n)
	}
}

// Files of earlier schemas and partition specs are written as the table is today.
func TestEvolvedTable(t *testing.T) {
	r := localRig(t)
	r.part = byP()
	r.fill(2)
	tx := r.foreign().NewTransaction()
	ok(t, tx.UpdateSchema(true, false).RenameColumn([]string{"v"}, "word").AddColumn([]string{"more"}, iceberg.PrimitiveTypes.Int32, "", false, nil).Commit())
	_, err := tx.Commit(r.ctx)
	ok(t, err)
	tx = r.foreign().NewTransaction()
	ok(t, tx.UpdateSpec(true).AddField("id", iceberg.BucketTransform{NumBuckets: 2}, "id_bucket").RemoveField("p").Commit())
	_, err = tx.Commit(r.ctx)
	ok(t, err)
	r.sort = []string{`"more" NULLS FIRST`, `"id"`}
	before := r.rows(r.table())
	p := r.plan()
	if len(p.Compact) != 3 || !p.Compact[0].Spread || p.Compact[0].Moved != 2 {
		t.Fatalf("planned %+v", p.Compact)
	}
	r.compact()
	r.same(r.rows(r.table()), before)
	spec := r.foreign().Spec()
	for _, f := range r.files() {
		if f.Spec != spec.ID() || f.Partition["id_bucket"] == nil {
			t.Errorf("file %+v", f.File)
		}
	}
	if p := r.plan(); slices.ContainsFunc(p.Compact, func(g lake.Group) bool { return g.Moved+g.Unsorted > 0 }) {
		t.Errorf("then there is %+v to do", p.Compact)
	}
	// Another engine finds every row by its partition.
	for i := range 2 {
		for j := range 3 {
			scan := r.foreign().Scan(table.WithRowFilter(iceberg.EqualTo(iceberg.Reference("id"), int64(10*i+j))))
			found, err := scan.ToArrowTable(r.ctx)
			ok(t, err)
			if found.NumRows() != 1 {
				t.Errorf("id %d is found %d times", 10*i+j, found.NumRows())
			}
		}
	}
}

// A column of sort that the table does not have yet keeps nobody from joining files.
func TestSortColumnIsMissing(t *testing.T) {
	r := localRig(t)
	r.fill(5)
	r.sort = []string{`"later"`}
	p := r.plan()
	if len(p.Compact) != 1 || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "sort") {
		t.Fatalf("planned %+v, %q", p.Compact, p.Notes)
	}
	if c := r.compact().Compacted; c.Written != 1 {
		t.Fatalf("did %+v", c)
	}
}

func TestWideTable(t *testing.T) {
	r := localRig(t)
	r.size = 64 << 20
	items := make([]string, 5000)
	for i := range items {
		name := fmt.Sprintf("c%d", i)
		r.cols = append(r.cols, job.Column{Name: name, Type: "INTEGER"})
		items[i] = fmt.Sprintf("%d AS %s", i, name)
	}
	for i := range 5 {
		r.append(fmt.Sprintf("SELECT %d AS id, 0 AS p, 'x' AS v, ", i)+strings.Join(items, ", "), nil)
	}
	if c := r.compact().Compacted; c.Written != 1 {
		t.Fatalf("did %+v", c)
	}
	rel, err := r.table().Scan(r.ctx, lake.ScanOptions{})
	ok(t, err)
	r.same(r.query("SELECT count(*), sum(c4999), sum(id) FROM ("+rel.SQL+")"), []string{"5|24995|10"})
}

// meddling is an engine in front of whose first rewrite something happens.
type meddling struct {
	engine.Engine
	meddle func()
}

func (m *meddling) Open(ctx context.Context) (engine.Session, error) {
	s, err := m.Engine.Open(ctx)
	return &meddlingSession{s, m}, err
}

type meddlingSession struct {
	engine.Session
	m *meddling
}

func (s *meddlingSession) Stage(ctx context.Context, w job.Write, ids string, p job.Params) ([]job.File, error) {
	files, err := s.Session.Stage(ctx, w, ids, p)
	if do := s.m.meddle; do != nil {
		s.m.meddle = nil
		do()
	}
	return files, err
}

// What other writers do between the rewriting of a file and its commit is not lost: a group whose files they touched is left to
// them, the others are committed.
func TestOthersAreFaster(t *testing.T) {
	for what, c := range map[string]struct {
		meddle    func(r *rig)
		overtaken int
		rows      func(before []string) []string
	}{
		"an append": {func(r *rig) { r.append("SELECT 77 AS id, 1 AS p, 'new' AS v", nil) }, 0,
			func(b []string) []string { return append(b, "77|1|new") }},
		"deleted rows": {func(r *rig) { r.deleteByPosition(iceberg.EqualTo(iceberg.Reference("id"), int64(11))) }, 1,
			func(b []string) []string { return without(b, "11|1|v2") }},
		"equality deletes": {func(r *rig) { r.deleteByEquality(31) }, 1,
			func(b []string) []string { return without(b, "31|1|v2") }},
		"a rewrite": {func(r *rig) {
			i := slices.IndexFunc(r.files(), func(f lake.DataFile) bool { return *f.Partition["p"] == "2" })
			ok(r.t, r.commit(r.ctx, "SELECT 500 AS id, 2 AS p, 'up' AS v", []string{r.files()[i].Path}, job.Counts{Updated: 1}, nil))
		}, 1, nil},
		"another maintenance": {func(r *rig) { r.compact() }, 3, func(b []string) []string { return b }},
		"a schema change": {func(r *rig) {
			tx := r.foreign().NewTransaction()
			ok(r.t, tx.UpdateSchema(true, false).RenameColumn([]string{"v"}, "w").Commit())
			_, err := tx.Commit(r.ctx)
			ok(r.t, err)
		}, 0, func(b []string) []string { return b }},
	} {
		t.Run(what, func(t *testing.T) {
			r := localRig(t)
			r.part = byP()
			r.fill(5)
			want := r.rows(r.table())
			calm := *r.u
			other := *r
			other.u, other.runs = &calm, 100
			r.u.Engine = &meddling{Engine: r.eng, meddle: func() { c.meddle(&other); want = updated(r, want, c.rows) }}
			done := r.compact()
			if done.Compacted.Overtaken != c.overtaken {
				t.Errorf("%d groups overtaken, want %d", done.Compacted.Overtaken, c.overtaken)
			}
			r.same(r.rows(r.table()), want)
			stages, err := r.l.Stages(r.ctx, name)
			if err != nil || len(stages) != 0 {
				t.Errorf("stages left: %+v, %v", stages, err)
			}
			if o := r.orphansNow(); len(o.Files) != 0 {
				t.Errorf("files left: %+v", o.Files)
			}
		})
	}
}

func updated(r *rig, before []string, rows func([]string) []string) []string {
	if rows == nil {
		return r.rows(r.table())
	}
	out := rows(slices.Clone(before))
	return r.query("SELECT * FROM (VALUES " + values(out) + ") AS t(id, p, v) ORDER BY ALL")
}

func without(rows []string, row string) []string {
	return slices.DeleteFunc(rows, func(r string) bool { return r == row })
}

func TestDeletionVectorsAreNamed(t *testing.T) {
	r := localRig(t)
	r.fill(5)
	tx := r.foreign().NewTransaction()
	ok(t, tx.UpgradeFormatVersion(3))
	_, err := tx.Commit(r.ctx)
	ok(t, err)
	r.deleteByPosition(iceberg.EqualTo(iceberg.Reference("id"), int64(11)))
	_, err = r.u.Plan(r.ctx, r.kept(), r.places())
	if fault.ClassOf(err) != fault.Data || !strings.Contains(fmt.Sprint(err), "deletion vectors") {
		t.Fatalf("got %v", err)
	}
}
