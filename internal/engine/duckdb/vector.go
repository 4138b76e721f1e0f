package duckdb

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"weir/internal/fault"
)

// appender copies rows [from, to) of a DuckDB vector to the end of an Arrow builder.
type appender func(v mapping.Vector, from, to int)

// arrowType is the Arrow type of a DuckDB type; false where there is none and the value is read as text.
func arrowType(t string) (arrow.DataType, bool) {
	s := shapeOf(t)
	switch s.kind {
	case "BOOLEAN":
		return arrow.FixedWidthTypes.Boolean, true
	case "TINYINT":
		return arrow.PrimitiveTypes.Int8, true
	case "SMALLINT":
		return arrow.PrimitiveTypes.Int16, true
	case "INTEGER":
		return arrow.PrimitiveTypes.Int32, true
	case "BIGINT":
		return arrow.PrimitiveTypes.Int64, true
	case "UTINYINT":
		return arrow.PrimitiveTypes.Uint8, true
	case "USMALLINT":
		return arrow.PrimitiveTypes.Uint16, true
	case "UINTEGER":
		return arrow.PrimitiveTypes.Uint32, true
	case "UBIGINT":
		return arrow.PrimitiveTypes.Uint64, true
	case "HUGEINT": // wider than 38 digits by a little; Arrow holds all its 128 bits
		return &arrow.Decimal128Type{Precision: 38, Scale: 0}, true
	case "FLOAT":
		return arrow.PrimitiveTypes.Float32, true
	case "DOUBLE":
		return arrow.PrimitiveTypes.Float64, true
	case "DECIMAL":
		return &arrow.Decimal128Type{Precision: int32(s.digits), Scale: int32(s.scale)}, true
	case "DATE":
		return arrow.FixedWidthTypes.Date32, true
	case "TIME":
		return arrow.FixedWidthTypes.Time64us, true
	case "TIMESTAMP":
		return &arrow.TimestampType{Unit: arrow.Microsecond}, true
	case "TIMESTAMP WITH TIME ZONE":
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, true
	case "VARCHAR", "JSON":
		return arrow.BinaryTypes.String, true
	case "BLOB":
		return arrow.BinaryTypes.Binary, true
	case "LIST":
		return listType(t, s)
	case "STRUCT":
		return structType(s)
	}
	return nil, false
}

// listType leaves arrays of fixed length, written INTEGER[3], to text.
func listType(t string, s shape) (arrow.DataType, bool) {
	if t[len(t)-2:] != "[]" {
		return nil, false
	}
	elem, ok := arrowType(s.fields[0].typ)
	if !ok {
		return nil, false
	}
	return arrow.ListOf(elem), true
}

func structType(s shape) (arrow.DataType, bool) {
	fields := make([]arrow.Field, len(s.fields))
	for i, f := range s.fields {
		t, ok := arrowType(f.typ)
		if !ok {
			return nil, false
		}
		fields[i] = arrow.Field{Name: f.name, Type: t, Nullable: true}
	}
	return arrow.StructOf(fields...), true
}

// newAppender finds how a vector of a type is read. It destroys the type.
func newAppender(b array.Builder, t mapping.LogicalType) (appender, error) {
	defer mapping.DestroyLogicalType(&t)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Int8Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Int16Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Int32Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Int64Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Uint8Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Uint16Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Uint32Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Uint64Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Float32Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Float64Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Date32Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.Time64Builder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.TimestampBuilder:
		return fixed(b.Append, b.AppendNull, b.AppendValues), nil
	case *array.StringBuilder:
		return texts(b.BinaryBuilder), nil
	case *array.BinaryBuilder:
		return texts(b), nil
	case *array.Decimal128Builder:
		return decimals(b, t), nil
	case *array.ListBuilder:
		return lists(b, t)
	case *array.StructBuilder:
		return structs(b, t)
	}
	return nil, fault.New(fault.Internal, "no reader for %s", b.Type())
}

// text is DuckDB's string: a length and, in 12 bytes, either all of it or a prefix of 4 and a pointer.
type text struct {
	length uint32
	rest   [12]byte
}

func (t *text) bytes() []byte {
	if t.length <= uint32(len(t.rest)) {
		return t.rest[:t.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&t.rest[4])), t.length)
}

