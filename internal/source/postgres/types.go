package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"weir/internal/job"
	"weir/internal/postgres"
)

// form is how a value comes in COPY's binary format, and what is made of it.
type form uint8

// Forms.
const (
	asText      form = iota // bytes of UTF-8
	asBlob                  // bytes
	asJSONB                 // a version byte, then text
	asBool                  // one byte
	asInt16                 // big endian
	asInt32                 // big endian
	asInt64                 // big endian
	asOID                   // 4 bytes without sign
	asFloat32               // IEEE, big endian
	asFloat64               // IEEE, big endian
	asDecimal               // base 10,000 digits, into the scale of the column
	asNumeric               // the same as text, whatever its scale
	asDate                  // days since 2000-01-01
	asTime                  // microseconds of the day
	asTimestamp             // microseconds since 2000-01-01
	asUUID                  // 16 bytes
	asArray                 // of items
)

// column is one that is read: how it is asked for, and what comes.
type column struct {
	name  string
	expr  string // in the SELECT
	typ   string // in the lake
	form  form
	scale int  // of asDecimal
	wide  bool // asDecimal of more than 18 digits
	item  *column
	doc   string
	money bool // text of a money
	truth bool // text of a bool
	check bool // its text may be no UTF-8
}

// checkText has texts looked at where the database takes any bytes for text.
func (c *column) checkText(conn *pgx.Conn) {
	c.check = encoding(conn) == "SQL_ASCII"
	if c.item != nil {
		c.item.check = c.check
	}
}

func encoding(conn *pgx.Conn) string { return conn.PgConn().ParameterStatus("server_encoding") }

func (c column) job() job.Column { return job.Column{Name: c.name, Type: c.typ, Doc: c.doc} }

// columnOf is the type table: which type of the lake holds a type of the server exactly, and how its values are asked for.
// What has no exact equal becomes text, never DOUBLE (design of types; docs/postgres.md has the table).
func columnOf(a attribute) column {
	c := column{name: a.name, expr: postgres.Quote(a.name), doc: a.doc}
	if a.elem != 0 {
		if item := itemOf(a); item.form != asText || textual(a.elem) || a.elemKind == "e" {
			c.typ, c.form, c.item = item.typ+"[]", asArray, &item
			return c
		}
		return c.text()
	}
	return scalar(c, a.typ, a.mod, a.kind)
}

func itemOf(a attribute) column { return scalar(column{name: a.name}, a.elem, a.elemMod, a.elemKind) }

// textual types come as their text in binary format, too.
func textual(oid uint32) bool {
	switch oid {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.QCharOID, pgtype.JSONOID, pgtype.XMLOID, pgtype.UnknownOID:
		return true
	}
	return false
}

func scalar(c column, oid uint32, mod int32, kind string) column {
	as := func(typ string, f form) column {
		c.typ, c.form = typ, f
		return c
	}
	switch oid {
	case pgtype.BoolOID:
		return as("BOOLEAN", asBool)
	case pgtype.Int2OID:
		return as("INTEGER", asInt16)
	case pgtype.Int4OID:
		return as("INTEGER", asInt32)
	case pgtype.Int8OID:
		return as("BIGINT", asInt64)
	case pgtype.OIDOID:
		return as("BIGINT", asOID)
	case pgtype.Float4OID:
		return as("FLOAT", asFloat32)
	case pgtype.Float8OID:
		return as("DOUBLE", asFloat64)
	case pgtype.NumericOID:
		return numeric(c, mod)
	case pgtype.DateOID:
		return as("DATE", asDate)
	case pgtype.TimeOID:
		return as("TIME", asTime)
	case pgtype.TimestampOID:
		return as("TIMESTAMP", asTimestamp)
	case pgtype.TimestamptzOID:
		return as("TIMESTAMP WITH TIME ZONE", asTimestamp)
	case pgtype.UUIDOID:
		return as("UUID", asUUID)
	case pgtype.ByteaOID:
		return as("BLOB", asBlob)
	case pgtype.JSONBOID:
		return as("VARCHAR", asJSONB)
	}
	if textual(oid) || kind == "e" {
		return as("VARCHAR", asText)
	}
	if oid == pgtype.InetOID {
		c.typ, c.expr = "VARCHAR", "CASE WHEN "+c.expr+" IS NOT NULL THEN concat("+c.expr+") END" // a cast adds the mask of a host
		return c
	}
	if c.money = oid == moneyOID; c.money {
		c.expr += "::numeric" // its own text depends on a locale
	}
	return c.text()
}

const moneyOID = 790

// text has the server turn the value into text.
func (c column) text() column {
	c.typ, c.form, c.item = "VARCHAR", asText, nil
	if c.expr != "" {
		c.expr += "::text"
	}
	return c
}

// numeric is a DECIMAL where precision and scale are declared and fit, else text. The modifier is precision<<16 | scale, the
// scale with eleven bits and a sign, plus 4 (numeric.c of the server).
func numeric(c column, mod int32) column {
	c.typ, c.form = "VARCHAR", asNumeric
	if mod < 4 {
		return c
	}
	precision, scale := int((mod-4)>>16)&0xffff, int((mod-4)&0x7ff)
	if scale >= 1024 {
		scale -= 2048
	}
	switch {
	case scale < 0:
		precision, scale = precision-scale, 0
	case scale > precision:
		precision = scale
	}
	if precision > 38 {
		return c
	}
	c.typ, c.form, c.scale, c.wide = fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), asDecimal, scale, precision > 18
	return c
}

// asDeclaredText is a column whose values are kept as the server writes them.
func asDeclaredText(a attribute, c column) column {
	return column{name: a.name, expr: postgres.Quote(a.name), doc: a.doc, truth: c.form == asBool}.text()
}

// columnsOf are the columns that are read of a relation: all, or those that strict declares. What is declared as text is
// asked for as text, so that values no other type holds (NaN, infinity, odd arrays) can be kept.
func columnsOf(r *relation, declared []job.Column, strict bool) []column {
	var out []column
	for _, a := range r.columns {
		want := ""
		for _, d := range declared {
			if strings.EqualFold(d.Name, a.name) {
				want = d.Type
			}
		}
		if strict && want == "" {
			continue
		}
		c := columnOf(a)
		if want == "VARCHAR" && c.typ != "VARCHAR" {
			c = asDeclaredText(a, c)
		}
		out = append(out, c)
	}
	return out
}
