package model

import (
	"strings"
	"unicode/utf8"
)

// token is a piece of SQL that is neither space nor comment.
type token struct {
	kind       tokenKind
	start, end int // byte offsets
}

type tokenKind byte

const (
	word   tokenKind = iota // a name, keyword, number or $parameter
	quoted                  // "a name"
	str                     // 'text', $$text$$
	sign                    // one character of anything else
)

// scan cuts SQL into tokens as DuckDB's lexer does, as far as quotes, comments and brackets are concerned. What is not
// closed runs to the end.
func scan(sql string) []token {
	var out []token
	for i := 0; i < len(sql); {
		n, kind, visible := next(sql[i:])
		if visible {
			out = append(out, token{kind: kind, start: i, end: i + n})
		}
		i += n
	}
	return out
}

// next reads the token, space or comment a text begins with.
func next(s string) (n int, kind tokenKind, visible bool) {
	switch c := s[0]; {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return 1, 0, false
	case strings.HasPrefix(s, "--"):
		if at := strings.IndexAny(s, "\r\n"); at >= 0 {
			return at, 0, false
		}
		return len(s), 0, false
	case strings.HasPrefix(s, "/*"):
		return comment(s), 0, false
	case c == '\'':
		return closing(s, '\'', false), str, true
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return 1 + closing(s[1:], '\'', true), str, true
	case c == '"':
		return closing(s, '"', false), quoted, true
	case c == '$':
		return dollar(s)
	case wordByte(c):
		n := 1
		for n < len(s) && (wordByte(s[n]) || s[n] == '$') {
			n++
		}
		return n, word, true
	}
	_, size := utf8.DecodeRuneInString(s)
	return size, sign, true
}

func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// comment is the length of a block comment. They nest.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// closing is the length of a text up to its closing quote; a doubled quote stands for one.
func closing(s string, quote byte, backslash bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// dollar reads $$text$$, $tag$text$tag$, or a $parameter.
func dollar(s string) (int, tokenKind, bool) {
	n := 1
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	isTag := n == 1 || s[1] < '0' || s[1] > '9'
	if n < len(s) && s[n] == '$' && isTag {
		tag := s[:n+1]
		if at := strings.Index(s[n+1:], tag); at >= 0 {
			return n + 1 + at + len(tag), str, true
		}
		return len(s), str, true
	}
	return n, word, true
}

// span is one statement: from its first token to its last, without the semicolon.
type span struct{ start, end int }

// statements cuts SQL at its semicolons. Empty statements are left out.
func statements(sql string) []span {
	var out []span
	open := false
	for _, t := range scan(sql) {
		if t.kind == sign && sql[t.start] == ';' {
			open = false
			continue
		}
		if !open {
			out = append(out, span{start: t.start})
			open = true
		}
		out[len(out)-1].end = t.end
	}
	return out
}

// is compares a token with a keyword.
func (t token) is(sql, keyword string) bool {
	return t.kind != quoted && t.kind != str && strings.EqualFold(sql[t.start:t.end], keyword)
}
