// Package value knows the values of MySQL and MariaDB: which type of the lake holds each of their types without loss, and
// how a value gets there from the text that a query gives or from the bytes of a binary log.
package value

import (
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// Kind is what a column's values are.
type Kind uint8

// Kinds, by the lake's type that holds them.
const (
	Int32     Kind = iota + 1 // INTEGER: up to INT, YEAR
	Int64                     // BIGINT: INT UNSIGNED, BIGINT
	Uint64                    // DECIMAL(20,0): BIGINT UNSIGNED
	Decimal                   // DECIMAL(p,s) of up to 38 digits
	LongDec                   // VARCHAR: decimals of more digits
	Float32                   // FLOAT
	Float64                   // DOUBLE
	Date                      // DATE
	Datetime                  // TIMESTAMP
	Timestamp                 // TIMESTAMP WITH TIME ZONE
	Time                      // VARCHAR: a duration of up to ±838 hours, as the server prints it
	Year                      // INTEGER
	Bool                      // BOOLEAN: BIT(1)
	Bits                      // BIGINT: BIT(2) to BIT(63); DECIMAL(20,0): BIT(64)
	Text                      // VARCHAR: texts in any charset, INET4 and INET6 read by a query
	Enum                      // VARCHAR: the member, '' where the value was invalid
	Set                       // VARCHAR: members with commas between them; a member can have none
	JSON                      // VARCHAR
	Blob                      // BLOB
	Geometry                  // BLOB: WKB; EWKB where it has a spatial reference
	UUID                      // UUID
	Inet4                     // VARCHAR
	Inet6                     // VARCHAR
	Vector                    // FLOAT[]
)

// ZeroDates says what becomes of dates that no calendar has: 0000-00-00, 2024-00-15, 2024-02-30.
type ZeroDates uint8

// What becomes of them.
const (
	RejectZero ZeroDates = iota // the row is a reject
	NullZero                    // null
	TextZero                    // columns of dates and times are texts, so that nothing is lost
)

// Declared is a column as information_schema.columns describes it.
type Declared struct {
	Name      string
	DataType  string // int, varchar
	Type      string // int(10) unsigned, enum('a','b')
	Precision int
	Scale     int
	Fraction  int    // digits of seconds
	Charset   string // "" where the column holds no text
	Nullable  bool
	Comment   string
}

// Column is a column whose values can be read.
type Column struct {
	Name     string
	Kind     Kind
	Unsigned bool
	Digits   int
	Scale    int // of decimals
	Fraction int // digits of seconds
	Width    int // bits of Bits, bytes of BINARY
	Charset  string
	Decode   Decoder  // of texts in the log; nil: they are UTF-8
	Members  []string // of Enum and Set
	Zero     ZeroDates
	Nullable bool
	Comment  string
}

// Describe makes a readable column of a declared one.
func Describe(d Declared, zero ZeroDates) (Column, error) {
	c := Column{Name: d.Name, Zero: zero, Charset: d.Charset, Nullable: d.Nullable, Comment: d.Comment, Fraction: d.Fraction}
	c.Unsigned = strings.Contains(attributes(d.Type), "unsigned")
	switch t := strings.ToLower(d.DataType); t {
	case "tinyint", "smallint", "mediumint":
		c.Kind = Int32
	case "int", "integer":
		if c.Kind = Int32; c.Unsigned {
			c.Kind = Int64
		}
	case "bigint":
		if c.Kind = Int64; c.Unsigned {
			c.Kind = Uint64
		}
	case "decimal", "numeric":
		c.Digits, c.Scale = d.Precision, d.Scale
		if c.Kind = Decimal; c.Digits > 38 {
			c.Kind = LongDec
		}
	case "year":
		c.Kind = Year
	case "bit":
		if c.Width = number(d.Type, d.Precision); c.Width == 1 {
			c.Kind = Bool
		} else {
			c.Kind = Bits
		}
	case "enum", "set":
		c.Kind = Enum
		if t == "set" {
			c.Kind = Set
		}
		c.Members = members(d.Type)
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		if c.Kind = Text; d.Charset == "binary" {
			c.Kind = Blob
		}
	case "binary":
		c.Kind, c.Width = Blob, number(d.Type, 1)
	default:
		kind, ok := simple[t]
		if !ok {
			return c, fault.New(fault.Usage, "column %q has the type %s, which is not supported", d.Name, d.Type).
				WithHint("leave it out, or read a view that casts it")
		}
		c.Kind = kind
	}
	return c, nil
}

// simple are types that need no more than their name.
var simple = map[string]Kind{
	"float": Float32, "double": Float64, "date": Date, "datetime": Datetime, "timestamp": Timestamp, "time": Time,
	"json": JSON, "varbinary": Blob, "tinyblob": Blob, "blob": Blob, "mediumblob": Blob, "longblob": Blob,
	"geometry": Geometry, "point": Geometry, "linestring": Geometry, "polygon": Geometry, "multipoint": Geometry,
	"multilinestring": Geometry, "multipolygon": Geometry, "geometrycollection": Geometry, "geomcollection": Geometry,
	"uuid": UUID, "inet4": Inet4, "inet6": Inet6, "vector": Vector,
}

// Lake is the column as the lake holds it.
func (c *Column) Lake() job.Column {
	return job.Column{Name: c.Name, Type: c.lakeType(), Doc: c.Comment}
}

func (c *Column) lakeType() string {
	switch c.Kind {
	case Int32, Year:
		return "INTEGER"
	case Int64:
		return "BIGINT"
	case Uint64:
		return "DECIMAL(20,0)"
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Digits, c.Scale)
	case Float32:
		return "FLOAT"
	case Float64:
		return "DOUBLE"
	case Bool:
		return "BOOLEAN"
	case Bits:
		if c.Width == 64 {
			return "DECIMAL(20,0)"
		}
		return "BIGINT"
	case Blob, Geometry:
		return "BLOB"
	case UUID:
		return "UUID"
	case Vector:
		return "FLOAT[]"
	case Date, Datetime, Timestamp:
		if c.Zero != TextZero {
			return map[Kind]string{Date: "DATE", Datetime: "TIMESTAMP", Timestamp: "TIMESTAMP WITH TIME ZONE"}[c.Kind]
		}
	}
	return "VARCHAR"
}

