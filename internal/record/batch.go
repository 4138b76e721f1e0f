package record

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/job/coltype"
)

// Builder gathers rows column by column and gives them away as Arrow batches. Columns are plain buffers: no builder of a
// column is asked through an interface for each value.
//
//	for … {
//		b.Columns[0].Int64(7)
//		b.Columns[1].Null()
//		b.EndRow()           // or b.Undo() to forget what was appended since the last row
//		if b.Full() { send(b.Take()) }
//	}
type Builder struct {
	Columns []Column
	schema  *arrow.Schema
	rows    int
	pool    *Pool
	most    int // rows a batch
	bytes   int // bytes a batch may hold, about
}

// Sizes of a batch: whichever is reached first ends it, so that wide rows do not break the budget (promise 5).
const (
	BatchRows  = 16384
	BatchBytes = 8 << 20
)

// NewBuilder makes a builder of a lake's column types. Its buffers come from the pool and go back to it when a batch is
// released.
func NewBuilder(cols []job.Column, pool *Pool) (*Builder, error) {
	b := &Builder{Columns: make([]Column, len(cols)), pool: pool, most: BatchRows, bytes: BatchBytes}
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		t, err := coltype.Parse(c.Type)
		if err != nil {
			return nil, fault.New(fault.Internal, "column %q: %w", c.Name, err)
		}
		if err := b.Columns[i].set(t, pool); err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: b.Columns[i].typ, Nullable: true}
	}
	b.schema = arrow.NewSchema(fields, nil)
	return b, nil
}

// Schema is the shape of every batch.
func (b *Builder) Schema() *arrow.Schema { return b.schema }

// Rows is how many rows are complete.
func (b *Builder) Rows() int { return b.rows }

// EndRow completes a row: every column must have got one value since the last.
func (b *Builder) EndRow() { b.rows++ }

// Undo forgets what was appended since the last complete row.
func (b *Builder) Undo() {
	for i := range b.Columns {
		b.Columns[i].truncate(b.rows)
	}
}

// Full says whether the batch is large enough to be taken.
func (b *Builder) Full() bool {
	if b.rows >= b.most {
		return true
	}
	if b.rows&63 != 0 {
		return false // texts are added up now and then only
	}
	return b.size() >= b.bytes
}

// Heavy says whether the values gathered are too many bytes to wait for more rows. It is to be asked after a large value.
func (b *Builder) Heavy() bool { return b.size() >= b.bytes }

func (b *Builder) size() (n int) {
	for i := range b.Columns {
		n += b.Columns[i].bytes()
	}
	return n
}

// Take gives the complete rows away as a batch and begins the next one. The batch must be released.
func (b *Builder) Take() arrow.RecordBatch {
	arrays := make([]arrow.Array, len(b.Columns))
	for i := range b.Columns {
		data := b.Columns[i].take()
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	batch := array.NewRecordBatch(b.schema, arrays, int64(b.rows))
	for _, a := range arrays {
		a.Release()
	}
	b.rows = 0
	return batch
}

// Release gives the buffers of unfinished rows back.
func (b *Builder) Release() {
	for i := range b.Columns {
		b.Columns[i].release()
	}
}

// arrowType is the Arrow type of a lake's plain type; lists are made by Column.set.
func arrowType(t coltype.Type) (arrow.DataType, Kind, error) {
	switch t.Kind {
	case "BOOLEAN":
		return arrow.FixedWidthTypes.Boolean, Bool, nil
	case "INTEGER":
		return arrow.PrimitiveTypes.Int32, Int32, nil
	case "BIGINT":
		return arrow.PrimitiveTypes.Int64, Int64, nil
	case "FLOAT":
		return arrow.PrimitiveTypes.Float32, Float32, nil
	case "DOUBLE":
		return arrow.PrimitiveTypes.Float64, Float64, nil
	case "DECIMAL":
		return &arrow.Decimal128Type{Precision: int32(t.Digits), Scale: int32(t.Scale)}, Decimal, nil
	case "DATE":
		return arrow.FixedWidthTypes.Date32, Int32, nil
	case "TIME":
		return arrow.FixedWidthTypes.Time64us, Int64, nil
	case "TIMESTAMP":
		return &arrow.TimestampType{Unit: arrow.Microsecond}, Int64, nil
	case "TIMESTAMP WITH TIME ZONE":
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Int64, nil
	case "VARCHAR":
		return arrow.BinaryTypes.String, Bytes, nil
	case "BLOB":
		return arrow.BinaryTypes.Binary, Bytes, nil
	case "UUID":
		return extensions.NewUUIDType(), UUID, nil
	}
	return nil, 0, fault.New(fault.Internal, "no batches of type %s", t.Kind)
}

var _ memory.Allocator = (*Pool)(nil)
