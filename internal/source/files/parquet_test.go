package files

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"weir/internal/fault"
	"weir/internal/job"
)

// parquetFile is a file of one column.
func parquetFile(t *testing.T, typ arrow.DataType, fill func(b array.Builder)) string {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "v", Type: typ, Nullable: true}}, nil))
	defer b.Release()
	fill(b.Field(0))
	rec := b.NewRecordBatch()
	defer rec.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &out, parquet.NewWriterProperties(parquet.WithVersion(parquet.V2_LATEST)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The engine reads decimals of more digits than it holds as DOUBLE, and wrongly.
func TestWideDecimalIsRefused(t *testing.T) {
	file := parquetFile(t, &arrow.Decimal256Type{Precision: 60, Scale: 2}, func(b array.Builder) {
		b.(*array.Decimal256Builder).Append(decimal256.FromU64(12345))
	})
	_, err := readAll(t, inbox(t, map[string]string{"a.parquet": file}), Reader{Path: "*.parquet"}, job.Read{})
	if err == nil || fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), `a.parquet: column "v" is a decimal of 60 digits`) {
		t.Errorf("got %v", err)
	}
}

func TestNanosecondsAreRejects(t *testing.T) {
	file := parquetFile(t, &arrow.TimestampType{Unit: arrow.Nanosecond}, func(b array.Builder) {
		b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{1772359200123456000, 1772359200123456789}, nil)
	})
	got, err := readAll(t, inbox(t, map[string]string{"a.parquet": file}), Reader{Path: "*.parquet"}, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", got.rows, []string{"2026-03-01 10:00:00.123456|a.parquet"})
	same(t, "rejects", got.rejects, []string{`a.parquet:2 v: "2026-03-01 10:00:00.123456789" is not TIMESTAMP | {"v":"2026-03-01 10:00:00.123456789"}`})
}
