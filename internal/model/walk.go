package model

import (
	"fmt"
	"strings"
)

// walker goes through one syntax tree.
type walker struct {
	*rules
	sql    string
	st     *Statement
	found  []finding
	inputs []Input
	params []mention
	called []mention
	scopes []cte // the CTEs in reach, innermost last
	at     int   // last place known, for nodes without one

	top      *tree          // the query itself
	selects  []*tree        // the SELECTs around what is walked, innermost last
	pivoted  bool           // among the aggregates of a PIVOT, whose rows are not those of the SELECT around it
	harmless map[*tree]bool // queries of which only counts whether there is a row
	sorted   map[*tree]bool // aggregates whose list is sorted where it is made
	warned   []finding
}

func (w *walker) refuse(n *tree, message, hint string) {
	w.see(n)
	w.found = append(w.found, finding{w.at, message, hint})
}

// see remembers where a node stands.
func (w *walker) see(n *tree) int {
	if at := n.offset(); at >= 0 && at <= len(w.sql) {
		w.at = at
	}
	return w.at
}

// query walks a query node: its CTEs, each in reach of those after it, then the rest.
func (w *walker) query(n *tree) {
	if n == nil {
		return
	}
	switch kind := n.str("type"); kind {
	case "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE":
	default:
		w.refuse(n, fmt.Sprintf("a query of kind %s is not known here", kind), "")
		return
	}
	depth := len(w.scopes)
	for _, cte := range n.get("cte_map").list("map") {
		w.any(cte.get("value"))
		w.scopes = append(w.scopes, cteOf(cte))
	}
	w.body(n)
	w.scopes = w.scopes[:depth]
}

// body walks what a query node has beside its CTEs.
func (w *walker) body(n *tree) {
	if n.str("type") == "RECURSIVE_CTE_NODE" {
		w.recursion(n)
		w.scopes = append(w.scopes, cte{name: strings.ToLower(n.str("cte_name"))})
	}
	w.selects = append(w.selects, n)
	defer func() { w.selects = w.selects[:len(w.selects)-1] }()
	for _, m := range n.list("modifiers") {
		switch m.str("type") {
		case "DISTINCT_MODIFIER":
			w.st.Distinct = true
			at := w.word(w.at, "DISTINCT")
			w.st.Marks = append(w.st.Marks, Mark{Kind: "distinct", Offset: at})
			w.distinctOn(n, m, at)
		case "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER":
			w.st.Limit = true
			w.mark(m.get("limit"), "limit", "")
			w.limited(n, m)
		}
	}
	if len(n.list("group_expressions")) > 0 || n.str("aggregate_handling") == "FORCE_AGGREGATES" {
		w.st.Aggregates = true
	}
	if groups := n.list("group_expressions"); len(groups) > 0 {
		w.mark(groups[0], "group", "")
	}
	w.sample(n)
	if n.str("type") == "CTE_NODE" {
		w.any(n.get("query"))
		w.scopes = append(w.scopes, cte{name: strings.ToLower(n.str("cte_name")), query: n.get("query"), aliases: texts(n.list("aliases"))})
		w.any(n.get("child"))
		return
	}
	for _, name := range n.names {
		switch name {
		case "right": // of UNION, EXCEPT, INTERSECT
			w.st.Marks = append(w.st.Marks, Mark{Kind: "union", Offset: w.word(w.at, n.str("setop_type"))})
			w.any(n.get(name))
		case "cte_map", "sample":
		case "from_table":
			w.ref(n.get(name))
		default:
			w.any(n.get(name))
		}
	}
}

// any walks a value of unknown kind.
func (w *walker) any(n *tree) {
	if n == nil {
		return
	}
	for _, item := range n.items {
		w.any(item)
	}
	switch {
	case n.str("class") != "":
		w.expression(n)
	case strings.HasSuffix(n.str("type"), "_NODE"):
		w.query(n)
	case tableRef(n.str("type")):
		w.ref(n)
	default:
		w.members(n)
	}
}

func (w *walker) members(n *tree, except ...string) {
	for _, name := range n.names {
		skip := false
		for _, e := range except {
			skip = skip || e == name
		}
		if !skip {
			w.any(n.get(name))
		}
	}
}

// tableRef says whether a node without class is something a FROM reads.
func tableRef(kind string) bool {
	switch kind {
	case "BASE_TABLE", "TABLE_FUNCTION", "JOIN", "SUBQUERY", "EMPTY", "EXPRESSION_LIST", "PIVOT", "SHOW_REF", "COLUMN_DATA", "DELIM_GET", "BOUND_TABLE_REF":
		return true
	}
	return false
}

// ref walks what a FROM reads. What is not known is refused.
func (w *walker) ref(n *tree) {
	if n == nil {
		return
	}
	w.see(n)
	w.sample(n)
	switch kind := n.str("type"); kind {
	case "BASE_TABLE":
		w.table(n)
	case "TABLE_FUNCTION":
		w.tableFunction(n)
	case "JOIN":
		w.mark(n, "join", "")
		if n.str("ref_type") == "POSITIONAL" {
			w.refuse(n, "POSITIONAL JOIN pairs rows by the order they come in, which tables do not have", "join on columns")
		}
		w.asof(n)
		w.ref(n.get("left"))
		w.ref(n.get("right"))
		w.members(n, "left", "right", "sample")
	case "PIVOT":
		w.st.Aggregates = true
		w.ref(n.get("source"))
		before := w.pivoted
		w.pivoted = true
		w.members(n, "source", "sample")
		w.pivoted = before
	case "SUBQUERY", "EMPTY", "EXPRESSION_LIST":
		w.members(n, "sample")
	case "SHOW_REF":
		w.refuse(n, "DESCRIBE, SHOW and SUMMARIZE are not allowed in a query", "select the columns you need")
	default:
		w.refuse(n, fmt.Sprintf("FROM cannot read a %s", kind), "")
	}
}

