package job

import "strings"

// Quote writes a name as a quoted SQL identifier.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteTable writes a table's dotted name as a quoted SQL name: marts.daily is "marts"."daily".
func QuoteTable(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = Quote(p)
	}
	return strings.Join(parts, ".")
}

// Literal writes text as an SQL string.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// RunNumber gives a run id's number as people write it: 000018-3f9ac2 is 18.
func RunNumber(id string) string {
	number, _, _ := strings.Cut(id, "-")
	if n := strings.TrimLeft(number, "0"); n != "" {
		return n
	}
	return number
}
