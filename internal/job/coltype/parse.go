// Package coltype takes the texts of DuckDB's types apart, as DuckDB prints them and as people write them.
package coltype

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a type taken apart.
type Type struct {
	Kind          string  // upper case, without parameters, by its own name: BIGINT, DECIMAL, STRUCT, MAP; LIST for T[] and T[3]
	Digits, Scale int     // of a DECIMAL
	Fields        []Field // members of a STRUCT; a LIST has one, a MAP its key and its value, both without a name
}

// Field is one part of a nested type.
type Field struct {
	Name string
	Type Type
}

// maxDepth bounds how deep types may nest.
const maxDepth = 64

// Parse takes a type's text apart. What stands in the parentheses of types other than DECIMAL, STRUCT, UNION and MAP, and how
// many items an array has, is left out.
func Parse(text string) (Type, error) {
	p := parser{rest: text}
	t, err := p.parse(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return Type{}, fmt.Errorf("type %q: %w", text, err)
	}
	return t, nil
}

type parser struct{ rest string }

func (p *parser) parse(depth int) (Type, error) {
	if depth > maxDepth {
		return Type{}, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	t, err := p.base(depth)
	for err == nil && p.take("[") {
		at := strings.IndexByte(p.rest, ']')
		if at < 0 {
			return t, fmt.Errorf("a [ without ]")
		}
		if n := strings.TrimSpace(p.rest[:at]); n != "" {
			if _, err := strconv.Atoi(n); err != nil {
				return t, fmt.Errorf("array size %q", n)
			}
		}
		p.rest = p.rest[at+1:]
		t = Type{Kind: "LIST", Fields: []Field{{Type: t}}}
	}
	return t, err
}

// base reads a type up to the brackets of a list.
func (p *parser) base(depth int) (Type, error) {
	kind, err := p.words()
	if err != nil {
		return Type{}, err
	}
	t := Type{Kind: kind}
	switch {
	case !p.take("("):
		switch kind {
		case "DECIMAL":
			t.Digits, t.Scale = 18, 3
		case "STRUCT", "MAP":
			return t, fmt.Errorf("a %s needs its members", kind)
		}
		return t, nil
	case kind == "STRUCT" || kind == "UNION":
		return t, p.members(depth, &t)
	case kind == "MAP":
		return t, p.pair(depth, &t)
	case kind == "DECIMAL":
		return t, p.digits(&t)
	}
	// ENUM('a', 'b'), VARCHAR(20) and the like: what stands in the parentheses does not matter.
	return t, p.skip()
}

// words reads a kind, which may have several words.
func (p *parser) words() (string, error) {
	p.rest = strings.TrimSpace(p.rest)
	if strings.HasPrefix(p.rest, `"`) {
		name, err := p.name()
		return strings.ToUpper(name), err
	}
	end := strings.IndexAny(p.rest, "()[],")
	if end < 0 {
		end = len(p.rest)
	}
	kind := strings.ToUpper(strings.Join(strings.Fields(p.rest[:end]), " "))
	if kind == "" {
		return "", fmt.Errorf("a type is missing")
	}
	p.rest = p.rest[end:]
	return Own(kind), nil
}

// name reads a member's name, quoted or plain.
func (p *parser) name() (string, error) {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if !strings.HasPrefix(p.rest, `"`) {
		end := strings.IndexAny(p.rest, " \t\r\n(),[]")
		if end <= 0 {
			return "", fmt.Errorf("a name is missing")
		}
		name := p.rest[:end]
		p.rest = p.rest[end:]
		return name, nil
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		if p.rest[i] != '"' {
			b.WriteByte(p.rest[i])
			continue
		}
		if i+1 < len(p.rest) && p.rest[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		p.rest = p.rest[i+1:]
		return b.String(), nil
	}
	return "", fmt.Errorf("a name without its closing quote")
}

func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\r\n"), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) members(depth int, t *Type) error {
	for {
		name, err := p.name()
		if err != nil {
			return err
		}
		typ, err := p.parse(depth + 1)
		if err != nil {
			return err
		}
		for _, f := range t.Fields {
			if strings.EqualFold(f.Name, name) {
				return fmt.Errorf("member %q stands twice", name)
			}
		}
		t.Fields = append(t.Fields, Field{name, typ})
		if p.take(")") {
			return nil
		}
		if !p.take(",") {
			return fmt.Errorf("a comma or ) is missing after member %q", name)
		}
	}
}

func (p *parser) pair(depth int, t *Type) error {
	for _, end := range []string{",", ")"} {
		typ, err := p.parse(depth + 1)
		if err != nil {
			return err
		}
		if !p.take(end) {
			return fmt.Errorf("a map has a key and a value type")
		}
		t.Fields = append(t.Fields, Field{Type: typ})
	}
	return nil
}

func (p *parser) digits(t *Type) error {
	end := strings.IndexByte(p.rest, ')')
	if end < 0 {
		return fmt.Errorf("a ( without )")
	}
	digits, scale, _ := strings.Cut(p.rest[:end], ",")
	if scale == "" {
		scale = "0"
	}
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	m, merr := strconv.Atoi(strings.TrimSpace(scale))
	if err != nil || merr != nil || n < 1 || n > 38 || m < 0 || m > n {
		return fmt.Errorf("a decimal has 1 to 38 digits, of them 0 to all after the point")
	}
	p.rest, t.Digits, t.Scale = p.rest[end+1:], n, m
	return nil
}

// skip passes over parentheses and texts in single quotes.
func (p *parser) skip() error {
	depth, quoted := 1, false
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				p.rest = p.rest[i+1:]
				return nil
			}
		}
	}
	return fmt.Errorf("a ( without )")
}
