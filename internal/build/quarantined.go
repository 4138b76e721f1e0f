package build

import (
	"encoding/json"
	"strconv"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// rowText is a quarantined row as one line that quarantinedRelation reads. A person may have mended it, and its columns may
// have been renamed since. The nth row says so in a member of its own.
func rowText(r record.Reject, nth int, t *define.Table, cols []job.Column) (string, error) {
	text := []byte(numbersAsText(r.Raw))
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return "", fault.New(fault.Data, "reject %s is not one JSON object: %s", r.ID, clip(r.Raw, 200)).
			WithHint("a quarantined row is mended as it was exported: an object with the table's columns")
	}
	for name, value := range members {
		if is := t.NowNamed(name); indexOf(cols, name) < 0 && is != "" {
			delete(members, name)
			name, members[is] = is, value
		}
		if indexOf(cols, name) < 0 {
			return "", fault.New(fault.Data, "reject %s names %q, which is no column of the table%s", r.ID, name, nearest(name, cols))
		}
	}
	if t.Mode == define.Changes && r.Kind == record.KindReject {
		for _, c := range cols {
			if _, ok := members[c.Name]; !ok {
				return "", fault.New(fault.Data, "reject %s does not tell column %q: it is a change that left it alone", r.ID, c.Name).
					WithHint("weir rejects export writes it to be completed: the column with its value, or null")
			}
		}
	}
	members[nthColumn] = json.RawMessage(strconv.Itoa(nth))
	line, err := json.Marshal(members)
	if err != nil {
		return "", fault.New(fault.Data, "reject %s: %w", r.ID, err)
	}
	return string(line), nil
}

// numbersAsText puts the numbers of JSON in quotes: DuckDB reads a number of JSON through a double, and a text digit by digit
// (promise 6). What is no number, though DuckDB writes it as one, becomes JSON by that. Wrong JSON stays wrong.
func numbersAsText(text string) string {
	var b strings.Builder
	for text != "" {
		n := quotedEnd(text)
		if n == 0 {
			if n = numberEnd(text); n > 0 {
				b.WriteString(`"` + text[:n] + `"`)
				text = text[n:]
				continue
			}
			n = 1
		}
		b.WriteString(text[:n])
		text = text[n:]
	}
	return b.String()
}

// quotedEnd is the length of the JSON string that text begins with, 0 for none.
func quotedEnd(text string) int {
	if text[0] != '"' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// numberEnd is the length of the number that text begins with, 0 for none.
func numberEnd(text string) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(text, word) {
			return len(word)
		}
	}
	if text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return 0
	}
	return len(text) - len(strings.TrimLeft(text, "0123456789+-.eE"))
}

// quarantinedRelation reads lines of rowText. Its SQL gives texts and JSON, which are cast exactly to the table's types as
// the rows are staged; its columns are those types.
func quarantinedRelation(file string, cols []job.Column) source.Relation {
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = job.Quote(c.Name) + ": " + job.Literal(rowType(c.Type))
	}
	items = append(items, nthColumn+": 'BIGINT'")
	sql := "SELECT " + list("", cols) + " FROM read_json(" + job.Literal(file) + ", format='newline_delimited', maximum_object_size=1073741824, columns={" +
		strings.Join(items, ", ") + "})"
	return source.Relation{Relation: job.Relation{SQL: sql, Columns: cols}}
}

// rowType is the type in which a value of a column stands in the JSON of a row.
func rowType(t string) string {
	if strings.HasSuffix(t, "]") || strings.HasPrefix(t, "STRUCT") || strings.HasPrefix(t, "MAP") {
		return "JSON"
	}
	return "VARCHAR"
}
