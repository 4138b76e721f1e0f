package define

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sqlTokens cuts SQL into its tokens, without comments and whitespace and without semicolons at the end. Words are in lower
// case, texts and quoted names as they stand, signs one by one. Two texts with equal tokens mean the same.
func sqlTokens(sql string) []string {
	var tokens []string
	for sql != "" {
		n := blank(sql)
		if n == 0 {
			n = token(sql)
			t := sql[:n]
			if first, _ := utf8.DecodeRuneInString(t); wordRune(first) && !strings.ContainsAny(t, `'"$`) {
				t = strings.ToLower(t)
			}
			tokens = append(tokens, t)
		}
		sql = sql[n:]
	}
	for len(tokens) > 0 && tokens[len(tokens)-1] == ";" {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// blank is the length of the whitespace or comment at the start of SQL, 0 where there is none.
func blank(sql string) int {
	switch {
	case strings.HasPrefix(sql, "--"):
		if end := strings.IndexByte(sql, '\n'); end >= 0 {
			return end + 1
		}
		return len(sql)
	case strings.HasPrefix(sql, "/*"):
		return blockComment(sql)
	}
	if r, size := utf8.DecodeRuneInString(sql); unicode.IsSpace(r) {
		return size
	}
	return 0
}

// blockComment is the length of a comment in /* */, which may hold others, as in DuckDB's and PostgreSQL's lexer.
func blockComment(sql string) int {
	depth := 0
	for i := 0; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
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
	return len(sql)
}

// token is the length of the token at the start of SQL, at least 1.
func token(sql string) int {
	first, size := utf8.DecodeRuneInString(sql)
	switch {
	case first == '\'' || first == '"':
		return quoted(sql, 0, false)
	case (first == 'e' || first == 'E') && len(sql) > 1 && sql[1] == '\'':
		return quoted(sql, 1, true)
	case first == '$':
		return dollar(sql)
	case wordRune(first):
		for i, r := range sql {
			if !wordRune(r) {
				return i
			}
		}
		return len(sql)
	}
	return size
}

// quoted is the length of a text or name whose quote stands at an index. A doubled quote is part of it, and in E'…' what
// follows a backslash.
func quoted(sql string, at int, escapes bool) int {
	mark := sql[at]
	for i := at + 1; i < len(sql); i++ {
		switch {
		case escapes && sql[i] == '\\':
			i++
		case sql[i] == mark && i+1 < len(sql) && sql[i+1] == mark:
			i++
		case sql[i] == mark:
			return i + 1
		}
	}
	return len(sql)
}

// dollar is the length of $$text$$, $tag$text$tag$ or $name.
func dollar(sql string) int {
	end := 1
	for end < len(sql) {
		r, size := utf8.DecodeRuneInString(sql[end:])
		if !wordRune(r) {
			break
		}
		end += size
	}
	if end < len(sql) && sql[end] == '$' {
		tag := sql[:end+1]
		if close := strings.Index(sql[end+1:], tag); close >= 0 {
			return end + 1 + close + len(tag)
		}
		return len(sql)
	}
	return end
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
