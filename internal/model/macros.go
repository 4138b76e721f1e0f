package model

import (
	"context"
	"fmt"
	"strings"
)

// Macro is one macro a file makes.
type Macro struct {
	Name   string // as written, without quotes
	Table  bool   // it stands where a table does
	Inputs []Input
	Macros []string // other macros its body calls, as far as they are known
	SQL    string   // the statement that makes it
	Text   string   // its tokens: what layout, comments and the case of words do not change

	Warnings  Mistakes // as of a Statement
	Recursive bool     // it has a recursive CTE
}

// Macros reads a file of CREATE [OR REPLACE] MACRO statements. Bodies keep to the same rules as definitions; a macro of the
// same file may be used as a table, and those of KnownMacros. Places are those of the file's text.
func Macros(ctx context.Context, p Parser, file, sql string, opts ...Option) ([]Macro, error) {
	r := newRules(opts)
	var heads []heading
	var found []finding
	for _, s := range statements(sql) {
		h, m := readHeading(sql, s)
		if m != nil {
			found = append(found, *m)
			continue
		}
		r.macros[strings.ToLower(h.name)] = true
		h.sql = sql[s.start:s.end]
		heads = append(heads, h)
	}
	var out []Macro
	for _, h := range heads {
		macro := Macro{Name: h.name, SQL: h.sql, Text: tokenText(h.sql, true)}
		for _, b := range h.bodies {
			macro.Table = macro.Table || b.table
			st, wrong, err := r.read(ctx, p, b.wrapped(sql))
			if err != nil {
				return nil, fmt.Errorf("macros of %s: %w", file, err)
			}
			found = append(found, wrong...)
			if len(st.Params) > 0 {
				found = append(found, finding{b.start, "$" + st.Params[0] + " cannot be used in a macro", "make it an argument"})
			}
			macro.Inputs = append(macro.Inputs, st.Inputs...)
			macro.Macros = append(macro.Macros, st.Macros...)
			macro.Warnings = append(macro.Warnings, st.Warnings...)
			_, again := st.Find("recursive", "")
			macro.Recursive = macro.Recursive || again
		}
		out = append(out, macro)
	}
	return out, placed(sql, found).fail()
}

// heading is a macro's name and its bodies, one for each list of arguments.
type heading struct {
	name   string
	sql    string // the whole statement
	bodies []body
}

type body struct {
	span
	table bool
}

