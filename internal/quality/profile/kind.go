package profile

import (
	"strings"

	"weir/internal/job"
)

// Kind is how the values of a column are looked at.
type Kind string

// The kinds of columns.
const (
	Numbers Kind = "number"
	Texts   Kind = "text"
	Truth   Kind = "boolean"
	Times   Kind = "time"
	Binary  Kind = "binary"
	Lists   Kind = "list"  // lists and maps, which have a length
	Others  Kind = "other" // nested values and what else there is
)

func kindOf(typ string) Kind {
	t := strings.ToUpper(strings.TrimSpace(typ))
	base, _, _ := strings.Cut(t, "(")
	switch {
	case strings.HasSuffix(t, "]"), base == "MAP":
		return Lists
	case strings.HasPrefix(base, "TIMESTAMP"), base == "DATE":
		return Times
	}
	switch base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL":
		return Numbers
	case "VARCHAR", "ENUM", "UUID", "TIME":
		return Texts
	case "BOOLEAN":
		return Truth
	case "BLOB":
		return Binary
	}
	return Others
}

// listable kinds have values that a person reads.
func (k Kind) listable() bool { return k == Numbers || k == Texts || k == Truth || k == Times }

// Whole says whether a column is of whole numbers.
func (c *Column) Whole() bool {
	t := strings.ToUpper(c.Type)
	return c.Kind == Numbers && (strings.HasSuffix(t, "INT") || t == "INTEGER" || t == "UINTEGER" || strings.HasSuffix(strings.ReplaceAll(t, " ", ""), ",0)"))
}

func floating(typ string) bool {
	t := strings.ToUpper(typ)
	return t == "FLOAT" || t == "DOUBLE"
}

// text is SQL for a value as text, clipped.
func (c *Column) text() string {
	name := job.Quote(c.Name)
	if strings.EqualFold(c.Type, "VARCHAR") {
		return "left(" + name + ", 128)"
	}
	return name + "::VARCHAR"
}

// place is SQL for a value as a DOUBLE to order and spread by, "" where its kind has none.
func (c *Column) place() string {
	name := job.Quote(c.Name)
	switch c.Kind {
	case Numbers:
		return name + "::DOUBLE"
	case Times:
		return "CASE WHEN isfinite(" + name + ") THEN epoch(" + name + ") END"
	}
	return ""
}

// size is SQL for what Text measures, "" for none.
func (c *Column) size() string {
	name := job.Quote(c.Name)
	switch c.Kind {
	case Texts:
		if strings.EqualFold(c.Type, "VARCHAR") {
			return "length(" + name + ")"
		}
		return "length(" + name + "::VARCHAR)"
	case Binary:
		return "octet_length(" + name + ")"
	case Lists:
		if strings.HasPrefix(strings.ToUpper(c.Type), "MAP") && !strings.HasSuffix(c.Type, "]") {
			return "cardinality(" + name + ")"
		}
		return "len(" + name + ")"
	}
	return ""
}
