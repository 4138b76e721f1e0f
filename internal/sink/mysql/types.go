package mysql

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/job/coltype"
	"weir/internal/sink"
)

// natural is the type that holds every value of a lake's type: what a column is made as, but for keys.
type natural struct {
	sql  string
	lake coltype.Type
}

// plain are the types of plain lake types but DECIMAL. There is no moment with a time zone that holds every one: those are
// kept in UTC.
var plain = map[string]string{
	"BOOLEAN": "tinyint(1)", "INTEGER": "int", "BIGINT": "bigint", "FLOAT": "float", "DOUBLE": "double", "DATE": "date", "TIME": "time(6)",
	"TIMESTAMP": "datetime(6)", "TIMESTAMP WITH TIME ZONE": "datetime(6)", "VARCHAR": "longtext", "UUID": "char(36) CHARACTER SET ascii COLLATE ascii_bin", "BLOB": "longblob",
}

// naturalOf gives the type for a lake's type: false where values have to come as JSON.
func naturalOf(lakeType string) (natural, bool) {
	t, err := coltype.Parse(lakeType)
	if err != nil {
		return natural{}, false
	}
	if t.Kind == "DECIMAL" {
		return natural{sql: fmt.Sprintf("decimal(%d,%d)", t.Digits, t.Scale), lake: t}, true
	}
	sql, ok := plain[t.Kind]
	return natural{sql: sql, lake: t}, ok
}

// deepest is how many digits after the point MySQL has; MariaDB has 38, as the lake.
const deepest = 30

// naturalColumn is the type a column of a delivery is made as.
func (l *load) naturalColumn(c sink.Column) natural {
	n, ok := naturalOf(c.Type)
	switch {
	case !ok || c.Form == sink.JSON:
		n = natural{sql: "json", lake: coltype.Type{Kind: "JSON"}}
		if !l.conn.Server.Maria && strings.Contains(c.Type, "DECIMAL") {
			n.sql = "longtext" // MySQL makes doubles of the numbers in a JSON, MariaDB keeps them as they are
		}
	case n.lake.Kind == "DECIMAL" && n.lake.Scale > deepest && !l.conn.Server.Maria:
		n.sql = "varchar(42) CHARACTER SET ascii COLLATE ascii_bin"
	}
	return n
}

// indexBytes is how many bytes a key may have in an index, and of a text at most keyLetters letters of four.
const (
	indexBytes = 3072
	keyLetters = 255
)

// keyType is the type of a column that is part of a key of n columns: texts and blobs have a bound there.
func (n natural) keyType(of int) string {
	letters := min(keyLetters, (indexBytes/of-16)/4)
	switch n.lake.Kind {
	case "VARCHAR", "JSON":
		return fmt.Sprintf("varchar(%d)", letters)
	case "BLOB":
		return fmt.Sprintf("varbinary(%d)", letters*4)
	}
	return n.sql
}

// staged is the type a column has in a staging table, which takes every value.
func (n natural) staged() string {
	if n.sql == "json" {
		return "longtext"
	}
	return n.sql
}

// collation tells texts apart by every letter and every space, as the lake does.
func (l *load) collation() string {
	if l.conn.Server.Maria {
		return "utf8mb4_nopad_bin"
	}
	return "utf8mb4_0900_bin"
}

// fit says how values of a lake's type go into a column that is there.
type fit struct {
	direct bool // LOAD DATA may write them as they are
	cut    int  // letters, or of a text without a length bytes, after which spaces would be cut off; 0 for none
	bytes  bool // cut counts bytes
}

var (
	wholes = []string{"tinyint", "smallint", "mediumint", "int", "bigint"}
	texts  = []string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
	blobs  = []string{"varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
	others = []string{"json", "enum", "uuid", "inet4", "inet6"} // that a text may be read as
)

// fits says how values go into a column, and false where a value could be changed on the way (promise 6). Values that are merely
// too large are refused by the server, row by row.
func (n natural) fits(c column) (fit, bool) {
	is := func(kinds ...string) bool { return slices.Contains(kinds, c.kind) }
	direct := fit{direct: strings.HasPrefix(n.sql, c.full) && !c.unsigned}
	switch n.lake.Kind {
	case "BOOLEAN":
		return direct, is(wholes...)
	case "INTEGER", "BIGINT":
		return direct, is(wholes...) || is("decimal") || is("double") && n.lake.Kind == "INTEGER" && c.scale < 0
	case "FLOAT":
		return direct, is("float", "double") && c.scale < 0
	case "DOUBLE":
		return direct, is("double") && c.scale < 0
	case "DECIMAL":
		return direct, is("decimal") && c.scale >= n.lake.Scale || is(wholes...) && n.lake.Scale == 0 || is("varchar") && c.length >= 42
	case "DATE":
		return direct, is("date")
	case "TIME":
		return direct, is("time") && c.fraction == 6
	case "TIMESTAMP":
		return direct, is("datetime") && c.fraction == 6
	case "TIMESTAMP WITH TIME ZONE":
		return direct, is("datetime", "timestamp") && c.fraction == 6
	case "UUID":
		return fit{direct: is("char") && c.length == 36}, is("char", "varchar") && c.length >= 36 || is("text", "mediumtext", "longtext", "uuid")
	case "BLOB":
		return direct, is(blobs...)
	}
	return n.textFits(c)
}

func (n natural) textFits(c column) (fit, bool) {
	switch {
	case c.kind == "longtext" && c.charset == "utf8mb4":
		return fit{direct: true}, true
	case c.kind == "varchar":
		return fit{cut: c.length}, true
	case slices.Contains(texts, c.kind):
		if c.kind == "char" || c.kind == "longtext" {
			return fit{}, true
		}
		return fit{cut: c.length, bytes: true}, true
	}
	return fit{direct: c.kind == "json" && n.sql == "json"}, slices.Contains(others, c.kind)
}
