package files

import (
	"encoding/json"
	"strings"
)

// A member's path within a nested value: each key behind memberMark, each list's elements as elementMark.
const (
	memberMark  = '\x01'
	elementMark = '\x02'
)

// maxPath is how long a path is remembered, in bytes.
const maxPath = 4 << 10

// nested looks at an object or list, and gives its end; -1 where it is broken.
func (l *jsonLook) nested(k *keyLook, d []byte, i, end int) int {
	l.open, l.path, l.ends = l.open[:0], l.path[:0], l.ends[:0]
	key := false // the next string is a key
	for i < end {
		switch c := d[i]; {
		case c == '{' || c == '[':
			l.enter(c)
			key = c == '{'
		case c == '}' || c == ']':
			if l.leave(); len(l.open) == 0 {
				return i + 1
			}
		case c == ',':
			key = l.open[len(l.open)-1] == '{'
		case c == '"':
			to := textEnd(d, i, end)
			if to < 0 {
				return -1
			}
			if key {
				l.member(k, d[i:to])
			} else if to-i > exactDigits+2 {
				k.long = max(k.long, long)
			}
			key = false
			i = to - 1
		case c-'0' <= 9:
			n := numberAt(d, i)
			if n.end < 0 {
				return -1
			}
			k.long = max(k.long, n.length())
			i = n.end - 1
		}
		i++
	}
	return -1
}

func (l *jsonLook) enter(c byte) {
	l.open = append(l.open, c)
	l.deep = l.deep || len(l.open) >= maxNesting
	if c == '[' && len(l.path) < maxPath {
		l.path = append(l.path, elementMark)
	}
	l.ends = append(l.ends, len(l.path))
}

func (l *jsonLook) leave() {
	l.open = l.open[:len(l.open)-1]
	l.ends = l.ends[:len(l.ends)-1]
}

// member notes a key of an object within a nested value.
func (l *jsonLook) member(k *keyLook, raw []byte) {
	l.path = l.path[:l.ends[len(l.ends)-1]]
	if len(l.path)+len(raw) > maxPath {
		return
	}
	l.path = append(append(l.path, memberMark), raw[1:len(raw)-1]...)
	if k.members[string(l.path)] || len(k.members) >= maxKeys || !json.Valid(raw) {
		return
	}
	if k.members == nil {
		k.members = map[string]bool{}
	}
	k.members[string(l.path)] = true
}

// beyond gives the first of a key's members that a type has no place for, as a.b.c; "" where there is none.
func (k *keyLook) beyond(t ctype) (member string) {
	for path := range k.members {
		if lacks(t, path) {
			if name := memberName(path); member == "" || name < member {
				member = name
			}
		}
	}
	return member
}

func lacks(t ctype, path string) bool {
	for path != "" {
		if path[0] == elementMark {
			if t.kind != list {
				return false // what is no list where one is expected does not fit, and is found by the read
			}
			t, path = t.fields[0].typ, path[1:]
			continue
		}
		end := 1 + strings.IndexAny(path[1:], string([]byte{memberMark, elementMark}))
		if end == 0 {
			end = len(path)
		}
		name := unquoteJSON([]byte(`"` + path[1:end] + `"`))
		switch t.kind {
		case mapping:
			t = t.fields[1].typ
		case structure:
			i := 0
			for i < len(t.fields) && t.fields[i].name != name {
				i++
			}
			if i == len(t.fields) {
				return true
			}
			t = t.fields[i].typ
		default:
			return false
		}
		path = path[end:]
	}
	return false
}

func memberName(path string) string {
	var out []string
	for _, part := range strings.Split(path, string([]byte{memberMark})) {
		if part = strings.ReplaceAll(part, string([]byte{elementMark}), ""); part != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, ".")
}

func validText(raw []byte) bool {
	for _, c := range raw {
		if c < ' ' || c == '\\' || c >= 0x80 {
			return json.Valid(raw)
		}
	}
	return true
}
