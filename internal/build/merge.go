package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/job"
	"weir/internal/lake"
)

// mergeAppend adds the delta. Rows read earlier from a file that has changed since go in the same commit.
func (w *work) mergeAppend(ctx context.Context, t *lake.Table) (merged, error) {
	m := merged{add: w.delta.files, counts: job.Counts{Accepted: w.delta.rows, Inserted: w.delta.rows}}
	if t == nil {
		return m, nil
	}
	if w.swaps() {
		return m, w.removeAll(ctx, t, &m)
	}
	if len(w.read.replace) == 0 {
		return m, nil
	}
	old := job.Quote(FileColumn) + " IN (" + literals(w.read.replace) + ")"
	if err := w.dropRows(ctx, t, old, &m); err != nil {
		return m, err
	}
	return m, nil
}

// mergeReplace swaps every row.
func (w *work) mergeReplace(ctx context.Context, t *lake.Table) (merged, error) {
	m := merged{add: w.delta.files, counts: job.Counts{Accepted: w.delta.rows, Inserted: w.delta.rows}}
	if t == nil {
		return m, nil
	}
	return m, w.removeAll(ctx, t, &m)
}

func (w *work) removeAll(ctx context.Context, t *lake.Table, m *merged) (err error) {
	files, err := t.Files(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		m.remove = append(m.remove, f.Path)
	}
	m.counts.Deleted, err = t.RowCount(ctx)
	return err
}

// mergePartitions replaces the partitions the delta has rows in. A changed file's earlier rows elsewhere stay: the
// partitions it produces now are what it says.
func (w *work) mergePartitions(ctx context.Context, t *lake.Table) (merged, error) {
	m := merged{add: w.delta.files, counts: job.Counts{Accepted: w.delta.rows, Inserted: w.delta.rows}}
	if t == nil {
		return m, nil
	}
	if w.swaps() {
		return m, w.removeAll(ctx, t, &m)
	}
	touched := map[string]bool{}
	for _, f := range w.delta.files {
		touched[partitionKey(t.Partition(), f.Partition)] = true
	}
	files, err := t.Files(ctx)
	if err != nil {
		return m, err
	}
	for _, f := range files {
		if touched[partitionKey(t.Partition(), f.Partition)] {
			m.remove = append(m.remove, f.Path)
		}
	}
	m.counts.Deleted, err = w.liveRows(ctx, t, m.remove)
	return m, err
}

// partitionKey writes partition values as one comparable text.
func partitionKey(fields []job.PartitionField, values map[string]*string) string {
	var b strings.Builder
	for _, f := range fields {
		v := values[f.Name]
		if v == nil {
			b.WriteString("null;")
			continue
		}
		fmt.Fprintf(&b, "%q;", *v)
	}
	return b.String()
}

// dropRows rewrites the files that hold rows of a condition without these rows, and notes them in a change-set beside
// the delta's rows.
func (w *work) dropRows(ctx context.Context, t *lake.Table, condition string, m *merged) error {
	rel, err := t.Scan(ctx, lake.ScanOptions{Filename: true})
	if err != nil {
		return err
	}
	touched, err := w.s.Strings(ctx, "SELECT "+lake.FilenameColumn+", count(*) FROM ("+w.project(rel.SQL, rel.Columns, lake.FilenameColumn)+") WHERE "+condition+" GROUP BY 1 ORDER BY 1")
	if err != nil || len(touched) == 0 {
		return err
	}
	for _, f := range touched {
		m.remove = append(m.remove, f[0].Value)
	}
	if rel, err = t.Scan(ctx, lake.ScanOptions{Files: m.remove}); err != nil {
		return err
	}
	rows := w.project(rel.SQL, rel.Columns)
	if m.counts.Deleted, err = w.s.Int(ctx, "SELECT count(*) FROM ("+rows+") WHERE "+condition); err != nil {
		return err
	}
	kept, err := w.stageRows(ctx, "SELECT "+list("", w.columns)+" FROM ("+rows+") WHERE ("+condition+") IS NOT TRUE")
	if err != nil {
		return err
	}
	m.add = append(append([]job.File(nil), m.add...), kept...)
	return w.stageChanges(ctx, m,
		"SELECT "+lake.Delete.SQL()+" AS "+lake.ChangeColumn+", "+list("", w.columns)+" FROM ("+rows+") WHERE "+condition+
			" UNION ALL SELECT "+lake.Insert.SQL()+", "+list("", w.columns)+" FROM ("+w.delta.sql+")")
}

// stageRows writes a query of the table's columns as data files.
func (w *work) stageRows(ctx context.Context, sql string) ([]job.File, error) {
	write := w.dataWrite()
	write.SQL = sql
	return w.s.Stage(ctx, write, w.ids, nil)
}

// stageChanges writes a change-set: rows before and after, each with its lake.Kind.
func (w *work) stageChanges(ctx context.Context, m *merged, sql string) error {
	cols := lake.ChangeColumns(w.columns)
	ids, err := lake.FieldIDs(cols, w.state.table)
	if err != nil {
		return err
	}
	files, err := w.s.Stage(ctx, job.Write{SQL: sql, Columns: cols, Dir: w.stage.ChangesDir(), Prefix: "changes"}, ids, nil)
	if err != nil {
		return fmt.Errorf("stage change-set: %w", err)
	}
	for _, f := range files {
		m.changes = append(m.changes, f.Path)
	}
	return nil
}

func literals(texts []string) string {
	q := make([]string, len(texts))
	for i, t := range texts {
		q[i] = job.Literal(t)
	}
	return strings.Join(q, ", ")
}
