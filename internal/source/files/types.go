package files

import (
	"fmt"
	"strings"

	"weir/internal/job"
	"weir/internal/job/coltype"
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

// parseType reads a type's text.
func parseType(s string) (ctype, error) {
	t, err := coltype.Parse(s)
	if err != nil {
		return ctype{}, err
	}
	return ctypeOf(t), nil
}

func ctypeOf(t coltype.Type) ctype {
	c := ctype{kind: kindOf(t.Kind), name: t.Kind, precision: t.Digits, scale: t.Scale}
	switch t.Kind {
	case "JSON": // read as the text it is
		c.kind, c.name = text, "VARCHAR"
	case "LIST":
		c.kind, c.name = list, ""
	case "MAP":
		c.kind, c.name = mapping, ""
	case "STRUCT":
		c.kind, c.name = structure, ""
	}
	if !c.nested() {
		return c
	}
	for i, f := range t.Fields {
		if t.Kind == "MAP" {
			f.Name = []string{"key", "value"}[i]
		}
		c.fields = append(c.fields, cfield{f.Name, ctypeOf(f.Type)})
	}
	return c
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
