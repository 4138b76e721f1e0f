package build

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// Names of this build's session: the rows of a source that hands out batches, and its rejects.
const (
	rowsView     = ownPrefix + "rows"
	rejectsTable = ownPrefix + "row_rejects"
)

// relateRows makes a relation of a scan that hands out rows itself: a view that the first statement uses up.
func (w *work) relateRows(ctx context.Context, scan source.Batched, r *reading) error {
	rel, err := w.rowsOf(ctx, scan)
	if err != nil {
		return err
	}
	r.rel = rel
	r.careful = func(ctx context.Context, cause error) (source.Relation, error) {
		return w.carefulRows(ctx, scan, cause)
	}
	w.keepClose(r, rel)
	return nil
}

// rowsOf begins to read a scan's rows.
func (w *work) rowsOf(ctx context.Context, scan source.Batched) (source.Relation, error) {
	rows, err := scan.Rows(ctx)
	if err != nil {
		return source.Relation{}, err
	}
	rel := source.Relation{Relation: job.Relation{SQL: "SELECT * FROM " + rowsView, Columns: rows.Columns(), Rows: -1}}
	if rel.Columns, err = declaredRows(w.t.Table, rel.Columns); err != nil {
		return rel, errors.Join(err, rows.Close())
	}
	if c, ok := scan.(source.Changing); ok {
		rel.Changes = c.Changes()
	}
	release, err := w.s.Batches(ctx, rowsView, rows)
	if err != nil {
		return rel, err
	}
	rel.Close = func(context.Context) error { return release() }
	rel.Rejects = "SELECT * FROM " + rejectsTable
	rel.Settle = func(ctx context.Context) error { return w.keepRowRejects(ctx, rows.Rejects()) }
	return rel, nil
}

// declaredRows are a source's columns in the types that the definition declares.
func declaredRows(t *define.Table, cols []job.Column) ([]job.Column, error) {
	out := append([]job.Column(nil), cols...)
	for _, d := range t.Columns {
		i := indexOf(out, d.Name)
		if i < 0 {
			return nil, fault.New(fault.Usage, "%s: column %q is not in %s%s", t.PlaceOf("columns."+d.Name), d.Name, t.Dataset, nearest(d.Name, out))
		}
		out[i].Type, out[i].Required = d.Type, d.Required
		if d.Doc != "" {
			out[i].Doc = d.Doc
		}
	}
	return out, nil
}

// carefulRows reads once more, when a value did not fit the type its column is declared as: all rows lie in scratch first, and
// those that do not fit become rejects.
func (w *work) carefulRows(ctx context.Context, scan source.Batched, cause error) (source.Relation, error) {
	if err := w.read.closeRelation(ctx); err != nil {
		return source.Relation{}, err
	}
	rel, err := w.rowsOf(ctx, scan)
	if err != nil {
		return rel, err
	}
	found, err := w.s.Describe(ctx, rel.SQL)
	if err != nil {
		return rel, errors.Join(err, rel.Close(ctx))
	}
	files, err := w.s.Stage(ctx, job.Write{SQL: rel.SQL, Columns: found, Dir: filepath.Join(w.scratch, "raw"), Prefix: "raw"}, "", nil)
	if err != nil {
		return rel, errors.Join(err, rel.Close(ctx))
	}
	var casts, misfits []string
	for i, c := range rel.Columns {
		name := job.Quote(c.Name)
		cast := w.s.Exactly(name, found[i].Type, c.Type)
		casts = append(casts, cast+" AS "+name)
		if cast != name {
			misfits = append(misfits, fmt.Sprintf("WHEN %s IS NOT NULL AND %s IS NULL THEN struct_pack(c := %s, v := CAST(%s AS VARCHAR), t := %s)",
				name, w.s.ExactlyOrNull(name, found[i].Type, c.Type), job.Literal(c.Name), name, job.Literal(strings.ToLower(c.Type))))
		}
	}
	if len(misfits) == 0 || len(files) == 0 {
		return rel, errors.Join(cause, rel.Close(ctx))
	}
	raw := "SELECT *, CASE " + strings.Join(misfits, " ") + " END AS " + misfitColumn + " FROM read_parquet([" + pathList(files) + "], hive_partitioning=false)"
	names := list("", found)
	rel.SQL = "SELECT " + strings.Join(casts, ", ") + " FROM (" + raw + ") WHERE " + misfitColumn + " IS NULL"
	object := "to_json((SELECT r FROM (SELECT " + names + ") AS r))::VARCHAR"
	rel.Rejects += fmt.Sprintf(" UNION ALL SELECT md5(%s), %s, %s, 0, -1, m.c, m.c || ': \"' || left(m.v, 200) || '\" is not exactly ' || m.t, '', %s, '' FROM (SELECT *, %s AS m FROM (%s) WHERE %s IS NOT NULL)",
		object, job.Literal(record.KindReject), job.Literal(w.t.Table.Dataset), object, misfitColumn, raw, misfitColumn)
	return rel, nil
}

const misfitColumn = ownPrefix + "misfit"

func pathList(files []job.File) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return literals(paths)
}

// keepRowRejects makes the rejects of a source's own readable by SQL.
func (w *work) keepRowRejects(ctx context.Context, rejects []record.Reject) error {
	items := make([]string, 0, len(record.RejectColumns()))
	for _, c := range record.RejectColumns() {
		items = append(items, job.Quote(c.Name)+" "+c.Type)
	}
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+rejectsTable+" ("+strings.Join(items, ", ")+")"); err != nil {
		return fmt.Errorf("keep rejects: %w", err)
	}
	const each = 200
	for from := 0; from < len(rejects); from += each {
		var values []string
		for _, r := range rejects[from:min(from+each, len(rejects))] {
			values = append(values, fmt.Sprintf("(%s, %s, %s, %d, %d, %s, %s, '', %s, '')", job.Literal(r.ID), job.Literal(r.Kind), job.Literal(r.Dataset),
				r.Line, r.Offset, job.Literal(r.Column), job.Literal(r.Reason), job.Literal(r.Raw)))
		}
		if err := w.s.Exec(ctx, "INSERT INTO "+rejectsTable+" VALUES "+strings.Join(values, ", ")); err != nil {
			return fmt.Errorf("keep rejects: %w", err)
		}
	}
	return nil
}

// SourceColumns are the columns a new table has that reads a scan's rows.
func SourceColumns(ctx context.Context, t *define.Table, scan source.Batched) ([]job.Column, error) {
	cols, err := scan.Columns(ctx)
	if err != nil {
		return nil, err
	}
	if cols, err = declaredRows(t, cols); err != nil {
		return nil, err
	}
	return storedColumns(cols)
}

// asRow says whether rejects of a table are its rows as JSON, and are replayed as such: a database has no records to read
// again one by one.
func asRow(t *define.Table) bool {
	_, ok := t.Reader.(source.RowRejects)
	return ok
}
