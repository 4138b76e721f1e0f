package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/sink"
)

// errAgain ends an attempt whose work is done again in another way.
var errAgain = errors.New("in another way")

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
	return a.out, l.named(ctx, err)
}

func (a *applying) apply(ctx context.Context) error {
	switch {
	case a.load.there == nil:
		return a.create(ctx)
	case a.d.Mode == sink.Replace:
		return a.replace(ctx)
	case a.d.Mode == sink.Append:
		return a.append(ctx)
	}
	return a.upsert(ctx)
}

// alter brings the destination into shape.
func (a *applying) alter(ctx context.Context) error {
	for _, sql := range a.shape.alter {
		if err := a.load.exec(ctx, "bring "+a.load.target.Name+" into shape", sql); err != nil {
			return err
		}
	}
	return nil
}

// counted takes over what a COPY of the rows brought.
func (a *applying) counted(c *sink.Pipe) {
	a.out.Brought, a.brought = c.Brought, c.Brought
	a.out.Bytes += c.Bytes
}

// direct copies rows straight into a table. Where a row is refused nothing of it is left, and the error is errAgain.
func (a *applying) direct(ctx context.Context, into string, cols []placed, then func() error) error {
	before := *a.refusals
	n, err := a.attempt(ctx, func() (int64, error) {
		rows, err := a.d.Rows(ctx)
		if err != nil {
			return 0, err
		}
		c, err := a.copyRows(ctx, into, cols, rows, false)
		if err = errors.Join(err, rows.Close()); err != nil {
			return 0, err
		}
		a.counted(c)
		if then != nil {
			err = then()
		}
		return c.Brought - (a.refusals.Count - before.Count), err
	})
	if refused(err) {
		*a.refusals = before
		return errAgain
	}
	a.out.Written += n
	return err
}

// append adds rows.
func (a *applying) append(ctx context.Context) error {
	if a.d.Rows == nil {
		return a.alter(ctx)
	}
	direct := true
	for _, p := range a.shape.cols {
		direct = direct && p.fit.direct
	}
	if direct {
		if err := a.alter(ctx); err != nil {
			return err
		}
		if err := a.direct(ctx, a.load.name(), a.shape.cols, nil); !errors.Is(err, errAgain) {
			return err
		}
		return a.insertStaged(ctx, a.load.name(), nil)
	}
	return a.insertStaged(ctx, a.load.name(), func() error { return a.alter(ctx) })
}

// insertStaged adds rows by way of a staging table, where those that are refused can be told from the others. before runs between.
func (a *applying) insertStaged(ctx context.Context, into string, before func() error) error {
	s, c, err := a.stageRows(ctx, a.shape.cols, a.d.Rows)
	if err != nil {
		return err
	}
	a.counted(c)
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	return a.insert(ctx, s, into, "")
}

// insert moves staged rows into a table.
func (a *applying) insert(ctx context.Context, s *stage, into, conflict string) error {
	if err := a.cut(ctx, s); err != nil {
		return err
	}
	var from []string
	for i, p := range a.shape.cols {
		from = append(from, p.fit.value("s."+s.cols[i].to))
	}
	n, err := a.each(ctx, s, false, func(where string) string {
		return "INSERT INTO " + into + " AS t (" + names(a.shape.cols) + ") SELECT " + strings.Join(from, ", ") + " FROM " + s.name + " AS s WHERE " + where + conflict
	})
	if postgres.Code(err) == "21000" {
		return fault.New(fault.Data, "two rows of one key were brought to %s: %w", a.load.target.Name, err)
	}
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
		c := "s." + s.cols[i].to
		where := fmt.Sprintf("char_length(%s) > %d AND char_length(rtrim(%s, ' ')) <= %d", c, p.fit.cut, c, p.fit.cut)
		for {
			var at string
			rows, err := a.load.tx.Query(ctx, "SELECT s.ctid::text FROM "+s.name+" AS s WHERE "+where+" LIMIT 1")
			if err == nil {
				for rows.Next() {
					err = rows.Scan(&at)
				}
				rows.Close()
				err = errors.Join(err, rows.Err())
			}
			if err != nil {
				return fmt.Errorf("look for texts that are too long: %w", postgres.Classify(ctx, err))
			}
			if at == "" {
				break
			}
			f := sink.Refusal{Column: p.Name, Reason: fmt.Sprintf("value too long for type %s: its spaces at the end would be cut off", p.has.shown)}
			one := "s.ctid = " + quoteLiteral(at) + "::tid"
			if err := s.tell(ctx, a.load.tx, one, a.d.Key, &f); err != nil {
				return err
			}
			if err := a.load.exec(ctx, "leave a refused row out", "DELETE FROM "+s.name+" AS s WHERE "+one); err != nil {
				return err
			}
			if err := a.refusals.Add(f, a.brought); err != nil {
				return err
			}
		}
	}
	return nil
}

