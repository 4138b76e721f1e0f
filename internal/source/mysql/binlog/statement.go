package binlog

import (
	"regexp"
	"strings"
)

// What a statement in the log means for reading rows.
type meaning uint8

const (
	meansNothing  meaning = iota // it changes no table's rows or shape
	meansBegin                   // of a transaction
	meansCommit                  // its end
	meansRollback                // its end, without what transactional tables would have got
	meansUndo                    // ROLLBACK TO: a part of the transaction
	meansXA                      // a part of a distributed transaction
	meansSchema                  // it makes, changes or drops tables
	meansTruncate
	meansRows // it changes rows, which are not in the log
)

// statement is what was found in one.
type statement struct {
	meaning meaning
	tables  []TableName // of meansSchema and meansTruncate
	lost    bool        // rows come or go with it that are not in the log
}

// TableName is the name of a table.
type TableName struct{ Schema, Name string }

func (n TableName) String() string { return n.Schema + "." + n.Name }

// understand reads as much of a statement as is needed. schema is where names without one are.
func understand(text, schema string) statement {
	w := words{rest: text}
	switch first := w.word(); first {
	case "BEGIN", "START":
		return statement{meaning: meansBegin}
	case "COMMIT":
		return statement{meaning: meansCommit}
	case "ROLLBACK":
		if next := w.word(); next == "TO" || next == "WORK" && w.word() == "TO" {
			return statement{meaning: meansUndo}
		}
		return statement{meaning: meansRollback}
	case "XA":
		return statement{meaning: meansXA}
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "WITH", "DO":
		return statement{meaning: meansRows}
	case "TRUNCATE":
		w.skip("TABLE")
		return statement{meaning: meansTruncate, tables: []TableName{w.name(schema)}}
	case "CREATE", "ALTER", "DROP", "RENAME", "OPTIMIZE":
		return w.schemaChange(first, schema)
	}
	return statement{}
}

// losing are the forms of ALTER TABLE that take rows away or bring others, or give the table another name.
var losing = regexp.MustCompile(`(?i)\b((TRUNCATE|DROP|EXCHANGE|CONVERT)\s+PARTITION|CONVERT\s+TABLE|IMPORT\s+(PARTITION|TABLESPACE)|RENAME\s+(TO|AS)\b)`)

// schemaChange finds the tables of a statement that changes their shape. What is not a table, an index apart, changes none.
func (w *words) schemaChange(verb, schema string) statement {
	s := statement{meaning: meansSchema}
	for range 12 { // OR REPLACE, TEMPORARY, ONLINE, UNIQUE, …
		switch w.word() {
		case "TEMPORARY":
			return statement{}
		case "TABLE", "TABLES":
			w.skip("IF", "NOT", "EXISTS")
			w.skip("IF", "EXISTS")
			s.tables = w.names(verb, schema)
			s.lost = verb == "DROP" || verb == "RENAME" || verb == "ALTER" && losing.MatchString(w.rest)
			return s
		case "INDEX":
			for word := w.word(); word != "ON" && word != ""; {
				word = w.word()
			}
			s.tables = []TableName{w.name(schema)}
			return s
		case "DATABASE", "SCHEMA":
			w.skip("IF", "EXISTS")
			if verb == "DROP" {
				s.tables, s.lost = []TableName{{Schema: w.identifier()}}, true
				return s
			}
			return statement{}
		case "":
			return statement{}
		case "VIEW", "FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "USER", "ROLE", "SERVER", "TABLESPACE", "SEQUENCE", "PACKAGE":
			return statement{}
		}
	}
	return statement{}
}

// names reads one table, or all that a DROP or RENAME lists.
func (w *words) names(verb, schema string) (all []TableName) {
	all = append(all, w.name(schema))
	for verb == "DROP" || verb == "RENAME" {
		switch {
		case w.punctuation(','):
		case verb == "RENAME" && w.skip("TO"):
		default:
			return all
		}
		all = append(all, w.name(schema))
	}
	return all
}

// words takes a statement apart.
type words struct{ rest string }

// space passes over space and comments. What stands in a comment for versions, as /*!40000 … */, is part of the statement.
func (w *words) space() {
	for {
		w.rest = strings.TrimLeft(w.rest, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(w.rest, "/*!"), strings.HasPrefix(w.rest, "/*M!"):
			w.rest = strings.TrimLeft(strings.TrimLeft(w.rest, "/*M!"), "0123456789")
		case strings.HasPrefix(w.rest, "*/"):
			w.rest = w.rest[2:]
		case strings.HasPrefix(w.rest, "/*"):
			_, after, _ := strings.Cut(w.rest[2:], "*/")
			w.rest = after
		case strings.HasPrefix(w.rest, "#"), strings.HasPrefix(w.rest, "-- "):
			_, after, _ := strings.Cut(w.rest, "\n")
			w.rest = after
		default:
			return
		}
	}
}

// word reads a word in upper case, or passes over one other character and gives it; "" at the end.
func (w *words) word() string {
	w.space()
	n := 0
	for n < len(w.rest) && isWord(w.rest[n]) {
		n++
	}
	if n == 0 && w.rest != "" {
		if w.rest[0] == '`' || w.rest[0] == '"' {
			w.identifier()
			return "`"
		}
		n = 1
	}
	word := strings.ToUpper(w.rest[:n])
	w.rest = w.rest[n:]
	return word
}

func isWord(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// skip passes over words if all of them stand next.
func (w *words) skip(want ...string) bool {
	before := w.rest
	for _, x := range want {
		if w.word() != x {
			w.rest = before
			return false
		}
	}
	return true
}

func (w *words) punctuation(b byte) bool {
	w.space()
	if w.rest == "" || w.rest[0] != b {
		return false
	}
	w.rest = w.rest[1:]
	return true
}

// identifier reads a name, quoted or not.
func (w *words) identifier() string {
	w.space()
	if w.rest != "" && (w.rest[0] == '`' || w.rest[0] == '"') {
		quote := w.rest[0]
		var b strings.Builder
		for i := 1; i < len(w.rest); i++ {
			if w.rest[i] == quote {
				if i+1 == len(w.rest) || w.rest[i+1] != quote {
					w.rest = w.rest[i+1:]
					return b.String()
				}
				i++
			}
			b.WriteByte(w.rest[i])
		}
		w.rest = ""
		return b.String()
	}
	n := 0
	for n < len(w.rest) && isWord(w.rest[n]) {
		n++
	}
	name := w.rest[:n]
	w.rest = w.rest[n:]
	return name
}

// name reads a table's name, with its schema or without.
func (w *words) name(schema string) TableName {
	first := w.identifier()
	if w.punctuation('.') {
		return TableName{first, w.identifier()}
	}
	return TableName{schema, first}
}