// Expression is what a query selects to get the column's values whole: a FLOAT as text has 6 digits, as a DOUBLE all.
func (c *Column) Expression(quoted string) string {
	if c.Kind == Float32 {
		return quoted + " + 0e0"
	}
	return quoted
}

// attributes is what stands behind a type's parentheses, where members of an ENUM can't be mistaken for them.
func attributes(t string) string {
	if i := strings.LastIndexByte(t, ')'); i >= 0 {
		return strings.ToLower(t[i+1:])
	}
	return strings.ToLower(t)
}

// number is the one in a type's parentheses.
func number(t string, otherwise int) int {
	_, rest, _ := strings.Cut(t, "(")
	inside, _, ok := strings.Cut(rest, ")")
	n, err := strconv.Atoi(inside)
	if !ok || err != nil {
		return otherwise
	}
	return n
}

// members reads the list of enum('a','it”s'). Whatever the session's mode, a server prints a quote in a member twice, and
// backslash, newline, carriage return and zero byte behind a backslash.
func members(t string) (all []string) {
	_, rest, _ := strings.Cut(t, "(")
	for len(rest) > 0 && rest[0] == '\'' {
		var m strings.Builder
		i := 1
		for ; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i+1 == len(rest) || rest[i+1] != '\'' {
					break
				}
				i++
			} else if rest[i] == '\\' && i+1 < len(rest) {
				i++
				if b, ok := escapes[rest[i]]; ok {
					m.WriteByte(b)
					continue
				}
			}
			m.WriteByte(rest[i])
		}
		all = append(all, m.String())
		rest = strings.TrimPrefix(rest[min(i+1, len(rest)):], ",")
	}
	return all
}

var escapes = map[byte]byte{'n': '\n', 'r': '\r', '0': 0}
