package build

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

// beginIncremental fixes what an incremental build reads: what changed since the last one where that can be told, else all. Either
// way the table is afterwards what a full build would make it.
func (w *work) beginIncremental(ctx context.Context, tables map[string]*lake.Table, next job.Position) (*reading, error) {
	inc := w.t.Table.Incremental
	if tables[inc.Input] == nil {
		return nil, fault.New(fault.Usage, "incremental: %s is not among the tables the SQL reads", inc.Input)
	}
	if w.t.Backfill != nil {
		return w.beginBackfill(ctx, tables)
	}
	if inc.Window != nil {
		return w.beginWindow(ctx, tables, next)
	}
	if w.unchanged(next) {
		w.out.Why = "inputs unchanged since " + w.since()
		return nil, nil
	}
	why := w.fullBuild(next)
	var changes lake.Changes
	if why == "" {
		var err error
		changes, why, err = w.changes(ctx, tables[inc.Input])
		if err != nil {
			return nil, err
		}
		if why == "" && w.reshaped(next, changes) {
			why = "columns of " + inc.Input + " changed"
		}
	}
	if why != "" {
		return w.rebuild(ctx, tables, next, why, w.t.Table.SQL)
	}
	if changes.Commits == 0 {
		w.out.Why = inc.Input + " unchanged since " + w.since()
		return nil, nil
	}
	next = w.keepOthers(next)
	if inc.RowLocal() {
		return w.beginRows(ctx, tables, next, changes)
	}
	return w.beginGroups(ctx, tables, next, changes)
}

// reshaped says whether the input has no other rows but other columns, which the SQL may take over. A table that appends takes
// them with the next rows.
func (w *work) reshaped(next job.Position, c lake.Changes) bool {
	input := w.t.Table.Incremental.Input
	return c.Commits == 0 && !w.onward() && next[input] != w.state.ledger.Position[input]
}

// fullBuild says why everything has to be computed, whatever changed; "" where nothing says so.
func (w *work) fullBuild(next job.Position) string {
	inc, was := w.t.Table.Incremental, w.state.ledger.Position
	_, read := was[inc.Input]
	switch {
	case w.asked:
		return "asked for"
	case w.state.empty():
		return "first build"
	case w.change.Way == FullBuild:
		return "definition changed: " + w.change.What()
	case !read:
		return inc.Input + " was not read before"
	}
	if inc.Others == define.Pass {
		return ""
	}
	for name, at := range next {
		if name != inc.Input && was[name] != at {
			return name + " changed"
		}
	}
	return ""
}

// onward says whether the table only ever takes new rows: those it has stay, however they were made.
func (w *work) onward() bool {
	return w.t.Table.Incremental.RowLocal() && w.t.Table.Mode == define.Append
}

// keepOthers keeps the position of inputs that are ignored: it is the oldest state that any row of the table was made from, so
// that a definition which ignores them no more builds the table anew.
func (w *work) keepOthers(next job.Position) job.Position {
	inc := w.t.Table.Incremental
	if inc.Others != define.Pass {
		return next
	}
	kept := next.Clone()
	for name := range next {
		if was, ok := w.state.ledger.Position[name]; ok && name != inc.Input {
			kept[name] = was
		}
	}
	return kept
}

// changes tells what became of the driving input since the last build, or why that cannot be told.
func (w *work) changes(ctx context.Context, t *lake.Table) (c lake.Changes, why string, err error) {
	since, err := strconv.ParseInt(w.state.ledger.Position[t.Name()], 10, 64)
	if err != nil {
		return c, t.Name() + " was read in another way before", nil
	}
	if since == 0 {
		if w.t.Table.Incremental.Grouped() {
			return c, "all of " + t.Name() + " is new", nil
		}
		rel, err := t.Scan(ctx, lake.ScanOptions{})
		return lake.Changes{After: lake.Images{SQL: rel.SQL, Rows: rel.Rows, Bytes: rel.Bytes}, Commits: 1}, "", err
	}
	c, err = t.Changes(ctx, since)
	if errors.Is(err, lake.ErrUntold) {
		return c, strings.TrimSuffix(err.Error(), ": "+lake.ErrUntold.Error()), nil
	}
	if err != nil {
		return c, "", fmt.Errorf("read changes of input %s: %w", t.Name(), err)
	}
	return c, w.tooMuch(ctx, t, c), nil
}

