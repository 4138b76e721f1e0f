package duckdb

import (
	"strconv"
	"strings"
)

// shape is a type text taken apart.
type shape struct {
	kind   string // upper case without parameters: DECIMAL, LIST, STRUCT, MAP, VARCHAR, …
	digits int    // of DECIMAL
	scale  int    // of DECIMAL
	fields []field
}

// field is a member of a nested type: a list has one, a map a key and a value.
type field struct {
	name string
	typ  string
}

// shapeOf takes a type in DuckDB's spelling apart.
func shapeOf(t string) shape {
	t = strings.TrimSpace(t)
	if strings.HasSuffix(t, "]") {
		if at := strings.LastIndexByte(t, '['); at > 0 {
			return shape{kind: "LIST", fields: []field{{typ: t[:at]}}}
		}
	}
	open := strings.IndexByte(t, '(')
	if open < 0 || !strings.HasSuffix(t, ")") {
		return shape{kind: plainKind(t)}
	}
	s := shape{kind: plainKind(t[:open])}
	members := splitTop(t[open+1 : len(t)-1])
	switch s.kind {
	case "DECIMAL":
		s.digits, _ = strconv.Atoi(strings.TrimSpace(members[0]))
		if len(members) > 1 {
			s.scale, _ = strconv.Atoi(strings.TrimSpace(members[1]))
		}
	case "STRUCT", "UNION":
		for _, m := range members {
			name, n := identifier(strings.TrimSpace(m))
			s.fields = append(s.fields, field{name: name, typ: strings.TrimSpace(strings.TrimSpace(m)[n:])})
		}
	case "MAP":
		for _, m := range members {
			s.fields = append(s.fields, field{typ: strings.TrimSpace(m)})
		}
	}
	return s
}

// plainKind gives one name to types that have several.
func plainKind(t string) string {
	t = strings.ToUpper(strings.Join(strings.Fields(t), " "))
	switch t {
	case "TIMESTAMPTZ":
		return "TIMESTAMP WITH TIME ZONE"
	case "INT", "INT4":
		return "INTEGER"
	case "INT8", "LONG":
		return "BIGINT"
	case "TEXT", "STRING", "CHAR", "BPCHAR":
		return "VARCHAR"
	case "NUMERIC":
		return "DECIMAL"
	case "BYTEA", "BINARY", "VARBINARY":
		return "BLOB"
	case "BOOL":
		return "BOOLEAN"
	case "REAL", "FLOAT4":
		return "FLOAT"
	case "FLOAT8":
		return "DOUBLE"
	}
	return t
}

// splitTop cuts at commas outside brackets and quotes.
func splitTop(s string) (parts []string) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			if at := strings.IndexByte(s[i+1:], s[i]); at >= 0 {
				i += at + 1
			}
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				parts, from = append(parts, s[from:i]), i+1
			}
		}
	}
	return append(parts, s[from:])
}

// bits is the width of a whole number type, 0 for other types.
func (s shape) bits() int {
	switch s.kind {
	case "TINYINT", "UTINYINT":
		return 8
	case "SMALLINT", "USMALLINT":
		return 16
	case "INTEGER", "UINTEGER":
		return 32
	case "BIGINT", "UBIGINT":
		return 64
	case "HUGEINT", "UHUGEINT":
		return 128
	}
	return 0
}

// width is how many bytes a value of the type takes in a row, without what a text or a nested value holds beside it.
func (s shape) width() int64 {
	switch s.kind {
	case "BOOLEAN":
		return 1
	case "DATE", "FLOAT":
		return 4
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME", "DOUBLE":
		return 8
	case "DECIMAL":
		if s.digits <= 18 {
			return 8
		}
	}
	if bits := s.bits(); bits > 0 {
		return int64(bits / 8)
	}
	return 16
}
