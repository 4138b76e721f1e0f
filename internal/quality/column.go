package quality

import (
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// family groups column types by what rules can do with them.
type family int

const (
	other family = iota // nested values, blobs, times of day, intervals
	number
	text
	date      // DATE
	timestamp // with and without zone
	scalar    // what can only be looked at as text: BOOLEAN, UUID, ENUM
)

// column is a column as rules see it.
type column struct {
	name   string
	sql    string // quoted
	typ    string
	family family
}

func columnOf(c job.Column) column {
	return column{name: c.Name, sql: job.Quote(c.Name), typ: c.Type, family: familyOf(c.Type)}
}

func familyOf(typ string) family {
	t := strings.ToUpper(strings.TrimSpace(typ))
	base, _, _ := strings.Cut(t, "(")
	switch {
	case strings.HasSuffix(t, "]"):
		return other
	case strings.HasPrefix(t, "TIMESTAMP"), t == "DATETIME":
		return timestamp
	}
	switch strings.TrimSpace(base) {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"FLOAT", "REAL", "DOUBLE", "DECIMAL", "NUMERIC", "INT":
		return number
	case "VARCHAR", "TEXT", "STRING", "CHAR":
		return text
	case "DATE":
		return date
	case "BOOLEAN", "UUID", "ENUM", "TIME":
		return scalar
	}
	return other
}

// asNumber is the column as a number. Text that is none is NULL.
func (c column) asNumber() (string, error) {
	switch c.family {
	case number:
		return c.sql, nil
	case text:
		return "TRY_CAST(" + c.sql + " AS DOUBLE)", nil
	}
	return "", c.unfit("numbers")
}

// asText is the column as text.
func (c column) asText() (string, error) {
	switch c.family {
	case text:
		return c.sql, nil
	case other:
		return "", c.unfit("texts")
	}
	return "CAST(" + c.sql + " AS VARCHAR)", nil
}

// asDate is the column's day. Text that is no date is NULL.
func (c column) asDate() (string, error) {
	switch c.family {
	case date:
		return c.sql, nil
	case timestamp:
		return "CAST(" + c.sql + " AS DATE)", nil
	case text:
		return "CAST(TRY_CAST(" + c.sql + " AS TIMESTAMP) AS DATE)", nil
	}
	return "", c.unfit("dates")
}

// asSeconds is the column's point in time in seconds since 1970, UTC where it has no zone.
func (c column) asSeconds() (string, error) {
	switch c.family {
	case date, timestamp:
		return "epoch(" + c.sql + ")", nil
	case text:
		return "epoch(TRY_CAST(" + c.sql + " AS TIMESTAMP))", nil
	}
	return "", c.unfit("dates")
}

func (c column) unfit(what string) error {
	return fault.New(fault.Usage, "column %q is %s and cannot be compared with %s", c.name, c.typ, what)
}

// measured is the column for a statistic, which text has none of.
func (c column) measured(rule string) (string, error) {
	if c.family != number {
		return "", fault.New(fault.Usage, "%s needs a column of numbers; %q is %s", rule, c.name, c.typ)
	}
	return c.sql, nil
}

// metricName is the name of a metric of one column or several, as Glue spells it.
func metricName(cols []column, metric string) string {
	if len(cols) == 1 {
		return "Column." + cols[0].name + "." + metric
	}
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.name
	}
	return "Multicolumn." + strings.Join(names, ",") + "." + metric
}