// wrapped makes a query of a body, at the same offset: all before it becomes space.
func (b body) wrapped(sql string) string {
	text := []byte(sql[:b.end])
	for i := range text[:b.start] {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
	if b.table {
		return string(text)
	}
	const open = "SELECT ("
	copy(text[b.start-len(open):], open)
	return string(text) + ")"
}

// readHeading reads CREATE [OR REPLACE] [TEMP] MACRO name(args) AS [TABLE] body, (args) AS [TABLE] body …
func readHeading(sql string, s span) (heading, *finding) {
	c := &cursor{sql: sql}
	for _, t := range scan(sql[:s.end]) {
		if t.start >= s.start {
			c.tokens = append(c.tokens, t)
		}
	}
	wrong := func(message string) (heading, *finding) {
		return heading{}, &finding{c.offset(s.end), message, "macros/ holds CREATE MACRO name(arguments) AS expression, or AS TABLE SELECT …"}
	}
	if !c.take("CREATE") {
		return wrong("only CREATE MACRO is allowed here")
	}
	if c.take("OR") && !c.take("REPLACE") {
		return wrong("REPLACE is missing")
	}
	_ = c.take("TEMP") || c.take("TEMPORARY")
	if !c.take("MACRO") && !c.take("FUNCTION") {
		return wrong("only CREATE MACRO is allowed here")
	}
	if c.take("IF") && !(c.take("NOT") && c.take("EXISTS")) {
		return wrong("NOT EXISTS is missing")
	}
	name, ok := c.name()
	if !ok {
		return wrong("the macro's name is missing")
	}
	if fold := strings.ToLower(name); systemFunctions[fold] || allowedTableFunctions[fold] || reaching[fold] || clocks[fold] || randoms[fold] {
		return wrong(name + " is a function of DuckDB's own; the macro needs another name")
	}
	h := heading{name: name}
	for {
		b, message := c.body()
		if message != "" {
			return wrong(message)
		}
		h.bodies = append(h.bodies, b)
		if len(c.tokens) == 0 {
			return h, nil
		}
	}
}

// cursor reads tokens one after the other.
type cursor struct {
	sql    string
	tokens []token
}

func (c *cursor) offset(end int) int {
	if len(c.tokens) == 0 {
		return end
	}
	return c.tokens[0].start
}

func (c *cursor) take(keyword string) bool {
	if len(c.tokens) > 0 && c.tokens[0].is(c.sql, keyword) {
		c.tokens = c.tokens[1:]
		return true
	}
	return false
}

func (c *cursor) name() (string, bool) {
	if len(c.tokens) == 0 || c.tokens[0].kind != word && c.tokens[0].kind != quoted {
		return "", false
	}
	t := c.tokens[0]
	c.tokens = c.tokens[1:]
	text := c.sql[t.start:t.end]
	if t.kind == quoted {
		text = strings.ReplaceAll(strings.Trim(text, `"`), `""`, `"`)
	}
	return text, text != ""
}

// body reads (args) AS [TABLE] up to the next list of arguments or the end. It gives what is wrong, "" for nothing.
func (c *cursor) body() (body, string) {
	if !c.take("(") {
		return body{}, "the list of arguments is missing; a macro's name has one part"
	}
	if message := c.arguments(); message != "" {
		return body{}, message
	}
	if !c.take("AS") {
		return body{}, "AS is missing"
	}
	b := body{table: c.take("TABLE")}
	if len(c.tokens) == 0 {
		return body{}, "the macro's body is missing"
	}
	b.start = c.tokens[0].start
	depth := 0
	for len(c.tokens) > 0 {
		t := c.tokens[0]
		switch {
		case t.is(c.sql, "(") || t.is(c.sql, "[") || t.is(c.sql, "{"):
			depth++
		case t.is(c.sql, ")") || t.is(c.sql, "]") || t.is(c.sql, "}"):
			depth--
		case depth == 0 && t.is(c.sql, ",") && c.another(b.table):
			c.tokens = c.tokens[1:]
			return b, emptyBody(b)
		}
		b.end = t.end
		c.tokens = c.tokens[1:]
	}
	return b, emptyBody(b)
}

func emptyBody(b body) string {
	if b.end == 0 {
		return "the macro's body is missing"
	}
	return ""
}

// arguments reads up to the bracket that closes them. A default may be a plain value only: DuckDB would take any
// expression there, which no rule has seen.
func (c *cursor) arguments() string {
	value, depth := false, 1
	for ; len(c.tokens) > 0; c.tokens = c.tokens[1:] {
		t := c.tokens[0]
		switch text := c.sql[t.start:t.end]; {
		case t.is(c.sql, "("):
			depth++
		case t.is(c.sql, ")"):
			depth--
		case t.is(c.sql, ",") && depth == 1:
			value = false
			continue
		case text == ":" || text == "=":
			value = true
			continue
		case value && !plain(t.kind, text):
			return "an argument's default is a plain value"
		}
		if depth == 0 {
			c.tokens = c.tokens[1:]
			return ""
		}
		if value && depth > 1 {
			return "an argument's default is a plain value"
		}
	}
	return "the list of arguments is not closed"
}

// plain says whether a token can be part of a literal.
func plain(kind tokenKind, text string) bool {
	switch strings.ToUpper(text) {
	case "TRUE", "FALSE", "NULL", "-", "+", ".", ">":
		return true
	}
	return kind == str || kind == word && text[0] >= '0' && text[0] <= '9'
}

// another says whether the comma that comes starts a further list of arguments. In a table macro (a) AS b may be a column,
// but (a) AS TABLE may not.
func (c *cursor) another(table bool) bool {
	depth := 0
	for i, t := range c.tokens[1:] {
		switch {
		case t.is(c.sql, "("):
			depth++
		case t.is(c.sql, ")"):
			depth--
		}
		if depth > 0 {
			continue
		}
		rest := c.tokens[i+2:]
		if i == 0 || len(rest) < 2 || !rest[0].is(c.sql, "AS") {
			return false
		}
		return !table || rest[1].is(c.sql, "TABLE")
	}
	return false
}
