package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/bits"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"weir/internal/source/files/skim"
)

// A CSV file is certified when every number, date and time in it is written the plain way, such as -12.50 or 2026-01-02,
// within the bounds of its column's type. The engine's reader takes such texts exactly, so that the file can be read
// typed, without any check in SQL. Looking costs a twentieth of the read, checking in SQL a fifth. A file that is not
// certified is no worse for it: it is checked.
//
// Package skim takes the lines that have nothing to be careful about, which are most; what is plain is defined here, and
// lines with quotes, nulls or rare spellings are looked at here.

// fieldCheck is what the texts of one field must look like.
type fieldCheck struct {
	kind   kind // integer, decimal, float, date, moment, zoned, or text for anything
	before int  // digits before the point at most
	behind int  // digits behind it at most
}

// checkFor is the check of a column's type, and whether there is one. TIME and HUGEINT columns are checked in SQL.
func checkFor(t ctype) (fieldCheck, bool) {
	switch t.kind {
	case text, boolean, other:
		return fieldCheck{kind: text}, true
	case integer:
		return fieldCheck{kind: integer, before: sureDigits(t.name)}, t.name[0] != 'U' && t.name != "HUGEINT"
	case decimal:
		return fieldCheck{kind: decimal, before: t.precision - t.scale, behind: t.scale}, true
	case float:
		return fieldCheck{kind: float, before: 30, behind: 30}, true
	case date, moment, zoned:
		return fieldCheck{kind: t.kind}, true
	}
	return fieldCheck{}, false
}

// certify looks through the plain CSV files and parts the branches into certified files and others.
func (m *maker) certify(ctx context.Context) error {
	var single []*branch
	for _, b := range m.branches {
		checks, able := m.checks(b)
		for _, n := range b.splits {
			one := b.of([]*split{n})
			single = append(single, one)
			if b.format != formatCSV || n.compression != "none" {
				continue
			}
			var err error
			if n.plain, n.sure, err = m.certifyFile(ctx, one, checks, able); err != nil {
				return readFault(n.name, err)
			}
			if !n.plain {
				sum := ""
				if n.long, sum, err = scanNumbers(ctx, n.path); err != nil {
					return readFault(n.name, err)
				}
				m.s.hash(n, sum)
				one.long = n.long
			}
		}
	}
	m.branches = parted(gather(single))
	return nil
}

// checks are the checks of a branch's fields; false where a column has none, or the dialect is beyond looking.
func (m *maker) checks(b *branch) ([]fieldCheck, bool) {
	d := b.head.dialect
	if b.format != formatCSV || d.comment != 0 || d.escape != d.quote || d.encoding != "" && d.encoding != "utf-8" ||
		m.s.reader.DateFormat != "" || m.s.reader.TimestampFormat != "" {
		return nil, false
	}
	checks := make([]fieldCheck, len(b.head.names))
	for i, name := range b.head.names {
		checks[i].kind = text
		if c := indexColumn(m.settled.columns, name); c >= 0 {
			check, ok := checkFor(m.settled.columns[c].typ)
			if !ok {
				return nil, false
			}
			checks[i] = check
		}
	}
	return checks, true
}

// errDoubt ends the look at a file that is not plain.
var errDoubt = errors.New("not plain")

func (m *maker) certifyFile(ctx context.Context, b *branch, checks []fieldCheck, able bool) (plain, sure bool, err error) {
	if !able {
		return false, false, nil
	}
	n := b.splits[0]
	c := &certifier{d: b.head.dialect, checks: checks, nulls: m.s.reader.NullValues, begin: b.head.begin}
	sum, err := c.run(ctx, n.path)
	if errors.Is(err, errDoubt) {
		return false, false, nil
	}
	m.s.hash(n, sum)
	return err == nil, err == nil && !c.unsure.Load() && m.judged(b) && m.s.reader.maxLine() >= certifiedLine, err
}

