package mysql

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/sink"
)

// applying is one delivery on its way into the destination.
type applying struct {
	load     *load
	d        sink.Delivery
	shape    shape
	refusals *sink.Refusals
	brought  int64 // rows that came, -1 before that is known
	out      sink.Loaded
}

// Apply brings a delivery.
func (l *load) Apply(ctx context.Context, d sink.Delivery) (sink.Loaded, error) {
	a := &applying{load: l, d: d, refusals: d.NewRefusals(), brought: -1}
	var err error
	if a.shape, err = l.shape(d); err != nil {
		return a.out, err
	}
	a.out.Changes = a.shape.changes
	err = a.apply(ctx)
	a.out.Refused, a.out.Rejects = a.refusals.Count, a.refusals.Kept
	if err == nil {
		err = a.refusals.Judge(max(a.brought, 0))
	}
	return a.out, l.rights(l.named(ctx, err))
}

func (a *applying) apply(ctx context.Context) error {
	l := a.load
	switch {
	case l.there == nil:
		if a.d.Mode != sink.Upsert {
			a.d.Key = nil
		}
		return a.fresh(ctx, l.create(l.newName(), a.d, a.shape.cols))
	case a.d.Mode == sink.Replace && !l.there.bound:
		a.out.How = "swapped"
		return a.fresh(ctx, "CREATE TABLE "+l.newName()+" LIKE "+l.name())
	case a.d.Mode == sink.Replace && l.there.refers:
		return a.merge(ctx)
	case a.d.Mode == sink.Replace:
		a.out.How = "in place"
		return a.exchange(ctx)
	case a.d.Mode == sink.Append:
		return a.append(ctx)
	}
	return a.upsert(ctx)
}

// counted takes over what a load of the rows brought.
func (a *applying) counted(p *sink.Pipe) {
	a.out.Brought, a.brought = p.Brought, p.Brought
	a.out.Bytes += p.Bytes
}

// alter brings a table into shape. The server commits each such statement at once.
func (a *applying) alter(ctx context.Context, name string) error {
	if len(a.shape.alter) == 0 {
		return nil
	}
	return a.load.exec(ctx, "bring "+a.load.target.Name+" into shape", "ALTER TABLE "+name+" "+strings.Join(a.shape.alter, ", "))
}

func (a *applying) direct() bool {
	for _, p := range a.shape.cols {
		if !p.fit.direct {
			return false
		}
	}
	return true
}

// fresh fills a new table, which nobody looks at until it gets the destination's name.
func (a *applying) fresh(ctx context.Context, create string) error {
	l := a.load
	if err := l.exec(ctx, "make a new table for "+l.target.Name, create); err != nil {
		return err
	}
	l.fresh = true
	if err := a.alter(ctx, l.newName()); err != nil {
		return err
	}
	if a.d.Rows == nil {
		return nil
	}
	if a.direct() {
		done, err := a.straight(ctx, l.newName())
		if done || err != nil {
			return err
		}
		if err := l.exec(ctx, "empty the new table", "TRUNCATE TABLE "+l.newName()); err != nil {
			return err
		}
	}
	s, p, err := a.stageRows(ctx, a.shape.cols, a.d.Rows)
	if err != nil {
		return err
	}
	a.counted(p)
	return a.insert(ctx, s, l.newName(), "")
}

// straight loads rows into a table as they come. It is not done where the server warned, or refused a row: which of them is
// only known row by row.
func (a *applying) straight(ctx context.Context, into string) (done bool, err error) {
	before := *a.refusals
	p, warnings, err := a.loadRows(ctx, into, a.shape.cols, a.d.Rows)
	if err != nil && !refused(err) {
		return false, err
	}
	if err != nil || warnings > 0 {
		*a.refusals = before
		return false, nil
	}
	a.counted(p)
	a.out.Written += p.Brought - (a.refusals.Count - before.Count)
	return true, nil
}

