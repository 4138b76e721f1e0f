package cli

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model/lineage"
	"weir/internal/plan"
)

type lineageOptions struct {
	up, down bool
	depth    int
	format   string
}

func (a *app) lineageCommand() *cobra.Command {
	var o lineageOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "lineage [TABLE[.COLUMN]]",
		Short: "Where columns come from and what they go into",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON {
				o.format = "json"
			}
			if o.depth < 0 {
				return fault.New(fault.Usage, "--depth: %d is less than 0", o.depth).WithHint("0 goes all the way")
			}
			if lineagePrinters[o.format] == nil {
				return fault.New(fault.Usage, "--format: %q is not known", o.format).WithHint("text, json, dot or mermaid")
			}
			of := ""
			if len(args) == 1 {
				of = args[0]
			}
			return a.with(c.Context(), func(w *workspace) error { return w.lineage(c.Context(), of, o) })
		},
	}
	c.Flags().BoolVar(&o.up, "up", false, "only where it comes from")
	c.Flags().BoolVar(&o.down, "down", false, "only what it goes into")
	c.Flags().IntVar(&o.depth, "depth", 0, "how many steps to go, 0 for all")
	c.Flags().StringVar(&o.format, "format", "text", "text, json, dot or mermaid")
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	return c
}

// lineageStore is the file of the project's local state that keeps analyses.
const lineageStore = "lineage.json"

func (w *workspace) lineage(ctx context.Context, of string, o lineageOptions) error {
	g, err := w.lineageGraph(ctx)
	if err != nil {
		return err
	}
	if !o.up && !o.down {
		o.up, o.down = true, true
	}
	at, err := findNode(g, of)
	if err != nil {
		return err
	}
	return lineagePrinters[o.format](w.app.out, &view{g: g, of: at, lineageOptions: o})
}

func (w *workspace) lineageGraph(ctx context.Context) (*lineage.Graph, error) {
	open := func(ctx context.Context) (plan.Shadow, error) { return w.engine.Session(ctx) }
	g, err := plan.Lineage(ctx, w.graph, open, w.params(), w.sourceColumns, lineage.OpenStore(filepath.Join(w.state, lineageStore)))
	if err != nil {
		return nil, err
	}
	for _, p := range w.destinations(w.graph.Order) {
		g.Publish(p.table.Name, destinationNode(p.to), publishedColumns(p.to, g.Node(p.table.Name).Columns))
	}
	for _, name := range g.Names() {
		n := g.Node(name)
		n.Unknown = w.app.redact(n.Unknown)
	}
	return g, nil
}

// destinationNode names a destination as what a table reads is named.
func destinationNode(to define.Publish) string {
	return to.Connection + ":" + strings.TrimPrefix(to.To, to.Connection+".")
}

func publishedColumns(to define.Publish, cols []job.Column) []job.Column {
	if len(to.Columns) == 0 {
		return cols
	}
	return slices.DeleteFunc(slices.Clone(cols), func(c job.Column) bool {
		return !slices.Contains(to.Columns, c.Name) && !slices.Contains(to.Key, c.Name)
	})
}

// view is a part of the graph that is asked for: of a column, of a table, or of everything.
type view struct {
	g  *lineage.Graph
	of lineage.ID
	lineageOptions
}

// starts are the columns to begin with.
func (v *view) starts() []lineage.ID {
	if v.of.Column != "" {
		return []lineage.ID{v.of}
	}
	return v.g.Node(v.of.Table).IDs()
}

// edges are those of the view, each once.
func (v *view) edges() []lineage.Edge {
	if v.of.Table == "" {
		return v.g.All()
	}
	var out []lineage.Edge
	if v.up {
		out = v.g.Walk(v.starts(), true, v.depth)
	}
	if v.down {
		out = append(out, v.g.Walk(v.starts(), false, v.depth)...)
	}
	return out
}

// tables are the nodes of the view in the order of the graph: all that edges name and, of a table, all that it reads and that
// read it.
func (v *view) tables(edges []lineage.Edge) []string {
	in := map[string]bool{v.of.Table: true}
	for _, e := range edges {
		in[e.From.Table], in[e.To.Table] = true, true
	}
	if v.of.Column == "" && v.of.Table != "" {
		if v.up {
			v.reach(in, func(n string) []string { return v.g.Node(n).Inputs })
		}
		if v.down {
			v.reach(in, v.g.Readers)
		}
	}
	var out []string
	for _, name := range v.g.Names() {
		if in[name] || v.of.Table == "" {
			out = append(out, name)
		}
	}
	return out
}

