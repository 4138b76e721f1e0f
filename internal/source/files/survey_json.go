package files

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"weir/internal/source/files/evidence"
)

// apart takes JSON apart for the evidence.
type apart struct{}

func (apart) Members(object []byte, f func(string, []byte)) { eachMember(object, f) }
func (apart) Elements(array []byte, f func([]byte))         { eachElement(array, f) }
func (apart) Unquote(text []byte) string                    { return unquoteJSON(text) }

// readJSON adds a JSON file's records.
func (s *sampled) readJSON(i int, e *entry, format string, r io.Reader, limit int64) (int64, error) {
	br := bufio.NewReaderSize(r, headSize)
	head, err := br.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, readFault(e.Key, err)
	}
	shape := shapeOf(head, format)
	if shape == "" {
		return 0, nil
	}
	p, err := (&maker{s: s.scan, settled: settled{columns: s.claimed()}}).newParser(e.Key, csvHead{})
	if err != nil {
		return 0, err
	}
	j := &jsonSample{s: s, file: i, p: p}
	if shape == shapeLines {
		return j.lines(e, br, limit)
	}
	return j.values(e, br, shape, limit)
}

// jsonSample reads the records of one JSON file.
type jsonSample struct {
	s      *sampled
	file   int
	p      *parser
	hashes []uint64
	taken  []member // of the record that is taken apart
	at     []int    // a column's place in taken, counted from 1; 0 for none
}

// member is one member of a record.
type member struct {
	column int
	key    string
	value  []byte
}

func (j *jsonSample) lines(e *entry, r io.Reader, limit int64) (int64, error) {
	lines := newRecords(r, dialect{}, j.s.reader.maxLine())
	for {
		if lines.offset >= limit {
			j.s.whole = false
			return lines.offset, nil
		}
		at := evidence.Place{File: j.file, Line: lines.line}
		line, long, err := lines.readLine()
		if errors.Is(err, io.EOF) {
			return lines.offset, nil
		}
		if err != nil {
			return lines.offset, readFault(e.Key, err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if long {
			j.s.malformed(at, "the line is too long")
			continue
		}
		j.record(line, at)
	}
}

// values reads an array's records, or documents one after another; their place is their number.
func (j *jsonSample) values(e *entry, r io.Reader, shape string, limit int64) (int64, error) {
	limited := &bounded{r: r, left: j.s.reader.maxLine()}
	d := json.NewDecoder(limited)
	if shape == shapeArray {
		if _, err := d.Token(); err != nil {
			return 0, brokenJSON(e.Key, d, err)
		}
	}
	for n := int64(1); ; n++ {
		if d.InputOffset() >= limit {
			j.s.whole = false
			return d.InputOffset(), nil
		}
		limited.left = j.s.reader.maxLine()
		if shape == shapeArray && !d.More() {
			_, err := d.Token()
			if err != nil {
				return d.InputOffset(), brokenJSON(e.Key, d, err)
			}
			return d.InputOffset(), nothingBehind(e.Key, d)
		}
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) && shape == shapeDocuments {
			return d.InputOffset(), nil
		}
		if err != nil {
			return d.InputOffset(), brokenJSON(e.Key, d, err)
		}
		j.record(raw, evidence.Place{File: j.file, Line: n})
	}
}

func (j *jsonSample) record(raw []byte, at evidence.Place) {
	s := j.s
	switch {
	case !json.Valid(raw):
		s.malformed(at, "malformed JSON")
		return
	case raw[0] != '{':
		s.malformed(at, errNotObject.Error())
		return
	case !utf8.Valid(raw), halfPair(raw):
		s.malformed(at, "not valid UTF-8")
		return
	}
	if twice := j.apart(raw); twice != "" {
		s.malformed(at, twice)
		return
	}
	s.rows++
	clear(j.hashes)
	for _, m := range j.taken {
		for len(j.hashes) <= m.column {
			j.hashes = append(j.hashes, 0)
		}
		if string(m.value) != "null" {
			j.hashes[m.column] = hashText(string(m.value))
		}
		if !s.pairs {
			j.add(m, at)
		}
	}
	s.startKeys()
	for len(j.hashes) < len(s.columns) {
		j.hashes = append(j.hashes, 0)
	}
	s.keyRow(at.File, j.hashes)
}

// apart takes a record apart. Two spellings of one column are no answer to which of them counts, and are said.
func (j *jsonSample) apart(raw []byte) (twice string) {
	j.taken = j.taken[:0]
	eachMember(raw, func(key string, value []byte) {
		i := j.s.column(key, j.file)
		if i < 0 {
			return
		}
		for len(j.at) <= i {
			j.at = append(j.at, 0)
		}
		if n := j.at[i]; n > 0 {
			if m := j.taken[n-1]; m.key != key {
				twice = fmt.Sprintf("the keys %q and %q are one column", m.key, key)
			}
			j.taken[n-1].value = value // of a key that comes twice the last value counts
			return
		}
		j.taken = append(j.taken, member{i, key, value})
		j.at[i] = len(j.taken)
	})
	for _, m := range j.taken {
		j.at[m.column] = 0
	}
	return twice
}

func (j *jsonSample) add(m member, at evidence.Place) {
	c := j.s.columns[m.column]
	c.JSON(apart{}, &j.s.nested, m.value, at)
	if c.typ == nil {
		return
	}
	j.p.out.Reset()
	if t := j.p.value(*c.typ, m.value, c.Name, c.Name); t.reason != "" {
		j.s.misfit(c, at, plain(m.value))
	}
}
