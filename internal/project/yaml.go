package project

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of one YAML text, far beyond what a person writes.
const (
	maxText  = 1 << 20 // bytes
	maxDepth = 60
	maxNodes = 100_000 // after references (*name) are resolved
)

// ParseYAML reads one YAML document. Places are those in text; file names it. Where the text cannot be read as YAML the
// node is nil; slips that can be guessed around are reported, and reading goes on.
func ParseYAML(file, text string) (*Node, []Problem) {
	at := Place{File: file, Line: 1, Col: 1}
	text, problem := clean(at, text)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	lines := strings.Split(text, "\n")
	if p := tooDeep(file, lines); p != nil {
		return nil, []Problem{*p}
	}
	var problems []Problem
	for range 100 {
		doc, err := parseDocument(at, lines)
		if err == nil {
			b := &builder{file: file, lines: lines, anchors: map[string]*Node{}, problems: problems}
			n := b.document(doc)
			return n, SortProblems(b.problems)
		}
		if err.Line < 1 || err.Line > len(lines) {
			return nil, SortProblems(append(problems, *err))
		}
		fixed, found := mend(*err, lines, err.Line-1)
		problems = append(problems, found)
		if fixed == "" || fixed == lines[err.Line-1] {
			return nil, SortProblems(problems)
		}
		lines[err.Line-1] = fixed
	}
	return nil, SortProblems(problems)
}

// clean checks that a text is one and gives it with \n as the only line break and without byte order mark.
func clean(at Place, text string) (string, *Problem) {
	text = strings.TrimPrefix(text, "\ufeff")
	if len(text) > maxText {
		p := at.Problem("the file has %d bytes, more than %d", len(text), maxText)
		return "", &p
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	line, col := 1, 1
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				p := Place{at.File, line, col}.Problem("this is not UTF-8 text").WithHint("save the file as UTF-8")
				return "", &p
			}
		}
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			p := Place{at.File, line, col}.Problem("character %U cannot stand here", r)
			return "", &p
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return text, nil
}

// tooDeep refuses nesting that no one writes by hand, so that the parser's recursion stays bounded.
func tooDeep(file string, lines []string) *Problem {
	flow, indents := 0, []int{}
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t-?!&*"))
		marks := strings.Count(line[:indent], "-") + strings.Count(line[:indent], "?") + strings.Count(line[:indent], "!") + strings.Count(line[:indent], "&")
		for len(indents) > 0 && indents[len(indents)-1] >= indent {
			indents = indents[:len(indents)-1]
		}
		indents = append(indents, indent)
		flow = max(0, flow+strings.Count(line, "[")+strings.Count(line, "{")-strings.Count(line, "]")-strings.Count(line, "}"))
		opened := strings.Count(line, "[") + strings.Count(line, "{")
		if marks > maxDepth && strings.Trim(line, "-") != "" || len(indents) > 2*maxDepth || flow > 4*maxDepth || opened > 16*maxDepth {
			p := Place{file, i + 1, 1}.Problem("nested too deep")
			return &p
		}
	}
	return nil
}

// parseDocument runs the YAML parser. A syntax error comes back as a problem.
func parseDocument(at Place, lines []string) (doc ast.Node, problem *Problem) {
	defer func() {
		// The parser has panicked on broken input before; a project with a broken file is a mistake, not a crash.
		if r := recover(); r != nil {
			p := at.Problem("this is not YAML: %v", r)
			doc, problem = nil, &p
		}
	}()
	f, err := parser.ParseBytes([]byte(strings.Join(lines, "\n")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p := syntaxProblem(at, err)
		return nil, &p
	}
	for _, d := range f.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if doc != nil {
			p := place(at.File, d.Body).Problem("a second document starts here").WithHint("a file holds one; take the line --- out")
			return nil, &p
		}
		doc = d.Body
	}
	return doc, nil
}

func syntaxProblem(at Place, err error) Problem {
	var e yaml.Error
	if !errors.As(err, &e) {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return at.Problem("%s", message)
	}
	if tk := e.GetToken(); tk != nil && tk.Position != nil && tk.Position.Line > 0 {
		at.Line, at.Col = tk.Position.Line, max(1, tk.Position.Column)
	}
	return at.Problem("%s", e.GetMessage())
}

func place(file string, n ast.Node) Place {
	p := Place{File: file, Line: 1, Col: 1}
	if n == nil {
		return p
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		p.Line, p.Col = max(1, tk.Position.Line), max(1, tk.Position.Column)
	}
	return p
}