// worthwhile is how many bytes of changes are always looked at before a full build.
const worthwhile = 32 << 20

// tooMuch says that so much of the input changed that computing everything reads less.
func (w *work) tooMuch(ctx context.Context, t *lake.Table, c lake.Changes) string {
	bytes := c.Before.Bytes + c.After.Bytes
	if bytes < worthwhile || w.onward() {
		return ""
	}
	files, err := t.Files(ctx)
	if err != nil {
		return ""
	}
	if _, all := lake.Size(files); bytes < all/2 {
		return ""
	}
	return "most of " + t.Name() + " changed"
}

// rebuild reads everything and says why. A table that appends is not built anew for it: its past may be more than its inputs hold.
func (w *work) rebuild(ctx context.Context, tables map[string]*lake.Table, next job.Position, why, sql string) (*reading, error) {
	if w.onward() && !w.t.Full && !w.state.empty() {
		return nil, fault.New(fault.Data, "stopped, %s. What is new cannot be told: %s", w.untouched(), why).
			WithHint("weir run %s --full --destroy-history builds it from what its inputs hold now", w.t.Table.Name)
	}
	r, err := w.whole(ctx, tables, next, sql)
	w.out.Why = "full build: " + why
	return r, err
}

// beginRows reads the rows that new rows of the input give.
func (w *work) beginRows(ctx context.Context, tables map[string]*lake.Table, next job.Position, c lake.Changes) (*reading, error) {
	inc := w.t.Table.Incremental
	if _, err := w.follow(ctx, tables); err != nil {
		return nil, err
	}
	cols, err := w.open(ctx, tables, w.t.Table.SQL)
	if err != nil {
		return nil, err
	}
	r := &reading{rel: source.Relation{Relation: job.Relation{SQL: w.t.Table.SQL, Columns: cols, Rows: -1}}, params: w.params(),
		base: w.state.ledger.Position, next: next, whole: true}
	gone, err := w.images(ctx, c.Before)
	if err != nil {
		return nil, err
	}
	if gone > 0 && w.t.Table.Mode != define.Append && w.t.Table.Mode != define.Upsert {
		return w.rebuild(ctx, tables, next, "rows of "+inc.Input+" changed or went", w.t.Table.SQL)
	}
	if gone > 0 {
		if err := w.rowsChanged(ctx, tables, c, r); err != nil {
			return nil, err
		}
	} else if err := w.s.View(ctx, inc.Input, imagesOf(c.After, tables[inc.Input])); err != nil {
		return nil, fmt.Errorf("new rows of %s: %w", inc.Input, err)
	}
	w.out.BytesRead = c.Before.Bytes + c.After.Bytes
	w.out.Why = fmt.Sprintf("%s of %s", newOrChanged(c.After.Rows, gone), inc.Input)
	return r, nil
}

func newOrChanged(after, before int64) string {
	if before > 0 {
		return plural(after, "changed row")
	}
	return plural(after, "new row")
}

func plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.FormatInt(n, 10) + " " + word + "s"
}

// images counts images.
func (w *work) images(ctx context.Context, i lake.Images) (int64, error) {
	if i.SQL == "" {
		return 0, nil
	}
	n, err := w.s.Int(ctx, "SELECT count(*) FROM ("+i.SQL+")")
	if err != nil {
		return 0, fmt.Errorf("count changed rows: %w", err)
	}
	return n, nil
}

// imagesOf is a SELECT of a table's columns over images.
func imagesOf(i lake.Images, t *lake.Table) string {
	if i.SQL == "" {
		return emptySelect(t.Columns())
	}
	return i.SQL
}

