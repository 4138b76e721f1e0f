package binlog

import (
	"weir/internal/source/mysql/value"
)

// putTime appends dates and times. Those with fractions of seconds are packed with the highest byte first, a sign bit on top, and
// behind them as many bytes as the fraction needs.
func (c *Column) putTime(to *value.Cell, v []byte) value.Flaw {
	switch c.Type {
	case colDate, colNewDate:
		n := int(little(v))
		return to.Moment(value.Moment{Year: n >> 9, Month: n >> 5 & 15, Day: n & 31})
	case colTimestamp:
		return putTimestamp(to, int64(little(v)), 0)
	case colTimestamp2:
		return putTimestamp(to, int64(big(v[:4])), fraction(v[4:], c.Meta))
	case colDatetime: // the digits YYYYMMDDhhmmss as a number
		n := little(v)
		d, t := int(n/1e6), int(n%1e6)
		return to.Moment(value.Moment{Year: d / 1e4, Month: d / 100 % 100, Day: d % 100, Hour: t / 1e4, Minute: t / 100 % 100, Second: t % 100})
	case colDatetime2:
		n := big(v[:5]) - 0x8000000000
		return to.Moment(unpack(n, fraction(v[5:], c.Meta)))
	case colTime: // the digits hhmmss as a number with a sign
		n := int(int32(little(v)<<8) >> 8)
		negative := n < 0
		if negative {
			n = -n
		}
		return to.Duration(negative, n/1e4, n/100%100, n%100, 0)
	}
	return c.putTime2(to, v)
}

// unpack takes the 40 bits of a DATETIME apart: 17 of year * 13 + month, 5 of the day, then hours, minutes and seconds.
func unpack(n uint64, micro int) value.Moment {
	ym := int(n >> 22)
	return value.Moment{Year: ym / 13, Month: ym % 13, Day: int(n >> 17 & 31), Hour: int(n >> 12 & 31), Minute: int(n >> 6 & 63), Second: int(n & 63), Micro: micro}
}

// putTime2 appends a TIME: 3 bytes of a sign, 10 bits of hours, and 6 each of minutes and seconds, and the fraction, together one
// number whose negatives are those of the whole.
func (c *Column) putTime2(to *value.Cell, v []byte) value.Flaw {
	bytes := (c.Meta + 1) / 2
	n := int64(big(v)) - 0x800000<<(8*bytes)
	negative := n < 0
	if negative {
		n = -n
	}
	whole, part := n>>(8*bytes), n&(1<<(8*bytes)-1)
	micro := int(part)
	for range 3 - bytes {
		micro *= 100
	}
	return to.Duration(negative, int(whole>>12&1023), int(whole>>6&63), int(whole&63), micro)
}

func putTimestamp(to *value.Cell, seconds int64, micro int) value.Flaw {
	if seconds == 0 && micro == 0 {
		return to.Moment(value.Moment{}) // 0000-00-00
	}
	return to.Moment(value.AtUnix(seconds, micro))
}

// fraction is that of seconds, in microseconds.
func fraction(v []byte, digits int) int {
	n := int(big(v))
	for range 3 - (digits+1)/2 {
		n *= 100
	}
	return n
}

func little(v []byte) (n uint64) {
	for i, b := range v {
		n |= uint64(b) << (8 * i)
	}
	return n
}

func big(v []byte) (n uint64) {
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n
}
