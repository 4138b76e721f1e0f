package model

import (
	"strings"
)

// tokenText writes SQL's tokens with a space between them, words in lower case where fold says so.
func tokenText(sql string, fold bool) string {
	var b strings.Builder
	for _, t := range scan(sql) {
		text := sql[t.start:t.end]
		if fold && t.kind == word {
			text = strings.ToLower(text)
		}
		b.WriteString(text)
		b.WriteByte(' ')
	}
	return b.String()
}

// canonical writes a syntax tree without the places in it. Names of tables and columns are in lower case, since the lake
// tells no case apart; names that the statement gives to its columns stay as they are, for people see them.
func canonical(n *tree) string {
	var b strings.Builder
	c := canonicalWriter{&b}
	c.write(n, false)
	return b.String()
}

type canonicalWriter struct{ *strings.Builder }

// write writes a value; fold says whether the texts in it are names that tell no case apart.
func (w canonicalWriter) write(n *tree, fold bool) {
	switch {
	case n == nil:
		w.WriteString("null")
	case n.members != nil:
		w.object(n)
	case n.items != nil:
		w.WriteByte('[')
		for _, item := range n.items {
			w.write(item, fold)
			w.WriteByte(',')
		}
		w.WriteByte(']')
	case fold:
		w.text(strings.ToLower(n.text))
	default:
		w.text(n.text)
	}
}

func (w canonicalWriter) object(n *tree) {
	w.WriteByte('{')
	for _, name := range n.names {
		if name == "query_location" {
			continue
		}
		w.text(name)
		w.WriteByte(':')
		w.write(n.members[name], namesIn(n, name))
		w.WriteByte(',')
	}
	w.WriteByte('}')
}

// namesIn says whether a member of a node holds names that tell no case apart.
func namesIn(n *tree, member string) bool {
	switch member {
	case "table_name", "schema_name", "catalog_name", "column_names", "cte_name", "using_columns", "function_name":
		return true
	case "key": // of the CTEs of a query
		return n.get("value") != nil
	case "alias":
		return tableRef(n.str("type"))
	}
	return false
}

// text writes a text with its quotes and backslashes marked, so that no two trees are written alike.
func (w canonicalWriter) text(s string) {
	w.WriteByte('"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			w.WriteByte('\\')
		}
		w.WriteByte(s[i])
	}
	w.WriteByte('"')
}
