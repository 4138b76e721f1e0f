// Package plan turns definitions and the state of the lake into an ordered plan that can be printed before anything is
// done.
package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/model"
	"weir/internal/project"
)

// Node is one table and what it reads.
type Node struct {
	Table  *define.Table
	Inputs []string // tables its SQL names, in order
	Params []string // $names its SQL uses
}

// Graph is every table of a project and what needs what.
type Graph struct {
	Project *define.Project
	Nodes   map[string]*Node
	Order   []string                 // every table after what it reads
	Macros  map[string]bool          // names of the project's macros, lower case
	hash    string                   // of the macros' text
	reads   map[string][]model.Input // what the body of a macro reads, by its lower-case name
}

// Read parses every SQL table. Mistakes of all of them are reported at once, as define.Problems.
func Read(ctx context.Context, p *define.Project, parser model.Parser) (*Graph, error) {
	g := &Graph{Project: p, Nodes: map[string]*Node{}}
	problems, err := g.readMacros(ctx, parser)
	if err != nil {
		return nil, err
	}
	for _, name := range sorted(p.Tables) {
		t := p.Tables[name]
		node := &Node{Table: t}
		g.Nodes[name] = node
		found, err := g.ruleSQL(ctx, parser, t)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
		if t.Kind != define.FromSQL {
			continue
		}
		st, err := model.Read(ctx, parser, t.SQL, g.Macros)
		if err != nil {
			found, err := mistakes(t.File, t.SQLLine, err)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", t.File, err)
			}
			problems = append(problems, found...)
			continue
		}
		t.SQL = st.SQL // without what follows its last token, so that it can stand in brackets
		problems = append(problems, g.inputs(node, st)...)
	}
	problems = append(problems, g.order()...)
	if len(problems) > 0 {
		return nil, define.NewProblems(problems)
	}
	return g, nil
}

// readMacros takes the project's macros apart: their names, and what their bodies read.
func (g *Graph) readMacros(ctx context.Context, parser model.Parser) ([]project.Problem, error) {
	g.Macros, g.reads = map[string]bool{}, map[string][]model.Input{}
	hash := sha256.New()
	for _, m := range g.Project.Macros {
		hash.Write([]byte(m.SQL))
	}
	g.hash = hex.EncodeToString(hash.Sum(nil))
	// Twice, because a macro may call one of a file that comes after its own: only then are all names known.
	if _, _, err := g.macroFiles(ctx, parser); err != nil {
		return nil, err
	}
	all, problems, err := g.macroFiles(ctx, parser)
	if err != nil {
		return nil, err
	}
	var macros []model.Macro
	var single []define.Macro // one statement each: they are made one by one, as what they read is there
	for i, file := range g.Project.Macros {
		for _, m := range all[i] {
			macros, single = append(macros, m), append(single, define.Macro{File: file.File, SQL: m.SQL})
		}
	}
	g.reads = readsOf(macros)
	if len(problems) == 0 {
		g.Project.Macros = single
	}
	return problems, nil
}

// macroFiles reads each file of macros and adds the names they make to those known.
func (g *Graph) macroFiles(ctx context.Context, parser model.Parser) (all [][]model.Macro, problems []project.Problem, err error) {
	for _, m := range g.Project.Macros {
		macros, err := model.Macros(ctx, parser, m.File, m.SQL, model.KnownMacros(g.Macros))
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

// readsOf gives what each macro reads, itself and through those it calls.
func readsOf(macros []model.Macro) map[string][]model.Input {
	own, calls := map[string][]model.Input{}, map[string][]string{}
	for _, m := range macros {
		name := strings.ToLower(m.Name)
		own[name], calls[name] = append(own[name], m.Inputs...), append(calls[name], m.Macros...)
	}
	reads := map[string][]model.Input{}
	for name := range own {
		seen := map[string]bool{}
		var visit func(name string)
		visit = func(called string) {
			if called = strings.ToLower(called); seen[called] {
				return
			}
			seen[called] = true
			reads[name] = append(reads[name], own[called]...)
			for _, next := range calls[called] {
				visit(next)
			}
		}
		visit(name)
	}
	return reads
}

// inputs resolves the names a statement reads and the parameters it uses.
func (g *Graph) inputs(n *Node, st *model.Statement) (problems []project.Problem) {
	for _, in := range append(slices.Clone(st.Inputs), g.MacroInputs(st.Macros)...) {
		name := g.resolve(in.Name)
		if name == "" {
			problems = append(problems, project.Problem{Place: placeOf(n.Table, in.Offset),
				Message: fmt.Sprintf("table %s is not in this project", in.Name), Hint: nearestHint(in.Name, sorted(g.Project.Tables))})
			continue
		}
		if !slices.Contains(n.Inputs, name) {
			n.Inputs = append(n.Inputs, name)
		}
	}
	for _, p := range st.Params {
		if _, ok := g.Project.Vars[p]; !ok && p != "run_time" && !hasWindow(n.Table, p) {
			problems = append(problems, project.Problem{Place: paramPlace(n.Table, p),
				Message: fmt.Sprintf("$%s is not among the project's vars", p), Hint: nearestHint(p, append(sorted(g.Project.Vars), "run_time"))})
		}
		n.Params = append(n.Params, p)
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

func (g *Graph) order() []project.Problem {
	edges := map[string][]string{}
	for name, n := range g.Nodes {
		edges[name] = n.Inputs
	}
	order, err := model.Order(edges)
	if err == nil {
		g.Order = order
		return nil
	}
	var cycle *model.Cycle
	if errors.As(err, &cycle) && len(cycle.Tables) > 0 {
		t := g.Nodes[cycle.Tables[0]].Table
		return []project.Problem{{Place: project.Place{File: t.File, Line: t.SQLLine, Col: 1}, Message: err.Error()}}
	}
	return []project.Problem{{Place: project.Place{File: "weir.yaml", Line: 1, Col: 1}, Message: err.Error()}}
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
	t := build.Task{Table: g.Nodes[name].Table, Definition: g.definition(name)}
	for _, in := range g.closure(name) {
		input := build.Input{Name: in}
		if node := g.Nodes[in]; node.Table.Mode == define.View {
			input.View = node.Table.SQL
		}
		t.Inputs = append(t.Inputs, input)
	}
	return t
}

// definition hashes all that shapes a table's rows.
func (g *Graph) definition(name string) string {
	n := g.Nodes[name]
	if n.Table.Kind != define.FromSQL {
		return n.Table.Hash
	}
	h := sha256.New()
	fmt.Fprintln(h, n.Table.Hash, g.hash)
	params := slices.Clone(n.Params)
	for _, in := range g.closure(name) {
		if node := g.Nodes[in]; node.Table.Mode == define.View {
			fmt.Fprintln(h, in, node.Table.Hash)
			params = append(params, node.Params...)
		}
	}
	slices.Sort(params)
	for _, p := range slices.Compact(params) {
		if p != "run_time" && !hasWindow(n.Table, p) { // time moves on with every run, and is not a change of the definition
			fmt.Fprintf(h, "%s=%v\n", p, g.Project.Vars[p])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
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
