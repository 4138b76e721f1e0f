package diff

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// findRepeated notes the keys that stand in more than one row of a side. They cannot tell which row is which, so that their
// rows are compared whole. A key that the rows left out have as well repeats on the side that has it once more.
func (c *comparison) findRepeated(ctx context.Context) error {
	key := cols(c.keys, "")
	complete := each(0, c.keys, " AND ", func(c string) string { return c + " IS NOT NULL" })
	of := func(view string) string {
		return "SELECT " + key + " FROM " + view + " WHERE " + complete + " GROUP BY " + key + " HAVING count(*) > 1"
	}
	sql := of(wasView) + " UNION " + of(isView)
	if c.q.Rest != "" {
		read := "(SELECT " + key + " FROM " + wasView + " UNION ALL SELECT " + key + " FROM " + isView + ")"
		sql += " UNION SELECT DISTINCT " + cols(c.keys, "r.") + " FROM " + restView + " AS r SEMI JOIN " + read + " AS t ON " + c.sameKey("r.", "t.")
	}
	if err := c.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+repeated+" AS "+sql); err != nil {
		return err
	}
	found, err := c.numbers(ctx, "SELECT (SELECT count(*) FROM "+repeated+"), (SELECT count(*) FROM "+wasView+" WHERE NOT ("+complete+
		")) + (SELECT count(*) FROM "+isView+" WHERE NOT ("+complete+"))")
	if err != nil {
		return err
	}
	c.out.Repeated, c.out.NullKeys = found[0], found[1]
	return nil
}

func (c *comparison) sameKey(a, b string) string {
	return each(0, c.keys, " AND ", func(c string) string { return a + c + " = " + b + c })
}

// told is the condition of a row s that its key tells.
func (c *comparison) told() string {
	cond := "(" + each(0, c.keys, " AND ", func(c string) string { return "s." + c + " IS NOT NULL" })
	if c.out.Repeated > 0 {
		cond += " AND NOT EXISTS (SELECT 1 FROM " + repeated + " AS r WHERE " + c.sameKey("r.", "s.") + ")"
	}
	return cond + ")"
}

// joinKeys compares the rows that a key tells: first which keys are on one side only, then what changed under those on both.
// Two joins, because one of all columns that also keeps what has no partner takes DuckDB very long to plan where columns are many.
func (c *comparison) joinKeys(ctx context.Context) error {
	found, err := c.count(ctx, oneSided, []string{"a.c0 IS NULL", "b.c0 IS NULL"}, []string{"b.", "a."}, func(view string) string {
		return "(SELECT " + cols(c.keys, "") + " FROM " + view + " AS s WHERE " + c.told() + ")"
	}, "FULL OUTER JOIN")
	if err != nil {
		return err
	}
	c.out.Added, c.out.Removed = found[0], found[1]
	n := len(c.pairs)
	if n > c.keys {
		differs := func(col string) string { return "a." + col + " IS DISTINCT FROM b." + col }
		conditions := []string{"(" + each(c.keys, n, " OR ", differs) + ")"}
		for i := c.keys; i < n; i++ {
			conditions = append(conditions, differs(col(i)))
		}
		found, err := c.count(ctx, changedTable, conditions, []string{"a."}, func(view string) string {
			return "(SELECT * FROM " + view + " AS s WHERE " + c.told() + ")"
		}, "JOIN")
		if err != nil {
			return err
		}
		c.out.Changed = found[0]
		for i, changed := range found[1:] {
			if changed > 0 {
				c.out.Values = append(c.out.Values, ColumnChange{Column: c.pairs[c.keys+i].Is.Name, Changed: changed})
			}
		}
	}
	return c.keyedSamples(ctx)
}

// count joins both sides by key and counts the pairs of rows under each condition, n0, n1, …; of the first ones it keeps the
// smallest keys of the side given, keys0, keys1, …. What it finds stays in a table of one row.
func (c *comparison) count(ctx context.Context, into string, conditions, sides []string, of func(view string) string, join string) ([]int64, error) {
	var items, counts []string
	for i, condition := range conditions {
		// Not with FILTER, which copies all columns once more for each.
		items = append(items, fmt.Sprintf("count(CASE WHEN %s THEN 1 END) AS n%d", condition, i))
		counts = append(counts, fmt.Sprint("n", i))
		if c.q.Samples > 0 && i < len(sides) {
			items = append(items, fmt.Sprintf("min(CASE WHEN %s THEN %s END, %d) AS keys%d", condition, row(c.keys, sides[i]), c.q.Samples, i))
		}
	}
	if err := c.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+into+" AS SELECT "+strings.Join(items, ", ")+" FROM "+of(wasView)+" AS a "+join+" "+
		of(isView)+" AS b ON "+c.sameKey("a.", "b.")); err != nil {
		return nil, err
	}
	return c.numbers(ctx, "SELECT "+strings.Join(counts, ", ")+" FROM "+into)
}

