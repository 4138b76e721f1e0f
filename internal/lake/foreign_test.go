package lake_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/compaction"
	_ "modernc.org/sqlite"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func decimal(n int64) decimal128.Num { return decimal128.FromBigInt(big.NewInt(n)) }

// foreignTool is plain iceberg-go on the lake's catalog, as any other tool would open it.
type foreignTool struct {
	t   *testing.T
	cat *sqlcat.Catalog
}

func openForeign(t *testing.T, r *rig) *foreignTool {
	t.Helper()
	// The catalog is there once something was committed.
	r.append("z.first", "first", "SELECT 1 AS a")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.place(), "catalog.db")+"?_pragma=busy_timeout(10000)")
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	cat, err := sqlcat.NewCatalog(lake.CatalogName, db, sqlcat.SQLite, iceberg.Properties{"warehouse": "file:///none"})
	ok(t, err)
	return &foreignTool{t, cat}
}

func (f *foreignTool) load(name string) *table.Table {
	f.t.Helper()
	tb, err := f.cat.LoadTable(context.Background(), strings.Split(name, "."))
	ok(f.t, err)
	return tb
}

// append adds rows of one BIGINT column a; such files have field ids.
func (f *foreignTool) append(name string, values ...int64) {
	f.t.Helper()
	tb := f.load(name)
	schema, err := table.SchemaToArrowSchema(tb.Schema(), nil, true, false)
	ok(f.t, err)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, v := range values {
		b.Field(0).(*array.Int64Builder).Append(v)
		for i := 1; i < schema.NumFields(); i++ {
			b.Field(i).AppendNull()
		}
	}
	rdr, err := array.NewRecordReader(schema, []arrow.RecordBatch{b.NewRecordBatch()})
	ok(f.t, err)
	_, err = tb.Append(f.t.Context(), rdr, nil)
	ok(f.t, err)
}

func (f *foreignTool) delete(name string, filter iceberg.BooleanExpression, mode string) {
	f.t.Helper()
	tx := f.load(name).NewTransaction()
	ok(f.t, tx.SetProperties(iceberg.Properties{"write.delete.mode": mode}))
	ok(f.t, tx.Delete(f.t.Context(), filter, nil))
	_, err := tx.Commit(f.t.Context())
	ok(f.t, err)
}

func (f *foreignTool) compact(name string) {
	f.t.Helper()
	tb := f.load(name)
	tasks, err := tb.Scan().PlanFiles(f.t.Context())
	ok(f.t, err)
	cfg := compaction.DefaultConfig()
	cfg.MinInputFiles = 2
	plan, err := cfg.PlanCompaction(tasks)
	ok(f.t, err)
	var groups []table.CompactionTaskGroup
	for _, g := range plan.Groups {
		groups = append(groups, table.CompactionTaskGroup{PartitionKey: g.PartitionKey, Tasks: g.Tasks, TotalSizeBytes: g.TotalSizeBytes})
	}
	tx := tb.NewTransaction()
	_, err = tx.RewriteDataFiles(f.t.Context(), groups, table.RewriteDataFilesOptions{})
	ok(f.t, err)
	_, err = tx.Commit(f.t.Context())
	ok(f.t, err)
}

func (f *foreignTool) expire(name string) {
	f.t.Helper()
	tx := f.load(name).NewTransaction()
	ok(f.t, tx.ExpireSnapshots(table.WithOlderThan(0), table.WithRetainLast(1)))
	_, err := tx.Commit(f.t.Context())
	ok(f.t, err)
}

func (f *foreignTool) rollback(name string, to int64) {
	f.t.Helper()
	tx := f.load(name).NewTransaction()
	ok(f.t, tx.RollbackToSnapshot(to))
	_, err := tx.Commit(f.t.Context())
	ok(f.t, err)
}

// step appends one value at position n.
func (r *rig) step(table string, n int) lake.Snapshot {
	r.t.Helper()
	b := r.begin(table, fmt.Sprint("run-", table, "-", n, "-", len(r.snapshots(table))), fmt.Sprintf("SELECT %d::BIGINT AS a", n))
	b.in.Base, b.in.Next = job.Position{"s": was(n - 1)}, job.Position{"s": was(n)}
	done, err := b.commit()
	ok(r.t, err)
	return done.Snapshot
}

