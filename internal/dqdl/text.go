package dqdl

import "strings"

// Quoted is text as it stands between double quotes, escapes included.
type Quoted string

// Quote escapes a value for use between double quotes.
func Quote(value string) Quoted {
	return Quoted(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value))
}

func (q Quoted) String() string { return `"` + string(q) + `"` }

// Value resolves the escapes of quotes and of the backslash itself. Any other backslash stays, so that SQL and patterns
// written with single backslashes mean what they say.
func (q Quoted) Value() string {
	return q.unescape(func(c byte) bool { return c == '"' || c == '\\' || c == '\'' })
}

// ListValue is the value of an element of a list, where a backslash before any character is dropped, as in Glue.
func (q Quoted) ListValue() string { return q.unescape(func(byte) bool { return true }) }

func (q Quoted) unescape(escaped func(byte) bool) string {
	if strings.IndexByte(string(q), '\\') < 0 {
		return string(q)
	}
	var b strings.Builder
	for i := 0; i < len(q); i++ {
		if q[i] == '\\' && i+1 < len(q) && escaped(q[i+1]) {
			i++
		}
		b.WriteByte(q[i])
	}
	return b.String()
}

// Keyword stands for a class of texts.
type Keyword string

// The keywords.
const (
	Null            Keyword = "NULL"
	Empty           Keyword = "EMPTY"            // length 0
	WhitespacesOnly Keyword = "WHITESPACES_ONLY" // length above 0, nothing but white space
)

// Text is one operand of a condition on text: a keyword, a quoted text or a variable.
type Text struct {
	Keyword Keyword // "" for the others
	Quoted  Quoted
	Var     string // without $; "" for the others
	Of      []Text // what the variable stands for
}

func (t Text) String() string {
	switch {
	case t.Var != "":
		return "$" + t.Var
	case t.Keyword != "":
		return string(t.Keyword)
	}
	return t.Quoted.String()
}

// StringCondition compares a text. Its Op is one of Equal, NotEqual, In, NotIn, Matches and NotMatches.
type StringCondition struct {
	Op       Op
	Operands []Text
	Bare     bool // in $list, without brackets
}

// Kind is String.
func (c *StringCondition) Kind() Kind { return String }

// Operator gives the comparison.
func (c *StringCondition) Operator() Op { return c.Op }

// Texts gives the operands with variables replaced by what they stand for.
func (c *StringCondition) Texts() []Text {
	var all []Text
	for _, t := range c.Operands {
		if t.Var != "" {
			all = append(all, t.Of...)
		} else {
			all = append(all, t)
		}
	}
	return all
}

// Values gives keywords and resolved texts apart, in order.
func (c *StringCondition) Values() (keywords []Keyword, values []string) {
	for _, t := range c.Texts() {
		switch {
		case t.Keyword != "":
			keywords = append(keywords, t.Keyword)
		case c.Op == In || c.Op == NotIn:
			values = append(values, t.Quoted.ListValue())
		default:
			values = append(values, t.Quoted.Value())
		}
	}
	return keywords, values
}

func (c *StringCondition) String() string {
	if c.Bare {
		return string(c.Op) + " " + c.Operands[0].String()
	}
	return printCondition(c.Op, c.Operands)
}

// lower makes operands lower case, as "with ignoreCase" asks. A pattern stays: its classes are told apart by case.
func (c *StringCondition) lower() {
	if c.Op == Matches || c.Op == NotMatches {
		return
	}
	c.Operands = lowered(c.Operands)
}

func lowered(texts []Text) []Text {
	if texts == nil {
		return nil
	}
	low := make([]Text, len(texts))
	for i, t := range texts {
		low[i] = Text{Keyword: t.Keyword, Quoted: Quoted(strings.ToLower(string(t.Quoted))), Var: t.Var, Of: lowered(t.Of)}
	}
	return low
}
