package files

import (
	"bytes"
	"errors"
	"io"
)

// recordwise are the files that no fast read gets right: JSON where unknown keys are kept or rejected, where a DECIMAL
// may meet a number of more digits than the engine's JSON reader keeps, and where the engine would lose keys or records;
// CSV where the character of comments stands within a line, which the engine would cut there, and of one column where lines
// end in several ways, of which the engine would lose blank ones.
func (m *maker) recordwise() (map[string]bool, error) {
	policy := m.s.reader.policy()
	keys := m.closed() && (policy == schemaReject || policy == schemaExtra)
	careful := map[string]bool{}
	for _, b := range m.branches {
		if err := errors.Join(m.addCommented(b, careful), m.addMixed(b, careful)); err != nil {
			return nil, err
		}
		if b.format == formatCSV || b.format == formatParquet {
			continue
		}
		for _, n := range b.splits {
			if keys && m.unknownKey(n) || m.tooLong(n) || n.glance.behind || m.respelled(n.glance.keys) {
				careful[n.name] = true
			}
		}
	}
	return careful, nil
}

// unknownKey says whether a file has a key that no column has.
func (m *maker) unknownKey(n *split) bool {
	for _, k := range n.glance.keys {
		if indexColumn(m.settled.columns, k) < 0 {
			return true
		}
	}
	return n.glance.full
}

// tooLong says whether a number for a DECIMAL has more digits than the engine's JSON reader keeps.
func (m *maker) tooLong(n *split) bool {
	one := &branch{splits: []*split{n}}
	for _, c := range m.settled.columns {
		decimals := false
		c.typ.leaves(func(t ctype) { decimals = decimals || t.kind == decimal })
		if decimals && one.jsonOptions(c).longest {
			return true
		}
	}
	return false
}

// respelled says whether keys name a column in other letters than its own: id and ID are one column, which the engine
// does not know.
func (m *maker) respelled(keys []string) bool {
	for _, k := range keys {
		if i := indexColumn(m.settled.columns, k); i >= 0 && m.settled.columns[i].name != k {
			return true
		}
	}
	return false
}

func (m *maker) addCommented(b *branch, careful map[string]bool) error {
	if b.format != formatCSV || b.head.comment == 0 {
		return nil
	}
	for _, n := range b.splits {
		within, err := withinLine(n, b.head.encoding, b.head.comment)
		if err != nil {
			return readFault(n.name, err)
		}
		if within {
			careful[n.name] = true
		}
	}
	return nil
}

func (m *maker) addMixed(b *branch, careful map[string]bool) error {
	if b.format != formatCSV || !b.head.single {
		return nil
	}
	for _, n := range b.splits {
		mixed, err := mixedEnds(n, b.head.encoding)
		if err != nil {
			return readFault(n.name, err)
		}
		if mixed {
			careful[n.name] = true
		}
	}
	return nil
}

// mixedEnds says whether some lines end in LF alone and others in CR LF.
func mixedEnds(n *split, encoding string) (bool, error) {
	r, err := openText(n, encoding)
	if err != nil {
		return false, err
	}
	defer r.Close()
	lf, crlf, before, buf := false, false, byte(0), make([]byte, 64<<10)
	for !lf || !crlf {
		got, err := r.Read(buf)
		part := buf[:got]
		for from := 0; ; {
			i := bytes.IndexByte(part[from:], '\n')
			if i < 0 {
				break
			}
			if from += i; from > 0 {
				before = part[from-1]
			}
			lf, crlf = lf || before != '\r', crlf || before == '\r'
			from++
		}
		if got > 0 {
			before = part[got-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
	}
	return lf && crlf, nil
}

// withinLine says whether a character stands anywhere but at the beginning of a line.
func withinLine(n *split, encoding string, c byte) (bool, error) {
	r, err := openText(n, encoding)
	if err != nil {
		return false, err
	}
	defer r.Close()
	before, buf := byte('\n'), make([]byte, 64<<10)
	for {
		got, err := r.Read(buf)
		part := buf[:got]
		for i := bytes.IndexByte(part, c); i >= 0 && i < got; {
			if i > 0 {
				before = part[i-1]
			}
			if before != '\n' && before != '\r' {
				return true, nil
			}
			next := bytes.IndexByte(part[i+1:], c)
			if next < 0 {
				break
			}
			i += 1 + next
		}
		if got > 0 {
			before = part[got-1]
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
