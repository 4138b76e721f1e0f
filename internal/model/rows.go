package model

import (
	"fmt"
	"slices"
	"strings"
)

// cte is a WITH in reach: its name, lower case, and its query; nil for one that builds rows of rows.
type cte struct {
	name    string
	query   *tree
	aliases []string // of its columns, where it gives them names
}

// cteAt finds a CTE by its name: its place among those in reach, -1 where there is none.
func (w *walker) cteAt(name string) int {
	for i, c := range slices.Backward(w.scopes) {
		if strings.EqualFold(c.name, name) {
			return i
		}
	}
	return -1
}

func cteOf(entry *tree) cte {
	c := cte{name: strings.ToLower(entry.str("key")), query: entry.get("value").get("query").get("node"), aliases: texts(entry.get("value").list("aliases"))}
	if c.query.str("type") == "RECURSIVE_CTE_NODE" {
		c.query = nil
	}
	return c
}

func texts(items []*tree) (out []string) {
	for _, item := range items {
		out = append(out, item.text)
	}
	return out
}

// outer says whether a name is that of a table which a query around the present one reads.
func (w *walker) outer(name string) bool {
	for _, n := range w.selects {
		f := &facts{w: w}
		if f.names(n.get("from_table")); f.named(name) != nil {
			return true
		}
	}
	return false
}

// names gathers the names of a FROM's tables, without a look at their rows.
func (f *facts) names(n *tree) {
	if n.str("type") == "JOIN" {
		f.names(n.get("left"))
		f.names(n.get("right"))
		return
	}
	f.sources = append(f.sources, &source{alias: aliasOf(n)})
}

func aliasOf(n *tree) string {
	alias := n.str("alias")
	switch {
	case alias != "":
	case n.str("type") == "BASE_TABLE":
		alias = n.str("table_name")
	case n.str("type") == "TABLE_FUNCTION":
		alias = n.get("function").str("function_name")
	}
	return strings.ToLower(alias)
}

// source is one table of a FROM, with what tells its rows apart.
func (w *walker) source(n *tree) *source {
	s := &source{alias: aliasOf(n), apart: func(By) bool { return false }}
	aliases := texts(n.list("column_name_alias"))
	switch n.str("type") {
	case "BASE_TABLE":
		name := strings.Trim(n.str("catalog_name")+"."+n.str("schema_name")+"."+n.str("table_name"), ".")
		if i := w.cteAt(name); i >= 0 && n.str("schema_name") == "" {
			c, scopes := w.scopes[i], w.scopes[:i]
			if len(aliases) == 0 {
				aliases = c.aliases
			}
			s.columns = named(c.query, aliases)
			s.apart = func(by By) bool { return w.rowsApart(c.query, scopes, aliases, by.Has) }
			return s
		}
		s.table = name
		if w.tables != nil && len(aliases) == 0 {
			s.apart = func(by By) bool { return w.tables.Apart(name, by) }
		}
	case "SUBQUERY":
		query, scopes := n.get("subquery").get("node"), w.scopes
		s.columns = named(query, aliases)
		s.apart = func(by By) bool { return w.rowsApart(query, scopes, aliases, by.Has) }
	case "TABLE_FUNCTION":
		name := strings.ToLower(n.get("function").str("function_name"))
		if name != "range" && name != "generate_series" || len(aliases) > 1 {
			break
		}
		column := name
		if len(aliases) == 1 {
			column = aliases[0]
		}
		s.columns = []string{column}
		s.apart = func(by By) bool { return by.Has(column) }
	}
	return s
}

