package plan

import (
	"fmt"

	"weir/internal/define"
	"weir/internal/job"
)

// meaning is all that shapes a table's rows: what its definition says and, of SQL, its views, macros and vars.
func (g *Graph) meaning(name string) job.Meaning {
	n := g.Nodes[name]
	m := job.Meaning{}
	for part, value := range n.Table.Meaning {
		m[part] = value
	}
	if n.Table.Kind != define.FromSQL {
		return m
	}
	g.said(m, n)
	m["sql"] = n.sql
	if zone := g.Project.Timezone; zone != "" && zone != "UTC" {
		m["timezone"] = job.Plain(zone) // in which SQL makes days of moments
	}
	for _, in := range g.closure(name) {
		if view := g.Nodes[in]; view.Table.Mode == define.View {
			m["view "+in] = view.sql
			g.said(m, view)
		}
	}
	return m
}

// said adds the macros and vars that a node's SQL uses. Of a var, which may be secret, only the digest is kept (promise 9).
func (g *Graph) said(m job.Meaning, n *Node) {
	for _, macro := range n.Macros {
		m["macro "+macro] = g.digests[macro]
	}
	for _, p := range n.Params {
		if p != "run_time" && !hasWindow(n.Table, p) { // time moves on with every run, and is not a change of the definition
			m["var "+p] = job.Digest(fmt.Sprint(g.Project.Vars[p]))
		}
	}
}

// keeps says whether a table still holds every row it ever held, or a later form of it, so that what was made of it can be
// made again.
func keeps(t *define.Table) bool {
	switch t.Mode {
	case define.Replace, define.Partitions, define.Changes, define.View:
		return false
	case define.Upsert:
		return t.Deletes != define.Remove
	}
	return true
}
