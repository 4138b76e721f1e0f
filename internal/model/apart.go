package model

import (
	"slices"
	"strings"
)

// Which columns tell the rows of a query apart is what decides whether an order is total. This file follows it from the keys
// of tables through joins and conditions of one SELECT; rows.go follows it through grouping, sets, subqueries and CTEs.

// Tables knows of the tables that SQL reads, by their names as SQL writes them.
type Tables interface {
	// Key are columns that tell rows of a table apart, nil where none are known. They are proposed to a person.
	Key(table string) []string
	// Apart says whether the rows of a table differ in what is given of them.
	Apart(table string, by By) bool
}

// By is what is given of the rows of a table. Columns go by the names that the table gives them.
type By struct {
	Has    func(column string) bool   // its value is given
	True   func(column string) bool   // only rows in which it is true are read
	Within func(from, to string) bool // only rows are read between whose two moments a given one lies
}

// facts is what follows, for one row of a FROM, from expressions whose values are given.
type facts struct {
	w          *walker
	sources    []*source
	conditions []condition
	given      []*tree
	columns    []column // given, or following from what is
	passed     []passed
	shared     []string // columns that joins USING them have on both sides
}

// passed are given columns that a star passes on: of one table, or of all where it names none.
type passed struct {
	table string
	has   func(column string) bool
}

// source is one table of a FROM.
type source struct {
	alias   string   // lower case
	table   string   // of the project, as written; "" for anything else
	columns []string // their names, nil where they are not known
	apart   func(by By) bool
	got     bool // what is given says which of its rows it is
}

// column is a column by its names, lower case; without a table it may be that of any.
type column struct{ table, name string }

// condition is one of those that rows meet, all of them.
type condition struct {
	*tree
	about   []*source // the tables whose rows it chooses; nil for all
	matches bool      // of an ASOF join: it chooses the one row that comes nearest
}

// facts gathers what a SELECT's FROM and WHERE tell of its rows. What is given comes after: give, pass, then conclude.
func (w *walker) facts(n *tree) *facts {
	f := &facts{w: w}
	f.from(n.get("from_table"))
	f.meets(n.get("where_clause"), condition{})
	return f
}

// factsOf are the conclusions from given expressions of a SELECT.
func (w *walker) factsOf(n *tree, given []*tree) *facts {
	f := w.facts(n)
	for _, e := range given {
		f.give(e)
	}
	f.conclude()
	return f
}

// from gathers the tables of a FROM and the conditions of its joins.
func (f *facts) from(n *tree) {
	switch n.str("type") {
	case "", "EMPTY":
		return
	case "JOIN":
	default:
		f.sources = append(f.sources, f.w.source(n))
		return
	}
	start := len(f.sources)
	f.from(n.get("left"))
	middle := len(f.sources)
	kind := n.str("join_type")
	if kind == "SEMI" || kind == "ANTI" {
		return
	}
	f.from(n.get("right"))
	left, right := f.sources[start:middle], f.sources[middle:]
	c := condition{matches: n.str("ref_type") == "ASOF"}
	switch {
	case kind == "OUTER": // either side may be null
		return
	case kind == "LEFT", c.matches:
		c.about = right
	case kind == "RIGHT":
		c.about = left
	}
	f.meets(n.get("condition"), c)
	for _, name := range n.list("using_columns") {
		f.shared = append(f.shared, name.text)
		for _, l := range left {
			for _, r := range right {
				c.tree = equals(reference(l.alias, name.text), reference(r.alias, name.text))
				f.conditions = append(f.conditions, c)
			}
		}
	}
}

// meets takes a condition apart at its ANDs.
func (f *facts) meets(e *tree, as condition) {
	if e == nil {
		return
	}
	if e.str("type") == "CONJUNCTION_AND" {
		for _, part := range e.list("children") {
			f.meets(part, as)
		}
		return
	}
	as.tree = e
	f.conditions = append(f.conditions, as)
}

// reference is a column as SQL would name it.
func reference(table, name string) *tree {
	return &tree{names: []string{"class", "column_names"}, members: map[string]*tree{
		"class": {text: "COLUMN_REF"}, "column_names": {items: []*tree{{text: table}, {text: name}}}}}
}

