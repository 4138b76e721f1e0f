package sinktest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"weir/internal/job"
	"weir/internal/job/coltype"
	"weir/internal/record"
	"weir/internal/sink"
)

// columns makes columns of a delivery: "id BIGINT", "name VARCHAR". Their field ids count from 1.
func columns(s sink.Sink, texts ...string) []sink.Column {
	out := make([]sink.Column, len(texts))
	for i, text := range texts {
		name, typ, _ := strings.Cut(text, " ")
		out[i] = sink.Column{Column: job.Column{Name: name, Type: typ, ID: i + 1}, Form: s.Takes(typ)}
	}
	return out
}

// arrowOf is how a lake's type comes.
func arrowOf(t coltype.Type) arrow.DataType {
	switch t.Kind {
	case "BOOLEAN":
		return arrow.FixedWidthTypes.Boolean
	case "INTEGER":
		return arrow.PrimitiveTypes.Int32
	case "BIGINT":
		return arrow.PrimitiveTypes.Int64
	case "FLOAT":
		return arrow.PrimitiveTypes.Float32
	case "DOUBLE":
		return arrow.PrimitiveTypes.Float64
	case "DECIMAL":
		return &arrow.Decimal128Type{Precision: int32(t.Digits), Scale: int32(t.Scale)}
	case "DATE":
		return arrow.FixedWidthTypes.Date32
	case "TIME":
		return arrow.FixedWidthTypes.Time64us
	case "TIMESTAMP":
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case "TIMESTAMP WITH TIME ZONE":
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case "BLOB":
		return arrow.BinaryTypes.Binary
	case "LIST":
		return arrow.ListOf(arrowOf(t.Fields[0].Type))
	}
	return arrow.BinaryTypes.String
}

func schemaOf(t testing.TB, cols []sink.Column) *arrow.Schema {
	t.Helper()
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: c.Name, Type: arrow.BinaryTypes.String, Nullable: true}
		if c.Form == sink.Natural {
			typ, err := coltype.Parse(c.Type)
			if err != nil {
				t.Fatal(err)
			}
			fields[i].Type = arrowOf(typ)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// rows are batches of rows, each a JSON array of objects, as a delivery opens them.
func rows(t testing.TB, cols []sink.Column, batches ...string) func(context.Context) (record.Reader, error) {
	t.Helper()
	schema := schemaOf(t, cols)
	return func(context.Context) (record.Reader, error) {
		r := &reader{schema: schema}
		for _, text := range batches {
			b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(text))
			if err != nil {
				return nil, fmt.Errorf("rows of the test: %w", err)
			}
			r.batches = append(r.batches, b)
		}
		return r, nil
	}
}

// reader hands out batches, and then end.
type reader struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	before  func(i int) error // called before batch i, and before the end
	i       int
	closed  bool
}

func (r *reader) Schema() *arrow.Schema { return r.schema }

func (r *reader) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if r.before != nil {
		if err := r.before(r.i); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.i == len(r.batches) {
		return nil, io.EOF
	}
	b := r.batches[r.i]
	r.i++
	return b, nil
}

func (r *reader) Close() error {
	r.closed = true
	return nil
}

// numbers are the keys from..to-1 with a text each, in batches, as a JSON array each.
func numbers(from, to, size int, text string) (batches []string) {
	for at := from; at < to; at += size {
		var b strings.Builder
		for i := at; i < min(at+size, to); i++ {
			fmt.Fprintf(&b, `,{"id":%d,"name":"%s %d"}`, i, text, i)
		}
		batches = append(batches, "["+b.String()[1:]+"]")
	}
	return batches
}
