package lake

import (
	"fmt"
	"strings"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
)

// TypeOf gives the Iceberg type that holds a DuckDB type exactly: BIGINT is long, STRUCT("a" DATE) is struct<a: date>. A type
// without an exact equal is an error that names the remedy.
func TypeOf(duckdb string) (string, error) {
	t, err := parseType(duckdb)
	if err != nil {
		return "", err
	}
	return icebergText(t)
}

func icebergText(t duckType) (string, error) {
	switch t.kind {
	case "LIST", "MAP", "STRUCT":
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			inner, err := icebergText(f.typ)
			if err != nil {
				return "", err
			}
			if parts[i] = inner; t.kind == "STRUCT" {
				parts[i] = f.name + ": " + inner
			}
		}
		return strings.ToLower(t.kind) + "<" + strings.Join(parts, ", ") + ">", nil
	}
	p, err := primitive(t)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// primitive is the type table of plain types.
func primitive(t duckType) (iceberg.Type, error) {
	switch t.kind {
	case "BOOLEAN":
		return iceberg.PrimitiveTypes.Bool, nil
	case "INTEGER":
		return iceberg.PrimitiveTypes.Int32, nil
	case "BIGINT":
		return iceberg.PrimitiveTypes.Int64, nil
	case "FLOAT":
		return iceberg.PrimitiveTypes.Float32, nil
	case "DOUBLE":
		return iceberg.PrimitiveTypes.Float64, nil
	case "DECIMAL":
		return iceberg.DecimalTypeOf(t.args[0], t.args[1]), nil
	case "DATE":
		return iceberg.PrimitiveTypes.Date, nil
	case "TIME":
		return iceberg.PrimitiveTypes.Time, nil
	case "TIMESTAMP":
		return iceberg.PrimitiveTypes.Timestamp, nil
	case "TIMESTAMP WITH TIME ZONE":
		return iceberg.PrimitiveTypes.TimestampTz, nil
	case "VARCHAR":
		return iceberg.PrimitiveTypes.String, nil
	case "UUID":
		return iceberg.PrimitiveTypes.UUID, nil
	case "BLOB":
		return iceberg.PrimitiveTypes.Binary, nil
	}
	to, err := stored(t)
	if err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Usage, "the lake has no type %s", t).WithHint("cast it to %s", to)
}

// Stored gives the type a DuckDB type is kept as, in canonical spelling: itself where the lake has it, else the nearest one that
// holds every value, to cast to. TINYINT is kept as INTEGER, HUGEINT as DECIMAL(38,0), INTERVAL as VARCHAR, never a number as DOUBLE.
func Stored(duckdb string) (string, error) {
	t, err := parseType(duckdb)
	if err != nil {
		return "", err
	}
	if t, err = stored(t); err != nil {
		return "", err
	}
	return t.String(), nil
}

func stored(t duckType) (duckType, error) {
	switch t.kind {
	case "BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
		"VARCHAR", "UUID", "BLOB":
		return t, nil
	case "TINYINT", "SMALLINT", "UTINYINT", "USMALLINT":
		return duckType{kind: "INTEGER"}, nil
	case "UINTEGER":
		return duckType{kind: "BIGINT"}, nil
	case "UBIGINT":
		return duckType{kind: "DECIMAL", args: []int{20, 0}}, nil
	case "HUGEINT", "UHUGEINT":
		return duckType{kind: "DECIMAL", args: []int{38, 0}}, nil
	case "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return duckType{kind: "TIMESTAMP"}, nil
	case "ENUM", "JSON", "INTERVAL", "BIT", "TIME WITH TIME ZONE", "TIME_NS", "BIGNUM", "VARINT", "NULL":
		return duckType{kind: "VARCHAR"}, nil
	case "LIST", "MAP", "STRUCT":
		fields := make([]duckField, len(t.fields))
		for i, f := range t.fields {
			inner, err := stored(f.typ)
			if err != nil {
				return t, err
			}
			fields[i] = duckField{f.name, inner}
		}
		if len(fields) == 0 {
			return t, fault.New(fault.Usage, "a %s says nothing of what it holds", t.kind)
		}
		t.fields = fields
		return t, nil
	}
	return t, fault.New(fault.Usage, "the lake can not hold a %s", t.kind).
		WithHint("cast it, to VARCHAR or to a type of CREATE TABLE that is no %s", t.kind)
}

