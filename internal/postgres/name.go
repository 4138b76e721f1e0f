package postgres

import (
	"fmt"
	"strings"
)

// ParseName takes a dotted name apart. Parts in double quotes are taken as they are, others in lower case, as the server does.
func ParseName(text string) (parts []string, err error) {
	bad := fmt.Errorf("%q is not a name of a table", text)
	for rest := strings.TrimSpace(text); ; {
		part := ""
		if strings.HasPrefix(rest, `"`) {
			part, rest, err = quoted(rest[1:])
			if err != nil {
				return nil, bad
			}
		} else {
			at := strings.IndexAny(rest, `."`)
			if at < 0 {
				at = len(rest)
			}
			part, rest = strings.ToLower(rest[:at]), rest[at:]
		}
		if part == "" {
			return nil, bad
		}
		parts = append(parts, part)
		if rest == "" {
			return parts, nil
		}
		if rest[0] != '.' {
			return nil, bad
		}
		rest = rest[1:]
	}
}

// quoted reads up to the closing quote; two quotes are one of the name.
func quoted(s string) (part, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:], nil
	}
	return "", "", fmt.Errorf("a quote is not closed")
}