// judged says whether every field of a certified file was looked at as its type asks, so that the reader can refuse none.
func (m *maker) judged(b *branch) bool {
	for _, name := range b.head.names {
		if c := indexColumn(m.settled.columns, name); c >= 0 {
			if k := m.settled.columns[c].typ.kind; k == boolean || k == other {
				return false
			}
		}
	}
	return true
}

// certifier looks through one file, in chunks that several goroutines take in turn. A record belongs to the chunk it
// begins in. Each goroutine takes the first line end in its chunk for a record's end; a quoted field with a line end in
// it, which would make that wrong, is seen by whoever has the record before, and ends the look.
type certifier struct {
	d      dialect
	checks []fieldCheck
	nulls  []string
	begin  int64 // where the first record begins, without a byte order mark

	// A text that is plain may still be no value, such as 2026-02-30, or not be valid UTF-8. Where there is one the reader
	// must be able to reject it.
	unsure atomic.Bool
}

// reach is how far behind its chunk a goroutine reads for the end of the last record.
const reach = 64 << 10

// certifiedLine is more than any line of a certified file is long: it ends in its chunk or within reach.
const certifiedLine = 2 * chunkSize

// run looks through the file and hashes it on the way.
func (c *certifier) run(ctx context.Context, path string) (sum string, err error) {
	var h hasher
	var looks []*skim.CSV
	start := func(chunks, workers int) {
		h.start(chunks)
		for range workers {
			looks = append(looks, c.skim())
		}
	}
	_, err = eachChunk(ctx, path, margins{lead: 1, tail: reach}, start, func(w int, part chunk) error {
		h.add(part)
		return c.chunk(looks[w], part)
	})
	return h.sum(), err
}

// skim makes a look at lines that have nothing to be careful about, or none where fields could end amid what is plain.
func (c *certifier) skim() *skim.CSV {
	if len(c.checks) > skim.MaxFields || strings.IndexByte("-.0123456789", c.d.delimiter) >= 0 {
		return nil
	}
	fields := make([]skim.Field, len(c.checks))
	for i, check := range c.checks {
		f := skim.Field{Form: skim.Text, Before: check.before, Behind: check.behind}
		switch check.kind {
		case integer:
			f.Form = skim.Whole
		case decimal, float:
			f.Form = skim.Fraction
		case date:
			f.Form = skim.Day
		case moment, zoned:
			f.Form = skim.Moment
		}
		fields[i] = f
	}
	return skim.NewCSV(c.d.delimiter, c.d.quote, fields)
}

// chunk looks at the records that begin in a chunk.
func (c *certifier) chunk(l *skim.CSV, part chunk) (err error) {
	data := part.data
	var i int
	end := part.lead + part.size
	switch begin := c.begin + int64(markLength(data)); {
	case part.index == 0 && begin > int64(len(data)):
		return errDoubt // a header longer than a chunk
	case part.index == 0:
		i = int(begin)
	default:
		// A line end just before the chunk lets a record begin with it.
		if i = bytes.IndexByte(data, '\n') + 1; i == 0 {
			return errDoubt // a line longer than a chunk
		}
	}
	for i < end {
		if l != nil {
			found := l.Lines(data, i, end)
			if !found.ASCII {
				c.text(data[i:found.Next])
			}
			for _, at := range found.Left {
				if _, err := c.record(part, int(at)); err != nil {
					return err
				}
			}
			if 2*len(found.Left) > found.Lines {
				l = nil // to leave so many is no help
			}
			if i = found.Next; i >= end {
				break
			}
		}
		if i, err = c.record(part, i); err != nil {
			return err
		}
	}
	return nil
}

// record looks at the record that begins at i, and gives where the next one does.
func (c *certifier) record(part chunk, i int) (next int, err error) {
	data := part.data
	to := bytes.IndexByte(data[i:], '\n')
	if to < 0 && !part.last {
		return 0, errDoubt
	}
	if to < 0 {
		to = len(data) - i
	}
	to += i
	stop := to
	if stop > i && data[stop-1] == '\r' {
		stop--
	}
	c.text(data[i:stop])
	// A lone CR may end a line for the reader.
	if stop > i && (bytes.IndexByte(data[i:stop], '\r') >= 0 || !c.line(data[:len(data)+slack], i, stop)) {
		return 0, errDoubt
	}
	return to + 1, nil
}

