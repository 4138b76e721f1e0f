package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/postgres"
	"weir/internal/sink"
)

// create makes the destination and fills it.
func (a *applying) create(ctx context.Context) error {
	l := a.load
	items := make([]string, len(a.shape.cols))
	for i, p := range a.shape.cols {
		items[i] = postgres.Quote(p.to) + " " + p.natural.sql
	}
	if err := l.exec(ctx, "make "+l.target.Name, "CREATE TABLE "+l.name()+" ("+strings.Join(items, ", ")+")"); err != nil {
		return err
	}
	for _, p := range a.shape.cols {
		if p.Doc == "" {
			continue
		}
		if err := l.exec(ctx, "describe "+l.target.Name, "COMMENT ON COLUMN "+l.name()+"."+postgres.Quote(p.to)+" IS "+quoteLiteral(p.Doc)); err != nil {
			return err
		}
	}
	var key []string
	if a.d.Mode == sink.Upsert {
		var names []string
		for _, p := range keyOf(a.d, a.shape.cols) {
			names = append(names, p.to)
		}
		key = []string{"ALTER TABLE " + l.name() + " ADD PRIMARY KEY (" + quoted(names) + ")"}
	}
	return a.fill(ctx, l.name(), key)
}

// fill loads rows into a table that is still empty, and then gives it its constraints and indexes: on all rows at once they are
// made faster. Where a row is refused by them, they come first, and the rows one by one as far as is needed.
func (a *applying) fill(ctx context.Context, into string, constraints []string) error {
	constrain := func() error {
		for _, sql := range constraints {
			if err := a.load.exec(ctx, "give "+a.load.target.Name+" its constraints and indexes", sql); err != nil {
				return err
			}
		}
		return nil
	}
	if a.d.Rows == nil {
		return constrain()
	}
	direct := true
	for _, p := range a.shape.cols {
		direct = direct && p.fit.direct
	}
	if direct {
		if err := a.direct(ctx, into, a.shape.cols, constrain); !errors.Is(err, errAgain) {
			return err
		}
	}
	return a.insertStaged(ctx, into, constrain)
}

// replace puts all rows in the place of those that are there: in a new table that takes the old one's name where nothing
// hangs on it that would be lost, else in the old one.
func (a *applying) replace(ctx context.Context) error {
	l := a.load
	// Until the end of the load nobody shall change what the table looks like. Those who read and write go on.
	if err := l.exec(ctx, "lock "+l.target.Name, "LOCK TABLE "+l.name()+" IN SHARE UPDATE EXCLUSIVE MODE"); err != nil {
		return err
	}
	old, bound, err := l.likeness(ctx)
	if err != nil {
		return err
	}
	if !bound {
		a.out.How = "swapped"
		return a.swap(ctx, old)
	}
	a.out.How = "in place"
	return a.inPlace(ctx, old.referenced)
}

// inPlace keeps the table, and with it views, triggers, policies and whatever else hangs on it.
func (a *applying) inPlace(ctx context.Context, referenced bool) error {
	l := a.load
	if referenced {
		return a.merge(ctx)
	}
	return a.insertStaged(ctx, l.name(), func() error {
		if err := a.alter(ctx); err != nil {
			return err
		}
		var may bool
		if err := l.tx.QueryRow(ctx, "SELECT has_table_privilege($1::bigint::oid, 'TRUNCATE')", int64(l.there.oid)).Scan(&may); err != nil {
			return fmt.Errorf("ask for rights on %s: %w", l.target.Name, postgres.Classify(ctx, err))
		}
		empty := "DELETE FROM " + l.name()
		if may {
			empty = "TRUNCATE " + l.name()
		}
		tag, err := l.tx.Exec(ctx, empty)
		if err != nil {
			return fmt.Errorf("empty %s: %w", l.target.Name, postgres.Classify(ctx, err))
		}
		a.out.Deleted = tag.RowsAffected()
		return nil
	})
}

// merge makes a table that others refer to hold just the rows brought, without emptying it in between: by its primary key.
func (a *applying) merge(ctx context.Context) error {
	l := a.load
	a.d.Mode, a.d.Full, a.d.Sole, a.d.Key = sink.Upsert, true, true, nil
	if len(l.there.unique) > 0 && l.there.primary {
		for _, k := range l.there.unique[0] {
			for _, p := range a.shape.cols {
				if p.there == k {
					a.d.Key = append(a.d.Key, p.Name)
				}
			}
		}
	}
	if !l.there.primary || len(a.d.Key) != len(l.there.unique[0]) {
		return l.cannotEmpty()
	}
	a.out.How = "merged"
	return a.upsert(ctx)
}
