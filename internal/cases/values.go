package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/project"
)

// nested says whether values of a type have parts.
func nested(typ string) bool {
	return strings.HasSuffix(typ, "]") || strings.HasPrefix(typ, "STRUCT") || strings.HasPrefix(typ, "MAP")
}

// selectRows is a SELECT of some columns of rows, in order, whose values are the texts as written, and JSON where a type is nested:
// what stages it casts them exactly (promise 6). more are further items of the SELECT, such as orderColumn.
func selectRows(rows *define.Rows, columns []job.Column, more ...string) (string, error) {
	names, tuples := make([]string, len(columns)), make([]string, 0, len(rows.List)+1)
	untyped := make([]string, len(columns))
	for i, c := range columns {
		names[i] = job.Quote(c.Name)
		untyped[i] = "CAST(NULL AS VARCHAR)"
		if nested(c.Type) {
			untyped[i] = "CAST(NULL AS JSON)"
		}
	}
	// The first tuple fixes the types, so that a column of nulls has one too.
	tuples = append(tuples, "(0, "+strings.Join(untyped, ", ")+")")
	for n, row := range rows.List {
		values := make([]string, len(columns))
		for i, c := range columns {
			value, err := literal(row.Get(c.Name), c.Type)
			if err != nil {
				return "", err
			}
			values[i] = value
		}
		tuples = append(tuples, fmt.Sprintf("(%d, %s)", n+1, strings.Join(values, ", ")))
	}
	return "SELECT " + strings.Join(append(names, more...), ", ") + " FROM (VALUES " + strings.Join(tuples, ", ") + ") AS v(" +
		strings.Join(append([]string{orderColumn}, names...), ", ") + ") WHERE " + orderColumn + " > 0 ORDER BY " + orderColumn, nil
}

// orderColumn numbers the rows of selectRows. No table has a column of such a name.
const orderColumn = "__weir_nth"

// literal writes a value in SQL, as text or JSON.
func literal(n *project.Node, typ string) (string, error) {
	switch {
	case n.IsNull():
		return "NULL", nil
	case nested(typ):
		text, err := jsonOf(n)
		return "CAST(" + job.Literal(text) + " AS JSON)", err
	case n.Kind >= project.List:
		text, err := jsonOf(n) // into a text; any other type refuses it
		return job.Literal(text), err
	}
	return job.Literal(n.Text), nil
}

// jsonOf writes a list or a map as JSON, all values as texts: DuckDB reads a number of JSON through a double, and a text
// digit by digit. A text is JSON itself.
func jsonOf(n *project.Node) (string, error) {
	if n.Kind < project.List {
		return jsonText(n)
	}
	var b strings.Builder
	writeJSON(&b, n)
	return b.String(), nil
}

func writeJSON(b *strings.Builder, n *project.Node) {
	switch {
	case n.IsNull():
		b.WriteString("null")
	case n.Kind == project.List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	case n.Kind == project.Map:
		b.WriteByte('{')
		for i, p := range n.Pairs {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoted(p.Key) + ":")
			writeJSON(b, p.Value)
		}
		b.WriteByte('}')
	default:
		b.WriteString(quoted(n.Text))
	}
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		return `""` // a Go string always has JSON
	}
	return string(out)
}

// jsonText reads a text of JSON and writes it with its numbers as texts.
func jsonText(n *project.Node) (string, error) {
	d := json.NewDecoder(strings.NewReader(n.Text))
	d.UseNumber()
	var b strings.Builder
	if err := copyJSON(d, &b); err != nil {
		return "null", errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "null", errNotJSON
	}
	return b.String(), nil
}

func copyJSON(d *json.Decoder, b *strings.Builder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nests := token.(json.Delim)
	if !nests {
		if token == nil {
			b.WriteString("null")
			return nil
		}
		b.WriteString(quoted(fmt.Sprint(token)))
		return nil
	}
	b.WriteString(open.String())
	for i := 0; d.More(); i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			b.WriteString(quoted(fmt.Sprint(key)) + ":")
		}
		if err := copyJSON(d, b); err != nil {
			return err
		}
	}
	end, err := d.Token()
	b.WriteString(fmt.Sprint(end))
	return err
}

// errNotJSON says that a text of a nested type is none.
var errNotJSON = errors.New("a list, struct or map is written as in YAML, or as a text of JSON")
