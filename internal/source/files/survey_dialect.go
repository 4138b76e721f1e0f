package files

import (
	"bytes"
	"strings"
	"unicode/utf8"
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
