package lake

import "strings"

// TextType is a DuckDB type with text in place of every plain type: BIGINT gives VARCHAR, STRUCT("a" DATE)[] gives
// STRUCT("a" VARCHAR)[]. A value cast to it, written as JSON, read and cast back is the same value: JSON's own numbers are not exact.
func TextType(duckdb string) (string, error) {
	t, err := parseType(duckdb)
	if err != nil {
		return "", err
	}
	return textType(t).String(), nil
}

func textType(t duckType) duckType {
	if len(t.fields) == 0 {
		return duckType{kind: "VARCHAR"}
	}
	fields := make([]duckField, len(t.fields))
	for i, f := range t.fields {
		fields[i] = duckField{f.name, textType(f.typ)}
	}
	t.fields = fields
	return t
}

// Nested says whether a DuckDB type is a list, a struct or a map.
func Nested(duckdb string) bool {
	return strings.HasSuffix(duckdb, "]") || strings.HasPrefix(duckdb, "STRUCT") || strings.HasPrefix(duckdb, "MAP")
}