// rowsApart says whether given output columns tell the rows of a query apart. aliases are other names for the columns.
func (w *walker) rowsApart(n *tree, scopes []cte, aliases []string, has func(column string) bool) bool {
	if n == nil {
		return false
	}
	before := w.scopes
	defer func() { w.scopes = before }()
	w.scopes = slices.Clip(scopes)
	for _, entry := range n.get("cte_map").list("map") {
		w.scopes = append(w.scopes, cteOf(entry))
	}
	names := named(n, aliases)
	if len(aliases) > 0 && names == nil {
		return false
	}
	all := names != nil && !slices.ContainsFunc(names, func(name string) bool { return name == "" || !has(name) })
	if n.str("type") == "SET_OPERATION_NODE" {
		return w.setApart(n, names, all, has)
	}
	if n.str("type") != "SELECT_NODE" {
		return false
	}
	if from := n.get("from_table"); from.str("type") == "EXPRESSION_LIST" {
		return valuesApart(from, names, has)
	}
	return w.selectApart(n, names, all, has)
}

// selectApart is rowsApart for a SELECT. names are those of its columns, none where a star stands among them.
func (w *walker) selectApart(n *tree, names []string, all bool, has func(column string) bool) bool {
	if oneRow(n) {
		return true
	}
	items := n.list("select_list")
	f := w.facts(n)
	for i, item := range items {
		switch {
		case item.str("class") == "STAR":
			f.pass(item, has)
		case len(names) > 0 && has(names[i]), len(names) == 0 && nameOf(item) != "" && has(nameOf(item)):
			f.give(item)
		}
	}
	f.conclude()
	for _, m := range n.list("modifiers") {
		if m.str("type") != "DISTINCT_MODIFIER" {
			continue
		}
		on := m.list("distinct_on_targets")
		if len(on) == 0 && all || len(on) > 0 && f.every(w.meant(n, on)) {
			return true
		}
	}
	if slices.ContainsFunc(items, unnesting) {
		return false
	}
	return w.numbered(n, f) || w.apart(n, f)
}

// numbered says whether the number of each row within those that are given alike is given, by QUALIFY or as a column.
func (w *walker) numbered(n *tree, f *facts) bool {
	numbers := f.given
	picks := &facts{w: w}
	picks.meets(n.get("qualify"), condition{})
	for _, c := range picks.conditions {
		if c.str("type") == "COMPARE_EQUAL" && c.get("right").str("class") == "CONSTANT" {
			numbers = append(numbers, w.meant(n, []*tree{c.get("left")})...)
		}
	}
	return slices.ContainsFunc(numbers, func(e *tree) bool {
		return e.str("type") == "WINDOW_ROW_NUMBER" && f.every(e.list("partitions"))
	})
}

// apart says whether what is given tells the rows of a SELECT apart, before DISTINCT and QUALIFY.
func (w *walker) apart(n *tree, f *facts) bool {
	groups, grouped, known := w.groupsOf(n)
	if !grouped {
		return f.total()
	}
	return known && f.every(groups)
}

func (f *facts) every(es []*tree) bool {
	return !slices.ContainsFunc(es, func(e *tree) bool { return !f.determined(e) })
}

// groupsOf are the expressions a SELECT groups by. known is false where it groups by several sets of them.
func (w *walker) groupsOf(n *tree) (groups []*tree, grouped, known bool) {
	items := n.list("select_list")
	groups = w.meant(n, n.list("group_expressions"))
	switch all := n.str("aggregate_handling") == "FORCE_AGGREGATES"; {
	case all: // GROUP BY ALL
		for _, item := range items {
			if !aggregating(item) {
				groups = append(groups, item)
			} else if loose(item) {
				return nil, true, false
			}
		}
	case len(groups) == 0:
		return nil, slices.ContainsFunc(items, aggregating), true
	}
	sets := func(t token) bool { return t.is(w.sql, "ROLLUP") || t.is(w.sql, "CUBE") || t.is(w.sql, "SETS") }
	return groups, true, !slices.ContainsFunc(scan(w.sql), sets)
}

