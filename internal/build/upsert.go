package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	superseded, err := w.duplicates(ctx)
	if err != nil {
		return merged{}, err
	}
	m := merged{counts: job.Counts{Superseded: superseded}}
	fresh := w.delta.rows - superseded
	if t == nil || w.bare(t) {
		return m, w.firstUpsert(ctx, fresh, &m)
	}
	if w.swaps() {
		return m, errors.Join(w.firstUpsert(ctx, fresh, &m), w.removeAll(ctx, t, &m))
	}
	rel, err := t.Scan(ctx, lake.ScanOptions{Filename: true})
	if err != nil {
		return m, err
	}
	stored := w.project(rel.SQL, rel.Columns, lake.FilenameColumn)
	if err := w.match(ctx, stored); err != nil {
		return m, err
	}
	if err := w.gone(ctx, stored); err != nil {
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
	dupTable  = "weir_dup"  // keys that stand in the delta more than once
	newTable  = "weir_new"  // one row a key of the delta
	hitTable  = "weir_hit"  // keys of the delta that the table has, with the file each is in and whether its row there is newer
	oldTable  = "weir_old"  // the table's rows of those keys
	keepTable = "weir_keep" // keys whose row in the table stays, being newer or the same
	awayTable = "weir_away" // keys of the read's rows that a rule turned away; only where that happened
	offTable  = "weir_off"  // keys of the table that go without a successor, with their file
)

// Names that stand beside a table's own columns. No table has such a column (see storedColumns).
const (
	ownPrefix   = "__weir_"
	rowAlias    = "__weir_row"   // of a whole row: an alias that were a column's name would mean that column
	timesColumn = "__weir_times" // how often a key stands in the delta
	staleColumn = "__weir_stale" // whether the stored row is newer
	placeColumn = "__weir_file"  // the data file a stored row is in
)

func (w *work) keysComplete(ctx context.Context) error {
	nulls := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		nulls[i] = job.Quote(k) + " IS NULL"
	}
	rows, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, any_value(to_json("+w.rowValue()+"))::VARCHAR, any_value("+first(w.t.Table.Key)+") FROM ("+w.delta.sql+") AS "+rowAlias+" WHERE "+strings.Join(nulls, " OR "))
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	if rows[0][0].Value == "0" {
		return nil
	}
	return fault.New(fault.Data, "key (%s) is null in %s rows, such as %s", strings.Join(w.t.Table.Key, ", "), rows[0][0].Value, clip(rows[0][1].Value, 300)).
		WithHint("rule IsComplete %q with on_fail: quarantine turns such rows away", rows[0][2].Value)
}

// first is SQL for the name of the first key column that is null in a row.
func first(key []string) string {
	sql := "CASE"
	for _, k := range key {
		sql += " WHEN " + job.Quote(k) + " IS NULL THEN " + job.Literal(k)
	}
	return sql + " END"
}

// duplicates finds keys that stand more than once and gives how many rows lose. w.winning() is then one row a key.
func (w *work) duplicates(ctx context.Context) (int64, error) {
	key := quoted(w.identity(), "")
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+dupTable+" AS SELECT "+key+", count(*) AS "+timesColumn+" FROM ("+w.delta.sql+") GROUP BY "+key+" HAVING count(*) > 1")
	if err != nil {
		return 0, fmt.Errorf("find duplicate keys: %w", err)
	}
	lost, err := w.s.Int(ctx, "SELECT coalesce(sum("+timesColumn+" - 1), 0)::BIGINT FROM "+dupTable)
	if err != nil || lost == 0 || w.t.Table.Mode == define.Upsert && w.t.Table.OrderBy != "" {
		return lost, err
	}
	return lost, w.ambiguous(ctx)
}