// text looks whether a text is one.
func (c *certifier) text(b []byte) {
	if !utf8.Valid(b) {
		c.unsure.Store(true)
	}
}

// line looks at one record, d[i:end]. Eight bytes behind end can be loaded.
func (c *certifier) line(d []byte, i, end int) bool {
	delimiter := c.d.delimiter
	for f := range c.checks {
		if i > end {
			return false // too few fields
		}
		check := &c.checks[f]
		to := -1
		switch check.kind {
		case text:
			to = c.textEnd(d, i, end)
		case integer, decimal, float:
			to = numberEnd(d, i, check.before, check.behind)
		case date:
			if end-i >= 10 && c.day(d[i:]) {
				to = i + 10
			}
		}
		if to < 0 || to < end && d[to] != delimiter {
			if to = c.careful(check, d[:end], i); to < 0 {
				return false
			}
		}
		i = to + 1
	}
	return i == end+1
}

// textEnd is where a field of text ends that begins at i; -1 where a quote makes that a question.
func (c *certifier) textEnd(d []byte, i, end int) int {
	if i < end && d[i] == c.d.quote && c.d.quote != 0 {
		return -1
	}
	pattern := 0x0101010101010101 * uint64(c.d.delimiter)
	for range 2 {
		// The lowest byte that is zero here is the delimiter.
		x := binary.LittleEndian.Uint64(d[i:]) ^ pattern
		if m := (x - 0x0101010101010101) &^ x & 0x8080808080808080; m != 0 {
			return min(i+bits.TrailingZeros64(m)>>3, end)
		}
		if i += 8; i >= end {
			return end
		}
	}
	if j := bytes.IndexByte(d[i:end], c.d.delimiter); j >= 0 {
		return i + j
	}
	return end
}

// numberEnd is where a plain number ends that begins at i: an optional minus, digits, and digits behind a point where
// there may be some. -1 where it is none. Most numbers, the point included, are seen by one look at eight bytes.
func numberEnd(d []byte, i, before, behind int) int {
	m := nondigits(d, i)
	n := bits.TrailingZeros64(m) >> 3 // 8 where there are only digits
	if n == 0 || n == 8 || n > before {
		return longNumberEnd(d, i, before, behind)
	}
	if i += n; d[i] != '.' {
		return i
	}
	if m &= m - 1; m == 0 {
		return fractionEnd(d, i+1, behind)
	}
	fraction := bits.TrailingZeros64(m)>>3 - n - 1
	if fraction == 0 || fraction > behind {
		return -1
	}
	return i + 1 + fraction
}

func longNumberEnd(d []byte, i, before, behind int) int {
	if d[i] == '-' {
		i++
	}
	from := i
	if i = digitsEnd(d, i); i == from || i-from > before {
		return -1
	}
	if d[i] != '.' {
		return i
	}
	return fractionEnd(d, i+1, behind)
}

func fractionEnd(d []byte, from, behind int) int {
	i := digitsEnd(d, from)
	if i == from || i-from > behind {
		return -1
	}
	return i
}

// careful looks at a field that is quoted, empty, null, a time, or out of the plain; it gives its end, or -1.
func (c *certifier) careful(check *fieldCheck, b []byte, i int) int {
	inner, end := b[i:], len(b)
	if c.d.quote != 0 && i < len(b) && b[i] == c.d.quote {
		if inner, end = c.quoted(b, i+1); end < 0 || end < len(b) && b[end] != c.d.delimiter {
			return -1
		}
	} else if j := bytes.IndexByte(inner, c.d.delimiter); j >= 0 {
		inner, end = inner[:j], i+j
	}
	if check.kind != text && !c.plain(check, inner) {
		return -1
	}
	return end
}

// quoted finds the end of a quoted field; -1 where there is none in the line.
func (c *certifier) quoted(b []byte, from int) (inner []byte, next int) {
	for i := from; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], c.d.quote)
		if j < 0 {
			break
		}
		i += j
		if i+1 < len(b) && b[i+1] == c.d.quote {
			i++
			continue
		}
		return b[from:i], i + 1
	}
	return nil, -1
}

