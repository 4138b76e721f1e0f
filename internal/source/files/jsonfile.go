package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sort"
)

// lookAtLines looks at every record of a file that has one a line, and hashes the file on the way where it is not
// compressed. Lines longer than maxLine, which the engine refuses, are left out.
func lookAtLines(ctx context.Context, n *split, maxLine int) (glance, string, error) {
	if n.compression != "none" {
		g, err := lookAtStream(ctx, n, maxLine)
		return g, "", err
	}
	file, err := os.Open(n.path)
	if err != nil {
		return glance{}, "", err
	}
	defer file.Close()
	var h hasher
	var looks []*jsonLook
	start := func(chunks, workers int) {
		h.start(chunks)
		for range workers {
			looks = append(looks, newJSONLook())
		}
	}
	_, err = eachChunk(ctx, n.path, margins{lead: 1, tail: reach}, start, func(w int, c chunk) error {
		h.add(c)
		return looks[w].chunk(file, c, maxLine)
	})
	return mergeLooks(looks), h.sum(), err
}

// chunk looks at the records that begin in a chunk. A byte order mark is no part of the first.
func (l *jsonLook) chunk(file io.ReaderAt, c chunk, maxLine int) error {
	d := c.data[:len(c.data)+slack]
	i := c.lead
	switch {
	case c.index == 0:
		i += markLength(c.data)
	case d[0] != '\n':
		next := bytes.IndexByte(c.data[i:], '\n')
		if next < 0 {
			return nil // no record begins here
		}
		i += next + 1
	}
	l.at = c.from - int64(c.lead)
	end, alone := c.lead+c.size, 0
	for i < end {
		if alone--; alone < 0 {
			next, lines := l.known.Lines(c.data, i, end)
			i, alone = next, l.patience(lines)
			if i >= end {
				break
			}
		}
		to := bytes.IndexByte(c.data[i:], '\n')
		if to < 0 && !c.last {
			return l.longLine(file, l.at+int64(i), maxLine)
		}
		if to < 0 {
			to = len(c.data) - i
		}
		l.line(d, i, i+to)
		i += to + 1
	}
	return nil
}

// patience is how many lines to look at here before the next try to have known do it, by the number it did at the last.
func (l *jsonLook) patience(lines int) int {
	if lines >= 4 {
		l.wait = 0
	} else {
		l.wait = min(2*l.wait+1, 255)
	}
	return l.wait
}

// settle adds what known saw.
func (l *jsonLook) settle() {
	for i, k := range l.keys {
		s := l.known.Seen(i)
		k.forms, k.word = k.forms|forms(s.Forms), k.word || s.Word
		k.before, k.behind, k.long = max(k.before, s.Before), max(k.behind, s.Behind), max(k.long, length(s.Long))
	}
	l.most = max(l.most, l.known.Longest())
}

