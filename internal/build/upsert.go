package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// mergeUpsert inserts and updates by key, copy on write: the files that hold a key of the delta are found through the key
// columns alone, then only these are rewritten.
func (w *work) mergeUpsert(ctx context.Context, t *lake.Table) (merged, error) {
	if err := w.keysComplete(ctx); err != nil {
		return merged{}, err
	}
	superseded, err := w.winners(ctx)
	if err != nil {
		return merged{}, err
	}
	m := merged{counts: job.Counts{Superseded: superseded}}
	fresh := w.delta.rows - superseded
	if t == nil || w.bare(t) {
		return m, w.firstUpsert(ctx, fresh, &m)
	}
	rel, err := t.Scan(ctx, lake.ScanOptions{Filename: true})
	if err != nil {
		return m, err
	}
	if err := w.match(ctx, rel.SQL); err != nil {
		return m, err
	}
	if err := w.gone(ctx, rel.SQL); err != nil {
		return m, err
	}
	return m, w.rewrite(ctx, t, fresh, &m)
}

func (w *work) bare(t *lake.Table) bool {
	_, ok := t.Snapshot()
	return !ok
}

// Names of the session's own tables while it merges. User SQL has run before they exist.
const (
	dupTable = "weir_dup" // keys that stand in the delta more than once
	hitTable = "weir_hit" // rows of the table whose key is in the delta
	oldTable = "weir_old" // their values
	offTable = "weir_off" // rows of the table that go without a successor
)

func (w *work) keysComplete(ctx context.Context) error {
	nulls := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		nulls[i] = job.Quote(k) + " IS NULL"
	}
	rows, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, any_value(to_json(d))::VARCHAR FROM ("+w.delta.sql+") AS d WHERE "+strings.Join(nulls, " OR "))
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	if rows[0][0].Value == "0" {
		return nil
	}
	return fault.New(fault.Data, "key (%s) is null in %s rows, such as %s", strings.Join(w.t.Table.Key, ", "), rows[0][0].Value, clip(rows[0][1].Value, 300)).
		WithHint("rule IsComplete %q with on_fail: quarantine turns such rows away", w.t.Table.Key[0])
}

// winners finds keys that stand more than once and gives how many rows lose. w.winning() is then one row a key.
func (w *work) winners(ctx context.Context) (int64, error) {
	key := w.key("")
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+dupTable+" AS SELECT "+key+", count(*) AS n FROM ("+w.delta.sql+") GROUP BY "+key+" HAVING count(*) > 1")
	if err != nil {
		return 0, fmt.Errorf("find duplicate keys: %w", err)
	}
	lost, err := w.s.Int(ctx, "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM "+dupTable)
	if err != nil || lost == 0 || w.t.Table.OrderBy != "" {
		return lost, err
	}
	return lost, w.ambiguous(ctx)
}

// ambiguous refuses two different rows of one key where nothing says which one wins. Exact duplicates are one row.
func (w *work) ambiguous(ctx context.Context) error {
	values := list("d.", w.valueColumns())
	rows, err := w.s.Strings(ctx, "SELECT to_json(any_value(d))::VARCHAR, to_json(arg_max(d, hash(struct_pack("+pack(w.valueColumns())+"))))::VARCHAR FROM ("+w.delta.sql+") AS d SEMI JOIN "+dupTable+
		" AS k ON "+w.on("d", "k")+" GROUP BY "+w.key("d.")+" HAVING count(DISTINCT row("+values+")) > 1 LIMIT 1")
	if err != nil {
		return fmt.Errorf("compare duplicate keys: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	return fault.New(fault.Data, "two different rows of one key (%s) in one build, such as %s and %s",
		strings.Join(w.t.Table.Key, ", "), clip(rows[0][0].Value, 200), clip(rows[0][1].Value, 200)).
		WithHint("order_by: a column that says which row of a key wins")
}

// winning is a SELECT of one row a key: the latest by order_by; of equals the one from the later file, then the one whose
// values sort last, so that the same input always gives the same row.
func (w *work) winning() string {
	cols := list("d.", w.columns)
	order := []string{}
	if w.t.Table.OrderBy != "" {
		order = append(order, "d."+job.Quote(w.t.Table.OrderBy)+" DESC NULLS LAST")
	}
	if indexOf(w.columns, FileColumn) >= 0 {
		order = append(order, "d."+job.Quote(FileColumn)+" DESC NULLS LAST")
	}
	for _, c := range w.valueColumns() {
		order = append(order, "d."+job.Quote(c.Name)+" DESC NULLS LAST")
	}
	return "SELECT " + cols + " FROM (" + w.delta.sql + ") AS d ANTI JOIN " + dupTable + " AS k ON " + w.on("d", "k") +
		" UNION ALL SELECT " + cols + " FROM (" + w.delta.sql + ") AS d SEMI JOIN " + dupTable + " AS k ON " + w.on("d", "k") +
		" QUALIFY row_number() OVER (PARTITION BY " + w.key("d.") + " ORDER BY " + strings.Join(order, ", ") + ") = 1"
}

// firstUpsert fills an empty table: the staged delta itself where no key stands twice.
func (w *work) firstUpsert(ctx context.Context, fresh int64, m *merged) (err error) {
	m.counts.Accepted, m.counts.Inserted = fresh, fresh
	if m.counts.Superseded == 0 && w.delta.direct {
		m.add = w.delta.files
		return nil
	}
	// The staged delta stays until the commit is through: a conflict plans again from it.
	m.add, err = w.stageRows(ctx, w.winning())
	return err
}

// match finds the stored rows of the delta's keys, marks those that are newer than the delta's row, and takes out those
// that would not change.
func (w *work) match(ctx context.Context, stored string) error {
	stale := "false"
	if o := w.t.Table.OrderBy; o != "" {
		q := job.Quote(o)
		stale = "coalesce(n." + q + " < t." + q + ", n." + q + " IS NULL AND t." + q + " IS NOT NULL)"
	}
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+hitTable+" AS SELECT t.filename_ AS f, t.file_row_number_ AS r, "+w.key("n.")+", "+stale+
		" AS stale, false AS same FROM ("+stored+") AS t JOIN ("+w.winning()+") AS n ON "+w.on("t", "n"))
	if err != nil {
		return fmt.Errorf("find stored keys: %w", err)
	}
	return nil
}

