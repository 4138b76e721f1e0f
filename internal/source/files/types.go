package files

import (
	"fmt"
	"strconv"
	"strings"

	"weir/internal/job"
)

// kind groups types by how their values are read and checked.
type kind int

const (
	other   kind = iota // read as it is: BLOB, UUID, INTERVAL …
	text                // VARCHAR
	integer             // all widths
	decimal
	float // FLOAT, DOUBLE
	boolean
	date
	clock // TIME
	moment
	zoned // TIMESTAMP WITH TIME ZONE
	list
	structure
	mapping
)

// ctype is a parsed type.
type ctype struct {
	kind             kind
	name             string // of a scalar, upper case without parameters
	precision, scale int
	fields           []cfield // of a structure; a list has one, a mapping two
}

type cfield struct {
	name string
	typ  ctype
}

func (t ctype) nested() bool { return t.kind >= list }

// String writes the canonical text.
func (t ctype) String() string { return t.with(func(t ctype) string { return t.scalar() }) }

func (t ctype) scalar() string {
	if t.kind == decimal {
		return fmt.Sprintf("DECIMAL(%d,%d)", t.precision, t.scale)
	}
	return t.name
}

// with writes the type's text with every scalar in it put through leaf.
func (t ctype) with(leaf func(ctype) string) string {
	switch t.kind {
	case list:
		return t.fields[0].typ.with(leaf) + "[]"
	case mapping:
		return "MAP(" + t.fields[0].typ.with(leaf) + ", " + t.fields[1].typ.with(leaf) + ")"
	case structure:
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			parts[i] = job.Quote(f.name) + " " + f.typ.with(leaf)
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return leaf(t)
}

// leaves calls f for every scalar of the type.
func (t ctype) leaves(f func(ctype)) {
	t.with(func(leaf ctype) string {
		f(leaf)
		return ""
	})
}

func kindOf(name string) kind {
	switch name {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT":
		return integer
	case "FLOAT", "DOUBLE":
		return float
	case "DECIMAL":
		return decimal
	case "BOOLEAN":
		return boolean
	case "DATE":
		return date
	case "TIME":
		return clock
	case "TIMESTAMP":
		return moment
	case "TIMESTAMP WITH TIME ZONE":
		return zoned
	case "VARCHAR":
		return text
	}
	return other
}

// aliases of DuckDB's type names, for types as people write them.
func canonicalName(name string) string {
	switch name {
	case "INT", "INT4", "SIGNED", "INTEGER":
		return "INTEGER"
	case "LONG", "INT8":
		return "BIGINT"
	case "SHORT", "INT2":
		return "SMALLINT"
	case "INT1":
		return "TINYINT"
	case "STRING", "TEXT", "CHAR", "BPCHAR", "JSON":
		return "VARCHAR"
	case "REAL", "FLOAT4":
		return "FLOAT"
	case "FLOAT8":
		return "DOUBLE"
	case "NUMERIC":
		return "DECIMAL"
	case "BOOL", "LOGICAL":
		return "BOOLEAN"
	case "TIMESTAMPTZ":
		return "TIMESTAMP WITH TIME ZONE"
	case "DATETIME", "TIMESTAMP WITHOUT TIME ZONE":
		return "TIMESTAMP"
	case "BYTEA", "BINARY", "VARBINARY":
		return "BLOB"
	}
	return name
}

// parseType reads a type's text.
func parseType(s string) (ctype, error) {
	p := typeParser{rest: s}
	t, err := p.typ()
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return ctype{}, fmt.Errorf("type %q: %w", s, err)
	}
	return t, nil
}

type typeParser struct {
	rest  string
	depth int
}

// maxDepth bounds nesting, so that no text makes the parser recurse without end.
const maxDepth = 64