func (c *certifier) plain(check *fieldCheck, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	ok := false
	switch check.kind {
	case integer, decimal, float:
		ok = c.number(check, b)
	case date:
		ok = len(b) == 10 && c.day(b)
	case moment, zoned:
		if ok = plainMoment(b, check.kind == zoned); ok && !(realDay(b) && realTime(b[10:])) {
			c.unsure.Store(true)
		}
	}
	if ok {
		return true
	}
	for _, n := range c.nulls {
		if string(b) == n {
			return true
		}
	}
	return false
}

// day looks at the first ten bytes.
func (c *certifier) day(b []byte) bool {
	if !plainDay(b) || yearZero(b) {
		return false
	}
	if !realDay(b) {
		c.unsure.Store(true)
	}
	return true
}

// number looks at a text that stands among others, so that what is behind it must not be looked at.
func (c *certifier) number(check *fieldCheck, b []byte) bool {
	if len(b) > maxDigits {
		return false
	}
	var alone [maxDigits + 8]byte
	copy(alone[:], b)
	return numberEnd(alone[:], 0, check.before, check.behind) == len(b)
}

// maxDigits is more than any plain number is long.
const maxDigits = 80

// plainDay looks at the first ten bytes: 2026-01-02.
func plainDay(b []byte) bool {
	b = b[:10]
	// Against this pattern a digit becomes 0 to 9 and the right dash 0; what is more overflows into the byte's highest bit.
	x := binary.LittleEndian.Uint64(b) ^ 0x2d30302d30303030
	over := (x&0x7f7f7f7f7f7f7f7f + 0x7f76767f76767676) | x
	return over&0x8080808080808080 == 0 && b[8]-'0' <= 9 && b[9]-'0' <= 9
}

// yearZero says whether a day is of the year 0, which the engine takes for 1 BC.
func yearZero(b []byte) bool { return string(b[:4]) == "0000" }

// realDay says whether a plain day is in the calendar.
func realDay(b []byte) bool {
	year, month, day := twoDigits(b)*100+twoDigits(b[2:]), twoDigits(b[5:]), twoDigits(b[8:])
	if month < 1 || month > 12 {
		return false
	}
	last := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		last = 29
	}
	return day >= 1 && day <= last
}

// realTime says whether there is a time of the day, if any, in what stands behind the day of a plain moment.
func realTime(b []byte) bool {
	return len(b) == 0 || twoDigits(b[1:]) < 24 && twoDigits(b[4:]) < 60 && twoDigits(b[7:]) < 60
}

func twoDigits(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

// plainOffset takes +02 and +02:00, up to 15 hours.
func plainOffset(b []byte) bool {
	if len(b) != 3 && (len(b) != 6 || b[3] != ':' || b[4] < '0' || b[4] > '5' || b[5]-'0' > 9) || b[0] != '+' && b[0] != '-' {
		return false
	}
	return b[1] == '0' && b[2]-'0' <= 9 || b[1] == '1' && b[2] >= '0' && b[2] <= '5'
}

// plainMoment takes a day, or a day and a time to the microsecond, and Z or, where there is a zone, an offset.
func plainMoment(b []byte, zone bool) bool {
	if len(b) < 10 || !plainDay(b) || yearZero(b) {
		return false
	}
	if len(b) == 10 {
		return true
	}
	if len(b) < 19 || b[10] != ' ' && b[10] != 'T' || b[13] != ':' || b[16] != ':' ||
		b[11]-'0' > 9 || b[12]-'0' > 9 || b[14]-'0' > 9 || b[15]-'0' > 9 || b[17]-'0' > 9 || b[18]-'0' > 9 || b[11] == '2' && b[12] > '3' {
		return false
	}
	i := 19
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
		}
		if i == 20 || i > 26 {
			return false
		}
	}
	rest := b[i:]
	return len(rest) == 0 || string(rest) == "Z" || zone && plainOffset(rest)
}