// keyedSamples fetches the rows of the sample keys.
func (c *comparison) keyedSamples(ctx context.Context) (err error) {
	if c.q.Samples == 0 || c.out.Same() {
		return nil
	}
	n := len(c.pairs)
	pick := func(keys, from string) string { return "(SELECT unnest(" + keys + ") AS u FROM " + from + ") AS p" }
	one := func(keys, view string) string {
		return "SELECT " + cols(n, "s.") + " FROM " + pick(keys, oneSided) + " JOIN " + view + " AS s ON " + c.sameKey("p.u.", "s.") + " ORDER BY " + cols(c.keys, "s.")
	}
	if c.out.Added > 0 {
		if c.out.Samples.Added, err = c.rows(ctx, one("keys0", isView)); err != nil {
			return err
		}
	}
	if c.out.Removed > 0 {
		if c.out.Samples.Removed, err = c.rows(ctx, one("keys1", wasView)); err != nil {
			return err
		}
	}
	if c.out.Changed == 0 {
		return nil
	}
	return c.changedSamples(ctx, pick("keys0", changedTable))
}

func (c *comparison) changedSamples(ctx context.Context, pick string) error {
	n := len(c.pairs)
	pairs := each(c.keys, n, ", ", func(c string) string {
		return "a." + c + " AS a" + c + ", b." + c + " AS b" + c + ", a." + c + " IS DISTINCT FROM b." + c + " AS d" + c
	})
	rows, err := c.rows(ctx, "SELECT "+cols(c.keys, "a.")+", "+pairs+" FROM "+pick+" JOIN "+wasView+" AS a ON "+c.sameKey("p.u.", "a.")+
		" JOIN "+isView+" AS b ON "+c.sameKey("p.u.", "b.")+" ORDER BY "+cols(c.keys, "a."))
	if err != nil {
		return err
	}
	for _, r := range rows {
		change := ChangedRow{Key: r[:c.keys]}
		for i, p := range c.pairs[c.keys:] {
			v := r[c.keys+3*i:]
			if *v[2] == "true" {
				change.Values = append(change.Values, ChangedValue{Column: p.Is.Name, Was: v[0], Is: v[1]})
			}
		}
		c.out.Samples.Changed = append(c.out.Samples.Changed, change)
	}
	return nil
}

// wholeRows compares rows as they are, each as often as it stands on a side: those of a condition over s.
func (c *comparison) wholeRows(ctx context.Context, condition string) error {
	n := len(c.pairs)
	items := "coalesce(sum(w) FILTER (w > 0), 0)::BIGINT AS added, coalesce(-sum(w) FILTER (w < 0), 0)::BIGINT AS removed"
	if c.q.Samples > 0 {
		k := strconv.Itoa(c.q.Samples)
		items += ", min(" + row(n, "") + ", " + k + ") FILTER (w > 0) AS added_rows, min(" + row(n, "") + ", " + k + ") FILTER (w < 0) AS removed_rows"
	}
	side := func(view, w string) string {
		return "SELECT *, " + w + " AS w FROM " + view + " AS s WHERE " + condition
	}
	if err := c.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+byRow+" AS SELECT "+items+" FROM (SELECT "+cols(n, "")+", sum(w) AS w FROM ("+
		side(isView, "1")+" UNION ALL "+side(wasView, "-1")+") GROUP BY "+cols(n, "")+" HAVING sum(w) <> 0)"); err != nil {
		return err
	}
	found, err := c.numbers(ctx, "SELECT added, removed FROM "+byRow)
	if err != nil {
		return err
	}
	c.out.Added, c.out.Removed = c.out.Added+found[0], c.out.Removed+found[1]
	for list, to := range map[string]*[][]*string{"added_rows": &c.out.Samples.Added, "removed_rows": &c.out.Samples.Removed} {
		if c.q.Samples == 0 || len(*to) >= c.q.Samples {
			continue
		}
		rows, err := c.rows(ctx, "SELECT "+cols(n, "u.")+" FROM (SELECT unnest("+list+") AS u FROM "+byRow+")")
		if err != nil {
			return err
		}
		*to = append(*to, rows[:min(len(rows), c.q.Samples-len(*to))]...)
	}
	return nil
}

// numbers runs a query of one row of whole numbers.
func (c *comparison) numbers(ctx context.Context, sql string) ([]int64, error) {
	rows, err := c.rows(ctx, sql)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fault.New(fault.Internal, "a count gave %d rows", len(rows))
	}
	out := make([]int64, len(rows[0]))
	for i, v := range rows[0] {
		if out[i], err = strconv.ParseInt(*v, 10, 64); err != nil {
			return nil, fmt.Errorf("read a count: %w", err)
		}
	}
	return out, nil
}

// rows runs a query and gives its values as text, nil for null.
func (c *comparison) rows(ctx context.Context, sql string) (out [][]*string, err error) {
	err = c.s.Query(ctx, "SELECT COLUMNS(*)::VARCHAR FROM ("+sql+"\n)", func(row []any) error {
		texts := make([]*string, len(row))
		for i, v := range row {
			if text, ok := v.(string); ok {
				texts[i] = &text
			}
		}
		out = append(out, texts)
		return nil
	})
	return out, err
}
