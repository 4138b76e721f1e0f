// Package dbt reads the tests and columns that dbt keeps in its schema files, as rules and columns of definitions.
package dbt

import (
	"strings"

	"weir/internal/dqdl"
	"weir/internal/project"
)

// Table is a model, seed, snapshot or source table.
type Table struct {
	Name        string // as dbt calls it: name, or source.name
	Description string
	At          project.Place
	Columns     []Column
	Rules       []Rule
	Left        []Left
}

// Column is a column that the file describes.
type Column struct {
	Name, Type, Description string // Type is dbt's data_type
}

// Rule is a test that has an equal.
type Rule struct {
	Text string // DQDL
	Warn bool   // dbt's severity: warn
	At   project.Place
}

// Left is a test that has none.
type Left struct {
	At        project.Place
	Test, Why string
}

// Read reads a schema file of dbt. What it does not know of the file is left alone, as dbt's versions differ; the problems are those
// of the YAML and of tests that are not written as tests are.
func Read(file, text string) ([]Table, []project.Problem) {
	root, problems := project.ParseYAML(file, text)
	if len(problems) > 0 {
		return nil, problems
	}
	r := &reader{}
	for _, kind := range []string{"models", "seeds", "snapshots"} {
		for _, n := range items(root.Get(kind)) {
			r.table("", n)
		}
	}
	for _, s := range items(root.Get("sources")) {
		for _, n := range items(s.Get("tables")) {
			r.table(scalar(s.Get("name"))+".", n)
		}
	}
	return r.tables, r.problems
}

type reader struct {
	tables   []Table
	problems []project.Problem
	current  *Table // under way
}

func (r *reader) table(prefix string, n *project.Node) {
	name := scalar(n.Get("name"))
	if name == "" {
		r.wrong(n.Place, "a table without name")
		return
	}
	t := Table{Name: prefix + name, Description: scalar(n.Get("description")), At: n.Place}
	r.current = &t
	for _, c := range items(n.Get("columns")) {
		column := scalar(c.Get("name"))
		if column == "" {
			r.wrong(c.Place, "a column without name")
			continue
		}
		t.Columns = append(t.Columns, Column{column, scalar(c.Get("data_type")), scalar(c.Get("description"))})
		r.tests(c, column)
	}
	r.tests(n, "")
	r.tables = append(r.tables, t)
}

// tests reads those of a column, or of a table where there is none.
func (r *reader) tests(n *project.Node, column string) {
	for _, key := range []string{"tests", "data_tests"} {
		for _, item := range items(n.Get(key)) {
			t, ok := r.test(item, column)
			if !ok {
				continue
			}
			texts, why := t.rules()
			for _, text := range texts {
				if _, err := dqdl.ParseRule(text); err != nil {
					why = "the rule would be " + text + ", which cannot be: " + err.Error()
					continue
				}
				r.current.Rules = append(r.current.Rules, Rule{text, t.warn, t.at})
			}
			if why != "" {
				r.current.Left = append(r.current.Left, Left{t.at, t.name, why})
			}
		}
	}
}

// test reads one: a name, or a name with arguments.
func (r *reader) test(n *project.Node, column string) (test, bool) {
	t := test{column: column, at: n.Place, arguments: &project.Node{}}
	switch {
	case n.Kind == project.Text:
		t.name = n.Text
	case n.Kind == project.Map && n.Get("test_name") != nil:
		t.name, t.arguments = scalar(n.Get("test_name")), n
	case n.Kind == project.Map && len(n.Pairs) > 0:
		// Settings may stand beside the name: its arguments are the pair that is a map, or nothing.
		t.name, t.arguments, t.at = n.Pairs[0].Key, n.Pairs[0].Value, n.Pairs[0].At
	default:
		r.wrong(n.Place, "a test is a name, or a name with arguments, not "+n.Describe())
		return t, false
	}
	t.name = strings.TrimPrefix(t.name, "dbt.")
	for _, from := range []*project.Node{t.arguments, t.arguments.Get("config"), n.Get("config")} {
		if w := scalar(from.Get("where")); w != "" {
			t.where = w
		}
		if s := scalar(from.Get("severity")); strings.EqualFold(s, "warn") {
			t.warn = true
		}
	}
	if inner := t.arguments.Get("arguments"); inner != nil {
		t.arguments = inner
	}
	return t, true
}

func (r *reader) wrong(at project.Place, message string) {
	r.problems = append(r.problems, project.Problem{Place: at, Message: message})
}

func items(n *project.Node) []*project.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

func scalar(n *project.Node) string {
	if n == nil || n.Kind >= project.List || n.Kind == project.Null {
		return ""
	}
	return strings.TrimSpace(n.Text)
}
