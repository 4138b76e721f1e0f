package record

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"weir/internal/job/coltype"
)

// Kind is how the values of a column are laid out.
type Kind uint8

// Layouts. Dates are Int32 days since 1970-01-01; times are Int64 microseconds of the day, timestamps of the epoch.
const (
	Bool    Kind = iota
	Int32        // 4 bytes
	Int64        // 8 bytes
	Float32      // 4 bytes
	Float64      // 8 bytes
	Decimal      // 16 bytes, two's complement, little endian
	UUID         // 16 bytes as they are
	Bytes        // offsets and bytes: texts and blobs
	List         // offsets and a column of items
)

// Column is one column of a batch under way.
type Column struct {
	Kind Kind
	// Item is the column of a List's items.
	Item *Column

	typ   arrow.DataType
	pool  *Pool
	n     int
	fixed []byte // values of fixed width; bits of a Bool
	ends  []byte // n+1 offsets of Bytes and List, 4 bytes each
	data  []byte // of Bytes
	valid []byte // bitmap, made at the first null
	nulls int
}

func (c *Column) set(t coltype.Type, pool *Pool) (err error) {
	c.pool = pool
	if t.Kind != "LIST" {
		c.typ, c.Kind, err = arrowType(t)
		return err
	}
	c.Kind, c.Item = List, &Column{}
	if err := c.Item.set(t.Fields[0].Type, pool); err != nil {
		return err
	}
	c.typ = arrow.ListOf(c.Item.typ)
	return nil
}

// Len is how many values the column has.
func (c *Column) Len() int { return c.n }

// Null appends a null.
func (c *Column) Null() {
	c.valid = bitmap(c.pool, c.valid, c.n+1, 0xff)
	c.valid[c.n>>3] &^= 1 << (c.n & 7)
	c.nulls++
	switch c.Kind {
	case Bool:
		c.Bool(false)
		return // counted there
	case Int32, Float32:
		c.fixed = append4(c.pool, c.fixed, 0)
	case Int64, Float64:
		c.fixed = append8(c.pool, c.fixed, 0)
	case Decimal, UUID:
		c.fixed = append8(c.pool, append8(c.pool, c.fixed, 0), 0)
	case Bytes:
		c.end(len(c.data))
	case List:
		c.end(c.Item.n)
	}
	c.n++
}

// Bool appends a truth value.
func (c *Column) Bool(v bool) {
	c.fixed = bitmap(c.pool, c.fixed, c.n+1, 0)
	if v {
		c.fixed[c.n>>3] |= 1 << (c.n & 7)
	} else {
		c.fixed[c.n>>3] &^= 1 << (c.n & 7)
	}
	c.n++
}

// Int32 appends a whole number or a date.
func (c *Column) Int32(v int32) {
	c.fixed = append4(c.pool, c.fixed, uint32(v))
	c.n++
}

// Int64 appends a whole number, a time or a timestamp.
func (c *Column) Int64(v int64) {
	c.fixed = append8(c.pool, c.fixed, uint64(v))
	c.n++
}

// Float32 appends a number.
func (c *Column) Float32(v float32) {
	c.fixed = append4(c.pool, c.fixed, math.Float32bits(v))
	c.n++
}

// Float64 appends a number.
func (c *Column) Float64(v float64) {
	c.fixed = append8(c.pool, c.fixed, math.Float64bits(v))
	c.n++
}

// Decimal appends the unscaled value of a decimal: low and high half of 128 bits.
func (c *Column) Decimal(low uint64, high int64) {
	c.fixed = append8(c.pool, append8(c.pool, c.fixed, low), uint64(high))
	c.n++
}

// UUID appends 16 bytes.
func (c *Column) UUID(v [16]byte) {
	c.fixed = appendBytes(c.pool, c.fixed, v[:])
	c.n++
}

// Bytes appends a text or a blob.
func (c *Column) Bytes(v []byte) {
	c.data = appendBytes(c.pool, c.data, v)
	c.end(len(c.data))
	c.n++
}

// Text appends a text.
func (c *Column) Text(v string) {
	c.data = append(c.room(len(v)), v...)
	c.end(len(c.data))
	c.n++
}

func (c *Column) room(n int) []byte {
	c.data = grow(c.pool, c.data, n)
	return c.data
}

// EndList completes a list of the items appended to Item since the last one.
func (c *Column) EndList() {
	c.end(c.Item.n)
	c.n++
}

// end notes where the value that is about to be counted ends.
func (c *Column) end(at int) {
	if len(c.ends) == 0 {
		c.ends = append4(c.pool, c.ends, 0)
	}
	c.ends = append4(c.pool, c.ends, uint32(at))
}

