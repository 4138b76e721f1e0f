package mysql

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// upsert deletes keys that are gone, updates rows whose key is there and inserts the others. Each of the three says which row a
// constraint refuses; ON DUPLICATE KEY would update a row that has another key and only meets in another unique index.
func (a *applying) upsert(ctx context.Context) error {
	l := a.load
	if err := a.alter(ctx, l.name()); err != nil {
		return err
	}
	var s, gone *stage
	key := keyOf(a.d, a.shape.cols)
	if a.d.Rows != nil {
		staged, p, err := a.stageRows(ctx, a.shape.cols, a.d.Rows)
		if err != nil {
			return err
		}
		s = staged
		a.counted(p)
		if err := a.once(ctx, s); err != nil {
			return err
		}
	}
	if a.d.Gone != nil {
		staged, p, err := a.stageRows(ctx, key, a.d.Gone)
		if err != nil {
			return err
		}
		gone = staged
		a.out.Bytes += p.Bytes
		a.brought = max(a.brought, 0) + p.Brought
	}
	if s != nil && a.d.Full && a.d.Sole {
		var err error
		if gone, err = a.missing(ctx, s, key); err != nil {
			return err
		}
	}
	// From here on nothing may commit by itself: definitions of temporary tables, too, are done.
	if err := l.begin(ctx); err != nil {
		return err
	}
	if gone != nil {
		n, err := a.each(ctx, gone, true, func(where string) string {
			return "DELETE t FROM " + l.name() + " AS t JOIN " + gone.name + " AS s ON " + a.same(gone, key) + " WHERE " + where
		})
		if err != nil {
			return fmt.Errorf("delete rows of %s: %w", l.target.Name, err)
		}
		a.out.Deleted += n
	}
	if s == nil {
		return nil
	}
	return a.updateAndInsert(ctx, s, key)
}

func (a *applying) updateAndInsert(ctx context.Context, s *stage, key []placed) error {
	l := a.load
	if err := l.exec(ctx, "find rows that are there", "UPDATE "+s.name+" AS s JOIN "+l.name()+" AS t ON "+a.same(s, key)+" SET s."+newColumn+" = 0"); err != nil {
		return err
	}
	var set []string
	for i, p := range a.shape.cols {
		if !holds(a.d.Key, p.Name) {
			set = append(set, "t."+wire.Name(p.to)+" = s."+s.cols[i].to)
		}
	}
	if err := a.cut(ctx, s); err != nil {
		return err
	}
	if set != nil {
		n, err := a.each(ctx, s, false, func(where string) string {
			return "UPDATE " + l.name() + " AS t JOIN " + s.name + " AS s ON " + a.same(s, key) + " SET " + strings.Join(set, ", ") + " WHERE " + where
		})
		if err != nil {
			return fmt.Errorf("update rows of %s: %w", l.target.Name, err)
		}
		a.out.Written += n
	}
	return a.insert(ctx, s, l.name(), " AND s."+newColumn+" = 1")
}

// same joins a staging table s with the destination t by the key, as the destination compares: so its index can be used.
func (a *applying) same(s *stage, key []placed) string {
	var terms []string
	for i, k := range keyOf(a.d, s.cols) {
		value := "s." + k.to
		if c := key[i].has; c.charset != "" && c.collation != "" {
			value = "CONVERT(" + value + " USING " + c.charset + ") COLLATE " + c.collation
		}
		terms = append(terms, "t."+wire.Name(key[i].to)+" = "+value)
	}
	return strings.Join(terms, " AND ")
}

// once checks that no two rows have one key as the destination compares keys: one that takes a for A would have both.
func (a *applying) once(ctx context.Context, s *stage) error {
	var by, texts []string
	folds := false
	for i, k := range keyOf(a.d, s.cols) {
		value := "s." + k.to
		if c := keyOf(a.d, a.shape.cols)[i].has; c.charset != "" && c.collation != a.load.collation() {
			value, folds = "CONVERT("+value+" USING "+c.charset+") COLLATE "+c.collation, true
		}
		by, texts = append(by, value), append(texts, "max("+value+")")
	}
	if !folds {
		return nil
	}
	rows, err := a.load.ask(ctx, "check the key", "SELECT concat_ws(', ', "+strings.Join(texts, ", ")+") FROM "+s.name+" AS s GROUP BY "+strings.Join(by, ", ")+" HAVING count(*) > 1 LIMIT 1")
	if err != nil || len(rows) == 0 {
		return err
	}
	return fault.New(fault.Data, "two rows of one key were brought to %s, which takes their keys for the same: (%s) = (%s)", a.load.target.Name, strings.Join(a.d.Key, ", "), rows[0][0].Value).
		WithHint("its collation tells them not apart; a binary one does")
}

// missing finds the keys of the destination that are not among all the rows.
func (a *applying) missing(ctx context.Context, s *stage, key []placed) (*stage, error) {
	l := a.load
	out := a.newStage(key)
	var index, items []string
	for i, k := range keyOf(a.d, s.cols) {
		part := k.to
		if kind := key[i].natural.lake.Kind; kind == "VARCHAR" || kind == "BLOB" || kind == "JSON" {
			part += "(100)"
		}
		index = append(index, part)
		items = append(items, "t."+wire.Name(key[i].to)+" AS "+out.cols[i].to)
	}
	if err := l.exec(ctx, "index the staging table", "ALTER TABLE "+s.name+" ADD INDEX ("+strings.Join(index, ", ")+")"); err != nil {
		return nil, err
	}
	// Here the staging table's index is to be used, so the destination's value is the one that is converted.
	var same []string
	for i, k := range keyOf(a.d, s.cols) {
		value := "t." + wire.Name(key[i].to)
		if key[i].has.charset != "" {
			if k.natural.lake.Kind == "UUID" {
				value = "CONVERT(" + value + " USING ascii) COLLATE ascii_bin"
			} else {
				value = "CONVERT(" + value + " USING utf8mb4) COLLATE " + l.collation()
			}
		}
		same = append(same, "s."+k.to+" = "+value)
	}
	sql := "CREATE TEMPORARY TABLE " + out.name + " (" + placeColumn + " bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE = InnoDB AS SELECT " + strings.Join(items, ", ") + " FROM " + l.name() +
		" AS t LEFT JOIN " + s.name + " AS s ON " + strings.Join(same, " AND ") + " WHERE s." + placeColumn + " IS NULL"
	if err := l.exec(ctx, "find keys that are gone", sql); err != nil {
		return nil, err
	}
	return out, a.measure(ctx, out)
}
