package run

import (
	"slices"
	"strings"

	"weir/internal/fault"
)

// node is a step in its graph, with how far it has come.
type node struct {
	step   Step
	needs  []int // places of the nodes it needs, each once, in the order written
	needed []int // of those that need it
	open   int   // needs that have no result yet
	result Result
}

// link joins steps by their needs. A wrong graph is a fault of whoever made it: names and cycles in definitions are
// found long before.
func link(steps []Step) ([]*node, error) {
	place := make(map[string]int, len(steps))
	nodes := make([]*node, len(steps))
	for i, s := range steps {
		if _, twice := place[s.Name]; twice {
			return nil, fault.New(fault.Internal, "run graph: two steps are named %q", s.Name)
		}
		place[s.Name] = i
		nodes[i] = &node{step: s, result: Result{Name: s.Name}}
	}
	for i, n := range nodes {
		for _, name := range n.step.Needs {
			need, known := place[name]
			if !known {
				return nil, fault.New(fault.Internal, "run graph: %q needs %q, which is no step of the graph", n.step.Name, name)
			}
			if slices.Contains(n.needs, need) {
				continue
			}
			n.needs = append(n.needs, need)
			nodes[need].needed = append(nodes[need].needed, i)
		}
		n.open = len(n.needs)
	}
	if left := unreached(nodes); len(left) > 0 {
		return nil, fault.New(fault.Internal, "run graph: a cycle holds back %s", strings.Join(left, ", "))
	}
	return nodes, nil
}

// unreached names the nodes that would never become ready: those on cycles and those behind them.
func unreached(nodes []*node) (names []string) {
	open := make([]int, len(nodes))
	var ready []int
	for i, n := range nodes {
		if open[i] = n.open; n.open == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		last := len(ready) - 1
		n := nodes[ready[last]]
		ready = ready[:last]
		for _, next := range n.needed {
			if open[next]--; open[next] == 0 {
				ready = append(ready, next)
			}
		}
	}
	for i, n := range nodes {
		if open[i] > 0 {
			names = append(names, n.step.Name)
		}
	}
	return names
}
