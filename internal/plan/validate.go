package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/project"
	"weir/internal/quality"
)

// Columns gives the columns of a table that is not made by SQL, without reading its rows: nil where they cannot be known
// before its first build.
type Columns func(ctx context.Context, t *define.Table) ([]job.Column, error)

// Binder binds SQL against inputs without rows.
type Binder interface {
	View(ctx context.Context, name, sql string) error
	Exec(ctx context.Context, sql string) error
	DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error)
}

// Bound is what validation found out: each table's columns, and the tables whose columns cannot be known yet.
type Bound struct {
	Columns map[string][]job.Column
	Unknown map[string]string // table -> why
}

// Bind binds every SQL table against its inputs' columns with no data, in order, and checks keys, partitions and rules
// against what comes out. Problems of all tables are reported at once, as define.Problems. Of a table with a mistake, and of those
// that read it, nothing more is said.
func Bind(ctx context.Context, g *Graph, b Binder, params job.Params, columns Columns) (Bound, error) {
	out, problems, macros, err := bindTables(ctx, g, g.Order, b, params, columns)
	if err != nil {
		return out, err
	}
	for _, m := range makeMacros(ctx, b, macros) {
		if err := b.Exec(ctx, m.SQL); err != nil && len(out.Unknown) == 0 {
			problems = append(problems, project.Problem{Place: project.Place{File: m.File, Line: 1, Col: 1}, Message: err.Error()})
		}
	}
	if len(problems) > 0 {
		return out, define.NewProblems(problems)
	}
	return out, nil
}

// BindTables is Bind for some tables and all they read, and for nothing else of the project.
func BindTables(ctx context.Context, g *Graph, names []string, b Binder, params job.Params, columns Columns) (Bound, error) {
	out, problems, _, err := bindTables(ctx, g, g.upstream(names), b, params, columns)
	if err != nil {
		return out, err
	}
	if len(problems) > 0 {
		return out, define.NewProblems(problems)
	}
	return out, nil
}

// upstream are tables and all they read, in order.
func (g *Graph) upstream(names []string) (order []string) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, name := range slices.Backward(g.Order) {
		if !wanted[name] {
			continue
		}
		for _, in := range g.Nodes[name].Inputs {
			wanted[in] = true
		}
	}
	for _, name := range g.Order {
		if wanted[name] {
			order = append(order, name)
		}
	}
	return order
}

// bindTables binds tables in the order given and gives the macros that cannot be made with them.
func bindTables(ctx context.Context, g *Graph, order []string, b Binder, params job.Params, columns Columns) (out Bound, problems []project.Problem, macros []define.Macro, err error) {
	out = Bound{Columns: map[string][]job.Column{}, Unknown: map[string]string{}}
	macros = g.Project.Macros
	for _, name := range order {
		// A macro can be made once the tables it reads are there.
		macros = makeMacros(ctx, b, macros)
		if err := ctx.Err(); err != nil {
			return out, nil, nil, err
		}
		found, err := g.bind(ctx, name, b, params, columns, &out)
		if err != nil {
			return out, nil, nil, err
		}
		problems = append(problems, found...)
	}
	return out, problems, macros, nil
}

// makeMacros makes what can be made and gives the rest back.
func makeMacros(ctx context.Context, b Binder, macros []define.Macro) []define.Macro {
	return build.CreateMacros(ctx, b, macros)
}

func (g *Graph) bind(ctx context.Context, name string, b Binder, params job.Params, columns Columns, out *Bound) ([]project.Problem, error) {
	node := g.Nodes[name]
	t := node.Table
	windowed := t.Incremental != nil && t.Incremental.Window != nil // whose parameters have the type of a column it names
	if node.broken || t.Flawed && (t.Kind != define.FromSQL || windowed) {
		out.Unknown[name] = "it has a mistake"
		return nil, nil
	}
	var cols []job.Column
	var err error
	if t.Kind == define.FromSQL {
		for _, in := range g.Nodes[name].Inputs {
			if _, ok := out.Columns[in]; !ok {
				out.Unknown[name] = "columns of " + in + " are not known yet"
				return nil, nil
			}
		}
		var sql string
		if sql, err = bindParams(ctx, t, params, b.DescribeParams); err == nil {
			cols, err = b.DescribeParams(ctx, sql, params)
		}
		if err == nil && t.Mode != define.View {
			cols, err = build.Columns(t, cols)
		}
	} else {
		cols, err = columns(ctx, t)
	}
	if err != nil {
		out.Unknown[name] = "it has a mistake"
		if g.missing && strings.Contains(err.Error(), "Function with name") {
			return nil, nil // one of the macros that cannot be read, which is said there
		}
		return g.problem(t, err)
	}
	if t.Flawed {
		out.Unknown[name] = "its definition has a mistake" // so that its columns may be others
		return nil, nil
	}
	if len(cols) == 0 {
		out.Unknown[name] = "nothing to read yet and no columns declared"
		return nil, nil
	}
	out.Columns[name] = cols
	if err := b.View(ctx, name, emptySelect(cols)); err != nil {
		return nil, fmt.Errorf("bind %s: %w", name, err)
	}
	problems := g.columnProblems(t, cols)
	if len(problems) == 0 {
		problems = bindRules(ctx, b, node)
	}
	if len(problems) == 0 && len(t.Sort) > 0 {
		if _, err := b.DescribeParams(ctx, "SELECT * FROM "+job.QuoteTable(name)+" ORDER BY "+strings.Join(t.Sort, ", "), nil); err != nil {
			problems = append(problems, project.Problem{Place: t.PlaceOf("sort"), Message: "sort: " + err.Error()})
		}
	}
	return problems, nil
}