func was(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (r *rig) snapshots(name string) []lake.Snapshot {
	if t := r.table(name); t != nil {
		return t.Snapshots()
	}
	return nil
}

func (r *rig) values(table string) string {
	r.t.Helper()
	got := r.rows("SELECT a FROM " + r.scan(table, lake.ScanOptions{}) + " ORDER BY a")
	return strings.Join(got, " ")
}

// Whatever other tools do to a table, position and rows stay together, and Weir commits on.
func TestForeignTools(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.step("raw.x", 1)
	second := r.step("raw.x", 2)
	f.compact("raw.x")
	if s, _ := r.table("raw.x").Snapshot(); !s.Foreign || s.Operation != "replace" {
		t.Fatalf("compacted into %+v", s)
	}
	if l := r.ledger("raw.x"); l.Position["s"] != "2" || len(l.Runs) != 2 {
		t.Fatalf("after a compaction: %+v", l)
	}
	r.step("raw.x", 3)
	f.append("raw.x", 100, 101)
	r.step("raw.x", 4)
	if got := r.values("raw.x"); got != "1 2 3 4 100 101" {
		t.Fatalf("got %s", got)
	}
	f.delete("raw.x", iceberg.EqualTo(iceberg.Reference("a"), int64(2)), "copy-on-write")
	f.compact("raw.x")
	f.expire("raw.x")
	if n := len(r.snapshots("raw.x")); n != 1 {
		t.Fatalf("%d snapshots", n)
	}
	if l := r.ledger("raw.x"); l.Position["s"] != "4" || len(l.Runs) != 4 {
		t.Fatalf("after expiry: %+v", l)
	}
	r.step("raw.x", 5)
	if got := r.values("raw.x"); got != "1 3 4 5 100 101" {
		t.Fatalf("got %s", got)
	}
	_ = second
}

func TestRollback(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	first := r.step("raw.x", 1)
	r.step("raw.x", 2)
	r.step("raw.x", 3)
	f.rollback("raw.x", first.ID)
	l := r.ledger("raw.x")
	if l.Position["s"] != "1" || len(l.Runs) != 1 || r.values("raw.x") != "1" {
		t.Fatalf("rolled back to %+v, %s", l, r.values("raw.x"))
	}
	// What was read from where the table stands now goes in; what was read before does not.
	b := r.begin("raw.x", "late", "SELECT 4::BIGINT AS a")
	b.in.Base, b.in.Next = job.Position{"s": "3"}, job.Position{"s": "4"}
	if _, err := b.commit(); fault.ClassOf(err) != fault.Conflict {
		t.Fatalf("got %v", err)
	}
	r.step("raw.x", 2)
	if r.values("raw.x") != "1 2" || r.ledger("raw.x").Position["s"] != "2" {
		t.Fatalf("after going on: %s", r.values("raw.x"))
	}
}

// Rolled back, compacted twice and expired: only earlier metadata still tells which ledger is the table's.
func TestRollbackCompactExpire(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.step("raw.x", 1)
	second := r.step("raw.x", 2)
	r.step("raw.x", 3)
	f.rollback("raw.x", second.ID)
	f.compact("raw.x")
	f.append("raw.x", 100)
	f.expire("raw.x")
	if l := r.ledger("raw.x"); l.Position["s"] != "2" {
		t.Fatalf("ledger %+v", l)
	}
	// Without that metadata the property's ledger is taken.
	for _, p := range left(t, r, "raw.db/x/metadata/0") {
		if !strings.HasSuffix(f.load("raw.x").MetadataLocation(), filepath.Base(p)) {
			ok(t, os.Remove(p))
		}
	}
	if l := r.ledger("raw.x"); l.Position["s"] != "3" {
		t.Fatalf("ledger %+v", l)
	}
}

func TestPositionDeletes(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.append("raw.x", "r1", "SELECT i AS a FROM range(10) t(i)")
	r.append("raw.x", "r2", "SELECT i AS a FROM range(10, 20) t(i)")
	f.delete("raw.x", iceberg.LessThan(iceberg.Reference("a"), int64(3)), "merge-on-read")
	if n := r.count("raw.x"); n != 17 {
		t.Fatalf("%d rows", n)
	}
	if got := r.rows("SELECT count(*), min(a), sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{Filename: true})); got[0] != "17|3|187" {
		t.Fatalf("got %v", got)
	}
	// Deletes of several files are looked up in one go, however many there are.
	f.delete("raw.x", iceberg.EqualTo(iceberg.Reference("a"), int64(15)), "merge-on-read")
	if sql := r.scan("raw.x", lake.ScanOptions{}); strings.Count(sql, "ANTI JOIN") != 1 {
		t.Fatalf("%s", sql)
	}
	if got := r.rows("SELECT count(*), sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "16|172" {
		t.Fatalf("got %v", got)
	}
	files, err := r.table("raw.x").Files(t.Context())
	ok(t, err)
	if i := slices.IndexFunc(files, func(f lake.DataFile) bool { return f.Pruned }); i < 0 {
		t.Fatalf("no file is marked in %+v", files)
	}
	// Rewriting the file takes the delete file along.
	b := r.begin("raw.x", "r3", "SELECT a FROM "+r.scan("raw.x", lake.ScanOptions{}))
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		c, _, err := b.plan(ctx, tb)
		for _, f := range files {
			c.Remove = append(c.Remove, f.Path)
		}
		return c, job.Counts{Before: 16, Inserted: 16, Deleted: 16, After: 16}, err
	}
	_, err = b.commit()
	ok(t, err)
	if s := f.load("raw.x").CurrentSnapshot().Summary.Properties; s["total-delete-files"] != "0" || s["total-records"] != "16" {
		t.Fatalf("summary %v", s)
	}
	if n := r.count("raw.x"); n != 16 {
		t.Fatalf("%d rows", n)
	}
}

