package mysql

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"weir/internal/sink"
)

// encoder writes batches as rows of LOAD DATA, or as those of an INSERT.
type encoder struct {
	columns []values
	insert  bool
	most    int // bytes that a row of an INSERT may have
}

var _ sink.RowEncoder = (*encoder)(nil)

type values struct {
	sink.Values
	name  string
	kind  string // of the lake's type
	scale int
}

func newEncoder(cols []placed, insert bool, most int) *encoder {
	e := &encoder{columns: make([]values, len(cols)), insert: insert, most: most}
	for i, c := range cols {
		form := sink.Natural
		if c.natural.lake.Kind == "JSON" {
			form = sink.JSON
		}
		e.columns[i] = values{Values: sink.ValuesOf(c.natural.lake, form), name: c.Name, kind: c.natural.lake.Kind, scale: c.natural.lake.Scale}
	}
	return e
}

// Bind points at the values of a batch.
func (e *encoder) Bind(b arrow.RecordBatch) error {
	for i := range e.columns {
		if err := e.columns[i].Bind(b.Column(i)); err != nil {
			return fmt.Errorf("column %s: %w", e.columns[i].name, err)
		}
	}
	return nil
}

// Row adds a row. One of LOAD DATA is values with tabs between them and a line feed at the end; \N is null. One of an INSERT ends in a
// comma, which whoever sends it takes off the last.
func (e *encoder) Row(b []byte, i int) (_ []byte, column int, reason string) {
	start := len(b)
	if e.insert {
		b = append(b, '(')
	}
	for c := range e.columns {
		v := &e.columns[c]
		if c > 0 {
			b = append(b, e.between())
		}
		if v.Null(i) {
			b = append(b, e.null()...)
			continue
		}
		if b, reason = v.append(b, i, e.insert); reason != "" {
			return b, c, reason
		}
	}
	if !e.insert {
		return append(b, '\n'), 0, ""
	}
	if b = append(b, ')', ','); len(b)-start > e.most {
		return b, 0, "the row is larger than max_allowed_packet of the server"
	}
	return b, 0, ""
}

func (e *encoder) between() byte {
	if e.insert {
		return ','
	}
	return '\t'
}

func (e *encoder) null() string {
	if e.insert {
		return "NULL"
	}
	return `\N`
}

const (
	noNumber = "the number is not finite, and MySQL has none that is not"
	outside  = "the date lies outside MySQL's calendar, the years 1 to 9999"
)

func (v *values) append(b []byte, i int, insert bool) ([]byte, string) {
	switch v.kind {
	case "BOOLEAN":
		return append(b, '0'+v.Bool(i)), ""
	case "INTEGER":
		return strconv.AppendInt(b, int64(v.I32[i]), 10), ""
	case "BIGINT":
		return strconv.AppendInt(b, v.I64[i], 10), ""
	case "DECIMAL":
		return decimal(b, v.Nums[i], v.scale), ""
	case "FLOAT":
		return float(b, float64(v.F32[i]), 32)
	case "DOUBLE":
		return float(b, v.F64[i], 64)
	case "BLOB":
		if insert {
			return append(hex.AppendEncode(append(b, 'x', '\''), v.Bytes(i)), '\''), ""
		}
		return escaped(b, v.Bytes(i)), ""
	case "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
		return v.moment(b, i, insert)
	}
	if insert {
		return literal(b, v.Bytes(i)), ""
	}
	return escaped(b, v.Bytes(i)), ""
}

func (v *values) moment(b []byte, i int, insert bool) (_ []byte, reason string) {
	if insert {
		b = append(b, '\'')
	}
	switch v.kind {
	case "DATE":
		b, reason = date(b, int64(v.I32[i]))
	case "TIME":
		b = clock(b, v.I64[i])
	default:
		b, reason = timestamp(b, v.I64[i])
	}
	if insert {
		b = append(b, '\'')
	}
	return b, reason
}

// escaped writes a text of LOAD DATA.
func escaped(b, text []byte) []byte {
	for {
		at := bytes.IndexAny(text, "\\\t\n\x00")
		if at < 0 {
			return append(b, text...)
		}
		b = append(append(b, text[:at]...), '\\')
		switch text[at] {
		case '\t':
			b = append(b, 't')
		case '\n':
			b = append(b, 'n')
		case 0:
			b = append(b, '0')
		default:
			b = append(b, '\\')
		}
		text = text[at+1:]
	}
}

// literal writes a text of an INSERT, where a backslash has no meaning.
func literal(b, text []byte) []byte {
	b = append(b, '\'')
	for {
		at := bytes.IndexByte(text, '\'')
		if at < 0 {
			return append(append(b, text...), '\'')
		}
		b = append(append(b, text[:at+1]...), '\'')
		text = text[at+1:]
	}
}

func float(b []byte, v float64, bits int) ([]byte, string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return b, noNumber
	}
	return strconv.AppendFloat(b, v, 'e', -1, bits), ""
}

// decimal writes digits with the point where it belongs.
func decimal(b []byte, n decimal128.Num, scale int) []byte {
	if low := int64(n.LowBits()); n.HighBits() != low>>63 {
		return append(b, n.ToString(int32(scale))...)
	}
	v := int64(n.LowBits())
	u := uint64(v)
	if v < 0 {
		b, u = append(b, '-'), -u
	}
	start := len(b)
	b = strconv.AppendUint(b, u, 10)
	if scale == 0 {
		return b
	}
	// At least one digit stands before the point.
	for len(b)-start <= scale {
		b = append(b, 0)
		copy(b[start+1:], b[start:])
		b[start] = '0'
	}
	b = append(b, 0)
	point := len(b) - 1 - scale
	copy(b[point+1:], b[point:])
	b[point] = '.'
	return b
}

const (
	microsADay = 86_400_000_000
	firstDay   = -719_162  // 0001-01-01
	lastDay    = 2_932_896 // 9999-12-31
)

func timestamp(b []byte, micros int64) ([]byte, string) {
	days := micros / microsADay
	if micros%microsADay < 0 {
		days--
	}
	b, reason := date(b, days)
	if reason != "" {
		return b, reason
	}
	return clock(append(b, ' '), micros-days*microsADay), ""
}

// clock writes a time of day with its microseconds.
func clock(b []byte, micros int64) []byte {
	seconds := micros / 1_000_000
	b = append(two(b, seconds/3600), ':')
	b = append(two(b, seconds/60%60), ':')
	b = append(two(b, seconds%60), '.')
	for at := int64(100_000); at > 0; at /= 10 {
		b = append(b, byte('0'+micros/at%10))
	}
	return b
}

func two(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// date writes a day of the calendar that Gregory's rules give when they are kept up to the year 1.
func date(b []byte, days int64) ([]byte, string) {
	if days < firstDay || days > lastDay {
		return b, outside
	}
	// Years that begin in March, in eras of 400 of them.
	z := days + 719_468
	era := z / 146_097
	day := z - era*146_097
	year := (day - day/1460 + day/36_524 - day/146_096) / 365
	ofYear := day - (365*year + year/4 - year/100)
	month := (5*ofYear + 2) / 153
	date := ofYear - (153*month+2)/5 + 1
	year += era * 400
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	b = append(two(two(b, year/100), year%100), '-')
	return two(append(two(b, month), '-'), date), ""
}
