package build

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/source"
)

// stageDelta writes the rows the read brings as typed Parquet: into the stage where they may become data files as they
// are, else into scratch.
func (w *work) stageDelta(ctx context.Context) error {
	w.delta.direct = w.direct()
	if w.read.rel.Changes {
		return w.stageApplied(ctx)
	}
	var files []job.File
	err := w.t.Ending(ctx, func(ctx context.Context) (err error) {
		files, err = w.writeDelta(ctx)
		return err
	})
	if err != nil && fault.ClassOf(err) == fault.Data && w.read.careful != nil {
		// Something in the data stopped the fast read: read the failing files record by record instead.
		rel, cerr := w.read.careful(ctx, err)
		if cerr != nil {
			return cerr
		}
		w.reread(rel)
		files, err = w.writeDelta(ctx)
	}
	if err != nil {
		return err
	}
	w.setDelta(files)
	return w.stage.Manifest(ctx, lake.Manifest{Files: files, Splits: w.read.splits, Counts: job.Counts{Read: w.delta.rows}})
}

// direct says whether the delta may become data files of the table as it is.
func (w *work) direct() bool {
	switch w.t.Table.Mode {
	case define.History:
		return false
	case define.Upsert:
		return w.state.empty() && w.read.part == nil
	case define.Changes:
		return w.state.empty() && !w.read.rel.Changes
	}
	return w.read.part == nil
}

func (w *work) reread(rel source.Relation) {
	w.read.rel = rel
	w.keepClose(w.read, rel)
}

func (w *work) writeDelta(ctx context.Context) ([]job.File, error) {
	write := job.Write{Columns: w.columns, Dir: filepath.Join(w.scratch, "delta"), Prefix: "delta"}
	if w.delta.direct {
		write = w.dataWrite()
	}
	write.SQL = w.project(w.cut(w.read.rel.SQL), w.read.rel.Columns)
	return w.s.Stage(ctx, write, w.ids, w.read.params)
}

// dataWrite says how data files of the table are written.
func (w *work) dataWrite() job.Write {
	return job.Write{Columns: w.columns, Dir: w.stage.Dir(), Prefix: "part",
		Partition: w.partition(), Sort: w.t.Table.Sort, FileBytes: cmp.Or(w.t.Table.FileBytes, fileBytes)}
}

// fileBytes is the target size of a data file where a definition names none.
const fileBytes = 256 << 20

// partition is the table's own where it exists and keeps rows: a changed definition partitions what is swapped whole.
func (w *work) partition() []job.PartitionField {
	if w.state.table == nil || w.swaps() {
		return w.t.Table.Partition
	}
	fields := w.state.table.Partition()
	for i, f := range fields {
		stored := w.state.table.Columns()
		if at := indexOf(stored, f.Column); at >= 0 {
			fields[i].Column = Renamed(w.t.Table, stored)[at].Name
		}
	}
	return fields
}

// project selects the table's columns out of a query: those it lacks as nulls, and further columns as they are.
func (w *work) project(sql string, cols []job.Column, more ...string) string {
	items := make([]string, len(w.columns), len(w.columns)+len(more))
	for i, c := range w.columns {
		value := w.value(c, cols)
		if value == "" {
			value = "CAST(" + w.missing(c, cols) + " AS " + c.Type + ")"
		}
		items[i] = value + " AS " + job.Quote(c.Name)
	}
	return "SELECT " + strings.Join(append(items, more...), ", ") + " FROM (" + sql + "\n) AS d"
}

func (w *work) setDelta(files []job.File) {
	w.delta.files, w.delta.rows = files, rowsOf(files)
	w.delta.sql = w.readStaged(files)
}

// readStaged is a SELECT of the table's columns over staged files.
func (w *work) readStaged(files []job.File) string {
	if len(files) == 0 {
		items := make([]string, len(w.columns))
		for i, c := range w.columns {
			items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
		}
		return "SELECT " + strings.Join(items, ", ") + " WHERE false"
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = job.Literal(f.Path)
	}
	return "SELECT " + list("", w.columns) + " FROM read_parquet([" + strings.Join(paths, ", ") + "], hive_partitioning=false)"
}

func rowsOf(files []job.File) (n int64) {
	for _, f := range files {
		n += f.Rows
	}
	return n
}

func bytesOf(files []job.File) (n int64) {
	for _, f := range files {
		n += f.Bytes
	}
	return n
}

// takeRejects writes down what the read could not take and judges how much it was.
func (w *work) takeRejects(ctx context.Context) error {
	if settle := w.read.rel.Settle; settle != nil {
		if err := settle(ctx); err != nil {
			return err
		}
	}
	rejected, err := w.keepRejects(ctx, w.read.rel.Rejects, record.KindReject)
	if err != nil {
		return err
	}
	w.out.Counts.Rejected = rejected
	if q := w.read.rel.Filtered; q != "" {
		if w.out.Counts.Filtered, err = w.s.Int(ctx, q); err != nil {
			return fmt.Errorf("count filtered records: %w", err)
		}
	}
	w.out.Counts.Read = w.delta.rows + w.applied.lost + w.applied.deletes + rejected + w.out.Counts.Filtered
	if w.t.Table.MaxRejects.Exceeded(rejected, w.out.Counts.Read) {
		return w.tooMany(ctx, rejected, w.t.Table.MaxRejects, "max_rejects", record.KindReject)
	}
	return nil
}

// keepRejects stages the rows of a reject query.
func (w *work) keepRejects(ctx context.Context, query, kind string) (int64, error) {
	if query == "" {
		return 0, nil
	}
	cols := record.RejectColumns()
	ids, err := lake.FieldIDs(cols, nil)
	if err != nil {
		return 0, err
	}
	files, err := w.s.Stage(ctx, job.Write{SQL: query, Columns: cols, Dir: w.stage.RejectsDir(), Prefix: kind}, ids, nil)
	if err != nil {
		return 0, fmt.Errorf("stage rejects: %w", err)
	}
	for _, f := range files {
		w.rejects = append(w.rejects, lake.RejectFile{Path: f.Path, Run: w.t.RunID, Rows: f.Rows, Kind: kind, Time: w.t.Time})
	}
	return rowsOf(files), nil
}

// rejectsOf are the staged files of one kind of reject.
func (w *work) rejectsOf(kind string) (paths []string) {
	for _, r := range w.rejects {
		if r.Kind == kind {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

func (w *work) rejectPaths() []string {
	paths := make([]string, len(w.rejects))
	for i, r := range w.rejects {
		paths[i] = r.Path
	}
	return paths
}
