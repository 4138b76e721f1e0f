package lake

import (
	"fmt"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
)

// firstPartitionID is the id of a table's first partition field (Iceberg table spec).
const firstPartitionID = 1000

// transformOf gives Iceberg's transform of a partition field.
func transformOf(f job.PartitionField) (iceberg.Transform, error) {
	switch f.Transform {
	case "identity":
		return iceberg.IdentityTransform{}, nil
	case "year":
		return iceberg.YearTransform{}, nil
	case "month":
		return iceberg.MonthTransform{}, nil
	case "day":
		return iceberg.DayTransform{}, nil
	case "hour":
		return iceberg.HourTransform{}, nil
	case "bucket", "truncate":
		if f.Width <= 0 {
			return nil, fault.New(fault.Usage, "partition field %s: %s needs a width above 0", f.Name, f.Transform)
		}
		if f.Transform == "bucket" {
			return iceberg.BucketTransform{NumBuckets: f.Width}, nil
		}
		return iceberg.TruncateTransform{Width: f.Width}, nil
	}
	return nil, fault.New(fault.Usage, "partition field %s: unknown transform %q", f.Name, f.Transform)
}

// specOf makes Iceberg's partition spec of partition fields over a schema.
func specOf(fields []job.PartitionField, schema *iceberg.Schema) (*iceberg.PartitionSpec, error) {
	var out []iceberg.PartitionField
	for i, f := range fields {
		tr, err := transformOf(f)
		if err != nil {
			return nil, err
		}
		src, ok := fieldNamed(schema.Fields(), f.Column)
		if !ok {
			return nil, fault.New(fault.Usage, "partition field %s: no column %q", f.Name, f.Column)
		}
		if !tr.CanTransform(src.Type) || floating(src.Type) {
			return nil, fault.New(fault.Usage, "partition field %s: %s can not be taken of column %q, which is %s", f.Name, f.Transform, f.Column, src.Type)
		}
		out = append(out, iceberg.PartitionField{SourceIDs: []int{src.ID}, FieldID: firstPartitionID + i, Name: f.Name, Transform: tr})
	}
	if len(out) == 0 {
		return iceberg.UnpartitionedSpec, nil
	}
	spec := iceberg.NewPartitionSpecID(0, out...)
	return &spec, nil
}

// CheckPartition says what keeps a table of these columns from being partitioned by these fields, nil for nothing.
func CheckPartition(fields []job.PartitionField, cols []job.Column) error {
	if len(fields) == 0 {
		return nil
	}
	of, err := schemaFields(AssignIDs(cols, nil), nil)
	if err != nil {
		return err
	}
	_, err = specOf(fields, iceberg.NewSchema(0, of...))
	return err
}

func floating(t iceberg.Type) bool {
	switch t.(type) {
	case iceberg.Float32Type, iceberg.Float64Type:
		return true
	}
	return false
}

// partitionFields is specOf the other way round.
func partitionFields(spec iceberg.PartitionSpec, schema *iceberg.Schema) ([]job.PartitionField, error) {
	var out []job.PartitionField
	for _, f := range spec.Fields() {
		p := job.PartitionField{Name: f.Name}
		switch tr := f.Transform.(type) {
		case iceberg.IdentityTransform:
			p.Transform = "identity"
		case iceberg.YearTransform:
			p.Transform = "year"
		case iceberg.MonthTransform:
			p.Transform = "month"
		case iceberg.DayTransform:
			p.Transform = "day"
		case iceberg.HourTransform:
			p.Transform = "hour"
		case iceberg.BucketTransform:
			p.Transform, p.Width = "bucket", tr.NumBuckets
		case iceberg.TruncateTransform:
			p.Transform, p.Width = "truncate", tr.Width
		case iceberg.VoidTransform:
			continue
		default:
			return nil, fault.New(fault.Data, "partition field %s has transform %s, which Weir does not know", f.Name, f.Transform)
		}
		src, ok := schema.FindFieldByID(f.SourceIDs[0])
		if !ok {
			return nil, fault.New(fault.Data, "partition field %s is of a column that is gone", f.Name)
		}
		p.Column = src.Name
		out = append(out, p)
	}
	return out, nil
}

// resultType is the type of a partition field's values.
func resultType(f iceberg.PartitionField, schema *iceberg.Schema) (iceberg.Type, error) {
	src, ok := schema.FindFieldByID(f.SourceIDs[0])
	if !ok {
		return nil, fault.New(fault.Data, "partition field %s is of a column that is gone", f.Name)
	}
	return f.Transform.ResultType(src.Type), nil
}

// partitionValues reads the texts of a staged file's partition as values by field id. A field that is missing is an error,
// for iceberg-go would guess it from the file's statistics.
func partitionValues(p map[string]*string, spec iceberg.PartitionSpec, schema *iceberg.Schema) (map[int]any, error) {
	values := map[int]any{}
	for _, f := range spec.Fields() {
		if _, void := f.Transform.(iceberg.VoidTransform); void {
			continue
		}
		text, ok := p[f.Name]
		if !ok {
			return nil, fault.New(fault.Internal, "partition field %s has no value", f.Name)
		}
		if text == nil {
			continue
		}
		typ, err := resultType(f, schema)
		if err != nil {
			return nil, err
		}
		if values[f.FieldID], err = readValue(*text, typ, ordinal(f.Transform)); err != nil {
			return nil, fmt.Errorf("partition field %s: %w", f.Name, err)
		}
	}
	return values, nil
}

// partitionTexts is partitionValues the other way round.
func partitionTexts(values map[int]any, spec iceberg.PartitionSpec, schema *iceberg.Schema) (map[string]*string, error) {
	if spec.NumFields() == 0 {
		return nil, nil
	}
	texts := map[string]*string{}
	for _, f := range spec.Fields() {
		if _, void := f.Transform.(iceberg.VoidTransform); void {
			continue
		}
		v := values[f.FieldID]
		if v == nil {
			texts[f.Name] = nil
			continue
		}
		typ, err := resultType(f, schema)
		if err != nil {
			return nil, err
		}
		text, err := writeValue(v, typ, ordinal(f.Transform))
		if err != nil {
			return nil, fmt.Errorf("partition field %s: %w", f.Name, err)
		}
		texts[f.Name] = &text
	}
	return texts, nil
}

// ordinal says whether a transform gives whole numbers: days, buckets.
func ordinal(t iceberg.Transform) bool {
	switch t.(type) {
	case iceberg.IdentityTransform, iceberg.TruncateTransform:
		return false
	}
	return true
}