func equals(a, b *tree) *tree {
	return &tree{names: []string{"class", "type", "left", "right"}, members: map[string]*tree{
		"class": {text: "COMPARISON"}, "type": {text: "COMPARE_EQUAL"}, "left": a, "right": b}}
}

// keeping are functions that give different values for different arguments.
var keeping = set("row struct_pack list_value md5 sha1 sha256")

// give takes an expression's value as given, and what is in it where it can be told from that.
func (f *facts) give(e *tree) {
	if e == nil {
		return
	}
	f.given = append(f.given, e)
	switch kind := e.str("type"); {
	case e.str("class") == "COLUMN_REF":
		f.columns = append(f.columns, f.column(e))
		if s := f.whole(e); s != nil {
			s.got = true
		}
	case kind == "OPERATOR_CAST" && e.get("cast_type").str("id") == "VARCHAR":
		f.give(e.get("child"))
	case kind == "FUNCTION" && keeping[strings.ToLower(e.str("function_name"))]:
		for _, child := range e.list("children") {
			f.give(child)
		}
	}
}

// pass takes as given what a star passes on of given columns.
func (f *facts) pass(star *tree, has func(column string) bool) {
	if star.get("expr") != nil || len(star.list("rename_list")) > 0 || len(star.list("replace_list")) > 0 {
		return
	}
	excluded := texts(star.list("exclude_list"))
	f.passed = append(f.passed, passed{strings.ToLower(star.str("relation_name")), func(name string) bool {
		return has(name) && !slices.ContainsFunc(excluded, func(x string) bool { return strings.EqualFold(x, name) })
	}})
}

// whole is the table whose whole rows a name means, nil where it means a column.
func (f *facts) whole(e *tree) *source {
	if parts := e.list("column_names"); len(parts) == 1 {
		return f.named(parts[0].text)
	}
	return nil
}

func (f *facts) named(alias string) *source {
	for _, s := range f.sources {
		if strings.EqualFold(s.alias, alias) {
			return s
		}
	}
	return nil
}

// column reads a reference: table.column, schema.table.column, or a column, of which fields may be taken.
func (f *facts) column(e *tree) column {
	parts := e.list("column_names")
	for i := range parts {
		if i+1 < len(parts) && i < 3 && f.named(parts[i].text) != nil {
			return column{strings.ToLower(parts[i].text), strings.ToLower(parts[i+1].text)}
		}
	}
	if len(parts) == 0 {
		return column{}
	}
	return column{f.owner(parts[0].text), strings.ToLower(parts[0].text)}
}

// owner is the table that has a column of a name, "" where that is not known.
func (f *facts) owner(name string) string {
	is := func(other string) bool { return strings.EqualFold(other, name) }
	if slices.ContainsFunc(f.shared, is) {
		return ""
	}
	var hidden []*source
	for _, s := range f.sources {
		if s.columns == nil {
			hidden = append(hidden, s)
		} else if slices.ContainsFunc(s.columns, is) {
			return s.alias
		}
	}
	if len(hidden) == 1 {
		return hidden[0].alias
	}
	return ""
}

// conclude follows what is given until nothing more comes of it.
func (f *facts) conclude() {
	for f.round() {
	}
}

func (f *facts) round() (more bool) {
	for _, c := range f.conditions {
		if !c.equal() {
			continue
		}
		a, b := c.get("left"), c.get("right")
		more = f.follow(c, a, b) || more
		more = f.follow(c, b, a) || more
	}
	for _, s := range f.sources {
		if !s.got && s.apart(f.by(s)) {
			s.got, more = true, true
		}
	}
	return more
}

// equal says whether one side of a condition gives the other.
func (c condition) equal() bool {
	kind := c.str("type")
	return kind == "COMPARE_EQUAL" || kind == "COMPARE_NOT_DISTINCT_FROM" || c.matches && c.str("class") == "COMPARISON"
}

// follow gives a column that a condition puts equal to what is given.
func (f *facts) follow(c condition, from, to *tree) bool {
	if to.str("class") != "COLUMN_REF" || f.determined(to) || !f.determined(from) {
		return false
	}
	is := f.column(to)
	if c.about != nil && is.table != "" && !slices.Contains(c.about, f.named(is.table)) {
		return false
	}
	f.columns = append(f.columns, is)
	return true
}

