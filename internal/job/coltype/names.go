package coltype

import (
	"maps"
	"slices"
)

// aliases are the names under which types are known beside their own.
var aliases = map[string]string{
	"INT": "INTEGER", "INT4": "INTEGER", "SIGNED": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT", "INT2": "SMALLINT", "SHORT": "SMALLINT",
	"INT1": "TINYINT", "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR", "BPCHAR": "VARCHAR", "CHARACTER VARYING": "VARCHAR",
	"NUMERIC": "DECIMAL", "DEC": "DECIMAL", "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN", "REAL": "FLOAT", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE",
	"DOUBLE PRECISION": "DOUBLE", "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB", "DATETIME": "TIMESTAMP", "TIMESTAMP_US": "TIMESTAMP",
	"TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "TIMETZ": "TIME WITH TIME ZONE",
	"TIME WITHOUT TIME ZONE": "TIME", "GUID": "UUID", "ROW": "STRUCT", "INT128": "HUGEINT", "BITSTRING": "BIT",
}

// Own gives the own name of a type that may be known under another, both in upper case.
func Own(name string) string {
	if own, ok := aliases[name]; ok {
		return own
	}
	return name
}

// Aliases lists the names that types have beside their own, sorted.
func Aliases() []string { return slices.Sorted(maps.Keys(aliases)) }
