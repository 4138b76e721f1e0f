package lake

import (
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/job/coltype"
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

// parseType takes a type text in DuckDB's spelling apart.
func parseType(text string) (duckType, error) {
	t, err := coltype.Parse(text)
	if err != nil {
		return duckType{}, fault.New(fault.Usage, "%w", err)
	}
	return duckTypeOf(t), nil
}

func duckTypeOf(t coltype.Type) duckType {
	d := duckType{kind: t.Kind}
	if t.Kind == "DECIMAL" {
		d.args = []int{t.Digits, t.Scale}
	}
	for _, f := range t.Fields {
		d.fields = append(d.fields, duckField{f.Name, duckTypeOf(f.Type)})
	}
	return d
}
