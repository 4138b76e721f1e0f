package project

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

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
