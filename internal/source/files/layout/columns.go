package layout

import (
	"strings"
)

// columns is a set of column names, as many files share it.
type columns struct {
	names   map[string]bool
	unnamed bool
	known   bool
}

func columnsOf(f File) columns {
	c := columns{names: map[string]bool{}, unnamed: f.Unnamed, known: f.Looked && len(f.Columns) > 0}
	for _, n := range f.Columns {
		c.names[strings.ToLower(n)] = true
	}
	return c
}

func (c *columns) join(o columns) {
	if !o.known {
		return
	}
	if !c.known {
		*c = columns{names: map[string]bool{}, unnamed: o.unnamed, known: true}
	}
	for n := range o.names {
		c.names[n] = true
	}
}

func (c columns) shared(o columns) (n int) {
	for name := range o.names {
		if c.names[name] {
			n++
		}
	}
	return n
}

// kin says whether files of one shape may have both: columns come and go over time.
func (c columns) kin(o columns) bool {
	if !c.known || !o.known {
		return true
	}
	n, less, more := c.shared(o), min(len(c.names), len(o.names)), max(len(c.names), len(o.names))
	return c.unnamed == o.unnamed && n*10 >= less*7 && n*10 >= more*3 || c.unnamed != o.unnamed && less == more
}

// alike says whether files of different names have the same columns: of all that they have, 70 % are in both, as Glue's
// crawler asks. least is how many there must be: id and name are the columns of many a table.
func (c columns) alike(o columns, least int) bool {
	n := c.shared(o)
	return c.known && o.known && !c.unnamed && !o.unnamed && n >= least && n*10 >= (len(c.names)+len(o.names)-n)*7
}

// usual is how many columns files of different names have in common at least to be one table.
const usual = 3
