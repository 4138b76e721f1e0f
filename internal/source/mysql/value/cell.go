package value

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"weir/internal/record"
)

// Flaw is why a value can't be taken.
type Flaw uint8

// Flaws.
const (
	OK Flaw = iota
	NotNumber
	TooBig
	NotDate // no calendar has it
	NotText // bytes that are no text of the charset
	NotUUID
	NotGeometry
	TooLong // max_value_bytes
	Short   // fewer bytes than its type has
	NotJSON
	NotMember // of an ENUM or SET whose members are known
)

func (f Flaw) String() string {
	return [...]string{"", "is not a number of its type", "does not fit its type", "is a date that no calendar has", "has bytes that are not text",
		"is not a UUID", "is not a geometry", "is longer than max_value_bytes", "ends early", "is not a JSON document", "is no member of its type"}[f]
}

// Cell appends the values of one column to one column of batches.
type Cell struct {
	Column
	Most    int // bytes a value may have, 0: any number
	to      *record.Column
	asText  bool // dates are texts
	scratch []byte
}

// NewCell joins a column with the column of batches that takes its values.
func NewCell(c Column, to *record.Column, most int) Cell {
	return Cell{Column: c, to: to, Most: most, asText: c.Zero == TextZero}
}

// Null appends a null.
func (c *Cell) Null() { c.to.Null() }

// Int appends a whole number to Int32, Int64 and Year.
func (c *Cell) Int(v int64) Flaw {
	if c.to.Kind != record.Int32 {
		c.to.Int64(v)
		return OK
	}
	if v < math.MinInt32 || v > math.MaxInt32 {
		return TooBig
	}
	c.to.Int32(int32(v))
	return OK
}

// Uint appends a whole number to Uint64 and Bits.
func (c *Cell) Uint(v uint64) Flaw {
	if c.to.Kind == record.Decimal {
		c.to.Decimal(v, 0)
		return OK
	}
	if v > math.MaxInt64 {
		return TooBig
	}
	c.to.Int64(int64(v))
	return OK
}

// Bool appends a BIT(1).
func (c *Cell) Bool(v bool) { c.to.Bool(v) }

// Float appends a number to Float32 and Float64.
func (c *Cell) Float(v float64) {
	if c.Kind == Float32 {
		c.to.Float32(float32(v))
		return
	}
	c.to.Float64(v)
}

// Characters appends a text that is UTF-8 already.
func (c *Cell) Characters(v []byte) Flaw {
	switch {
	case c.Most > 0 && len(v) > c.Most:
		return TooLong
	case !utf8.Valid(v):
		return NotText
	}
	c.to.Bytes(v)
	return OK
}

// Octets appends bytes as they are.
func (c *Cell) Octets(v []byte) Flaw {
	if c.Most > 0 && len(v) > c.Most {
		return TooLong
	}
	c.to.Bytes(v)
	return OK
}

// Geometry appends what the server stores: an SRID and WKB. Where the SRID is not 0, it moves into the WKB's head, as
// EWKB has it, so that no value loses it.
func (c *Cell) Geometry(v []byte) Flaw {
	const flagSRID = 0x20000000
	switch {
	case c.Most > 0 && len(v) > c.Most:
		return TooLong
	case len(v) < 9 || v[4] != 1:
		return NotGeometry
	}
	srid, wkb := v[:4], v[4:]
	if binary.LittleEndian.Uint32(srid) == 0 {
		c.to.Bytes(wkb)
		return OK
	}
	b := append(c.scratch[:0], wkb[0])
	b = binary.LittleEndian.AppendUint32(b, binary.LittleEndian.Uint32(wkb[1:])|flagSRID)
	b = append(append(b, srid...), wkb[5:]...)
	c.scratch = b
	c.to.Bytes(b)
	return OK
}

// UUID appends 16 bytes in the order of the text form.
func (c *Cell) UUID(v [16]byte) { c.to.UUID(v) }

// Vector appends little-endian numbers of 4 bytes as a list.
func (c *Cell) Vector(v []byte) Flaw {
	switch {
	case c.Most > 0 && len(v) > c.Most:
		return TooLong
	case len(v)%4 != 0:
		return Short
	}
	for ; len(v) > 0; v = v[4:] {
		c.to.Item.Float32(math.Float32frombits(binary.LittleEndian.Uint32(v)))
	}
	c.to.EndList()
	return OK
}
