package binlog

import (
	"fmt"

	"weir/internal/record"
	"weir/internal/source/mysql/value"
)

// A decimal has its digits in groups of nine, counted from the point, each in four bytes, highest first; what is left over at both
// ends takes as many bytes as its digits need. The sign is the highest bit, turned round; negative numbers have all bits turned.
var leftover = [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

var powers = [...]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

func decimalSize(precision, scale int) int {
	if scale > precision {
		return -1
	}
	whole := precision - scale
	return whole/9*4 + leftover[whole%9] + scale/9*4 + leftover[scale%9]
}

// groups calls each with the groups of a decimal and their digits, and says whether it is negative.
func groups(v []byte, precision, scale int, each func(n uint32, digits int)) (negative bool) {
	var turn byte
	if v[0]&0x80 == 0 {
		negative, turn = true, 0xff
	}
	at := 0
	next := func(digits int) {
		size := leftover[digits]
		if size == 0 {
			return
		}
		var n uint32
		for i := range size {
			b := v[at+i] ^ turn
			if at+i == 0 {
				b ^= 0x80
			}
			n = n<<8 | uint32(b)
		}
		at += size
		each(n, digits)
	}
	whole := precision - scale
	next(whole % 9)
	for range whole / 9 {
		next(9)
	}
	for range scale / 9 {
		next(9)
	}
	next(scale % 9)
	return negative
}

func putDecimal(to *value.Cell, v []byte, precision, scale int) value.Flaw {
	if len(v) == 0 {
		return value.Short
	}
	if to.Kind != value.Decimal {
		return to.Characters(appendDecimal(nil, v, precision, scale))
	}
	var low, high uint64
	fits := true
	negative := groups(v, precision, scale, func(n uint32, digits int) {
		var ok bool
		low, high, ok = record.MulAdd(low, high, powers[digits], uint64(n))
		fits = fits && ok && uint64(n) < powers[digits]
	})
	if !fits {
		return value.TooBig
	}
	to.Unscaled(negative, low, high)
	return value.OK
}

// appendDecimal writes a decimal as the server does: no zeros in front, all digits behind the point.
func appendDecimal(b, v []byte, precision, scale int) []byte {
	var digits []byte
	if groups(v, precision, scale, func(n uint32, k int) { digits = fmt.Appendf(digits, "%0*d", k, n) }) {
		b = append(b, '-')
	}
	whole := len(digits) - scale
	if whole < 0 {
		return b
	}
	first := 0
	for first < whole-1 && digits[first] == '0' {
		first++
	}
	if whole == 0 {
		b = append(b, '0')
	}
	b = append(b, digits[first:whole]...)
	if scale > 0 {
		b = append(append(b, '.'), digits[whole:]...)
	}
	return b
}
