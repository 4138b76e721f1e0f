// Package groups finds out how the groups of a query follow from the rows of one table it reads: for output columns that
// group its rows, the expressions over a row of the table that say which group the row is counted in. It reads DuckDB's
// bound plan (json_serialize_plan of the version this module is built with) and refuses what it does not know.
package groups

import (
	"encoding/json"
	"fmt"
)

// node is one operator of a bound plan. Fields hold what the operators have that are known here.
type node struct {
	Type        string   `json:"type"`
	Children    []*node  `json:"children"`
	Expressions []*expr  `json:"expressions"`
	Groups      []*expr  `json:"groups"`
	Sets        [][]int  `json:"grouping_sets"`
	Groupings   [][]int  `json:"grouping_functions"`
	Distinct    string   `json:"distinct_type"`
	Targets     []*expr  `json:"distinct_targets"`
	Join        string   `json:"join_type"`
	Conditions  []cond   `json:"conditions"`
	TableIndex  int      `json:"table_index"`
	CTEIndex    int      `json:"cte_index"`
	Recurring   bool     `json:"is_recurring"`
	ColumnCount int      `json:"column_count"`
	Names       []string `json:"names"`
	Columns     []column `json:"column_indexes"`
	Chunk       []any    `json:"chunk_types"`
	Function    struct {
		Table string `json:"table"`
	} `json:"function_data"`
	RowLists []json.RawMessage `json:"expressions_list"`
}

type column struct {
	Index int `json:"index"`
}

// cond is one condition of a join.
type cond struct {
	Left    *expr  `json:"left"`
	Right   *expr  `json:"right"`
	Compare string `json:"comparison"`
}

func (c cond) equal() bool {
	return c.Left != nil && c.Right != nil && (c.Compare == "COMPARE_EQUAL" || c.Compare == "COMPARE_NOT_DISTINCT_FROM")
}

// readPlan reads the JSON of one statement's plan.
func readPlan(text string) (*node, error) {
	var doc struct {
		Error   bool    `json:"error"`
		Message string  `json:"error_message"`
		Plans   []*node `json:"plans"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("read bound plan: %w", err)
	}
	if doc.Error || len(doc.Plans) != 1 {
		return nil, fmt.Errorf("read bound plan: %d plans: %s", len(doc.Plans), doc.Message)
	}
	return doc.Plans[0], nil
}

// width is how many columns an operator gives, -1 where it is not known.
func (n *node) width() int {
	switch n.Type {
	case "LOGICAL_PROJECTION":
		return len(n.Expressions)
	case "LOGICAL_GET":
		if len(n.Columns) > 0 {
			return len(n.Columns)
		}
		return len(n.Names)
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return len(n.Groups) + len(n.Expressions) + len(n.Groupings)
	case "LOGICAL_WINDOW", "LOGICAL_UNNEST":
		return n.over(0, len(n.Expressions))
	case "LOGICAL_FILTER", "LOGICAL_ORDER_BY", "LOGICAL_DISTINCT", "LOGICAL_LIMIT", "LOGICAL_TOP_N":
		return n.over(0, 0)
	case "LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT":
		return n.ColumnCount
	case "LOGICAL_CTE_REF", "LOGICAL_DELIM_GET", "LOGICAL_CHUNK_GET":
		return len(n.Chunk)
	case "LOGICAL_MATERIALIZED_CTE":
		return n.over(1, 0)
	case "LOGICAL_CROSS_PRODUCT", "LOGICAL_COMPARISON_JOIN", "LOGICAL_DELIM_JOIN", "LOGICAL_ANY_JOIN", "LOGICAL_ASOF_JOIN", "LOGICAL_DEPENDENT_JOIN":
		return n.joinWidth()
	}
	return -1
}

func (n *node) over(child, more int) int {
	if len(n.Children) <= child {
		return -1
	}
	w := n.Children[child].width()
	if w < 0 {
		return -1
	}
	return w + more
}

func (n *node) joinWidth() int {
	left := n.over(0, 0)
	switch {
	case left < 0:
		return -1
	case n.Join == "SEMI" || n.Join == "ANTI":
		return left
	case n.Join == "MARK":
		return left + 1
	}
	right := n.over(1, 0)
	if right < 0 {
		return -1
	}
	return left + right
}
