package project

import (
	"regexp"
	"strings"
)

// SQL is a SQL file parted into its header and the rest.
type SQL struct {
	Header *Node  // nil without a header, or where it is not YAML
	Body   string // without the header
	Line   int    // 1-based line of the file at which Body starts
}

// The lines between which a SQL file's header stands. Weir takes it out before any SQL parser sees it.
const (
	headerStart = "/* weir"
	headerEnd   = "*/"
)

// ParseSQL parts a SQL file. Places in the header are those in the file.
func ParseSQL(file, text string) (SQL, []Problem) {
	text, problem := clean(Place{File: file, Line: 1, Col: 1}, text)
	if problem != nil {
		return SQL{Line: 1}, []Problem{*problem}
	}
	lines := strings.Split(text, "\n")
	start, problems := findHeader(file, lines)
	if start < 0 {
		return SQL{Body: text, Line: 1}, problems
	}
	for end := start + 1; end < len(lines); end++ {
		if strings.TrimSpace(lines[end]) != headerEnd {
			continue
		}
		header := strings.Repeat("\n", start+1) + strings.Join(lines[start+1:end], "\n")
		node, found := ParseYAML(file, header)
		body := SQL{Header: node, Body: strings.Join(lines[end+1:], "\n"), Line: end + 2}
		return body, append(problems, found...)
	}
	p := Place{file, start + 1, 1}.Problem("the header has no end").WithHint("end it with a line that holds only */")
	return SQL{Line: len(lines)}, append(problems, p)
}

// findHeader gives the index of the header's first line, or -1. Only empty lines and comments may stand before it.
func findHeader(file string, lines []string) (int, []Problem) {
	comment := false // inside a block comment
	for i, line := range lines {
		text := strings.TrimSpace(line)
		switch {
		case !comment && text == headerStart:
			return i, nil
		case !comment && nearlyHeader(text):
			p := Place{file, i + 1, 1}.Problem("%s is not the start of a header", quote(clip(text))).WithHint("write %s alone on its line", headerStart)
			return -1, []Problem{p}
		case comment:
			comment = !strings.Contains(text, "*/")
		case text == "" || strings.HasPrefix(text, "--"):
		case strings.HasPrefix(text, "/*"):
			comment = !strings.Contains(text[2:], "*/")
		default:
			return -1, lateHeader(file, lines[i:], i)
		}
	}
	return -1, nil
}

var nearly = regexp.MustCompile(`(?i)^/\*+\s*weir(:?\s*|:?\s*\*/|\s+[a-z_]+:(\s.*)?)$`)

// nearlyHeader recognises /*weir, /* Weir: and a header on one line.
func nearlyHeader(text string) bool { return nearly.MatchString(text) }

// lateHeader finds a header behind SQL. The line may be part of a text in SQL, where only the exact line counts.
func lateHeader(file string, lines []string, offset int) []Problem {
	for i, line := range lines {
		if line == headerStart {
			return []Problem{Place{file, offset + i + 1, 1}.Problem("the header stands behind SQL").WithHint("move it to the top of the file")}
		}
	}
	return nil
}
