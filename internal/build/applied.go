package build

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/lake"
)

// applied is what a feed's changes come to: the last row of each key, which is the delta, and the keys that are gone.
type applied struct {
	any       bool
	settled   bool   // the last change of each key was found
	truncated bool   // every stored row goes that the delta does not bring again
	emptied   string // the position of that
	deletes   int64  // keys that are gone
	lost      int64  // changes that later ones of their key have overtaken
}

// Names of this build's session.
const (
	lastTable = "weir_last"    // the number of the last change of each key
	deadTable = "weir_deleted" // keys that the changes deleted
)

// stageApplied writes the changes of a feed into scratch, finds what they come to key by key, and makes the delta of that.
func (w *work) stageApplied(ctx context.Context) error {
	w.applied = applied{any: true}
	found, err := w.s.Describe(ctx, w.read.rel.SQL)
	if err != nil {
		return err
	}
	cols := append([]job.Column(nil), w.read.rel.Columns...)
	for _, c := range feed.Columns() {
		if indexOf(found, c.Name) < 0 {
			return fault.New(fault.Internal, "changes without column %s", c.Name)
		}
		cols = append(cols, c)
	}
	files, err := w.s.Stage(ctx, job.Write{SQL: w.read.rel.SQL, Columns: cols, Dir: filepath.Join(w.scratch, "changes"), Prefix: "changes"}, "", nil)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		w.applied.any = false
		w.setDelta(nil)
		return w.stage.Manifest(ctx, lake.Manifest{Splits: w.read.splits})
	}
	return w.settleChanges(ctx, files, cols)
}

// settleChanges finds the last change of each key.
func (w *work) settleChanges(ctx context.Context, files []job.File, cols []job.Column) error {
	all := "SELECT * FROM read_parquet([" + pathList(files) + "], hive_partitioning=false)"
	op, at := job.Quote(feed.ColumnOp), job.Quote(feed.ColumnPosition)
	row, err := w.s.Strings(ctx, "SELECT max("+at+") FROM ("+all+") WHERE "+op+" = "+job.Literal(feed.OpTruncate))
	if err != nil {
		return fmt.Errorf("look for truncations: %w", err)
	}
	if row[0][0].Valid {
		w.applied.truncated, w.applied.emptied = true, row[0][0].Value
		all = "SELECT * FROM (" + all + ") WHERE " + at + " > " + job.Literal(row[0][0].Value)
	}
	if err := w.keysTold(ctx, all); err != nil {
		return err
	}
	key := w.key("")
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+lastTable+" AS SELECT "+key+", max("+changeNumber("")+") AS "+numberColumn+" FROM ("+all+") GROUP BY "+key); err != nil {
		return fmt.Errorf("find the last change of each key: %w", err)
	}
	gone := numberColumn + " % 2 = 1"
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+deadTable+" AS SELECT "+key+" FROM "+lastTable+" WHERE "+gone); err != nil {
		return fmt.Errorf("find deleted keys: %w", err)
	}
	last, err := w.lastRows(ctx, all, gone)
	if err != nil {
		return err
	}
	if last, err = w.complete(ctx, all, last, cols); err != nil {
		return err
	}
	write := job.Write{SQL: w.project(last, w.read.rel.Columns), Columns: w.columns, Dir: filepath.Join(w.scratch, "delta"), Prefix: "delta"}
	delta, err := w.s.Stage(ctx, write, w.ids, nil)
	if err != nil {
		return err
	}
	w.setDelta(delta)
	if w.applied.deletes, err = w.s.Int(ctx, "SELECT count(*) FROM "+deadTable); err != nil {
		return err
	}
	w.applied.lost = rowsOf(files) - w.delta.rows - w.applied.deletes
	w.applied.settled = true
	return w.stage.Manifest(ctx, lake.Manifest{Files: w.delta.files, Splits: w.read.splits, Counts: job.Counts{Read: rowsOf(files)}})
}

