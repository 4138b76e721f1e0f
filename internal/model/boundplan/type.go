package boundplan

import (
	"encoding/json"
	"fmt"
)

// Type is a DuckDB type.
type Type struct {
	ID   string          `json:"id"`
	Info json.RawMessage `json:"type_info"`
}

// written are the types without parameters, as SQL writes them.
var written = map[string]string{"BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INTEGER": "INTEGER", "BIGINT": "BIGINT",
	"HUGEINT": "HUGEINT", "UTINYINT": "UTINYINT", "USMALLINT": "USMALLINT", "UINTEGER": "UINTEGER", "UBIGINT": "UBIGINT", "UHUGEINT": "UHUGEINT",
	"FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "VARCHAR", "BLOB": "BLOB", "DATE": "DATE", "TIME": "TIME", "INTERVAL": "INTERVAL", "UUID": "UUID",
	"TIMESTAMP": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP_S", "TIMESTAMP_MS": "TIMESTAMP_MS", "TIMESTAMP_NS": "TIMESTAMP_NS",
	"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIME WITH TIME ZONE": "TIMETZ"}

// SQL writes a type, "" where it is not one that can be written here.
func (t Type) SQL() string {
	if text := written[t.ID]; text != "" && len(t.Info) == 0 { // with Info it has a collation or an alias
		return text
	}
	switch t.ID {
	case "DECIMAL":
		var info struct{ Width, Scale int }
		if json.Unmarshal(t.Info, &info) == nil && info.Width > 0 {
			return fmt.Sprintf("DECIMAL(%d,%d)", info.Width, info.Scale)
		}
	case "LIST":
		var info struct {
			Child Type `json:"child_type"`
		}
		if json.Unmarshal(t.Info, &info) == nil {
			if child := info.Child.SQL(); child != "" {
				return child + "[]"
			}
		}
	}
	return ""
}

// Exact says whether equal values of a type are the same value: not so with floating point, which has two zeros, nor with text
// under a collation.
func (t Type) Exact() bool {
	switch t.ID {
	case "FLOAT", "DOUBLE", "INTERVAL", "":
		return false
	case "VARCHAR":
		return len(t.Info) == 0
	case "STRUCT", "MAP", "LIST", "ARRAY", "UNION", "VARIANT":
		return false
	}
	return true
}

// Fields are the names of a struct's fields, in order; nil for other types.
func (t Type) Fields() []string {
	if t.ID != "STRUCT" {
		return nil
	}
	var info struct {
		Children []struct {
			Name string `json:"first"`
		} `json:"child_types"`
	}
	if json.Unmarshal(t.Info, &info) != nil {
		return nil
	}
	var out []string
	for _, c := range info.Children {
		out = append(out, c.Name)
	}
	return out
}

// Text is a constant text, ok false for anything else.
func (e *Expr) Text() (text string, ok bool) {
	if e.Class != Constant || e.Value.Null || e.Value.Type.ID != "VARCHAR" {
		return "", false
	}
	return text, json.Unmarshal(e.Value.Raw, &text) == nil
}
