package postgres

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/job/coltype"
	"weir/internal/sink"
)

// Object ids of types, which are the same in every server.
const (
	oidBool        = 16
	oidBytea       = 17
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidJSON        = 114
	oidXML         = 142
	oidCIDR        = 650
	oidFloat4      = 700
	oidFloat8      = 701
	oidMacaddr     = 829
	oidInet        = 869
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// arrays are the types of arrays by the types of their elements.
var arrays = map[uint32]uint32{oidBool: 1000, oidBytea: 1001, oidInt8: 1016, oidInt4: 1007, oidText: 1009, oidFloat4: 1021, oidFloat8: 1022,
	oidDate: 1182, oidTime: 1183, oidTimestamp: 1115, oidTimestamptz: 1185, oidNumeric: 1231, oidUUID: 2951}

// natural is the type that holds every value of a lake's type and no other kind of value.
type natural struct {
	oid     uint32
	sql     string
	lake    coltype.Type
	element *natural // of an array
}

// plain are the types of plain lake types but DECIMAL.
var plain = map[string]natural{
	"BOOLEAN": {oid: oidBool, sql: "boolean"}, "INTEGER": {oid: oidInt4, sql: "integer"}, "BIGINT": {oid: oidInt8, sql: "bigint"},
	"FLOAT": {oid: oidFloat4, sql: "real"}, "DOUBLE": {oid: oidFloat8, sql: "double precision"}, "DATE": {oid: oidDate, sql: "date"},
	"TIME": {oid: oidTime, sql: "time"}, "TIMESTAMP": {oid: oidTimestamp, sql: "timestamp"},
	"TIMESTAMP WITH TIME ZONE": {oid: oidTimestamptz, sql: "timestamp with time zone"}, "VARCHAR": {oid: oidText, sql: "text"},
	"UUID": {oid: oidUUID, sql: "uuid"}, "BLOB": {oid: oidBytea, sql: "bytea"},
}

// naturalOf gives the type for a lake's type: false where values have to come as JSON, since structs and maps have no equal, and
// the lists in a list may differ in length, which those of an array do not.
func naturalOf(lakeType string) (natural, bool) {
	t, err := coltype.Parse(lakeType)
	if err != nil {
		return natural{}, false
	}
	return naturalType(t)
}

func naturalType(t coltype.Type) (natural, bool) {
	switch t.Kind {
	case "DECIMAL":
		return natural{oid: oidNumeric, sql: fmt.Sprintf("numeric(%d,%d)", t.Digits, t.Scale), lake: t}, true
	case "LIST":
		element, ok := naturalType(t.Fields[0].Type)
		if !ok || element.element != nil {
			return natural{}, false
		}
		return natural{oid: arrays[element.oid], sql: element.sql + "[]", lake: t, element: &element}, true
	}
	n, ok := plain[t.Kind]
	n.lake = t
	return n, ok
}

// naturalColumn is the type a column of a delivery gets where it is made.
func naturalColumn(c sink.Column) natural {
	if n, ok := naturalOf(c.Type); ok && c.Form == sink.Natural {
		return n
	}
	return natural{oid: oidJSONB, sql: "jsonb", lake: coltype.Type{Kind: "JSON"}}
}

// staged is the type a column has in a staging table, which takes every value.
func (n natural) staged() string {
	if n.oid == oidJSONB {
		return "text"
	}
	return n.sql
}

// made is the fit of a column that was made for the type.
func (n natural) made() fit {
	if n.oid == oidJSONB {
		return fit{direct: true, cast: "jsonb"}
	}
	return fit{direct: true}
}

// fit says how values of a lake's type go into a column that is there.
type fit struct {
	direct bool   // COPY may write them as they are
	cast   string // type to cast to, "" where an assignment does it exactly or fails
	cut    int    // letters of a varchar: a longer value would lose its spaces at the end
}

// texts are types that a text may be read as.
var texts = []uint32{oidText, oidVarchar, oidBpchar, oidJSON, oidJSONB, oidUUID, oidXML, oidInet, oidCIDR, oidMacaddr}

// fits says how values go into a column, and false where a value could be changed on the way (promise 6). Values that are merely
// too large are refused by the server, row by row.
func fits(n natural, c column) (fit, bool) {
	switch {
	case n.element != nil:
		if c.base == oidJSON || c.base == oidJSONB {
			return fit{cast: "to_" + c.typeName}, true
		}
		return fit{direct: true}, c.oid == n.oid && elementFits(*n.element, c)
	case n.oid == oidText || n.oid == oidJSONB:
		return textFits(n, c)
	}
	exact := c.oid == n.oid
	switch n.oid {
	case oidNumeric:
		return decimalFits(n, c)
	case oidInt4, oidInt8:
		_, scale, _ := c.decimal()
		return fit{direct: exact}, slices.Contains([]uint32{oidInt2, oidInt4, oidInt8}, c.base) || c.base == oidNumeric && scale >= 0 || n.oid == oidInt4 && c.base == oidFloat8
	case oidFloat4:
		return fit{direct: exact}, c.base == oidFloat4 || c.base == oidFloat8
	case oidTime, oidTimestamp, oidTimestamptz:
		return fit{direct: exact}, c.base == n.oid && (c.mod < 0 || c.mod == 6)
	case oidUUID:
		if c.base == oidText || c.base == oidVarchar && (c.mod < 0 || c.mod-4 >= 36) {
			return fit{cast: "text"}, true
		}
	}
	return fit{direct: exact}, c.base == n.oid
}

func textFits(n natural, c column) (fit, bool) {
	f := fit{direct: c.oid == n.oid && (c.mod < 0 || c.oid != oidVarchar)}
	switch {
	case c.base == oidVarchar && c.mod >= 4:
		f.cut = c.mod - 4
		return f, true
	case slices.Contains([]uint32{oidText, oidVarchar, oidBpchar}, c.base):
		return f, true
	case slices.Contains(texts, c.base) || c.kind == 'e' || c.typeName == "citext":
		f.cast = c.typeName
		return f, true
	}
	return f, false
}

// decimalFits wants as many digits after the point: fewer would round.
func decimalFits(n natural, c column) (fit, bool) {
	switch c.base {
	case oidInt2, oidInt4, oidInt8:
		return fit{}, n.lake.Scale == 0
	case oidNumeric:
		_, scale, bounded := c.decimal()
		return fit{direct: c.oid == oidNumeric}, !bounded || scale >= n.lake.Scale
	}
	return fit{}, false
}

// elementFits is fits for the elements of an array, which are written as they are.
func elementFits(n natural, c column) bool {
	switch n.oid {
	case oidNumeric:
		_, scale, bounded := c.decimal()
		return !bounded || scale >= n.lake.Scale
	case oidTime, oidTimestamp, oidTimestamptz:
		return c.mod < 0 || c.mod == 6
	}
	return true
}

// decimal gives the digits of a numeric column, false where it is unbounded.
func (c column) decimal() (digits, scale int, bounded bool) {
	if c.mod < 4 {
		return 0, 0, false
	}
	mod := c.mod - 4
	return mod >> 16 & 0xffff, (mod&0x7ff ^ 1024) - 1024, true
}

// value is SQL for a staged value on its way into a column.
func (f fit) value(expr string) string {
	switch {
	case strings.HasPrefix(f.cast, "to_"):
		return f.cast + "(" + expr + ")"
	case f.cast != "":
		return "CAST(" + expr + " AS " + f.cast + ")"
	}
	return expr
}
