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

// mergeHistory places rows in the chains of their keys, copy on write: the stored versions that a row may touch are found through
// key and time alone, the chains around them are made again (chain), and only files with a version that changes are rewritten. The
// table is afterwards what it would be had all rows come in the order of their time, whatever the order of the builds.
func (w *work) mergeHistory(ctx context.Context, t *lake.Table) (merged, error) {
	if err := w.timesComplete(ctx, t); err != nil {
		return merged{}, err
	}
	superseded, err := w.duplicates(ctx)
	if err != nil {
		return merged{}, err
	}
	m := merged{counts: job.Counts{Superseded: superseded, Accepted: w.delta.rows - superseded}}
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+newTable+" AS "+w.winning()); err != nil {
		return m, fmt.Errorf("note rows: %w", err)
	}
	if t == nil || w.bare(t) || w.swaps() {
		if err := w.noVersions(ctx); err != nil {
			return m, err
		}
	} else if err := w.storedVersions(ctx, t); err != nil {
		return m, err
	}
	if err := w.chain(ctx); err != nil {
		return m, err
	}
	if err := w.compareVersions(ctx, &m); err != nil {
		return m, err
	}
	if t != nil && w.swaps() {
		if err := w.removeAll(ctx, t, &m); err != nil {
			return m, err
		}
		m.add, err = w.stageRows(ctx, w.coming())
		return m, err
	}
	return m, w.writeVersions(ctx, t, &m)
}

// Names of the session's own tables while it merges a history, beside those of an upsert. newTable holds the rows brought, as
// versions of their own; oldTable the stored versions that they may touch, with their file; hitTable where these are; offTable the
// keys that are gone.
const (
	sinceTable  = "weir_since"  // since when the chain of a key may change
	manyTable   = "weir_many"   // keys with several rows
	calmTable   = "weir_calm"   // keys whose only row says what their open version says
	chainTable  = "weir_chain"  // stored versions of other keys
	restTable   = "weir_rest"   // rows of keys that have such, or are several
	eventTable  = "weir_event"  // rows and ends of the chains, in time
	freshTable  = "weir_fresh"  // rows brought that are not known yet
	againTable  = "weir_again"  // rows of keys that are there again
	madeTable   = "weir_made"   // the chains as they will be
	beforeTable = "weir_before" // stored versions that change or go
	afterTable  = "weir_after"  // versions that come or have changed
)

// timesComplete refuses rows that have no place in a history, and builds that would go back in a time that rows do not carry.
func (w *work) timesComplete(ctx context.Context, t *lake.Table) error {
	if err := w.keysComplete(ctx); err != nil {
		return err
	}
	if err := w.forward(t); err != nil {
		return err
	}
	o := w.t.Table.OrderBy
	if o == "" {
		return nil
	}
	rows, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, any_value(to_json("+w.rowValue()+"))::VARCHAR FROM ("+w.delta.sql+") AS "+rowAlias+" WHERE "+rowAlias+"."+job.Quote(o)+" IS NULL")
	if err != nil {
		return fmt.Errorf("check order_by: %w", err)
	}
	if rows[0][0].Value == "0" {
		return nil
	}
	return fault.New(fault.Data, "order_by (%s) is null in %s rows, such as %s", o, rows[0][0].Value, clip(rows[0][1].Value, 300)).
		WithHint("rule IsComplete %q with on_fail: quarantine turns such rows away", o)
}

// forward refuses a logical time before that of an earlier build where rows or ends of versions take it as theirs: rows that said
// nothing new at a later time were not kept, so their order could not be told any more.
func (w *work) forward(t *lake.Table) error {
	if t == nil || w.swaps() || w.t.Table.OrderBy != "" && w.t.Table.Deletes != define.Close {
		return nil
	}
	now, _ := t.Snapshot()
	for at := range t.Ancestors(now.ID) {
		if at.Counts != nil && at.Counts.Read > 0 && at.Time.After(w.t.Time) {
			return fault.New(fault.Usage, "the run's logical time %s is before that of run %s, which built this history already", w.t.Time.UTC().Format("2006-01-02T15:04:05Z"), job.RunNumber(at.RunID)).
				WithHint("weir run %s takes the time now; --time and --failed take another", w.t.Table.Name)
		}
	}
	return nil
}

// closes says whether what this read does not find is gone.
func (w *work) closes() bool { return w.read.full && w.t.Table.Deletes == define.Close }

// version names the columns that tell versions apart.
func (w *work) version() []string {
	return append(append([]string(nil), w.t.Table.Key...), w.t.Table.Versions.From)
}

