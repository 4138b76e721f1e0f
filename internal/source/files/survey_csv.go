package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/internal/source"
	"weir/internal/source/files/evidence"
)

// readCSV adds a CSV file's records.
func (s *sampled) readCSV(i int, e *entry, format string, r io.Reader, limit int64) (int64, error) {
	br := bufio.NewReaderSize(r, headSize)
	head, err := br.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, readFault(e.Key, err)
	}
	n := &split{name: e.Key, format: format, compression: e.compression}
	expected := s.names
	if s.claim != nil {
		expected = s.scan.expected()
	}
	h, err := s.scan.headOf(n, csvHead{dialect: s.reader.dialect(format)}, head, expected)
	if err != nil || h.names == nil {
		return 0, err
	}
	if s.names == nil {
		s.names = h.names // of files without a header that come later
	}
	p, err := (&maker{s: s.scan, settled: settled{columns: s.claimed()}}).newParser(e.Key, h)
	if err != nil {
		return 0, err
	}
	at := make([]int, len(h.names))
	for f, name := range h.names {
		at[f] = s.column(name, i)
	}
	s.startKeys()
	return s.csvRecords(i, e, h, newRecords(br, h.dialect, s.reader.maxLine()), p, at, limit)
}

func (s *sampled) csvRecords(i int, e *entry, h csvHead, records *records, p *parser, at []int, limit int64) (int64, error) {
	header := h.header
	hashes := make([]uint64, len(s.columns))
	for {
		if records.offset >= limit {
			s.whole = false
			return records.offset, nil
		}
		rec, err := records.next()
		if errors.Is(err, io.EOF) {
			return records.offset, nil
		}
		if err != nil {
			return records.offset, readFault(e.Key, err)
		}
		if header {
			header = false
			continue
		}
		s.csvRecord(evidence.Place{File: i, Line: rec.line}, rec, p, at, hashes)
	}
}

// csvRecord adds one record; a value's hash goes to the place of its column.
func (s *sampled) csvRecord(place evidence.Place, rec *csvRecord, p *parser, at []int, hashes []uint64) {
	switch {
	case strings.Contains(rec.wrong, "UTF-8"):
		s.notUTF8++
		fallthrough
	case rec.wrong != "":
		s.malformed(place, rec.wrong)
		return
	case len(rec.fields) != len(at):
		s.malformed(place, fmt.Sprintf("%d fields instead of %d", len(rec.fields), len(at)))
		return
	}
	s.rows++
	clear(hashes)
	for f, column := range at {
		if column < 0 {
			continue
		}
		text := rec.fields[f].text
		if p.null(text) {
			text = ""
		}
		hashes[column] = hashText(text)
		if s.pairs {
			continue
		}
		c := s.columns[column]
		c.Text(text, place)
		if c.typ != nil && text != "" {
			if _, ok := p.fits(*c.typ, text); !ok {
				s.misfit(c, place, text)
			}
		}
	}
	s.keyRow(place.File, hashes)
}

// detect finds how the files are written, from a few of them, and sets what the build would not find by itself.
func (s *sampled) detect(ctx context.Context) error {
	const few = 5
	var all []found
	for _, e := range spread(s.sample, few) {
		raw, err := s.rawHead(ctx, e)
		if err == nil && len(raw) > 0 {
			if enc := encodingOf(raw); enc != "" && s.reader.Encoding == "" {
				s.reader.Encoding = enc
				s.option(source.Option{Key: "encoding", Value: []string{enc}})
			}
			var head []byte
			if head, err = s.head(ctx, e, s.reader.Encoding); err == nil {
				if f := detect(head, s.reader, s.formatOf(e)); f.first != nil {
					all = append(all, f)
				}
			}
		}
		if err := outside(err); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		s.apply(all)
	}
	return nil
}

// apply writes into the reader what most files have in common.
func (s *sampled) apply(all []found) {
	d := most(all, func(f found) string {
		return string([]byte{f.delimiter, f.quote, f.escape, f.comment, byte(f.skip)})
	})
	s.applyDelimiter(d, all)
	set := func(key, value string, to *string) {
		*to = value
		s.option(source.Option{Key: key, Value: []string{value}})
	}
	switch {
	case d.quote == 0:
		set("quote", "none", &s.reader.Quote)
	case d.quote != '"':
		set("quote", string(d.quote), &s.reader.Quote)
	}
	if d.escape != d.quote {
		set("escape", string(d.escape), &s.reader.Escape)
	}
	if d.comment != 0 {
		set("comment", string(d.comment), &s.reader.Comment)
	}
	h := most(all, func(f found) string { return fmt.Sprint(f.header) })
	skip, names := d.skip, s.usable(h)
	if !h.header || names != nil {
		set("header", "false", &s.reader.Header)
	}
	if names != nil {
		skip = int(h.first.line) + bytes.Count(h.first.raw, []byte{'\n'})
		s.names = names
		s.doubts = append(s.doubts, "the header's names cannot all be columns, so the columns are named here, in the order of the files")
	}
	if skip > 0 {
		s.reader.Skip = skip
		s.option(source.Option{Key: "skip", Value: []string{fmt.Sprint(skip)}})
	}
	if !h.sure && h.why != "" {
		s.doubts = append(s.doubts, "header: "+h.why)
	}
	if h.header && names == nil && s.reader.Header == "" && (&scan{files: &files{reader: &Reader{}}}).hasHeader(h.first.texts(), nil) != h.header {
		set("header", "true", &s.reader.Header)
	}
}

// applyDelimiter declares a delimiter that is no comma where all files have it; the build finds each file's own else.
func (s *sampled) applyDelimiter(d found, all []found) {
	var differ []string
	for _, f := range all {
		if f.delimiter != d.delimiter {
			differ = append(differ, fmt.Sprintf("%q", f.delimiter))
		}
	}
	if len(differ) > 0 {
		s.doubts = append(s.doubts, fmt.Sprintf("files differ in their delimiter (%q, %s); each file's own is found when it is read", d.delimiter, differ[0]))
		return
	}
	usual := byte(',')
	if s.format() == formatTSV {
		usual = '\t'
	}
	if d.fields < 2 || d.delimiter == usual {
		return
	}
	s.reader.Delimiter = string(d.delimiter)
	if d.delimiter == '\t' {
		s.reader.Delimiter = `\t`
	}
	s.option(source.Option{Key: "delimiter", Value: []string{s.reader.Delimiter}})
}

// most is the first of those that most have in common.
func most(all []found, key func(found) string) found {
	counts := map[string]int{}
	best := all[0]
	for _, f := range all {
		if counts[key(f)]++; counts[key(f)] > counts[key(best)] {
			best = f
		}
	}
	return best
}

// usable gives names for the columns where the header's own cannot be: names that come twice, or that Weir gives itself.
// nil where they can.
func (s *sampled) usable(h found) []string {
	if !h.header {
		return nil
	}
	seen := map[string]bool{}
	odd := false
	var names []string
	for i, f := range h.first.texts() {
		name := strings.TrimSpace(f)
		if name == "" {
			name = fmt.Sprintf("column%d", i)
		}
		for n := 2; seen[strings.ToLower(name)] || strings.EqualFold(name, fileColumn) || strings.EqualFold(name, extraColumn) || strings.ContainsRune(name, 0); n++ {
			odd = true
			base := strings.ReplaceAll(strings.Trim(strings.TrimSpace(f), "_"), "\x00", "")
			name = fmt.Sprintf("%s_%d", base, n)
		}
		seen[strings.ToLower(name)] = true
		names = append(names, name)
	}
	if !odd {
		return nil
	}
	return names
}
