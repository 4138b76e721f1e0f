package mysql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
)

// placed is a column of a delivery and where it goes.
type placed struct {
	sink.Column
	natural natural
	to      string // the column's name in the destination
	there   string // the name it has there now, "" where it is made
	has     column // as it is there
	fit     fit
}

// shape is how a delivery's columns go into the destination, and what has to be done to it first.
type shape struct {
	cols    []placed
	alter   []string // clauses of ALTER TABLE
	changes sink.Changes
}

// Check says what a delivery would do to the shape of the destination.
func (l *load) Check(_ context.Context, d sink.Delivery) (sink.Changes, error) {
	s, err := l.shape(d)
	return s.changes, err
}

// shape finds each column a place. Every column that cannot be placed is named at once.
func (l *load) shape(d sink.Delivery) (s shape, err error) {
	s.changes.Rows = -1
	for _, c := range d.Columns {
		if err := shortEnough(c.Name); err != nil {
			return s, err
		}
		if strings.HasSuffix(c.Name, " ") {
			return s, fault.New(fault.Usage, "the name %q of a column ends in a space, which MySQL has not", c.Name).WithHint("rename it in a SQL table that is published instead")
		}
	}
	if l.there == nil {
		s.changes.Creates, s.changes.Empty, s.changes.Rows = true, true, 0
		for _, c := range d.Columns {
			s.cols = append(s.cols, l.madeFor(c))
		}
		return s, nil
	}
	s.changes.Rows, s.changes.Empty = l.there.rows, l.there.empty
	var wrong []string
	for _, c := range d.Columns {
		p, problem := l.place(c, &s)
		if problem != "" {
			wrong = append(wrong, problem)
		}
		s.cols = append(s.cols, p)
	}
	if len(wrong) > 0 {
		return s, fault.New(fault.Usage, "%s does not take the table's columns: %s", l.target.Name, strings.Join(wrong, "; ")).
			WithHint("change the columns there, cast them in a SQL table that is published instead, or drop the table there to have it made anew")
	}
	return s, l.keyed(d, s.cols)
}

// keyed checks that rows can be found by the key.
func (l *load) keyed(d sink.Delivery, cols []placed) error {
	if d.Mode != sink.Upsert {
		return nil
	}
	var key []string
	for _, p := range keyOf(d, cols) {
		key = append(key, cmp.Or(p.there, p.to))
	}
	if l.there.hasKey(key) {
		return nil
	}
	return fault.New(fault.Usage, "%s has no unique index on (%s), by which rows could be found", l.target.Name, strings.Join(key, ", ")).
		WithHint("ALTER TABLE %s ADD UNIQUE (%s)", l.name(), quoted(key))
}

// keyOf are the columns of the key, in its order.
func keyOf(d sink.Delivery, cols []placed) (key []placed) {
	for _, k := range d.Key {
		for _, p := range cols {
			if strings.EqualFold(p.Name, k) {
				key = append(key, p)
			}
		}
	}
	return key
}

// madeFor is the place of a column that is made for it.
func (l *load) madeFor(c sink.Column) placed {
	return placed{Column: c, natural: l.naturalColumn(c), to: c.Name, fit: fit{direct: true}}
}

func (l *load) place(c sink.Column, s *shape) (placed, string) {
	p := l.madeFor(c)
	has, ok := l.there.find(c.Name)
	p.there = has.name
	if !ok && c.Old != "" {
		if has, ok = l.there.find(c.Old); ok {
			s.alter = append(s.alter, "RENAME COLUMN "+wire.Name(has.name)+" TO "+wire.Name(c.Name))
			s.changes.Renamed = append(s.changes.Renamed, has.name+" → "+c.Name)
			p.there, has.name = has.name, c.Name
		}
	}
	if !ok {
		s.alter = append(s.alter, "ADD COLUMN "+wire.Name(c.Name)+" "+p.natural.sql+l.spelled(p.natural.sql)+" NULL"+comment(c.Doc))
		s.changes.Added = append(s.changes.Added, c.Name)
		return p, ""
	}
	p.to, p.has = has.name, has
	if has.generated {
		return p, "column " + has.name + " is generated"
	}
	if l.widens(c, has) {
		null := " NULL"
		if !has.null {
			null = " NOT NULL"
		}
		s.alter = append(s.alter, "MODIFY COLUMN "+wire.Name(has.name)+" "+p.natural.sql+null+comment(has.comment))
		s.changes.Widened = append(s.changes.Widened, has.name+" "+has.full+" → "+p.natural.sql)
		return p, ""
	}
	var fitting bool
	if p.fit, fitting = p.natural.fits(has); !fitting {
		return p, "column " + has.name + " is " + has.full + " there, which does not hold every " + strings.ToLower(c.Type)
	}
	return p, ""
}

// spelled is the collation of a text that is made, where its type does not say one.
func (l *load) spelled(sql string) string {
	if strings.HasPrefix(sql, "longtext") || strings.HasPrefix(sql, "varchar") && !strings.Contains(sql, "CHARACTER SET") {
		return " CHARACTER SET utf8mb4 COLLATE " + l.collation()
	}
	return ""
}

func comment(doc string) string {
	if doc == "" {
		return ""
	}
	const most = 1024 // letters
	if r := []rune(doc); len(r) > most {
		doc = string(r[:most])
	}
	return " COMMENT " + wire.Literal(doc)
}

// widens says whether a column there is as an earlier load made it, and the lake's type has become wider since. What someone else
// made of it stays.
func (l *load) widens(c sink.Column, has column) bool {
	if c.Was == "" || c.Was == c.Type || has.unsigned {
		return false
	}
	was, is := l.naturalColumn(sink.Column{Column: job.Column{Type: c.Was}, Form: c.Form}), l.naturalColumn(c)
	// Widths of whole numbers only tell how they are shown: int(11) is int.
	return was.sql != is.sql && (has.full == was.sql || has.kind == was.sql && slices.Contains(wholes, has.kind)) && slices.Contains([]string{"int", "float", "decimal"}, has.kind)
}

// columnNames are the columns of an INSERT.
func columnNames(cols []placed) string {
	var out []string
	for _, p := range cols {
		out = append(out, p.to)
	}
	return quoted(out)
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = wire.Name(n)
	}
	return strings.Join(out, ", ")
}

// create is the definition of a table with a delivery's columns.
func (l *load) create(name string, d sink.Delivery, cols []placed) string {
	key := keyOf(d, cols)
	items := make([]string, len(cols))
	for i, p := range cols {
		sql, null := p.natural.sql, " NULL"
		if slices.ContainsFunc(key, func(k placed) bool { return k.Name == p.Name }) {
			sql, null = p.natural.keyType(len(key)), " NOT NULL"
		}
		items[i] = wire.Name(p.to) + " " + sql + null + comment(p.Doc)
	}
	if len(key) > 0 {
		items = append(items, "PRIMARY KEY ("+columnNames(key)+")")
	}
	return fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE %s", name, strings.Join(items, ", "), l.collation())
}
