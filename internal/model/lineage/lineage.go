// Package lineage tells from the bound plan of a query where each of its columns comes from. Kinds are those of OpenLineage's
// column lineage (facet 1-2-0).
package lineage

import (
	"slices"
	"strings"

	"weir/internal/model/boundplan"
)

// Kind says how a source takes part in a column.
type Kind string

// The kinds. Direct are the first three, of which the strongest on the way counts; the others are indirect: they decide which
// value or which rows there are, without being part of the value.
const (
	Identity       Kind = "IDENTITY"       // the value itself, under whatever name
	Transformation Kind = "TRANSFORMATION" // computed from one row
	Aggregation    Kind = "AGGREGATION"    // computed from several rows

	Conditional Kind = "CONDITIONAL" // of one column: a CASE or FILTER asks it
	Window      Kind = "WINDOW"      // of one column: partition, order or frame of a window

	Filter  Kind = "FILTER"   // WHERE, HAVING, QUALIFY, semi-joins, EXCEPT
	Join    Kind = "JOIN"     // compared between relations
	GroupBy Kind = "GROUP_BY" // grouped by, DISTINCT ON
	Sort    Kind = "SORT"
)

// Direct says whether a kind makes up values.
func (k Kind) Direct() bool { return k == Identity || k == Transformation || k == Aggregation }

var strength = map[Kind]int{Identity: 1, Transformation: 2, Aggregation: 3}

// Source is a column, or a field of one, and how it takes part.
type Source struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Field  string `json:"field,omitempty"` // city of an address; a.b for a field in a field
	Kind   Kind   `json:"kind"`
}

// Column is where one output column comes from. count(*) and constants have no sources.
type Column struct {
	Name     string   `json:"name"`
	Direct   []Source `json:"direct,omitempty"`
	Indirect []Source `json:"indirect,omitempty"` // of this column alone: CONDITIONAL, WINDOW, SORT within an aggregate, and what decides the answer of a subquery in its expression
}

// Lineage is where a query's columns come from. Sources are sorted by table, column, field and kind.
type Lineage struct {
	Columns  []Column `json:"columns"`
	Indirect []Source `json:"indirect,omitempty"` // of all columns: FILTER, JOIN, GROUP_BY, SORT decide which rows there are
}

// Of gives the lineage of a query's columns, which names lists in order (DESCRIBE gives them). What a plan holds beyond them
// serves its order only. An operator that is not known is an error.
func Of(p *boundplan.Plan, names []string) (*Lineage, error) {
	a := &analysis{ctes: map[*boundplan.Op]*flow{}, outer: map[*boundplan.Op][]*column{}}
	f, err := a.op(p.Root)
	if err != nil {
		return nil, err
	}
	if len(f.columns) < len(names) {
		return nil, unknown("a plan of %d columns for a query of %d", len(f.columns), len(names))
	}
	out := &Lineage{Columns: make([]Column, len(names)), Indirect: f.rows.sources()}
	for i, name := range names {
		c := f.columns[i]
		out.Columns[i] = Column{Name: name, Direct: c.direct.sources(), Indirect: c.aside.sources()}
	}
	return out, nil
}

// place is a column, or a field of one.
type place struct{ table, column, field string }

// sources gives a set in order.
func (d direct) sources() []Source {
	out := make([]Source, 0, len(d))
	for p, k := range d {
		out = append(out, Source{p.table, p.column, p.field, k})
	}
	return sorted(out)
}

func (e effects) sources() []Source {
	out := make([]Source, 0, len(e))
	for x := range e {
		out = append(out, Source{x.table, x.column, x.field, x.kind})
	}
	return sorted(out)
}

func sorted(s []Source) []Source {
	slices.SortFunc(s, func(a, b Source) int {
		return slices.Compare([]string{a.Table, a.Column, a.Field, string(a.Kind)}, []string{b.Table, b.Column, b.Field, string(b.Kind)})
	})
	return s
}

// String writes a source: raw.orders.total AGGREGATION.
func (s Source) String() string { return strings.Join([]string{s.Name(), string(s.Kind)}, " ") }

// Name is the source's dotted name.
func (s Source) Name() string {
	if s.Field != "" {
		return s.Table + "." + s.Column + "." + s.Field
	}
	return s.Table + "." + s.Column
}
