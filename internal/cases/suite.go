// Package cases runs the tests of SQL tables: the cases of a project's tests/. Each case gets a lake of its own in a folder
// that is gone with it; its inputs are filled with the rows given, and the table is built by the same builder as in a run, so
// that every mode and form of a table is tested as it is.
package cases

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/plan"
	"weir/internal/project"
)

// Suite is the cases of one table, ready to run.
type Suite struct {
	*define.Tests
	graph   *plan.Graph
	table   *define.Table
	task    build.Task
	inputs  map[string]*input // stored inputs, and views whose rows a case gives, by name
	columns []job.Column      // of the table; nil where they cannot be known before it is built
}

// input is a table that a tested table reads, directly or through views.
type input struct {
	name    string
	table   *define.Table
	columns []job.Column // known ones, of types the lake has
	whole   bool         // there are no others
}

// NewSuite fits the cases of a table to the project: it resolves the names of inputs and columns and reports every one that
// is wrong.
func NewSuite(g *plan.Graph, tests *define.Tests, known Known) (*Suite, []project.Problem) {
	s := &Suite{Tests: tests, graph: g, table: g.Nodes[tests.Table].Table, task: g.Task(tests.Table), inputs: map[string]*input{}, columns: known.Columns[tests.Table]}
	for _, in := range s.task.Inputs {
		s.inputs[in.Name] = newInput(g.Nodes[in.Name].Table, known)
	}
	var problems []project.Problem
	seen := map[*define.Rows]bool{} // what a file gives to every case is looked at once
	for _, c := range s.Cases {
		for _, b := range c.Builds {
			for _, given := range b.Given {
				problems = append(problems, s.checkGiven(given, seen)...)
			}
			problems = append(problems, checkNames(b.Expect, s.table.Name, s.columns)...)
			problems = append(problems, checkNames(b.Quarantined, s.table.Name, s.columns)...)
		}
		for _, k := range c.Key {
			if s.columns != nil && find(s.columns, k) < 0 {
				problems = append(problems, c.Problem("key: column %q is not in %s", k, s.table.Name).WithHint("%s", project.NearestHint(k, namesOf(s.columns))))
			}
		}
	}
	for _, in := range s.inputs {
		if !in.whole {
			in.columns = append(in.columns, inferred(in.columns, givenTo([]*define.Tests{tests}, in.name))...)
		}
	}
	for _, c := range s.Cases {
		for _, in := range s.reads(c) {
			if in.View == "" && len(s.inputs[in.Name].columns) == 0 {
				problems = append(problems, c.Problem("the columns of %s are not known", in.Name).
					WithHint("declare them in %s, or give it a row", s.inputs[in.Name].table.File))
			}
		}
	}
	return s, problems
}

// reads are the inputs of a case: a view that the case gives rows stands for all it reads.
func (s *Suite) reads(c *define.Case) []build.Input {
	given := map[string]bool{}
	for _, b := range c.Builds {
		for _, g := range b.Given {
			if in := s.input(g.Input); in != nil {
				given[in.name] = true
			}
		}
	}
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		for _, in := range s.graph.Nodes[name].Inputs {
			if !reached[in] {
				reached[in] = true
				if s.inputs[in].table.Mode == define.View && !given[in] {
					visit(in)
				}
			}
		}
	}
	visit(s.table.Name)
	var out []build.Input
	for _, in := range s.task.Inputs {
		if !reached[in.Name] {
			continue
		}
		if given[in.Name] {
			in.View = ""
		}
		out = append(out, in)
	}
	return out
}

func newInput(t *define.Table, known Known) *input {
	in := &input{name: t.Name, table: t, whole: known.Columns[t.Name] != nil && !known.Partial[t.Name]}
	// A type the lake does not have is what the build of that table says itself.
	if cols, err := build.Columns(&define.Table{Name: t.Name, Kind: define.FromSource}, known.Columns[t.Name]); err == nil {
		in.columns = cols
	}
	for i := range in.columns {
		in.columns[i].Required = false // rows may be given in part
	}
	return in
}

// input finds an input by the name a case gives it: case does not count.
func (s *Suite) input(name string) *input {
	if in, ok := s.inputs[name]; ok {
		return in
	}
	for other, in := range s.inputs {
		if strings.EqualFold(other, name) {
			return in
		}
	}
	return nil
}

func (s *Suite) checkGiven(g define.Given, seen map[*define.Rows]bool) (problems []project.Problem) {
	in := s.input(g.Input)
	if in == nil {
		return []project.Problem{s.unread(g)}
	}
	if g.Change != nil && len(in.table.Key) == 0 {
		problems = append(problems, g.Change.Problem("change: %s has no key by which a row is known again", in.name).WithHint("write remove: and add:"))
	}
	for _, rows := range g.All() {
		if seen[rows] {
			continue
		}
		seen[rows] = true
		if in.whole {
			problems = append(problems, checkNames(rows, in.name, in.columns)...)
		}
	}
	if g.Change == nil {
		return problems
	}
	for _, k := range in.table.Key {
		if !slices.ContainsFunc(g.Change.Columns, func(c define.Named) bool { return strings.EqualFold(c.Name, k) }) {
			problems = append(problems, g.Change.Problem("change: the rows do not name %q, which is the key of %s", k, in.name))
		}
	}
	return problems
}

// unread is the problem of rows for a table that the tested one does not read.
func (s *Suite) unread(g define.Given) project.Problem {
	names := make([]string, 0, len(s.inputs))
	for name := range s.inputs {
		names = append(names, name)
	}
	slices.Sort(names)
	hint := project.NearestHint(g.Input, names)
	if len(names) == 0 {
		hint = "it reads no table"
	}
	return g.Problem("%s does not read %s", s.table.Name, g.Input).WithHint("%s", hint)
}

// checkNames checks the columns that rows name against those there are; nil are not known.
func checkNames(rows *define.Rows, table string, columns []job.Column) (problems []project.Problem) {
	if rows == nil || columns == nil {
		return nil
	}
	for _, c := range rows.Columns {
		if find(columns, c.Name) < 0 {
			problems = append(problems, c.Problem("column %q is not in %s", c.Name, table).WithHint("%s", project.NearestHint(c.Name, namesOf(columns))))
		}
	}
	return problems
}

// Fit checks that every value of the cases fits the type its column is known to have.
func Fit(ctx context.Context, suites []*Suite, f *Fitter) ([]project.Problem, error) {
	seen := map[*define.Rows]bool{}
	for _, s := range suites {
		for _, c := range s.Cases {
			for _, b := range c.Builds {
				for _, g := range b.Given {
					in := s.input(g.Input)
					if in == nil {
						continue
					}
					for _, rows := range g.All() {
						if !seen[rows] {
							seen[rows] = true
							f.add(rows, in.columns)
						}
					}
				}
				f.add(b.Expect, s.columns)
				f.add(b.Quarantined, s.columns)
			}
		}
	}
	problems, err := f.check(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the values of tests: %w", err)
	}
	return problems, nil
}