// Widens says whether every value of one type is exactly one of another, wider one: INTEGER to BIGINT, FLOAT to DOUBLE, more
// digits of a decimal of the same scale, and for nested types the same inside or members more at the end.
func Widens(from, to string) bool {
	f, err := parseType(from)
	if err != nil {
		return false
	}
	t, err := parseType(to)
	return err == nil && f.String() != t.String() && fitsInto(f, t)
}

// fitsInto is Widens or equal.
func fitsInto(f, t duckType) bool {
	switch {
	case f.kind == "INTEGER" && t.kind == "BIGINT", f.kind == "FLOAT" && t.kind == "DOUBLE":
		return true
	case f.kind != t.kind:
		return false
	case f.kind == "DECIMAL":
		return f.args[1] == t.args[1] && f.args[0] <= t.args[0]
	case f.kind == "MAP":
		return f.fields[0].typ.String() == t.fields[0].typ.String() && fitsInto(f.fields[1].typ, t.fields[1].typ)
	case f.kind == "LIST":
		return fitsInto(f.fields[0].typ, t.fields[0].typ)
	case f.kind == "STRUCT":
		return structFits(f, t)
	}
	return true
}

// structFits holds where every member is still there; others may come.
func structFits(f, t duckType) bool {
	for _, m := range f.fields {
		found := false
		for _, n := range t.fields {
			if n.name == m.name {
				found = fitsInto(m.typ, n.typ)
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// LostMember names the first member of a nested type that another type of the column no longer has, "city" or "home.city";
// "" where none is lost.
func LostMember(from, to string) string {
	f, err := parseType(from)
	if err != nil {
		return ""
	}
	t, err := parseType(to)
	if err != nil || f.kind != t.kind {
		return ""
	}
	return lostMember(f, t)
}

func lostMember(f, t duckType) string {
	for i, m := range f.fields {
		other, found := duckField{}, false
		for k, n := range t.fields {
			if n.name == m.name && (m.name != "" || i == k) {
				other, found = n, true
			}
		}
		lost := ""
		switch {
		case !found:
			return m.name
		case m.typ.kind == other.typ.kind:
			lost = lostMember(m.typ, other.typ)
		}
		if lost != "" {
			return strings.TrimPrefix(m.name+"."+lost, ".")
		}
	}
	return ""
}

// duckOf is the DuckDB type of an Iceberg type.
func duckOf(t iceberg.Type) (duckType, error) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return duckType{kind: "BOOLEAN"}, nil
	case iceberg.Int32Type:
		return duckType{kind: "INTEGER"}, nil
	case iceberg.Int64Type:
		return duckType{kind: "BIGINT"}, nil
	case iceberg.Float32Type:
		return duckType{kind: "FLOAT"}, nil
	case iceberg.Float64Type:
		return duckType{kind: "DOUBLE"}, nil
	case iceberg.DecimalType:
		return duckType{kind: "DECIMAL", args: []int{t.Precision(), t.Scale()}}, nil
	case iceberg.DateType:
		return duckType{kind: "DATE"}, nil
	case iceberg.TimeType:
		return duckType{kind: "TIME"}, nil
	case iceberg.TimestampType:
		return duckType{kind: "TIMESTAMP"}, nil
	case iceberg.TimestampTzType:
		return duckType{kind: "TIMESTAMP WITH TIME ZONE"}, nil
	case iceberg.StringType:
		return duckType{kind: "VARCHAR"}, nil
	case iceberg.UUIDType:
		return duckType{kind: "UUID"}, nil
	case iceberg.BinaryType, iceberg.FixedType:
		return duckType{kind: "BLOB"}, nil
	}
	return nestedOf(t)
}

func nestedOf(t iceberg.Type) (duckType, error) {
	var d duckType
	var members []iceberg.NestedField
	switch t := t.(type) {
	case *iceberg.StructType:
		d.kind, members = "STRUCT", t.FieldList
	case *iceberg.ListType:
		d.kind, members = "LIST", []iceberg.NestedField{{Type: t.Element}}
	case *iceberg.MapType:
		d.kind, members = "MAP", []iceberg.NestedField{{Type: t.KeyType}, {Type: t.ValueType}}
	default:
		return d, fault.New(fault.Data, "Iceberg type %s can not be read", t)
	}
	for _, m := range members {
		inner, err := duckOf(m.Type)
		if err != nil {
			return d, fmt.Errorf("%s: %w", m.Name, err)
		}
		d.fields = append(d.fields, duckField{m.Name, inner})
	}
	return d, nil
}
