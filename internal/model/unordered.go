package model

import (
	"slices"
	"strings"
)

// numbering are window functions whose answer is by the order of rows.
var numbering = set("row_number first_value last_value nth_value lag lead ntile first last")

// picking are aggregates whose answer is by the order in which rows come, unless an ORDER BY in their brackets says it.
var picking = set(`first last any_value arbitrary list array_agg string_agg group_concat listagg json_group_array json_group_object
	approx_quantile approx_top_k`)

// ordering are functions that put a list in order, so that the order of its making does not count.
var ordering = set("list_sort array_sort list_reverse_sort array_reverse_sort len length array_length")

// aggregate warns of an aggregate whose answer depends on which row comes first. It is no mistake: all rows of a group may be
// equal.
func (w *walker) aggregate(n *tree, name string) {
	if !picking[name] || len(n.get("order_bys").list("orders")) > 0 || w.clock || w.sorted[n] {
		return
	}
	hint := "write " + name + "(… ORDER BY …)"
	if strings.HasPrefix(name, "approx_") {
		hint = "quantile_cont and mode are exact"
	}
	w.warned = append(w.warned, finding{w.see(n), call(name) + " may give another value where rows come in another order", hint})
}

// sorts notes a list that is sorted where it is made.
func (w *walker) sorts(n *tree, name string) {
	if children := n.list("children"); ordering[name] && len(children) > 0 {
		w.sorted[children[0]] = true
	}
}

// window refuses window functions that number rows in no order.
func (w *walker) window(n *tree) {
	name := strings.ToLower(n.str("function_name"))
	if !numbering[name] || len(n.list("orders")) > 0 || len(n.list("arg_orders")) > 0 || w.clock {
		return
	}
	w.refuse(n, call(name)+" OVER without ORDER BY takes rows in another order in every run", "write OVER (PARTITION BY … ORDER BY …) with an order that leaves no ties")
}

// distinctOn refuses DISTINCT ON where nothing says which row of each group stays.
func (w *walker) distinctOn(n, m *tree, at int) {
	targets := m.list("distinct_on_targets")
	if len(targets) == 0 || w.clock {
		return
	}
	c := covering{items: outputs(n), order: targets}
	more := slices.ContainsFunc(orders(n), func(o *tree) bool {
		if o.str("class") == "STAR" {
			return true
		}
		return !c.expression(o) && !slices.ContainsFunc(targets, func(t *tree) bool { return same(t, o) })
	})
	if !more {
		w.found = append(w.found, finding{at, "DISTINCT ON keeps another row in every run: no ORDER BY says which", "write ORDER BY with the columns of DISTINCT ON first, then what makes a row win"})
	}
}
