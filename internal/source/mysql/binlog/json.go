package binlog

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"weir/internal/source/mysql/value"
)

// Types of values in a binary JSON document.
const (
	jsonSmallObject = 0
	jsonLargeObject = 1
	jsonSmallArray  = 2
	jsonLargeArray  = 3
	jsonLiteral     = 4
	jsonInt16       = 5
	jsonUint16      = 6
	jsonInt32       = 7
	jsonUint32      = 8
	jsonInt64       = 9
	jsonUint64      = 10
	jsonDouble      = 11
	jsonString      = 12
	jsonOpaque      = 15
)

// mostDepth is how deep a server lets documents be.
const mostDepth = 100

// putJSON appends a document as the text that a query would give.
func putJSON(to *value.Cell, v []byte) value.Flaw {
	if len(v) == 0 {
		return to.Characters([]byte("null"))
	}
	w := jsonWriter{most: to.Most}
	w.value(v[0], v[1:], 0)
	if w.bad {
		return value.NotJSON
	}
	return to.Characters(w.out)
}

// jsonWriter writes a document as text.
type jsonWriter struct {
	out  []byte
	most int // bytes, 0: any number
	bad  bool
}

func (w *jsonWriter) value(typ byte, b []byte, depth int) {
	if depth > mostDepth || w.bad || w.most > 0 && len(w.out) > 8*w.most {
		w.bad = true
		return
	}
	switch typ {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		w.container(typ, b, depth)
	case jsonString:
		text, ok := sized(b)
		if !ok {
			w.bad = true
			return
		}
		w.quote(text)
	case jsonOpaque:
		w.opaque(b)
	default:
		w.scalar(typ, b)
	}
}

func (w *jsonWriter) scalar(typ byte, b []byte) {
	need := map[byte]int{jsonLiteral: 1, jsonInt16: 2, jsonUint16: 2, jsonInt32: 4, jsonUint32: 4, jsonInt64: 8, jsonUint64: 8, jsonDouble: 8}[typ]
	if need == 0 || len(b) < need {
		w.bad = true
		return
	}
	n := little(b[:need])
	switch typ {
	case jsonLiteral:
		if n > 2 {
			w.bad = true
			return
		}
		w.out = append(w.out, [...]string{"null", "true", "false"}[n]...)
	case jsonInt16:
		w.out = strconv.AppendInt(w.out, int64(int16(n)), 10)
	case jsonInt32:
		w.out = strconv.AppendInt(w.out, int64(int32(n)), 10)
	case jsonInt64:
		w.out = strconv.AppendInt(w.out, int64(n), 10)
	case jsonDouble:
		w.out = appendDouble(w.out, math.Float64frombits(n))
	default:
		w.out = strconv.AppendUint(w.out, n, 10)
	}
}

// container writes an object or an array: the number of its items and its size, for an object where each key lies and its length,
// for each value its type and, if it is small, itself, or where it lies. Numbers have 2 bytes, in large ones 4.
func (w *jsonWriter) container(typ byte, b []byte, depth int) {
	wide := 2
	if typ == jsonLargeObject || typ == jsonLargeArray {
		wide = 4
	}
	object := typ == jsonSmallObject || typ == jsonLargeObject
	if len(b) < 2*wide {
		w.bad = true
		return
	}
	n, size := int(little(b[:wide])), int(little(b[wide:2*wide]))
	keyEntry, entry := 0, 1+wide
	if object {
		keyEntry = wide + 2
	}
	if size > len(b) || 2*wide+n*(keyEntry+entry) > size {
		w.bad = true
		return
	}
	b = b[:size]
	keys := b[2*wide:]
	entries := keys[n*keyEntry:]
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	w.out = append(w.out, open)
	for i := 0; i < n && !w.bad; i++ {
		if i > 0 {
			w.out = append(w.out, ", "...)
		}
		if object {
			at, length := int(little(keys[i*keyEntry:][:wide])), int(little(keys[i*keyEntry+wide:][:2]))
			if at+length > size {
				w.bad = true
				return
			}
			w.quote(b[at : at+length])
			w.out = append(w.out, ": "...)
		}
		e := entries[i*entry:][:entry]
		if inline(e[0], wide) {
			w.value(e[0], e[1:], depth+1)
			continue
		}
		at := int(little(e[1:]))
		if at >= size {
			w.bad = true
			return
		}
		w.value(e[0], b[at:], depth+1)
	}
	w.out = append(w.out, end)
}

