package mysql

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/source/mysql/value"
)

// mostRejects is how many rows a read turns away before it stops: they are held in memory until it ends.
const mostRejects = 100_000

// rawMost is how long a value in a reject's raw form may be.
const rawMost = 64 << 10

func (r *rows) turnAway(column, reason string, row wire.Row) error {
	raw := rawText(r.scan.columns, row)
	shown := r.scan.rel.shown()
	sum := sha256.Sum256([]byte(shown + "\x00" + raw))
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rejects) >= mostRejects {
		return fault.New(fault.Data, "more than %d rows of %s do not fit; the last: %s %s", mostRejects, shown, column, reason)
	}
	r.rejects = append(r.rejects, record.Reject{ID: hex.EncodeToString(sum[:16]), Kind: record.KindReject,
		Dataset: shown, Offset: -1, Column: column, Reason: column + " " + reason, Raw: raw})
	return nil
}

// rawText writes a row as a JSON object of texts, as far as it is there.
func rawText(columns []value.Column, row wire.Row) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range columns {
		v, null, ok := row.Next()
		if !ok || len(v) > rawMost {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(c.Name)
		b.Write(name)
		b.WriteByte(':')
		if null {
			b.WriteString("null")
			continue
		}
		text, _ := json.Marshal(shownValue(c, v))
		b.Write(text)
	}
	b.WriteByte('}')
	return b.String()
}

// shownValue writes a value for a person: bytes that are no text as \x and their digits.
func shownValue(c value.Column, v []byte) string {
	switch c.Kind {
	case value.Bool:
		return strconv.FormatBool(len(v) > 0 && v[len(v)-1] != 0)
	case value.Bits:
		return new(big.Int).SetBytes(v).String()
	case value.Blob, value.Geometry, value.Vector:
	default:
		if utf8.Valid(v) {
			return string(v)
		}
	}
	return `\x` + hex.EncodeToString(v)
}
