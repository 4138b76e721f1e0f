package project

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
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

// builder turns the parser's tree into nodes.
type builder struct {
	file     string
	lines    []string
	anchors  map[string]*Node
	nodes    int
	problems []Problem
}

func (b *builder) add(p Problem) { b.problems = append(b.problems, p) }

func (b *builder) document(doc ast.Node) *Node {
	if doc == nil {
		return &Node{Place: Place{File: b.file, Line: 1, Col: 1}, Kind: Map}
	}
	n := b.node(doc, 0)
	if n != nil && n.Kind == Null {
		n.Kind = Map
	}
	return n
}

// node converts one value; it is never nil.
func (b *builder) node(n ast.Node, depth int) *Node {
	at := place(b.file, n)
	if b.nodes++; b.nodes > maxNodes || depth > 4*maxDepth {
		if b.nodes != maxNodes+2 {
			b.nodes = maxNodes + 1
			b.add(at.Problem("the file has too many values or is nested too deep"))
		}
		b.nodes++
		return at.scalar("")
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		return b.mapping(at, v.Values, v.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		return b.mapping(at, []*ast.MappingValueNode{v}, false, depth)
	case *ast.SequenceNode:
		list := &Node{Place: at, Kind: List}
		for _, item := range v.Values {
			list.Items = append(list.Items, b.node(item, depth+1))
		}
		if v.IsFlowStyle {
			b.joinItems(list)
		}
		return list
	case *ast.StringNode:
		if v.Token != nil && (v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType) {
			return &Node{Place: at, Kind: Text, Text: v.Value, Style: Quoted}
		}
		return b.plain(at, v.Value)
	case *ast.LiteralNode:
		return b.block(at, v)
	case *ast.AnchorNode:
		value := b.node(v.Value, depth+1)
		if v.Name != nil {
			b.anchors[v.Name.String()] = value
		}
		return value
	case *ast.AliasNode:
		return b.alias(at, v, depth)
	case *ast.TagNode:
		return b.tag(at, v, depth)
	case *ast.NullNode:
		return b.null(at, v)
	case nil:
		return at.scalar("")
	}
	if tk := n.GetToken(); tk != nil {
		return at.scalar(strings.TrimSpace(tk.Value))
	}
	b.add(at.Problem("this value is not understood"))
	return at.scalar("")
}

func (b *builder) mapping(at Place, pairs []*ast.MappingValueNode, flow bool, depth int) *Node {
	m := &Node{Place: at, Kind: Map}
	var merged []*Node
	for i, p := range pairs {
		keyAt := place(b.file, p.Key)
		if i == 0 && !flow {
			m.Place = keyAt
		}
		value := b.node(p.Value, depth+1)
		key, ok := b.key(keyAt, p.Key)
		if !ok {
			continue
		}
		if key == "<<" && p.Key.IsMergeKey() {
			merged = append(merged, value)
			continue
		}
		if flow && value.IsNull() && b.joinCut(m, key) {
			continue
		}
		if first := m.Pair(key); first != nil {
			b.add(keyAt.Problem("key %q is here twice", key).WithHint("first at line %d", first.At.Line))
			continue
		}
		m.Pairs = append(m.Pairs, Pair{Key: key, At: keyAt, Value: value})
	}
	for _, source := range merged {
		b.merge(m, source)
	}
	return m
}

func (b *builder) key(at Place, k ast.MapKeyNode) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.MergeKeyNode:
		return "<<", true
	case *ast.MappingKeyNode:
		if inner, ok := k.Value.(ast.MapKeyNode); ok {
			return b.key(at, inner)
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		if tk := k.GetToken(); tk != nil {
			return strings.TrimSpace(tk.Value), true
		}
	}
	b.add(at.Problem("a key is a word here").WithHint(`quote it where it holds other characters`))
	return "", false
}

// merge adds the keys of <<: that are not there yet.
func (b *builder) merge(m, source *Node) {
	switch source.Kind {
	case Map:
		for _, p := range source.Pairs {
			if m.Pair(p.Key) == nil {
				m.Pairs = append(m.Pairs, p)
			}
		}
	case List:
		for _, item := range source.Items {
			b.merge(m, item)
		}
	default:
		b.add(source.Problem("<< takes a reference to a map, found %s", source.Describe()))
	}
}

func (b *builder) alias(at Place, v *ast.AliasNode, depth int) *Node {
	name := ""
	if v.Value != nil {
		name = strings.TrimSpace(v.Value.String())
	}
	if n, ok := b.anchors[name]; ok {
		return b.copy(n, depth)
	}
	raw := "*" + name
	b.add(at.Problem("%s is a reference to an anchor &%s, and there is none before it", raw, name).WithHint("to mean the text, quote it: %s", quote(raw)))
	return &Node{Place: at, Kind: Text, Text: raw, Style: Quoted}
}

// copy counts the nodes of a reference again, so that references to references cannot grow without bound.
func (b *builder) copy(n *Node, depth int) *Node {
	if b.nodes++; b.nodes > maxNodes || depth > 4*maxDepth {
		if b.nodes == maxNodes+1 {
			b.add(n.Problem("references make the file too large"))
		}
		return n.scalar("")
	}
	c := *n
	c.Items, c.Pairs = nil, nil
	for _, item := range n.Items {
		c.Items = append(c.Items, b.copy(item, depth+1))
	}
	for _, p := range n.Pairs {
		p.Value = b.copy(p.Value, depth+1)
		c.Pairs = append(c.Pairs, p)
	}
	return &c
}

func (b *builder) tag(at Place, v *ast.TagNode, depth int) *Node {
	name := ""
	if v.Start != nil {
		name = strings.TrimSpace(v.Start.Value)
	}
	value := b.node(v.Value, depth+1)
	if name == "!!str" && value.Kind < List {
		value.Kind, value.Style = Text, Quoted
		return value
	}
	raw := strings.TrimSpace(name + " " + value.Text)
	b.add(at.Problem("%s is a type tag of YAML, which has no meaning here", name).WithHint("to mean the text, quote it: %s", quote(raw)))
	return &Node{Place: at, Kind: Text, Text: raw, Style: Quoted}
}

func (b *builder) block(at Place, v *ast.LiteralNode) *Node {
	n := &Node{Place: at, Kind: Text, Style: Block}
	mark := "|"
	if v.Start != nil && strings.HasPrefix(strings.TrimSpace(v.Start.Value), ">") {
		n.Style, mark = Folded, ">"
	}
	if v.Value != nil {
		n.Text = v.Value.Value
	}
	if strings.TrimSpace(n.Text) == "" {
		b.add(at.Problem("%s starts a block of text, and none follows", mark).WithHint("to mean the character, quote it: %s", quote(mark)))
		n.Text, n.Style = mark, Quoted
		return n
	}
	for _, line := range b.lines[min(at.Line, len(b.lines)):] {
		if trimmed := strings.TrimLeft(line, " "); trimmed != "" {
			n.Indent = len(line) - len(trimmed)
			break
		}
	}
	return n
}

func quote(text string) string {
	if strings.Contains(text, `"`) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return fmt.Sprintf("%q", text)
}
