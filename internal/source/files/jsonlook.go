package files

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"weir/internal/source/files/skim"
)

// A file of one JSON record a line is looked through before the engine reads it: which keys its records have, every one
// of them, and how each key's values are written. What is written the plain way is then read by the engine typed and
// without a check in SQL, since its reader takes such texts exactly; and no key is overlooked because it comes late.
// The look is no judge of JSON. What is broken it leaves, for the engine stumbles over it too.
//
// Package skim takes the records that are like those before; how keys and values are seen is defined here.

// forms are the ways a key's values are written.
type forms uint32

const (
	formNull     = forms(skim.Null)
	formBool     = forms(skim.Bool)
	formWhole    = forms(skim.Whole)    // digits only
	formFraction = forms(skim.Fraction) // digits, a point, digits
	formDay      = forms(skim.Day)      // "2026-01-02"
	formMoment   = forms(skim.Moment)   // "2026-01-02 03:04:05", and as plainMoment has it without a zone
	formText     = forms(skim.Text)     // any other string
	formZoned    = forms(skim.More)     // a moment with a zone
	formExponent = forms(skim.More << 1)
	formNested   = forms(skim.More << 2)
)

// keyLook is what was seen of one key.
type keyLook struct {
	name    string
	first   int64 // where in the file
	forms   forms
	before  int    // most digits before a point
	behind  int    // most behind it
	long    length // of the numbers, those within nested values and within strings included
	word    bool   // a string begins like no number, date, time or UUID
	members map[string]bool
}

// jsonLook looks at records, one after another. It guesses that behind a key stands what stood there last time: mostly
// that saves taking the key apart.
type jsonLook struct {
	keys   []*keyLook
	index  map[string]int
	follow []follower // by key, and that of a record's beginning at the end of the list
	at     int64      // where in the file d[0] of line stands
	deep   bool       // a record is nested deeper than maxNesting
	full   bool       // there are more keys than are remembered
	spare  keyLook    // takes what is seen of keys that are not remembered
	known  *skim.JSON // looks at lines of which nothing is new
	wait   int        // lines between two tries with known, where that leaves most
	most   int        // length of the longest line
	open   []byte     // kinds of the open brackets within a nested value
	path   []byte
	ends   []int
}

// follower is what stood between a value's end and the next value's beginning, and whose value that is.
type follower struct {
	text []byte
	key  int
}

const (
	noKey     = -1
	spareKey  = -2
	maxFollow = skim.MaxFollow // bytes
)

func newJSONLook() *jsonLook {
	return &jsonLook{index: map[string]int{}, follow: make([]follower, 1), known: skim.NewJSON()}
}

// follower of a key; that of noKey begins a record.
func (l *jsonLook) after(key int) *follower {
	if key == spareKey {
		return &follower{}
	}
	return &l.follow[key+1]
}

// seen gives a key's place to note things.
func (l *jsonLook) seen(key int) *keyLook {
	if key == spareKey {
		return &l.spare
	}
	return l.keys[key]
}

// line looks at one record, d[i:end]. Eight bytes behind end can be loaded.
func (l *jsonLook) line(d []byte, i, end int) {
	l.most = max(l.most, end-i)
	for i < end && d[i] <= ' ' {
		i++
	}
	if i == end || d[i] != '{' {
		return // blank, or no object, which the engine refuses
	}
	key := noKey
	for {
		f := l.after(key)
		if n := len(f.text); n > 0 && i+n <= end && string(d[i:i+n]) == string(f.text) {
			i, key = i+n, f.key
		} else if i, key = l.between(d, i, end, key); i < 0 {
			return
		}
		if i < end && d[i] <= ' ' {
			i = skipWithin(d, i, end)
		}
		if i = l.value(l.seen(key), d, i, end); i < 0 || i < end && d[i] == '}' {
			return
		}
	}
}

// between takes apart what stands between two values: a brace or comma, a key, a colon. It gives -1 at the record's end and
// where the record is broken.
func (l *jsonLook) between(d []byte, i, end, before int) (next, key int) {
	from := i
	i = skipWithin(d, i, end)
	if i == end || before == noKey && d[i] != '{' || before != noKey && d[i] != ',' {
		return -1, noKey
	}
	i = skipWithin(d, i+1, end)
	if i == end || d[i] != '"' {
		return -1, noKey
	}
	name := i
	if i = textEnd(d, i, end); i < 0 {
		return -1, noKey
	}
	key = l.key(d[name:i], int64(name))
	i = skipWithin(d, i, end)
	if i == end || d[i] != ':' {
		return -1, noKey
	}
	i = skipWithin(d, i+1, end)
	if i-from <= maxFollow && before != spareKey && key != spareKey {
		f := l.after(before)
		f.text, f.key = append(f.text[:0], d[from:i]...), key
		l.known.Follow(before, f.text, key)
	}
	return i, key
}

