package build

import (
	"context"
	"fmt"

	"weir/internal/lake"
)

// rewrite writes the touched files anew without the rows that change or go, and the incoming rows beside them.
func (w *work) rewrite(ctx context.Context, t *lake.Table, fresh int64, m *merged) error {
	stale, err := w.s.Int(ctx, "SELECT count(*) FROM "+hitTable+" WHERE stale")
	if err != nil {
		return err
	}
	m.counts.Stale, m.counts.Accepted = stale, fresh-stale
	touched, err := w.touched(ctx, "NOT stale")
	if err != nil {
		return err
	}
	if len(touched) > 0 {
		if err := w.lookBefore(ctx, t, touched); err != nil {
			return err
		}
		if touched, err = w.touched(ctx, "NOT stale AND NOT same"); err != nil {
			return err
		}
	}
	if err := w.countChanges(ctx, fresh, m); err != nil {
		return err
	}
	if m.counts.Inserted+m.counts.Updated+m.counts.Deleted == 0 {
		return nil
	}
	m.remove = touched
	if err := w.writeMerged(ctx, t, m); err != nil {
		return err
	}
	return w.upsertChanges(ctx, t, m)
}

// touched are the files that hold rows which change under a condition on hits, or go.
func (w *work) touched(ctx context.Context, hits string) ([]string, error) {
	rows, err := w.s.Strings(ctx, "SELECT DISTINCT f FROM (SELECT f FROM "+hitTable+" WHERE "+hits+" UNION ALL SELECT f FROM "+offTable+") ORDER BY f")
	if err != nil {
		return nil, fmt.Errorf("find touched files: %w", err)
	}
	var files []string
	for _, r := range rows {
		files = append(files, r[0].Value)
	}
	return files, nil
}

func (w *work) lookBefore(ctx context.Context, t *lake.Table, touched []string) error {
	stored, err := w.storedRows(ctx, t, touched)
	if err != nil {
		return err
	}
	return w.before(ctx, stored)
}

// storedRows is a SELECT of the table's columns as they will be, with file and row number, over some files.
func (w *work) storedRows(ctx context.Context, t *lake.Table, files []string) (string, error) {
	rel, err := t.Scan(ctx, lake.ScanOptions{Files: files, Filename: true})
	if err != nil {
		return "", err
	}
	return w.project(rel.SQL, rel.Columns, "filename_", "file_row_number_"), nil
}

func (w *work) countChanges(ctx context.Context, fresh int64, m *merged) (err error) {
	known, err := w.s.Int(ctx, "SELECT count(*) FROM (SELECT DISTINCT "+w.key("")+" FROM "+hitTable+")")
	if err != nil {
		return err
	}
	m.counts.Inserted = fresh - known
	if m.counts.Updated, err = w.s.Int(ctx, "SELECT count(*) FROM "+hitTable+" WHERE NOT stale AND NOT same"); err != nil {
		return err
	}
	m.counts.Deleted, err = w.s.Int(ctx, "SELECT count(*) FROM "+offTable)
	return err
}

// incoming are the winning rows that are new or differ from what is stored.
func (w *work) incoming() string {
	return "SELECT " + list("n.", w.columns) + " FROM (" + w.winning() + ") AS n ANTI JOIN (FROM " + hitTable + " WHERE stale OR same) AS h ON " + w.on("n", "h")
}

func (w *work) writeMerged(ctx context.Context, t *lake.Table, m *merged) (err error) {
	sql := w.incoming()
	if len(m.remove) > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql = "SELECT " + list("t.", w.columns) + " FROM (" + stored + ") AS t ANTI JOIN (" + changedRows + ") AS x ON x.f = t.filename_ AND x.r = t.file_row_number_" +
			" UNION ALL " + sql
	}
	m.add, err = w.stageRows(ctx, sql)
	return err
}

const changedRows = "SELECT f, r FROM " + hitTable + " WHERE NOT stale AND NOT same UNION ALL SELECT f, r FROM " + offTable

// upsertChanges writes the rows before and after.
func (w *work) upsertChanges(ctx context.Context, t *lake.Table, m *merged) error {
	cols := list("", w.columns)
	sql := "SELECT CASE WHEN h.r IS NULL THEN 'insert' ELSE 'update_after' END AS _change, " + list("n.", w.columns) + " FROM (" + w.incoming() +
		") AS n LEFT JOIN (FROM " + hitTable + " WHERE NOT stale AND NOT same) AS h ON " + w.on("n", "h")
	if m.counts.Updated > 0 {
		sql += " UNION ALL SELECT 'update_before', " + list("o.", w.columns) + " FROM " + oldTable + " AS o SEMI JOIN (FROM " + hitTable +
			" WHERE NOT same) AS h ON h.f = o.f AND h.r = o.r"
	}
	if m.counts.Deleted > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql += " UNION ALL SELECT 'delete', " + cols + " FROM (" + stored + ") AS t SEMI JOIN " + offTable + " AS x ON x.f = t.filename_ AND x.r = t.file_row_number_"
	}
	return w.stageChanges(ctx, m, sql)
}
