// Package binlog reads the binary log of MySQL and MariaDB as their replicas do: events by the protocol's public description, and
// of them transactions, with rows before and after every change.
package binlog

import (
	"encoding/binary"
	"hash/crc32"

	"weir/internal/fault"
)

// Types of events.
const (
	typeQuery              = 2
	typeStop               = 3
	typeRotate             = 4
	typeFormat             = 15
	typeXID                = 16
	typeTableMap           = 19
	typeWriteRows1         = 23
	typeUpdateRows1        = 24
	typeDeleteRows1        = 25
	typeIncident           = 26
	typeHeartbeat          = 27
	typeRowsQuery          = 29
	typeWriteRows2         = 30
	typeUpdateRows2        = 31
	typeDeleteRows2        = 32
	typeGTID               = 33
	typeAnonymousGTID      = 34
	typePreviousGTIDs      = 35
	typeXAPrepare          = 38
	typePartialUpdateRows  = 39
	typeTransactionPayload = 40
	typeHeartbeat2         = 41
	typeTaggedGTID         = 42

	typeMariaAnnotate         = 160
	typeMariaCheckpoint       = 161
	typeMariaGTID             = 162
	typeMariaGTIDList         = 163
	typeMariaEncryption       = 164
	typeMariaQueryCompressed  = 165
	typeMariaWriteCompressed  = 166
	typeMariaUpdateCompressed = 167
	typeMariaDeleteCompressed = 168
)

const (
	headerSize     = 19
	checksumSize   = 4
	flagArtificial = 0x20 // made for this reader, not in the log
	flagIgnorable  = 0x80
)

// Header begins every event.
type Header struct {
	Time   uint32 // seconds; of a transaction's event: when its statement began
	Type   byte
	Server uint32
	Length uint32
	Next   uint32 // where the next event begins, without what is over 4 GiB; 0 for none
	Flags  uint16
}

func parseHeader(b []byte) (h Header, body []byte, err error) {
	if len(b) < headerSize {
		return h, nil, damaged("an event of %d bytes has no header", len(b))
	}
	h = Header{Time: binary.LittleEndian.Uint32(b), Type: b[4], Server: binary.LittleEndian.Uint32(b[5:]), Length: binary.LittleEndian.Uint32(b[9:]),
		Next: binary.LittleEndian.Uint32(b[13:]), Flags: binary.LittleEndian.Uint16(b[17:])}
	if int(h.Length) != len(b) {
		return h, nil, damaged("an event of type %d says that it has %d bytes, and has %d", h.Type, h.Length, len(b))
	}
	return h, b[headerSize:], nil
}

func damaged(format string, args ...any) *fault.Error {
	return fault.New(fault.Data, "binary log: "+format, args...)
}

// Format is how the events of a log are laid out.
type Format struct {
	Server   string
	Checksum bool   // a CRC32 ends every event
	fixed    []byte // length of each type's fixed part, by type - 1
}

// parseFormat reads a format description: version 4 of the log, the server's version in 50 bytes, the time, the length of a
// header, that of each type's fixed part, and, behind them, one byte for the checksum.
func parseFormat(b []byte) (Format, error) {
	const fixed = 2 + 50 + 4 + 1
	if len(b) < fixed+1+checksumSize || binary.LittleEndian.Uint16(b) != 4 || b[fixed-1] != headerSize {
		return Format{}, damaged("its format is not version 4")
	}
	f := Format{Server: untilZero(b[2:52])}
	rest := b[fixed : len(b)-checksumSize-1]
	switch alg := b[len(b)-checksumSize-1]; alg {
	case 0:
	case 1:
		f.Checksum = true
	default:
		return Format{}, damaged("its checksum %d is not known", alg)
	}
	f.fixed = append([]byte(nil), rest...)
	return f, nil
}

// fixedPart is the length of the fixed part of a type.
func (f *Format) fixedPart(typ byte) int {
	if n := int(typ) - 1; n >= 0 && n < len(f.fixed) {
		return int(f.fixed[n])
	}
	return 0
}

// verify checks an event's CRC32 and cuts it off.
func verify(b []byte) ([]byte, error) {
	n := len(b) - checksumSize
	if n < headerSize {
		return nil, damaged("an event of %d bytes has no checksum", len(b))
	}
	if want, got := binary.LittleEndian.Uint32(b[n:]), checksum(b[:n]); want != got {
		return nil, damaged("an event's checksum is %08x, and should be %08x", got, want)
	}
	return b[:n], nil
}

func checksum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

func untilZero(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// cursor reads fields. What does not fit makes it bad, and every further field empty.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// uint reads a number of n bytes, little endian.
func (c *cursor) uint(n int) (v uint64) {
	for i, b := range c.bytes(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// packed reads a length-encoded number.
func (c *cursor) packed() uint64 {
	switch first := c.uint(1); first {
	case 0xfc:
		return c.uint(2)
	case 0xfd:
		return c.uint(3)
	case 0xfe:
		return c.uint(8)
	case 0xfb, 0xff:
		c.bad = true
		return 0
	default:
		return first
	}
}

// size reads a length-encoded number of things of which each takes at least one bit of what is left.
func (c *cursor) size() int {
	n := c.packed()
	if n > 8*uint64(len(c.b))+8 {
		c.bad = true
		return 0
	}
	return int(n)
}

// text reads a text with its length before it.
func (c *cursor) text() []byte { return c.bytes(c.size()) }