// key finds the number of a key, given as JSON.
func (l *jsonLook) key(raw []byte, at int64) int {
	if k, ok := l.index[string(raw)]; ok {
		return k
	}
	if len(raw) > maxKey || !validText(raw) {
		return spareKey
	}
	name := unquoteJSON(raw)
	k, ok := l.index[`"`+name+`"`] // the same key, written in another way
	if !ok {
		if len(l.keys) == maxKeys {
			l.full = true
			return spareKey
		}
		k = len(l.keys)
		l.keys = append(l.keys, &keyLook{name: name, first: l.at + at})
		l.follow = append(l.follow, follower{})
		l.known.Add()
		l.index[`"`+name+`"`] = k
	}
	if len(l.index) < 2*maxKeys {
		l.index[string(raw)] = k
	}
	return k
}

// value looks at the value that begins at i, and gives its end; -1 where the record is broken.
func (l *jsonLook) value(k *keyLook, d []byte, i, end int) int {
	if i >= end {
		return -1
	}
	switch c := d[i]; {
	case c == '"':
		return k.text(d, i, end)
	case c-'0' <= 9 || c == '-':
		return k.number(d, i, end)
	case c == '{' || c == '[':
		k.forms |= formNested
		return l.nested(k, d, i, end)
	case c == 'n':
		k.forms |= formNull
		return wordEnd(d, i, end, "null")
	case c == 't':
		k.forms |= formBool
		return wordEnd(d, i, end, "true")
	case c == 'f':
		k.forms |= formBool
		return wordEnd(d, i, end, "false")
	}
	return -1
}

func (k *keyLook) text(d []byte, i, end int) int {
	to := textEnd(d, i, end)
	if to < 0 || k.word && k.long > short {
		return to
	}
	in := d[i+1 : to-1]
	if !k.word {
		switch {
		case len(in) == 10 && plainDay(in) && !yearZero(in):
			k.forms |= formDay
			return to
		case len(in) >= 19 && plainMoment(in, false):
			k.forms |= formMoment
			return to
		case len(in) >= 19 && plainMoment(in, true):
			k.forms |= formZoned
			return to
		}
		k.forms |= formText
		k.word = k.word || len(in) > 0 && in[0] < 0x80 && (in[0]|0x20) > 'f' && (in[0]|0x20) <= 'z'
	}
	if len(in) > exactDigits {
		k.long = max(k.long, long)
	}
	return to
}

func (k *keyLook) number(d []byte, i, end int) int {
	n := numberAt(d, i)
	if n.end > end || n.end < 0 {
		return -1
	}
	switch {
	case n.exponent:
		k.forms |= formExponent
	case n.behind > 0:
		k.forms |= formFraction
	default:
		k.forms |= formWhole
	}
	k.before, k.behind, k.long = max(k.before, n.before), max(k.behind, n.behind), max(k.long, n.length())
	return n.end
}

// jsonNumber is how a number is written.
type jsonNumber struct {
	end            int // -1 where it is none
	before, behind int // digits before and behind the point
	exponent       bool
}

func (n jsonNumber) length() length {
	switch {
	case n.before+n.behind <= exactDigits:
		return short
	case n.behind > 0 || n.exponent:
		return longest
	}
	return long
}

func numberAt(d []byte, i int) jsonNumber {
	if d[i] == '-' {
		i++
	}
	from := i
	i = digitsEnd(d, i)
	n := jsonNumber{end: i, before: i - from}
	if n.before == 0 {
		n.end = -1
		return n
	}
	if d[i] == '.' {
		i = digitsEnd(d, i+1)
		if n.behind = i - n.end - 1; n.behind == 0 {
			n.end = -1
			return n
		}
		n.end = i
	}
	if d[i]|0x20 == 'e' {
		n.end, n.exponent = exponentEnd(d, i), true
		if n.end == i {
			n.end = -1
		}
	}
	return n
}

// nondigits marks, with the highest bit of a byte, which of the eight bytes from i are no digits. Behind the first one a
// mark is only sure where the bytes before it are ASCII.
func nondigits(d []byte, i int) uint64 {
	x := binary.LittleEndian.Uint64(d[i:]) ^ 0x3030303030303030 // a digit becomes 0 to 9
	// What is more overflows into its byte's highest bit; a carry out of it only reaches the bytes behind.
	return (x + 0x7676767676767676 | x) & 0x8080808080808080
}

// digitsEnd is where the digits that begin at i end. Eight bytes behind them can be loaded.
func digitsEnd(d []byte, i int) int {
	for {
		if m := nondigits(d, i); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
}

// textEnd is where the string that begins at i ends, its quotes included; -1 where it is not closed.
func textEnd(d []byte, i, end int) int {
	j := bytes.IndexByte(d[i+1:end], '"')
	if j < 0 {
		return -1
	}
	if j += i + 1; d[j-1] != '\\' {
		return j + 1
	}
	if j = stringEnd(d[:end], i); d[j-1] != '"' || j < i+2 {
		return -1
	}
	return j
}

func wordEnd(d []byte, i, end int, word string) int {
	if i+len(word) > end || string(d[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func skipWithin(d []byte, i, end int) int {
	for i < end && (d[i] == ' ' || d[i] == '\t' || d[i] == '\r') {
		i++
	}
	return i
}
