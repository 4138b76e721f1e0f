package project

import (
	"regexp"
	"strings"
)

var assignment = regexp.MustCompile(`^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)$`)

// ParseDotenv reads the lines NAME=value of an .env file. A value may stand in single quotes, which take it as it is, or
// in double quotes, which know \n, \t, \" and \\. A # after a space starts a comment.
func ParseDotenv(file, text string) (map[string]string, []Problem) {
	text, problem := clean(Place{File: file, Line: 1, Col: 1}, text)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	values := map[string]string{}
	var problems []Problem
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := Place{file, i + 1, 1}
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			// The line may hold a secret: it is not repeated (promise 9).
			problems = append(problems, at.Problem("this line is not NAME=value"))
			continue
		}
		value, ok := dotenvValue(m[2])
		if !ok {
			problems = append(problems, at.Problem("the value of %s is not one text", m[1]).WithHint("quote it, and close the quote on the same line"))
			continue
		}
		values[m[1]] = value
	}
	return values, problems
}

func dotenvValue(raw string) (string, bool) {
	if raw == "" {
		return "", true
	}
	switch mark := raw[0]; mark {
	case '\'', '"':
		end := closing(raw, mark)
		if end < 0 {
			return "", false
		}
		if rest := strings.TrimSpace(raw[end+1:]); rest != "" && rest[0] != '#' {
			return "", false
		}
		if mark == '\'' {
			return raw[1:end], true
		}
		return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(raw[1:end]), true
	case '#':
		return "", true
	}
	return strings.TrimRight(comment.ReplaceAllString(raw, ""), " \t"), true
}

// closing finds the mark that ends a quoted text; a backslash takes the next mark's meaning away in double quotes.
func closing(raw string, mark byte) int {
	for i := 1; i < len(raw); i++ {
		switch {
		case raw[i] == '\\' && mark == '"':
			i++
		case raw[i] == mark:
			return i
		}
	}
	return -1
}
