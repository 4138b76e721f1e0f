package wire

import "strings"

// Literal writes a text as a literal of SQL. A backslash has no meaning there, see session.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Name writes a name of SQL.
func Name(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
