package model

import "strings"

// Mark is a place in a statement that looks at several rows at once.
type Mark struct {
	Kind   string // aggregate, window, group, distinct, limit, union, join, subquery, unnest or recursive
	Name   string // of the function, lower case
	Offset int    // byte in the statement
}

// mark notes where a node stands, or what was seen last before it.
func (w *walker) mark(n *tree, kind, name string) {
	w.st.Marks = append(w.st.Marks, Mark{Kind: kind, Name: strings.ToLower(name), Offset: w.see(n)})
}

// Find gives the first mark of a kind, of a function where one is named. ok is false where there is none: what is looked for
// stands in a view or a macro.
func (s *Statement) Find(kind, name string) (m Mark, ok bool) {
	for _, m := range s.Marks {
		if m.Kind == kind && (name == "" || m.Name == name) {
			return m, true
		}
	}
	return Mark{}, false
}

// word finds the next keyword at or after an offset, for what DuckDB does not place: the offset itself where there is none.
func (w *walker) word(from int, keyword string) int {
	for _, t := range scan(w.sql) {
		if t.start >= from && t.is(w.sql, keyword) {
			return t.start
		}
	}
	return from
}