// upsert deletes keys that are gone, and inserts or updates rows by key.
func (a *applying) upsert(ctx context.Context) error {
	var s *stage
	if a.d.Rows != nil {
		var c *sink.Pipe
		var err error
		if s, c, err = a.stageRows(ctx, a.shape.cols, a.d.Rows); err != nil {
			return err
		}
		a.counted(c)
	}
	gone, err := a.gone(ctx)
	if err != nil {
		return err
	}
	if err := a.alter(ctx); err != nil {
		return err
	}
	key := keyOf(a.d, a.shape.cols)
	if s != nil && a.d.Full && a.d.Sole {
		if gone, err = a.missing(ctx, s, key); err != nil {
			return err
		}
	}
	if gone != nil {
		if err := a.delete(ctx, gone, key); err != nil {
			return err
		}
	}
	if s == nil {
		return nil
	}
	return a.insert(ctx, s, a.load.name(), conflict(key, a.shape.cols))
}

// gone stages the keys that are to be deleted.
func (a *applying) gone(ctx context.Context) (*stage, error) {
	if a.d.Gone == nil {
		return nil, nil
	}
	s, c, err := a.stageRows(ctx, keyOf(a.d, a.shape.cols), a.d.Gone)
	if err != nil {
		return nil, err
	}
	a.out.Bytes += c.Bytes
	if a.brought < 0 {
		a.brought = 0
	}
	a.brought += c.Brought
	return s, nil
}

// missing finds the keys of the destination that are not among all the rows.
func (a *applying) missing(ctx context.Context, s *stage, key []placed) (*stage, error) {
	l := a.load
	l.made++
	out := &stage{name: postgres.Quote("pg_temp", fmt.Sprintf("weir_stage_%d", l.made))}
	var items, same []string
	for i, p := range key {
		p.fit = fit{} // as it is there
		q := p
		q.to = fmt.Sprintf("c%d", i)
		out.cols = append(out.cols, q)
		items = append(items, "t."+postgres.Quote(p.to)+" AS "+q.to)
	}
	for _, p := range keyOf(a.d, s.cols) {
		same = append(same, "t."+postgres.Quote(a.named(p.Name))+" = "+p.fit.value("s."+p.to))
	}
	err := l.exec(ctx, "find keys that are gone", "CREATE TEMP TABLE "+postgres.Quote(fmt.Sprintf("weir_stage_%d", l.made))+" ON COMMIT DROP AS SELECT "+strings.Join(items, ", ")+
		" FROM "+l.name()+" AS t WHERE NOT EXISTS (SELECT FROM "+s.name+" AS s WHERE "+strings.Join(same, " AND ")+")")
	if err == nil {
		err = postgres.Classify(ctx, l.tx.QueryRow(ctx, "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint", out.name).Scan(&out.blocks))
	}
	return out, err
}

// named is the name in the destination of a column of the delivery.
func (a *applying) named(name string) string {
	for _, p := range a.shape.cols {
		if p.Name == name {
			return p.to
		}
	}
	return name
}

// delete removes rows by key.
func (a *applying) delete(ctx context.Context, gone *stage, key []placed) error {
	var same []string
	for i, p := range gone.cols {
		same = append(same, "t."+postgres.Quote(key[i].to)+" = "+p.fit.value("s."+p.to))
	}
	n, err := a.each(ctx, gone, true, func(where string) string {
		return "DELETE FROM " + a.load.name() + " AS t USING " + gone.name + " AS s WHERE " + strings.Join(same, " AND ") + " AND " + where
	})
	if err != nil {
		return fmt.Errorf("delete rows of %s: %w", a.load.target.Name, err)
	}
	a.out.Deleted += n
	return nil
}

// conflict is what an INSERT does with keys that are there: it updates rows that differ.
func conflict(key, cols []placed) string {
	var keys, set, is, was []string
	for _, p := range key {
		keys = append(keys, p.to)
	}
	comparable := true
	for _, p := range cols {
		if holds(keys, p.to) {
			continue
		}
		q := postgres.Quote(p.to)
		set, is, was = append(set, q+" = excluded."+q), append(is, "excluded."+q), append(was, "t."+q)
		comparable = comparable && p.has.base != oidJSON && p.has.base != oidXML
	}
	if set == nil {
		return " ON CONFLICT (" + quoted(keys) + ") DO NOTHING"
	}
	out := " ON CONFLICT (" + quoted(keys) + ") DO UPDATE SET " + strings.Join(set, ", ")
	if comparable {
		out += " WHERE (" + strings.Join(was, ", ") + ") IS DISTINCT FROM (" + strings.Join(is, ", ") + ")"
	}
	return out
}
