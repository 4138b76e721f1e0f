package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/lake"
)

// rewrite writes the touched files anew without the rows that change or go, and the incoming rows beside them.
func (w *work) rewrite(ctx context.Context, t *lake.Table, fresh int64, m *merged) error {
	stale, err := w.s.Int(ctx, "SELECT count(*) FROM "+hitTable+" WHERE "+staleColumn)
	if err != nil {
		return err
	}
	m.counts.Stale, m.counts.Accepted = stale, fresh-stale
	touched, err := w.touched(ctx)
	if err != nil {
		return err
	}
	if len(touched) > 0 {
		stored, err := w.storedRows(ctx, t, touched)
		if err != nil {
			return err
		}
		if err := w.before(ctx, stored); err != nil {
			return err
		}
		if touched, err = w.touched(ctx); err != nil {
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
	if err := w.writeMerged(ctx, t, m); err != nil || len(m.remove) == 0 {
		return err // a commit that only adds is told by its files
	}
	return w.upsertChanges(ctx, t, m)
}

// hits are the stored keys whose row changes.
func (w *work) hits() string {
	return "SELECT h.* FROM " + hitTable + " AS h ANTI JOIN " + keepTable + " AS k ON " + w.on("h", "k")
}

// touched are the files that hold rows which change or go.
func (w *work) touched(ctx context.Context) ([]string, error) {
	rows, err := w.s.Strings(ctx, "SELECT DISTINCT "+placeColumn+" FROM (SELECT "+placeColumn+" FROM ("+w.hits()+") UNION ALL SELECT "+placeColumn+" FROM "+offTable+") ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("find touched files: %w", err)
	}
	var files []string
	for _, r := range rows {
		files = append(files, r[0].Value)
	}
	return files, nil
}

// storedRows is a SELECT of the table's columns as they will be, over some files.
func (w *work) storedRows(ctx context.Context, t *lake.Table, files []string) (string, error) {
	rel, err := t.Scan(ctx, lake.ScanOptions{Files: files})
	if err != nil {
		return "", err
	}
	return w.project(rel.SQL, rel.Columns), nil
}

func (w *work) countChanges(ctx context.Context, fresh int64, m *merged) (err error) {
	known, err := w.s.Int(ctx, "SELECT count(*) FROM (SELECT DISTINCT "+w.key("")+" FROM "+hitTable+")")
	if err != nil {
		return err
	}
	stored, err := w.s.Int(ctx, "SELECT count(*) FROM "+hitTable)
	if err != nil {
		return err
	}
	if stored != known {
		return w.repeated(stored - known)
	}
	m.counts.Inserted = fresh - known
	if m.counts.Updated, err = w.s.Int(ctx, "SELECT count(*) FROM ("+w.hits()+")"); err != nil {
		return err
	}
	m.counts.Deleted, err = w.s.Int(ctx, "SELECT count(*) FROM "+offTable)
	return err
}

// repeated is the error of a table that has a key more than once: another mode filled it, or another tool.
func (w *work) repeated(n int64) error {
	return fault.New(fault.Data, "the table has %d rows too many for the keys of this build: key (%s) does not tell its rows apart", n, strings.Join(w.t.Table.Key, ", ")).
		WithHint("build it anew from what its source holds now: weir run %s --full --destroy-history", w.t.Table.Name)
}

// incoming are the winning rows that are new or differ from what is stored.
func (w *work) incoming() string {
	return "SELECT " + list("n.", w.columns) + " FROM " + newTable + " AS n ANTI JOIN " + keepTable + " AS k ON " + w.on("n", "k")
}

// writeMerged writes what stays of the touched files, and the incoming rows.
func (w *work) writeMerged(ctx context.Context, t *lake.Table, m *merged) (err error) {
	sql := w.incoming()
	if len(m.remove) > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql = "SELECT " + list("t.", w.columns) + " FROM (" + stored + ") AS t ANTI JOIN (SELECT " + w.key("") + " FROM (" + w.hits() + ") UNION ALL SELECT " +
			w.key("") + " FROM " + offTable + ") AS x ON " + w.on("t", "x") + " UNION ALL " + sql
	}
	m.add, err = w.stageRows(ctx, sql)
	return err
}

// upsertChanges writes the rows before and after.
func (w *work) upsertChanges(ctx context.Context, t *lake.Table, m *merged) error {
	sql := "SELECT CASE WHEN h." + placeColumn + " IS NULL THEN " + lake.Insert.SQL() + " ELSE " + lake.UpdateAfter.SQL() + " END AS " + lake.ChangeColumn + ", " + list("n.", w.columns) + " FROM (" + w.incoming() +
		") AS n LEFT JOIN " + hitTable + " AS h ON " + w.on("n", "h")
	if m.counts.Updated > 0 {
		sql += " UNION ALL SELECT " + lake.UpdateBefore.SQL() + ", " + list("o.", w.columns) + " FROM " + oldTable + " AS o ANTI JOIN " + keepTable + " AS k ON " + w.on("o", "k")
	}
	if m.counts.Deleted > 0 {
		stored, err := w.storedRows(ctx, t, m.remove)
		if err != nil {
			return err
		}
		sql += " UNION ALL SELECT " + lake.Delete.SQL() + ", " + list("t.", w.columns) + " FROM (" + stored + ") AS t SEMI JOIN " + offTable + " AS x ON " + w.on("t", "x")
	}
	return w.stageChanges(ctx, m, sql)
}