// longLine looks at the record that begins at an offset and does not end within reach of its chunk.
func (l *jsonLook) longLine(file io.ReaderAt, at int64, maxLine int) error {
	for size := 4 * reach; ; size *= 2 {
		buf := make([]byte, min(size, maxLine)+slack)
		n, err := file.ReadAt(buf[:len(buf)-slack], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		clear(buf[n:])
		to := bytes.IndexByte(buf[:n], '\n')
		if to < 0 && errors.Is(err, io.EOF) {
			to = n
		}
		if to >= 0 {
			l.at = at
			l.line(buf, 0, to)
			return nil
		}
		if size >= maxLine {
			l.most = maxLine
			return nil
		}
	}
}

// lookAtStream looks at a compressed file, unpacking it to its end: the engine takes the end of a truncated one for the end
// of the data.
func lookAtStream(ctx context.Context, n *split, maxLine int) (glance, error) {
	r, err := openPlain(n.path, n.compression)
	if err != nil {
		return glance{}, err
	}
	defer r.Close()
	l := newJSONLook()
	buf := make([]byte, 1<<20+slack)
	have, first, skip := 0, true, false
	for {
		if err := ctx.Err(); err != nil {
			return glance{}, err
		}
		got, err := io.ReadFull(r, buf[have:len(buf)-slack])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && atEnd(r)
		if err != nil && !last {
			return glance{}, err
		}
		have += got
		i := 0
		if first {
			i, first = markLength(buf[:have]), false
		}
		for {
			to := bytes.IndexByte(buf[i:have], '\n')
			if to < 0 {
				break
			}
			if !skip {
				l.line(buf, i, i+to)
			}
			i, skip = i+to+1, false
		}
		if last {
			clear(buf[have : have+slack])
			if !skip {
				l.line(buf, i, have)
			}
			return mergeLooks([]*jsonLook{l}), nil
		}
		l.at += int64(i)
		have = copy(buf, buf[i:have])
		switch {
		case have < len(buf)-slack:
		case len(buf) > maxLine:
			have, skip, l.most = 0, true, maxLine
		default:
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// markLength is the length of the byte order mark a text begins with.
func markLength(b []byte) int {
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		return 3
	}
	return 0
}

// mergeLooks puts together what several workers saw of a file, its keys in the order they come first.
func mergeLooks(looks []*jsonLook) glance {
	g := glance{looks: map[string]*keyLook{}}
	for _, l := range looks {
		l.settle()
		g.deep, g.full, g.longest = g.deep || l.deep, g.full || l.full, max(g.longest, l.most)
		for _, k := range l.keys {
			g.looks[k.name] = g.looks[k.name].with(k)
		}
	}
	for name := range g.looks {
		g.keys = append(g.keys, name)
	}
	sort.Slice(g.keys, func(i, j int) bool { return g.looks[g.keys[i]].first < g.looks[g.keys[j]].first })
	if len(g.keys) > maxKeys {
		g.full = true
	}
	return g
}

// with is what two looks at a key saw.
func (k *keyLook) with(o *keyLook) *keyLook {
	if k == nil {
		return o
	}
	k.first = min(k.first, o.first)
	k.forms, k.word = k.forms|o.forms, k.word || o.word
	k.before, k.behind, k.long = max(k.before, o.before), max(k.behind, o.behind), max(k.long, o.long)
	if k.members == nil {
		k.members = o.members
		return k
	}
	for m := range o.members {
		k.members[m] = true
	}
	return k
}

// plain says whether every value of the key is written so that the engine's JSON reader takes it for type t as it is.
func (k *keyLook) plain(t ctype) bool {
	only := func(f forms) bool { return k.forms&^(formNull|f) == 0 }
	switch t.kind {
	case text:
		return only(formDay | formMoment | formZoned | formText)
	case boolean:
		return only(formBool)
	case integer:
		return t.name[0] != 'U' && t.name != "HUGEINT" && only(formWhole) && k.before <= sureDigits(t.name)
	case decimal:
		// The reader multiplies a DOUBLE by a power of ten, which is exact up to as many digits as a DOUBLE holds.
		return only(formWhole|formFraction) && k.before <= min(t.precision, exactDigits)-t.scale && k.behind <= t.scale
	case float:
		return only(formWhole|formFraction) && k.before <= 30
	case date:
		return only(formDay)
	case moment:
		return only(formDay | formMoment)
	case zoned:
		return only(formDay | formMoment | formZoned)
	}
	return false
}

// sureType is the type of a key whose values leave no doubt, "" for any other.
func (k *keyLook) sureType() string {
	switch forms := k.forms &^ formNull; {
	case forms == formBool:
		return "BOOLEAN"
	case forms == formWhole && k.before <= sureDigits("BIGINT"):
		return "BIGINT"
	case forms == formFraction, forms == formFraction|formWhole && k.before <= sureDigits("BIGINT"):
		return "DOUBLE"
	case forms == formDay:
		return "DATE"
	case forms&^(formText|formDay|formMoment|formZoned) == 0 && k.word:
		return "VARCHAR"
	}
	return ""
}
