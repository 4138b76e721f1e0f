package diff

import (
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
)

// Pair is a column that both sides have.
type Pair struct {
	Was, Is job.Column
	Type    string // that values are compared in
}

// Columns are what two sides have in common and what they have not.
type Columns struct {
	Pairs   []Pair
	Added   []job.Column // only the later side has them
	Removed []job.Column // only the earlier side has them
}

// Match finds the columns two sides have in common. Within one table a field id tells a column, so that one that was renamed
// is known again; else its name does, in any case.
func Match(was, is []job.Column, oneTable bool) Columns {
	var c Columns
	partner := make([]int, len(is)) // 1 + place in was
	taken := make([]bool, len(was))
	join := func(same func(a, b job.Column) bool) {
		for i, b := range is {
			for k, a := range was {
				if partner[i] == 0 && !taken[k] && same(a, b) {
					partner[i], taken[k] = k+1, true
				}
			}
		}
	}
	if oneTable {
		join(func(a, b job.Column) bool { return a.ID != 0 && a.ID == b.ID })
	}
	join(func(a, b job.Column) bool { return a.Name == b.Name })
	join(func(a, b job.Column) bool { return strings.EqualFold(a.Name, b.Name) })
	for i, b := range is {
		if partner[i] == 0 {
			c.Added = append(c.Added, b)
			continue
		}
		a := was[partner[i]-1]
		c.Pairs = append(c.Pairs, Pair{Was: a, Is: b, Type: comparable(a.Type, b.Type)})
	}
	for k, a := range was {
		if !taken[k] {
			c.Removed = append(c.Removed, a)
		}
	}
	return c
}

// Stable says whether a file that stands in two versions of a table gives both the same values of the pairs: each is one
// column by its field id.
func (c Columns) Stable() bool {
	for _, p := range c.Pairs {
		if p.Was.ID == 0 || p.Was.ID != p.Is.ID || p.Type == "VARCHAR" && p.Was.Type != p.Is.Type {
			return false
		}
	}
	return true
}

// Has says whether both sides have a column.
func (c Columns) Has(name string) bool { return find(c.Pairs, name) >= 0 }

// Changes is how many columns differ: come, gone, or with another name or type.
func (c Columns) Changes() int {
	n := len(c.Added) + len(c.Removed)
	for _, p := range c.Pairs {
		if p.Was.Name != p.Is.Name || p.Was.Type != p.Is.Type {
			n++
		}
	}
	return n
}

// only keeps the pairs of the named columns, in the order of the names.
func (c Columns) only(names []string) ([]Pair, error) {
	var out []Pair
	for _, name := range names {
		i := find(c.Pairs, name)
		if i < 0 {
			return nil, c.unknown(name)
		}
		out = append(out, c.Pairs[i])
	}
	return out, nil
}

func (c Columns) unknown(name string) error {
	for _, one := range [][]job.Column{c.Added, c.Removed} {
		for _, col := range one {
			if strings.EqualFold(col.Name, name) {
				return fault.New(fault.Usage, "column %q is on one side only", name).WithHint("compare by columns that both sides have")
			}
		}
	}
	names := make([]string, len(c.Pairs))
	for i, p := range c.Pairs {
		names[i] = p.Is.Name
	}
	err := fault.New(fault.Usage, "column %q is in neither side", name)
	if near := project.Nearest(name, names); near != "" {
		return err.WithHint("nearest: %s", near)
	}
	return err
}

// find gives the place of the pair with a name, -1 where there is none.
func find(pairs []Pair, name string) int {
	for i, p := range pairs {
		if p.Is.Name == name {
			return i
		}
	}
	for i, p := range pairs {
		if strings.EqualFold(p.Is.Name, name) || strings.EqualFold(p.Was.Name, name) {
			return i
		}
	}
	return -1
}

// comparable is the type in which values of two types are compared, each value kept as it is: the wider of two, or text where
// neither holds the other.
func comparable(a, b string) string {
	if a == b {
		return a
	}
	if out := wider(a, b); out != "" {
		return out
	}
	if out := wider(b, a); out != "" {
		return out
	}
	return "VARCHAR"
}

// wider is the type that holds every value of both, "" where none does; it is asked both ways round.
func wider(a, b string) string {
	switch {
	case whole(a) > 0 && whole(b) > 0:
		if whole(a) > whole(b) {
			return a
		}
		return b
	case a == "FLOAT" && b == "DOUBLE", a == "INTEGER" && b == "DOUBLE":
		return b
	case a == "DATE" && b == "TIMESTAMP":
		return b
	}
	pa, sa, aok := decimal(a)
	pb, sb, bok := decimal(b)
	if digits := whole(a); digits > 0 {
		pa, sa, aok = digits, 0, true
	}
	if !aok || !bok {
		return ""
	}
	scale := max(sa, sb)
	if digits := max(pa-sa, pb-sb); digits+scale <= 38 {
		return "DECIMAL(" + strconv.Itoa(digits+scale) + "," + strconv.Itoa(scale) + ")"
	}
	return ""
}

// whole is how many digits a type of whole numbers may need, 0 for other types.
func whole(t string) int {
	switch t {
	case "TINYINT":
		return 3
	case "SMALLINT":
		return 5
	case "INTEGER":
		return 10
	case "BIGINT":
		return 19
	}
	return 0
}

func decimal(t string) (precision, scale int, ok bool) {
	inner, found := strings.CutPrefix(t, "DECIMAL(")
	if !found {
		return 0, 0, false
	}
	p, s, found := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
	precision, perr := strconv.Atoi(strings.TrimSpace(p))
	scale, serr := strconv.Atoi(strings.TrimSpace(s))
	return precision, scale, found && perr == nil && serr == nil
}
