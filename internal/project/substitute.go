package project

import (
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Substitute replaces ${NAME} and ${NAME:-default} in every scalar below a node, in place. It works on values, never on
// YAML: what a variable holds cannot become a key or a list. ${secret:…} stays for later, and $${ is a plain ${. A name
// that lookup does not know and that has no default is a problem. An unquoted value that is nothing but one reference takes
// the type its text has in YAML; an empty variable is an empty text.
func Substitute(n *Node, lookup func(name string) (string, bool)) []Problem {
	if n == nil {
		return nil
	}
	var problems []Problem
	for _, item := range n.Items {
		problems = append(problems, Substitute(item, lookup)...)
	}
	for _, p := range n.Pairs {
		problems = append(problems, Substitute(p.Value, lookup)...)
	}
	if n.Kind != Text || !strings.Contains(n.Text, "${") {
		return problems
	}
	s := substitution{node: n, lookup: lookup}
	text := s.expand(n.Text, 0)
	if len(s.problems) > 0 {
		n.Text, n.Unset = "", true
		return append(problems, s.problems...)
	}
	n.Text, n.Replaced = text, s.replaced
	if s.replaced && n.Style == Plain && text != "" {
		n.Kind = plainKind(text)
	}
	return problems
}

type substitution struct {
	node     *Node
	lookup   func(name string) (string, bool)
	replaced bool
	problems []Problem
}

func (s *substitution) fail(hint, format string, args ...any) string {
	p := s.node.Problem(format, args...)
	p.Hint = hint
	s.problems = append(s.problems, p)
	return ""
}

func (s *substitution) expand(text string, depth int) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text, s.replaced = text[i+2:], true
			continue
		}
		b.WriteString(text[:i])
		end := matching(text[i+2:])
		if end < 0 || depth > maxDepth {
			return s.fail("write ${NAME} or ${NAME:-default}; a plain ${ is written $${", "${ is not closed")
		}
		inner := text[i+2 : i+2+end]
		text = text[i+2+end+1:]
		b.WriteString(s.value(inner, depth))
	}
}

// matching finds the } that closes a reference, which may hold others.
func matching(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			depth++
			i++
		case text[i] == '}' && depth == 0:
			return i
		case text[i] == '}':
			depth--
		}
	}
	return -1
}

func (s *substitution) value(inner string, depth int) string {
	if strings.HasPrefix(inner, "secret:") {
		return "${" + inner + "}"
	}
	name, byDefault, has := strings.Cut(inner, ":-")
	if !variable.MatchString(name) {
		return s.fail("write ${NAME}, ${NAME:-default} or ${secret:name#field}", "${%s} is not a name of a variable", clip(inner))
	}
	s.replaced = true
	if v, ok := s.lookup(name); ok && (v != "" || !has) {
		return v
	}
	if has {
		return s.expand(byDefault, depth+1)
	}
	return s.fail("set it in the environment or in .env, or give a default: ${"+name+":-…}", "${%s} is not set", name)
}

// Merge lays one map over another, key by key and at every depth. What stands in over wins, with its place; anything but
// two maps is replaced whole, and null takes a key away. Neither node is changed.
func Merge(base, over *Node) *Node {
	if over == nil {
		return base
	}
	if base == nil || base.Kind != Map || over.Kind != Map {
		return over
	}
	out := *base
	out.Pairs = append([]Pair(nil), base.Pairs...)
	for _, p := range over.Pairs {
		if have := out.Pair(p.Key); have != nil {
			have.Value, have.At = Merge(have.Value, p.Value), p.At
			continue
		}
		out.Pairs = append(out.Pairs, p)
	}
	return &out
}
