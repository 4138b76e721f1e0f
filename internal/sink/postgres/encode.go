package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/sink"
)

// signature begins a stream of COPY … (FORMAT binary): the word, flags, the length of an extension.
const signature = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// trailer ends it.
const trailer = "\xff\xff"

// layout is how the values of a column are written.
type layout uint8

const (
	layoutBool layout = iota
	layoutInt32
	layoutInt64
	layoutFloat32
	layoutFloat64
	layoutDate
	layoutTime
	layoutTimestamp
	layoutNumeric
	layoutText
	layoutBytes
	layoutUUID
	layoutJSONB
	layoutArray
)

// values are those of one column of a batch, and how they are written.
type values struct {
	sink.Values
	layout  layout
	name    string
	numeric numeric
	element *values // of an array
	oid     uint32  // of its elements
}

// encoder writes batches as rows of COPY.
type encoder struct{ columns []values }

var _ sink.RowEncoder = (*encoder)(nil)

func newEncoder(cols []placed, asText bool) *encoder {
	e := &encoder{columns: make([]values, len(cols))}
	for i, c := range cols {
		e.columns[i].set(c.natural, asText)
		e.columns[i].name = c.Name
	}
	return e
}

func (v *values) set(n natural, asText bool) {
	form := sink.Natural
	if n.oid == oidJSONB {
		form = sink.JSON
	}
	v.Values = sink.ValuesOf(n.lake, form)
	switch n.oid {
	case oidBool:
		v.layout = layoutBool
	case oidInt4:
		v.layout = layoutInt32
	case oidInt8:
		v.layout = layoutInt64
	case oidFloat4:
		v.layout = layoutFloat32
	case oidFloat8:
		v.layout = layoutFloat64
	case oidDate:
		v.layout = layoutDate
	case oidTime:
		v.layout = layoutTime
	case oidTimestamp, oidTimestamptz:
		v.layout = layoutTimestamp
	case oidNumeric:
		v.layout, v.numeric = layoutNumeric, newNumeric(n.lake.Scale)
	case oidText:
		v.layout = layoutText
	case oidBytea:
		v.layout = layoutBytes
	case oidUUID:
		v.layout = layoutUUID
	case oidJSONB:
		if v.layout = layoutJSONB; asText {
			v.layout = layoutText
		}
	default:
		v.layout, v.oid, v.element = layoutArray, n.element.oid, &values{}
		v.element.set(*n.element, asText)
	}
}

// Bind points at the values of a batch.
func (e *encoder) Bind(b arrow.RecordBatch) error {
	for i := range e.columns {
		if err := e.columns[i].bind(b.Column(i)); err != nil {
			return fmt.Errorf("column %s: %w", e.columns[i].name, err)
		}
	}
	return nil
}

func (v *values) bind(a arrow.Array) error {
	if err := v.Bind(a); err != nil || v.element == nil {
		return err
	}
	v.element.Values = *v.Item
	return nil
}

