package lineage

import (
	"slices"

	"weir/internal/job"
)

// Node is a table of the graph, or what a table reads outside the lake.
type Node struct {
	Name    string       `json:"name"`
	Kind    NodeKind     `json:"kind"`
	Inputs  []string     `json:"inputs,omitempty"` // nodes it reads, also those of which it uses no column
	Columns []job.Column `json:"columns"`
	Unknown string       `json:"unknown,omitempty"` // why its columns are not known

	lineage *Lineage
}

// NodeKind says what a node is.
type NodeKind string

// The kinds of nodes.
const (
	StoredTable NodeKind = "table"
	ViewTable   NodeKind = "view"
	Dataset     NodeKind = "dataset"     // connection:dataset
	Destination NodeKind = "destination" // connection:table that a table is published to
)

// ID is a column of a table; without a column, the rows of the table.
type ID struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
}

// Name is the dotted name.
func (i ID) Name() string {
	if i.Column == "" {
		return i.Table
	}
	return i.Table + "." + i.Column
}

// Edge says that a source takes part in a column, or in which rows a table has.
type Edge struct {
	From Source
	To   ID
}

func (e Edge) from() ID { return ID{e.From.Table, e.From.Column} }

// Graph is the lineage of a whole project. Table names are spelled as the project spells them.
type Graph struct {
	nodes map[string]*Node
	names []string
	up    map[ID][]Edge // by To
	down  map[ID][]Edge // by From
	reads map[string][]string
}

// NewGraph makes an empty graph.
func NewGraph() *Graph {
	return &Graph{nodes: map[string]*Node{}, up: map[ID][]Edge{}, down: map[ID][]Edge{}, reads: map[string][]string{}}
}

// Add adds a node. Sources of its lineage name nodes added before or after it.
func (g *Graph) Add(n Node, l *Lineage) {
	n.lineage = l
	g.nodes[n.Name] = &n
	g.names = append(g.names, n.Name)
	for _, in := range n.Inputs {
		g.reads[in] = append(g.reads[in], n.Name)
	}
	if l == nil {
		return
	}
	for _, c := range l.Columns {
		to := ID{n.Name, c.Name}
		for _, s := range slices.Concat(c.Direct, c.Indirect) {
			g.edge(Edge{s, to})
		}
	}
	for _, s := range l.Indirect {
		g.edge(Edge{s, ID{Table: n.Name}})
	}
}

// Publish says that a table is brought to a destination, which may be one that another table reads.
func (g *Graph) Publish(table, destination string, columns []job.Column) {
	n := g.nodes[destination]
	if n == nil {
		g.Add(Node{Name: destination, Kind: Destination, Inputs: []string{table}, Columns: columns}, nil)
		return
	}
	n.Inputs = append(n.Inputs, table)
	g.reads[table] = append(g.reads[table], destination)
}

func (g *Graph) edge(e Edge) {
	g.up[e.To] = append(g.up[e.To], e)
	g.down[e.from()] = append(g.down[e.from()], e)
}

// Node gives a table or dataset, nil where it is not there.
func (g *Graph) Node(name string) *Node { return g.nodes[name] }

// Names are those of all nodes, in the order they were added.
func (g *Graph) Names() []string { return g.names }

// Readers are the nodes that read a node.
func (g *Graph) Readers(name string) []string { return g.reads[name] }

// Up are the edges that lead to a column, and Down those that lead away from it; with a column of "" those of a table's rows.
func (g *Graph) Up(id ID) []Edge { return g.up[id] }

// Down are the edges that lead away from a column.
func (g *Graph) Down(id ID) []Edge { return g.down[id] }

// All are all edges.
func (g *Graph) All() []Edge {
	var out []Edge
	for _, name := range g.names {
		n := g.nodes[name]
		if n.lineage == nil {
			continue
		}
		for _, c := range n.lineage.Columns {
			out = append(out, g.up[ID{name, c.Name}]...)
		}
		out = append(out, g.up[ID{Table: name}]...)
	}
	return out
}

// Walk collects the edges around some columns, against their direction (up) or along it, at most depth steps away, 0 for all.
// Values are followed: from a column that is reached by direct edges it goes on. What only decides about a column or about
// the rows of a table is named where it does, and not followed further.
func (g *Graph) Walk(from []ID, up bool, depth int) []Edge {
	var out []Edge
	seen, rows := map[ID]bool{}, map[string]bool{}
	taken := map[Edge]bool{}
	take := func(e Edge) {
		if !taken[e] {
			taken[e] = true
			out = append(out, e)
		}
	}
	here := from
	for step := 1; len(here) > 0 && (depth <= 0 || step <= depth); step++ {
		var next []ID
		for _, id := range here {
			if seen[id] {
				continue
			}
			seen[id] = true
			edges := g.down[id]
			if up {
				edges = g.up[id]
			}
			for _, e := range edges {
				take(e)
				if e.From.Kind.Direct() {
					next = append(next, e.other(up))
				}
			}
			if up && !rows[id.Table] {
				rows[id.Table] = true
				for _, e := range g.up[ID{Table: id.Table}] {
					take(e)
				}
			}
		}
		here = next
	}
	return out
}

func (e Edge) other(up bool) ID {
	if up {
		return e.from()
	}
	return e.To
}

// IDs are the columns of a node.
func (n *Node) IDs() []ID {
	out := make([]ID, len(n.Columns))
	for i, c := range n.Columns {
		out[i] = ID{n.Name, c.Name}
	}
	return out
}
