package maintain_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite"

	"weir/internal/engine"
	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/maintain"
)

// rig is a lake with one table, raw.t, an engine, and another tool on the same catalog.
type rig struct {
	t    fatal
	tb   testing.TB // cleans up
	ctx  context.Context
	l    *lake.Lake
	eng  *duckdb.Engine
	s    engine.Session
	u    *maintain.Upkeep
	root string // of a lake of folders
	runs int
	cols []job.Column
	part []job.PartitionField
	keep lake.Keep
	sort []string
	size int64
}

// fatal is what both *testing.T and *rapid.T can do.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func ok(t fatal, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRig(t testing.TB, c lake.Config) *rig {
	t.Helper()
	r := &rig{t: t, tb: t, ctx: t.Context(), root: c.Location, size: 1 << 20, keep: lake.Keep{AtLeast: 1},
		cols: []job.Column{{Name: "id", Type: "BIGINT"}, {Name: "p", Type: "INTEGER"}, {Name: "v", Type: "VARCHAR"}}}
	var err error
	r.eng, err = duckdb.Open(t.Context(), duckdb.Options{Threads: 2, Memory: 512 << 20, TempDir: t.TempDir()})
	ok(t, err)
	r.s, err = r.eng.Open(t.Context())
	ok(t, err)
	t.Cleanup(func() { ok(t, errors.Join(r.s.Close(), r.eng.Close())) })
	r.open(c)
	return r
}

func (r *rig) open(c lake.Config) {
	r.t.Helper()
	l, err := lake.Open(r.ctx, c)
	ok(r.t, err)
	r.tb.Cleanup(func() { ok(r.tb, l.Close()) })
	r.l, r.u = l, &maintain.Upkeep{Lake: l, Engine: r.eng, OrphanAge: 3 * 24 * time.Hour}
}

// fresh is a rig of the same engine with a lake of its own, for one case of a property.
func (r *rig) fresh(t fatal) *rig {
	c := *r
	c.t, c.root = t, filepath.Join(r.tb.TempDir(), "lake")
	c.open(lake.Config{Location: c.root})
	return &c
}

func localRig(t testing.TB) *rig {
	return newRig(t, lake.Config{Location: filepath.Join(t.TempDir(), "lake")})
}

const name = "raw.t"

func (r *rig) table() *lake.Table {
	r.t.Helper()
	t, err := r.l.Table(r.ctx, name)
	if errors.Is(err, lake.ErrNoTable) {
		return nil
	}
	ok(r.t, err)
	return t
}

func (r *rig) run() string { r.runs++; return fmt.Sprintf("%06d-test", r.runs) }

// commit adds a query's rows as Weir does, and takes files away; position s then is at.
func (r *rig) commit(ctx context.Context, query string, remove []string, counts job.Counts, next job.Position) error {
	t := r.table()
	cols := lake.AssignIDs(r.cols, t)
	in := lake.Intent{Table: name, RunID: r.run(), Time: time.Now(), SchemaID: -1, New: &lake.TableSpec{Columns: cols, Partition: r.part}, Next: next, Base: job.Position{}}
	if t != nil {
		in.SchemaID, in.LastColumnID = t.SchemaID(), t.LastColumnID()
		led, err := t.Ledger(ctx)
		if err != nil {
			return err
		}
		for split := range next {
			in.Base[split] = led.Position[split]
		}
	}
	s, err := r.eng.Open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	stage, err := r.l.NewStage(ctx, name, in.RunID)
	if err != nil {
		return err
	}
	ids, err := lake.FieldIDs(cols, t)
	if err != nil {
		return err
	}
	files, err := s.Stage(ctx, job.Write{SQL: query, Columns: cols, Dir: stage.Dir(), Prefix: "part", Partition: r.part, FileBytes: 1 << 30}, ids, nil)
	if err != nil {
		return err
	}
	in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		c := counts
		add, _, err := stage.Seal(ctx, files, nil)
		if t != nil && err == nil {
			c.Before, err = t.RowCount(ctx)
		}
		if remove == nil {
			for _, f := range files {
				c.Inserted += f.Rows
			}
		}
		c.After = c.Before + c.Inserted - c.Deleted
		return lake.Change{Add: add, Remove: remove}, c, err
	}
	_, err = r.l.Commit(ctx, in)
	return errors.Join(err, stage.Discard(ctx))
}