// bitmap makes a bitmap at least n bits long.
func bitmap(p *Pool, b []byte, n int, fill byte) []byte {
	for len(b)*8 < n {
		b = append(grow(p, b, 1), fill)
	}
	return b
}

func (c *Column) bytes() int {
	n := len(c.fixed) + len(c.ends) + len(c.data)
	if c.Item != nil {
		n += c.Item.bytes()
	}
	return n
}

// truncate forgets all values from the nth on.
func (c *Column) truncate(n int) {
	for i := n; i < c.n && i < 8*len(c.valid); i++ {
		if c.valid[i>>3]&(1<<(i&7)) == 0 {
			c.valid[i>>3] |= 1 << (i & 7)
			c.nulls--
		}
	}
	switch c.Kind {
	case Bool:
	case Bytes, List:
		if c.n > n {
			c.ends = c.ends[:4*(n+1)]
		}
		if c.Kind == List {
			c.Item.truncate(c.endOf(n)) // items of a list that was not ended are there, too
		} else {
			c.data = c.data[:c.endOf(n)]
		}
	default:
		c.fixed = c.fixed[:n*c.width()]
	}
	c.n = n
}

// endOf is where value n begins, and the one before it ends.
func (c *Column) endOf(n int) int {
	if len(c.ends) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(c.ends[4*n:]))
}

func (c *Column) width() int {
	switch c.Kind {
	case Int32, Float32:
		return 4
	case Int64, Float64:
		return 8
	}
	return 16
}

// take gives the column's values away and empties it.
func (c *Column) take() arrow.ArrayData {
	var valid *memory.Buffer
	if c.nulls > 0 {
		valid = c.pool.buffer(bitmap(c.pool, c.valid, c.n, 0xff))
	} else if c.valid != nil {
		c.pool.Free(c.valid)
	}
	buffers, children := []*memory.Buffer{valid}, []arrow.ArrayData(nil)
	switch c.Kind {
	case Bytes, List:
		if len(c.ends) == 0 {
			c.ends = append4(c.pool, c.ends, 0)
		}
		buffers = append(buffers, c.pool.buffer(c.ends))
		if c.Kind == Bytes {
			buffers = append(buffers, c.pool.buffer(c.data))
		} else {
			children = []arrow.ArrayData{c.Item.take()}
		}
	default:
		buffers = append(buffers, c.pool.buffer(c.fixed))
	}
	data := array.NewData(c.typ, c.n, buffers, children, c.nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, d := range children {
		d.Release()
	}
	c.n, c.nulls, c.fixed, c.ends, c.data, c.valid = 0, 0, nil, nil, nil, nil
	return data
}

func (c *Column) release() {
	for _, b := range [][]byte{c.fixed, c.ends, c.data, c.valid} {
		if b != nil {
			c.pool.Free(b)
		}
	}
	c.n, c.nulls, c.fixed, c.ends, c.data, c.valid = 0, 0, nil, nil, nil, nil
	if c.Item != nil {
		c.Item.release()
	}
}

func append4(p *Pool, b []byte, v uint32) []byte {
	if len(b)+4 > cap(b) {
		b = grow(p, b, 4)
	}
	n := len(b)
	b = b[:n+4]
	binary.LittleEndian.PutUint32(b[n:], v)
	return b
}

func append8(p *Pool, b []byte, v uint64) []byte {
	if len(b)+8 > cap(b) {
		b = grow(p, b, 8)
	}
	n := len(b)
	b = b[:n+8]
	binary.LittleEndian.PutUint64(b[n:], v)
	return b
}

func appendBytes(p *Pool, b, v []byte) []byte {
	if len(b)+len(v) > cap(b) {
		b = grow(p, b, len(v))
	}
	return append(b, v...)
}

// grow gives a buffer room for n more bytes, in a larger one where it has to.
func grow(p *Pool, b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	bigger := p.bytes(max(len(b)+n, 2*cap(b), 4096))[:len(b)]
	copy(bigger, b)
	if b != nil {
		p.Free(b)
	}
	return bigger
}

// MulAdd gives v*m + a of a decimal under way, and whether it still fits 127 bits.
func MulAdd(low, high, m, a uint64) (l, h uint64, ok bool) {
	over, l := bits.Mul64(low, m)
	top, h := bits.Mul64(high, m)
	h, carry := bits.Add64(h, over, 0)
	l, c := bits.Add64(l, a, 0)
	h, carry2 := bits.Add64(h, 0, c)
	return l, h, top == 0 && carry == 0 && carry2 == 0 && h>>63 == 0
}
