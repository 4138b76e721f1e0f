package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// A CSV file is certified when every number, date and time in it is written the plain way, such as -12.50 or 2026-01-02,
// within the bounds of its column's type. The engine's reader takes such texts exactly, so that the file can be read
// typed, without any check in SQL. Looking costs a tenth of the read, checking in SQL twice as much. A file that is not
// certified is no worse for it: it is checked.

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
			one := *b
			one.splits = []*split{n}
			single = append(single, &one)
			if b.format != formatCSV || n.compression != "none" {
				continue
			}
			var err error
			if n.plain, err = m.certifyFile(ctx, &one, checks, able); err != nil {
				return readFault(n.name, err)
			}
			if !n.plain {
				if n.long, err = scanNumbers(ctx, n.path); err != nil {
					return readFault(n.name, err)
				}
				one.long = n.long
			}
		}
	}
	m.branches = gather(single)
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

func (m *maker) certifyFile(ctx context.Context, b *branch, checks []fieldCheck, able bool) (bool, error) {
	if !able {
		return false, nil
	}
	f, err := os.Open(b.splits[0].path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	c := &certifier{f: f, d: b.head.dialect, checks: checks, nulls: m.s.reader.NullValues, begin: b.head.begin}
	err = c.run(ctx)
	if errors.Is(err, errDoubt) {
		return false, nil
	}
	return err == nil, err
}

// certifier looks through one file, in chunks that several goroutines take in turn. A record belongs to the chunk it
// begins in. Each goroutine takes the first line end in its chunk for a record's end; a quoted field with a line end in
// it, which would make that wrong, is seen by whoever has the record before, and ends the look.
type certifier struct {
	f      *os.File
	d      dialect
	checks []fieldCheck
	nulls  []string
	begin  int64
	next   atomic.Int64
}

// reach is how far behind its chunk a goroutine reads for the end of the last record.
const reach = 64 << 10

func (c *certifier) run(ctx context.Context) error {
	st, err := c.f.Stat()
	if err != nil {
		return err
	}
	var mark [3]byte
	if n, _ := c.f.ReadAt(mark[:], 0); n == 3 && string(mark[:]) == "\xef\xbb\xbf" {
		c.begin += 3
	}
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			buf := make([]byte, min(chunkSize+reach+1, st.Size()+1)) // small for a small file, of which there may be thousands
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				from := c.begin + (c.next.Add(1)-1)*chunkSize
				if from >= st.Size() {
					return nil
				}
				if err := c.chunk(buf, from); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// chunk looks at the records that begin in a chunk.
func (c *certifier) chunk(buf []byte, from int64) error {
	lead := int64(0)
	if from > c.begin {
		lead = 1 // a line end just before the chunk lets a record begin with it
	}
	n, err := c.f.ReadAt(buf[:min(int64(len(buf)), chunkSize+reach+lead)], from-lead)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	data, last := buf[:n], errors.Is(err, io.EOF)
	i := 0
	if lead > 0 {
		i = bytes.IndexByte(data, '\n') + 1
		if i == 0 {
			return errDoubt // a line longer than a chunk
		}
	}
	returns, lines := 0, 0
	begin := i
	for i < int(lead)+chunkSize && i < len(data) {
		end := bytes.IndexByte(data[i:], '\n')
		if end < 0 && !last {
			return errDoubt
		}
		if end < 0 {
			end = len(data) - i
		}
		line := data[i : i+end]
		if len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
			returns++
		}
		if len(line) > 0 && !c.line(line) {
			return errDoubt
		}
		lines++
		i += end + 1
	}
	// A lone CR may end a line for the reader.
	if bytes.Count(data[min(begin, len(data)):min(i, len(data))], []byte{'\r'}) != returns {
		return errDoubt
	}
	return nil
}

// line looks at one record.
func (c *certifier) line(b []byte) bool {
	i := 0
	for f := range c.checks {
		if i > len(b) {
			return false // too few fields
		}
		check := &c.checks[f]
		end := i
		switch check.kind {
		case text:
			end = c.textEnd(b, i)
		case integer, decimal, float:
			end = numberEnd(b, i, check.before, check.behind)
		case date:
			if len(b)-i >= 10 && plainDay(b[i:]) && !yearZero(b[i:]) {
				end = i + 10
			}
		}
		if end < 0 || end < len(b) && b[end] != c.d.delimiter || end == i && check.kind != text {
			if end = c.careful(check, b, i); end < 0 {
				return false
			}
		}
		i = end + 1
	}
	return i == len(b)+1
}

// textEnd is where a field of text ends that begins at i; -1 where a quote makes that a question.
func (c *certifier) textEnd(b []byte, i int) int {
	if i < len(b) && b[i] == c.d.quote && c.d.quote != 0 {
		return -1
	}
	for j := i; j < len(b) && j < i+8; j++ {
		if b[j] == c.d.delimiter {
			return j
		}
	}
	if i+8 >= len(b) {
		return len(b)
	}
	if j := bytes.IndexByte(b[i+8:], c.d.delimiter); j >= 0 {
		return i + 8 + j
	}
	return len(b)
}

// numberEnd is where a plain number ends that begins at i: an optional minus, digits, and digits behind a point where
// there may be some. -1 where it is none.
func numberEnd(b []byte, i, before, behind int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	from := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == from || i-from > before {
		return -1
	}
	if i == len(b) || b[i] != '.' {
		return i
	}
	i++
	from = i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
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
		ok = numberEnd(b, 0, check.before, check.behind) == len(b)
	case date:
		ok = len(b) == 10 && plainDay(b) && !yearZero(b)
	case moment, zoned:
		ok = plainMoment(b, check.kind == zoned)
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
