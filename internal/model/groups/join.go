package groups

import (
	"encoding/json"
	"slices"
	"strings"
)

// join holds where each side that the driving table reaches gives a group's rows by itself: the grouping columns are columns
// of that side, or equal to such by the join's conditions.
func (f *follower) join(n *node, by []*expr) error {
	if len(n.Children) != 2 {
		return refuse("it has a join that is not known here")
	}
	j := &joining{n: n, width: n.Children[0].width(), by: by}
	if j.width < 0 {
		return refuse("it has a join that is not known here")
	}
	left, right := f.driven(n.Children[0]), f.driven(n.Children[1])
	kind := n.Join
	if n.Type == "LOGICAL_CROSS_PRODUCT" {
		kind = "INNER"
	}
	if n.Type == "LOGICAL_ASOF_JOIN" && right {
		return refuse("an ASOF join reads the input where rows are looked up")
	}
	switch kind {
	case "INNER":
	case "LEFT", "SEMI", "ANTI":
		if err := j.allOn(true, kind); err != nil {
			return err
		}
	case "RIGHT":
		if err := j.allOn(false, kind); err != nil {
			return err
		}
	case "MARK", "SINGLE":
		if right {
			return refuse("a subquery reads the input beside the row it stands in")
		}
		if err := j.allOn(true, kind); err != nil {
			return err
		}
	default:
		return refuse("a %s join gives rows for what is missing on either side", strings.ToLower(kind))
	}
	if n.Type == "LOGICAL_DELIM_JOIN" && right {
		return refuse("a correlated subquery reads the input beside the row it stands in")
	}
	if left {
		if err := f.side(j, true); err != nil {
			return err
		}
	}
	if right {
		return f.side(j, false)
	}
	return nil
}

func (f *follower) side(j *joining, left bool) error {
	next := make([]*expr, len(j.by))
	for i, e := range j.by {
		if next[i] = j.onSide(e, left); next[i] == nil {
			return blame(i, "comes from another table, and no condition of the join makes it equal to an expression over the input")
		}
	}
	child := j.n.Children[1]
	if left {
		child = j.n.Children[0]
	}
	return f.down(child, next)
}

// joining is one join and the grouping columns over its columns: those of its left side, then those of its right.
type joining struct {
	n     *node
	width int // of the left side
	by    []*expr
}

// on says whether an expression reads columns of one side alone.
func (j *joining) on(e *expr, left bool) bool {
	cols, known := e.refs()
	return known && !slices.ContainsFunc(cols, func(c int) bool { return (c < j.width) != left })
}

// allOn checks that no grouping column is null just because nothing was found on the other side.
func (j *joining) allOn(left bool, kind string) error {
	for i, e := range j.by {
		if !j.on(e, left) {
			return blame(i, "is null where a %s join finds nothing, whichever the row's group", strings.ToLower(kind))
		}
	}
	return nil
}

// onSide gives an expression over the columns of one side: itself, or what a condition says it equals. nil where there is none.
func (j *joining) onSide(e *expr, left bool) *expr {
	if j.on(e, left) {
		if left {
			return e
		}
		return e.shifted(-j.width)
	}
	for _, c := range j.n.Conditions {
		if !c.equal() {
			continue
		}
		here, there := c.Left, c.Right.shifted(j.width)
		if !left {
			here, there = c.Right, c.Left
		}
		if there != nil && same(e, there) {
			return here
		}
	}
	return nil
}

// unquoted reads a constant text.
func unquoted(c constant, into *string) string {
	if c.Null || c.Type.ID != "VARCHAR" || json.Unmarshal(c.Value, into) != nil {
		return ""
	}
	*into = strings.ToLower(*into)
	return *into
}