// from and to name the columns of a version's time, after an alias.
func (w *work) from(alias string) string { return alias + "." + job.Quote(w.t.Table.Versions.From) }
func (w *work) to(alias string) string   { return alias + "." + job.Quote(w.t.Table.Versions.To) }

// atClock is the run's logical time in the type of valid_from.
func (w *work) atClock() string {
	return w.clock(w.columns[indexOf(w.columns, w.t.Table.Versions.From)].Type)
}

func (w *work) noVersions(ctx context.Context) error {
	return w.execAll(ctx, "empty chains",
		"CREATE OR REPLACE TEMP TABLE "+oldTable+" AS SELECT *, ''::VARCHAR AS "+placeColumn+" FROM "+newTable+" WHERE false",
		"CREATE OR REPLACE TEMP TABLE "+offTable+" AS SELECT "+w.key("")+" FROM "+newTable+" WHERE false")
}

// storedVersions notes the keys that are gone and the versions that may change: of every key those that reach its first new row.
func (w *work) storedVersions(ctx context.Context, t *lake.Table) error {
	rel, err := t.Scan(ctx, lake.ScanOptions{Filename: true})
	if err != nil {
		return err
	}
	stored := w.project(rel.SQL, rel.Columns, lake.FilenameColumn)
	if err := w.closed(ctx, stored); err != nil {
		return err
	}
	since := "SELECT " + w.key("n.") + ", min(" + w.from("n") + ") AS " + timesColumn + " FROM " + newTable + " AS n GROUP BY " + w.key("n.")
	since += " UNION ALL SELECT " + w.key("x.") + ", " + w.atClock() + " FROM " + offTable + " AS x"
	err = w.execAll(ctx, "find stored versions",
		"CREATE OR REPLACE TEMP TABLE "+sinceTable+" AS "+since,
		"CREATE OR REPLACE TEMP TABLE "+hitTable+" AS SELECT t."+lake.FilenameColumn+" AS "+placeColumn+", "+quoted(w.version(), "t.")+" FROM ("+stored+") AS t JOIN "+sinceTable+
			" AS n ON "+w.on("t", "n")+" WHERE "+w.to("t")+" IS NULL OR "+w.to("t")+" >= n."+timesColumn)
	if err != nil {
		return err
	}
	rows, err := w.s.Strings(ctx, "SELECT DISTINCT "+placeColumn+" FROM "+hitTable+" ORDER BY 1")
	if err != nil || len(rows) == 0 {
		if err == nil {
			err = w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+oldTable+" AS SELECT *, ''::VARCHAR AS "+placeColumn+" FROM "+newTable+" WHERE false")
		}
		return err
	}
	var files []string
	for _, r := range rows {
		files = append(files, r[0].Value)
	}
	if rel, err = t.Scan(ctx, lake.ScanOptions{Files: files, Filename: true}); err != nil {
		return err
	}
	err = w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+oldTable+" AS SELECT "+list("t.", w.columns)+", t."+lake.FilenameColumn+" AS "+placeColumn+" FROM ("+
		w.project(rel.SQL, rel.Columns, lake.FilenameColumn)+") AS t SEMI JOIN "+hitTable+" AS h ON "+same(w.version(), "t", "h"))
	if err != nil {
		return fmt.Errorf("read stored versions: %w", err)
	}
	return w.oneOpen(ctx)
}

// oneOpen refuses a table in which versions of a key lie over each other: another tool wrote into it.
func (w *work) oneOpen(ctx context.Context) error {
	n, err := w.s.Int(ctx, "SELECT count(*) FROM (SELECT "+w.to("o")+" AS "+staleColumn+", lead("+w.from("o")+") OVER (PARTITION BY "+w.key("o.")+" ORDER BY "+w.from("o")+") AS "+timesColumn+
		" FROM "+oldTable+" AS o) WHERE "+timesColumn+" < coalesce("+staleColumn+", "+timesColumn+") OR "+staleColumn+" IS NULL AND "+timesColumn+" IS NOT NULL")
	if err != nil || n == 0 {
		return err
	}
	return fault.New(fault.Data, "%d versions of the table lie over others of their key (%s): it was not written as a history", n, strings.Join(w.t.Table.Key, ", ")).
		WithHint("build it anew from what its source holds now: weir run %s --full --destroy-history", w.t.Table.Name)
}

