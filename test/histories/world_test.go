package histories

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

// world is a lake and an engine that many histories share.
type world struct {
	t      *testing.T
	lake   *lake.Lake
	root   string
	engine *breaking
	asks   engine.Session // of the test's own queries
	build  *build.Builder
	cat    *sqlcat.Catalog // the lake's catalog as another tool opens it
	runs   int
	supply *supply                   // of the rows to be read next
	ways   map[string]map[string]int // how often a form was built in which way
}

func newWorld(t *testing.T, zone string) *world {
	dir := memory(t)
	root := filepath.Join(dir, "lake")
	l, err := lake.Open(t.Context(), lake.Config{Location: root})
	must(t, err)
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 1, Timezone: zone})
	must(t, err)
	asks, err := e.Open(t.Context())
	must(t, err)
	w := &world{t: t, lake: l, root: root, engine: &breaking{Engine: e}, asks: asks, ways: map[string]map[string]int{}, supply: &supply{}}
	w.build = &build.Builder{Lake: l, Engine: w.engine, Scratch: filepath.Join(dir, "scratch"),
		Source: func(context.Context, *define.Table) (source.Source, error) { return w.supply, nil }}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(root, "catalog.db")+"?_pragma=busy_timeout(10000)")
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(asks.Close(), db.Close(), l.Close(), e.Close())) })
	w.make("z.first", "SELECT 1 AS a", define.Replace) // the catalog is there once something was committed
	w.cat, err = sqlcat.NewCatalog(lake.CatalogName, db, sqlcat.SQLite, iceberg.Properties{"warehouse": "file:///none"})
	must(t, err)
	return w
}

// memory is a folder that is kept in memory where there is one: histories are many, and none of them outlives the test.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "histories-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// task is the next build of a table.
func (w *world) task(t *define.Table, inputs ...string) build.Task {
	w.runs++
	task := build.Task{Table: t, Definition: "d", RunID: fmt.Sprintf("%06d-test", w.runs), Time: w.now()}
	for _, in := range inputs {
		task.Inputs = append(task.Inputs, build.Input{Name: in})
	}
	return task
}

// now is the logical time of the build that was begun last.
func (w *world) now() time.Time { return start.Add(time.Duration(w.runs) * time.Minute) }

// start is the logical time of the first build: an hour before clocks go back in London.
var start = time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)

// make builds a table from a source that gives the rows of a query.
func (w *world) make(name, sql string, mode define.Mode, change ...func(t *define.Table, task *build.Task)) {
	w.t.Helper()
	t := &define.Table{Name: name, File: "tables/" + name, Kind: define.FromSource, Mode: mode}
	task := w.task(t)
	w.supply.sql, w.supply.read = sql, w.runs
	for _, c := range change {
		c(t, &task)
	}
	out, err := w.build.Build(w.t.Context(), task)
	must(w.t, err)
	if out.Skipped {
		w.t.Fatalf("%s was not built: %s", name, out.Why)
	}
}

// foreign changes a table with another tool.
func (w *world) foreign(name string, do func(tx *table.Transaction) error) error {
	ctx := w.t.Context()
	tb, err := w.cat.LoadTable(ctx, strings.Split(name, "."))
	must(w.t, err)
	tx := tb.NewTransaction()
	if err := do(tx); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}

// compact writes all rows of a table anew, in one file, as upkeep does.
func (w *world) compact(name string) {
	w.t.Helper()
	ctx := w.t.Context()
	t, err := w.lake.Table(ctx, name)
	must(w.t, err)
	s, err := w.engine.Engine.Open(ctx)
	must(w.t, err)
	defer s.Close()
	w.runs++
	run := fmt.Sprintf("%06d-compact", w.runs)
	stage, err := w.lake.NewStage(ctx, name, run)
	must(w.t, err)
	ids, err := lake.FieldIDs(t.Columns(), t)
	must(w.t, err)
	_, err = w.lake.Commit(ctx, lake.Intent{Table: name, RunID: run, Time: start, SchemaID: t.SchemaID(), LastColumnID: t.LastColumnID(),
		Plan: func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
			rel, err := t.Scan(ctx, lake.ScanOptions{})
			must(w.t, err)
			files, err := s.Stage(ctx, job.Write{SQL: rel.SQL, Columns: t.Columns(), Dir: stage.Dir(), Prefix: "part", Partition: t.Partition()}, ids, nil)
			must(w.t, err)
			old, err := t.Files(ctx)
			must(w.t, err)
			var ch lake.Change
			ch.Add, _, err = stage.Seal(ctx, files, nil)
			for _, f := range old {
				ch.Remove = append(ch.Remove, f.Path)
			}
			return ch, job.Counts{}, err
		}})
	must(w.t, err)
	must(w.t, stage.Done(ctx))
}