// place is an error that knows where in a SQL text it happened, 1-based.
type place interface {
	error
	Position() (line, col int)
}

// problem places an error of binding. What is no mistake of the definition is given back as an error.
func (g *Graph) problem(t *define.Table, err error) ([]project.Problem, error) {
	at := project.Place{File: t.File, Line: max(1, t.Line), Col: 1}
	var p place
	if errors.As(err, &p) {
		line, col := p.Position()
		at = project.Place{File: t.File, Line: t.SQLLine + max(1, line) - 1, Col: max(1, col)}
	}
	switch fault.ClassOf(err) {
	case fault.Usage, fault.Data, fault.Unavailable:
		return []project.Problem{{Place: at, Message: err.Error(), Hint: cmp.Or(g.renamed(t, err.Error()), fault.HintOf(err))}}, nil
	}
	return nil, err
}

// renamed is a hint for a message that names a column which a table or one of its inputs had before a rename, "" for none.
func (g *Graph) renamed(t *define.Table, message string) string {
	message = strings.ToLower(message)
	for _, name := range append([]string{t.Name}, g.closure(t.Name)...) {
		of := g.Nodes[name].Table
		for _, is := range sorted(of.Was) {
			if strings.Contains(message, strings.ToLower(`"`+of.Was[is]+`"`)) {
				return fmt.Sprintf("%s was renamed to %s in %s", of.Was[is], is, name)
			}
		}
	}
	return ""
}

func emptySelect(cols []job.Column) string {
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// columnProblems checks the columns a definition names against those it has.
func (g *Graph) columnProblems(t *define.Table, cols []job.Column) (problems []project.Problem) {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	has := func(name string) bool {
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return true
			}
		}
		return false
	}
	check := func(key, name string) {
		if name == "" || has(name) {
			return
		}
		message := fmt.Sprintf("%s: column %q is not in %s", key, name, t.Name)
		problems = append(problems, project.Problem{Place: t.PlaceOf(key), Message: message, Hint: cmp.Or(g.renamed(t, message), nearestHint(name, names))})
	}
	for _, k := range t.Key {
		check("key", k)
	}
	check("order_by", t.OrderBy)
	for _, c := range t.Track {
		check("track", c)
	}
	for _, p := range t.Partition {
		check("partition", p.Column)
	}
	for _, to := range t.Publish {
		for _, c := range append(slices.Clone(to.Columns), to.Key...) {
			// The columns that Weir adds itself are there once the table is built.
			if to.Mode != define.PublishHistory && c != build.FileColumn && !has(c) && !slices.Contains(t.Key, c) {
				message := fmt.Sprintf("publish: column %q is not in %s", c, t.Name)
				problems = append(problems, project.Problem{Place: to.Place, Message: message, Hint: cmp.Or(g.renamed(t, message), nearestHint(c, names))})
			}
		}
	}
	if len(problems) == 0 && t.Mode != define.View {
		if err := lake.CheckPartition(t.Partition, cols); err != nil {
			problems = append(problems, project.Problem{Place: t.PlaceOf("partition"), Message: err.Error(), Hint: fault.HintOf(err)})
		}
	}
	for i, r := range t.Rules {
		if g.Nodes[t.Name].flawed[i] {
			continue
		}
		at := project.Place{File: r.File, Line: max(1, r.Line), Col: max(1, r.Col)}
		r.File = "" // the place stands before the message
		if _, err := quality.CompileFor([]quality.Rule{r}, quality.Table{Columns: cols, Now: time.Now(), History: quality.NoHistory{}}); err != nil {
			problems = append(problems, project.Problem{Place: at, Message: err.Error(), Hint: cmp.Or(g.renamed(t, err.Error()), fault.HintOf(err))})
		}
	}
	return problems
}