// texts reads strings and binary in place: the bytes are copied once, into the builder.
func texts(b *array.BinaryBuilder) appender {
	return func(v mapping.Vector, from, to int) {
		values := unsafe.Slice((*text)(mapping.VectorGetData(v)), to)
		valid := validity(v)
		bytes := 0
		for i := from; i < to; i++ {
			if valid(i) {
				bytes += int(values[i].length)
			}
		}
		b.ReserveData(bytes)
		for i := from; i < to; i++ {
			if valid(i) {
				b.Append(values[i].bytes())
			} else {
				b.AppendNull()
			}
		}
	}
}

// hugeint is DuckDB's whole number of 128 bits.
type hugeint struct {
	low  uint64
	high int64
}

// listEntry is where a list's values stand in the child vector.
type listEntry struct{ offset, length uint64 }

// fixed reads a vector of values that lie side by side in DuckDB's memory as they do in Go's: all at once where none is null.
func fixed[T any](add func(T), null func(), all func(values []T, valid []bool)) appender {
	return func(v mapping.Vector, from, to int) {
		values := unsafe.Slice((*T)(mapping.VectorGetData(v)), to)
		if mapping.VectorGetValidity(v) == nil {
			all(values[from:to], nil)
			return
		}
		valid := validity(v)
		for i := from; i < to; i++ {
			if valid(i) {
				add(values[i])
			} else {
				null()
			}
		}
	}
}

// validity tells which rows of a vector are not null; a vector without nulls has no mask.
func validity(v mapping.Vector) func(i int) bool {
	mask := mapping.VectorGetValidity(v)
	if mask == nil {
		return func(int) bool { return true }
	}
	return func(i int) bool {
		word := *(*uint64)(unsafe.Add(mask, i/64*8))
		return word>>(i%64)&1 == 1
	}
}

// decimals reads a decimal from the whole number DuckDB keeps it in, of the smallest width its digits need.
func decimals(b *array.Decimal128Builder, t mapping.LogicalType) appender {
	width := mapping.TypeHugeInt
	if mapping.GetTypeId(t) == mapping.TypeDecimal {
		width = mapping.DecimalInternalType(t)
	}
	switch width {
	case mapping.TypeSmallInt:
		return wholes(b, func(n int16) decimal128.Num { return decimal128.FromI64(int64(n)) })
	case mapping.TypeInteger:
		return wholes(b, func(n int32) decimal128.Num { return decimal128.FromI64(int64(n)) })
	case mapping.TypeBigInt:
		return wholes(b, decimal128.FromI64)
	}
	return wholes(b, func(n hugeint) decimal128.Num { return decimal128.New(n.high, n.low) })
}

// wholes reads whole numbers of one width as decimals.
func wholes[T any](b *array.Decimal128Builder, num func(T) decimal128.Num) appender {
	var nums []decimal128.Num
	return fixed(func(n T) { b.Append(num(n)) }, b.AppendNull, func(values []T, _ []bool) {
		nums = nums[:0]
		for _, n := range values {
			nums = append(nums, num(n))
		}
		b.AppendValues(nums, nil)
	})
}

func lists(b *array.ListBuilder, t mapping.LogicalType) (appender, error) {
	child, err := newAppender(b.ValueBuilder(), mapping.ListTypeChildType(t))
	if err != nil {
		return nil, err
	}
	return func(v mapping.Vector, from, to int) {
		entries := unsafe.Slice((*listEntry)(mapping.VectorGetData(v)), to)
		values, valid := mapping.ListVectorGetChild(v), validity(v)
		for i := from; i < to; i++ {
			if !valid(i) {
				b.AppendNull()
				continue
			}
			b.Append(true)
			if e := entries[i]; e.length > 0 {
				child(values, int(e.offset), int(e.offset+e.length))
			}
		}
	}, nil
}

func structs(b *array.StructBuilder, t mapping.LogicalType) (appender, error) {
	children := make([]appender, b.NumField())
	for i := range children {
		var err error
		if children[i], err = newAppender(b.FieldBuilder(i), mapping.StructTypeChildType(t, mapping.IdxT(i))); err != nil {
			return nil, err
		}
	}
	return func(v mapping.Vector, from, to int) {
		valid := validity(v)
		for i := from; i < to; i++ {
			if !valid(i) {
				b.AppendNull() // and one to each child: what DuckDB has there may be anything
				continue
			}
			b.Append(true)
			for j, child := range children {
				child(mapping.StructVectorGetChild(v, mapping.IdxT(j)), i, i+1)
			}
		}
	}, nil
}