// Tables of the session that hold what changed. User SQL cannot name them.
const (
	lostTable    = "__weir_lost"    // rows of the result that changed rows gave before and give no more
	wonTable     = "__weir_won"     // rows of the result that changed rows give now and did not before
	touchedTable = "__weir_touched" // groups, or keys, that are computed again
)

// rowsChanged takes rows of the input that changed or went. As each row of the input gives its own rows, the result lost what
// the rows before give and won what the rows after give. A table that appends can take what was won; one that goes by
// key takes the rows that the whole input gives for every key lost or won.
func (w *work) rowsChanged(ctx context.Context, tables map[string]*lake.Table, c lake.Changes, r *reading) error {
	lost, err := w.net(ctx, tables[w.t.Table.Incremental.Input], c)
	if err != nil {
		return err
	}
	if w.t.Table.Mode == define.Append {
		if lost > 0 {
			return w.cannotTakeBack(ctx, lost)
		}
		r.rel.SQL = "SELECT * FROM " + wonTable
		return nil
	}
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TABLE "+touchedTable+" AS SELECT "+w.key("")+" FROM "+lostTable+" UNION SELECT "+w.key("")+" FROM "+wonTable); err != nil {
		return fmt.Errorf("note changed keys: %w", err)
	}
	r.rel.SQL = "SELECT q.* FROM (" + w.t.Table.SQL + "\n) AS q SEMI JOIN " + touchedTable + " AS k ON " + w.on("q", "k")
	r.within = "EXISTS (SELECT 1 FROM " + touchedTable + " AS k WHERE " + w.on("t", "k") + ")"
	return nil
}

// net fills lostTable and wonTable and gives how many rows were lost.
func (w *work) net(ctx context.Context, input *lake.Table, c lake.Changes) (int64, error) {
	const before, after = "__weir_before", "__weir_after"
	for _, side := range []struct {
		table  string
		images lake.Images
	}{{before, c.Before}, {after, c.After}} {
		if err := w.s.View(ctx, input.Name(), imagesOf(side.images, input)); err != nil {
			return 0, fmt.Errorf("changed rows of %s: %w", input.Name(), err)
		}
		if err := w.s.Exec(ctx, "CREATE OR REPLACE TABLE "+side.table+" AS "+w.bound()); err != nil {
			return 0, fmt.Errorf("changed rows of %s: %w", input.Name(), err)
		}
	}
	rel, err := input.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return 0, err
	}
	for _, q := range []string{
		"CREATE OR REPLACE TABLE " + lostTable + " AS SELECT * FROM " + before + " EXCEPT ALL SELECT * FROM " + after,
		"CREATE OR REPLACE TABLE " + wonTable + " AS SELECT * FROM " + after + " EXCEPT ALL SELECT * FROM " + before,
		"DROP TABLE " + before, "DROP TABLE " + after,
	} {
		if err := w.s.Exec(ctx, q); err != nil {
			return 0, fmt.Errorf("compare rows before and after: %w", err)
		}
	}
	if err := w.s.View(ctx, input.Name(), rel.SQL); err != nil {
		return 0, err
	}
	return w.s.Int(ctx, "SELECT count(*) FROM "+lostTable)
}

// cannotTakeBack stops a table that appends where rows it made have changed.
func (w *work) cannotTakeBack(ctx context.Context, lost int64) error {
	such := ""
	rows, err := w.s.Strings(ctx, "SELECT to_json("+rowAlias+")::VARCHAR FROM "+lostTable+" AS "+rowAlias+" LIMIT 1")
	if err == nil && len(rows) > 0 {
		such = ", such as " + clip(rows[0][0].Value, 200)
	}
	return fault.New(fault.Data, "stopped, %s. Changed or removed rows of %s had given %s%s, and a table that appends takes none back",
		w.untouched(), w.t.Table.Incremental.Input, plural(lost, "row"), such).
		WithHint("weir run %s --full --destroy-history builds it anew; a key: in its definition, for mode upsert, lets it follow changes", w.t.Table.Name)
}
