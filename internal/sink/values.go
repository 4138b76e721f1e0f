package sink

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"weir/internal/fault"
	"weir/internal/job/coltype"
)

// Values are those of one column of a batch, as they lie in memory: of each type one field counts. Nothing is asked through an
// interface for each value.
type Values struct {
	I32  []int32          // INTEGER; DATE: days since 1970-01-01
	I64  []int64          // BIGINT; TIME: microseconds of the day; timestamps: microseconds since 1970-01-01
	F32  []float32        // FLOAT
	F64  []float64        // DOUBLE
	Nums []decimal128.Num // DECIMAL, unscaled
	Item *Values          // of lists

	want  arrow.Type
	bits  []byte // BOOLEAN
	ends  []int32
	data  []byte // texts, JSON, UUIDs as text, blobs
	valid []byte // bitmap, nil where nothing is null
	from  int    // bit of the first row
}

// arrowTypes say how types come that do not come as texts.
var arrowTypes = map[string]arrow.Type{"BOOLEAN": arrow.BOOL, "INTEGER": arrow.INT32, "BIGINT": arrow.INT64, "FLOAT": arrow.FLOAT32, "DOUBLE": arrow.FLOAT64,
	"DECIMAL": arrow.DECIMAL128, "DATE": arrow.DATE32, "TIME": arrow.TIME64, "TIMESTAMP": arrow.TIMESTAMP, "TIMESTAMP WITH TIME ZONE": arrow.TIMESTAMP, "BLOB": arrow.BINARY, "LIST": arrow.LIST}

// ValuesOf are values of a lake's type in a form.
func ValuesOf(t coltype.Type, f Form) Values {
	v := Values{want: arrow.STRING}
	if typ, ok := arrowTypes[t.Kind]; ok && f == Natural {
		v.want = typ
	}
	if v.want == arrow.LIST {
		item := ValuesOf(t.Fields[0].Type, f)
		v.Item = &item
	}
	return v
}

// Bind points at the values of a column.
func (v *Values) Bind(a arrow.Array) error {
	if a.DataType().ID() != v.want {
		return fault.New(fault.Internal, "cannot write %s where %s is due", a.DataType(), v.want)
	}
	v.valid, v.from = nil, a.Data().Offset()
	if a.NullN() > 0 {
		v.valid = a.NullBitmapBytes()
	}
	switch a := a.(type) {
	case *array.Boolean:
		v.bits = a.Data().Buffers()[1].Bytes()
	case *array.Int32:
		v.I32 = a.Int32Values()
	case *array.Int64:
		v.I64 = a.Int64Values()
	case *array.Float32:
		v.F32 = a.Float32Values()
	case *array.Float64:
		v.F64 = a.Float64Values()
	case *array.Date32:
		v.I32 = arrow.Int32Traits.CastFromBytes(arrow.Date32Traits.CastToBytes(a.Date32Values()))
	case *array.Time64:
		v.I64 = arrow.Int64Traits.CastFromBytes(arrow.Time64Traits.CastToBytes(a.Time64Values()))
	case *array.Timestamp:
		v.I64 = arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(a.TimestampValues()))
	case *array.Decimal128:
		v.Nums = a.Values()
	case *array.String:
		v.ends, v.data = a.ValueOffsets(), bytesOf(a)
	case *array.Binary:
		v.ends, v.data = a.ValueOffsets(), bytesOf(a)
	case *array.List:
		v.ends = a.Offsets()[a.Data().Offset():]
		return v.Item.Bind(a.ListValues())
	}
	return nil
}

// bytesOf are the bytes that the offsets of texts and blobs count in: all of the buffer, whatever part of it a batch has.
func bytesOf(a arrow.Array) []byte {
	if b := a.Data().Buffers()[2]; b != nil {
		return b.Bytes()
	}
	return nil
}

// Null says whether a value is null.
func (v *Values) Null(i int) bool {
	if v.valid == nil {
		return false
	}
	i += v.from
	return v.valid[i>>3]&(1<<(i&7)) == 0
}

// Bool gives a truth value, 0 or 1.
func (v *Values) Bool(i int) byte {
	i += v.from
	return v.bits[i>>3] >> (i & 7) & 1
}

// Bytes gives a text or a blob.
func (v *Values) Bytes(i int) []byte { return v.data[v.ends[i]:v.ends[i+1]] }

// List says which of Item's values are a list's.
func (v *Values) List(i int) (from, to int) { return int(v.ends[i]), int(v.ends[i+1]) }