// meant puts output columns into the place of their numbers and names, as in ORDER BY and GROUP BY.
func (w *walker) meant(n *tree, es []*tree) (out []*tree) {
	items := n.list("select_list")
	for _, e := range es {
		if i := ordinal(e); i > 0 && i <= len(items) {
			e = items[i-1]
		}
		out = append(out, e)
	}
	for i, e := range out {
		if item := aliased(items, e); item != nil {
			out[i] = item
		}
	}
	return out
}

// meantBy adds to names in a window the output columns of that name, which they mean where no column of a table has it.
func meantBy(n *tree, es []*tree) (out []*tree) {
	for _, e := range es {
		if item := aliased(n.list("select_list"), e); item != nil {
			out = append(out, item)
		}
		out = append(out, e)
	}
	return out
}

// aliased is the output column that a reference names by the name it was given, nil for none.
func aliased(items []*tree, e *tree) *tree {
	parts := e.list("column_names")
	if len(parts) != 1 {
		return nil
	}
	for _, item := range items {
		if strings.EqualFold(item.str("alias"), parts[0].text) {
			return item
		}
	}
	return nil
}

// setApart is rowsApart for UNION, EXCEPT and INTERSECT.
func (w *walker) setApart(n *tree, names []string, all bool, has func(column string) bool) bool {
	if n.str("setop_all") != "true" && all {
		return true
	}
	branches := n.list("children")
	if len(branches) == 0 {
		branches = []*tree{n.get("left"), n.get("right")}
	}
	inBranch := func(b *tree) bool { return w.rowsApart(b, w.scopes, names, has) }
	if n.str("setop_type") != "UNION" {
		return inBranch(branches[0])
	}
	return w.labelled(n, names, has) && !slices.ContainsFunc(branches, func(b *tree) bool { return !inBranch(b) })
}

// labelled says whether a given column holds another constant in each branch of a UNION.
func (w *walker) labelled(n *tree, names []string, has func(column string) bool) bool {
	var branches []*tree
	var flat func(n *tree)
	flat = func(n *tree) {
		if n.str("type") != "SET_OPERATION_NODE" || n.str("setop_type") != "UNION" {
			branches = append(branches, n)
			return
		}
		for _, b := range append(n.list("children"), n.get("left"), n.get("right")) {
			if b != nil {
				flat(b)
			}
		}
	}
	flat(n)
	for i, name := range names {
		column := func(b *tree) *tree {
			if items := b.list("select_list"); i < len(items) {
				return items[i]
			}
			return nil
		}
		if has(name) && different(branches, column) {
			return true
		}
	}
	return false
}

// different says whether all of some nodes have another constant.
func different(nodes []*tree, of func(*tree) *tree) bool {
	seen := map[string]bool{}
	for _, n := range nodes {
		e := of(n)
		if e == nil || e.str("class") != "CONSTANT" {
			return false
		}
		text := canonical(e.get("value"))
		if seen[text] {
			return false
		}
		seen[text] = true
	}
	return true
}

// valuesApart is rowsApart for VALUES.
func valuesApart(from *tree, names []string, has func(column string) bool) bool {
	rows := from.list("values")
	for i, name := range names {
		column := func(row *tree) *tree {
			if i < len(row.items) {
				return row.items[i]
			}
			return nil
		}
		if has(name) && different(rows, column) {
			return true
		}
	}
	return len(rows) == 1
}

// named are the names of a query's columns, "" for one that has none, the first by aliases; nil where a star hides them.
func named(n *tree, aliases []string) []string {
	names := []string{}
	for i, item := range outputs(n) {
		if item.str("class") != "STAR" {
			names = append(names, nameOf(item))
			continue
		}
		from := n.get("from_table")
		if i > 0 || from.str("type") != "EXPRESSION_LIST" || len(from.list("values")) == 0 {
			return nil
		}
		for j := range from.list("values")[0].items {
			names = append(names, fmt.Sprintf("col%d", j))
		}
	}
	if len(aliases) > len(names) {
		return nil
	}
	copy(names, aliases)
	return names
}
