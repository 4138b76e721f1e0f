package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/record"
)

// turnedTable holds the changes that were turned away and are not settled: key, number, and the row as it was kept. A row that a
// rule turned away has no position; it is older than what this build reads.
const turnedTable = "weir_turned"

// closeColumn is how the ledger notes a settled reject.
const closeColumn = ownPrefix + "closing"

// noteTurned gathers what was turned away: by this build, and by those before it.
func (w *work) noteTurned(ctx context.Context) error {
	if settle := w.read.rel.Settle; settle != nil {
		if err := settle(ctx); err != nil {
			return err
		}
	}
	run := job.Literal(w.t.RunID)
	all := "SELECT id, kind, dataset, raw, " + run + " AS run FROM (" + w.read.rel.Rejects + ")"
	queue, err := w.b.open(ctx, w.state)
	if err != nil {
		return err
	}
	if queue != "" {
		all += " UNION ALL SELECT id, kind, dataset, raw, run FROM (" + queue + ") WHERE kind IN (" + literals([]string{record.KindReject, record.KindQuarantined}) + ")"
	}
	items := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		items[i] = w.keyText(k) + " AS " + job.Quote(k)
	}
	place := "CASE WHEN kind = " + job.Literal(record.KindReject) + " AND starts_with(id, dataset || ' ') THEN substr(id, length(dataset) + 2) END"
	sql := "CREATE OR REPLACE TEMP TABLE " + turnedTable + " AS SELECT " + strings.Join(items, ", ") + ", coalesce(2 * " + placed(place) + ", -1) AS " + numberColumn +
		", raw AS " + rowAlias + ", " + closingSQL + " AS " + closeColumn + " FROM (" + all + ") WHERE json_valid(raw)"
	if err := w.s.Exec(ctx, sql); err != nil {
		return fmt.Errorf("note changes that were turned away: %w", err)
	}
	return nil
}

// keyText reads a column of the key out of a reject; null where that cannot be.
func (w *work) keyText(name string) string {
	c := w.columns[indexOf(w.columns, name)]
	text := "json_extract_string(raw, " + path(c.Name) + ")"
	if c.Type == "BLOB" {
		return "TRY(unhex(substr(" + text + ", 3)))" // \x and digits
	}
	return "TRY_CAST(" + text + " AS " + c.Type + ")"
}

// path is a member of a JSON object.
func path(name string) string {
	return job.Literal(`$."` + strings.ReplaceAll(strings.ReplaceAll(name, `\`, `\\`), `"`, `\"`) + `"`)
}

// unknownWhere is a condition on l, a row that leaves a column alone, and t, the last value that changes tell of it, if any: a
// change that was turned away in between brought another one.
func (w *work) unknownWhere(column, told string) string {
	return "EXISTS (SELECT 1 FROM " + turnedTable + " AS x WHERE " + w.on("l", "x") + " AND x." + numberColumn + " < " + changeNumber("l.") +
		" AND (" + told + " IS NULL OR x." + numberColumn + " > 2 * " + placed(told+".p") + ") AND json_exists(x." + rowAlias + ", " + path(column) + "))"
}

// noneTurned refuses updates that leave a large value alone which came with a change that was turned away: what the table has, or
// a change before told, is an older one (promise 6).
func (w *work) noneTurned(ctx context.Context, rows string, columns []string) error {
	var unknown []string
	for i, c := range columns {
		unknown = append(unknown, fmt.Sprintf("(list_contains(l.%s, %s) AND %s)", job.Quote(feed.ColumnAbsent), job.Literal(c), w.unknownWhere(c, fmt.Sprintf("t.v%d", i))))
	}
	keys := make([]string, len(w.t.Table.Key))
	for i, k := range w.t.Table.Key {
		keys[i] = "l." + job.Quote(k) + "::VARCHAR"
	}
	found, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, min(concat_ws(', ', "+strings.Join(keys, ", ")+")) "+rows+" WHERE "+strings.Join(unknown, " OR "))
	if err != nil {
		return fmt.Errorf("look for values that were turned away: %w", err)
	}
	if found[0][0].Value == "0" {
		return nil
	}
	return fault.New(fault.Data, "%s updates of %s leave a large value alone that came with a change which was turned away, such as that of (%s) = (%s): nobody has the value",
		found[0][0].Value, w.t.Table.Dataset, strings.Join(w.t.Table.Key, ", "), found[0][1].Value).
		WithHint("weir run %s --full reads the table anew; ALTER TABLE … REPLICA IDENTITY FULL tells every column from then on", w.t.Table.Name)
}

// overtaken are the rejects that have no meaning any more because a later change of the same row was applied, or all rows went:
// taken again, they would put an older row in the place of a newer one.
func (w *work) overtaken(ctx context.Context) ([]string, error) {
	if err := w.noteTurned(ctx); err != nil {
		return nil, err
	}
	sql := "SELECT " + closeColumn + " FROM " + turnedTable + " AS x WHERE EXISTS (SELECT 1 FROM " + lastTable + " AS l WHERE " + w.on("l", "x") +
		" AND x." + numberColumn + " < l." + numberColumn + ")"
	if w.applied.truncated {
		sql += " OR x." + numberColumn + " < 2 * " + placed(job.Literal(w.applied.emptied))
	}
	rows, err := w.s.Strings(ctx, "SELECT DISTINCT * FROM ("+sql+") ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("find rejects that were overtaken: %w", err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[0].Value
	}
	return out, nil
}