// lastRows is a SELECT of the changes that are the last of their keys, where they leave a row. Where every key stands once, as in a
// large load, nothing has to be looked up.
func (w *work) lastRows(ctx context.Context, all, gone string) (string, error) {
	twice, err := w.s.Int(ctx, "SELECT (SELECT count(*) FROM ("+all+")) - (SELECT count(*) FROM "+lastTable+")")
	if err != nil {
		return "", fmt.Errorf("count changes of each key: %w", err)
	}
	if twice == 0 {
		return "SELECT c.* FROM (" + all + ") AS c WHERE c." + job.Quote(feed.ColumnOp) + " NOT IN (" + goneOps + ")", nil
	}
	return "SELECT c.* FROM (" + all + ") AS c JOIN (FROM " + lastTable + " WHERE NOT " + gone + ") AS l ON " + w.on("c", "l") + " AND " + changeNumber("c.") + " = l." + numberColumn, nil
}

// goneOps are the changes after which there is no row under their key.
const goneOps = "'" + feed.OpDelete + "', '" + feed.OpBefore + "'"

// numberColumn orders changes as their positions do.
const numberColumn = ownPrefix + "number"

// changeNumber is SQL for the number of a change; it is odd where its row is no more under its key. Positions are digits of one
// length and marks between them. Texts would be kept by the engine for each key of an aggregate, where it cannot spill them
// (promise 5).
func changeNumber(prefix string) string {
	return "(2 * " + placed(prefix+job.Quote(feed.ColumnPosition)) + " + CAST(" + prefix + job.Quote(feed.ColumnOp) + " IN (" + goneOps + ") AS HUGEINT))"
}

// placed is SQL for a position as a number.
func placed(position string) string {
	return "CAST(CAST(unhex(translate(" + position + ", ':-', '')) AS BIT) AS HUGEINT)"
}

// keysTold checks that every change tells the key it is about.
func (w *work) keysTold(ctx context.Context, all string) error {
	nulls := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		nulls[i] = job.Quote(k) + " IS NULL"
	}
	op := job.Quote(feed.ColumnOp)
	rows, err := w.s.Strings(ctx, "SELECT "+op+", count(*)::VARCHAR FROM ("+all+") WHERE "+strings.Join(nulls, " OR ")+" GROUP BY 1 ORDER BY 1")
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	return fault.New(fault.Data, "key (%s) is not told by %s changes (%s) of %s", strings.Join(w.t.Table.Key, ", "), rows[0][1].Value, rows[0][0].Value, w.t.Table.Dataset).
		WithHint("the key has to be the table's primary key, or what its replica identity tells: ALTER TABLE … REPLICA IDENTITY FULL tells every column")
}