func (p *typeParser) typ() (ctype, error) {
	if p.depth++; p.depth > maxDepth {
		return ctype{}, fmt.Errorf("nested too deep")
	}
	defer func() { p.depth-- }()
	t, err := p.base()
	for err == nil && p.take("[") {
		if i := strings.IndexByte(p.rest, ']'); i >= 0 {
			p.rest = p.rest[i+1:]
		} else {
			return t, fmt.Errorf("a [ is not closed")
		}
		t = ctype{kind: list, fields: []cfield{{typ: t}}}
	}
	return t, err
}

func (p *typeParser) base() (ctype, error) {
	name := strings.ToUpper(p.words())
	switch name {
	case "":
		return ctype{}, fmt.Errorf("a type name is missing")
	case "STRUCT", "ROW":
		return p.structure()
	case "MAP":
		return p.mapping()
	}
	name = canonicalName(name)
	t := ctype{kind: kindOf(name), name: name}
	if t.kind == decimal {
		t.precision, t.scale = 18, 3
	}
	if !p.take("(") {
		return t, nil
	}
	args, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		return t, fmt.Errorf("a ( is not closed")
	}
	p.rest = rest
	if t.kind == decimal {
		return t, t.parameters(args)
	}
	return t, nil
}

func (t *ctype) parameters(args string) error {
	a, b, _ := strings.Cut(args, ",")
	var err error
	if t.precision, err = strconv.Atoi(strings.TrimSpace(a)); err != nil {
		return fmt.Errorf("precision %q is not a number", a)
	}
	t.scale = 0
	if b = strings.TrimSpace(b); b != "" {
		if t.scale, err = strconv.Atoi(b); err != nil {
			return fmt.Errorf("scale %q is not a number", b)
		}
	}
	if t.precision < 1 || t.precision > 38 || t.scale < 0 || t.scale > t.precision {
		return fmt.Errorf("a decimal has up to 38 digits, and no more of them behind the point")
	}
	return nil
}

func (p *typeParser) structure() (ctype, error) {
	t := ctype{kind: structure}
	if !p.take("(") {
		return t, fmt.Errorf("STRUCT needs its fields")
	}
	for {
		name, err := p.name()
		if err != nil {
			return t, err
		}
		f, err := p.typ()
		if err != nil {
			return t, err
		}
		t.fields = append(t.fields, cfield{name, f})
		if p.take(")") {
			return t, nil
		}
		if !p.take(",") {
			return t, fmt.Errorf("a comma or ) is missing after field %s", name)
		}
	}
}

func (p *typeParser) mapping() (ctype, error) {
	t := ctype{kind: mapping}
	if !p.take("(") {
		return t, fmt.Errorf("MAP needs key and value types")
	}
	k, err := p.typ()
	if err != nil {
		return t, err
	}
	if !p.take(",") {
		return t, fmt.Errorf("MAP needs key and value types")
	}
	v, err := p.typ()
	if err != nil {
		return t, err
	}
	if !p.take(")") {
		return t, fmt.Errorf("a ( is not closed")
	}
	t.fields = []cfield{{"key", k}, {"value", v}}
	return t, nil
}

func (p *typeParser) take(s string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	if !strings.HasPrefix(p.rest, s) {
		return false
	}
	p.rest = p.rest[len(s):]
	return true
}

// words reads a type's name, which may be several words: TIMESTAMP WITH TIME ZONE.
func (p *typeParser) words() string {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '_' || p.rest[i] == '"' || isAlnum(p.rest[i])) {
		i++
	}
	w := strings.ReplaceAll(p.rest[:i], `"`, "")
	p.rest = p.rest[i:]
	return strings.Join(strings.Fields(w), " ")
}

// name reads a field's name, quoted or bare.
func (p *typeParser) name() (string, error) {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	if !strings.HasPrefix(p.rest, `"`) {
		i := strings.IndexAny(p.rest, " \t\n")
		if i < 1 {
			return "", fmt.Errorf("a field needs a name and a type")
		}
		n := p.rest[:i]
		p.rest = p.rest[i:]
		return n, nil
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
	return "", fmt.Errorf("a quoted name is not closed")
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
