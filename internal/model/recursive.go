package model

import (
	"slices"
	"strings"
)

// recursion judges whether a recursive CTE ends. One whose step takes all rows again never does, and is refused; one that only
// follows equal values, as from a boss to those under them, goes round where the data does, and is warned of. UNION drops rows
// that are there already, which ends both unless the step makes new values.
func (w *walker) recursion(n *tree) {
	name, step := n.str("cte_name"), n.get("right")
	if !reads(step, name) {
		return // WITH RECURSIVE stands before it for the sake of another
	}
	at := w.word(0, "RECURSIVE")
	for _, t := range scan(w.sql) {
		if t.start > at && t.is(w.sql, name) {
			at = t.start
			break
		}
	}
	w.st.Marks = append(w.st.Marks, Mark{Kind: "recursive", Offset: at})
	if w.clock || n.str("union_all") != "true" || len(n.list("key_targets")) > 0 || step.str("type") != "SELECT_NODE" || limits(step) {
		return
	}
	f := w.facts(step)
	f.meets(step.get("having"), condition{})
	f.meets(step.get("qualify"), condition{})
	itself := step.get("from_table")
	switch own := itself.str("type") == "BASE_TABLE" && strings.EqualFold(itself.str("table_name"), name); {
	case own && len(f.conditions) == 0:
		w.found = append(w.found, finding{at, "the recursive CTE " + name + " never ends: its step takes every row again", "say when it ends: WHERE depth < 100"})
	case !slices.ContainsFunc(f.conditions, func(c condition) bool { return f.bounds(c, step, name) }):
		w.warn(at, "the recursive CTE "+name+" goes on for ever where rows lead back to themselves",
			"UNION in place of UNION ALL drops rows that are there already; or count the steps, and end them: WHERE depth < 100")
	}
}

// reads says whether a part of a query reads a CTE.
func reads(n *tree, name string) bool {
	return n != nil && (n.str("type") == "BASE_TABLE" && n.str("schema_name") == "" && strings.EqualFold(n.str("table_name"), name) ||
		n.any(func(part *tree) bool { return reads(part, name) }))
}

// limits says whether a step makes fewer rows of its rows: a LIMIT, or nested values that are taken apart.
func limits(step *tree) bool {
	limit := slices.ContainsFunc(step.list("modifiers"), func(m *tree) bool { return strings.HasPrefix(m.str("type"), "LIMIT") })
	return limit || slices.ContainsFunc(step.list("select_list"), unnesting) || step.get("from_table").any(unnesting)
}

// bounds says whether a condition of a step can end it: it asks something of the rows that are there, other than to be equal.
func (f *facts) bounds(c condition, step *tree, name string) bool {
	if c.equal() && c.get("left").str("class") == "COLUMN_REF" && c.get("right").str("class") == "COLUMN_REF" {
		return false
	}
	var asks func(e *tree) bool
	asks = func(e *tree) bool {
		if e == nil {
			return false
		}
		if e.str("class") == "COLUMN_REF" {
			of := f.column(e).table
			return of == "" || means(step.get("from_table"), of, name)
		}
		return e.any(asks)
	}
	return asks(c.tree)
}

// means says whether an alias in a FROM is that of a CTE.
func means(from *tree, alias, name string) bool {
	if from.str("type") == "JOIN" {
		return means(from.get("left"), alias, name) || means(from.get("right"), alias, name)
	}
	return from.str("type") == "BASE_TABLE" && aliasOf(from) == alias && strings.EqualFold(from.str("table_name"), name)
}