// append adds rows.
func (a *applying) append(ctx context.Context) error {
	l := a.load
	if err := a.alter(ctx, l.name()); err != nil || a.d.Rows == nil {
		return err
	}
	if a.direct() {
		if err := l.begin(ctx); err != nil {
			return err
		}
		done, err := a.straight(ctx, l.name())
		if done || err != nil {
			return err
		}
		if err := l.exec(ctx, "undo", "ROLLBACK"); err != nil {
			return err
		}
		l.begun = false
	}
	s, p, err := a.stageRows(ctx, a.shape.cols, a.d.Rows)
	if err != nil {
		return err
	}
	a.counted(p)
	if err := l.begin(ctx); err != nil {
		return err
	}
	return a.insert(ctx, s, l.name(), "")
}

// exchange puts all rows in the place of those in the table, and keeps the table.
func (a *applying) exchange(ctx context.Context) error {
	l := a.load
	if err := a.alter(ctx, l.name()); err != nil {
		return err
	}
	s, p, err := a.stageRows(ctx, a.shape.cols, a.d.Rows)
	if err != nil {
		return err
	}
	a.counted(p)
	if err := l.begin(ctx); err != nil {
		return err
	}
	changed, err := l.conn.Change(ctx, "DELETE FROM "+l.name())
	if err != nil {
		return fmt.Errorf("empty %s: %w", l.target.Name, err)
	}
	a.out.Deleted = changed.Rows
	return a.insert(ctx, s, l.name(), "")
}

// merge makes a table that others refer to hold just the rows brought, without emptying it in between: by its primary key.
func (a *applying) merge(ctx context.Context) error {
	l := a.load
	a.d.Mode, a.d.Full, a.d.Sole, a.d.Key = sink.Upsert, true, true, nil
	if l.there.primary {
		for _, k := range l.there.unique[0] {
			for _, p := range a.shape.cols {
				if strings.EqualFold(p.there, k) {
					a.d.Key = append(a.d.Key, p.Name)
				}
			}
		}
	}
	if !l.there.primary || len(a.d.Key) != len(l.there.unique[0]) {
		return fault.New(fault.Usage, "%s cannot be replaced: foreign keys refer to it, and its rows cannot be told apart by the columns that come", l.target.Name).
			WithHint("publish with mode: upsert and a key")
	}
	a.out.How = "merged"
	return a.upsert(ctx)
}

// insert moves staged rows into a table: those that more, a further condition, allows.
func (a *applying) insert(ctx context.Context, s *stage, into, more string) error {
	if err := a.cut(ctx, s); err != nil {
		return err
	}
	var from []string
	for _, p := range s.cols {
		from = append(from, "s."+p.to)
	}
	n, err := a.each(ctx, s, false, func(where string) string {
		return "INSERT INTO " + into + " (" + columnNames(a.shape.cols) + ") SELECT " + strings.Join(from, ", ") + " FROM " + s.name + " AS s WHERE " + where + more
	})
	if err != nil {
		return fmt.Errorf("write rows into %s: %w", a.load.target.Name, err)
	}
	a.out.Written += n
	return nil
}

// cut refuses texts of which the server would cut spaces off without a word (promise 6).
func (a *applying) cut(ctx context.Context, s *stage) error {
	for i, p := range a.shape.cols {
		if p.fit.cut == 0 {
			continue
		}
		length := "char_length"
		if p.fit.bytes {
			length = "length"
		}
		c := "s." + s.cols[i].to
		for {
			rows, err := a.load.ask(ctx, "look for texts that are too long", fmt.Sprintf("SELECT s.%s FROM %s AS s WHERE %s(%s) > %d AND %s(rtrim(%s)) <= %d ORDER BY 1 LIMIT 1", placeColumn, s.name, length, c, p.fit.cut, length, c, p.fit.cut))
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			at := number(rows[0][0], 0)
			f := sink.Refusal{Column: p.Name, Reason: fmt.Sprintf("value too long for type %s: its spaces at the end would be cut off", p.has.full)}
			if err := a.tell(ctx, s, at, &f); err != nil {
				return err
			}
			if err := a.load.exec(ctx, "leave a refused row out", fmt.Sprintf("DELETE FROM %s WHERE %s = %d", s.name, placeColumn, at)); err != nil {
				return err
			}
			if err := a.refusals.Add(f, a.brought); err != nil {
				return err
			}
		}
	}
	return nil
}