// ambiguous refuses two different rows of one key where nothing says which one wins. Exact duplicates are one row.
func (w *work) ambiguous(ctx context.Context) error {
	values := list(rowAlias+".", w.valueColumns())
	rows, err := w.s.Strings(ctx, "SELECT min(to_json("+w.rowValue()+")::VARCHAR), max(to_json("+w.rowValue()+")::VARCHAR) FROM ("+w.delta.sql+") AS "+rowAlias+" SEMI JOIN "+dupTable+
		" AS k ON "+same(w.identity(), rowAlias, "k")+" GROUP BY "+quoted(w.identity(), rowAlias+".")+" HAVING count(DISTINCT row("+values+")) > 1 LIMIT 1")
	if err != nil {
		return fmt.Errorf("compare duplicate keys: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	what, hint := "key", "order_by: a column that says which row of a key wins"
	if w.t.Table.Mode == define.History {
		what, hint = "key and order_by", "order_by: a column that is finer, so that it says which of them came later"
	}
	if w.t.Table.Mode == define.History && w.t.Table.OrderBy == "" {
		what, hint = "key", "order_by: a column that says from when a row is valid"
	}
	return fault.New(fault.Data, "two different rows of one %s (%s) in one build, such as %s and %s",
		what, strings.Join(w.identity(), ", "), clip(rows[0][0].Value, 200), clip(rows[0][1].Value, 200)).
		WithHint("%s", hint)
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
	return "SELECT " + cols + " FROM (" + w.delta.sql + ") AS d ANTI JOIN " + dupTable + " AS k ON " + same(w.identity(), "d", "k") +
		" UNION ALL SELECT " + cols + " FROM (" + w.delta.sql + ") AS d SEMI JOIN " + dupTable + " AS k ON " + same(w.identity(), "d", "k") +
		" QUALIFY row_number() OVER (PARTITION BY " + quoted(w.identity(), "d.") + " ORDER BY " + strings.Join(order, ", ") + ") = 1"
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

// match finds the stored rows of the delta's keys and marks those that are newer than the delta's row. The delta's rows
// lie in a table of the session by then, so that the engine knows which side of a join is the small one.
func (w *work) match(ctx context.Context, stored string) error {
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+newTable+" AS "+w.winning()); err != nil {
		return fmt.Errorf("choose a row a key: %w", err)
	}
	stale := "false"
	if o := w.t.Table.OrderBy; o != "" && !w.wholeKeys() {
		q := job.Quote(o)
		stale = "coalesce(n." + q + " < t." + q + ", n." + q + " IS NULL AND t." + q + " IS NOT NULL)"
	}
	if w.read.present == KeepPresent {
		stale = "true"
	}
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+hitTable+" AS SELECT t."+lake.FilenameColumn+" AS "+placeColumn+", "+w.key("n.")+", "+stale+
		" AS "+staleColumn+" FROM ("+stored+") AS t JOIN "+newTable+" AS n ON "+w.on("t", "n"))
	if err != nil {
		return fmt.Errorf("find stored keys: %w", err)
	}
	return w.keep(ctx, "")
}

// wholeKeys says whether the delta was chosen from all that the input gives for its keys, because rows of them changed or went, or
// what changed could not be told: what is stored of them may be what went.
func (w *work) wholeKeys() bool {
	return w.read.within != "" || w.read.full && w.t.Table.Incremental.RowLocal()
}

// keep notes the keys whose stored row stays: the newer ones and, of a query of further keys, all.
func (w *work) keep(ctx context.Context, more string) error {
	sql := "CREATE OR REPLACE TEMP TABLE " + keepTable + " AS SELECT " + w.key("") + " FROM " + hitTable + " WHERE " + staleColumn
	if more != "" {
		sql += " UNION ALL " + more
	}
	if err := w.s.Exec(ctx, sql); err != nil {
		return fmt.Errorf("note keys that stay: %w", err)
	}
	return nil
}

// before reads the stored rows that may change, out of the touched files alone, and keeps those that would not.
func (w *work) before(ctx context.Context, touched string) error {
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+oldTable+" AS SELECT "+list("t.", w.columns)+" FROM ("+touched+
		") AS t SEMI JOIN (FROM "+hitTable+" WHERE NOT "+staleColumn+") AS h ON "+w.on("t", "h"))
	if err != nil {
		return fmt.Errorf("read rows before: %w", err)
	}
	same := make([]string, len(w.columns))
	for i, c := range w.columns {
		q := job.Quote(c.Name)
		same[i] = "o." + q + " IS NOT DISTINCT FROM n." + q
	}
	return w.keep(ctx, "SELECT "+w.key("o.")+" FROM "+oldTable+" AS o JOIN "+newTable+" AS n ON "+w.on("o", "n")+" WHERE "+strings.Join(same, " AND "))
}

