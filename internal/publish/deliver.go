package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/sink"
)

// Tables of the session that hold what changed.
const (
	wonTable  = "__weir_won"  // rows that are there now and were not before
	lostTable = "__weir_lost" // keys of rows that were there before and are not now
	goneTable = "__weir_gone" // those of them that no row has now
)

// delivery settles what is brought.
func (w *work) delivery(ctx context.Context, b bringing) (d sink.Delivery, err error) {
	d = sink.Delivery{Mode: b.mode, Full: b.full, Sole: w.found && w.stored.Sole, Key: w.keyed(), Columns: w.columns, Limit: w.t.To.MaxRejects.Exceeded}
	scan, err := w.table.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return d, err
	}
	if b.mode == sink.Upsert {
		if err := w.checkKey(ctx, scan.SQL); err != nil {
			return d, err
		}
	}
	switch {
	case w.resends(b):
		return w.resend(ctx, d)
	case b.full:
		w.out.Rows = scan.Rows
		d.Rows = w.rows("SELECT " + w.items() + " FROM (" + scan.SQL + ")")
	case b.changes.Commits > 0:
		return w.changed(ctx, d, b)
	}
	return d, nil
}

// rows opens a query.
func (w *work) rows(sql string) func(context.Context) (record.Reader, error) {
	return func(ctx context.Context) (record.Reader, error) { return w.s.Rows(ctx, sql, nil) }
}

// changed brings the difference between the rows of then and of now. Every commit tells what it took and what it gave, so what
// all of them gave less what all of them took is what is there now and was not before, and the other way round.
func (w *work) changed(ctx context.Context, d sink.Delivery, b bringing) (sink.Delivery, error) {
	after, before := w.images(b.changes.After), w.images(b.changes.Before)
	if b.changes.Before.SQL == "" {
		w.out.Rows = b.changes.After.Rows
		d.Rows = w.rows(after)
		return d, nil
	}
	err := w.exec(ctx, "CREATE OR REPLACE TABLE "+wonTable+" AS "+after+" EXCEPT ALL "+before)
	if err != nil {
		return d, err
	}
	if w.out.Rows, err = w.s.Int(ctx, "SELECT count(*) FROM "+wonTable); err != nil {
		return d, err
	}
	if w.out.Rows > 0 {
		d.Rows = w.rows("SELECT * FROM " + wonTable)
	}
	if d.Mode == sink.Append {
		return d, w.onlyNew(ctx, before, after)
	}
	err = w.exec(ctx, "CREATE OR REPLACE TABLE "+lostTable+" AS SELECT DISTINCT "+w.key("")+" FROM ("+before+" EXCEPT ALL "+after+")",
		"CREATE OR REPLACE TABLE "+goneTable+" AS SELECT "+w.key("l.")+" FROM "+lostTable+" AS l ANTI JOIN "+wonTable+" AS n ON "+w.on("l", "n"))
	if err != nil {
		return d, err
	}
	if w.out.Gone, err = w.s.Int(ctx, "SELECT count(*) FROM "+goneTable); err != nil {
		return d, err
	}
	if w.out.Gone > 0 {
		d.Gone = w.rows("SELECT " + w.key("") + " FROM " + goneTable)
	}
	return d, nil
}

// onlyNew stops a destination that appends where rows changed or went.
func (w *work) onlyNew(ctx context.Context, before, after string) error {
	lost, err := w.s.Int(ctx, "SELECT count(*) FROM ("+before+" EXCEPT ALL "+after+")")
	if err != nil || lost == 0 {
		return err
	}
	return fault.New(fault.Data, "nothing was published: %d rows of %s changed or went since %s, and mode append takes none back", lost, w.t.Table.Name, runOf(w.stored.Run)).
		WithHint("weir publish %s --full puts all rows in the place of those there; with a key, mode: upsert follows by itself", w.t.Table.Name)
}

// images is a query over rows before or after, with the columns that are published.
func (w *work) images(i lake.Images) string {
	if i.SQL != "" {
		return "SELECT " + w.items() + " FROM (" + i.SQL + ")"
	}
	none := make([]string, len(w.columns))
	for i, c := range w.columns {
		typ := c.Type
		if c.Form == sink.JSON {
			typ = "VARCHAR"
		}
		none[i] = "CAST(NULL AS " + typ + ") AS " + job.Quote(c.Name)
	}
	return "SELECT " + strings.Join(none, ", ") + " WHERE false"
}

func (w *work) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if err := w.s.Exec(ctx, sql); err != nil {
			return fmt.Errorf("compare rows before and after: %w", err)
		}
	}
	return nil
}

func (w *work) on(a, b string) string {
	var same []string
	for _, k := range w.t.To.Key {
		q := job.Quote(k)
		same = append(same, a+"."+q+" IS NOT DISTINCT FROM "+b+"."+q)
	}
	return strings.Join(same, " AND ")
}

// checkKey looks whether the key tells all rows apart, where no build has made sure of it.
func (w *work) checkKey(ctx context.Context, scan string) error {
	t := w.t.Table
	if w.t.To.Mode == define.PublishHistory || t.Mode == define.Upsert && sameNames(t.Key, w.t.To.Key) {
		return nil
	}
	var null, texts []string
	for _, k := range w.t.To.Key {
		null = append(null, job.Quote(k)+" IS NULL")
		texts = append(texts, "coalesce("+job.Quote(k)+"::VARCHAR, 'null')")
	}
	rows, err := w.s.Strings(ctx, "SELECT concat_ws(', ', "+strings.Join(texts, ", ")+"), n FROM (SELECT "+w.key("")+", count(*) AS n FROM ("+scan+") GROUP BY "+w.key("")+
		" HAVING count(*) > 1 OR bool_or("+strings.Join(null, " OR ")+") LIMIT 1)")
	if err != nil {
		return fmt.Errorf("check the key: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	name, value, n := "("+strings.Join(w.t.To.Key, ", ")+")", rows[0][0].Value, rows[0][1].Value
	if n == "1" {
		return fault.New(fault.Data, "nothing was published: key %s of a row is null: (%s)", name, value).WithHint("a key has a value in every row")
	}
	return fault.New(fault.Data, "nothing was published: %s rows have the key %s = (%s)", n, name, value).WithHint("key: with columns that tell all rows apart, or mode: replace")
}

func sameNames(a, b []string) bool {
	fold := func(names []string) []string {
		var out []string
		for _, n := range names {
			out = append(out, strings.ToLower(n))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(fold(a), fold(b))
}
