package model

import (
	"fmt"
	"slices"
	"strings"
)

// A LIMIT takes the same rows in every run only if the order before it is total: rows that tie must be equal in all that
// goes on. This file proves that from the text, and what it cannot prove is refused (promise 11).

// limited judges a query node with LIMIT or OFFSET.
func (w *walker) limited(n, limit *tree) {
	if w.clock || w.harmless[n] {
		return
	}
	at := w.at
	for _, part := range []string{"offset", "limit"} {
		if o := limit.get(part).offset(); o >= 0 {
			at = w.wordBefore(o, strings.ToUpper(part))
		}
	}
	order := orders(n)
	switch {
	case oneRow(n):
	case len(order) == 0:
		w.found = append(w.found, finding{at, "LIMIT without ORDER BY takes other rows in every run", "write ORDER BY ALL before it, or the columns of a key"})
	default:
		if missing := w.ties(n, order); missing != "" {
			w.found = append(w.found, finding{at, "LIMIT takes other rows in every run where ORDER BY leaves ties", missing})
		}
	}
}

// wordBefore finds the last keyword before an offset: the offset itself where there is none.
func (w *walker) wordBefore(from int, keyword string) int {
	at := from
	for _, t := range scan(w.sql) {
		if t.start < from && t.is(w.sql, keyword) {
			at = t.start
		}
	}
	return at
}

// orders are the terms of a node's ORDER BY.
func orders(n *tree) (out []*tree) {
	for _, m := range n.list("modifiers") {
		if m.str("type") == "ORDER_MODIFIER" {
			for _, o := range m.list("orders") {
				out = append(out, o.get("expression"))
			}
		}
	}
	return out
}

// oneRow says whether a SELECT gives one row: it aggregates and has no groups.
func oneRow(n *tree) bool {
	items := n.list("select_list")
	if n.str("type") != "SELECT_NODE" || len(n.list("group_expressions")) > 0 || slices.ContainsFunc(items, unnesting) {
		return false
	}
	if n.str("aggregate_handling") == "FORCE_AGGREGATES" { // GROUP BY ALL: by what is not aggregated
		return !slices.ContainsFunc(items, func(e *tree) bool { return !aggregating(e) || loose(e) })
	}
	return slices.ContainsFunc(items, aggregating)
}

// aggregating says whether an expression aggregates the rows of its own SELECT.
func aggregating(e *tree) bool {
	if e == nil || e.str("class") == "SUBQUERY" || e.str("class") == "WINDOW" {
		return false
	}
	return isAggregate(e) || e.any(aggregating)
}

func isAggregate(e *tree) bool {
	return e.str("class") == "FUNCTION" && aggregates[strings.ToLower(e.str("function_name"))]
}

// loose says whether an expression names a column outside of an aggregate. Subqueries count as if they did.
func loose(e *tree) bool {
	if e == nil || isAggregate(e) {
		return false
	}
	switch e.str("class") {
	case "COLUMN_REF", "STAR", "SUBQUERY":
		return true
	}
	return e.any(loose)
}

// unnesting says whether an expression makes several rows of one.
func unnesting(e *tree) bool {
	if e == nil || e.str("class") == "SUBQUERY" {
		return false
	}
	return e.str("class") == "FUNCTION" && strings.EqualFold(e.str("function_name"), "unnest") || e.any(unnesting)
}

// any says whether something holds for one of a node's parts.
func (t *tree) any(holds func(*tree) bool) bool {
	if slices.ContainsFunc(t.items, holds) {
		return true
	}
	return slices.ContainsFunc(t.names, func(name string) bool { return holds(t.members[name]) })
}

// ties says what ORDER BY lacks to be total, "" where it is.
func (w *walker) ties(n *tree, order []*tree) string {
	if slices.ContainsFunc(order, orderAll) {
		return ""
	}
	c := covering{items: outputs(n), order: order, set: n.str("type") != "SELECT_NODE"}
	star := len(c.items) == 0
	var missing []string
	for i, item := range c.items {
		if item.str("class") == "STAR" {
			star = true
		} else if !c.item(i) {
			missing = append(missing, title(item, i))
		}
	}
	if !star && len(missing) == 0 || c.targets(n) {
		return ""
	}
	if !slices.ContainsFunc(c.items, unnesting) && (w.groups(n, c) || w.keyed(n, c)) {
		return ""
	}
	if star {
		return "write ORDER BY ALL, or add the columns of a key"
	}
	return "add to ORDER BY: " + strings.Join(missing, ", ")
}

// orderAll is ORDER BY ALL, or *.
func orderAll(o *tree) bool {
	return o.str("class") == "STAR" && o.get("expr") == nil && len(o.list("exclude_list")) == 0 && o.str("relation_name") == ""
}

// outputs are a query's columns; those of a set operation are named by its first branch.
func outputs(n *tree) []*tree {
	for n != nil && n.str("type") == "SET_OPERATION_NODE" {
		n = first(n)
	}
	return n.list("select_list")
}

func first(n *tree) *tree {
	if children := n.list("children"); len(children) > 0 {
		return children[0]
	}
	return n.get("left")
}

// title names an output column for a person.
func title(item *tree, i int) string {
	if name := nameOf(item); name != "" {
		return name
	}
	return fmt.Sprint(i + 1)
}

// nameOf is an output column's name, "" where DuckDB makes one.
func nameOf(item *tree) string {
	if alias := item.str("alias"); alias != "" {
		return alias
	}
	if parts := item.list("column_names"); len(parts) > 0 {
		return parts[len(parts)-1].text
	}
	return ""
}

// covering knows which expressions an ORDER BY puts in order.
type covering struct {
	items, order []*tree
	set          bool // of a UNION and its like, whose branches differ
}

