package postgres

import (
	"cmp"
	"context"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/sink"
)

// placed is a column of a delivery and where it goes.
type placed struct {
	sink.Column
	natural natural
	to      string // the column's name in the destination
	there   string // the name it has there now, "" where it is made
	has     column // as it is there; natural where it is made
	fit     fit
}

// shape is how a delivery's columns go into the destination, and what has to be done to it first.
type shape struct {
	cols    []placed
	alter   []string // clauses and statements, in order
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
		if err := l.names(c.Name); err != nil {
			return s, err
		}
	}
	if l.there == nil {
		s.changes.Creates, s.changes.Empty, s.changes.Rows = true, true, 0
		for _, c := range d.Columns {
			s.cols = append(s.cols, made(c))
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

// made is the place of a column that is made for it.
func made(c sink.Column) placed {
	n := naturalColumn(c)
	return placed{Column: c, natural: n, to: c.Name, fit: n.made(), has: column{name: c.Name, oid: n.oid, base: n.oid, mod: -1}}
}

func (l *load) place(c sink.Column, s *shape) (placed, string) {
	p := made(c)
	has, ok := l.there.find(c.Name)
	p.there = has.name
	if !ok && c.Old != "" {
		if has, ok = l.there.find(c.Old); ok {
			s.alter = append(s.alter, "ALTER TABLE "+l.name()+" RENAME COLUMN "+postgres.Quote(has.name)+" TO "+postgres.Quote(c.Name))
			s.changes.Renamed = append(s.changes.Renamed, has.name+" → "+c.Name)
			p.there, has.name = has.name, c.Name
		}
	}
	if !ok {
		s.alter = append(s.alter, "ALTER TABLE "+l.name()+" ADD COLUMN "+postgres.Quote(c.Name)+" "+p.natural.sql)
		s.changes.Added = append(s.changes.Added, c.Name)
		return p, ""
	}
	p.to, p.has = has.name, has
	if has.always != "" {
		return p, "column " + has.name + " is " + has.always
	}
	if l.widens(c, has) {
		s.alter = append(s.alter, "ALTER TABLE "+l.name()+" ALTER COLUMN "+postgres.Quote(has.name)+" TYPE "+p.natural.sql)
		s.changes.Widened = append(s.changes.Widened, has.name+" "+has.shown+" → "+p.natural.sql)
		p.fit = p.natural.made()
		p.has.oid, p.has.base, p.has.mod = p.natural.oid, p.natural.oid, -1
		return p, ""
	}
	var fitting bool
	if p.fit, fitting = fits(p.natural, has); !fitting {
		return p, "column " + has.name + " is " + has.shown + " there, which does not hold every " + strings.ToLower(c.Type)
	}
	return p, ""
}

// widens says whether a column there is as an earlier load made it, and the lake's type has become wider since. What someone else
// made of it stays.
func (l *load) widens(c sink.Column, has column) bool {
	if c.Was == "" || c.Was == c.Type {
		return false
	}
	was, is := naturalColumn(sink.Column{Column: job.Column{Type: c.Was}, Form: c.Form}), naturalColumn(c)
	if has.oid != was.oid || was.sql == is.sql {
		return false
	}
	if was.oid == oidNumeric {
		digits, scale, bounded := has.decimal()
		return bounded && digits == was.lake.Digits && scale == was.lake.Scale
	}
	return true
}

// names are the columns of a COPY or an INSERT.
func names(cols []placed) string {
	var out []string
	for _, p := range cols {
		out = append(out, p.to)
	}
	return quoted(out)
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = postgres.Quote(n)
	}
	return strings.Join(out, ", ")
}
