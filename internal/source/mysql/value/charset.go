package value

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Decoder turns text of a character set into UTF-8, behind what b holds; false where it is no text of it. Texts in the binary log
// are in the character set of their column, unlike those of answers to queries.
type Decoder func(b, text []byte) ([]byte, bool)

// unicodeDecoders are those of character sets that hold Unicode, by the names that servers have for them.
var unicodeDecoders = map[string]Decoder{
	"utf8mb4": asIs, "utf8mb3": asIs, "utf8": asIs,
	"utf16": pairs(1, 0), "ucs2": pairs(1, 0), "utf16le": pairs(0, 1), "utf32": quads,
}

func asIs(b, text []byte) ([]byte, bool) { return append(b, text...), utf8.Valid(text) }

// pairs reads two bytes at a time, the low one at one place and the high one at the other.
func pairs(low, high int) Decoder {
	return func(b, text []byte) ([]byte, bool) {
		if len(text)%2 != 0 {
			return b, false
		}
		for ; len(text) > 0; text = text[2:] {
			r := rune(text[high])<<8 | rune(text[low])
			if utf16.IsSurrogate(r) {
				if len(text) < 4 {
					return b, false
				}
				text = text[2:]
				if r = utf16.DecodeRune(r, rune(text[high])<<8|rune(text[low])); r == utf8.RuneError {
					return b, false
				}
			}
			b = utf8.AppendRune(b, r)
		}
		return b, true
	}
}

func quads(b, text []byte) ([]byte, bool) {
	if len(text)%4 != 0 {
		return b, false
	}
	for ; len(text) > 0; text = text[4:] {
		r := rune(text[0])<<24 | rune(text[1])<<16 | rune(text[2])<<8 | rune(text[3])
		if !utf8.ValidRune(r) {
			return b, false
		}
		b = utf8.AppendRune(b, r)
	}
	return b, true
}

// Stored appends a text in the column's own character set.
func (c *Cell) Stored(v []byte) Flaw {
	if c.Most > 0 && len(v) > c.Most {
		return TooLong
	}
	if c.Decode == nil {
		return c.Characters(v)
	}
	out, ok := c.Decode(c.scratch[:0], v)
	if c.scratch = out; !ok {
		return NotText
	}
	c.to.Bytes(out)
	return OK
}

// Padded appends bytes, those of a BINARY with the zeros at their end that the log leaves out.
func (c *Cell) Padded(v []byte) Flaw {
	if c.Width <= len(v) {
		return c.Octets(v)
	}
	b := append(c.scratch[:0], v...)
	for len(b) < c.Width {
		b = append(b, 0)
	}
	c.scratch = b
	return c.Octets(b)
}
