package quality

import "strings"

// rewriteSQL makes SQL of rules ready for DuckDB: the name primary, a word of SQL there, is quoted, and so are names in
// backticks. Texts, quoted names and comments stay. Semicolons at the end go.
func rewriteSQL(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		n := skipped(sql[i:])
		switch {
		case n > 0:
			b.WriteString(sql[i : i+n])
		case sql[i] == '`':
			n = backticked(&b, sql[i:])
		case nameByte(sql[i]):
			n = 1
			for i+n < len(sql) && nameByte(sql[i+n]) {
				n++
			}
			writeWord(&b, sql[i:i+n])
		default:
			n = 1
			b.WriteByte(sql[i])
		}
		i += n
	}
	return strings.TrimRight(b.String(), "; \t\r\n")
}

func writeWord(b *strings.Builder, w string) {
	if strings.EqualFold(w, "primary") {
		w = `"primary"`
	}
	b.WriteString(w)
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// backticked writes `name` as a quoted name and gives its length.
func backticked(b *strings.Builder, s string) int {
	end := strings.IndexByte(s[1:], '`')
	if end < 0 {
		b.WriteByte('`')
		return 1
	}
	b.WriteString(`"` + strings.ReplaceAll(s[1:1+end], `"`, `""`) + `"`)
	return end + 2
}

// skipped gives the length of a text, quoted name or comment at the start of s, 0 where there is none. One that is not
// closed goes to the end.
func skipped(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		return closing(s, s[:1], 1, false)
	case len(s) > 1 && (s[0] == 'e' || s[0] == 'E') && s[1] == '\'':
		return closing(s, "'", 2, true)
	case strings.HasPrefix(s, "--"):
		if n := strings.IndexByte(s, '\n'); n >= 0 {
			return n
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if n := strings.Index(s[2:], "*/"); n >= 0 {
			return n + 4
		}
		return len(s)
	case s[0] == '$':
		return dollarQuoted(s)
	}
	return 0
}

// closing finds the end of a quotation that starts before from; a doubled quote does not end it, nor does one behind a
// backslash where those escape.
func closing(s, quote string, from int, escapes bool) int {
	for i := from; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote[0] && i+1 < len(s) && s[i+1] == quote[0]:
			i++
		case s[i] == quote[0]:
			return i + 1
		}
	}
	return len(s)
}

// dollarQuoted gives the length of $tag$ … $tag$.
func dollarQuoted(s string) int {
	end := strings.IndexByte(s[1:], '$')
	if end < 0 || strings.ContainsFunc(s[1:1+end], func(r rune) bool { return r < 0x80 && !nameByte(byte(r)) }) {
		return 0
	}
	tag := s[:end+2]
	n := strings.Index(s[len(tag):], tag)
	if n < 0 {
		return len(s)
	}
	return n + 2*len(tag)
}