// item says whether an output column is ordered by: by its name, its place or its expression.
func (c covering) item(i int) bool {
	for _, o := range c.order {
		if ordinal(o) == i+1 || same(o, c.items[i]) {
			return true
		}
		if parts := o.list("column_names"); len(parts) == 1 && strings.EqualFold(parts[0].text, nameOf(c.items[i])) && nameOf(c.items[i]) != "" {
			return true
		}
	}
	return c.items[i].str("class") == "CONSTANT" && !c.set
}

// targets says whether the order holds all columns of a DISTINCT ON, of which each row has others.
func (c covering) targets(n *tree) bool {
	for _, m := range n.list("modifiers") {
		if on := m.list("distinct_on_targets"); m.str("type") == "DISTINCT_MODIFIER" && len(on) > 0 {
			return !slices.ContainsFunc(on, func(t *tree) bool { return !c.expression(t) })
		}
	}
	return false
}

// expression says whether an expression of the SELECT is ordered by, itself or as an output column.
func (c covering) expression(e *tree) bool {
	if n := ordinal(e); n > 0 && n <= len(c.items) {
		return c.item(n - 1)
	}
	for i, item := range c.items {
		alias := item.str("alias")
		parts := e.list("column_names")
		named := alias != "" && len(parts) == 1 && strings.EqualFold(parts[0].text, alias)
		if (same(e, item) || named) && c.item(i) {
			return true
		}
	}
	return slices.ContainsFunc(c.order, func(o *tree) bool { return same(o, e) })
}

// groups says whether the order holds all that a SELECT groups by, which is different in each of its rows. Of several grouping
// sets DuckDB's tree does not tell the empty one, so their words are looked for.
func (w *walker) groups(n *tree, c covering) bool {
	sets := func(t token) bool { return t.is(w.sql, "ROLLUP") || t.is(w.sql, "CUBE") || t.is(w.sql, "SETS") }
	if c.set || slices.ContainsFunc(scan(w.sql), sets) {
		return false
	}
	if groups := n.list("group_expressions"); len(groups) > 0 {
		return !slices.ContainsFunc(groups, func(g *tree) bool { return !c.expression(g) })
	}
	if n.str("aggregate_handling") != "FORCE_AGGREGATES" { // GROUP BY ALL
		return false
	}
	for i, item := range c.items {
		if (!aggregating(item) || loose(item)) && (item.str("class") == "STAR" || !c.item(i)) {
			return false
		}
	}
	return true
}

// keyed says whether the order tells rows apart: by the definition's own key, of its last SELECT, or by those of what is read.
func (w *walker) keyed(n *tree, c covering) bool {
	if n == w.top && len(w.key) > 0 && !slices.ContainsFunc(w.key, func(k string) bool { return !c.column(k) }) {
		return true
	}
	_, grouped, _ := w.groupsOf(n)
	return n.str("type") == "SELECT_NODE" && !grouped && w.factsOf(n, w.meant(n, c.order)).total()
}

// column says whether an output column of a name is ordered by, also one that a star gives.
func (c covering) column(name string) bool {
	star := false
	for i, item := range c.items {
		star = star || item.str("class") == "STAR"
		if strings.EqualFold(nameOf(item), name) && c.item(i) {
			return true
		}
	}
	return star && c.input(name)
}

// input says whether a column of what is read is ordered by, under its own name or that of an output column.
func (c covering) input(name string) bool {
	is := func(e *tree) bool {
		parts := e.list("column_names")
		return len(parts) > 0 && len(parts) <= 4 && strings.EqualFold(parts[len(parts)-1].text, name)
	}
	for i, item := range c.items {
		if item.str("class") == "COLUMN_REF" && is(item) && c.item(i) {
			return true
		}
	}
	return slices.ContainsFunc(c.order, func(o *tree) bool {
		if o.str("class") != "COLUMN_REF" || !is(o) {
			return false
		}
		// An output column of the same name that is something else would be meant instead.
		return !slices.ContainsFunc(c.items, func(item *tree) bool {
			return strings.EqualFold(item.str("alias"), name) && (item.str("class") != "COLUMN_REF" || !is(item))
		})
	})
}

// ordinal is the place an order by number names, 0 for anything else.
func ordinal(e *tree) int {
	if e.str("class") != "CONSTANT" || !strings.HasSuffix(e.get("value").get("type").str("id"), "INTEGER") {
		return 0
	}
	n := 0
	if _, err := fmt.Sscan(e.get("value").str("value"), &n); err != nil || n < 1 {
		return 0
	}
	return n
}

// same compares two expressions, wherever they stand and whatever they are called.
func same(a, b *tree) bool {
	if a == nil || b == nil {
		return a == b
	}
	if len(a.items) != len(b.items) || a.text != b.text {
		return false
	}
	for i := range a.items {
		if !same(a.items[i], b.items[i]) {
			return false
		}
	}
	count := func(t *tree) (n int) {
		for _, name := range t.names {
			if name != "query_location" && name != "alias" {
				n++
			}
		}
		return n
	}
	if count(a) != count(b) {
		return false
	}
	for _, name := range a.names {
		if name == "query_location" || name == "alias" {
			continue
		}
		if name == "column_names" || name == "function_name" {
			if !sameNames(a.members[name], b.members[name]) {
				return false
			}
			continue
		}
		if !same(a.members[name], b.members[name]) {
			return false
		}
	}
	return true
}

// sameNames compares names without their case.
func sameNames(a, b *tree) bool {
	if a == nil || b == nil || len(a.items) != len(b.items) || !strings.EqualFold(a.text, b.text) {
		return false
	}
	for i := range a.items {
		if !strings.EqualFold(a.items[i].text, b.items[i].text) {
			return false
		}
	}
	return true
}
