package postgres

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// numeric writes decimals of one scale in the server's binary form: 16-bit digits of base 10,000 around a point that lies between
// two of them, with as many zeros left out at both ends as there are.
type numeric struct {
	scale  int
	pad    uint64 // 10^(digits that the last group after the point lacks)
	split  uint64 // 10^scale
	groups int    // after the point
	small  bool   // whether what stands after the point fits 64 bits, padded
}

func newNumeric(scale int) numeric {
	n := numeric{scale: scale, pad: pow10(-scale & 3), groups: (scale + 3) / 4, small: scale <= 16}
	if scale <= 19 {
		n.split = pow10(scale)
	}
	return n
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// maxGroups holds 38 digits with a point anywhere.
const maxGroups = 12

// append adds the length and the value.
func (n *numeric) append(b []byte, v decimal128.Num) []byte {
	lo, hi := v.LowBits(), uint64(v.HighBits())
	var sign uint16
	if v.HighBits() < 0 {
		sign = 0x4000
		lo = -lo
		if hi = ^hi; lo == 0 {
			hi++
		}
	}
	var g [maxGroups]uint16 // from the last
	k := 0
	if hi == 0 && n.small {
		whole, part := lo, uint64(0)
		if n.scale > 0 {
			whole, part = lo/n.split, lo%n.split*n.pad
			for ; k < n.groups; k++ {
				g[k] = uint16(part % 10000)
				part /= 10000
			}
		}
		for ; whole > 0; k++ {
			g[k] = uint16(whole % 10000)
			whole /= 10000
		}
	} else {
		k = n.wide(&g, hi, lo)
	}
	for k > 0 && g[k-1] == 0 {
		k--
	}
	first := 0
	for first < k && g[first] == 0 {
		first++
	}
	weight := k - n.groups - 1
	if k == first {
		weight, sign = 0, 0
	}
	b = binary.BigEndian.AppendUint32(b, uint32(8+2*(k-first)))
	b = binary.BigEndian.AppendUint16(b, uint16(k-first))
	b = binary.BigEndian.AppendUint16(b, uint16(int16(weight)))
	b = binary.BigEndian.AppendUint16(b, sign)
	b = binary.BigEndian.AppendUint16(b, uint16(n.scale))
	for i := k - 1; i >= first; i-- {
		b = binary.BigEndian.AppendUint16(b, g[i])
	}
	return b
}

// wide parts a number of up to 128 bits into groups, from its decimal digits.
func (n *numeric) wide(g *[maxGroups]uint16, hi, lo uint64) int {
	const limb = 1e16 // the largest power of 10,000 in 64 bits
	var digits [4*maxGroups + 4]byte
	at := -n.scale & 3 // zeros that fill the last group
	for hi > 0 || lo > 0 {
		var rest uint64
		q := hi / limb
		lo, rest = bits.Div64(hi%limb, lo, limb)
		hi = q
		for range 16 {
			if at < len(digits) {
				digits[at] = byte(rest % 10)
			}
			rest /= 10
			at++
		}
	}
	k := min((at+3)/4, maxGroups)
	for i := range k {
		d := digits[4*i:]
		g[i] = uint16(d[3])*1000 + uint16(d[2])*100 + uint16(d[1])*10 + uint16(d[0])
	}
	return max(k, n.groups)
}