// differ compares a table with a query over tables, row by row, and gives what differs.
func (w *world) differ(name, sql string, inputs ...string) []string {
	w.t.Helper()
	is := w.query("SELECT * FROM "+job.QuoteTable(name), nil, name)
	return diff(texts(is), texts(w.query(sql, nil, inputs...)))
}

// query gives the rows of a query over tables, and views by their name.
func (w *world) query(sql string, views map[string]string, tables ...string) []row {
	w.t.Helper()
	ctx := w.t.Context()
	s := w.asks
	for _, in := range tables {
		t, err := w.lake.Table(ctx, in)
		must(w.t, err)
		rel, err := t.Scan(ctx, lake.ScanOptions{})
		must(w.t, err)
		must(w.t, s.View(ctx, in, rel.SQL))
	}
	for name, sql := range views {
		must(w.t, s.View(ctx, name, sql))
	}
	found, err := s.Strings(ctx, sql)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, sql)
	}
	rows := make([]row, len(found))
	for i, values := range found {
		for _, v := range values {
			if !v.Valid {
				v.Value = none
			}
			rows[i] = append(rows[i], v.Value)
		}
	}
	return rows
}

// diff says which of sorted texts are not among others, each as often as it stands there.
func diff(is, should []string) (out []string) {
	times := map[string]int{}
	for _, r := range is {
		times[r]++
	}
	for _, r := range should {
		if times[r]--; times[r] < 0 {
			out = append(out, "missing: "+r)
		}
	}
	for r, n := range times {
		for range n {
			out = append(out, "too many: "+r)
		}
	}
	return out
}

// forget removes a history's tables.
func (w *world) forget(schema string) {
	names, err := w.lake.Tables(w.t.Context())
	must(w.t, err)
	for _, n := range names {
		if strings.HasPrefix(n, schema+".") {
			must(w.t, w.lake.Drop(w.t.Context(), n, false))
		}
	}
	must(w.t, os.RemoveAll(filepath.Join(w.root, schema+".db")))
}

// breaking is an engine that fails at a statement to come, as if the process had died there.
type breaking struct {
	engine.Engine
	in int // statements until it fails; 0: never
}

var errBroken = errors.New("broken on purpose")

func (b *breaking) Open(ctx context.Context) (engine.Session, error) {
	s, err := b.Engine.Open(ctx)
	return &breakingSession{s, b}, err
}

type breakingSession struct {
	engine.Session
	b *breaking
}

func (s *breakingSession) tick() error {
	if s.b.in == 0 {
		return nil
	}
	if s.b.in--; s.b.in == 0 {
		return errBroken
	}
	return nil
}

func (s *breakingSession) Exec(ctx context.Context, sql string) error {
	if err := s.tick(); err != nil {
		return err
	}
	return s.Session.Exec(ctx, sql)
}

func (s *breakingSession) Strings(ctx context.Context, sql string) ([][]source.Text, error) {
	if err := s.tick(); err != nil {
		return nil, err
	}
	return s.Session.Strings(ctx, sql)
}

func (s *breakingSession) Int(ctx context.Context, sql string) (int64, error) {
	if err := s.tick(); err != nil {
		return 0, err
	}
	return s.Session.Int(ctx, sql)
}

func (s *breakingSession) Stage(ctx context.Context, w job.Write, ids string, p job.Params) ([]job.File, error) {
	if err := s.tick(); err != nil {
		return nil, err
	}
	files, err := s.Session.Stage(ctx, w, ids, p)
	return files, errors.Join(err, s.tick())
}

// pick gives one of several.
func pick[T any](dice *rand.Rand, of ...T) T { return of[dice.IntN(len(of))] }
