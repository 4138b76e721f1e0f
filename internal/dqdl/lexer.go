package dqdl

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	endOfText tokenKind = iota
	word                // identifier, keyword or unit
	integer
	decimal
	quoted    // text holds what stands between the quotes
	dateText  // "2022-01-01"
	timeText  // "9:30 AM", "21:45"
	nowCall   // now()
	operation // one of the signs below
	stray     // what belongs nowhere; a mistake of it is noted already
)

const signs = "[](){},:=!<>+-*/$"

type token struct {
	kind      tokenKind
	text      string
	line, col int
}

func (t token) is(text string) bool { return t.kind == operation && t.text == text }

// isWord says whether the token is one of the words, as written.
func (t token) isWord(words ...string) bool {
	if t.kind != word {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

func (t token) String() string {
	switch t.kind {
	case endOfText:
		return "the end of the text"
	case quoted, dateText, timeText:
		return clip(`"` + t.text + `"`)
	}
	return "'" + clip(t.text) + "'"
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

var (
	likeInteger = regexp.MustCompile(`^[0-9]+$`)
	likeDecimal = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	likeDate    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	likeTime    = regexp.MustCompile(`^([0-9]{1,2}:[0-9]{2} (AM|PM)|[0-9]{2}:[0-9]{2})$`)
)

type lexer struct {
	text      string
	at        int
	line, col int
	tokens    []token
}

// scan cuts a text into tokens. What belongs nowhere becomes a stray token and a mistake; a quote that is never closed ends the
// text.
func scan(text string) ([]token, Errors) {
	l := &lexer{text: strings.TrimPrefix(text, "\ufeff"), line: 1, col: 1}
	var errs Errors
	for {
		l.skip()
		t, err := l.next()
		if err != nil && len(errs) < maxErrors {
			errs = append(errs, *err)
		}
		l.tokens = append(l.tokens, t)
		if t.kind == endOfText {
			return l.tokens, errs
		}
	}
}

// skip passes white space and comments. A comment may end with the text, and lines with CR LF.
func (l *lexer) skip() {
	for l.at < len(l.text) {
		switch l.text[l.at] {
		case ' ', '\t', '\n', '\r':
			l.take(1)
		case '#':
			end := strings.IndexByte(l.text[l.at:], '\n')
			if end < 0 {
				end = len(l.text) - l.at
			}
			l.take(end)
		default:
			return
		}
	}
}

// take moves on by n bytes and gives them.
func (l *lexer) take(n int) string {
	s := l.text[l.at : l.at+n]
	l.at += n
	if lines := strings.Count(s, "\n"); lines > 0 {
		l.line += lines
		l.col = 1
		l.col += utf8.RuneCountInString(s[strings.LastIndexByte(s, '\n')+1:])
	} else {
		l.col += utf8.RuneCountInString(s)
	}
	return s
}

func (l *lexer) next() (token, *Error) {
	t := token{line: l.line, col: l.col}
	if l.at == len(l.text) {
		return t, nil
	}
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case c == '"':
		n := quoteEnd(rest)
		if n < 0 {
			return t, &Error{Line: t.line, Col: t.col, Msg: "a quote is opened and never closed"}
		}
		t.text = strings.TrimSuffix(l.take(n)[1:], `"`)
		t.kind = quotedKind(t.text)
	case wordByte(c):
		n := 1
		for n < len(rest) && wordByte(rest[n]) {
			n++
		}
		if rest[:n] == "now" && strings.HasPrefix(rest[n:], "()") {
			n += 2
		}
		t.text = l.take(n)
		t.kind = wordKind(t.text)
	case strings.HasPrefix(rest, ">="), strings.HasPrefix(rest, "<="):
		t.kind, t.text = operation, l.take(2)
	case strings.IndexByte(signs, c) >= 0:
		t.kind, t.text = operation, l.take(1)
	default:
		r, n := utf8.DecodeRuneInString(rest)
		msg := fmt.Sprintf("%q is not part of the language", r)
		if r == '\'' || r == '“' || r == '”' {
			msg += `; text stands between double quotes: "…"`
		}
		t.kind, t.text = stray, l.take(n+strayLength(r, rest[n:]))
		return t, &Error{Line: t.line, Col: t.col, Msg: msg}
	}
	return t, nil
}

// strayLength gives how much of a text belongs to the quote before it that is none here: up to its counterpart on the line.
func strayLength(quote rune, rest string) int {
	closing := map[rune]string{'\'': "'", '“': "”"}[quote]
	line, _, _ := strings.Cut(rest, "\n")
	if at := strings.Index(line, closing); closing != "" && at >= 0 {
		return at + len(closing)
	}
	return 0
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.'
}

// quoteEnd gives the length of the quoted text at the start of s, or -1. A backslash takes the next character with it.
func quoteEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func quotedKind(text string) tokenKind {
	switch {
	case likeDate.MatchString(text):
		return dateText
	case likeTime.MatchString(text):
		return timeText
	}
	return quoted
}

func wordKind(text string) tokenKind {
	switch {
	case text == "now()":
		return nowCall
	case likeInteger.MatchString(text):
		return integer
	case likeDecimal.MatchString(text):
		return decimal
	}
	return word
}

// reserved says whether a word of the language cannot be a name.
func reserved(w string) bool {
	switch w {
	case "and", "AND", "or", "OR", "of", "OF", "null", "NULL", "empty", "EMPTY", "whitespaces_only", "WHITESPACES_ONLY",
		"between", "in", "not", "where", "with", "matches", "labels",
		"Rules", "Analyzers", "Metadata", "DataSources", "DefaultLabels":
		return true
	}
	return false
}
