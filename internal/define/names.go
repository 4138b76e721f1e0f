package define

import (
	"path"
	"regexp"
	"strings"

	"weir/internal/project"
)

// quotedName reads a name in double quotes, as SQL writes it, from the start of a text and gives what follows.
func quotedName(text string) (name, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), text[i+1:], true
	}
	return "", "", false
}

// columnName reads a column's name: as it stands, or quoted as in SQL.
func columnName(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, `"`) {
		return text, text != "" && !strings.ContainsAny(text, `"()`)
	}
	name, rest, ok := quotedName(text)
	return name, ok && rest == "" && name != ""
}

// splitFrom parts from: into the connection and the dataset's name in it, which stays as written.
func splitFrom(text string) (connection, dataset string, ok bool) {
	text = strings.TrimSpace(text)
	rest := ""
	if strings.HasPrefix(text, `"`) {
		connection, rest, ok = quotedName(text)
	} else {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		connection, rest, ok = text[:end], text[end:], true
	}
	if !ok || connection == "" {
		return "", "", false
	}
	if rest == "" {
		return connection, "", true
	}
	dataset, found := strings.CutPrefix(rest, ".")
	return connection, dataset, found && dottedName(dataset)
}

var plainPart = regexp.MustCompile(`^[^\s".]+`)

// dottedName says whether a text is names with dots between them, each plain or quoted as in SQL.
func dottedName(text string) bool {
	for {
		if strings.HasPrefix(text, `"`) {
			name, rest, ok := quotedName(text)
			if !ok || name == "" {
				return false
			}
			text = rest
		} else {
			part := plainPart.FindString(text)
			if part == "" {
				return false
			}
			text = text[len(part):]
		}
		if text == "" {
			return true
		}
		var ok bool
		if text, ok = strings.CutPrefix(text, "."); !ok {
			return false
		}
	}
}

var (
	namePart  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	wordForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	oddInName = regexp.MustCompile(`[^A-Za-z0-9_]`)
)

// checkTableName says what is wrong with the name a file gives to its table: below is its path without tables/.
func checkTableName(file, below string) []project.Problem {
	at := project.Place{File: file, Line: 1, Col: 1}
	parts := strings.Split(strings.TrimSuffix(below, path.Ext(below)), "/")
	if len(parts) < 2 {
		return []project.Problem{at.Problem("a table stands in a folder below tables/").
			WithHint("move it, as to tables/raw/%s: its table is then raw.%s", path.Base(file), parts[0])}
	}
	var problems []project.Problem
	for _, part := range parts {
		if !namePart.MatchString(part) {
			better := oddInName.ReplaceAllString(part, "_")
			if better == "" || better[0] >= '0' && better[0] <= '9' {
				better = "t_" + better
			}
			problems = append(problems, at.Problem("%q cannot be part of a table's name: letters, digits and _, a letter first", part).WithHint("rename it to %s", better))
		}
	}
	switch strings.ToLower(parts[0]) {
	case "memory", "system", "temp", "pg_catalog", "information_schema":
		problems = append(problems, at.Problem("folder tables/%s has a name that the engine keeps for itself", parts[0]).WithHint("give it another name"))
	}
	return problems
}