func (r *rig) append(query string, next job.Position) {
	r.t.Helper()
	ok(r.t, r.commit(r.ctx, query, nil, job.Counts{}, next))
}

// rows are those of a version of the table, in order, values joined by |.
func (r *rig) rows(t *lake.Table) []string {
	r.t.Helper()
	rel, err := t.Scan(r.ctx, lake.ScanOptions{})
	ok(r.t, err)
	return r.query("SELECT * FROM (" + rel.SQL + ") ORDER BY ALL")
}

func (r *rig) query(query string) (out []string) {
	r.t.Helper()
	rows, err := r.s.Strings(r.ctx, query)
	ok(r.t, err)
	for _, row := range rows {
		values := make([]string, len(row))
		for i, v := range row {
			if values[i] = v.Value; !v.Valid {
				values[i] = "-"
			}
		}
		out = append(out, strings.Join(values, "|"))
	}
	return out
}

func (r *rig) plan() maintain.Plan {
	r.t.Helper()
	p, err := r.u.Plan(r.ctx, r.kept(), r.places())
	ok(r.t, err)
	return p
}

func (r *rig) places() lake.Places {
	r.t.Helper()
	p, err := r.l.Places(r.ctx)
	ok(r.t, err)
	return p
}

func (r *rig) kept() maintain.Table {
	k := r.keep
	k.Now = time.Now().UTC().Add(time.Millisecond)
	return maintain.Table{Name: name, FileBytes: r.size, Sort: r.sort, Keep: k}
}

// maintain plans and does all there is to do.
func (r *rig) maintain() maintain.Done {
	r.t.Helper()
	done, err := r.u.Do(r.ctx, r.plan(), r.run(), time.Now(), r.places())
	ok(r.t, err)
	return done
}

// compact is maintain without expiry.
func (r *rig) compact() maintain.Done {
	r.t.Helper()
	p := r.plan()
	p.Expire.Snapshots, p.Orphans = nil, lake.Orphans{}
	done, err := r.u.Do(r.ctx, p, r.run(), time.Now(), r.places())
	ok(r.t, err)
	return done
}

func (r *rig) same(got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Fatalf("rows are %q, want %q", got, want)
	}
}

// foreign is plain iceberg-go on the lake's catalog, as any other tool would open it.
func (r *rig) foreign() *table.Table {
	r.t.Helper()
	cat, ident := r.catalog()
	t, err := cat.LoadTable(context.Background(), ident)
	ok(r.t, err)
	return t
}

func (r *rig) catalog() (*sqlcat.Catalog, table.Identifier) {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.root, "catalog.db")+"?_pragma=busy_timeout(10000)")
	ok(r.t, err)
	r.tb.Cleanup(func() { db.Close() })
	cat, err := sqlcat.NewCatalog(lake.CatalogName, db, sqlcat.SQLite, iceberg.Properties{"warehouse": "file:///none"})
	ok(r.t, err)
	return cat, strings.Split(name, ".")
}

// setRef gives a snapshot a name, as another tool does.
func setRef(t fatal, cat *sqlcat.Catalog, ident table.Identifier, ref string, id int64, kind table.RefType) {
	t.Helper()
	_, _, err := cat.CommitTable(context.Background(), ident, nil, []table.Update{table.NewSetSnapshotRefUpdate(ref, id, kind, -1, -1, -1)})
	ok(t, err)
}

// deleteByPosition is another tool's delete, merge on read.
func (r *rig) deleteByPosition(filter iceberg.BooleanExpression) {
	r.t.Helper()
	tx := r.foreign().NewTransaction()
	ok(r.t, tx.SetProperties(iceberg.Properties{"write.delete.mode": "merge-on-read"}))
	ok(r.t, tx.Delete(r.ctx, filter, nil))
	_, err := tx.Commit(r.ctx)
	ok(r.t, err)
}

// orphansNow are the orphans of any age.
func (r *rig) orphansNow() lake.Orphans {
	r.t.Helper()
	o, err := r.l.Orphans(r.ctx, name, time.Now().Add(time.Hour), r.places())
	ok(r.t, err)
	return o
}