func TestEqualityDeletes(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.append("raw.x", "r1", "SELECT i AS a, 'x' || i AS b FROM range(10) t(i) UNION ALL SELECT NULL, 'none'")
	tb := f.load("raw.x")
	schema, err := table.SchemaToArrowSchema(iceberg.NewSchema(0, tb.Schema().Fields()[0]), nil, true, false)
	ok(t, err)
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	rb.Field(0).(*array.Int64Builder).Append(4)
	rb.Field(0).AppendNull()
	rdr, err := array.NewRecordReader(schema, []arrow.RecordBatch{rb.NewRecordBatch()})
	ok(t, err)
	tx := tb.NewTransaction()
	files, err := tx.WriteEqualityDeletes(t.Context(), []int{1}, array.IterFromReader(rdr))
	ok(t, err)
	ok(t, tx.NewRowDelta(nil).AddDeletes(files...).Commit(t.Context()))
	_, err = tx.Commit(t.Context())
	ok(t, err)
	// Rows added later are not touched.
	r.append("raw.x", "r2", "SELECT 4::BIGINT AS a, 'again' AS b")
	if got := r.rows("SELECT count(*), string_agg(b, ' ' ORDER BY b) FILTER (a = 4 OR a IS NULL) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "10|again" {
		t.Fatalf("got %v", got)
	}
	if n := r.count("raw.x"); n != 10 {
		t.Fatalf("%d rows", n)
	}
}

// Files without field ids are read by name, as the table's name mapping says.
func TestFilesWithoutIDs(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.append("raw.x", "r1", "SELECT 1::BIGINT AS a, 'one' AS b")
	path := filepath.Join(r.place(), "raw.db", "x", "data", "plain.parquet")
	r.exec("COPY (SELECT 'two' AS b, 2::BIGINT AS a) TO " + job.Literal(path) + " (FORMAT parquet)")
	short := filepath.Join(r.place(), "raw.db", "x", "data", "short.parquet")
	r.exec("COPY (SELECT 3::BIGINT AS a) TO " + job.Literal(short) + " (FORMAT parquet)")
	tx := f.load("raw.x").NewTransaction()
	ok(t, tx.AddFiles(t.Context(), []string{"file://" + path, "file://" + short}, nil, false))
	_, err := tx.Commit(t.Context())
	ok(t, err)
	us := f.load("raw.x").NewTransaction()
	ok(t, us.UpdateSchema(true, false).RenameColumn([]string{"b"}, "c").Commit())
	_, err = us.Commit(t.Context())
	ok(t, err)
	got := r.rows("SELECT a, c FROM " + r.scan("raw.x", lake.ScanOptions{}) + " ORDER BY a")
	if strings.Join(got, " ") != "1|one 2|two 3|<nil>" {
		t.Fatalf("got %v", got)
	}
}

// read_parquet finds nested members by name: a renamed one must not read as null in silence.
func TestRenamedMember(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	r.append("raw.x", "r1", "SELECT {'k': 1, 'm': 2} AS s, 5 AS n")
	tx := f.load("raw.x").NewTransaction()
	ok(t, tx.UpdateSchema(true, false).RenameColumn([]string{"s", "k"}, "key").Commit())
	_, err := tx.Commit(t.Context())
	ok(t, err)
	if _, err := r.table("raw.x").Scan(t.Context(), lake.ScanOptions{}); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "key") {
		t.Fatalf("got %v", err)
	}
	past, err := r.table("raw.x").At(t.Context(), r.snapshots("raw.x")[0].ID)
	ok(t, err)
	rel, err := past.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	if got := r.rows(rel.SQL); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	// Renaming a column itself is no trouble.
	r.append("raw.y", "r1", "SELECT {'k': 1, 'm': 2} AS s")
	tx = f.load("raw.y").NewTransaction()
	ok(t, tx.UpdateSchema(true, false).RenameColumn([]string{"s"}, "t").Commit())
	_, err = tx.Commit(t.Context())
	ok(t, err)
	if got := r.rows("SELECT t.k + t.m FROM " + r.scan("raw.y", lake.ScanOptions{})); got[0] != "3" {
		t.Fatalf("got %v", got)
	}
}
