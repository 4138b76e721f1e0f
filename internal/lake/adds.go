package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake/commit"
)

// dataFiles describes sealed files to Iceberg, from their own footers: they are read where they were written, so nothing is
// fetched back from a remote lake, and a file that is gone is noticed. Files without rows are left out.
func (w *world) dataFiles(ice *table.Table, add []job.File) ([]iceberg.DataFile, error) {
	out := make([]iceberg.DataFile, 0, len(add))
	for _, f := range add {
		if f.Rows == 0 {
			continue
		}
		df, err := w.dataFile(ice, f)
		if err != nil {
			return nil, fmt.Errorf("add %s: %w", f.Path, err)
		}
		out = append(out, df)
	}
	return out, nil
}

func (w *world) dataFile(ice *table.Table, f job.File) (iceberg.DataFile, error) {
	local, err := w.stagedAt(f.Path)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(local)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Conflict, "the staged file is gone: %w", err)
	}
	if err != nil {
		return nil, fileFault(err)
	}
	r, err := file.OpenParquetFile(local, false)
	if err != nil {
		return nil, fault.New(fault.Internal, "read the staged file: %w", err)
	}
	defer r.Close()
	if n := r.MetaData().GetNumRows(); n != f.Rows {
		return nil, fault.New(fault.Internal, "the staged file holds %d rows, not %d", n, f.Rows)
	}
	values, err := partitionValues(f.Partition, ice.Spec(), ice.Schema())
	if err != nil {
		return nil, err
	}
	df, err := table.DataFileFromMetadata(table.DataFileArgs{
		Schema: ice.Schema(), Spec: ice.Spec(), Format: iceberg.ParquetFile, Metadata: r.MetaData(), FilePath: f.Path,
		FileSize: st.Size(), Content: iceberg.EntryContentData, PartitionValues: values, Properties: ice.Properties(),
		FormatVersion: ice.Metadata().Version(), SortOrderID: w.orderID(ice),
	})
	if err != nil {
		return nil, fault.New(fault.Internal, "the staged file does not fit the table: %w", err)
	}
	return df, nil
}

// stagedAt finds the local file behind a sealed location.
func (w *world) stagedAt(location string) (string, error) {
	if w.stage != nil {
		w.stage.mu.Lock()
		defer w.stage.mu.Unlock()
		if local, ok := w.stage.origin[location]; ok {
			return local, nil
		}
	}
	if key, ok := keyAt(w.lake.root, location); ok {
		if p, ok := w.lake.store.LocalPath(key); ok {
			return p, nil
		}
	}
	return "", fault.New(fault.Internal, "it was not sealed by this build's stage")
}

// removals are files that leave the table: data files, and delete files that have nothing left to delete from.
type removals struct {
	data    []iceberg.DataFile
	deletes []iceberg.DataFile
	all     bool // nothing of the base stays
}

// removals finds the files a plan removes; commit.ErrStale where one is not live. With dead also delete files go that have
// nothing left to delete from since earlier.
func (w *world) removals(ctx context.Context, base *Table, remove []string, dead bool) (removals, error) {
	var r removals
	if base == nil {
		if len(remove) > 0 {
			return r, commit.ErrStale
		}
		return removals{all: true}, nil
	}
	live, err := base.liveFiles(ctx)
	if err != nil {
		return r, err
	}
	gone := make(map[string]bool, len(remove))
	for _, path := range remove {
		gone[path] = true
	}
	for _, f := range live {
		if gone[f.data.FilePath()] {
			r.data = append(r.data, f.data)
		}
	}
	if len(r.data) != len(gone) {
		return r, commit.ErrStale
	}
	r.all = len(r.data) == len(live)
	r.deletes = emptied(live, gone)
	if dead {
		more, err := base.deadDeletes(ctx)
		if err != nil {
			return r, err
		}
		r.deletes = append(r.deletes, more...)
	}
	return r, nil
}

// emptied are delete files all of whose data files go.
func emptied(live []liveFile, gone map[string]bool) []iceberg.DataFile {
	stays := map[string]bool{}
	files := map[string]iceberg.DataFile{}
	var order []string
	for _, f := range live {
		for _, d := range append(append([]iceberg.DataFile(nil), f.position...), f.equality...) {
			if files[d.FilePath()] == nil {
				files[d.FilePath()] = d
				order = append(order, d.FilePath())
			}
			stays[d.FilePath()] = stays[d.FilePath()] || !gone[f.data.FilePath()]
		}
	}
	var out []iceberg.DataFile
	for _, path := range order {
		if !stays[path] {
			out = append(out, files[path])
		}
	}
	return out
}
