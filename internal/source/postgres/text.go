package postgres

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"weir/internal/record"
)

// textValue appends one value in the server's text format, as a stream of changes has it; what comes of it is what value makes of
// the binary format. Sessions fix the styles texts are written in (see internal/postgres).
func (c *column) textValue(to *record.Column, v []byte) error {
	switch c.form {
	case asText, asJSONB, asNumeric:
		return c.text8(to, c.worded(v))
	case asBool:
		if len(v) != 1 {
			return errShort
		}
		to.Bool(v[0] == 't')
		return nil
	case asInt16, asInt32:
		n, err := strconv.ParseInt(string(v), 10, 32)
		to.Int32(int32(n))
		return err
	case asInt64, asOID:
		n, err := strconv.ParseInt(string(v), 10, 64)
		to.Int64(n)
		return err
	case asFloat32:
		f, err := strconv.ParseFloat(string(v), 32)
		to.Float32(float32(f))
		return err
	case asFloat64:
		f, err := strconv.ParseFloat(string(v), 64)
		to.Float64(f)
		return err
	case asDecimal:
		return c.decimalText(to, v)
	case asBlob:
		return blobText(to, v)
	case asUUID:
		return uuidText(to, v)
	case asArray:
		return c.arrayText(to, v)
	}
	return c.timeText(to, string(v))
}

// worded is text that the server writes otherwise in a stream than by a cast to text.
func (c *column) worded(v []byte) []byte {
	switch {
	case c.money:
		return []byte(strings.NewReplacer("$", "", ",", "").Replace(string(v)))
	case c.truth && len(v) == 1 && v[0] == 't':
		return []byte("true")
	case c.truth && len(v) == 1 && v[0] == 'f':
		return []byte("false")
	}
	return v
}

// decimalText appends a number into the scale of its column. The server has rounded it to that scale already.
func (c *column) decimalText(to *record.Column, v []byte) error {
	low, high, ok, neg, places, point := uint64(0), uint64(0), true, false, 0, false
	for i, b := range v {
		switch {
		case b == '-' && i == 0:
			neg = true
		case b == '.' && !point:
			point = true
		case b >= '0' && b <= '9' && ok:
			if low, high, ok = record.MulAdd(low, high, 10, uint64(b-'0')); point {
				places++
			}
		case ok:
			return errNaN
		}
	}
	for ; places < c.scale && ok; places++ {
		low, high, ok = record.MulAdd(low, high, 10, 0)
	}
	if !ok || places > c.scale {
		return misfit("has more digits than its type")
	}
	appendDecimal(to, low, high, neg)
	return nil
}

func blobText(to *record.Column, v []byte) error {
	if len(v) < 2 || v[0] != '\\' || v[1] != 'x' {
		return errShort
	}
	b := make([]byte, hex.DecodedLen(len(v)-2))
	if _, err := hex.Decode(b, v[2:]); err != nil {
		return errShort
	}
	to.Bytes(b)
	return nil
}

func uuidText(to *record.Column, v []byte) error {
	var u [16]byte
	if n, err := hex.Decode(u[:], []byte(strings.ReplaceAll(string(v), "-", ""))); err != nil || n != 16 {
		return errShort
	}
	to.UUID(u)
	return nil
}

// timeText appends dates and times in ISO style: 2026-03-01 09:12:00.5+00, years before Christ with BC behind.
func (c *column) timeText(to *record.Column, text string) error {
	if strings.HasSuffix(text, "infinity") {
		return errInfinite
	}
	if c.form == asTime {
		micros, err := clock(text)
		if err == nil && micros >= 86_400_000_000 {
			return misfit("is 24:00:00, which a time of the lake cannot be; declare the column varchar")
		}
		to.Int64(micros)
		return err
	}
	text, before := strings.CutSuffix(text, " BC")
	date, rest, _ := strings.Cut(text, " ")
	days, err := daysOf(date, before)
	if err != nil {
		return err
	}
	if c.form == asDate {
		to.Int32(int32(days))
		return nil
	}
	micros, err := clock(strings.TrimSuffix(rest, "+00")) // sessions are in UTC
	if err != nil {
		return err
	}
	const most = (1<<63 - 1) / 86_400_000_000
	if days >= most {
		return misfit("lies after the last timestamp of the lake; declare the column varchar")
	}
	to.Int64(days*86_400_000_000 + micros)
	return nil
}

// daysOf counts days since 1970-01-01 in the proleptic Gregorian calendar; 1 BC is the year 0.
func daysOf(date string, before bool) (int64, error) {
	parts := strings.Split(date, "-")
	if len(parts) != 3 {
		return 0, errShort
	}
	var n [3]int
	for i, p := range parts {
		var err error
		if n[i], err = strconv.Atoi(p); err != nil {
			return 0, errShort
		}
	}
	if before {
		n[0] = 1 - n[0]
	}
	return time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC).Unix() / 86_400, nil
}

// clock counts microseconds of 09:12:00.5.
func clock(text string) (int64, error) {
	hms, fraction, _ := strings.Cut(text, ".")
	parts := strings.Split(hms, ":")
	if len(parts) != 3 || len(fraction) > 6 {
		return 0, errShort
	}
	micros := int64(0)
	for _, p := range append(parts, (fraction + "000000")[:6]) {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			return 0, errShort
		}
		if len(p) == 6 {
			micros = micros*1_000_000 + n
			continue
		}
		micros = micros*60 + n
	}
	return micros, nil
}

// arrayText appends an array as the server prints it: {a,"b c",NULL}, with {{…}} for dimensions and [2:3]= in front where it does
// not begin at 1.
func (c *column) arrayText(to *record.Column, v []byte) error {
	if len(v) > 0 && v[0] == '[' {
		return misfit("is an array that does not begin at 1; declare the column varchar to keep it as text")
	}
	if len(v) < 2 || v[0] != '{' || v[len(v)-1] != '}' {
		return errShort
	}
	if len(v) > 2 && v[1] == '{' {
		return misfit("is an array of several dimensions; declare the column varchar to keep it as text")
	}
	p := v[1 : len(v)-1]
	for len(p) > 0 {
		item, quoted, rest, err := arrayItem(p)
		if err != nil {
			return err
		}
		if !quoted && strings.EqualFold(string(item), "null") {
			to.Item.Null()
		} else if err := c.item.textValue(to.Item, item); err != nil {
			return err
		}
		p = rest
	}
	to.EndList()
	return nil
}

// arrayItem reads one item and the comma behind it.
func arrayItem(p []byte) (item []byte, quoted bool, rest []byte, err error) {
	if p[0] != '"' {
		for i, b := range p {
			if b == ',' {
				return p[:i], false, p[i+1:], nil
			}
		}
		return p, false, nil, nil
	}
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case '\\':
			if i++; i < len(p) {
				item = append(item, p[i])
			}
		case '"':
			if i+1 < len(p) && p[i+1] == ',' {
				return item, true, p[i+2:], nil
			}
			return item, true, p[i+1:], nil
		default:
			item = append(item, p[i])
		}
	}
	return nil, false, nil, errShort
}