// complete fills in values that changes did not tell: a large value that an update left alone is the one of the change before of
// the same key, or the one in the table. Writing null for it would lose it (promise 6).
func (w *work) complete(ctx context.Context, all, last string, cols []job.Column) (string, error) {
	absent := job.Quote(feed.ColumnAbsent)
	rows, err := w.s.Strings(ctx, "SELECT DISTINCT unnest("+absent+") FROM ("+last+")")
	if err != nil || len(rows) == 0 {
		return last, err
	}
	if err := w.keyMoved(ctx, all, last); err != nil {
		return "", err
	}
	at, op := job.Quote(feed.ColumnPosition), job.Quote(feed.ColumnOp)
	told, replaced := []string{w.key("")}, []string{}
	for i, r := range rows {
		name := job.Quote(r[0].Value)
		told = append(told, fmt.Sprintf("max(struct_pack(p := %s, v := %s)) FILTER (WHERE NOT coalesce(list_contains(%s, %s), false)) AS v%d", at, name, absent, job.Literal(r[0].Value), i))
		stored := "NULL"
		if w.state.table != nil && !w.applied.truncated && indexOf(w.state.table.Columns(), r[0].Value) >= 0 {
			stored = "s." + name
		}
		replaced = append(replaced, fmt.Sprintf("CASE WHEN NOT coalesce(list_contains(l.%s, %s), false) THEN l.%s WHEN t.v%d IS NOT NULL THEN t.v%d.v ELSE %s END AS %s",
			absent, job.Literal(r[0].Value), name, i, i, stored, name))
	}
	// Only rows that were written tell values: those of a before row or a delete are of a row that is no more.
	before := "SELECT " + strings.Join(told, ", ") + " FROM (" + all + ") WHERE " + op + " IN (" + literals([]string{feed.OpInsert, feed.OpUpdate, feed.OpRead}) + ") GROUP BY " + w.key("")
	sql := "SELECT l.* REPLACE (" + strings.Join(replaced, ", ") + ") FROM (" + last + ") AS l LEFT JOIN (" + before + ") AS t ON " + w.on("l", "t")
	unknown := make([]string, len(rows))
	for i, r := range rows {
		unknown[i] = fmt.Sprintf("(list_contains(l.%s, %s) AND t.v%d IS NULL)", absent, job.Literal(r[0].Value), i)
	}
	missing := "SELECT count(*) FROM (" + last + ") AS l LEFT JOIN (" + before + ") AS t ON " + w.on("l", "t")
	lacks := "(" + strings.Join(unknown, " OR ") + ")"
	if err := w.noteTurned(ctx); err != nil {
		return "", err
	}
	columns := make([]string, len(rows))
	for i, r := range rows {
		columns[i] = r[0].Value
	}
	if err := w.noneTurned(ctx, "FROM ("+last+") AS l LEFT JOIN ("+before+") AS t ON "+w.on("l", "t"), columns); err != nil {
		return "", err
	}
	if w.state.table == nil || w.applied.truncated {
		return sql, w.allKnown(ctx, missing+" WHERE "+lacks)
	}
	rel, err := w.state.table.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return "", err
	}
	stored := " LEFT JOIN (" + rel.SQL + ") AS s ON " + w.on("l", "s")
	return sql + stored, w.allKnown(ctx, missing+stored+" WHERE "+lacks+" AND s."+job.Quote(w.t.Table.Key[0])+" IS NULL")
}

// allKnown refuses updates of rows that no one has, neither the table nor the changes, where they do not tell every value: the row
// was rejected or put into quarantine when it was written.
func (w *work) allKnown(ctx context.Context, count string) error {
	n, err := w.s.Int(ctx, count)
	if err != nil {
		return fmt.Errorf("look for rows that changes do not tell: %w", err)
	}
	if n == 0 {
		return nil
	}
	return fault.New(fault.Data, "%d updates of %s do not tell a large value that they left alone, and their rows are not in the table: they were turned away when they were written", n, w.t.Table.Dataset).
		WithHint("weir run %s --full reads the table anew; ALTER TABLE … REPLICA IDENTITY FULL tells every column from then on", w.t.Table.Name)
}

// keyMoved refuses an update that moved a row to another key and left a large value alone: under the new key no value stands.
func (w *work) keyMoved(ctx context.Context, all, last string) error {
	at, op, absent := job.Quote(feed.ColumnPosition), job.Quote(feed.ColumnOp), job.Quote(feed.ColumnAbsent)
	rows, err := w.s.Strings(ctx, "SELECT array_to_string("+absent+", ', ') FROM (SELECT "+absent+", "+op+", lag("+op+") OVER (ORDER BY "+at+") AS b FROM ("+all+
		")) WHERE len("+absent+") > 0 AND "+op+" = "+job.Literal(feed.OpUpdate)+" AND b = "+job.Literal(feed.OpBefore)+" LIMIT 1")
	if err != nil || len(rows) == 0 {
		return err
	}
	return fault.New(fault.Data, "an update of %s changed the key of a row and did not tell its column %s, which is stored out of line", w.t.Table.Dataset, rows[0][0].Value).
		WithHint("ALTER TABLE … REPLICA IDENTITY FULL tells every column from then on; weir run %s --full reads the table anew", w.t.Table.Name)
}

// gone is a condition on stored rows: the changes say that they are no more.
func (a applied) gone(stored func(a, b string) string) string {
	if a.truncated {
		return "true"
	}
	return "EXISTS (SELECT 1 FROM " + deadTable + " AS x WHERE " + stored("t", "x") + ")"
}
