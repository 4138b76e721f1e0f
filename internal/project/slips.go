package project

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Slips are what people write in YAML and YAML reads as something else. Each is answered with "quote it", and reading goes
// on with what was meant.

// plain makes the node of an unquoted text. A # in it starts a comment, which cuts quoted words in two.
func (b *builder) plain(at Place, text string) *Node {
	n := at.scalar(text)
	if rest, ok := b.restOfLine(at, text); ok && strings.Count(text, `"`)%2 == 1 && strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#") {
		whole := text + rest
		b.add(at.Problem("a # after a space starts a comment, so the text ends at %s", quote(text)).WithHint("quote the whole: %s", quote(whole)))
		n.Text, n.Kind, n.Style = whole, Text, Quoted
	}
	return n
}

// restOfLine gives what stands behind a text that begins at a place, on the same line.
func (b *builder) restOfLine(at Place, text string) (string, bool) {
	if at.Line > len(b.lines) {
		return "", false
	}
	runes := []rune(b.lines[at.Line-1])
	if at.Col > len(runes) {
		return "", false
	}
	return strings.CutPrefix(string(runes[at.Col-1:]), text)
}

// null makes the node of a missing value. A lone # was meant as a character.
func (b *builder) null(at Place, v *ast.NullNode) *Node {
	n := at.scalar("")
	rest, _ := b.restOfLine(at, "")
	if word := v.GetToken().Value; strings.HasPrefix(rest, word) {
		n.Text = word // null, ~, NULL
		return n
	}
	if strings.TrimSpace(rest) != "#" {
		return n
	}
	b.add(at.Problem("# starts a comment, so there is no value").WithHint(`to mean the character, quote it: "#"`))
	return &Node{Place: at, Kind: Text, Text: "#", Style: Quoted}
}

// joinCut mends { total: decimal(12,2) }, which YAML reads as the keys total and "2)". It says whether key was the rest of
// the value before it.
func (b *builder) joinCut(m *Node, key string) bool {
	if len(m.Pairs) == 0 {
		return false
	}
	last := &m.Pairs[len(m.Pairs)-1]
	whole, ok := joined(last.Value, key)
	if !ok {
		return false
	}
	if open(whole) == 0 {
		b.cut(last.Value, whole)
	}
	last.Value.Text = whole
	return true
}

// joinItems mends [bucket(16, id)], which YAML reads as two items.
func (b *builder) joinItems(list *Node) {
	var items []*Node
	for _, item := range list.Items {
		if len(items) > 0 && item.Kind < List && item.Style == Plain {
			last := items[len(items)-1]
			if whole, ok := joined(last, item.Text); ok {
				if open(whole) == 0 {
					b.cut(last, whole)
				}
				last.Text = whole
				continue
			}
		}
		items = append(items, item)
	}
	list.Items = items
}

func (b *builder) cut(n *Node, whole string) {
	b.add(n.Problem("the comma cuts %s in two", whole).WithHint("quote it: %s", quote(whole)))
}

// joined puts a text and what follows it after a comma together, where the text has an open parenthesis.
func joined(n *Node, rest string) (string, bool) {
	if n.Kind != Text || n.Style != Plain || open(n.Text) <= 0 {
		return "", false
	}
	return n.Text + "," + strings.TrimSpace(rest), true
}

func open(text string) int { return strings.Count(text, "(") - strings.Count(text, ")") }

var (
	// entry parts a line into what stands before a value and the value.
	entry   = regexp.MustCompile(`^([ \t]*(?:- +)*(?:[^\s"'{}\[\],#&*!|>%@-][^"'{}\[\],#]*?:[ \t]+)?)(\S.*?)[ \t]*$`)
	comment = regexp.MustCompile(`[ \t]#.*$`)
)

// mend looks at the line of a syntax error, by its index. Where it finds a slip, it gives the line as it was meant and a
// better problem; the line is empty where there is no way to guess.
func mend(p Problem, lines []string, at int) (fixed string, better Problem) {
	line := lines[at]
	if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
		p.Col = strings.Index(indent, "\t") + 1
		p.Message, p.Hint = "a tab indents this line", "YAML takes spaces only"
		return likeBefore(lines[:at]) + line[len(indent):], p
	}
	m := entry.FindStringSubmatch(line)
	if m == nil {
		return "", sayMore(p, line)
	}
	before, value := m[1], m[2]
	bare := strings.TrimRight(comment.ReplaceAllString(value, ""), " \t")
	why := slip(bare, strings.Contains(before, ":"))
	if why == "" {
		return "", sayMore(p, line)
	}
	p.Col = len([]rune(before)) + 1
	p.Message, p.Hint = why, "quote it: "+quote(bare)
	return before + quote(bare) + value[len(bare):], p
}

// likeBefore is the indentation that fits after the lines before: that of the last, and two spaces more below a key.
func likeBefore(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		text := strings.TrimLeft(lines[i], " ")
		if text == "" || text[0] == '#' {
			continue
		}
		indent := strings.Repeat(" ", len(lines[i])-len(text))
		if strings.HasSuffix(strings.TrimRight(text, " "), ":") {
			indent += "  "
		}
		return indent
	}
	return ""
}

// slip says what YAML makes of an unquoted value that was meant as a text, "" for nothing special. keyed says that a key
// stands before it on its line.
func slip(value string, keyed bool) string {
	first := value[:1]
	switch {
	case value == `"` || value == `'`:
		return fmt.Sprintf("%s starts a quoted text, and its end is missing", value)
	case value == "-" || strings.HasPrefix(value, "- "):
		return "- starts an item of a list"
	case value == "?":
		return "? starts a key"
	case first == "*":
		return fmt.Sprintf("%s is read as a reference to an anchor", value)
	case first == "@" || first == "`":
		return fmt.Sprintf("a text cannot start with %s", first)
	case first == "%":
		return "a text cannot start with %"
	case first == "&" || first == "!":
		return fmt.Sprintf("%s has a meaning of its own at the start of a text", first)
	case first == "|" || first == ">":
		return fmt.Sprintf("%s starts a block of text", first)
	case first == "[" || first == "{" || first == `"` || first == "'":
		return ""
	case keyed && (strings.Contains(value, ": ") || strings.HasSuffix(value, ":")):
		return "a colon and a space stand inside this text"
	}
	return ""
}

// sayMore adds a hint to a syntax error that cannot be mended.
func sayMore(p Problem, line string) Problem {
	if p.Hint != "" {
		return p
	}
	p.Message = "this is not YAML: " + p.Message
	switch {
	case strings.Contains(line, "${") && strings.ContainsAny(line[:strings.Index(line, "${")], "{["):
		p.Hint = `inside { } and [ ] quote it: "${NAME}"`
	case strings.Contains(line, "*") && strings.ContainsAny(line, "{["):
		p.Hint = `inside { } and [ ] quote a text with *: "*.csv"`
	case strings.Contains(p.Message, "must be specified") || strings.Contains(p.Message, "end token"):
		p.Hint = "a { or [ is not closed"
	case strings.Contains(p.Message, "quoted text"):
		p.Hint = "close the quote, or double it inside the text"
	case strings.Contains(p.Message, "pre-defined"):
		p.Hint = "something follows the value; quote the whole, or look at the indentation"
	}
	return p
}
