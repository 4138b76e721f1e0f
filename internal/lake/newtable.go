package lake

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"weir/internal/fault"
)

// draftNew is the metadata of a table that is made and filled in one swap: a build that fails leaves no table (promise 3).
func (w *world) draftNew(ctx context.Context, change Change) (draft, error) {
	spec := w.in.New
	if spec == nil {
		return draft{}, fault.New(fault.Usage, "%w", ErrNoTable)
	}
	cols := spec.Columns
	if change.Columns != nil {
		cols = change.Columns
	}
	fields, err := schemaFields(cols, nil)
	if err != nil {
		return draft{}, err
	}
	schema := iceberg.NewSchema(0, fields...)
	partition, err := specOf(spec.Partition, schema)
	if err != nil {
		return draft{}, err
	}
	location, err := w.location(ctx)
	if err != nil {
		return draft{}, err
	}
	order, err := orderOf(spec.Sort, schema)
	if err != nil {
		return draft{}, err
	}
	meta, err := newMetadata(schema, partition, order, location, spec)
	return draft{meta: meta}, err
}

// location is where the new table lies: where its files were staged.
func (w *world) location(ctx context.Context) (string, error) {
	if w.stage != nil {
		w.stage.mu.Lock()
		defer w.stage.mu.Unlock()
		return w.stage.info.Location, nil
	}
	return w.lake.locationOf(ctx, w.in.Table)
}

func newMetadata(schema *iceberg.Schema, partition *iceberg.PartitionSpec, order table.SortOrder, location string, spec *TableSpec) (table.Metadata, error) {
	b, err := table.NewMetadataBuilder(2)
	if err != nil {
		return nil, err
	}
	steps := []func() error{
		func() error { return b.SetUUID(uuid.New()) },
		func() error { return b.AddSchema(schema) },
		func() error { return b.SetCurrentSchemaID(-1) },
		func() error { return b.AddPartitionSpec(partition, true) },
		func() error { return b.SetDefaultSpecID(-1) },
		func() error { return b.AddSortOrder(&order) },
		func() error { return b.SetDefaultSortOrderID(-1) },
		func() error { return b.SetLoc(location) },
		func() error { return b.SetProperties(newProperties(spec)) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("make table metadata: %w", err)
		}
	}
	return b.Build()
}

// defaultFileBytes is the size other tools are told to aim at.
const defaultFileBytes = 256 << 20

// newProperties are those of a new table. Earlier metadata files are kept, because they tell what expired snapshots descended
// from; beyond a hundred they are deleted.
func newProperties(spec *TableSpec) iceberg.Properties {
	size := spec.FileBytes
	if size <= 0 {
		size = defaultFileBytes
	}
	p := iceberg.Properties{
		table.ParquetCompressionKey:               "zstd",
		table.WriteTargetFileSizeBytesKey:         strconv.FormatInt(size, 10),
		table.MetadataDeleteAfterCommitEnabledKey: "true",
		table.MetadataPreviousVersionsMaxKey:      "100",
	}
	if spec.Doc != "" {
		p["comment"] = spec.Doc
	}
	maps.Copy(p, spec.Properties)
	return p
}
