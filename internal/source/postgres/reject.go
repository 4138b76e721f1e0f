package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/record"
)

// mostRejects is how many rows a read turns away before it stops: they are held in memory until it ends.
const mostRejects = 100_000

func (d *decoder) turnAway(column, reason, raw string) error {
	s := d.rows.scan
	sum := sha256.Sum256([]byte(s.rel.shown() + "\x00" + raw))
	d.rows.mu.Lock()
	defer d.rows.mu.Unlock()
	if len(d.rows.rejects) >= mostRejects {
		return fault.New(fault.Data, "more than %d rows of %s do not fit; the last: %s %s", mostRejects, s.rel.shown(), column, reason)
	}
	d.rows.rejects = append(d.rows.rejects, record.Reject{ID: hex.EncodeToString(sum[:16]), Kind: record.KindReject,
		Dataset: s.rel.shown(), Offset: -1, Column: column, Reason: column + " " + reason, Raw: raw})
	return nil
}

// rawText writes a row as a JSON object of texts, as far as it is there.
func rawText(columns []column, p []byte) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range columns {
		if len(p) < 4 {
			break
		}
		size := int(int32(binary.BigEndian.Uint32(p)))
		p = p[4:]
		if size > len(p) || size > rawMost {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(c.name)
		b.Write(name)
		b.WriteByte(':')
		if size < 0 {
			b.WriteString("null")
			continue
		}
		text, _ := json.Marshal(c.shown(p[:size]))
		b.Write(text)
		p = p[size:]
	}
	b.WriteByte('}')
	return b.String()
}

// rawMost is how long a value in a reject's raw form may be.
const rawMost = 64 << 10

// shown writes a value for a person.
func (c column) shown(v []byte) string {
	word := func() int64 {
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
	switch c.form {
	case asText:
		return string(v)
	case asJSONB:
		return string(v[min(1, len(v)):])
	case asDecimal, asNumeric:
		if text, err := numericText(v); err == nil {
			return text
		}
	case asInt16, asInt32, asInt64, asOID:
		return strconv.FormatInt(word(), 10)
	case asBool:
		return strconv.FormatBool(len(v) == 1 && v[0] != 0)
	case asFloat32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(word()))), 'g', -1, 32)
	case asFloat64:
		return strconv.FormatFloat(math.Float64frombits(uint64(word())), 'g', -1, 64)
	case asDate:
		return endless(word(), math.MaxInt32, math.MinInt32, func(n int64) string { return time.Unix((n+epochDays)*86400, 0).UTC().Format(time.DateOnly) })
	case asTimestamp:
		return endless(word(), math.MaxInt64, math.MinInt64, func(n int64) string {
			return time.UnixMicro(n).Add(epochDays * 24 * time.Hour).UTC().Format("2006-01-02 15:04:05.999999")
		})
	case asTime:
		return time.UnixMicro(word()).UTC().Format("15:04:05.999999")
	}
	return `\x` + hex.EncodeToString(v)
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
