package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// csvRecord is one record of a CSV file.
type csvRecord struct {
	raw    []byte // as it stands, without the line's end
	line   int64  // of its first byte, 1-based
	offset int64  // of its first byte in the unpacked text
	end    int64  // offset behind its line's end
	fields []csvField
	wrong  string // what is wrong with its form, "" for nothing
}

type csvField struct {
	text   string
	quoted bool
}

func (r *csvRecord) texts() []string {
	out := make([]string, len(r.fields))
	for i, f := range r.fields {
		out[i] = f.text
	}
	return out
}

// records takes a CSV text apart into records. What is wrong with a record's form stands in it; a quote that is never
// closed spoils its own line only, and reading goes on behind that.
type records struct {
	r      *bufio.Reader
	d      dialect
	max    int64 // bytes a record may have
	line   int64
	offset int64
	cr     bool // lines end in a lone CR
	begun  bool
	// pending are bytes that were read ahead and put back.
	pending []byte
}

func newRecords(r io.Reader, d dialect, maxSize int64) *records {
	return &records{r: bufio.NewReaderSize(r, 64<<10), d: d, max: maxSize, line: 1}
}

// next gives the next record. Comments are none, and blank lines: in a file of one column they are its empty value, as the
// engine has it. io.EOF ends.
func (r *records) next() (*csvRecord, error) {
	if !r.begun {
		r.begun = true
		if err := r.start(); err != nil {
			return nil, err
		}
	}
	for {
		rec := &csvRecord{line: r.line, offset: r.offset}
		line, long, err := r.readLine()
		if err != nil {
			return nil, err
		}
		body := trimEnd(line)
		if len(body) == 0 && !long && !r.d.single || r.d.comment != 0 && len(body) > 0 && body[0] == r.d.comment {
			continue
		}
		if long {
			rec.raw, rec.wrong = body, fmt.Sprintf("the line is longer than %d bytes", r.max)
			return rec, nil
		}
		err = r.complete(rec, line)
		rec.end = r.offset
		return rec, err
	}
}

// start skips lines and finds out how lines end.
func (r *records) start() error {
	head, err := r.r.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return err
	}
	r.cr = bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0
	for range r.d.skip {
		if _, _, err := r.readLine(); err != nil {
			return err
		}
	}
	return nil
}

// complete parses a line, with the ones after it where a quoted field goes on there.
func (r *records) complete(rec *csvRecord, whole []byte) error {
	first := len(whole)
	wrong, open := rec.parse(trimEnd(whole), r.d)
	for open && int64(len(whole)) <= r.max {
		next, _, err := r.readLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		whole = append(whole, next...)
		if bytes.IndexByte(next, r.d.quote) >= 0 {
			wrong, open = rec.parse(trimEnd(whole), r.d)
		}
	}
	if open {
		wrong = "a quote is not closed"
	}
	if wrong != "" && len(whole) > first {
		// The lines that were drawn in are records of their own.
		r.pending = append(bytes.Clone(whole[first:]), r.pending...)
		r.line, r.offset = rec.line+1, rec.offset+int64(first)
		whole = whole[:first]
		rec.fields = nil
	}
	rec.raw, rec.wrong = trimEnd(whole), wrong
	if !utf8.Valid(rec.raw) {
		rec.wrong = "the line is not valid UTF-8"
	}
	return nil
}

// parse splits a record into fields. open says that it ends inside a quoted field.
func (rec *csvRecord) parse(b []byte, d dialect) (wrong string, open bool) {
	rec.fields = rec.fields[:0]
	for i := 0; ; {
		if i < len(b) && d.quote != 0 && b[i] == d.quote {
			text, next, closed := quotedField(b, i+1, d)
			rec.fields = append(rec.fields, csvField{text, true})
			if !closed {
				return "", true
			}
			if next < len(b) && b[next] != d.delimiter {
				return "text stands behind a closing quote", false
			}
			i = next
		} else {
			end := bytes.IndexByte(b[i:], d.delimiter)
			if end < 0 {
				end = len(b) - i
			}
			rec.fields = append(rec.fields, csvField{string(b[i : i+end]), false})
			i += end
		}
		if i >= len(b) {
			return "", false
		}
		i++ // the delimiter
	}
}

// quotedField reads a quoted field's text from behind its opening quote.
func quotedField(b []byte, i int, d dialect) (text string, next int, closed bool) {
	var out []byte
	for i < len(b) {
		c := b[i]
		switch {
		case c == d.escape && i+1 < len(b) && (b[i+1] == d.quote || d.escape != d.quote && b[i+1] == d.escape):
			out = append(out, b[i+1])
			i += 2
		case c == d.quote:
			return string(out), i + 1, true
		default:
			out = append(out, c)
			i++
		}
	}
	return string(out), i, false
}

// readLine reads a line with its end. Of one longer than the limit it gives the beginning and says so.
func (r *records) readLine() (line []byte, long bool, err error) {
	end := byte('\n')
	if r.cr {
		end = '\r'
	}
	for {
		part, perr := r.slice(end)
		r.offset += int64(len(part))
		if !long {
			line = append(line, part...)
			long = int64(len(line)) > r.max
		}
		switch {
		case perr == nil:
			r.line++
			return line, long, nil
		case errors.Is(perr, bufio.ErrBufferFull):
		case errors.Is(perr, io.EOF) && len(line) > 0:
			return line, long, nil
		default:
			return nil, false, perr
		}
	}
}

// slice reads up to a line's end, from what was put back first.
func (r *records) slice(end byte) ([]byte, error) {
	if len(r.pending) == 0 {
		return r.r.ReadSlice(end)
	}
	if i := bytes.IndexByte(r.pending, end); i >= 0 {
		part := r.pending[:i+1]
		r.pending = r.pending[i+1:]
		return part, nil
	}
	part := r.pending
	r.pending = nil
	return part, bufio.ErrBufferFull
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}