// inline says whether a value lies in its entry.
func inline(typ byte, wide int) bool {
	switch typ {
	case jsonLiteral, jsonInt16, jsonUint16:
		return true
	case jsonInt32, jsonUint32:
		return wide == 4
	}
	return false
}

// sized reads bytes with their length before them, 7 bits a byte, the lowest first.
func sized(b []byte) ([]byte, bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || k > 5 || n > uint64(len(b)-k) {
		return nil, false
	}
	return b[k : k+int(n)], true
}

const hexDigits = "0123456789abcdef"

// quote writes a text as the server does: it escapes what it must, and the short forms where there are.
func (w *jsonWriter) quote(text []byte) {
	w.out = append(w.out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			w.out = append(w.out, '\\', c)
		case c == '\b':
			w.out = append(w.out, `\b`...)
		case c == '\f':
			w.out = append(w.out, `\f`...)
		case c == '\n':
			w.out = append(w.out, `\n`...)
		case c == '\r':
			w.out = append(w.out, `\r`...)
		case c == '\t':
			w.out = append(w.out, `\t`...)
		case c < 0x20:
			w.out = append(w.out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			w.out = append(w.out, c)
		}
	}
	w.out = append(w.out, '"')
}

// opaque writes a value of one of the server's own types: its type, and its bytes.
func (w *jsonWriter) opaque(b []byte) {
	if len(b) == 0 {
		w.bad = true
		return
	}
	typ := b[0]
	v, ok := sized(b[1:])
	if !ok {
		w.bad = true
		return
	}
	switch typ {
	case colNewDecimal:
		if len(v) < 3 || decimalSize(int(v[0]), int(v[1])) != len(v)-2 {
			w.bad = true
			return
		}
		w.out = appendDecimal(w.out, v[2:], int(v[0]), int(v[1]))
	case colDate, colDatetime, colTimestamp, colTime:
		if len(v) != 8 {
			w.bad = true
			return
		}
		w.out = append(appendPacked(append(w.out, '"'), typ, int64(little(v))), '"')
	default:
		w.out = append(append(w.out, `"base64:type`...), strconv.Itoa(int(typ))...)
		w.out = append(w.out, ':')
		w.out = append(base64.StdEncoding.AppendEncode(w.out, v), '"')
	}
}

// appendPacked writes a date or time out of its 64 bits: 24 of microseconds below those of the log's DATETIME or TIME.
func appendPacked(b []byte, typ byte, n int64) []byte {
	if typ == colTime {
		negative := n < 0
		if negative {
			n = -n
			b = append(b, '-')
		}
		t := n >> 24
		return appendClock(b, int(t>>12&1023), int(t>>6&63), int(t&63), int(n&0xffffff))
	}
	m := unpack(uint64(n)>>24, int(n&0xffffff))
	b = appendNumber(b, m.Year, 4)
	b = appendNumber(append(b, '-'), m.Month, 2)
	b = appendNumber(append(b, '-'), m.Day, 2)
	if typ == colDate {
		return b
	}
	return appendClock(append(b, ' '), m.Hour, m.Minute, m.Second, m.Micro)
}

func appendClock(b []byte, hours, minutes, seconds, micro int) []byte {
	b = appendNumber(b, hours, 2)
	b = appendNumber(append(b, ':'), minutes, 2)
	b = appendNumber(append(b, ':'), seconds, 2)
	return appendNumber(append(b, '.'), micro, 6)
}

func appendNumber(b []byte, n, digits int) []byte {
	text := strconv.Itoa(n)
	for range digits - len(text) {
		b = append(b, '0')
	}
	return append(b, text...)
}

// appendDouble writes a number with as few digits as tell it from all others, and with a point or an exponent, as the server does:
// an exponent for those under 10^-15 and for whole ones from 10^15 on.
func appendDouble(b []byte, f float64) []byte {
	var digits [32]byte
	text := strconv.AppendFloat(digits[:0], f, 'e', -1, 64)
	at := len(text) - 1
	for text[at] != 'e' {
		at--
	}
	exponent, _ := strconv.Atoi(string(text[at+1:]))
	if count := at - bytes.Count(text[:at], []byte{'.'}) - bytes.Count(text[:at], []byte{'-'}); exponent < -15 || exponent > 14 && count <= exponent+1 {
		b = append(b, text[:at]...)
		return strconv.AppendInt(append(b, 'e'), int64(exponent), 10)
	}
	from := len(b)
	if b = strconv.AppendFloat(b, f, 'f', -1, 64); bytes.IndexByte(b[from:], '.') < 0 {
		b = append(b, ".0"...)
	}
	return b
}