// before reads the stored rows that are to change, out of the touched files alone.
func (w *work) before(ctx context.Context, touched string) error {
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+oldTable+" AS SELECT "+list("t.", w.columns)+", t.filename_ AS f, t.file_row_number_ AS r FROM ("+
		touched+") AS t SEMI JOIN "+hitTable+" AS h ON h.f = t.filename_ AND h.r = t.file_row_number_ AND NOT h.stale")
	if err != nil {
		return fmt.Errorf("read rows before: %w", err)
	}
	same := make([]string, len(w.columns))
	for i, c := range w.columns {
		q := job.Quote(c.Name)
		same[i] = "o." + q + " IS NOT DISTINCT FROM n." + q
	}
	err = w.s.Exec(ctx, "UPDATE "+hitTable+" SET same = true FROM (SELECT o.f, o.r FROM "+oldTable+" AS o JOIN ("+w.winning()+") AS n ON "+
		w.on("o", "n")+" WHERE "+strings.Join(same, " AND ")+") AS u WHERE "+hitTable+".f = u.f AND "+hitTable+".r = u.r")
	if err != nil {
		return fmt.Errorf("find unchanged rows: %w", err)
	}
	return nil
}

// gone finds stored rows that this read says are no more: keys missing from a full read, rows a changed file held before.
func (w *work) gone(ctx context.Context, stored string) error {
	condition := ""
	switch {
	case w.read.full && w.t.Table.Deletes == define.Remove:
		condition = "true"
	case len(w.read.replace) > 0:
		condition = "t." + job.Quote(FileColumn) + " IN (" + literals(w.read.replace) + ")"
	default:
		condition = "false"
	}
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+offTable+" AS SELECT t.filename_ AS f, t.file_row_number_ AS r FROM ("+stored+") AS t ANTI JOIN ("+
		w.delta.sql+") AS n ON "+w.on("t", "n")+" WHERE "+condition)
	if err != nil {
		return fmt.Errorf("find keys that are gone: %w", err)
	}
	return nil
}

// key lists the key columns, each after a prefix.
func (w *work) key(prefix string) string {
	q := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		q[i] = prefix + job.Quote(k)
	}
	return strings.Join(q, ", ")
}

// on compares the keys of two relations. Keys are never null by now.
func (w *work) on(a, b string) string {
	q := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		q[i] = a + "." + job.Quote(k) + " = " + b + "." + job.Quote(k)
	}
	return strings.Join(q, " AND ")
}

// valueColumns are the table's columns without provenance.
func (w *work) valueColumns() []job.Column {
	var cols []job.Column
	for _, c := range w.columns {
		if c.Name != FileColumn {
			cols = append(cols, c)
		}
	}
	return cols
}

func pack(cols []job.Column) string {
	q := make([]string, len(cols))
	for i, c := range cols {
		q[i] = job.Quote(c.Name) + " := d." + job.Quote(c.Name)
	}
	return strings.Join(q, ", ")
}
