package postgres

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"weir/internal/job"
	"weir/internal/sink"
)

// BenchmarkEncode encodes rows in the shape of TPC-H's lineitem, 2,048 at a time.
func BenchmarkEncode(b *testing.B) {
	kinds := []struct {
		lake  string
		arrow arrow.DataType
		times int
	}{{"BIGINT", arrow.PrimitiveTypes.Int64, 3}, {"INTEGER", arrow.PrimitiveTypes.Int32, 1}, {"DECIMAL(15,2)", &arrow.Decimal128Type{Precision: 15, Scale: 2}, 4},
		{"VARCHAR", arrow.BinaryTypes.String, 5}, {"DATE", arrow.FixedWidthTypes.Date32, 3}}
	var cols []placed
	var fields []arrow.Field
	for _, k := range kinds {
		for range k.times {
			cols = append(cols, made(sink.Column{Column: job.Column{Name: "c", Type: k.lake}}))
			fields = append(fields, arrow.Field{Name: "c", Type: k.arrow, Nullable: true})
		}
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	const rows = 2048
	for _, f := range rb.Fields() {
		for i := range rows {
			switch f := f.(type) {
			case *array.Int64Builder:
				f.Append(int64(i) * 7919)
			case *array.Int32Builder:
				f.Append(int32(i))
			case *array.Decimal128Builder:
				f.Append(decimal128.FromI64(int64(i) * 104729))
			case *array.StringBuilder:
				f.Append("DELIVER IN PERSON"[:1+i%17])
			case *array.Date32Builder:
				f.Append(arrow.Date32(8000 + i))
			}
		}
	}
	batch := rb.NewRecordBatch()
	e := newEncoder(cols, false)
	out := make([]byte, 0, 1<<20)
	b.ResetTimer()
	for range b.N {
		if err := e.Bind(batch); err != nil {
			b.Fatal(err)
		}
		out = out[:0]
		for i := range rows {
			out, _, _ = e.Row(out, i)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.SetBytes(int64(len(out)))
}