// sample refuses a sample of rows, which is another one each time.
func (w *walker) sample(n *tree) {
	if n.get("sample") != nil && !w.clock {
		w.refuse(n, "a sample of rows differs from run to run", "filter by a hash of a key instead: WHERE md5_number_lower(id) % 100 < 10")
	}
}

// table takes a named table as an input unless the name is that of a CTE.
func (w *walker) table(n *tree) {
	if n.get("at_clause") != nil {
		w.refuse(n, "AT is not allowed: inputs are read at the snapshot the build has fixed", "weir query --as-of reads an older one")
		return
	}
	catalog, schema, table := n.str("catalog_name"), n.str("schema_name"), n.str("table_name")
	if catalog == "" && schema == "" && w.cteAt(table) >= 0 {
		return
	}
	parts := []string{table}
	if schema != "" {
		parts = []string{schema, table}
	}
	if catalog != "" {
		parts = []string{catalog, schema, table}
	}
	if message, hint := forbiddenTable(parts); message != "" {
		w.refuse(n, message, hint)
		return
	}
	w.inputs = append(w.inputs, Input{Name: strings.Join(parts, "."), Offset: w.at})
}

func (w *walker) tableFunction(n *tree) {
	f := n.get("function")
	name := strings.ToLower(f.str("function_name"))
	w.see(f)
	switch {
	case w.macros[name] && !systemFunctions[name]:
		w.called = append(w.called, mention{name, w.at})
	case !allowedTableFunctions[name]:
		w.refuse(f, fmt.Sprintf("%s(…) is not allowed: user SQL reaches lake tables only", name), tableFunctionHint(name))
		return
	}
	w.members(f)
	w.members(n, "function", "sample")
}

func (w *walker) expression(n *tree) {
	w.see(n)
	switch n.str("class") {
	case "CONSTANT":
		return
	case "PARAMETER":
		w.parameter(n)
	case "COLUMN_REF":
		w.columnRef(n)
	case "FUNCTION":
		w.function(n)
	case "SUBQUERY":
		w.mark(n, "subquery", "")
		if kind := n.str("subquery_type"); kind == "EXISTS" || kind == "NOT_EXISTS" {
			w.harmless[n.get("subquery").get("node")] = true
		}
	case "WINDOW":
		w.st.Windows = true
		w.mark(n, "window", n.str("function_name"))
		w.window(n)
		w.named(n, n.str("function_name"))
	}
	w.members(n)
}

func (w *walker) function(n *tree) {
	name := strings.ToLower(n.str("function_name"))
	if w.macros[name] {
		w.called = append(w.called, mention{name, w.at})
	}
	if aggregates[name] {
		w.st.Aggregates = true
		w.mark(n, "aggregate", name)
		w.aggregate(n, name)
	}
	w.sorts(n, name)
	if name == "unnest" {
		w.mark(n, "unnest", name)
	}
	if name == "age" && len(n.list("children")) == 1 {
		name = "age(x)" // counts from today
	}
	w.named(n, name)
}

// named judges a function by its name, whatever schema it is called in.
func (w *walker) named(n *tree, name string) {
	name = strings.ToLower(name)
	switch {
	case reaching[name]:
		w.refuse(n, fmt.Sprintf("%s is not allowed: it reaches outside the data", call(name)), "vars in weir.yaml give values to SQL as $name")
	case clocks[name] && !w.clock:
		w.refuse(n, fmt.Sprintf("%s is another value in every run", call(name)), "use $run_time, the run's logical time")
	case randoms[name] && !w.clock:
		w.refuse(n, fmt.Sprintf("%s is another value in every run", call(name)), "derive it from a key, such as md5(id::VARCHAR)")
	}
}

func call(name string) string {
	if strings.HasSuffix(name, ")") || strings.HasPrefix(name, "current_") || strings.HasPrefix(name, "local") {
		return name
	}
	return name + "()"
}

// columnRef refuses current_date and its like, which DuckDB reads as columns first and then as functions. A column of that
// name is reached with its table in front.
func (w *walker) columnRef(n *tree) {
	names := n.list("column_names")
	if len(names) != 1 || w.clock {
		return
	}
	if name := strings.ToLower(names[0].text); clockWords[name] {
		w.refuse(n, name+" is another value in every run", "use $run_time, the run's logical time; for a column of that name write t."+name)
	}
}

// parameter takes a named parameter. DuckDB does not say where it stands, so the text is looked through.
func (w *walker) parameter(n *tree) {
	name := n.str("identifier")
	positional := name == "" || name[0] >= '0' && name[0] <= '9'
	at := w.at
	for _, t := range scan(w.sql) {
		if t.is(w.sql, "$"+name) || positional && t.is(w.sql, "?") {
			at = t.start
			break
		}
	}
	if positional {
		w.found = append(w.found, finding{at, "parameters have names here", "write $name, a var of weir.yaml, or $run_time"})
		return
	}
	w.params = append(w.params, mention{name, at})
}
