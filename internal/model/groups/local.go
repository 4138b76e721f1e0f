package groups

import "strings"

// Local says whether each row of the driving table gives its rows of the result by itself, so that the rows that new rows give
// are the query over these alone. The error is Refused where that is not certain.
func Local(plan, table string) error {
	root, err := readPlan(plan)
	if err != nil {
		return err
	}
	f := &follower{table: table, ctes: map[int]*node{}}
	f.collect(root)
	if !f.driven(root) {
		return refuse("the SQL does not read the input")
	}
	return f.local(root)
}

func (f *follower) local(n *node) error {
	switch n.Type {
	case "LOGICAL_GET":
		return nil
	case "LOGICAL_FILTER", "LOGICAL_ORDER_BY", "LOGICAL_PROJECTION", "LOGICAL_UNNEST":
		return f.local(n.Children[0])
	case "LOGICAL_MATERIALIZED_CTE":
		return f.local(n.Children[1])
	case "LOGICAL_CTE_REF":
		def := f.ctes[n.CTEIndex]
		if def == nil || n.Recurring {
			return refuse("a recursive WITH mixes rows of the input")
		}
		return f.local(def)
	case "LOGICAL_UNION":
		for _, c := range n.Children {
			if !f.driven(c) {
				return refuse("UNION ALL adds rows of another table in every build")
			}
			if err := f.local(c); err != nil {
				return err
			}
		}
		return nil
	case "LOGICAL_CROSS_PRODUCT", "LOGICAL_COMPARISON_JOIN", "LOGICAL_DELIM_JOIN", "LOGICAL_ANY_JOIN", "LOGICAL_ASOF_JOIN":
		return f.localJoin(n)
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return refuse("%s many rows into one", aggregates(n))
	case "LOGICAL_WINDOW":
		return refuse("a window function looks at other rows")
	case "LOGICAL_DISTINCT":
		return refuse("DISTINCT compares a row with all others")
	case "LOGICAL_LIMIT", "LOGICAL_TOP_N":
		return refuse("LIMIT takes rows of the whole result")
	case "LOGICAL_EXCEPT", "LOGICAL_INTERSECT":
		return refuse("%s compares a row with all others", strings.TrimPrefix(n.Type, "LOGICAL_"))
	case "LOGICAL_RECURSIVE_CTE":
		return refuse("a recursive WITH mixes rows of the input")
	}
	return refuse("it has a step that is not known here (%s)", strings.ToLower(strings.TrimPrefix(n.Type, "LOGICAL_")))
}

// aggregates names what a grouping does.
func aggregates(n *node) string {
	for _, e := range n.Expressions {
		if e.Name == "count_star" {
			return "count(*) makes"
		}
		if e.Name != "" {
			return e.Name + "(…) makes"
		}
	}
	return "GROUP BY makes"
}

// localJoin holds where the driving table is on one side and the other side takes no row from it or gives none of its own.
func (f *follower) localJoin(n *node) error {
	left, right := f.driven(n.Children[0]), f.driven(n.Children[1])
	kind := n.Join
	if n.Type == "LOGICAL_CROSS_PRODUCT" {
		kind = "INNER"
	}
	switch {
	case left && right:
		return refuse("a join or a subquery reads the input a second time")
	case left && (kind == "INNER" || kind == "LEFT" || kind == "SEMI" || kind == "ANTI" || kind == "MARK" || kind == "SINGLE"):
		return f.local(n.Children[0])
	case right && n.Type != "LOGICAL_ASOF_JOIN" && (kind == "INNER" || kind == "RIGHT"):
		return f.local(n.Children[1])
	}
	return refuse("the %s join gives rows of the other side that depend on all rows of the input", strings.ToLower(kind))
}
