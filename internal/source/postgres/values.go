package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"weir/internal/record"
)

// The server counts from 2000-01-01, the lake from 1970-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86_400_000_000
)

// unfit is a value that its column in the lake cannot hold: the row is rejected (promise 6).
type unfit struct{ reason string }

func (e *unfit) Error() string { return e.reason }

func misfit(format string, args ...any) error { return &unfit{fmt.Sprintf(format, args...)} }

var (
	errShort    = errors.New("a value of the server is shorter than its type")
	errInfinite = &unfit{"is infinite, which the lake does not have; declare the column varchar to keep it as text"}
	errNoText   = &unfit{"is no UTF-8 text, in a database of encoding SQL_ASCII"}
	errNaN      = &unfit{"is no number (NaN or infinity), which a decimal cannot hold; declare the column varchar to keep it as text"}
)

// value appends one value in the server's binary format to its column.
func (c *column) value(to *record.Column, v []byte) error {
	switch c.form {
	case asText:
		return c.text8(to, v)
	case asDecimal:
		return c.decimal(to, v)
	case asInt64, asTime, asTimestamp, asFloat64:
		if len(v) != 8 {
			return errShort
		}
		return c.eight(to, binary.BigEndian.Uint64(v))
	case asInt32, asDate, asFloat32, asOID:
		if len(v) != 4 {
			return errShort
		}
		return c.four(to, binary.BigEndian.Uint32(v))
	case asInt16:
		if len(v) != 2 {
			return errShort
		}
		to.Int32(int32(int16(binary.BigEndian.Uint16(v))))
	case asBool:
		if len(v) != 1 {
			return errShort
		}
		to.Bool(v[0] != 0)
	case asBlob:
		to.Bytes(v)
	case asJSONB:
		if len(v) < 1 || v[0] != 1 {
			return errShort
		}
		return c.text8(to, v[1:])
	case asUUID:
		if len(v) != 16 {
			return errShort
		}
		to.UUID([16]byte(v))
	case asNumeric:
		text, err := numericText(v)
		if err != nil {
			return err
		}
		to.Text(text)
	case asArray:
		return c.array(to, v)
	}
	return nil
}

func (c *column) eight(to *record.Column, v uint64) error {
	switch c.form {
	case asInt64:
		to.Int64(int64(v))
	case asFloat64:
		to.Float64(math.Float64frombits(v))
	case asTime:
		if int64(v) >= 86_400_000_000 {
			return misfit("is 24:00:00, which a time of the lake cannot be; declare the column varchar")
		}
		to.Int64(int64(v))
	case asTimestamp:
		n := int64(v)
		if n == math.MaxInt64 || n == math.MinInt64 {
			return errInfinite
		}
		if n > math.MaxInt64-1-epochMicros {
			return misfit("lies after the last timestamp of the lake; declare the column varchar")
		}
		to.Int64(n + epochMicros)
	}
	return nil
}

func (c *column) four(to *record.Column, v uint32) error {
	switch c.form {
	case asInt32:
		to.Int32(int32(v))
	case asOID:
		to.Int64(int64(v))
	case asFloat32:
		to.Float32(math.Float32frombits(v))
	case asDate:
		n := int32(v)
		if n == math.MaxInt32 || n == math.MinInt32 {
			return errInfinite
		}
		to.Int32(n + epochDays)
	}
	return nil
}

// array appends an array of one dimension that begins at 1, which is what a list can tell.
func (c *column) array(to *record.Column, v []byte) error {
	if len(v) < 12 {
		return errShort
	}
	dimensions := int(binary.BigEndian.Uint32(v))
	v = v[12:]
	if dimensions == 0 {
		to.EndList()
		return nil
	}
	if dimensions > 1 {
		return misfit("is an array of %d dimensions; declare the column varchar to keep it as text", dimensions)
	}
	if len(v) < 8 {
		return errShort
	}
	n, from := int(int32(binary.BigEndian.Uint32(v))), int32(binary.BigEndian.Uint32(v[4:]))
	if from != 1 {
		return misfit("is an array that begins at %d; declare the column varchar to keep it as text", from)
	}
	v = v[8:]
	for range n {
		if len(v) < 4 {
			return errShort
		}
		size := int(int32(binary.BigEndian.Uint32(v)))
		if v = v[4:]; size < 0 {
			to.Item.Null()
			continue
		}
		if len(v) < size {
			return errShort
		}
		if err := c.item.value(to.Item, v[:size]); err != nil {
			return err
		}
		v = v[size:]
	}
	to.EndList()
	return nil
}

// text8 appends text, which is UTF-8 (promise 6).
func (c *column) text8(to *record.Column, v []byte) error {
	if c.check && !utf8.Valid(v) {
		return errNoText
	}
	to.Bytes(v)
	return nil
}
