package project

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is what a node is.
type Kind int

// Kinds of node.
const (
	Null Kind = iota
	Bool
	Int
	Float
	Text
	List
	Map
)

// Style is how a scalar was written.
type Style int

// Styles of scalars.
const (
	Plain  Style = iota // without quotes
	Quoted              // in single or double quotes
	Block               // | with its lines kept
	Folded              // > with its lines joined
)

// Node is one value of a YAML file and the place where it stands.
type Node struct {
	Place
	Kind  Kind
	Text  string // of a scalar, as written, quotes and escapes resolved
	Style Style
	// Indent is the number of columns before the text of a Block; its first line is Line + 1.
	Indent int
	// Replaced is true where ${…} in the text was replaced.
	Replaced bool
	// Unset is true where a variable in the text has no value. That is reported; nothing more can be said of the node.
	Unset bool
	Items []*Node // of a List
	Pairs []Pair  // of a Map, in the order written
}

// Pair is one key of a map and its value.
type Pair struct {
	Key   string
	At    Place // of the key
	Value *Node
}

// Get gives the value of a key, nil where it is not there or the node is not a map.
func (n *Node) Get(key string) *Node {
	if p := n.Pair(key); p != nil {
		return p.Value
	}
	return nil
}

// Pair gives a key with its value, or nil.
func (n *Node) Pair(key string) *Pair {
	if n == nil {
		return nil
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// IsNull says whether there is no value: no node, nothing after the key, null or ~.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// Describe says what a node is, for messages: the text "x", the number 5, a list.
func (n *Node) Describe() string {
	switch {
	case n == nil || n.Kind == Null:
		return "nothing"
	case n.Kind == Bool:
		return n.Text
	case n.Kind == Int || n.Kind == Float:
		return "the number " + n.Text
	case n.Kind == List:
		return "a list"
	case n.Kind == Map:
		return "a map"
	}
	return fmt.Sprintf("the text %q", clip(n.Text))
}

func clip(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return text
}

var (
	intForm   = regexp.MustCompile(`^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$|^0o[0-7]+$`)
	floatForm = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// plainKind is the kind of an unquoted scalar by the core schema of YAML 1.2.
func plainKind(text string) Kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	switch {
	case intForm.MatchString(text):
		return Int
	case floatForm.MatchString(text):
		return Float
	}
	return Text
}

// truth reads the words that YAML of one version or another takes for true and false.
func truth(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// Scalar makes a node of a text as if it stood unquoted in YAML.
func Scalar(at Place, text string) *Node { return at.scalar(text) }

// scalar makes a node of an unquoted text.
func (p Place) scalar(text string) *Node {
	return &Node{Place: p, Kind: plainKind(text), Text: text}
}
