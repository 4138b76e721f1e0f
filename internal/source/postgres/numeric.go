package postgres

import (
	"encoding/binary"
	"math/bits"

	"weir/internal/record"
)

// A numeric in binary: how many digits of base 10,000, the weight of the first, a sign, how many decimal places are shown,
// the digits (numeric_send of the server's numeric.c).
const (
	numericHead = 8
	negative    = 0x4000
	special     = 0xC000 // NaN, and with further bits infinities
)

var pow10 = [...]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000}

// decimal appends a numeric in the scale of its column: short ones in one word.
func (c *column) decimal(to *record.Column, v []byte) error {
	if len(v) < numericHead {
		return errShort
	}
	digits, weight, sign := int(binary.BigEndian.Uint16(v)), int(int16(binary.BigEndian.Uint16(v[2:]))), binary.BigEndian.Uint16(v[4:])
	if sign&special == special {
		return errNaN
	}
	if v = v[numericHead:]; len(v) < 2*digits {
		return errShort
	}
	if c.wide {
		return c.wideDecimal(to, v, digits, weight, sign)
	}
	n := uint64(0)
	for at := 0; at <= weight; at++ {
		n *= 10_000
		if at < digits {
			n += uint64(binary.BigEndian.Uint16(v[2*at:]))
		}
	}
	for left, at := c.scale, weight+1; left > 0; at++ {
		d := uint64(0)
		if at >= 0 && at < digits {
			d = uint64(binary.BigEndian.Uint16(v[2*at:]))
		}
		if left < 4 {
			n = n*pow10[left] + d/pow10[4-left]
			break
		}
		n, left = n*10_000+d, left-4
	}
	if sign == negative {
		to.Decimal(uint64(-int64(n)), -int64(n)>>63)
		return nil
	}
	to.Decimal(n, 0)
	return nil
}

// wideDecimal is decimal in 128 bits.
func (c *column) wideDecimal(to *record.Column, v []byte, digits, weight int, sign uint16) error {
	low, high, ok := uint64(0), uint64(0), true
	group := func(at int) uint64 {
		if at < 0 || at >= digits {
			return 0
		}
		return uint64(binary.BigEndian.Uint16(v[2*at:]))
	}
	for at := 0; at <= weight && ok; at++ {
		low, high, ok = record.MulAdd(low, high, 10_000, group(at))
	}
	for left, at := c.scale, weight+1; left > 0 && ok; left, at = left-4, at+1 {
		if left < 4 {
			low, high, ok = record.MulAdd(low, high, pow10[left], group(at)/pow10[4-left])
			break
		}
		low, high, ok = record.MulAdd(low, high, 10_000, group(at))
	}
	if !ok {
		return misfit("has more digits than its type")
	}
	appendDecimal(to, low, high, sign == negative)
	return nil
}

func appendDecimal(to *record.Column, low, high uint64, negative bool) {
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	to.Decimal(low, int64(high))
}

// numericText writes a numeric as the server prints it.
func numericText(v []byte) (string, error) {
	if len(v) < numericHead {
		return "", errShort
	}
	digits, weight := int(binary.BigEndian.Uint16(v)), int(int16(binary.BigEndian.Uint16(v[2:])))
	sign, places := binary.BigEndian.Uint16(v[4:]), int(binary.BigEndian.Uint16(v[6:]))
	switch sign {
	case 0xC000:
		return "NaN", nil
	case 0xD000:
		return "Infinity", nil
	case 0xF000:
		return "-Infinity", nil
	}
	if v = v[numericHead:]; len(v) < 2*digits {
		return "", errShort
	}
	group := func(at int) uint16 {
		if at < 0 || at >= digits {
			return 0
		}
		return binary.BigEndian.Uint16(v[2*at:])
	}
	out := make([]byte, 0, 4*max(weight+1, 1)+places+2)
	if sign == negative {
		out = append(out, '-')
	}
	if weight < 0 {
		out = append(out, '0')
	}
	for at := 0; at <= weight; at++ {
		out = appendGroup(out, group(at), at == 0)
	}
	if places == 0 {
		return string(out), nil
	}
	out = append(out, '.')
	point := len(out)
	for at := weight + 1; len(out)-point < places; at++ {
		out = appendGroup(out, group(at), false)
	}
	return string(out[:point+places]), nil
}

// appendGroup writes four digits, the first group without leading zeros.
func appendGroup(out []byte, g uint16, first bool) []byte {
	four := [4]byte{byte('0' + g/1000), byte('0' + g/100%10), byte('0' + g/10%10), byte('0' + g%10)}
	from := 0
	for first && from < 3 && four[from] == '0' {
		from++
	}
	return append(out, four[from:]...)
}