// by is what is known of one table's rows.
func (f *facts) by(s *source) By {
	return By{
		Has: func(name string) bool { return f.has(column{s.alias, strings.ToLower(name)}) },
		True: func(name string) bool {
			return slices.ContainsFunc(f.conditions, func(c condition) bool { return c.concerns(s) && f.is(c.tree, s, name) })
		},
		Within: func(from, to string) bool {
			return slices.ContainsFunc(f.conditions, func(c condition) bool { return c.concerns(s) && f.begins(c.tree, s, from) }) &&
				slices.ContainsFunc(f.conditions, func(c condition) bool { return c.concerns(s) && f.mentions(c.tree, s, to) })
		},
	}
}

func (c condition) concerns(s *source) bool { return c.about == nil || slices.Contains(c.about, s) }

// has says whether the value of a column is known.
func (f *facts) has(is column) bool {
	return slices.ContainsFunc(f.columns, func(c column) bool {
		return c.name == is.name && (c.table == is.table || c.table == "" || is.table == "")
	}) || slices.ContainsFunc(f.passed, func(p passed) bool {
		return (p.table == is.table || p.table == "" || is.table == "") && p.has(is.name)
	})
}

// is says whether an expression is a column of a table.
func (f *facts) is(e *tree, s *source, name string) bool {
	if e.str("class") != "COLUMN_REF" {
		return false
	}
	c := f.column(e)
	return c.name == strings.ToLower(name) && (c.table == "" || c.table == s.alias)
}

func (f *facts) mentions(e *tree, s *source, name string) bool {
	return e != nil && (f.is(e, s, name) || e.any(func(part *tree) bool { return f.mentions(part, s, name) }))
}

// begins says whether a condition sets a given moment after a column.
func (f *facts) begins(e *tree, s *source, name string) bool {
	switch e.str("type") {
	case "COMPARE_GREATERTHANOREQUALTO", "COMPARE_GREATERTHAN":
		return f.is(e.get("right"), s, name) && f.moment(e.get("left"), s)
	case "COMPARE_LESSTHANOREQUALTO", "COMPARE_LESSTHAN":
		return f.is(e.get("left"), s, name) && f.moment(e.get("right"), s)
	case "COMPARE_BETWEEN":
		return f.is(e.get("lower"), s, name) && f.moment(e.get("input"), s)
	}
	return false
}

// moment says whether a value that a table's rows are compared with is given. Where it names no table it is not of these rows,
// which have moments of their own.
func (f *facts) moment(e *tree, of *source) bool {
	others := !slices.ContainsFunc(f.sources, func(s *source) bool { return s != of && !s.got })
	return f.determined(e) || others && e.str("class") == "COLUMN_REF" && f.column(e).table != of.alias
}

// total says whether what is given tells all rows of the FROM apart.
func (f *facts) total() bool {
	return !slices.ContainsFunc(f.sources, func(s *source) bool { return !s.got })
}

// determined says whether an expression has one value where the given ones have.
func (f *facts) determined(e *tree) bool {
	switch {
	case e == nil:
		return true
	case slices.ContainsFunc(f.given, func(g *tree) bool { return same(g, e) }):
		return true
	case isAggregate(e), unnesting(e):
		return false
	}
	switch e.str("class") {
	case "CONSTANT", "PARAMETER":
		return true
	case "COLUMN_REF":
		return f.columnDetermined(e)
	case "SUBQUERY", "WINDOW", "LAMBDA":
		return false
	case "STAR":
		return f.total()
	}
	return !e.any(func(part *tree) bool { return !f.determined(part) })
}

func (f *facts) columnDetermined(e *tree) bool {
	if s := f.whole(e); s != nil {
		return s.got
	}
	is := f.column(e)
	if parts := e.list("column_names"); len(parts) > 1 && f.named(parts[0].text) == nil && f.w.outer(parts[0].text) {
		return true // of a query around this one, of one row of which all this is
	}
	if s := f.named(is.table); s != nil && s.got {
		return true
	}
	return f.has(is) || len(f.sources) > 0 && f.total()
}
