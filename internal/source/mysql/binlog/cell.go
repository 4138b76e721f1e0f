package binlog

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strconv"

	"weir/internal/source/mysql/value"
)

// Columns that MariaDB keeps compressed.
const (
	colMariaBlob    = 140
	colMariaVarchar = 141
)

// extent says how many bytes a value at the beginning of b has, and how many before them tell that; size is -1 where the type is
// not known or b too short.
func (c *Column) extent(b []byte) (head, size int) {
	switch c.Type {
	case colTiny, colYear:
		return 0, 1
	case colShort:
		return 0, 2
	case colInt24, colDate, colNewDate, colTime:
		return 0, 3
	case colLong, colFloat, colTimestamp:
		return 0, 4
	case colLongLong, colDouble, colDatetime:
		return 0, 8
	case colTime2:
		return 0, 3 + (c.Meta+1)/2
	case colDatetime2:
		return 0, 5 + (c.Meta+1)/2
	case colTimestamp2:
		return 0, 4 + (c.Meta+1)/2
	case colNewDecimal:
		return 0, decimalSize(c.Meta>>8, c.Meta&0xff)
	case colBit:
		return 0, (c.Meta + 7) / 8
	case colEnum, colSet:
		return 0, c.Meta
	case colVarchar, colVarString, colString, colMariaVarchar:
		if head = 1; c.Meta > 255 {
			head = 2
		}
	case colTinyBlob, colMediumBlob, colLongBlob, colBlob, colGeometry, colJSON, colVector, colMariaBlob:
		head = c.Meta
	default:
		return 0, -1
	}
	if head > 4 || len(b) < head {
		return 0, -1
	}
	for i := range head {
		size |= int(b[i]) << (8 * i)
	}
	return head, size
}

// put appends a value's bytes to a cell.
func (c *Column) put(to *value.Cell, v []byte) value.Flaw {
	switch c.Type {
	case colTiny, colShort, colInt24, colLong, colLongLong:
		return putInt(to, v)
	case colYear:
		if v[0] == 0 {
			return to.Int(0)
		}
		return to.Int(1900 + int64(v[0]))
	case colFloat:
		to.Float(float64(math.Float32frombits(binary.LittleEndian.Uint32(v))))
		return value.OK
	case colDouble:
		to.Float(math.Float64frombits(binary.LittleEndian.Uint64(v)))
		return value.OK
	case colNewDecimal:
		return putDecimal(to, v, c.Meta>>8, c.Meta&0xff)
	case colDate, colNewDate, colTime, colTime2, colDatetime, colDatetime2, colTimestamp, colTimestamp2:
		return c.putTime(to, v)
	case colBit:
		return to.FromBits(v)
	case colEnum, colSet:
		return putMembers(to, c.Type, v)
	case colJSON:
		return putJSON(to, v)
	case colGeometry:
		return to.Geometry(v)
	case colVector:
		return to.Vector(v)
	}
	switch to.Kind {
	case value.Text, value.JSON:
		return to.Stored(v)
	case value.UUID:
		return putUUID(to, v)
	case value.Inet4, value.Inet6:
		return putAddress(to, v)
	}
	return to.Padded(v)
}

func putInt(to *value.Cell, v []byte) value.Flaw {
	var n uint64
	for i, b := range v {
		n |= uint64(b) << (8 * i)
	}
	switch {
	case to.Kind == value.Uint64:
		return to.Uint(n)
	case !to.Unsigned:
		shift := 64 - 8*len(v)
		return to.Int(int64(n<<shift) >> shift)
	}
	return to.Int(int64(n))
}

// putMembers writes the name of an ENUM's number, which begins at 1 with 0 for an invalid value, or those of a SET's bits.
func putMembers(to *value.Cell, typ byte, v []byte) value.Flaw {
	var n uint64
	for i, b := range v {
		n |= uint64(b) << (8 * i)
	}
	if typ == colEnum {
		switch {
		case n == 0:
			return to.Characters(nil)
		case n > uint64(len(to.Members)):
			return value.NotMember
		}
		return to.Characters([]byte(to.Members[n-1]))
	}
	var all []byte
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 == 0 {
			continue
		}
		if i >= len(to.Members) {
			return value.NotMember
		}
		if len(all) > 0 {
			all = append(all, ',')
		}
		all = append(all, to.Members[i]...)
	}
	return to.Characters(all)
}

// putAddress writes an address of MariaDB's INET4 and INET6.
func putAddress(to *value.Cell, v []byte) value.Flaw {
	size := 4
	if to.Kind == value.Inet6 {
		size = 16
	}
	var full [16]byte
	if len(v) > size {
		return value.TooBig
	}
	copy(full[:], v) // zeros at the end are not in the log
	return to.Characters(shortAddress(full[:size]))
}

// shortAddress writes an address as MariaDB does: "::" in the place of the first longest run of zeros, one zero being a run, and the
// last four bytes as IPv4 where the ten or twelve before them are zeros, but for those of one or two bytes.
func shortAddress(b []byte) []byte {
	if len(b) == 4 {
		return []byte(netip.AddrFrom4([4]byte(b)).String())
	}
	var words [8]int
	first, longest := -1, 0
	for i, run := 0, 0; i < 8; i++ {
		words[i] = int(b[2*i])<<8 | int(b[2*i+1])
		if run++; words[i] != 0 {
			run = 0
		}
		if run > longest {
			first, longest = i-run+1, run
		}
	}
	tail := b[12:]
	old := first == 0 && (longest == 6 && words[6] != 0 || longest == 5 && words[5] == 0xffff)
	var out []byte
	for i := 0; i < 8; i++ {
		switch {
		case i == first:
			out = append(out, "::"...)
			i += longest - 1
		case old && i == 6:
			if longest == 5 {
				out = append(out, ':')
			}
			return append(out, netip.AddrFrom4([4]byte(tail)).String()...)
		default:
			if i > 0 && i != first+longest {
				out = append(out, ':')
			}
			out = strconv.AppendInt(out, int64(words[i]), 16)
		}
	}
	return out
}

// putUUID writes a UUID of MariaDB, which is in the log in the order of its text, whatever its order in the table.
func putUUID(to *value.Cell, v []byte) value.Flaw {
	if len(v) > 16 {
		return value.NotUUID
	}
	var id [16]byte
	copy(id[:], v)
	to.UUID(id)
	return value.OK
}
