package model

import (
	"slices"
	"strings"
)

// What depends on the order in which rows come is refused where nothing puts them in order, and warned of where nothing
// shows that the order is total (promise 11): rows that tie may be equal in what counts, which a person may know.

// numbering are window functions whose answer is by the order of rows.
var numbering = set("row_number first_value last_value nth_value lag lead ntile fill first last")

// endValues are window functions that give the value of a row at an end of the frame.
var endValues = set("first_value last_value nth_value first last")

// picking are aggregates whose answer is by the order in which rows come, unless an ORDER BY in their brackets says it.
var picking = set(`first last any_value arbitrary list array_agg string_agg group_concat listagg json_group_array json_group_object
	approx_quantile approx_top_k mode`)

// extreme are aggregates that give a value of the row in which another is least or greatest.
var extreme = set(`arg_max arg_min max_by min_by argmax argmin arg_max_null arg_min_null arg_max_nulls_last arg_min_nulls_last`)

// ordering are functions that put a list in order, so that the order of its making does not count.
var ordering = set("list_sort array_sort list_reverse_sort array_reverse_sort len length array_length")

func (w *walker) warn(at int, message, hint string) {
	w.warned = append(w.warned, finding{at, message, hint})
}

// aggregate warns of an aggregate whose answer depends on which row comes first.
func (w *walker) aggregate(n *tree, name string) {
	if !picking[name] && !extreme[name] || w.clock || w.sorted[n] {
		return
	}
	at := w.see(n)
	if strings.HasPrefix(name, "approx_") {
		w.warn(at, call(name)+" may give another value where rows come in another order", "quantile_cont and mode are exact")
		return
	}
	order := expressions(n.get("order_bys").list("orders"))
	by := order
	if extreme[name] && len(n.list("children")) > 1 {
		by = append([]*tree{n.list("children")[1]}, order...)
	}
	f := w.withinGroup(by)
	if f == nil || !f.total() && !f.every(values(n, name)) {
		w.warn(at, call(name)+w.undecided(name, len(order) > 0), w.remedy(f, name, order))
	}
}

// values are the arguments of an aggregate that its answer is made of.
func values(n *tree, name string) []*tree {
	children := n.list("children")
	if extreme[name] && len(children) > 0 {
		return children[:1]
	}
	return children
}

// undecided says of an aggregate why its answer may differ.
func (w *walker) undecided(name string, ordered bool) string {
	switch {
	case extreme[name]:
		return " may give another value in every run where several rows hold the extreme"
	case name == "mode" && !ordered:
		return " may give another value in every run where several values are equally frequent"
	case ordered:
		return " may give another value in every run where its ORDER BY leaves ties"
	}
	return " may give another value where rows come in another order"
}

// withinGroup concludes from what the rows of a group share and from an order of them; nil where there is no SELECT around.
func (w *walker) withinGroup(order []*tree) *facts {
	if len(w.selects) == 0 || w.pivoted {
		return nil
	}
	n := w.selects[len(w.selects)-1]
	groups, _, known := w.groupsOf(n)
	if !known {
		groups = nil
	}
	return w.factsOf(n, append(groups, order...))
}

// remedy proposes an order for an aggregate.
func (w *walker) remedy(f *facts, name string, order []*tree) string {
	switch {
	case name == "mode":
		return "write mode(x ORDER BY x)"
	case extreme[name]:
		return "write " + name + "(x, y ORDER BY …) with what tells rows apart" + f.such()
	case len(order) == 0:
		return "write " + name + "(… ORDER BY …)"
	}
	return "add to its ORDER BY what tells rows apart" + f.such()
}

// sorts notes a list that is sorted where it is made.
func (w *walker) sorts(n *tree, name string) {
	if children := n.list("children"); ordering[name] && len(children) > 0 {
		w.sorted[children[0]] = true
	}
}

// window refuses window functions that number rows in no order, and warns where the order may leave ties that count.
func (w *walker) window(n *tree) {
	name := strings.ToLower(n.str("function_name"))
	order := expressions(n.list("orders"))
	if of := expressions(n.list("arg_orders")); len(of) > 0 {
		order = of
	}
	counted := byRows(n)
	if w.clock || !numbering[name] && !picking[name] && !extreme[name] && !counted {
		return
	}
	if numbering[name] && len(order) == 0 {
		w.refuse(n, call(name)+" OVER without ORDER BY takes rows in another order in every run", "write OVER (PARTITION BY … ORDER BY …) with an order that leaves no ties")
		return
	}
	at := w.see(n)
	by := slices.Concat(n.list("partitions"), order)
	if extreme[name] && len(n.list("children")) > 1 {
		by = append(by, n.list("children")[1])
	}
	node := w.selects[len(w.selects)-1]
	f := w.factsOf(node, meantBy(node, by))
	if w.apart(node, f) || w.alike(node, f) {
		return
	}
	if (endValues[name] && !counted || picking[name] || extreme[name]) && f.every(values(n, name)) {
		return
	}
	message := call(name) + " may give another value in every run to rows that tie in the order of its window"
	if !numbering[name] && counted {
		message = call(name) + " over a frame of ROWS may give another value in every run to rows that tie in the order of its window"
	}
	w.warn(at, message, "add to the window's ORDER BY what tells rows apart"+w.missing(node, f))
}

