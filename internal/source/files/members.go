package files

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The functions here take JSON apart that is known to be valid, without building trees of it.

// eachMember calls f with every member of an object, in order; value has no space around it.
func eachMember(object []byte, f func(key string, value []byte)) {
	i := skipSpace(object, 1)
	for i < len(object) && object[i] == '"' {
		end := valueEnd(object, i)
		key := unquoteJSON(object[i:end])
		i = skipSpace(object, end) + 1 // the colon
		i = skipSpace(object, i)
		end = valueEnd(object, i)
		f(key, object[i:end])
		i = skipSpace(object, end)
		if i < len(object) && object[i] == ',' {
			i = skipSpace(object, i+1)
		}
	}
}

// eachElement calls f with every element of an array, in order.
func eachElement(array []byte, f func(value []byte)) {
	i := skipSpace(array, 1)
	for i < len(array) && array[i] != ']' {
		end := valueEnd(array, i)
		f(array[i:end])
		i = skipSpace(array, end)
		if i < len(array) && array[i] == ',' {
			i = skipSpace(array, i+1)
		}
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// valueEnd is where the value that starts at i ends.
func valueEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of what the value stands in
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func unquoteJSON(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && isASCII(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is valid
	return s
}

// halfPair says whether a text holds half of a surrogate pair, which stands for no character.
func halfPair(b []byte) bool {
	for i := bytes.Index(b, []byte(`\u`)); i >= 0 && i+6 <= len(b); {
		step := 2
		if slashes := i - len(bytes.TrimRight(b[:i], `\`)); slashes%2 == 0 {
			step = 6
			switch r := rune16(b[i+2:]); {
			case r >= 0xdc00 && r < 0xe000:
				return true
			case r >= 0xd800 && r < 0xdc00:
				if i+12 > len(b) || b[i+6] != '\\' || b[i+7] != 'u' || rune16(b[i+8:])&^0x3ff != 0xdc00 {
					return true
				}
				step = 12
			}
		}
		next := bytes.Index(b[i+step:], []byte(`\u`))
		if next < 0 {
			return false
		}
		i += step + next
	}
	return false
}

// rune16 reads four hexadecimal digits.
func rune16(b []byte) uint16 {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 16) // it is valid
	return uint16(n)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// quoteJSON writes a text as a JSON string.
func quoteJSON(s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		b := make([]byte, 0, len(s)+2)
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
