package cases

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/define"
	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/plan"
	"weir/internal/source/kinds"
)

// rig is a project in a folder and an engine to run its tests with.
type rig struct {
	t       testing.TB
	project *define.Project
	graph   *plan.Graph
	engine  *duckdb.Engine
}

// newRig writes a project of files and reads it. raw.orders of orders(…) is there in any case.
func newRig(t testing.TB, files map[string]string) *rig {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"weir.yaml":              "name: shop\nconnections:\n  inbox: { type: files, path: inbox }\nvars: { currency: GBP, least: 5 }\n",
		"tables/raw/orders.yaml": "from: inbox\npath: \"orders*.csv\"\nmode: upsert\nkey: id\ncolumns:\n  id: bigint\n  ts: timestamp\n  store: varchar\n  total: \"decimal(12,2)\"\n",
	}
	for path, text := range files {
		all[path] = text
	}
	for path, text := range all {
		full := filepath.Join(root, path)
		ok(t, os.MkdirAll(filepath.Dir(full), 0o755))
		ok(t, os.WriteFile(full, []byte(text), 0o644))
	}
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 2})
	ok(t, err)
	t.Cleanup(func() { ok(t, e.Close()) })
	p, err := define.Load(root, "", kinds.All(), nil)
	ok(t, err)
	s, err := e.Session(t.Context())
	ok(t, err)
	g, err := plan.Read(t.Context(), p, s)
	ok(t, err)
	ok(t, s.Close())
	return &rig{t: t, project: p, graph: g, engine: e}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// suites reads the project's tests as weir test does, where sources tell only what is declared.
func (r *rig) suites() ([]*Suite, error) {
	r.t.Helper()
	tests, problems := define.LoadTests(r.project)
	s, err := r.engine.Session(r.t.Context())
	ok(r.t, err)
	defer s.Close()
	params := job.Params{"run_time": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for k, v := range r.project.Vars {
		params[k] = v
	}
	known, found, err := Bind(r.t.Context(), r.graph, tests, s, params, func(_ context.Context, t *define.Table) ([]job.Column, bool, error) {
		return t.Columns, t.Name == "raw.orders", nil
	})
	ok(r.t, err)
	problems = append(problems, found...)
	var suites []*Suite
	for _, t := range tests {
		suite, found := NewSuite(r.graph, t, known)
		suites, problems = append(suites, suite), append(problems, found...)
	}
	fit, err := Fit(r.t.Context(), suites, &Fitter{Session: s, Dir: r.t.TempDir()})
	ok(r.t, err)
	return suites, define.NewProblems(append(problems, fit...))
}

// run runs every case of the project.
func (r *rig) run() []Result {
	r.t.Helper()
	suites, err := r.suites()
	ok(r.t, err)
	results, err := r.runner().Run(r.t.Context(), suites)
	ok(r.t, err)
	return results
}

func (r *rig) runner() *Runner {
	return &Runner{Engine: r.engine, Macros: r.project.Macros, Vars: r.project.Vars, Dir: r.t.TempDir()}
}

// failures are the reports of all cases, joined.
func failures(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		b.WriteString(r.Report())
	}
	return b.String()
}

const salesSQL = "select ts::date as day, store, sum(total)::decimal(18,2) as revenue, count(*) as orders from raw.orders group by all\n"

const salesCase = `cases:
  - name: sums
    given:
      raw.orders: |
        id, ts,                  store,  total
        1,  2026-03-01 09:12:00, London, 12.50
        2,  2026-03-01 18:00:00, London, 7.50
        3,  2026-03-01 10:40:00, Leeds,  8.00
    expect:
      - { day: 2026-03-01, store: Leeds, revenue: 8.00, orders: 1 }
      - { day: 2026-03-01, store: London, revenue: 20.00, orders: 2 }
`

func BenchmarkCase(b *testing.B) {
	r := newRig(b, map[string]string{"tables/marts/sales.sql": salesSQL, "tests/marts/sales.yaml": salesCase})
	suites, err := r.suites()
	ok(b, err)
	for b.Loop() {
		results, err := r.runner().Run(b.Context(), suites)
		ok(b, err)
		if text := failures(results); text != "" {
			b.Fatal(text)
		}
	}
}

func contextThatIsOver() (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx, stop
}
