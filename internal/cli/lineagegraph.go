package cli

import (
	"fmt"
	"io"
	"strings"

	"weir/internal/model/lineage"
)

// lineageDOT prints a view for Graphviz: of a column the columns on its way, in a box for each table; else tables.
func lineageDOT(out io.Writer, v *view) error {
	d := newDrawing(v)
	fmt.Fprintln(out, "digraph lineage {\n  rankdir=LR\n  node [shape=box]")
	for i, t := range d.tables {
		if !d.columns {
			fmt.Fprintf(out, "  %s\n", quoteDOT(t))
			continue
		}
		fmt.Fprintf(out, "  subgraph cluster_%d {\n    label=%s\n", i, quoteDOT(t))
		for _, id := range d.members[t] {
			fmt.Fprintf(out, "    %s [label=%s]\n", quoteDOT(idKey(id)), quoteDOT(idLabel(id)))
		}
		fmt.Fprintln(out, "  }")
	}
	for _, l := range d.links {
		style := ""
		if !l.direct {
			style = ", style=dashed"
		}
		if l.label != "" {
			style = " [label=" + quoteDOT(l.label) + style + "]"
		}
		fmt.Fprintf(out, "  %s -> %s%s\n", quoteDOT(l.from), quoteDOT(l.to), style)
	}
	fmt.Fprintln(out, "}")
	return nil
}

// lineageMermaid prints the same for Mermaid, whose nodes need names of plain letters.
func lineageMermaid(out io.Writer, v *view) error {
	d := newDrawing(v)
	fmt.Fprintln(out, "flowchart LR")
	short := map[string]string{}
	name := func(key string) string {
		if short[key] == "" {
			short[key] = fmt.Sprintf("n%d", len(short)+1)
		}
		return short[key]
	}
	for i, t := range d.tables {
		if !d.columns {
			fmt.Fprintf(out, "  %s[%s]\n", name(t), quoteMermaid(t))
			continue
		}
		fmt.Fprintf(out, "  subgraph t%d[%s]\n", i+1, quoteMermaid(t))
		for _, id := range d.members[t] {
			fmt.Fprintf(out, "    %s[%s]\n", name(idKey(id)), quoteMermaid(idLabel(id)))
		}
		fmt.Fprintln(out, "  end")
	}
	for _, l := range d.links {
		arrow := "-->"
		if !l.direct {
			arrow = "-.->"
		}
		if l.label != "" {
			arrow += "|" + l.label + "|"
		}
		fmt.Fprintf(out, "  %s %s %s\n", name(l.from), arrow, name(l.to))
	}
	return nil
}

// drawing is a view as boxes and lines.
type drawing struct {
	columns bool // boxes are columns
	tables  []string
	members map[string][]lineage.ID
	links   []link
}

type link struct {
	from, to, label string
	direct          bool
}

func newDrawing(v *view) *drawing {
	edges := v.edges()
	d := &drawing{columns: v.of.Column != "", members: map[string][]lineage.ID{}}
	d.tables = v.tables(edges)
	if !d.columns {
		in := map[string]bool{}
		for _, t := range d.tables {
			in[t] = true
		}
		for _, t := range d.tables {
			for _, from := range v.g.Node(t).Inputs {
				if in[from] {
					d.links = append(d.links, link{from: from, to: t, direct: true})
				}
			}
		}
		return d
	}
	seen := map[lineage.ID]bool{}
	add := func(id lineage.ID) {
		if !seen[id] {
			seen[id] = true
			d.members[id.Table] = append(d.members[id.Table], id)
		}
	}
	add(v.of)
	for _, e := range edges {
		from := lineage.ID{Table: e.From.Table, Column: e.From.Column}
		add(from)
		add(e.To)
		d.links = append(d.links, link{idKey(from), idKey(e.To), kindWords(e.From.Kind), e.From.Kind.Direct()})
	}
	return d
}

func idKey(id lineage.ID) string { return id.Table + "\n" + id.Column }

func idLabel(id lineage.ID) string {
	if id.Column == "" {
		return "(rows)"
	}
	return id.Column
}

func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "|").Replace(s) + `"`
}

func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(s) + `"`
}
