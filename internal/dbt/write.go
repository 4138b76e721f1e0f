package dbt

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Write writes what a definition has of a table: its columns and rules, as YAML.
func (t Table) Write(w io.Writer) error {
	var b strings.Builder
	if t.Description != "" {
		fmt.Fprintf(&b, "description: %s\n", yamlText(t.Description))
	}
	if len(t.Columns) > 0 {
		b.WriteString("columns:\n")
		for _, c := range t.Columns {
			b.WriteString("  " + yamlText(c.Name) + ":")
			typ := typeOf(c.Type)
			switch {
			case typ != "" && c.Description == "":
				b.WriteString(" " + yamlText(typ))
			case typ != "":
				fmt.Fprintf(&b, " { type: %s, description: %s }", yamlText(typ), yamlText(c.Description))
			case c.Description != "":
				fmt.Fprintf(&b, " { type: varchar, description: %s } # its type is not told", yamlText(c.Description))
			default:
				b.WriteString(" varchar # its type is not told")
			}
			if typ == "" && c.Type != "" {
				b.WriteString(": " + c.Type)
			}
			b.WriteString("\n")
		}
	}
	if len(t.Rules) > 0 {
		b.WriteString("rules:\n")
		for _, r := range t.Rules {
			if r.Warn {
				fmt.Fprintf(&b, "  - rule: %s\n    on_fail: warn\n", yamlText(r.Text))
			} else {
				fmt.Fprintf(&b, "  - %s\n", yamlText(r.Text))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ "().=<>*/+$-]*$`)

// yamlText is a text as YAML takes it, without quotes where it needs none.
func yamlText(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return "'" + s + "'"
	}
	if plain.MatchString(s) && !strings.HasSuffix(s, " ") {
		return s
	}
	if strings.ContainsAny(s, "\n\t\r") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

var (
	exact = regexp.MustCompile(`^(?:number|numeric|decimal|bignumeric)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)$`)
	sized = regexp.MustCompile(`^(?:var|n|nvar)?char(?:acter varying)?\s*\(\s*\d+\s*\)$`)
)

// typeOf is the type of a definition for one of a warehouse, "" where that is not told or has no equal.
func typeOf(dataType string) string {
	t := strings.ToLower(strings.TrimSpace(dataType))
	if m := exact.FindStringSubmatch(t); m != nil {
		scale := m[2]
		if scale == "" {
			scale = "0"
		}
		return "decimal(" + m[1] + "," + scale + ")"
	}
	if sized.MatchString(t) {
		return "varchar"
	}
	for typ, names := range map[string]string{
		"varchar": "varchar string text char character", "bigint": "bigint int64 int8 long", "integer": "integer int int4 int32", "smallint": "smallint int2 int16",
		"double": "double float8 float64", "float": "real float4 float32", "boolean": "boolean bool", "date": "date", "blob": "blob bytes bytea binary varbinary",
		"timestamp": "timestamp datetime timestamp_ntz", "timestamptz": "timestamptz timestamp_tz timestamp_ltz", "uuid": "uuid",
	} {
		for _, name := range strings.Fields(names) {
			if t == name {
				return typ
			}
		}
	}
	switch t {
	case "double precision":
		return "double"
	case "timestamp with time zone":
		return "timestamptz"
	case "timestamp without time zone":
		return "timestamp"
	}
	return ""
}
