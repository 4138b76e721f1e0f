package lake

import (
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// duckType is a DuckDB type taken apart.
type duckType struct {
	kind   string // upper case, without parameters: BIGINT, DECIMAL, STRUCT, MAP; LIST for T[] and T[3]
	args   []int  // of DECIMAL: digits, scale
	fields []duckField
}

// duckField is a member of a struct; a list has one without name, a map a key and a value.
type duckField struct {
	name string
	typ  duckType
}

// String writes the canonical text.
func (t duckType) String() string {
	switch t.kind {
	case "LIST":
		return t.fields[0].typ.String() + "[]"
	case "MAP":
		return "MAP(" + t.fields[0].typ.String() + ", " + t.fields[1].typ.String() + ")"
	case "STRUCT":
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			parts[i] = job.Quote(f.name) + " " + f.typ.String()
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.args[0], t.args[1])
	}
	return t.kind
}

// maxDepth bounds how deep types may nest.
const maxDepth = 64

// parseType takes a type text in DuckDB's spelling apart.
func parseType(text string) (duckType, error) {
	p := typeParser{rest: text}
	t, err := p.parse(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return duckType{}, fault.New(fault.Usage, "type %q: %w", text, err)
	}
	return t, nil
}

type typeParser struct{ rest string }

func (p *typeParser) parse(depth int) (duckType, error) {
	if depth > maxDepth {
		return duckType{}, fmt.Errorf("nested more than %d deep", maxDepth)
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
		t = duckType{kind: "LIST", fields: []duckField{{typ: t}}}
	}
	return t, err
}

// base reads a type up to the brackets of a list.
func (p *typeParser) base(depth int) (duckType, error) {
	kind, err := p.words()
	if err != nil {
		return duckType{}, err
	}
	t := duckType{kind: kind}
	switch {
	case !p.take("("):
		if kind == "DECIMAL" {
			t.args = []int{18, 3}
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

// aliases of kinds.
func canonicalKind(kind string) string {
	switch kind {
	case "INT", "INT4", "SIGNED":
		return "INTEGER"
	case "INT8", "LONG":
		return "BIGINT"
	case "INT2", "SHORT":
		return "SMALLINT"
	case "INT1":
		return "TINYINT"
	case "TEXT", "STRING", "CHAR", "BPCHAR":
		return "VARCHAR"
	case "NUMERIC":
		return "DECIMAL"
	case "BYTEA", "BINARY", "VARBINARY":
		return "BLOB"
	case "BOOL", "LOGICAL":
		return "BOOLEAN"
	case "REAL", "FLOAT4":
		return "FLOAT"
	case "FLOAT8":
		return "DOUBLE"
	case "TIMESTAMPTZ":
		return "TIMESTAMP WITH TIME ZONE"
	case "TIMETZ":
		return "TIME WITH TIME ZONE"
	case "DATETIME", "TIMESTAMP_US":
		return "TIMESTAMP"
	case "BITSTRING":
		return "BIT"
	case "ROW":
		return "STRUCT"
	}
	return kind
}

// words reads a kind, which may have several words.
func (p *typeParser) words() (string, error) {
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
	return canonicalKind(kind), nil
}

// name reads a member's name, quoted or plain.
func (p *typeParser) name() (string, error) {
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

func (p *typeParser) take(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\r\n"), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *typeParser) members(depth int, t *duckType) error {
	for {
		name, err := p.name()
		if err != nil {
			return err
		}
		typ, err := p.parse(depth + 1)
		if err != nil {
			return err
		}
		for _, f := range t.fields {
			if strings.EqualFold(f.name, name) {
				return fmt.Errorf("member %q stands twice", name)
			}
		}
		t.fields = append(t.fields, duckField{name, typ})
		if p.take(")") {
			return nil
		}
		if !p.take(",") {
			return fmt.Errorf("a comma or ) is missing after member %q", name)
		}
	}
}

func (p *typeParser) pair(depth int, t *duckType) error {
	for _, end := range []string{",", ")"} {
		typ, err := p.parse(depth + 1)
		if err != nil {
			return err
		}
		if !p.take(end) {
			return fmt.Errorf("a map has a key and a value type")
		}
		t.fields = append(t.fields, duckField{typ: typ})
	}
	return nil
}

func (p *typeParser) digits(t *duckType) error {
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
	p.rest, t.args = p.rest[end+1:], []int{n, m}
	return nil
}

// skip passes over parentheses and texts in single quotes.
func (p *typeParser) skip() error {
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
