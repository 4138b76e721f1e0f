package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// glance is what a look at a JSON file finds before the engine reads it: what the engine would crash on, leave out or
// call by another name.
type glance struct {
	keys    []string            // of the records, each spelling once, in the order they come
	looks   map[string]*keyLook // how the keys' values are written; nil where nobody looked
	longest int                 // line in bytes, of a file with a record a line
	full    bool                // there are more keys than these
	deep    bool                // a record is nested deeper than maxNesting
	behind  bool                // something stands behind the array's end
}

// sureType is a key's type where its values leave no doubt, "" elsewhere.
func (g glance) sureType(key string) string {
	if k := g.looks[key]; k != nil {
		return k.sureType()
	}
	return ""
}

// maxNesting is how deep a record may be for the engine to look for its fields: it calls itself for every level, and has
// no guard against the end of its stack.
const maxNesting = 256

// maxKeys bounds the keys that are remembered of a file (promise 5); a key longer than maxKey bytes is no column's name.
const (
	maxKeys = 10_000
	maxKey  = 4 << 10
)

// glanceAt looks at the records of a file that are in an array, or written over lines as they like. Those of one line each
// are looked at by lookAtLines.
func glanceAt(n *split, shape string) (glance, error) {
	r, err := openText(n, "")
	if err != nil {
		return glance{}, err
	}
	defer r.Close()
	s := glancer{shape: shape, seen: map[string]bool{}}
	if shape == shapeArray {
		s.base = 1
	}
	buf := make([]byte, 64<<10)
	for {
		got, err := r.Read(buf)
		s.look(buf[:got])
		if errors.Is(err, io.EOF) {
			return s.found, nil
		}
		if err != nil {
			return s.found, err
		}
	}
}

// glancer follows brackets and strings through a text, part by part.
type glancer struct {
	shape   string
	found   glance
	seen    map[string]bool
	base    int // depth outside of records
	depth   int
	records int
	object  bool // the open record is an object
	key     bool // the next string of the record is a key
	quoted  bool
	escaped bool
	taking  bool // the open string is kept in text
	text    []byte
}

func (s *glancer) look(b []byte) {
	for i := 0; i < len(b); i++ {
		if s.quoted && !s.escaped && !s.taking {
			// Most of a file is strings nobody asks for.
			if end := bytes.IndexByte(b[i:], '"'); end > 0 && bytes.IndexByte(b[i:i+end], '\\') < 0 && s.shape != shapeLines {
				i += end
			}
		}
		switch {
		case s.quoted:
			s.inString(b[i])
		case s.depth <= s.base || structural(b[i]):
			s.outside(b[i])
		}
	}
}

// structural says whether a byte outside of a string changes where in a record we are.
func structural(c byte) bool {
	switch c {
	case '"', '{', '}', '[', ']', ',', ':', '\n':
		return true
	}
	return false
}

func (s *glancer) inString(c byte) {
	if c == '\n' && s.shape == shapeLines {
		s.newLine() // no JSON string goes over a line's end: the record is broken
		return
	}
	if s.taking && len(s.text) <= maxKey {
		s.text = append(s.text, c)
	}
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.quoted = false
		if s.taking {
			s.take()
		}
	}
}

func (s *glancer) take() {
	s.taking = false
	if len(s.text) > maxKey || !json.Valid(s.text) {
		return
	}
	if key := unquoteJSON(s.text); !s.seen[key] {
		if len(s.found.keys) == maxKeys {
			s.found.full = true
			return
		}
		s.seen[key] = true
		s.found.keys = append(s.found.keys, key)
	}
}

func (s *glancer) outside(c byte) {
	if s.base == 1 && s.depth == 0 && s.records > 0 || s.found.behind {
		s.found.behind = s.found.behind || skipSpace([]byte{c}, 0) == 0
		return
	}
	record := s.depth == s.base+1
	switch c {
	case '"':
		s.quoted = true
		if s.taking = record && s.object && s.key; s.taking {
			s.text = append(s.text[:0], c)
		}
	case '{', '[':
		s.open(c == '{')
	case '}', ']':
		if s.depth = max(0, s.depth-1); s.depth <= s.base {
			s.records++
		}
	case ',':
		s.key = s.key || record && s.object
	case ':':
		s.key = s.key && !record
	case '\n':
		if s.shape == shapeLines {
			s.newLine()
		}
	}
}

func (s *glancer) open(object bool) {
	s.depth++
	switch {
	case s.depth == s.base+1:
		s.object, s.key = object, object
	case s.depth > s.base+maxNesting:
		s.found.deep = true
	}
}

func (s *glancer) newLine() {
	s.depth, s.quoted, s.escaped, s.taking = 0, false, false, false
}
