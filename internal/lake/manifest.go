package lake

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/job"
)

// DataFile is one live data file.
type DataFile struct {
	job.File
	Spec   int  // id of the partition spec it was written under; Partition holds that spec's fields
	Pruned bool // delete files of other tools take rows out of it, so that Rows is an upper bound
	file   iceberg.DataFile
	schema *iceberg.Schema
}

// Bounds gives the smallest and the largest value of a column as text, as far as the file's statistics tell; texts may be
// cut short. ok is false where they do not.
func (f DataFile) Bounds(column string) (lower, upper string, ok bool) {
	field, found := f.schema.FindFieldByName(column)
	if !found {
		return "", "", false
	}
	lo, lok := bound(f.file.LowerBoundValues()[field.ID], field.Type)
	hi, hok := bound(f.file.UpperBoundValues()[field.ID], field.Type)
	return lo, hi, lok && hok
}

func bound(data []byte, t iceberg.Type) (string, bool) {
	if data == nil {
		return "", false
	}
	lit, err := iceberg.LiteralFromBytes(t, data)
	if err != nil {
		return "", false
	}
	text, err := writeValue(lit.Any(), t, false)
	return text, err == nil
}

// liveFile is a data file and what deletes rows of it.
type liveFile struct {
	data     iceberg.DataFile
	position []iceberg.DataFile
	equality []iceberg.DataFile
}

func (f liveFile) whole() bool { return len(f.position) == 0 && len(f.equality) == 0 }

// Size adds up rows and bytes of data files.
func Size(files []DataFile) (rows, bytes int64) {
	for _, f := range files {
		rows, bytes = rows+f.Rows, bytes+f.Bytes
	}
	return rows, bytes
}

// Files gives the live data files, each once.
func (t *Table) Files(ctx context.Context) ([]DataFile, error) {
	live, err := t.liveFiles(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]DataFile, len(live))
	for i, f := range live {
		if out[i], err = t.dataFile(f); err != nil {
			return nil, fmt.Errorf("files of %s: %w", t.name, err)
		}
	}
	return out, nil
}

func (t *Table) dataFile(f liveFile) (DataFile, error) {
	d := DataFile{File: job.File{Path: f.data.FilePath(), Rows: f.data.Count(), Bytes: f.data.FileSizeBytes()},
		Spec: int(f.data.SpecID()), Pruned: !f.whole(), file: f.data, schema: t.schema}
	spec := t.ice.Metadata().PartitionSpecByID(d.Spec)
	if spec == nil {
		return d, fault.New(fault.Data, "%s names partition spec %d, which the table has not", d.Path, d.Spec)
	}
	var err error
	d.Partition, err = partitionTexts(f.data.Partition(), *spec, t.schemaOf(*spec))
	return d, err
}

// schemaOf is a schema that has the columns of a partition spec, which may be gone from the newest.
func (t *Table) schemaOf(spec iceberg.PartitionSpec) *iceberg.Schema {
	for _, s := range append([]*iceberg.Schema{t.schema}, t.ice.Metadata().Schemas()...) {
		has := true
		for _, f := range spec.Fields() {
			_, ok := s.FindFieldByID(f.SourceIDs[0])
			has = has && ok
		}
		if has {
			return s
		}
	}
	return t.schema
}

// RowCount is the exact number of rows: from the manifests, unless delete files of other tools take rows out.
func (t *Table) RowCount(ctx context.Context) (int64, error) {
	live, err := t.liveFiles(ctx)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, f := range live {
		if !f.whole() {
			return t.countRows(ctx)
		}
		n += f.data.Count()
	}
	return n, nil
}

// countRows reads the rows through iceberg-go, which knows what delete files take out.
func (t *Table) countRows(ctx context.Context) (int64, error) {
	opts := []table.ScanOption{table.WithSnapshotID(t.snap.SnapshotID)}
	if len(t.columns) > 0 {
		opts = append(opts, table.WithSelectedFields(t.columns[0].Name))
	}
	_, batches, err := t.ice.Scan(opts...).ToArrowRecords(ctx)
	if err != nil {
		return 0, fmt.Errorf("count rows of %s: %w", t.name, err)
	}
	var n int64
	for b, err := range batches {
		if err != nil {
			return 0, fmt.Errorf("count rows of %s: %w", t.name, err)
		}
		n += b.NumRows()
		b.Release()
	}
	return n, nil
}

// liveFiles reads the snapshot's manifests once.
func (t *Table) liveFiles(ctx context.Context) ([]liveFile, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read || t.snap == nil {
		return t.live, nil
	}
	live, err := t.readManifests(ctx)
	if err != nil {
		return nil, fmt.Errorf("files of %s: %w", t.name, damaged("manifest list", t.snap.ManifestList, err))
	}
	slices.SortFunc(live, func(a, b liveFile) int { return compare(a.data.FilePath(), b.data.FilePath()) })
	t.live, t.read = live, true
	return live, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (t *Table) readManifests(ctx context.Context) ([]liveFile, error) {
	fio, err := t.ice.FS(ctx)
	if err != nil {
		return nil, err
	}
	manifests, err := t.snap.Manifests(fio)
	if err != nil {
		return nil, err
	}
	for _, m := range manifests {
		if m.ManifestContent() == iceberg.ManifestContentDeletes && (m.HasAddedFiles() || m.HasExistingFiles()) {
			return t.planned(ctx)
		}
	}
	return plainFiles(ctx, fio, manifests)
}

// plainFiles reads data files where nothing is deleted.
func plainFiles(ctx context.Context, fio iceio.IO, manifests []iceberg.ManifestFile) ([]liveFile, error) {
	var live []liveFile
	for _, m := range manifests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if m.ManifestContent() != iceberg.ManifestContentData {
			continue
		}
		for e, err := range m.Entries(fio, true) {
			if err != nil {
				return nil, fmt.Errorf("manifest %s: %w", m.FilePath(), err)
			}
			live = append(live, liveFile{data: e.DataFile()})
		}
	}
	return live, nil
}

// planned lets iceberg-go match delete files to data files. It may name a file several times, once a split.
func (t *Table) planned(ctx context.Context) ([]liveFile, error) {
	tasks, err := t.ice.Scan(table.WithSnapshotID(t.snap.SnapshotID)).PlanFiles(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var live []liveFile
	for _, task := range tasks {
		if seen[task.File.FilePath()] {
			continue
		}
		seen[task.File.FilePath()] = true
		if len(task.DeletionVectorFiles) > 0 {
			return nil, fault.New(fault.Data, "%s has deletion vectors, which Weir does not read", task.File.FilePath()).
				WithHint("compact the table with the tool that wrote them")
		}
		live = append(live, liveFile{data: task.File, position: task.DeleteFiles, equality: task.EqualityDeleteFiles})
	}
	return live, nil
}
