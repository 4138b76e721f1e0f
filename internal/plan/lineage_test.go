package plan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/model/lineage"
)

// tracer analyses projects with one engine and counts the sessions it is asked for.
type tracer struct {
	t      *testing.T
	engine *duckdb.Engine
	opened int
	store  string
}

func newTracer(t *testing.T) *tracer {
	t.Helper()
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tracer{t: t, engine: e, store: filepath.Join(t.TempDir(), "lineage.json")}
}

func (x *tracer) trace(p *define.Project, columns ...string) *lineage.Graph {
	x.t.Helper()
	x.opened = 0
	open := func(ctx context.Context) (Shadow, error) {
		x.opened++
		return x.engine.Session(ctx)
	}
	s, err := x.engine.Session(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	g, err := Read(x.t.Context(), p, s)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		x.t.Fatal(err)
	}
	out, err := Lineage(x.t.Context(), g, open, p.Vars, columnsOf(columns), lineage.OpenStore(x.store))
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

// columnsOf gives the columns of sources: "raw.a id:bigint amount:integer" for each.
func columnsOf(tables []string) Columns {
	return func(_ context.Context, t *define.Table) (out []job.Column, err error) {
		for _, text := range tables {
			fields := strings.Fields(text)
			for _, f := range fields[1:] {
				if name, typ, _ := strings.Cut(f, ":"); fields[0] == t.Name {
					out = append(out, job.Column{Name: name, Type: typ})
				}
			}
		}
		return out, nil
	}
}

func texts(edges []lineage.Edge) string {
	var out []string
	for _, e := range edges {
		out = append(out, e.From.String())
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestLineageOfAProject(t *testing.T) {
	x := newTracer(t)
	p := projectOf(map[string]string{
		"raw.a":   "",
		"m.v":     "view: select id, twice(amount) as double, $s as s from raw.a where amount > $n",
		"m.sums":  "select id % 10 as g, sum(double) as total, count(*) as n from M.V group by all",
		"a.b.c.d": "select * from m.sums",
	}, "create macro twice(x) as x * 2")
	p.Tables["raw.a"].Connection, p.Tables["raw.a"].Dataset = "shop", "public.a"
	g := x.trace(p, "raw.a id:bigint amount:integer _file:varchar")
	for _, c := range []struct{ table, column, want string }{
		{"raw.a", "amount", "shop:public.a.amount IDENTITY"},
		{"raw.a", "_file", ""},
		{"m.v", "double", "raw.a.amount TRANSFORMATION"},
		{"m.v", "s", ""},
		{"m.v", "", "raw.a.amount FILTER"},
		{"m.sums", "g", "m.v.id TRANSFORMATION"},
		{"m.sums", "total", "m.v.double AGGREGATION"},
		{"m.sums", "n", ""},
		{"m.sums", "", "m.v.id GROUP_BY"},
		{"a.b.c.d", "total", "m.sums.total IDENTITY"},
	} {
		if got := texts(g.Up(lineage.ID{Table: c.table, Column: c.column})); got != c.want {
			t.Errorf("%s.%s comes from %q, want %q", c.table, c.column, got, c.want)
		}
	}
	up := g.Walk([]lineage.ID{{Table: "a.b.c.d", Column: "total"}}, true, 0)
	if got, want := texts(up), "m.sums.total IDENTITY, m.v.double AGGREGATION, m.v.id GROUP_BY, raw.a.amount FILTER, raw.a.amount TRANSFORMATION, shop:public.a.amount IDENTITY"; got != want {
		t.Errorf("all the way up: %s\nwant %s", got, want)
	}
	if got := texts(g.Walk([]lineage.ID{{Table: "a.b.c.d", Column: "total"}}, true, 1)); got != "m.sums.total IDENTITY" {
		t.Errorf("one step up: %s", got)
	}
	var down []string
	for _, e := range g.Walk([]lineage.ID{{Table: "raw.a", Column: "amount"}}, false, 0) {
		down = append(down, e.To.Name()+" "+string(e.From.Kind))
	}
	slices.Sort(down)
	if got, want := fmt.Sprint(down), "[a.b.c.d.total IDENTITY m.sums.total AGGREGATION m.v FILTER m.v.double TRANSFORMATION]"; got != want {
		t.Errorf("down: %s, want %s", got, want)
	}
}

func TestOnlyWhatChangedIsAnalysedAgain(t *testing.T) {
	x := newTracer(t)
	tables := map[string]string{"raw.a": "", "m.b": "select id, amount from raw.a", "m.c": "select sum(amount) as s from m.b"}
	columns := "raw.a id:bigint amount:integer"
	x.trace(projectOf(tables), columns)
	if x.opened != 1 {
		t.Fatalf("%d sessions for the first analysis", x.opened)
	}
	before, err := os.ReadFile(x.store)
	if err != nil {
		t.Fatal(err)
	}
	g := x.trace(projectOf(tables), columns)
	if x.opened != 0 {
		t.Error("analysed again without a change")
	}
	if got := texts(g.Up(lineage.ID{Table: "m.c", Column: "s"})); got != "m.b.amount AGGREGATION" {
		t.Errorf("from the store: %s", got)
	}
	if after, err := os.ReadFile(x.store); err != nil || string(after) != string(before) {
		t.Errorf("the store was written without a change: %v", err)
	}
	tables["m.b"] = "select id, amount * 2 as amount from raw.a"
	g = x.trace(projectOf(tables), columns)
	if got := texts(g.Up(lineage.ID{Table: "m.b", Column: "amount"})); x.opened != 1 || got != "raw.a.amount TRANSFORMATION" {
		t.Errorf("after a change: %d sessions, %s", x.opened, got)
	}
	x.trace(projectOf(tables), "raw.a id:bigint amount:integer more:varchar")
	if x.opened != 1 {
		t.Error("not analysed again where an input has another column, which a star would take up")
	}
	for _, broken := range []string{"", "{", `{"version":99}`, `{"version":1,"tables":{"m.b":{"hash":"x"}}}`} {
		if err := os.WriteFile(x.store, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		g = x.trace(projectOf(tables), columns)
		if got := texts(g.Up(lineage.ID{Table: "m.c", Column: "s"})); got != "m.b.amount AGGREGATION" {
			t.Errorf("with a store of %q: %s", broken, got)
		}
	}
}

func TestOneMistakeKeepsNoOtherLineage(t *testing.T) {
	x := newTracer(t)
	g := x.trace(projectOf(map[string]string{
		"raw.a": "", "raw.none": "", "m.bad": "select nothing from raw.a", "m.on_bad": "select * from m.bad", "m.on_none": "select * from raw.none",
		"m.good": "select id from raw.a",
	}), "raw.a id:bigint")
	for name, want := range map[string]string{"m.bad": "nothing", "m.on_bad": "m.bad are not known", "m.on_none": "raw.none are not known", "raw.none": "no columns declared"} {
		if n := g.Node(name); n == nil || !strings.Contains(n.Unknown, want) {
			t.Errorf("%s: %+v, want %s", name, n, want)
		}
	}
	if got := texts(g.Up(lineage.ID{Table: "m.good", Column: "id"})); got != "raw.a.id IDENTITY" {
		t.Errorf("m.good: %s", got)
	}
}

// TestManyTablesAndColumns is about size: 1,000 tables in a row, and 5,000 columns.
func TestManyTablesAndColumns(t *testing.T) {
	x := newTracer(t)
	tables := map[string]string{"raw.a": ""}
	for i := range 1000 {
		from := "raw.a"
		if i > 0 {
			from = fmt.Sprintf("m.t%d", i-1)
		}
		tables[fmt.Sprintf("m.t%d", i)] = "select id, amount + 1 as amount from " + from
	}
	g := x.trace(projectOf(tables), "raw.a id:bigint amount:integer")
	if got := g.Walk([]lineage.ID{{Table: "m.t999", Column: "amount"}}, true, 0); len(got) != 1001 {
		t.Errorf("%d steps up from the last of 1,000 tables", len(got))
	}
	columns := []string{"raw.w"}
	for i := range 5000 {
		columns = append(columns, fmt.Sprintf("c%d:integer", i))
	}
	g = x.trace(projectOf(map[string]string{
		"raw.w": "", "m.star": "select * replace (c7 + c8 as c7) from raw.w", "m.sums": "select max(columns(*)) from m.star",
	}), strings.Join(columns, " "))
	if n := len(g.Node("m.sums").Columns); n != 5000 {
		t.Fatalf("%d columns", n)
	}
	if got := texts(g.Walk([]lineage.ID{{Table: "m.sums", Column: "c7"}}, true, 2)); got != "m.star.c7 AGGREGATION, raw.w.c7 TRANSFORMATION, raw.w.c8 TRANSFORMATION" {
		t.Errorf("c7 comes from %s", got)
	}
}
