package value

import (
	"math"
	"strconv"
	"unsafe"

	"weir/internal/record"
)

// FromText appends a value as a query gives it.
func (c *Cell) FromText(v []byte) Flaw {
	switch c.Kind {
	case Int32, Int64, Year:
		n, ok := parseInt(v)
		if !ok {
			return NotNumber
		}
		return c.Int(n)
	case Uint64:
		n, err := strconv.ParseUint(text(v), 10, 64)
		if err != nil {
			return NotNumber
		}
		return c.Uint(n)
	case Decimal:
		return c.decimal(v)
	case Float32, Float64:
		n, err := strconv.ParseFloat(text(v), 64)
		if err != nil {
			return NotNumber
		}
		c.Float(n)
		return OK
	case Date, Datetime, Timestamp:
		if c.asText {
			return c.Characters(v)
		}
		m, ok := parseMoment(v)
		if !ok {
			return NotDate
		}
		return c.Moment(m)
	case Bool, Bits:
		return c.FromBits(v)
	case Blob:
		return c.Octets(v)
	case Geometry:
		return c.Geometry(v)
	case UUID:
		id, ok := parseUUID(v)
		if !ok {
			return NotUUID
		}
		c.to.UUID(id)
		return OK
	case Vector:
		return c.Vector(v)
	}
	return c.Characters(v)
}

// text is the bytes as a text that is gone with them.
func text(v []byte) string { return unsafe.String(unsafe.SliceData(v), len(v)) }

func parseInt(v []byte) (int64, bool) {
	digits, negative := v, false
	if len(v) > 0 && v[0] == '-' {
		digits, negative = v[1:], true
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) > 18 {
		n, err := strconv.ParseInt(text(v), 10, 64)
		return n, err == nil
	}
	n, ok := parseDigits(digits)
	if negative {
		n = -n
	}
	return n, ok
}

// parseDigits reads up to 18 digits.
func parseDigits(v []byte) (n int64, ok bool) {
	for _, b := range v {
		d := b - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, true
}

// FromBits appends a BIT: its bytes, the highest first.
func (c *Cell) FromBits(v []byte) Flaw {
	if len(v) > 8 {
		return TooBig
	}
	var n uint64
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	if c.Kind == Bool {
		c.to.Bool(n != 0)
		return OK
	}
	return c.Uint(n)
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// decimal appends digits with a point among them, which has to leave as many digits behind it as the column has or fewer.
func (c *Cell) decimal(v []byte) Flaw {
	negative := len(v) > 0 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	if len(v) == 0 {
		return NotNumber
	}
	var low, high, part uint64
	held, after := 0, -1
	for _, b := range v {
		if b == '.' && after < 0 {
			after = 0
			continue
		}
		d := b - '0'
		if d > 9 {
			return NotNumber
		}
		if after >= 0 {
			after++
		}
		part = part*10 + uint64(d)
		if held++; held == 18 {
			if low, high, _ = record.MulAdd(low, high, powers[18], part); high>>63 != 0 {
				return TooBig
			}
			part, held = 0, 0
		}
	}
	ok := true
	if low|high == 0 {
		low = part
	} else if low, high, ok = record.MulAdd(low, high, powers[held], part); !ok {
		return TooBig
	}
	return c.scaled(negative, low, high, max(after, 0))
}

// scaled appends an unscaled decimal that has so many digits behind the point.
func (c *Cell) scaled(negative bool, low, high uint64, after int) Flaw {
	if after > c.Scale {
		return TooBig
	}
	ok := true
	for missing := c.Scale - after; missing > 0; {
		k := min(missing, 18)
		if low, high, ok = record.MulAdd(low, high, powers[k], 0); !ok {
			return TooBig
		}
		missing -= k
	}
	c.Unscaled(negative, low, high)
	return OK
}

// Unscaled appends a decimal as the whole number it is without its point.
func (c *Cell) Unscaled(negative bool, low, high uint64) {
	if negative {
		low, high = -low, ^high
		if low == 0 {
			high++
		}
	}
	c.to.Decimal(low, int64(high))
}

// parseMoment reads YYYY-MM-DD[ hh:mm:ss[.ffffff]].
func parseMoment(v []byte) (m Moment, ok bool) {
	if len(v) < 10 || v[4] != '-' || v[7] != '-' {
		return m, false
	}
	y1, ok1 := two(v[0:])
	y2, ok2 := two(v[2:])
	mo, ok3 := two(v[5:])
	d, ok4 := two(v[8:])
	m.Year, m.Month, m.Day = y1*100+y2, mo, d
	if ok = ok1 && ok2 && ok3 && ok4; len(v) == 10 || !ok {
		return m, ok
	}
	if len(v) < 19 || v[10] != ' ' || v[13] != ':' || v[16] != ':' {
		return m, false
	}
	m.Hour, ok1 = two(v[11:])
	m.Minute, ok2 = two(v[14:])
	m.Second, ok3 = two(v[17:])
	if ok = ok1 && ok2 && ok3; len(v) == 19 || !ok {
		return m, ok
	}
	digits := len(v) - 20
	if v[19] != '.' || digits < 1 || digits > 6 {
		return m, false
	}
	n, ok := parseDigits(v[20:])
	m.Micro = int(n) * int(powers[6-digits])
	return m, ok
}

func two(v []byte) (int, bool) {
	a, b := v[0]-'0', v[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// parseUUID reads 8-4-4-4-12 hexadecimal digits.
func parseUUID(v []byte) (id [16]byte, ok bool) {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return id, false
	}
	at := 0
	for i := range id {
		if v[at] == '-' {
			at++
		}
		a, b := nibble(v[at]), nibble(v[at+1])
		if a|b > 15 {
			return id, false
		}
		id[i] = a<<4 | b
		at += 2
	}
	return id, true
}

func nibble(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10
	}
	return math.MaxUint8
}
