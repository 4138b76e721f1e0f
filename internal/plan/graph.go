// Package plan turns definitions and the state of the lake into an ordered plan that can be printed before anything is
// done.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/project"
)

// Node is one table and what it reads.
type Node struct {
	Table  *define.Table
	Inputs []string     // tables its SQL names, in order
	Params []string     // $names its SQL uses
	Macros []string     // macros its SQL calls, lower case
	sql    string       // digest of what its SQL says
	broken bool         // its SQL cannot be read, or reads what is not there
	flawed map[int]bool // rules of it whose SQL has a mistake
	again  string       // file:line:col of its first recursive CTE, "" for none
}

// Graph is every table of a project and what needs what.
type Graph struct {
	Project *define.Project
	Nodes   map[string]*Node
	Order   []string        // every table after what it reads
	Macros  map[string]bool // names of the project's macros, lower case
	// Warnings are what SQL may mean as it is, but what may differ from run to run.
	Warnings []project.Problem
	reads    map[string][]model.Input // what the body of a macro reads, by its lower-case name
	digests  map[string]string        // digest of what a macro says, itself and through those it calls, likewise
	bodies   map[string]macroBody
	missing  bool // some macros cannot be read, so that their names may not be known
}

// Read parses every SQL table. Mistakes of all of them are reported at once, as define.Problems; the graph beside them is what
// could be understood, good enough to look for further mistakes in (Bind) and for nothing else.
func Read(ctx context.Context, p *define.Project, parser model.Parser) (*Graph, error) {
	g := &Graph{Project: p, Nodes: map[string]*Node{}}
	r, problems, err := g.readMacros(ctx, parser)
	if err != nil {
		return nil, err
	}
	for _, name := range sorted(p.Tables) {
		t := p.Tables[name]
		node := &Node{Table: t}
		g.Nodes[name] = node
		found, err := g.ruleSQL(ctx, parser, node)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
		if t.Kind != define.FromSQL {
			continue
		}
		st, err := r.statement(t)
		if err != nil {
			found, err := mistakes(t.File, t.SQLLine, err)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", t.File, err)
			}
			problems = append(problems, found...)
			node.broken = true
			continue
		}
		g.Warnings = append(g.Warnings, problemsIn(t.File, t.SQLLine, st.Warnings)...)
		node.Macros, node.sql = st.Macros, job.Digest(st.Text, st.Tree)
		if len(t.Incremental.Groups()) > 0 && slices.Contains(st.Params, "run_time") {
			g.Warnings = append(g.Warnings, project.Problem{Place: paramPlace(t, "run_time"), Message: "$run_time stays that of the build which last computed a row's group",
				Hint: "well for a column such as computed_at; a filter or an age by it goes stale: leave incremental out, or let the reader compare with the time"})
		}
		if m, ok := st.Find("recursive", ""); ok {
			node.again = placeOf(t, m.Offset).String()
		}
		t.SQL = st.SQL // without what follows its last token, so that it can stand in brackets
		problems = append(problems, g.inputs(node, st)...)
	}
	problems = append(problems, g.order()...)
	return g, define.NewProblems(problems)
}

// readMacros takes the project's macros apart: their names, and what their bodies read. SQL can be read once they are known.
func (g *Graph) readMacros(ctx context.Context, parser model.Parser) (*reading, []project.Problem, error) {
	g.Macros = map[string]bool{}
	// Twice, because a macro may call one of a file that comes after its own: only then are all names known.
	if _, _, err := g.macroFiles(ctx, parser, nil); err != nil {
		return nil, nil, err
	}
	r := g.reading(ctx, parser)
	all, problems, err := g.macroFiles(ctx, parser, r)
	if err != nil {
		return nil, nil, err
	}
	var macros []model.Macro
	var single []define.Macro // one statement each: they are made one by one, as what they read is there
	for i, file := range g.Project.Macros {
		for _, m := range all[i] {
			macros, single = append(macros, m), append(single, define.Macro{File: file.File, SQL: m.SQL})
		}
	}
	for i, m := range macros {
		g.Warnings = append(g.Warnings, problemsIn(single[i].File, 1, m.Warnings)...)
	}
	g.gather(macros)
	g.bodies = map[string]macroBody{}
	for _, m := range macros {
		g.bodies[strings.ToLower(m.Name)] = macroBody{m.SQL, m.Macros, m.Recursive}
	}
	g.Project.Macros, g.missing = single, len(problems) > 0
	return r, problems, nil
}