// closed notes the keys that were valid at the run's logical time and that a full read does not find.
func (w *work) closed(ctx context.Context, stored string) error {
	condition := "false"
	if w.closes() {
		if w.out.Counts.Rejected > 0 {
			return w.unsure()
		}
		condition = w.from("t") + " <= " + w.atClock() + " AND (" + w.to("t") + " IS NULL OR " + w.to("t") + " > " + w.atClock() + ")"
		if w.out.Counts.Quarantined > 0 {
			condition += " AND NOT EXISTS (SELECT 1 FROM " + awayTable + " AS a WHERE " + w.on("t", "a") + ")"
		}
	}
	return w.execAll(ctx, "find keys that are gone", "CREATE OR REPLACE TEMP TABLE "+offTable+" AS SELECT DISTINCT "+w.key("t.")+" FROM ("+stored+") AS t ANTI JOIN "+newTable+" AS n ON "+w.on("t", "n")+
		" WHERE "+condition)
}

// compareVersions finds what the chains change in the table.
func (w *work) compareVersions(ctx context.Context, m *merged) (err error) {
	alike := alike(w.columns, "o", "n")
	err = w.execAll(ctx, "compare versions",
		"CREATE OR REPLACE TEMP TABLE "+beforeTable+" AS SELECT o.*, EXISTS (SELECT 1 FROM "+madeTable+" AS n WHERE "+same(w.version(), "o", "n")+") AS "+staleColumn+
			" FROM "+chainTable+" AS o ANTI JOIN "+madeTable+" AS n ON "+same(w.version(), "o", "n")+" AND "+alike,
		"CREATE OR REPLACE TEMP TABLE "+afterTable+" AS SELECT n.*, EXISTS (SELECT 1 FROM "+chainTable+" AS o WHERE "+same(w.version(), "o", "n")+") AS "+staleColumn+
			" FROM "+madeTable+" AS n ANTI JOIN "+chainTable+" AS o ON "+same(w.version(), "o", "n")+" AND "+alike)
	if err != nil {
		return err
	}
	if m.counts.Inserted, err = w.s.Int(ctx, "SELECT (SELECT count(*) FROM "+afterTable+" WHERE NOT "+staleColumn+") + (SELECT count(*) FROM ("+w.alone()+"))"); err != nil {
		return err
	}
	if m.counts.Updated, err = w.s.Int(ctx, "SELECT count(*) FROM "+afterTable+" WHERE "+staleColumn); err != nil {
		return err
	}
	m.counts.Deleted, err = w.s.Int(ctx, "SELECT count(*) FROM "+beforeTable+" WHERE NOT "+staleColumn)
	return err
}

// writeVersions writes what stays of the touched files and the versions that come or have changed, and the change-set.
func (w *work) writeVersions(ctx context.Context, t *lake.Table, m *merged) error {
	if m.counts.Inserted+m.counts.Updated+m.counts.Deleted == 0 {
		return nil
	}
	touched, err := w.s.Strings(ctx, "SELECT DISTINCT "+placeColumn+" FROM "+beforeTable+" ORDER BY 1")
	if err != nil {
		return fmt.Errorf("find touched files: %w", err)
	}
	for _, f := range touched {
		m.remove = append(m.remove, f[0].Value)
	}
	sql := w.coming()
	if len(m.remove) > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql = "SELECT " + list("t.", w.columns) + " FROM (" + stored + ") AS t ANTI JOIN " + beforeTable + " AS o ON " + same(w.version(), "t", "o") + " UNION ALL " + sql
	}
	if m.add, err = w.stageRows(ctx, sql); err != nil || len(m.remove) == 0 {
		return err // a commit that only adds is told by its files
	}
	return w.stageChanges(ctx, m,
		"SELECT CASE WHEN o."+staleColumn+" THEN "+lake.UpdateBefore.SQL()+" ELSE "+lake.Delete.SQL()+" END AS "+lake.ChangeColumn+", "+list("o.", w.columns)+" FROM "+beforeTable+" AS o UNION ALL SELECT CASE WHEN n."+
			staleColumn+" THEN "+lake.UpdateAfter.SQL()+" ELSE "+lake.Insert.SQL()+" END, "+list("n.", w.columns)+" FROM "+afterTable+" AS n UNION ALL SELECT "+lake.Insert.SQL()+", * FROM ("+w.alone()+")")
}

// coming is a SELECT of the versions that come or have changed.
func (w *work) coming() string {
	return "SELECT " + list("n.", w.columns) + " FROM " + afterTable + " AS n UNION ALL " + w.alone()
}

func (w *work) execAll(ctx context.Context, what string, statements ...string) error {
	for _, sql := range statements {
		if err := w.s.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// alike compares columns of two relations.
func alike(cols []job.Column, a, b string) string {
	terms := []string{"true"}
	for _, c := range cols {
		q := job.Quote(c.Name)
		terms = append(terms, a+"."+q+" IS NOT DISTINCT FROM "+b+"."+q)
	}
	return strings.Join(terms, " AND ")
}
