package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// fieldsOf takes a row apart; values too long to be kept are cut.
func fieldsOf(p []byte) (out []field) {
	room := headsMost
	for len(p) >= 4 {
		f := field{size: int(int32(binary.BigEndian.Uint32(p)))}
		if p = p[4:]; f.size > 0 {
			n := min(f.size, len(p))
			f.head = p[:min(n, headMost, room)]
			p, room = p[n:], room-len(f.head)
		}
		out = append(out, f)
	}
	return out
}

// rawRow writes a row as one JSON object of texts, which a replay takes for a row of the table. A value that is not there whole, or
// is no text, is written as no JSON: such a row must be completed before it can be replayed, and is never taken without it.
func rawRow(columns []column, fields []field) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields[:min(len(fields), len(columns))] {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(columns[i].name)
		b.Write(name)
		b.WriteByte(':')
		switch {
		case f.size < 0:
			b.WriteString("null")
		case len(f.head) < f.size:
			fmt.Fprintf(&b, "<%d bytes>", f.size)
		default:
			b.WriteString(columns[i].json(f.head))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// json writes a value: lists as JSON arrays, everything else as a text that casts to the value in the lake.
func (c column) json(v []byte) string {
	if c.form == asArray {
		if items, ok := listItems(v); ok {
			texts := make([]string, len(items))
			for i, item := range items {
				if texts[i] = "null"; item != nil {
					texts[i] = c.item.json(item)
				}
			}
			return "[" + strings.Join(texts, ",") + "]"
		}
	}
	text := c.shown(v)
	if !utf8.ValidString(text) {
		return fmt.Sprintf("<%d bytes that are no UTF-8: %x>", len(v), v)
	}
	b, _ := json.Marshal(text)
	return string(b)
}

// listItems are the items of an array of one dimension that begins at 1, or of an empty one.
func listItems(v []byte) (items [][]byte, ok bool) {
	if len(v) < 12 {
		return nil, false
	}
	switch dimensions := binary.BigEndian.Uint32(v); {
	case dimensions == 0:
		return nil, true
	case dimensions > 1 || len(v) < 20 || binary.BigEndian.Uint32(v[16:]) != 1:
		return nil, false
	}
	n, v := int(binary.BigEndian.Uint32(v[12:])), v[20:]
	return cutItems(v, n)
}

// cutItems takes items apart; a null is nil.
func cutItems(v []byte, n int) (items [][]byte, ok bool) {
	for range n {
		if len(v) < 4 {
			return nil, false
		}
		size := int(int32(binary.BigEndian.Uint32(v)))
		if v = v[4:]; size < 0 {
			items = append(items, nil)
			continue
		}
		if len(v) < size {
			return nil, false
		}
		items, v = append(items, v[:size:size]), v[size:]
	}
	return items, true
}

// shown writes a value as the lake's engine writes and reads it.
func (c column) shown(v []byte) string {
	word := wordOf(v)
	switch c.form {
	case asText:
		return string(v)
	case asJSONB:
		return string(v[min(1, len(v)):])
	case asDecimal, asNumeric:
		if text, err := numericText(v); err == nil {
			return text
		}
	case asInt16, asInt32, asInt64:
		return strconv.FormatInt(word, 10)
	case asOID:
		return strconv.FormatUint(uint64(uint32(word)), 10)
	case asBool:
		return strconv.FormatBool(len(v) == 1 && v[0] != 0)
	case asFloat32:
		return floatText(float64(math.Float32frombits(uint32(word))), 32)
	case asFloat64:
		return floatText(math.Float64frombits(uint64(word)), 64)
	case asDate:
		return endless(word, math.MaxInt32, math.MinInt32, func(n int64) string { return dayText(time.Unix((n+epochDays)*86400, 0)) })
	case asTimestamp:
		text := endless(word, math.MaxInt64, math.MinInt64, func(n int64) string {
			at := time.UnixMicro(n).Add(epochDays * 24 * time.Hour).UTC()
			return dayText(at) + at.Format(" 15:04:05.999999")
		})
		if c.typ == "TIMESTAMP WITH TIME ZONE" {
			text += "+00"
		}
		return text
	case asTime:
		if word == 86_400_000_000 {
			return "24:00:00"
		}
		return time.UnixMicro(word).UTC().Format("15:04:05.999999")
	case asUUID:
		if len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
		}
	case asBlob:
		var b strings.Builder
		for _, one := range v {
			fmt.Fprintf(&b, `\x%02X`, one)
		}
		return b.String()
	case asArray:
		if text, ok := c.arrayShown(v); ok {
			return text
		}
	}
	return `\x` + hex.EncodeToString(v)
}

func wordOf(v []byte) int64 {
	switch len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

func floatText(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

// dayText writes a day; the year before 1 is 1 BC.
func dayText(at time.Time) string {
	if at = at.UTC(); at.Year() <= 0 {
		return fmt.Sprintf("%04d-%02d-%02d (BC)", 1-at.Year(), at.Month(), at.Day())
	}
	return at.Format(time.DateOnly)
}

func endless(n, last, first int64, finite func(int64) string) string {
	switch n {
	case last:
		return "infinity"
	case first:
		return "-infinity"
	}
	return finite(n)
}

// arrayShown writes an array that is no list as the server does: [2:3]={a,"b c"}, {{1,2},{3,4}}.
func (c column) arrayShown(v []byte) (string, bool) {
	if len(v) < 12 {
		return "", false
	}
	dimensions := int(binary.BigEndian.Uint32(v))
	if v = v[12:]; dimensions > 6 || len(v) < 8*dimensions { // the server knows six
		return "", false
	}
	sizes, bounds, shifted, total := make([]int, dimensions), "", false, 1
	for i := range sizes {
		sizes[i] = int(binary.BigEndian.Uint32(v[8*i:]))
		from := int(int32(binary.BigEndian.Uint32(v[8*i+4:])))
		bounds += fmt.Sprintf("[%d:%d]", from, from+sizes[i]-1)
		shifted = shifted || from != 1
		total *= sizes[i]
	}
	items, ok := cutItems(v[8*dimensions:], total)
	if !ok || dimensions == 0 {
		return "{}", ok
	}
	var b strings.Builder
	if shifted {
		b.WriteString(bounds + "=")
	}
	c.braces(&b, sizes, items)
	return b.String(), true
}

func (c column) braces(b *strings.Builder, sizes []int, items [][]byte) {
	b.WriteByte('{')
	each := len(items) / max(sizes[0], 1)
	for i := range sizes[0] {
		if i > 0 {
			b.WriteByte(',')
		}
		if len(sizes) > 1 {
			c.braces(b, sizes[1:], items[i*each:(i+1)*each])
			continue
		}
		if items[i] == nil {
			b.WriteString("NULL")
			continue
		}
		text := c.item.shown(items[i])
		if text == "" || strings.EqualFold(text, "null") || strings.ContainsAny(text, "{},\"\\ \t\n\r\v\f") {
			text = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		}
		b.WriteString(text)
	}
	b.WriteByte('}')
}
