// Package crawl makes definitions of what a survey of a connection found, and compares those that are there with it.
package crawl

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/source"
)

// Definition writes the definition of a table as a person would keep it: keys whose value is the default are left out, what
// is not sure stands in a comment.
func Definition(connection string, t source.Surveyed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Found by weir crawl %s: %s, %s.\n", connection, plural(t.Parts, "file"), t.Format)
	line := func(key, value, remark string) {
		text := key + ": " + value
		if remark != "" {
			text = fmt.Sprintf("%-28s# %s", text+" ", oneLine(remark))
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line("from", nameText(connection), "")
	if t.Dataset != "" {
		line("path", quoted(t.Dataset), "")
	}
	for _, o := range t.Options {
		if o.List {
			line(o.Key, flow(o.Value), o.Why)
		} else {
			line(o.Key, optionValue(o.Value[0]), o.Why)
		}
	}
	writeKey(line, &b, t)
	writeParts(&b, t)
	if t.Bad > 0 {
		fmt.Fprintf(&b, "# max_rejects: %d   (%s malformed: %s)\n", t.Bad, are(t.Bad, "record"), oneLine(t.BadAt))
	}
	b.WriteString("columns:\n")
	width := 0
	for _, c := range t.Columns {
		width = max(width, len(keyText(c.Name))+len(typeText(c.Type))+4)
	}
	for _, c := range t.Columns {
		text := "  " + keyText(c.Name) + ": " + typeText(c.Type)
		if r := remark(c, t.Doubts); r != "" {
			text = fmt.Sprintf("%-*s  # %s", min(width, 50), text, oneLine(r))
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

func writeKey(line func(key, value, remark string), b *strings.Builder, t source.Surveyed) {
	a := t.Advice
	if len(a.Key) == 0 {
		return
	}
	names := make([]string, len(a.Key))
	for i, k := range a.Key {
		names[i] = columnText(k)
	}
	value := flow(names)
	if len(names) == 1 {
		value = plainOrQuoted(names[0])
	}
	evidence := ""
	if len(t.Keys) > 0 {
		evidence = t.Keys[0].Why
	}
	if !a.Set {
		fmt.Fprintf(b, "# key: %s   (%s)\n", value, oneLine(evidence))
		if a.OrderBy != "" {
			fmt.Fprintf(b, "# order_by: %s\n", plainOrQuoted(columnText(a.OrderBy)))
		}
		return
	}
	line("key", value, evidence)
	line("order_by", plainOrQuoted(columnText(a.OrderBy)), "of two rows of one key the later one wins")
}

// writeParts offers the folders' own partition to the table, which a small one is better off without.
func writeParts(b *strings.Builder, t source.Surveyed) {
	var names []string
	for _, f := range t.Folders {
		if f.Column {
			names = append(names, columnText(f.Name))
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(b, "# partition: %s   (as the folders are; for large tables)\n", flow(names))
	}
}

// remark is what is worth saying of a column where it stands: a doubt, and a folder it comes from.
func remark(c source.SurveyedColumn, doubts []string) string {
	for _, d := range doubts {
		if rest, ok := strings.CutPrefix(d, c.Name+": "); ok {
			return rest
		}
	}
	switch {
	case c.Folder:
		return "from the folders"
	case c.Late != "":
		return "first in " + c.Late
	}
	return ""
}

// oneLine keeps a comment a comment.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	const most = 110
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

var (
	plainName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reserved   = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null|nan)$`)
	sqlName    = regexp.MustCompile(`^[^"().]+$`)
	plainTypes = regexp.MustCompile(`^[a-z0-9_ ,()]+$`)
)

// plainOrQuoted writes a text as YAML: as it stands where that is the same text, else in double quotes.
func plainOrQuoted(s string) string {
	if plainName.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	return quoted(s)
}

// quoted writes a value in double quotes, so that neither YAML nor ${…} finds anything in it.
func quoted(s string) string { return doubleQuoted(strings.ReplaceAll(s, "${", "$${")) }

// keyText writes a key: in keys ${…} has no meaning.
func keyText(s string) string {
	if plainName.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	return doubleQuoted(s)
}

func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

func optionValue(s string) string {
	if plainName.MatchString(s) && !reserved.MatchString(s) || regexpNumber.MatchString(s) || s == "true" || s == "false" || s == "utf-16" || s == "latin-1" {
		return s
	}
	return quoted(s)
}

var regexpNumber = regexp.MustCompile(`^\d+$`)

func flow(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = plainOrQuoted(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// nameText is a connection as from: names it.
func nameText(connection string) string {
	if plainName.MatchString(connection) && !reserved.MatchString(connection) {
		return connection
	}
	return quoted(job.Quote(connection))
}

// columnText is a column as key: and its like name it: odd ones in double quotes, as in SQL.
func columnText(name string) string {
	if sqlName.MatchString(name) && strings.TrimSpace(name) == name {
		return name
	}
	return job.Quote(name)
}

// typeText is a type as a definition writes it: in small letters, but for the names in it, and those without quotes where
// they need none.
func typeText(canonical string) string {
	text := typeWords(canonical)
	if plainTypes.MatchString(text) {
		return text
	}
	return quotedType(text)
}

func typeWords(canonical string) string {
	var b strings.Builder
	for rest := canonical; rest != ""; {
		start := strings.IndexByte(rest, '"')
		if start < 0 {
			start = len(rest)
		}
		b.WriteString(strings.ReplaceAll(strings.ToLower(rest[:start]), "timestamp with time zone", "timestamptz"))
		if rest = rest[start:]; rest == "" {
			break
		}
		end := 1
		for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end:], `""`)) {
			if rest[end] == '"' {
				end++
			}
			end++
		}
		name := rest[:min(end+1, len(rest))]
		if inner := strings.Trim(name, `"`); simpleMember.MatchString(inner) && len(inner)+2 == len(name) {
			name = inner
		}
		b.WriteString(name)
		rest = rest[min(end+1, len(rest)):]
	}
	return b.String()
}

// simpleMember is a name of a struct's member that needs no quotes.
var simpleMember = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// quotedType writes a type in the quotes that leave its own alone.
func quotedType(text string) string {
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r == '\'' || !unicode.IsPrint(r) })
	if plain && strings.ContainsAny(text, `"\`) && !strings.Contains(text, "${") {
		return "'" + text + "'"
	}
	return quoted(text)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// CheckPrefix says whether a text can be the first part of tables' names: raw, or raw.shop.
func CheckPrefix(prefix string) error {
	for part := range strings.SplitSeq(prefix, ".") {
		if !plainName.MatchString(part) {
			return fmt.Errorf("prefix %q: letters, digits and _ between dots, a letter first, as in raw or raw.shop", prefix)
		}
	}
	return nil
}

// FileOf is where the definition of a table stands, relative to the project.
func FileOf(table string) string { return "tables/" + strings.ReplaceAll(table, ".", "/") + ".yaml" }

// Taken says which definition has a table's name, whatever its case; "" for none.
func Taken(p *define.Project, table string) string {
	for name, t := range p.Tables {
		if strings.EqualFold(name, table) {
			return t.File
		}
	}
	return ""
}

// Part makes a text a part of a table's name.
func Part(s string) string {
	s = strings.Trim(oddInName.ReplaceAllString(strings.ToLower(s), "_"), "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "t_" + s
	}
	return s
}

var oddInName = regexp.MustCompile(`[^a-z0-9]+`)
