package mysql

import (
	"fmt"
	"strings"
)

// ParseName takes a dotted name apart. Parts may stand in double quotes or backticks; all are taken as they are written:
// whether case matters is the server's setting.
func ParseName(text string) (parts []string, err error) {
	bad := fmt.Errorf("%q is not a name of a table", text)
	for rest := strings.TrimSpace(text); ; rest = rest[1:] {
		var part string
		if rest != "" && (rest[0] == '"' || rest[0] == '`') {
			var ok bool
			if part, rest, ok = quoted(rest); !ok {
				return nil, bad
			}
		} else {
			at := strings.IndexAny(rest, ".\"`")
			if at < 0 {
				at = len(rest)
			}
			part, rest = rest[:at], rest[at:]
		}
		if part == "" || rest != "" && rest[0] != '.' {
			return nil, bad
		}
		if parts = append(parts, part); rest == "" {
			return parts, nil
		}
	}
}

// quoted reads a part up to the quote that it began with; two of them are one of the name.
func quoted(s string) (part, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == s[0] {
			i++
			b.WriteByte(s[0])
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

// ShowName writes a name as ParseName reads it, with quotes where they are needed.
func ShowName(parts ...string) string {
	shown := make([]string, len(parts))
	for i, p := range parts {
		if shown[i] = p; p == "" || strings.ContainsAny(p, ".\"` ") {
			shown[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
		}
	}
	return strings.Join(shown, ".")
}
