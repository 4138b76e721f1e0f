package define

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"weir/internal/project"
)

// Rows are rows as a test writes them, not typed yet.
type Rows struct {
	project.Place
	Columns []Named // that any row has, in the order they first stand
	List    []Row
}

// Named is a column's name and the first place it stands at.
type Named struct {
	project.Place
	Name string
}

// Row is one row. A column that it does not have is null where rows are given.
type Row struct {
	project.Place
	Cells []Cell
}

// Cell is a value of a row. Its node is a scalar, or a list or map for a nested type.
type Cell struct {
	*project.Node
	Column string
}

// Get gives the value of a column; nil where the row does not have it.
func (r Row) Get(column string) *project.Node {
	for _, c := range r.Cells {
		if strings.EqualFold(c.Column, column) {
			return c.Node
		}
	}
	return nil
}

// readRows reads a list of maps, or a text of CSV.
func readRows(n *project.Node) (*Rows, []project.Problem) {
	switch {
	case n.Kind == project.List:
		return readMaps(n)
	case n.Kind == project.Text:
		return readCSV(n)
	}
	return nil, []project.Problem{n.Problem("expected rows, found %s", n.Describe()).WithHint("write a list of maps, [{ id: 1 }], or CSV after |")}
}

func readMaps(n *project.Node) (*Rows, []project.Problem) {
	rows := &Rows{Place: n.Place}
	var problems []project.Problem
	for _, item := range n.Items {
		if item.Kind != project.Map {
			problems = append(problems, item.Problem("expected a row as a map, found %s", item.Describe()).WithHint("write { id: 1, name: x }"))
			continue
		}
		row := Row{Place: item.Place}
		for _, p := range item.Pairs {
			if row.Get(p.Key) != nil {
				problems = append(problems, p.At.Problem("column %q is here twice: names of columns tell no case apart", p.Key))
				continue
			}
			rows.name(p.Key, p.At)
			value := p.Value
			if value == nil {
				value = &project.Node{Place: p.At}
			}
			row.Cells = append(row.Cells, Cell{Node: value, Column: p.Key})
		}
		rows.List = append(rows.List, row)
	}
	return rows, problems
}

func (r *Rows) name(column string, at project.Place) {
	for _, c := range r.Columns {
		if strings.EqualFold(c.Name, column) {
			return
		}
	}
	r.Columns = append(r.Columns, Named{Place: at, Name: column})
}

// same checks that every row has every column: one that is left out of a comparison must not look like a null.
func (r *Rows) same(key string) (problems []project.Problem) {
	if r == nil {
		return nil
	}
	for _, row := range r.List {
		for _, c := range r.Columns {
			if row.Get(c.Name) == nil {
				problems = append(problems, row.Problem("%s: this row does not name column %q, as others do", key, c.Name).WithHint("every row names the same columns; null is written null"))
			}
		}
		if len(row.Cells) == 0 {
			problems = append(problems, row.Problem("%s: this row names no column", key))
		}
	}
	return problems
}

// readCSV reads a header and rows. An empty value is null, "" an empty text; spaces around a value without quotes do not
// count, so that columns may be aligned.
func readCSV(n *project.Node) (*Rows, []project.Problem) {
	if n.Style == project.Folded {
		return nil, []project.Problem{n.Problem("> joins the lines of a text").WithHint("write | before CSV")}
	}
	c := &csvText{node: n, lines: strings.Split(n.Text, "\n"), reader: csv.NewReader(strings.NewReader(n.Text))}
	c.reader.FieldsPerRecord, c.reader.TrimLeadingSpace = -1, true
	head, err := c.reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, []project.Problem{n.Problem("expected rows, found an empty text").WithHint("the first line of CSV names the columns; [] is no rows")}
	}
	if err != nil {
		return nil, []project.Problem{c.wrong(err)}
	}
	rows := &Rows{Place: n.Place}
	for i, name := range head {
		if name = strings.TrimSpace(name); name == "" {
			return nil, []project.Problem{c.place(i).Problem("column %d has no name", i+1)}
		}
		before := len(rows.Columns)
		if rows.name(name, c.place(i)); len(rows.Columns) == before {
			return nil, []project.Problem{c.place(i).Problem("column %q is here twice", name)}
		}
	}
	return rows, c.rows(rows)
}

// csvText reads CSV in a text of YAML and knows where in the file its values stand.
type csvText struct {
	node   *project.Node
	lines  []string
	reader *csv.Reader
}

func (c *csvText) rows(rows *Rows) (problems []project.Problem) {
	for {
		record, err := c.reader.Read()
		if errors.Is(err, io.EOF) {
			return problems
		}
		if err != nil {
			return append(problems, c.wrong(err))
		}
		row := Row{Place: c.place(0)}
		if len(record) != len(rows.Columns) {
			problems = append(problems, row.Problem("this row has %d values for %d columns", len(record), len(rows.Columns)).WithHint("an empty value is null; a value with a comma stands in quotes"))
			continue
		}
		for i, text := range record {
			row.Cells = append(row.Cells, Cell{Node: c.value(i, text), Column: rows.Columns[i].Name})
		}
		rows.List = append(rows.List, row)
	}
}

func (c *csvText) value(i int, text string) *project.Node {
	at := c.place(i)
	line, col := c.reader.FieldPos(i)
	if rest := c.lines[line-1]; col <= len(rest) && rest[col-1] == '"' {
		return &project.Node{Place: at, Kind: project.Text, Text: text, Style: project.Quoted}
	}
	n := project.Scalar(at, strings.TrimSpace(text))
	if n.Kind == project.Null && n.Text != "" { // only an empty value is null in CSV
		n.Kind = project.Text
	}
	return n
}

// place is where a field of the record just read stands.
func (c *csvText) place(i int) project.Place {
	line, col := c.reader.FieldPos(i)
	return c.at(line, col)
}

func (c *csvText) at(line, col int) project.Place {
	if c.node.Style != project.Block {
		return c.node.Place
	}
	text := c.lines[min(line, len(c.lines))-1]
	chars := utf8.RuneCountInString(text[:min(max(col-1, 0), len(text))])
	return project.Place{File: c.node.File, Line: c.node.Line + line, Col: c.node.Indent + chars + 1}
}

func (c *csvText) wrong(err error) project.Problem {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return c.at(p.Line, p.Column).Problem("CSV: %v", p.Err).WithHint(`a quote inside a value is written twice, and the value stands in quotes: "5"" pipe"`)
	}
	return c.node.Problem("CSV: %v", err)
}