// macroBody is what makes a macro, and the macros it calls.
type macroBody struct {
	sql   string
	calls []string
	again bool // it has a recursive CTE
}

// MacroSQL is what makes the macros that a table's SQL calls, and those that they call, the latter first.
func (g *Graph) MacroSQL(name string) (out []string) {
	for _, m := range g.calls(name) {
		out = append(out, g.bodies[m].sql)
	}
	return out
}

// calls are the macros that a table's SQL calls, and those that they call, the latter first; lower case.
func (g *Graph) calls(name string) (out []string) {
	seen := map[string]bool{}
	var visit func(names []string)
	visit = func(names []string) {
		for _, n := range names {
			n = strings.ToLower(n)
			if m, ok := g.bodies[n]; ok && !seen[n] {
				seen[n] = true
				visit(m.calls)
				out = append(out, n)
			}
		}
	}
	visit(g.Nodes[name].Macros)
	return out
}

// macroFiles reads each file of macros and adds the names they make to those known.
func (g *Graph) macroFiles(ctx context.Context, parser model.Parser, tables model.Tables) (all [][]model.Macro, problems []project.Problem, err error) {
	for _, m := range g.Project.Macros {
		macros, err := model.Macros(ctx, parser, m.File, m.SQL, model.KnownMacros(g.Macros), model.Keys(nil, tables))
		if err != nil {
			found, err := mistakes(m.File, 1, err)
			if err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", m.File, err)
			}
			problems = append(problems, found...)
		}
		for _, macro := range macros {
			g.Macros[strings.ToLower(macro.Name)] = true
		}
		all = append(all, macros)
	}
	return all, problems, nil
}

// gather notes of each macro what it reads and what it says, itself and through those it calls.
func (g *Graph) gather(macros []model.Macro) {
	own, calls, texts := map[string][]model.Input{}, map[string][]string{}, map[string]string{}
	for _, m := range macros {
		name := strings.ToLower(m.Name)
		own[name], calls[name] = append(own[name], m.Inputs...), append(calls[name], m.Macros...)
		texts[name] += m.Text + "\n"
	}
	g.reads, g.digests = map[string][]model.Input{}, map[string]string{}
	for name := range own {
		seen, text := map[string]bool{}, ""
		var visit func(name string)
		visit = func(called string) {
			if called = strings.ToLower(called); seen[called] {
				return
			}
			seen[called] = true
			g.reads[name] = append(g.reads[name], own[called]...)
			text += texts[called]
			for _, next := range calls[called] {
				visit(next)
			}
		}
		visit(name)
		g.digests[name] = job.Digest(text)
	}
}

// inputs resolves the names a statement reads and the parameters it uses.
func (g *Graph) inputs(n *Node, st *model.Statement) (problems []project.Problem) {
	for _, in := range append(slices.Clone(st.Inputs), g.MacroInputs(st.Macros)...) {
		name := g.resolve(in.Name)
		if name == "" {
			problems = append(problems, project.Problem{Place: placeOf(n.Table, in.Offset),
				Message: fmt.Sprintf("table %s is not in this project", in.Name), Hint: nearestHint(in.Name, sorted(g.Project.Tables))})
			n.broken = true
			continue
		}
		if !slices.Contains(n.Inputs, name) {
			n.Inputs = append(n.Inputs, name)
		}
	}
	for _, p := range st.Params {
		n.Params = append(n.Params, p)
		if _, ok := g.Project.Vars[p]; ok || p == "run_time" || hasWindow(n.Table, p) {
			continue
		}
		n.broken = true
		if !n.Table.Flawed || !slices.Contains(windowParams, strings.ToLower(p)) { // else its window may be what is wrong
			problems = append(problems, project.Problem{Place: paramPlace(n.Table, p),
				Message: fmt.Sprintf("$%s is not among the project's vars", p), Hint: nearestHint(p, append(sorted(g.Project.Vars), "run_time"))})
		}
	}
	return append(problems, g.window(n, st.Params)...)
}