// byRows says whether a frame counts rows, so that of rows that tie some are in it and others are not.
func byRows(n *tree) bool {
	start, end := n.str("start"), n.str("end")
	return strings.HasSuffix(start, "_ROWS") || strings.HasSuffix(end, "_ROWS")
}

// alike says whether rows of a SELECT that are given alike are so in all it gives, so that it does not matter which is which.
func (w *walker) alike(n *tree, f *facts) bool {
	items := n.list("select_list")
	var holds func(e *tree) bool
	parts := func(e *tree) bool { return !e.any(func(part *tree) bool { return !holds(part) }) }
	holds = func(e *tree) bool {
		if e == nil || f.determined(e) {
			return true
		}
		switch e.str("class") {
		case "SUBQUERY", "STAR", "LAMBDA":
			return false
		case "WINDOW":
			return parts(e)
		case "COLUMN_REF":
			item := aliased(items, e)
			return item != nil && item.str("class") != "COLUMN_REF" && holds(item)
		}
		return !isAggregate(e) && !unnesting(e) && parts(e)
	}
	return holds(n.get("qualify")) && !slices.ContainsFunc(items, func(e *tree) bool { return !holds(e) })
}

// missing names what would make an order of a SELECT's rows total, as far as that is known.
func (w *walker) missing(n *tree, f *facts) string {
	groups, grouped, known := w.groupsOf(n)
	if !grouped || !known {
		return f.such()
	}
	var names []string
	for i, g := range groups {
		if name := nameOf(g); !f.determined(g) && name != "" {
			names = append(names, title(g, i))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

// such names keys of tables whose rows are not told apart. A table without one can be named itself, which is all its columns.
func (f *facts) such() string {
	if f == nil {
		return ""
	}
	var names []string
	for _, s := range f.sources {
		switch {
		case s.got:
		case s.table == "" || f.w.tables == nil:
		default:
			key := f.w.tables.Key(s.table)
			if len(key) == 0 {
				names = append(names, "a key of "+s.table+", or "+s.alias+" for all its columns")
				continue
			}
			names = append(names, strings.Join(key, ", ")+" (the key of "+s.table+")")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, "; ")
}

// asof warns of an ASOF join where several rows on its right side may be nearest to a row on its left.
func (w *walker) asof(n *tree) {
	if n.str("ref_type") != "ASOF" || w.clock {
		return
	}
	left, f := &facts{w: w}, &facts{w: w}
	left.from(n.get("left"))
	f.from(n)
	for _, s := range f.sources[:len(left.sources)] {
		s.got = true
	}
	f.conclude()
	if !f.total() {
		w.warn(w.at, "ASOF JOIN may take another row in every run where several rows of its right side tie", "join what its conditions tell apart"+f.such())
	}
}

func expressions(orders []*tree) (out []*tree) {
	for _, o := range orders {
		out = append(out, o.get("expression"))
	}
	return out
}

// distinctOn refuses DISTINCT ON where nothing says which row of each group stays, and warns where what says it leaves ties.
func (w *walker) distinctOn(n, m *tree, at int) {
	targets := m.list("distinct_on_targets")
	if len(targets) == 0 || w.clock {
		return
	}
	c := covering{items: outputs(n), order: targets}
	order := orders(n)
	more := slices.ContainsFunc(order, func(o *tree) bool {
		if o.str("class") == "STAR" {
			return true
		}
		return !c.expression(o) && !slices.ContainsFunc(targets, func(t *tree) bool { return same(t, o) })
	})
	f := w.factsOf(n, w.meant(n, slices.Concat(targets, order)))
	if slices.ContainsFunc(order, orderAll) || n.str("type") == "SELECT_NODE" && (w.apart(n, f) || w.alike(n, f)) {
		return
	}
	if !more {
		w.found = append(w.found, finding{at, "DISTINCT ON keeps another row in every run: no ORDER BY says which", "write ORDER BY with the columns of DISTINCT ON first, then what makes a row win"})
		return
	}
	w.warn(at, "DISTINCT ON may keep another row in every run where ORDER BY leaves ties", "add to ORDER BY what tells rows apart"+w.missing(n, f))
}
