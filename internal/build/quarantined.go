package build

import (
	"bytes"
	"encoding/json"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// rowText is a quarantined row as one line that quarantinedRelation reads. A person may have mended it.
func rowText(r record.Reject, cols []job.Column) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.Raw), &members); err != nil || members == nil {
		return "", fault.New(fault.Data, "reject %s is not one JSON object: %s", r.ID, clip(r.Raw, 200)).
			WithHint("a quarantined row is mended as it was exported: an object with the table's columns")
	}
	for name := range members {
		if indexOf(cols, name) < 0 {
			return "", fault.New(fault.Data, "reject %s names %q, which is no column of the table%s", r.ID, name, nearest(name, cols))
		}
	}
	var line bytes.Buffer
	if err := json.Compact(&line, []byte(r.Raw)); err != nil {
		return "", fault.New(fault.Data, "reject %s: %w", r.ID, err)
	}
	return numbersAsText(line.String()), nil
}

// numbersAsText puts the numbers of valid JSON in quotes: DuckDB reads a number of JSON through a double, and a text digit
// by digit (promise 6).
func numbersAsText(line string) string {
	var b strings.Builder
	for i := 0; i < len(line); {
		end := i + 1
		switch c := line[i]; {
		case c == '"':
			for ; line[end] != '"'; end++ {
				if line[end] == '\\' {
					end++
				}
			}
			end++
			b.WriteString(line[i:end])
		case c == '-' || c >= '0' && c <= '9':
			for end < len(line) && strings.IndexByte("0123456789+-.eE", line[end]) >= 0 {
				end++
			}
			b.WriteString(`"` + line[i:end] + `"`)
		default:
			b.WriteByte(c)
		}
		i = end
	}
	return b.String()
}

// quarantinedRelation reads lines of rowText. Its SQL gives texts and JSON, which are cast exactly to the table's types as
// the rows are staged; its columns are those types.
func quarantinedRelation(file string, cols []job.Column) source.Relation {
	items := make([]string, len(cols))
	for i, c := range cols {
		typ := "VARCHAR"
		if strings.HasSuffix(c.Type, "]") || strings.HasPrefix(c.Type, "STRUCT") || strings.HasPrefix(c.Type, "MAP") {
			typ = "JSON"
		}
		items[i] = job.Quote(c.Name) + ": " + job.Literal(typ)
	}
	sql := "SELECT " + list("", cols) + " FROM read_json(" + job.Literal(file) + ", format='newline_delimited', maximum_object_size=1073741824, columns={" +
		strings.Join(items, ", ") + "})"
	return source.Relation{Relation: job.Relation{SQL: sql, Columns: cols}}
}
