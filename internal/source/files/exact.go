package files

import (
	"fmt"
	"strings"

	"weir/internal/job"
)

// The engine's own conversions change values silently: 1.239 read as DECIMAL(12,2) is 1.24, 1.5 as INTEGER is 2, and a
// DATE drops the time behind it. So what could change is read in a form that holds it entirely, and cast afterwards:
// numbers as DOUBLE where that is exact (see longNumber), else as text. A value that is not equal to its cast is suspect;
// a suspect value ends the fast read, and the file is read record by record (promise 6).

// reading is how one column is read.
type reading struct {
	as      string // its type in the engine's reader
	value   string // SQL of its value, of the declared type
	suspect string // SQL that is true where value may not be what stands in the file; "" where that cannot be
}

// readOptions is what the reading of a column depends on beside its type.
type readOptions struct {
	json            bool
	plain           bool // every value was seen to be written so that the reader changes nothing
	longest         bool // numbers of more than exactDigits digits with a point or exponent may be there
	long            bool // numbers of more than exactDigits digits may be there
	dateFormat      bool // the reader has a format for dates and checks them itself
	timestampFormat bool
}

// readAs decides how a column of type t is read; ref is SQL for what the reader gives.
func readAs(t ctype, ref string, o readOptions) reading {
	if t.nested() {
		return readNested(t, ref, o)
	}
	if o.plain {
		return reading{as: t.String(), value: ref}
	}
	as := leafAs(t, o)
	r := reading{as: as, value: ref}
	if as != t.String() {
		r.value = "CAST(" + ref + " AS " + t.String() + ")"
	}
	switch {
	case t.kind == float:
		r.suspect = "isinf(" + ref + ")" // 1e400
	case as == "DOUBLE" && t.kind == integer:
		r.suspect = ref + " <> trunc(" + ref + ")"
		if t.name == "BIGINT" || t.name == "UBIGINT" || t.name == "HUGEINT" || t.name == "UHUGEINT" {
			r.suspect += " OR " + ref + " > 9007199254740992 OR " + ref + " < -9007199254740992" // 2^53
		}
	case as == "DOUBLE" && t.kind == decimal:
		// The quotient is the DOUBLE nearest to the rounded number; a number of at most 15 digits that has more decimals has another.
		r.suspect = fmt.Sprintf("round(%s * 1e%d) / 1e%d <> %s", ref, t.scale, t.scale, ref)
	case as == "VARCHAR":
		r.suspect, r.value = textCheck(t, ref, r.value, o)
	}
	return r
}

// leafAs is the reader's type for a scalar.
func leafAs(t ctype, o readOptions) string {
	switch t.kind {
	case integer:
		if o.long {
			return "VARCHAR"
		}
		return "DOUBLE"
	case decimal:
		if o.long || t.precision > exactDigits {
			return "VARCHAR"
		}
		return "DOUBLE"
	case boolean:
		if o.json {
			return "VARCHAR" // a JSON number would become true
		}
	case date:
		if !o.dateFormat {
			return "VARCHAR"
		}
	case moment, zoned:
		if !o.timestampFormat {
			return "VARCHAR"
		}
	case clock:
		return "VARCHAR"
	}
	return t.String()
}

const (
	dayPattern  = `(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d\d-\d\d`
	timePattern = `([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,6})?)?`
)

// textCheck gives the check of a value that was read as text. Common spellings pass by a cheap comparison.
func textCheck(t ctype, ref, value string, o readOptions) (suspect, cast string) {
	pattern := ""
	quick := "CAST(" + value + " AS VARCHAR) = " + ref
	switch t.kind {
	case integer:
		pattern = `[+-]?\d+(\.0*)?`
		if o.json {
			pattern = `[+-]?\d+` // what has a point went through a DOUBLE
		}
	case decimal:
		pattern = fmt.Sprintf(`[+-]?(\d+\.?\d{0,%d}0*|\.\d{1,%d}0*)`, t.scale, max(1, t.scale))
	case boolean:
		return ref + " NOT IN ('true', 'false')", value
	case date:
		// A cast to DATE takes "2026-01-2x"; one to TIMESTAMP does not.
		return ref + " NOT LIKE '____-__-__' OR " + ref + " < '0001'", "CAST(CAST(" + ref + " AS TIMESTAMP) AS DATE)"
	case clock:
		pattern = timePattern
		quick += " AND NOT starts_with(" + ref + ", '24')" // which the engine keeps as the end of the day
	case moment:
		quick = ref + " LIKE '____-__-_____:__:__'" + notYearZero(ref)
		pattern = dayPattern + `([ T]` + timePattern + `)?Z?`
	case zoned:
		quick = ref + " LIKE '____-__-_____:__:__'" + notYearZero(ref)
		pattern = dayPattern + `([ T]` + timePattern + `)?( ?(Z|UTC|[+-](0\d|1[0-5])(:?[0-5]\d)?))?`
	case text:
		if o.json && o.longest {
			return shortened(ref), value
		}
		return "", value
	default:
		return "", value
	}
	return "CASE WHEN " + quick + " THEN false ELSE NOT regexp_full_match(" + ref + ", " + job.Literal(pattern) + ") END", value
}

// shortened is SQL that is true where a text may be a JSON number that went through a DOUBLE, or holds one.
func shortened(ref string) string {
	return "CASE WHEN " + ref + " < '-' OR " + ref + " >= '|' OR " + ref + " >= ':' AND " + ref + " < '[' THEN false ELSE regexp_matches(" + ref +
		", " + job.Literal(`^(-?\d+(\.\d+|e)[\d.e+-]*$|[\[{].*[:,\[]-?\d+(\.\d|e))`) + ") END"
}

// notYearZero ends a quick check: the engine takes the year 0 for 1 BC, which other readers of the lake cannot hold.
func notYearZero(ref string) string { return " AND " + ref + " >= '0001'" }

// readNested compares the whole value with its cast, cast back.
func readNested(t ctype, ref string, o readOptions) reading {
	as := t.with(func(l ctype) string { return leafAs(l, o) })
	r := reading{as: as, value: ref}
	if as != t.String() {
		r.value = "CAST(" + ref + " AS " + t.String() + ")"
		r.suspect = "CAST(" + r.value + " AS " + as + ") IS DISTINCT FROM " + ref
	}
	if t.kind == mapping {
		// The engine keeps a key that comes twice; a map has each once.
		twice := "cardinality(" + ref + ") <> len(list_distinct(map_keys(" + ref + ")))"
		r.suspect = strings.TrimPrefix(r.suspect+" OR "+twice, " OR ")
	}
	return r
}

// suspectMark starts the error a suspect value ends the fast read with.
const suspectMark = "weir looks closer at "

// unless is a WHERE clause that ends the query where a suspect value comes; path is SQL for the file it is in.
func unless(suspects []string, path string) string {
	if len(suspects) == 0 {
		return ""
	}
	return " WHERE CASE WHEN (" + strings.Join(suspects, ") OR (") + ") THEN error(" + job.Literal(suspectMark) + " || " + path + ") ELSE true END"
}
