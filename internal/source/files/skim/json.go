package skim

// #include "skim.h"
import "C"

import "unsafe"

// Seen is what was seen of one key.
type Seen struct {
	Forms          Form
	Before, Behind int  // most digits before and behind a point
	Long           int  // 0: no number or string has more than 15 digits or characters; 2: a number with a point has; 1: others have
	Word           bool // a string begins with a letter from g to z
}

// MaxFollow is the longest text between two values that is kept.
const MaxFollow = 256

// slot is what such a text has room in.
const slot = MaxFollow + 16

// JSON looks through NDJSON, guessing that behind a key's value stands what stood there last time.
type JSON struct {
	followers []C.struct_follower // the first begins a record; the next is that of key 0
	texts     []byte              // a slot for each
	seen      []C.struct_seen     // of each key
	longest   C.uint32_t
}

// NewJSON makes a look that knows no keys.
func NewJSON() *JSON {
	return &JSON{followers: make([]C.struct_follower, 1), texts: make([]byte, slot)}
}

// Add adds the next key.
func (l *JSON) Add() {
	l.followers = append(l.followers, C.struct_follower{text: C.uint32_t(len(l.texts))})
	l.texts = append(l.texts, make([]byte, slot)...)
	l.seen = append(l.seen, C.struct_seen{})
}

// Follow says what stands behind the value of a key, or at a record's beginning for -1, up to the value of key next. A text longer than
// MaxFollow is not kept.
func (l *JSON) Follow(key int, text []byte, next int) {
	if len(text) > MaxFollow {
		return
	}
	f := &l.followers[key+1]
	copy(l.texts[f.text:], text)
	f.size, f.key = C.uint32_t(len(text)), C.uint32_t(next)
}

// Lines looks at the lines of text that begin in [from, end), and gives the offset of the first that is left, and how many come before
// it. What it saw of that line its caller will see again. Slack bytes must stand behind text.
func (l *JSON) Lines(text []byte, from, end int) (next, lines int) {
	var n C.uint32_t
	to := C.json_lines(unsafe.SliceData(l.followers), start(l.texts), unsafe.SliceData(l.seen),
		start(text), C.int64_t(from), C.int64_t(end), C.int64_t(len(text)), &n, &l.longest)
	return int(to), int(n)
}

// Seen is what was seen of a key.
func (l *JSON) Seen(key int) Seen {
	s := l.seen[key]
	return Seen{Forms: Form(s.forms), Before: int(s.before), Behind: int(s.behind), Long: int(s.digits), Word: s.word != 0}
}

// Longest is the length of the longest line, in bytes.
func (l *JSON) Longest() int { return int(l.longest) }