// Row adds one row of the bound batch.
func (e *encoder) Row(b []byte, i int) (_ []byte, column int, reason string) {
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.columns)))
	for c := range e.columns {
		v := &e.columns[c]
		if v.Null(i) {
			b = append(b, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		if b, reason = v.append(b, i); reason != "" {
			return b, c, reason
		}
	}
	return b, 0, ""
}

// Epochs: the server counts from 2000-01-01, Arrow from 1970-01-01.
const (
	epochDays   = 10957
	epochMicros = 946_684_800_000_000
)

// Bounds of the server's calendar, counted from its epoch; DuckDB's is wider.
const (
	firstDay    = -2_451_545    // 4714-11-24 BC
	lastDay     = 2_145_031_948 // 5874897-12-31
	firstMicro  = -211_813_488_000_000_000
	beyondMicro = 9_223_371_331_200_000_000 // 294277-01-01
)

const (
	outOfCalendar = "the date lies outside PostgreSQL's calendar"
	zeroByte      = "the text holds a byte 0, which PostgreSQL has in no text"
	tooLong       = "the value is larger than PostgreSQL takes"
	maxValue      = 1<<30 - 1<<16
)

func (v *values) append(b []byte, i int) ([]byte, string) {
	switch v.layout {
	case layoutInt32:
		return fixed4(b, uint32(v.I32[i])), ""
	case layoutInt64, layoutTime:
		return fixed8(b, uint64(v.I64[i])), ""
	case layoutNumeric:
		return v.numeric.append(b, v.Nums[i]), ""
	case layoutText:
		return text(b, v.Bytes(i))
	case layoutDate:
		return date(b, v.I32[i])
	case layoutTimestamp:
		return timestamp(b, v.I64[i])
	case layoutFloat32:
		return fixed4(b, math.Float32bits(v.F32[i])), ""
	case layoutFloat64:
		return fixed8(b, math.Float64bits(v.F64[i])), ""
	case layoutBool:
		return append(b, 0, 0, 0, 1, v.Bool(i)), ""
	case layoutBytes:
		return sized(b, v.Bytes(i))
	case layoutJSONB:
		value := v.Bytes(i)
		b = binary.BigEndian.AppendUint32(b, uint32(len(value)+1))
		return append(append(b, 1), value...), "" // version 1
	case layoutUUID:
		return uuid(b, v.Bytes(i))
	}
	return v.list(b, i)
}

func fixed4(b []byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), v)
}

func fixed8(b []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), v)
}

func sized(b, value []byte) ([]byte, string) {
	if len(value) > maxValue {
		return b, tooLong
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...), ""
}

func text(b, value []byte) ([]byte, string) {
	if bytes.IndexByte(value, 0) >= 0 {
		return b, zeroByte
	}
	return sized(b, value)
}

func date(b []byte, days int32) ([]byte, string) {
	switch days {
	case math.MaxInt32:
		return fixed4(b, math.MaxInt32), "" // infinity
	case -math.MaxInt32:
		return fixed4(b, 1<<31), ""
	}
	d := int64(days) - epochDays
	if d < firstDay || d > lastDay {
		return b, outOfCalendar
	}
	return fixed4(b, uint32(int32(d))), ""
}

func timestamp(b []byte, micros int64) ([]byte, string) {
	switch micros {
	case math.MaxInt64:
		return fixed8(b, math.MaxInt64), ""
	case -math.MaxInt64:
		return fixed8(b, 1<<63), ""
	}
	if micros < firstMicro+epochMicros || micros-epochMicros >= beyondMicro {
		return b, outOfCalendar
	}
	return fixed8(b, uint64(micros-epochMicros)), ""
}

// uuid reads 36 letters.
func uuid(b, value []byte) ([]byte, string) {
	b = append(b, 0, 0, 0, 16)
	n, half := 0, byte(0)
	for _, c := range value {
		var d byte
		switch {
		case c == '-':
			continue
		case c >= '0' && c <= '9':
			d = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = c | 0x20 - 'a' + 10
		default:
			return b, "the value is no UUID"
		}
		if n++; n&1 == 1 {
			half = d << 4
		} else {
			b = append(b, half|d)
		}
	}
	if n != 32 {
		return b, "the value is no UUID"
	}
	return b, ""
}

// list writes an array of one dimension: how many dimensions, whether there are nulls, the type; length and first index; elements.
func (v *values) list(b []byte, i int) ([]byte, string) {
	from, to := v.List(i)
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	if from == to {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
		b = binary.BigEndian.AppendUint32(b, v.oid)
	} else {
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 1)
		b = binary.BigEndian.AppendUint32(b, v.oid)
		b = binary.BigEndian.AppendUint32(b, uint32(to-from))
		b = append(b, 0, 0, 0, 1)
		for k := from; k < to; k++ {
			if v.element.Null(k) {
				b = append(b, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			var reason string
			if b, reason = v.element.append(b, k); reason != "" {
				return b, reason
			}
		}
	}
	if len(b)-at-4 > maxValue {
		return b, tooLong
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b, ""
}
