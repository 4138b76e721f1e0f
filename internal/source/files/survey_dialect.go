package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
	"weir/internal/job"
)

// found is how a CSV text is written, as far as its beginning tells.
type found struct {
	dialect
	fields  int  // of most records
	records int  // that were looked at
	bad     int  // of another number of fields, or of a wrong form
	steady  bool // nearly all records have as many fields
	first   *csvRecord
	rest    []*csvRecord // behind the first
	sure    bool         // of header
	why     string       // why header is not sure
}

// looked are how many records are looked at for a dialect.
const lookedRecords = 1000

// detect tries the ways a text may be written and takes the one under which its records are most alike. What the options
// declare is not tried.
func detect(head []byte, r *Reader, format string) found {
	base := r.dialect(format)
	if r.Comment == "" && startsWithComment(head) {
		base.comment = '#'
	}
	best := found{bad: 1 << 30}
	for _, q := range []struct{ quote, escape byte }{{'"', '"'}, {'"', '\\'}, {'\'', '\''}, {0, 0}} {
		if q.quote == '\'' && !singleQuoted(head, base) {
			continue
		}
		d := base
		d.quote, d.escape = q.quote, q.escape
		if f := splitBy(head, d, r.Skip > 0); better(f, best) {
			best = f
		}
	}
	best.header, best.sure, best.why = best.names()
	return best
}

func better(f, than found) bool {
	if f.fields < 2 && than.fields >= 2 {
		return false
	}
	if f.fields >= 2 && than.fields < 2 && than.records > 0 && f.steady {
		return true
	}
	return f.bad < than.bad
}

// splitBy looks for the delimiter, and for lines to skip before the first record.
func splitBy(head []byte, d dialect, skipGiven bool) found {
	best := found{dialect: d, bad: 1 << 30}
	const mostSkipped = 10
	for skip := d.skip; skip <= d.skip+mostSkipped; skip++ {
		try := d
		try.skip = skip
		if try.delimiter == 0 {
			try.delimiter = sniffDelimiter(head, try)
		}
		f := splitWith(head, try)
		if f.fields < 2 && d.delimiter == 0 {
			f = rareDelimiter(head, f)
		}
		if f.first == nil {
			break
		}
		if skip == d.skip {
			best = f
		}
		if f.steady && f.fields > 1 && len(f.first.fields) == f.fields {
			if skip == d.skip || best.fields < 2 || len(best.first.fields) == 1 {
				return f
			}
		}
		if skipGiven || best.steady && best.fields > 1 {
			break
		}
	}
	return best
}

// rareDelimiter tries what seldom separates fields.
func rareDelimiter(head []byte, f found) found {
	for _, c := range []byte{1, '^', '~'} {
		if bytes.IndexByte(head, c) < 0 {
			continue
		}
		d := f.dialect
		d.delimiter = c
		if other := splitWith(head, d); other.steady && other.fields > 1 && other.records > 1 {
			return other
		}
	}
	return f
}

// splitWith takes the records of a text apart in one way.
func splitWith(head []byte, d dialect) found {
	f := found{dialect: d}
	r := newRecords(bytes.NewReader(head), d, headSize)
	counts := map[int]int{}
	cut := len(head) == headSize
	for f.records < lookedRecords {
		rec, err := r.next()
		if err != nil || cut && r.offset >= int64(len(head)) && f.first != nil {
			break // the last record of a cut text is half a record
		}
		f.records++
		if rec.wrong != "" && utf8.Valid(rec.raw) {
			f.bad++
		} else {
			counts[len(rec.fields)]++
		}
		if f.first == nil {
			f.first = rec
			continue
		}
		f.rest = append(f.rest, rec)
	}
	for n, c := range counts {
		if c > counts[f.fields] || c == counts[f.fields] && n > f.fields {
			f.fields = n
		}
	}
	f.bad = f.records - counts[f.fields]
	f.steady = f.records > 0 && f.bad*10 <= f.records
	return f
}

// startsWithComment says whether lines with # come before the records; a header may begin with one, too.
func startsWithComment(head []byte) bool {
	line, rest, _ := bytes.Cut(head, []byte{'\n'})
	if !bytes.HasPrefix(line, []byte{'#'}) {
		return false
	}
	next, _, _ := bytes.Cut(rest, []byte{'\n'})
	for _, c := range []byte{',', '\t', ';', '|'} {
		if n := bytes.Count(line, []byte{c}); n > 0 && n == bytes.Count(next, []byte{c}) {
			return false
		}
	}
	return true
}

// singleQuoted says whether fields stand in single quotes.
func singleQuoted(head []byte, d dialect) bool {
	d.quote = 0
	if d.delimiter == 0 {
		d.delimiter = sniffDelimiter(head, d)
	}
	f := splitWith(head, d)
	opened, closed, double := 0, 0, 0
	for _, rec := range f.rest {
		for _, field := range rec.fields {
			t := strings.TrimSpace(field.text)
			switch {
			case t == "":
				continue
			case t[0] == '"':
				double++
			case t[0] == '\'':
				opened++
			}
			if t[len(t)-1] == '\'' {
				closed++
			}
		}
	}
	return opened > 0 && opened == closed && opened*2 >= len(f.rest) && double == 0
}

// nameForm is what a column's name looks like, as people and programs write them.
var nameForm = regexp.MustCompile(`^[\pL_#@$][\pL\pN_ .:()/%#&?€$£'+-]{0,79}$`)

