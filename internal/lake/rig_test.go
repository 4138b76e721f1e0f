package lake_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"

	"weir/internal/job"
	"weir/internal/lake"
)

// rig is a lake and a DuckDB beside it, which writes files as an engine does.
type rig struct {
	t      *testing.T
	l      *lake.Lake
	db     *sql.Conn
	config lake.Config
}

func newRig(t *testing.T, c lake.Config) *rig {
	t.Helper()
	l, err := lake.Open(t.Context(), c)
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	return &rig{t: t, l: l, db: duck(t), config: c}
}

func localRig(t *testing.T) *rig {
	return newRig(t, lake.Config{Location: filepath.Join(t.TempDir(), "lake")})
}

func duck(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	ok(t, err)
	conn, err := db.Conn(context.Background())
	ok(t, err)
	t.Cleanup(func() { conn.Close(); db.Close() })
	_, err = conn.ExecContext(t.Context(), "SET TimeZone = 'UTC'; SET threads = 2")
	ok(t, err)
	return conn
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) exec(query string) {
	r.t.Helper()
	if _, err := r.db.ExecContext(r.t.Context(), query); err != nil {
		r.t.Fatalf("%v\nin %s", err, query)
	}
}

// rows gives a query's rows as text, values joined by |.
func (r *rig) rows(query string) []string {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), query)
	if err != nil {
		r.t.Fatalf("%v\nin %s", err, query)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	ok(r.t, err)
	var out []string
	for rows.Next() {
		values, refs := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			refs[i] = &values[i]
		}
		ok(r.t, rows.Scan(refs...))
		texts := make([]string, len(cols))
		for i, v := range values {
			texts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	ok(r.t, rows.Err())
	return out
}

func (r *rig) describe(query string) []job.Column {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), "DESCRIBE "+query)
	ok(r.t, err)
	defer rows.Close()
	var cols []job.Column
	for rows.Next() {
		var name, typ string
		var rest [4]any
		ok(r.t, rows.Scan(&name, &typ, &rest[0], &rest[1], &rest[2], &rest[3]))
		typ, err := lake.Stored(typ)
		ok(r.t, err)
		cols = append(cols, job.Column{Name: name, Type: typ})
	}
	return cols
}

// write makes one Parquet file of a query, as the columns and their ids say.
func (r *rig) write(dir string, query string, cols []job.Column, t *lake.Table) job.File {
	r.t.Helper()
	ids, err := lake.FieldIDs(cols, t)
	ok(r.t, err)
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = "CAST(" + job.Quote(c.Name) + " AS " + c.Type + ") AS " + job.Quote(c.Name)
	}
	path := filepath.Join(dir, "part-"+uuid.NewString()+".parquet")
	r.exec("COPY (SELECT " + strings.Join(items, ", ") + " FROM (" + query + ")) TO " + job.Literal(path) + " (FORMAT parquet, COMPRESSION zstd, FIELD_IDS " + ids + ")")
	st, err := os.Stat(path)
	ok(r.t, err)
	var n int64
	ok(r.t, r.db.QueryRowContext(r.t.Context(), "SELECT count(*) FROM read_parquet("+job.Literal(path)+")").Scan(&n))
	return job.File{Path: path, Rows: n, Bytes: st.Size()}
}

// table loads a table, nil where there is none.
func (r *rig) table(name string) *lake.Table {
	r.t.Helper()
	names, err := r.l.Tables(r.t.Context())
	ok(r.t, err)
	for _, n := range names {
		if n == name {
			t, err := r.l.Table(r.t.Context(), name)
			ok(r.t, err)
			return t
		}
	}
	return nil
}

// build is one append of a query's rows, up to its commit.
type build struct {
	r     *rig
	t     *lake.Table
	stage *lake.Stage
	in    lake.Intent
	cols  []job.Column
	files []job.File
}

func (r *rig) begin(table, run, query string) *build {
	r.t.Helper()
	b := &build{r: r, t: r.table(table)}
	b.cols = lake.AssignIDs(r.describe(query), b.t)
	var err error
	b.stage, err = r.l.NewStage(r.t.Context(), table, run)
	ok(r.t, err)
	b.files = []job.File{r.write(b.stage.Dir(), query, b.cols, b.t)}
	b.in = lake.Intent{Table: table, RunID: run, Time: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC), SchemaID: -1, New: &lake.TableSpec{Columns: b.cols}}
	if b.t != nil {
		b.in.SchemaID, b.in.LastColumnID = b.t.SchemaID(), b.t.LastColumnID()
	}
	b.in.Plan = b.plan
	return b
}

func (b *build) plan(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
	files, _, err := b.stage.Seal(ctx, b.files, nil)
	var counts job.Counts
	if t != nil && err == nil {
		counts.Before, err = t.RowCount(ctx)
	}
	for _, f := range files {
		counts.Inserted += f.Rows
	}
	counts.After = counts.Before + counts.Inserted
	return lake.Change{Add: files, Columns: b.cols}, counts, err
}

func (b *build) commit() (lake.Committed, error) {
	done, err := b.r.l.Commit(b.r.t.Context(), b.in)
	if err != nil {
		ok(b.r.t, b.stage.Discard(b.r.t.Context()))
	} else {
		ok(b.r.t, b.stage.Done(b.r.t.Context()))
	}
	return done, err
}

// append commits a query's rows.
func (r *rig) append(table, run, query string) lake.Committed {
	r.t.Helper()
	done, err := r.begin(table, run, query).commit()
	ok(r.t, err)
	return done
}

// scan is the query over a table's rows.
func (r *rig) scan(table string, o lake.ScanOptions) string {
	r.t.Helper()
	t := r.table(table)
	if t == nil {
		r.t.Fatalf("no table %s", table)
	}
	rel, err := t.Scan(r.t.Context(), o)
	ok(r.t, err)
	return "(" + rel.SQL + ")"
}

// same fails unless two queries give the same rows, each as often.
func (r *rig) same(a, b string) {
	r.t.Helper()
	for _, q := range []string{a + " EXCEPT ALL " + b, b + " EXCEPT ALL " + a} {
		if diff := r.rows(q); len(diff) > 0 {
			r.t.Fatalf("%d rows differ, such as %s\nin %s", len(diff), diff[0], q)
		}
	}
}

func (r *rig) count(table string) int64 {
	r.t.Helper()
	n, err := r.table(table).RowCount(r.t.Context())
	ok(r.t, err)
	return n
}
