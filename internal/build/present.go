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

// Present says what a replay does with a row whose key the table has, where no order_by tells which of the two is newer.
type Present string

// Ways.
const (
	RefusePresent  Present = ""        // the replay stops and says so
	KeepPresent    Present = "keep"    // the row there is stays
	ReplacePresent Present = "replace" // the replayed row takes its place
)

// notPresent keeps a replay from putting an old row in the place of a newer one: what the table has of a key may have come since.
func (w *work) notPresent(ctx context.Context, t *lake.Table) error {
	table := w.t.Table
	if len(w.read.closes) == 0 || t == nil || w.bare(t) || !table.Mode.Keyed() || table.OrderBy != "" || w.read.present == ReplacePresent {
		return nil
	}
	if w.read.present == KeepPresent && table.Mode != define.History {
		return nil // the merge counts them as stale
	}
	rel, err := t.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return err
	}
	texts := make([]string, len(table.Key))
	for i, k := range table.Key {
		texts[i] = "n." + job.Quote(k) + "::VARCHAR"
	}
	rows, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, any_value(concat_ws(', ', "+strings.Join(texts, ", ")+")) FROM ("+w.delta.sql+") AS n SEMI JOIN ("+
		w.project(rel.SQL, rel.Columns)+") AS t ON "+w.on("n", "t"))
	if err != nil {
		return fmt.Errorf("find stored keys: %w", err)
	}
	if rows[0][0].Value == "0" {
		return nil
	}
	return fault.New(fault.Data, "%s of %d rows have a key that the table has, such as (%s) = (%s), and no order_by tells which row is newer", rows[0][0].Value, w.delta.rows, strings.Join(table.Key, ", "), rows[0][1].Value).
		WithHint("order_by: in the definition tells; --present keep leaves the rows there are (not in a history), --present replace puts these in their place")
}
