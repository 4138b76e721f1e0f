package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/internal/model/lineage"
)

// lineageText prints a view for a person.
func lineageText(out io.Writer, v *view) error {
	p := &lineagePrinter{out: out, view: v}
	switch {
	case v.of.Table == "":
		p.project()
	case v.of.Column == "":
		p.table(v.g.Node(v.of.Table))
	default:
		p.column()
	}
	return nil
}

type lineagePrinter struct {
	out io.Writer
	*view
	rows []string // tables whose rows are to be explained, in the order they were met
}

func (p *lineagePrinter) line(indent int, format string, args ...any) {
	fmt.Fprintf(p.out, "%s%s\n", strings.Repeat("  ", indent), fmt.Sprintf(format, args...))
}

// project prints every table with what it reads.
func (p *lineagePrinter) project() {
	g := &grid{}
	for _, name := range p.g.Names() {
		n := p.g.Node(name)
		if n.Kind == lineage.Dataset {
			continue
		}
		if n.Kind == lineage.Destination {
			g.add(name, "gets "+strings.Join(n.Inputs, ", "))
			continue
		}
		note := ""
		if n.Unknown != "" {
			note = "columns are not known: " + n.Unknown
		}
		g.add(name, "reads "+dash(strings.Join(n.Inputs, ", ")), note)
	}
	g.write(p.out)
}

// table prints each column with its neighbours, and the tables around.
func (p *lineagePrinter) table(n *lineage.Node) {
	p.line(0, "%s (%s, %s)", n.Name, n.Kind, plural(int64(len(n.Columns)), "column"))
	if n.Unknown != "" {
		p.line(1, "columns are not known: %s", n.Unknown)
	}
	if p.up {
		p.neighbours("made of", n, p.g.Up, func(e lineage.Edge) string { return sourceText(e.From) })
		p.decided(n.Name)
		p.tree("reads", n.Name, func(name string) []string { return p.g.Node(name).Inputs })
	}
	if p.down {
		p.neighbours("used in", n, p.g.Down, func(e lineage.Edge) string { return targetText(e) })
		p.tree("read by", n.Name, p.g.Readers)
	}
}

func (p *lineagePrinter) neighbours(head string, n *lineage.Node, edges func(lineage.ID) []lineage.Edge, text func(lineage.Edge) string) {
	g := &grid{}
	for _, id := range n.IDs() {
		var texts []string
		for _, e := range edges(id) {
			texts = append(texts, text(e))
		}
		if len(texts) > 0 {
			g.add("  "+id.Column, strings.Join(texts, ", "))
		}
	}
	if len(g.rows) > 0 {
		p.line(0, "%s", head)
		g.write(p.out)
	}
}

// tree prints the tables on one side, each of them opened once.
func (p *lineagePrinter) tree(head, name string, next func(string) []string) {
	if len(next(name)) == 0 {
		return
	}
	p.line(0, "%s", head)
	opened := map[string]bool{}
	var visit func(name string, steps int)
	visit = func(name string, steps int) {
		opened[name] = true
		if p.depth > 0 && steps > p.depth {
			return
		}
		for _, n := range next(name) {
			if opened[n] && len(next(n)) > 0 {
				p.line(steps, "%s (above)", n)
				continue
			}
			p.line(steps, "%s", n)
			visit(n, steps+1)
		}
	}
	visit(name, 1)
}

// column prints the way of one column's values, and what decides about the rows of the tables on it.
func (p *lineagePrinter) column() {
	n := p.g.Node(p.of.Table)
	kind := ""
	for _, c := range n.Columns {
		if c.Name == p.of.Column {
			kind = c.Type
		}
	}
	p.line(0, "%s %s", p.of.Name(), strings.ToLower(kind))
	if p.up {
		p.values("made of", p.g.Up, true)
		for _, t := range p.rows {
			p.decided(t)
		}
	}
	if p.down {
		p.values("used in", p.g.Down, false)
	}
}

func (p *lineagePrinter) values(head string, edges func(lineage.ID) []lineage.Edge, up bool) {
	all := edges(p.of)
	if len(all) == 0 {
		if up {
			p.line(0, "made of no column")
			p.rows = append(p.rows, p.of.Table)
		} else {
			p.line(0, "used in no other table")
		}
		return
	}
	p.line(0, "%s", head)
	opened := map[lineage.ID]bool{}
	var visit func(id lineage.ID, steps int)
	visit = func(id lineage.ID, steps int) {
		opened[id] = true
		if p.depth > 0 && steps > p.depth {
			return
		}
		if !slices.Contains(p.rows, id.Table) {
			p.rows = append(p.rows, id.Table)
		}
		for _, e := range edges(id) {
			other, text := e.To, targetText(e)
			if up {
				other, text = lineage.ID{Table: e.From.Table, Column: e.From.Column}, sourceText(e.From)
			}
			switch {
			case !e.From.Kind.Direct():
				p.line(steps, "%s", text)
			case opened[other] && len(edges(other)) > 0:
				p.line(steps, "%s (above)", text)
			default:
				p.line(steps, "%s", text)
				visit(other, steps+1)
			}
		}
	}
	visit(p.of, 1)
}

// decided says what decides which rows a table has.
func (p *lineagePrinter) decided(table string) {
	var texts []string
	for _, e := range p.g.Up(lineage.ID{Table: table}) {
		texts = append(texts, sourceText(e.From))
	}
	if len(texts) == 0 {
		return
	}
	p.line(0, "rows of %s decided by", table)
	for _, t := range texts {
		p.line(1, "%s", t)
	}
}

func sourceText(s lineage.Source) string { return s.Name() + " (" + kindWords(s.Kind) + ")" }

func targetText(e lineage.Edge) string {
	if e.To.Column == "" {
		return "rows of " + e.To.Table + " (" + kindWords(e.From.Kind) + ")"
	}
	return e.To.Name() + " (" + kindWords(e.From.Kind) + ")"
}