// names says whether the first record names the columns, and whether that is sure. Glue's crawler takes a header only
// where a column is no text, and loses the names of all others.
func (f *found) names() (header, sure bool, why string) {
	if f.first == nil {
		return false, true, ""
	}
	cells := f.first.texts()
	seen := map[string]bool{}
	for _, c := range cells {
		c = strings.TrimSpace(c)
		_, number := exactNumber(c)
		_, _, _, moment := splitMoment(c)
		if number || moment {
			return false, true, ""
		}
		if c != "" && seen[strings.ToLower(c)] && !nameForm.MatchString(c) {
			return false, true, ""
		}
		seen[strings.ToLower(c)] = true
	}
	again := false
	for i, c := range cells {
		values, typed := 0, 0
		for _, rec := range f.rest {
			if i >= len(rec.fields) || rec.fields[i].text == "" {
				continue
			}
			values++
			t := strings.TrimSpace(rec.fields[i].text)
			again = again || t == strings.TrimSpace(c)
			_, number := exactNumber(t)
			_, _, _, moment := splitMoment(t)
			if _, truth := fitsBoolean(t); number || moment || truth && len(t) > 3 {
				typed++
			}
		}
		if values > 0 && typed*10 >= values*9 {
			return true, true, "" // a word over a column of numbers or times
		}
	}
	if again {
		return false, false, "all columns are text and the first line's values come again, so it was taken for a record; set header: true if it names the columns"
	}
	for _, c := range cells {
		if c = strings.TrimSpace(c); c != "" && !nameForm.MatchString(c) {
			return false, false, "all columns are text and the first line does not look like names; set header: true if it is"
		}
	}
	return true, false, "all columns are text; the first line was taken for their names; set header: false if it is a record"
}

// encodingOf finds the encoding of raw bytes: a byte order mark, or bytes that are no UTF-8.
func encodingOf(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}), bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return "utf-16"
	case !utf8.Valid(clipped(raw)) && !multibyte(raw):
		return "latin-1"
	}
	return ""
}

// multibyte says whether a text holds a character of several bytes of UTF-8, which text in Latin-1 hardly does.
func multibyte(b []byte) bool {
	for len(b) > 0 {
		i := bytes.IndexFunc(b, func(r rune) bool { return r >= 0x80 })
		if i < 0 {
			return false
		}
		r, size := utf8.DecodeRune(b[i:])
		if r != utf8.RuneError {
			return true
		}
		b = b[i+size:]
	}
	return false
}

// rawHead is the beginning of a file, unpacked and not decoded.
func (v *surveyor) rawHead(ctx context.Context, e *entry) ([]byte, error) {
	head, err := v.head(ctx, e, rawEncoding)
	return head, readFault(e.Key, err)
}

// rawEncoding leaves bytes as they are.
const rawEncoding = "raw"

// lookInto finds the columns in the beginning of a text file.
func (v *surveyor) lookInto(ctx context.Context, e *entry) look {
	raw, err := v.rawHead(ctx, e)
	if err == nil {
		err = foreign(raw, e.compression)
	}
	if err != nil {
		return look{err: err}
	}
	if e.format == formatJSON || e.format == formatNDJSON {
		return lookJSON(e, raw)
	}
	r := &Reader{Encoding: encodingOf(raw)}
	head := raw
	if r.Encoding != "" || bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		if head, err = v.head(ctx, e, r.Encoding); err != nil {
			return look{err: readFault(e.Key, err)}
		}
	}
	if zeros := bytes.Count(head, []byte{0}); zeros > len(head)/10 {
		return look{err: fault.New(fault.Data, "%s is not text", e.Key)}
	}
	d := detect(head, r, e.format)
	if d.first == nil {
		return look{}
	}
	out := look{unnamed: !d.header}
	for i, f := range d.first.texts() {
		if f = strings.TrimSpace(f); !d.header || f == "" {
			f = fmt.Sprintf("column%d", i)
		}
		out.columns = append(out.columns, f)
	}
	return out
}

// lookJSON finds the keys of the first records.
func lookJSON(e *entry, raw []byte) look {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	shape := shapeOf(raw, e.format)
	if shape == "" {
		return look{}
	}
	if b := bytes.TrimLeft(raw, " \t\r\n"); b[0] != '{' && b[0] != '[' {
		return look{err: fault.New(fault.Data, "%s is not JSON: it begins with %q", e.Key, clip(string(b[:min(20, len(b))]), 20))}
	}
	g := glancer{shape: shape, seen: map[string]bool{}}
	if shape == shapeArray {
		g.base = 1
	}
	g.look(raw)
	return look{columns: g.found.keys}
}

// lookParquet asks the engine for the columns of a Parquet file.
func (v *surveyor) lookParquet(ctx context.Context, e *entry) look {
	if v.request.Engine == nil {
		return look{err: fault.New(fault.Internal, "a survey of Parquet files needs an engine")}
	}
	path, err := v.copies.place(ctx, e, false)
	if err != nil {
		return look{err: err}
	}
	cols, err := v.request.Engine.Describe(ctx, "SELECT * FROM read_parquet("+escapedPath(path)+", hive_partitioning=false)")
	if err != nil {
		if fault.ClassOf(err) == fault.Canceled {
			return look{err: err}
		}
		return look{err: fault.New(fault.Data, "%s is not Parquet that can be read: %s", e.Key, firstLine(err, path, e.Key))}
	}
	var out look
	for _, c := range cols {
		out.columns = append(out.columns, c.Name)
	}
	return out
}

// escapedPath is an SQL text of a path that the engine does not take for a pattern.
func escapedPath(path string) string {
	return job.Literal(strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path))
}

// firstLine is what an engine says of a file, by the name a person knows.
func firstLine(err error, path, name string) string {
	var inner *fault.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	text, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), path, name), "\n")
	return text
}