// MacroInputs are the tables that macros read, named there and so at the beginning of a statement that calls them.
func (g *Graph) MacroInputs(macros []string) (read []model.Input) {
	for _, macro := range macros {
		for _, in := range g.reads[strings.ToLower(macro)] {
			read = append(read, model.Input{Name: in.Name})
		}
	}
	return read
}

// resolve finds a table by the name SQL gives it: case does not count.
func (g *Graph) resolve(name string) string {
	if _, ok := g.Project.Tables[name]; ok {
		return name
	}
	for other := range g.Project.Tables {
		if strings.EqualFold(other, name) {
			return other
		}
	}
	return ""
}

// order puts tables after what they read. Those that need each other are left out, and broken.
func (g *Graph) order() (problems []project.Problem) {
	edges := map[string][]string{}
	for name, n := range g.Nodes {
		edges[name] = n.Inputs
	}
	for {
		order, err := model.Order(edges)
		var cycle *model.Cycle
		if !errors.As(err, &cycle) {
			g.Order = order
			return problems
		}
		t := g.Nodes[cycle.Tables[0]].Table
		problems = append(problems, project.Problem{Place: project.Place{File: t.File, Line: t.SQLLine, Col: 1}, Message: err.Error()})
		for _, name := range cycle.Tables {
			g.Nodes[name].broken = true
			delete(edges, name)
		}
	}
}

// Needs are the stored tables a table reads, through views.
func (g *Graph) Needs(name string) []string {
	var out []string
	for _, in := range g.closure(name) {
		if in != name && g.Nodes[in].Table.Mode != define.View {
			out = append(out, in)
		}
	}
	return out
}

// closure lists the direct inputs of a table and, behind views, theirs: every view after what it reads.
func (g *Graph) closure(name string) []string {
	var out []string
	seen := map[string]bool{}
	var visit func(n string)
	visit = func(n string) {
		for _, in := range g.Nodes[n].Inputs {
			if seen[in] {
				continue
			}
			seen[in] = true
			if g.Nodes[in].Table.Mode == define.View {
				visit(in)
			}
			out = append(out, in)
		}
	}
	visit(name)
	return out
}

// Task is one build of a table, without run id and time.
func (g *Graph) Task(name string) build.Task {
	t := build.Task{Table: g.Nodes[name].Table, Meaning: g.meaning(name)}
	t.Definition = t.Meaning.Hash()
	t.Recursive = g.recursive(name)
	for _, in := range g.closure(name) {
		input := build.Input{Name: in}
		if node := g.Nodes[in]; node.Table.Mode == define.View {
			input.View = node.Table.SQL
		} else {
			input.Keeps = keeps(node.Table)
		}
		t.Inputs = append(t.Inputs, input)
	}
	return t
}

// recursive tells of the recursive CTE that rows of a table are made with, its own, a macro's or a view's; "" for none.
func (g *Graph) recursive(name string) string {
	node := g.Nodes[name]
	if node.again != "" {
		return node.again
	}
	for _, m := range g.calls(name) {
		if g.bodies[m].again {
			return "macro " + m
		}
	}
	for _, in := range node.Inputs {
		if g.Nodes[in].Table.Mode == define.View {
			if at := g.recursive(in); at != "" {
				return at
			}
		}
	}
	return ""
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func nearestHint(name string, among []string) string {
	if n := project.Nearest(name, among); n != "" {
		return "nearest: " + n
	}
	return ""
}