// reach adds the tables on one side, step by step.
func (v *view) reach(in map[string]bool, next func(string) []string) {
	seen := map[string]bool{v.of.Table: true}
	here := []string{v.of.Table}
	for step := 1; len(here) > 0 && (v.depth == 0 || step <= v.depth); step++ {
		var further []string
		for _, name := range here {
			for _, n := range next(name) {
				if !seen[n] {
					seen[n], in[n] = true, true
					further = append(further, n)
				}
			}
		}
		here = further
	}
}

// findNode reads TABLE or TABLE.COLUMN. Both may hold dots, and the longest table wins. Case does not count.
func findNode(g *lineage.Graph, of string) (lineage.ID, error) {
	if of == "" {
		return lineage.ID{}, nil
	}
	for end := len(of); end > 0; end = strings.LastIndexByte(of[:end], '.') {
		i := slices.IndexFunc(g.Names(), func(n string) bool { return strings.EqualFold(n, of[:end]) })
		if i < 0 {
			continue
		}
		n := g.Node(g.Names()[i])
		if end == len(of) {
			return lineage.ID{Table: n.Name}, nil
		}
		return findColumn(n, strings.Trim(of[end+1:], `"`))
	}
	return lineage.ID{}, fault.New(fault.Usage, "%s is no table of this project", of).WithHint("%s", nearestPart(of, g.Names()))
}

func findColumn(n *lineage.Node, column string) (lineage.ID, error) {
	var names []string
	for _, c := range n.Columns {
		if strings.EqualFold(c.Name, column) {
			return lineage.ID{Table: n.Name, Column: c.Name}, nil
		}
		names = append(names, c.Name)
	}
	if n.Unknown != "" {
		return lineage.ID{}, fault.New(fault.Usage, "columns of %s are not known: %s", n.Name, n.Unknown).WithHint("weir validate finds every mistake")
	}
	return lineage.ID{}, fault.New(fault.Usage, "column %q is not in %s", column, n.Name).WithHint("%s", nearest(column, names))
}

// nearestPart says which table may have been meant, with or without a column behind it.
func nearestPart(of string, names []string) string {
	if n := nearest(of, names); strings.HasPrefix(n, "nearest") || !strings.Contains(of, ".") {
		return n
	}
	return nearest(of[:strings.LastIndexByte(of, '.')], names)
}

// kindWords are a kind as a person reads it: group by.
func kindWords(k lineage.Kind) string {
	return strings.ToLower(strings.ReplaceAll(string(k), "_", " "))
}

// lineagePrinters are the formats.
var lineagePrinters = map[string]func(io.Writer, *view) error{"text": lineageText, "json": lineageJSON, "dot": lineageDOT, "mermaid": lineageMermaid}

// lineageDocument is the JSON of a view. Its version changes when a member changes its meaning or goes.
type lineageDocument struct {
	Version int             `json:"version"`
	Of      *lineage.ID     `json:"of,omitempty"` // what was asked for; missing for the whole project
	Tables  []*lineage.Node `json:"tables"`
	Edges   []lineageEdge   `json:"edges"`
}

type lineageEdge struct {
	From lineageFrom  `json:"from"`
	To   lineage.ID   `json:"to"`   // without a column: the rows of the table
	Type string       `json:"type"` // DIRECT or INDIRECT
	Kind lineage.Kind `json:"kind"`
}

type lineageFrom struct {
	lineage.ID
	Field string `json:"field,omitempty"`
}

func lineageJSON(out io.Writer, v *view) error {
	edges := v.edges()
	d := lineageDocument{Version: 1, Tables: []*lineage.Node{}, Edges: []lineageEdge{}}
	if v.of.Table != "" {
		d.Of = &v.of
	}
	for _, name := range v.tables(edges) {
		d.Tables = append(d.Tables, v.g.Node(name))
	}
	for _, e := range edges {
		kind := "INDIRECT"
		if e.From.Kind.Direct() {
			kind = "DIRECT"
		}
		d.Edges = append(d.Edges, lineageEdge{lineageFrom{lineage.ID{Table: e.From.Table, Column: e.From.Column}, e.From.Field}, e.To, kind, e.From.Kind})
	}
	return writeJSON(out, d)
}