// noteAway keeps the keys of rows that a rule turns away: their source still has them, so that they are not gone.
func (w *work) noteAway(ctx context.Context, holds string) error {
	if !w.t.Table.Mode.Keyed() {
		return nil
	}
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+awayTable+" AS SELECT "+w.key("")+" FROM ("+w.delta.sql+") WHERE NOT ("+holds+")")
	if err != nil {
		return fmt.Errorf("note quarantined keys: %w", err)
	}
	return nil
}

// gone finds stored rows that this read says are no more: keys missing from a full read, rows a changed file held before.
func (w *work) gone(ctx context.Context, stored string) error {
	condition := ""
	switch {
	case w.read.full && w.t.Table.Deletes == define.Remove && w.out.Counts.Rejected > 0:
		return w.unsure()
	case w.read.full && w.t.Table.Deletes == define.Remove:
		condition = "true"
		if w.out.Counts.Quarantined > 0 {
			condition = "NOT EXISTS (SELECT 1 FROM " + awayTable + " AS a WHERE " + w.on("t", "a") + ")"
		}
	case w.read.within != "" && w.t.Table.Deletes == define.Remove:
		condition = w.read.within
	case w.applied.any:
		condition = w.applied.gone(w.on)
	case len(w.read.replace) > 0:
		condition = "t." + job.Quote(FileColumn) + " IN (" + literals(w.read.replace) + ")"
	default:
		condition = "false"
	}
	err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+offTable+" AS SELECT t."+lake.FilenameColumn+" AS "+placeColumn+", "+w.key("t.")+" FROM ("+stored+
		") AS t ANTI JOIN "+newTable+" AS n ON "+w.on("t", "n")+" WHERE "+condition)
	if err != nil {
		return fmt.Errorf("find keys that are gone: %w", err)
	}
	return nil
}

// unsure is the error of a full read that cannot say which keys are gone: a rejected record's key is not known, so its stored
// row would be taken for gone.
func (w *work) unsure() error {
	return fault.New(fault.Data, "stopped, %s. deletes: %s cannot tell which keys are gone, since %d records were rejected", w.untouched(), w.t.Table.Deletes, w.out.Counts.Rejected).
		WithHint("see: weir rejects show %s · mend the records and run again, or set deletes: ignore", w.t.Table.Name)
}

// identity are the columns that tell rows of one build apart: the key and, where every row of a key counts, order_by.
func (w *work) identity() []string {
	key, order := w.t.Table.Key, w.t.Table.OrderBy
	if w.t.Table.Mode != define.History || order == "" || slices.ContainsFunc(key, func(k string) bool { return strings.EqualFold(k, order) }) {
		return key
	}
	return append(slices.Clone(key), order)
}

// key lists the key columns, each after a prefix.
func (w *work) key(prefix string) string { return quoted(w.t.Table.Key, prefix) }

// on compares the keys of two relations. Keys are never null by now.
func (w *work) on(a, b string) string { return same(w.t.Table.Key, a, b) }

func quoted(names []string, prefix string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = prefix + job.Quote(n)
	}
	return strings.Join(q, ", ")
}

func same(names []string, a, b string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = a + "." + job.Quote(n) + " = " + b + "." + job.Quote(n)
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
