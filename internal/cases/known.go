package cases

import (
	"context"
	"errors"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/plan"
	"weir/internal/project"
)

// Known is what is known of a project's tables before any is built.
type Known struct {
	Columns map[string][]job.Column
	// Partial are the tables that may have further columns than those known.
	Partial map[string]bool
}

// Columns gives the columns of a table that is not made by SQL, and whether it has no others; none where they cannot be known
// without a source that is not at hand.
type Columns func(ctx context.Context, t *define.Table) (columns []job.Column, whole bool, err error)

// Bind finds the columns of the tables that have tests and of all they read, without rows. Where a source does not tell all of
// its columns, the rows that cases give say what else it has. Mistakes in SQL are reported; not those of a table without tests
// that reads a source known in part: a column it names may be there.
func Bind(ctx context.Context, g *plan.Graph, tests []*define.Tests, b plan.Binder, params job.Params, columns Columns) (Known, []project.Problem, error) {
	known := Known{Columns: map[string][]job.Column{}, Partial: map[string]bool{}}
	var names []string
	for _, t := range tests {
		names = append(names, t.Table)
	}
	bound, err := plan.BindTables(ctx, g, names, b, params, func(ctx context.Context, t *define.Table) ([]job.Column, error) {
		found, whole, err := columns(ctx, t)
		if err != nil || whole {
			return found, err
		}
		known.Partial[t.Name] = true
		return append(slices.Clone(found), inferred(found, givenTo(tests, t.Name))...), nil
	})
	known.Columns = bound.Columns
	var problems define.Problems
	if err != nil && !errors.As(err, &problems) {
		return known, nil, err
	}
	doubtful := func(p project.Problem) bool {
		for name, n := range g.Nodes {
			if n.Table.File == p.File && n.Table.Kind == define.FromSQL {
				return !slices.Contains(names, name) && known.partly(g, name)
			}
		}
		return false
	}
	return known, slices.DeleteFunc(slices.Clone(problems), doubtful), nil
}

// partly says whether a table reads, directly or not, a source that is known in part.
func (k Known) partly(g *plan.Graph, name string) bool {
	seen := map[string]bool{}
	var visit func(name string) bool
	visit = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		return k.Partial[name] || slices.ContainsFunc(g.Nodes[name].Inputs, visit)
	}
	return visit(name)
}

// givenTo are the rows that cases give to a table.
func givenTo(tests []*define.Tests, table string) (out []*define.Rows) {
	for _, t := range tests {
		for _, c := range t.Cases {
			for _, b := range c.Builds {
				for _, g := range b.Given {
					if strings.EqualFold(g.Input, table) {
						out = append(out, g.All()...)
					}
				}
			}
		}
	}
	return out
}

// inferred are the columns that rows name beside those known, in the order they first stand, with the types their values have.
func inferred(known []job.Column, rows []*define.Rows) (found []job.Column) {
	types := map[string]kind{}
	for _, r := range rows {
		for _, named := range r.Columns {
			if find(known, named.Name) >= 0 {
				continue
			}
			if find(found, named.Name) < 0 {
				found = append(found, job.Column{Name: named.Name})
			}
			fold := strings.ToLower(named.Name)
			for _, row := range r.List {
				types[fold] = types[fold].join(kindOf(row.Get(named.Name)))
			}
		}
	}
	for i, c := range found {
		found[i].Type = types[strings.ToLower(c.Name)].String()
	}
	return found
}
