package plan

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/dqdl"
	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/quality"
)

// projectOf is a project of SQL tables by name; "view: SELECT …" is a view, and "" a table of a source.
func projectOf(tables map[string]string, macros ...string) *define.Project {
	p := &define.Project{Tables: map[string]*define.Table{}, Vars: job.Params{"n": int64(5), "s": "x"}}
	for name, sql := range tables {
		t := &define.Table{Name: name, File: "tables/" + name, Line: 1, SQLLine: 1, Kind: define.FromSQL, Mode: define.Replace, SQL: sql, Meaning: job.Meaning{"mode": "replace"}}
		if rest, ok := strings.CutPrefix(sql, "view: "); ok {
			t.Mode, t.SQL = define.View, rest
		}
		if sql == "" {
			t.Kind, t.Mode = define.FromSource, define.Append
		}
		p.Tables[name] = t
	}
	for i, m := range macros {
		p.Macros = append(p.Macros, define.Macro{File: fmt.Sprintf("macros/%d.sql", i), SQL: m})
	}
	return p
}

func session(t *testing.T) *duckdb.Session {
	t.Helper()
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func graphOf(t *testing.T, p *define.Project) *Graph {
	t.Helper()
	g, err := Read(t.Context(), p, session(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGraph(t *testing.T) {
	g := graphOf(t, projectOf(map[string]string{
		"raw.a": "", "raw.b": "",
		"m.v1":  "view: select * from raw.a",
		"m.v2":  "view: select * from M.V1 join raw.b using (id)",
		"m.t":   "with raw_a as (select 1) select * from m.v2, raw_a",
		"m.top": "select * from m.t union select * from m.v2 -- the end",
	}))
	at := map[string]int{}
	for i, name := range g.Order {
		at[name] = i
	}
	for name, n := range g.Nodes {
		for _, in := range n.Inputs {
			if at[in] > at[name] {
				t.Errorf("%s comes before %s, which it reads: %v", name, in, g.Order)
			}
		}
	}
	if got, want := g.Needs("m.top"), []string{"m.t", "raw.a", "raw.b"}; !sameSet(got, want) {
		t.Errorf("m.top needs %v, want %v", got, want)
	}
	if got := g.Needs("raw.a"); len(got) > 0 {
		t.Errorf("a source's table needs %v", got)
	}
	task := g.Task("m.t")
	var order []string
	for _, in := range task.Inputs {
		order = append(order, in.Name)
		if (in.View != "") != strings.HasPrefix(in.Name, "m.v") {
			t.Errorf("input %+v", in)
		}
	}
	if want := []string{"raw.a", "m.v1", "raw.b", "m.v2"}; !reflect.DeepEqual(order, want) {
		t.Errorf("inputs of m.t in the order %v, want %v", order, want)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestDefinition: whatever shapes the rows of a table changes its definition, part by part, and nothing else does.
func TestDefinition(t *testing.T) {
	tables := func() map[string]string {
		return map[string]string{"raw.a": "", "m.v": "view: select *, $n as n from raw.a", "m.t": "select one() + id::int as id from m.v where ts < $run_time", "m.other": "select $s as s"}
	}
	of := func(change func(p *define.Project)) job.Meaning {
		p := projectOf(tables(), "create macro one() as two(); create macro two() as 2; create macro far() as 3")
		change(p)
		task := graphOf(t, p).Task("m.t")
		if task.Definition != task.Meaning.Hash() {
			t.Errorf("definition %s of %v", task.Definition, task.Meaning)
		}
		return task.Meaning
	}
	is := of(func(*define.Project) {})
	for name, c := range map[string]struct {
		change func(p *define.Project)
		parts  string
	}{
		"nothing": {func(*define.Project) {}, ""},
		"its key": {func(p *define.Project) { p.Tables["m.t"].Meaning = job.Meaning{"mode": "upsert", "key": "id"} }, "key (none → id), mode (replace → upsert)"},
		"its SQL": {func(p *define.Project) { p.Tables["m.t"].SQL = "select id from m.v where ts < $run_time" }, "macro one, sql"},
		"its layout": {func(p *define.Project) {
			p.Tables["m.t"].SQL = "SELECT (ONE() + cast(ID as integer)) id\n -- x\nFROM M.v where ts<$run_time;"
		}, ""},
		"its view's":       {func(p *define.Project) { p.Tables["m.v"].SQL = "select *, $n + 1 as n from raw.a" }, "view m.v"},
		"its view's var":   {func(p *define.Project) { p.Vars["n"] = int64(6) }, "var n"},
		"a var of another": {func(p *define.Project) { p.Vars["s"] = "y" }, ""},
		"another table's":  {func(p *define.Project) { p.Tables["m.other"].SQL = "select 1" }, ""},
		"its input's":      {func(p *define.Project) { p.Tables["raw.a"].Meaning = job.Meaning{"from": "other"} }, ""},
		"a macro's macro":  {func(p *define.Project) { p.Macros[0].SQL = strings.Replace(p.Macros[0].SQL, "as 2", "as 4", 1) }, "macro one"},
		"a macro's layout": {func(p *define.Project) {
			p.Macros[0].SQL = strings.Replace(p.Macros[0].SQL, "as 2", "AS /* two */ 2", 1)
		}, ""},
		"another macro's": {func(p *define.Project) { p.Macros[0].SQL = strings.Replace(p.Macros[0].SQL, "as 3", "as 4", 1) }, ""},
	} {
		var parts []string
		for _, d := range of(c.change).Differs(is) {
			parts = append(parts, d.String())
		}
		if got := strings.Join(parts, ", "); got != c.parts {
			t.Errorf("after a change of %s the parts %q differ, want %q", name, got, c.parts)
		}
	}
	if got := graphOf(t, projectOf(tables(), "create macro one() as 1")).Task("raw.a").Meaning; len(got) != 1 {
		t.Errorf("meaning of a source's table is %v", got)
	}
}

// TestMacrosThatReadTables: what a macro reads, itself or through macros of files that come later, its callers need.
func TestMacrosThatReadTables(t *testing.T) {
	p := projectOf(map[string]string{"raw.a": "", "raw.b": "", "m.t": "select twice(id) from raw.b", "m.u": "select * from rows_of(1)", "m.v": "view: select id from raw.b"},
		"create macro twice(x) as x * Total(); create macro rows_of(n) as table select * from m.v where id = n;",
		"create or replace macro total() as (select count(*) from raw.a)")
	g := graphOf(t, p)
	if got := g.Needs("m.t"); !sameSet(got, []string{"raw.a", "raw.b"}) {
		t.Errorf("m.t needs %v", got)
	}
	if got := g.Needs("m.u"); !sameSet(got, []string{"raw.b"}) {
		t.Errorf("m.u needs %v", got)
	}
	if len(p.Macros) != 3 {
		t.Errorf("macros %+v", p.Macros)
	}
	bound, err := Bind(t.Context(), g, session(t), p.Vars, withColumns("id INTEGER"))
	if err != nil || len(bound.Unknown) > 0 {
		t.Errorf("%v, unknown %v", err, bound.Unknown)
	}
	if got, want := bound.Columns["m.u"], []job.Column{{Name: "id", Type: "INTEGER"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("columns of m.u %v", got)
	}
}

func withColumns(columns ...string) Columns {
	return func(context.Context, *define.Table) (out []job.Column, err error) {
		for _, c := range columns {
			name, typ, _ := strings.Cut(c, " ")
			out = append(out, job.Column{Name: name, Type: typ})
		}
		return out, nil
	}
}

// problemsOf are the mistakes in an error, one a line.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	var ps define.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("%v are no problems", err)
	}
	if fault.ClassOf(err) != fault.Usage {
		t.Errorf("class %s", fault.ClassOf(err))
	}
	return strings.Split(ps.Error(), "\n")
}

func TestMistakesOfAllTables(t *testing.T) {
	_, err := Read(t.Context(), projectOf(map[string]string{
		"raw.orders": "",
		"m.a":        "select *\nfrom raw.order",
		"m.b":        "select '日本', $nn from raw.orders",
		"m.c":        "select * from raw.orders where",
		"m.d":        "select * from raw.orders; drop table x",
	}), session(t))
	got := problemsOf(t, err)
	for _, want := range []string{"tables/m.a:2:6: table raw.order is not in this project; nearest: raw.orders", "tables/m.b:1:14: $nn is not among the project's vars; nearest: n",
		"tables/m.c:1:", "tables/m.d:1:"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not in\n%s", want, strings.Join(got, "\n"))
		}
	}
	_, err = Read(t.Context(), projectOf(map[string]string{"m.a": "select * from m.b", "m.b": "select * from m.c", "m.c": "select * from m.a"}), session(t))
	if got := problemsOf(t, err); len(got) != 1 || !strings.Contains(got[0], "m.a") || !strings.Contains(got[0], "m.b") || !strings.Contains(got[0], "m.c") {
		t.Errorf("a cycle gives %q", got)
	}
}

func TestBind(t *testing.T) {
	p := projectOf(map[string]string{
		"raw.a":   "",
		"m.ok":    "select id, name::ENUM('a') as e, interval 1 day as i, $n + 1 as n from raw.a",
		"m.after": "select e || i as text, e = 'a' as same from m.ok",
		"m.typed": "select id, id::varchar as text from raw.a",
		"m.down":  "select id + day(text) as d from m.typed",
		"m.col":   "select nam from raw.a",
		"m.key":   "select id from raw.a",
		"m.part":  "select id, name from raw.a",
		"m.sort":  "select id from raw.a",
		"m.rule":  "select id from raw.a",
		"m.decl":  "select id from raw.a",
		"m.twice": "select id, 1 as ID from raw.a",
	})
	p.Tables["m.typed"].Columns = []job.Column{{Name: "text", Type: "DATE"}}
	p.Tables["m.key"].Mode, p.Tables["m.key"].Key, p.Tables["m.key"].OrderBy = define.Upsert, []string{"ide"}, "at"
	p.Tables["m.part"].Partition = []job.PartitionField{{Name: "name_day", Column: "name", Transform: "day"}}
	p.Tables["m.sort"].Sort = []string{"nosuch desc"}
	rule, err := dqdl.ParseRule(`IsComplete "idd"`)
	if err != nil {
		t.Fatal(err)
	}
	p.Tables["m.rule"].Rules = []quality.Rule{{Text: rule.String(), Rule: rule, File: "tables/m.rule", Line: 3, Col: 5}}
	p.Tables["m.decl"].Columns = []job.Column{{Name: "idx", Type: "INTEGER"}}
	bound, err := Bind(t.Context(), graphOf(t, p), session(t), p.Vars, withColumns("id INTEGER", "name VARCHAR"))
	got := problemsOf(t, err)
	for _, want := range []string{
		"tables/m.col:1:8: ", `tables/m.key:1:1: key: column "ide" is not in m.key; nearest: id`, `tables/m.key:1:1: order_by: column "at"`,
		"tables/m.part:1:1: partition field name_day: day", `tables/m.sort:1:1: sort: Referenced column "nosuch"`, "tables/m.rule:3:5: ",
		`tables/m.decl:1:1: column "idx" is declared, but the SQL does not give it; nearest: id`, `tables/m.twice:1:1: columns "id" and "ID" have one name`,
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(got) != 8 {
		t.Errorf("%d problems:\n%s", len(got), strings.Join(got, "\n"))
	}
	// What stands below a table sees the types it is stored in.
	if c := bound.Columns["m.ok"]; len(c) != 4 || c[1].Type != "VARCHAR" || c[2].Type != "VARCHAR" || c[3].Type != "BIGINT" {
		t.Errorf("m.ok has %v", c)
	}
	if c := bound.Columns["m.typed"]; len(c) != 2 || c[1].Type != "DATE" {
		t.Errorf("m.typed has %v", c)
	}
}

// TestUnknownColumns: what cannot be known before a first build keeps nothing else from being checked.
func TestUnknownColumns(t *testing.T) {
	p := projectOf(map[string]string{"raw.a": "", "m.t": "select x from raw.a", "m.u": "select * from m.t", "m.one": "select 1 as x"})
	bound, err := Bind(t.Context(), graphOf(t, p), session(t), p.Vars, withColumns())
	if err != nil {
		t.Fatal(err)
	}
	if len(bound.Unknown) != 3 || bound.Unknown["m.u"] != "columns of m.t are not known yet" || len(bound.Columns) != 1 {
		t.Errorf("%+v", bound)
	}
}

func TestPlaces(t *testing.T) {
	table := &define.Table{File: "f", SQLLine: 5, SQL: "sélect\n  '日', x\nfrom"}
	for offset, want := range map[int]string{0: "f:5:1", 4: "f:5:4", strings.Index(table.SQL, "x"): "f:6:8", len(table.SQL): "f:7:5", -1: "f:5:1", 1000: "f:5:1"} {
		p := placeOf(table, offset)
		if got := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col); got != want {
			t.Errorf("offset %d is %s, want %s", offset, got, want)
		}
	}
}

// peeks answers for a build by the table's name.
type peeks map[string]func(t build.Task, changing []string) (build.Peek, error)

func (p peeks) Peek(_ context.Context, t build.Task, changing []string) (build.Peek, error) {
	return p[t.Table.Name](t, changing)
}

func TestMake(t *testing.T) {
	g := graphOf(t, projectOf(map[string]string{"raw.a": "", "raw.b": "", "m.v": "view: select * from raw.a", "m.t": "select * from m.v, raw.b", "m.u": "select * from raw.b", "m.w": "select * from m.u"}))
	skip := func(build.Task, []string) (build.Peek, error) { return build.Peek{Why: "nothing new"}, nil }
	p, err := Make(t.Context(), g, []string{"raw.a", "raw.b", "m.v", "m.t", "m.u", "m.w"}, How{Full: true}, peeks{
		"raw.a": func(task build.Task, _ []string) (build.Peek, error) {
			if !task.Full || task.Destroy {
				t.Errorf("asked for %+v", task)
			}
			return build.Peek{Build: true, Rows: 3}, nil
		},
		"raw.b": skip,
		"m.t": func(_ build.Task, changing []string) (build.Peek, error) {
			return build.Peek{Build: true, Why: strings.Join(changing, " ")}, nil
		},
		"m.u": func(build.Task, []string) (build.Peek, error) {
			return build.Peek{}, fault.New(fault.Data, "server changed")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range p.Steps {
		got[s.Table] = s.Action + " " + s.Why + s.Problem
	}
	want := map[string]string{"raw.a": "build ", "raw.b": "skip nothing new", "m.v": "view stores nothing", "m.t": "build raw.a", "m.u": "error server changed", "m.w": "blocked needs m.u"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Make(ctx, g, []string{"raw.a"}, How{}, peeks{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a plan of an interrupted person: %v", err)
	}
}
