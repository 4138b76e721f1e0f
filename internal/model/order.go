package model

import (
	"sort"
	"strings"

	"weir/internal/fault"
)

// Cycle is the error of tables that need each other.
type Cycle struct {
	Tables []string // the way round: the first is also the last
}

func (c *Cycle) Error() string { return "tables need each other: " + strings.Join(c.Tables, " -> ") }

// Order sorts tables so that each stands after its inputs, the same way every time. Inputs that are no keys of the map are
// left out. A cycle is a Usage error that holds a *Cycle.
func Order(tables map[string][]string) ([]string, error) {
	names := make([]string, 0, len(tables))
	for n := range tables {
		names = append(names, n)
	}
	sort.Strings(names)
	v := &visit{tables: tables, state: map[string]int{}}
	for _, n := range names {
		if c := v.table(n); c != nil {
			return nil, fault.New(fault.Usage, "%w", c).WithHint("take one of them out of the SQL of another")
		}
	}
	return v.order, nil
}

type visit struct {
	tables map[string][]string
	state  map[string]int // 0 not seen, 1 on the way, 2 done
	way    []string
	order  []string
}

func (v *visit) table(name string) *Cycle {
	inputs, known := v.tables[name]
	if !known || v.state[name] == 2 {
		return nil
	}
	if v.state[name] == 1 {
		for i, n := range v.way {
			if n == name {
				return &Cycle{Tables: append(append([]string(nil), v.way[i:]...), name)}
			}
		}
	}
	v.state[name] = 1
	v.way = append(v.way, name)
	sorted := append([]string(nil), inputs...)
	sort.Strings(sorted)
	for _, in := range sorted {
		if c := v.table(in); c != nil {
			return c
		}
	}
	v.way = v.way[:len(v.way)-1]
	v.state[name] = 2
	v.order = append(v.order, name)
	return nil
}
