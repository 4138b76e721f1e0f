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

// part is what of a table a build replaces: the rows of a condition, with those it brings.
type part struct {
	condition string // on rows of the table, by their columns' names
	rejects   string // on quarantined rows whose meaning is gone with the part, of their column raw
	// files are those that may hold rows of the part; nil: any may.
	files func(ctx context.Context, t *lake.Table) ([]string, error)
}

// Tables of the session while a part is replaced.
const (
	wasTable  = "__weir_was"  // rows of the part as they are stored
	goneTable = "__weir_gone" // those that are not among the rows brought
	cameTable = "__weir_came" // rows brought that are not stored
)

// mergePart replaces the part's rows with the delta's. Where these are what is stored, the table stays as it is.
func (w *work) mergePart(ctx context.Context, t *lake.Table) (merged, error) {
	m := merged{counts: job.Counts{Accepted: w.delta.rows}}
	if t == nil {
		return m, fault.New(fault.Conflict, "the table was dropped meanwhile")
	}
	rows, err := w.partRows(ctx, &m)
	if err != nil {
		return m, err
	}
	if err := w.stored(ctx, t, &m); err != nil {
		return m, err
	}
	if err := w.comparePart(ctx, rows, &m); err != nil {
		return m, err
	}
	if m.counts.Inserted+m.counts.Updated+m.counts.Deleted == 0 {
		m.remove = nil
		return m, nil
	}
	return m, w.writePart(ctx, t, rows, &m)
}

// partRows is a SELECT of the delta's rows, one a key where the table has one.
func (w *work) partRows(ctx context.Context, m *merged) (string, error) {
	if w.t.Table.Mode != define.Upsert {
		return w.delta.sql, nil
	}
	if err := w.keysComplete(ctx); err != nil {
		return "", err
	}
	lost, err := w.duplicates(ctx)
	if err != nil {
		return "", err
	}
	m.counts.Superseded, m.counts.Accepted = lost, w.delta.rows-lost
	if lost == 0 {
		return w.delta.sql, nil
	}
	return w.winning(), nil
}

// stored notes the part's rows as they are, and the files that hold them.
func (w *work) stored(ctx context.Context, t *lake.Table, m *merged) error {
	o := lake.ScanOptions{Filename: true}
	if w.read.part.files != nil {
		var err error
		if o.Files, err = w.read.part.files(ctx, t); err != nil {
			return err
		}
	}
	rel, err := t.Scan(ctx, o)
	if err != nil {
		return err
	}
	err = w.s.Exec(ctx, "CREATE OR REPLACE TABLE "+wasTable+" AS SELECT * FROM ("+w.project(rel.SQL, rel.Columns, lake.FilenameColumn)+") WHERE "+w.read.part.condition)
	if err != nil {
		return fmt.Errorf("read stored rows: %w", err)
	}
	touched, err := w.s.Strings(ctx, "SELECT DISTINCT "+lake.FilenameColumn+" FROM "+wasTable+" ORDER BY 1")
	if err != nil {
		return fmt.Errorf("find touched files: %w", err)
	}
	for _, f := range touched {
		m.remove = append(m.remove, f[0].Value)
	}
	return nil
}

// comparePart finds the rows that go and those that come, each as often as it stands there, and counts them.
func (w *work) comparePart(ctx context.Context, rows string, m *merged) (err error) {
	cols := list("", w.columns)
	for table, sql := range map[string]string{
		goneTable: "SELECT " + cols + " FROM " + wasTable + " EXCEPT ALL SELECT " + cols + " FROM (" + rows + ")",
		cameTable: "SELECT " + cols + " FROM (" + rows + ") EXCEPT ALL SELECT " + cols + " FROM " + wasTable,
	} {
		if err := w.s.Exec(ctx, "CREATE OR REPLACE TABLE "+table+" AS "+sql); err != nil {
			return fmt.Errorf("compare rows: %w", err)
		}
	}
	if m.counts.Deleted, err = w.s.Int(ctx, "SELECT count(*) FROM "+goneTable); err != nil {
		return err
	}
	if m.counts.Inserted, err = w.s.Int(ctx, "SELECT count(*) FROM "+cameTable); err != nil {
		return err
	}
	if len(w.t.Table.Key) > 0 {
		if m.counts.Updated, err = w.s.Int(ctx, "SELECT count(*) FROM "+cameTable+" AS a SEMI JOIN "+goneTable+" AS b ON "+w.on("a", "b")); err != nil {
			return err
		}
	}
	m.counts.Inserted, m.counts.Deleted = m.counts.Inserted-m.counts.Updated, m.counts.Deleted-m.counts.Updated
	return nil
}

// writePart writes what stays of the touched files and the rows brought, and the change-set.
func (w *work) writePart(ctx context.Context, t *lake.Table, rows string, m *merged) (err error) {
	sql := "SELECT " + list("", w.columns) + " FROM (" + rows + ")"
	if len(m.remove) > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql += " UNION ALL SELECT " + list("", w.columns) + " FROM (" + stored + ") WHERE (" + w.read.part.condition + ") IS NOT TRUE"
	}
	if m.add, err = w.stageRows(ctx, sql); err != nil {
		return err
	}
	before, after := lake.Delete.SQL(), lake.Insert.SQL()
	if len(w.t.Table.Key) > 0 {
		before = "CASE WHEN EXISTS (SELECT 1 FROM " + cameTable + " AS n WHERE " + w.on("n", "x") + ") THEN " + lake.UpdateBefore.SQL() + " ELSE " + lake.Delete.SQL() + " END"
		after = "CASE WHEN EXISTS (SELECT 1 FROM " + goneTable + " AS o WHERE " + w.on("o", "x") + ") THEN " + lake.UpdateAfter.SQL() + " ELSE " + lake.Insert.SQL() + " END"
	}
	return w.stageChanges(ctx, m, strings.Join([]string{
		"SELECT " + before + " AS " + lake.ChangeColumn + ", " + list("x.", w.columns) + " FROM " + goneTable + " AS x",
		"SELECT " + after + ", " + list("x.", w.columns) + " FROM " + cameTable + " AS x"}, " UNION ALL "))
}
