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
	long            bool // numbers of more than exactDigits digits may be there
	dateFormat      bool // the reader has a format for dates and checks them itself
	timestampFormat bool
}

// readAs decides how a column of type t is read; ref is SQL for what the reader gives.
func readAs(t ctype, ref string, o readOptions) reading {
	if t.nested() {
		return readNested(t, ref, o)
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
		r.suspect = ref + " <> " + r.value
		if t.name == "BIGINT" || strings.HasPrefix(t.name, "U") || t.name == "HUGEINT" {
			r.suspect += " OR abs(" + ref + ") > 9007199254740992" // 2^53
		}
	case as == "DOUBLE":
		r.suspect = ref + " <> " + r.value
	case as == "VARCHAR":
		r.suspect, r.value = textCheck(t, ref, r.value)
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
	dayPattern  = `\d{4}-\d\d-\d\d`
	timePattern = `([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,6})?)?`
)

// textCheck gives the check of a value that was read as text. Common spellings pass by a cheap comparison.
func textCheck(t ctype, ref, value string) (suspect, cast string) {
	pattern := ""
	quick := "CAST(" + value + " AS VARCHAR) = " + ref
	switch t.kind {
	case integer:
		pattern = `[+-]?\d+(\.0*)?`
	case decimal:
		pattern = fmt.Sprintf(`[+-]?(\d+\.?\d{0,%d}0*|\.\d{1,%d}0*)`, t.scale, max(1, t.scale))
	case boolean:
		return ref + " NOT IN ('true', 'false')", value
	case date:
		// A cast to DATE takes "2026-01-2x"; one to TIMESTAMP does not.
		return ref + " NOT LIKE '____-__-__'", "CAST(CAST(" + ref + " AS TIMESTAMP) AS DATE)"
	case clock:
		pattern = timePattern
	case moment:
		quick = ref + " LIKE '____-__-_____:__:__'"
		pattern = dayPattern + `([ T]` + timePattern + `)?Z?`
	case zoned:
		quick = ref + " LIKE '____-__-_____:__:__'"
		pattern = dayPattern + `([ T]` + timePattern + `)?( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?`
	default:
		return "", value
	}
	return "CASE WHEN " + quick + " THEN false ELSE NOT regexp_full_match(" + ref + ", " + job.Literal(pattern) + ") END", value
}

// readNested compares the whole value with its cast, cast back.
func readNested(t ctype, ref string, o readOptions) reading {
	as := t.with(func(l ctype) string { return leafAs(l, o) })
	if as == t.String() {
		return reading{as: as, value: ref}
	}
	value := "CAST(" + ref + " AS " + t.String() + ")"
	return reading{as: as, value: value, suspect: "CAST(" + value + " AS " + as + ") IS DISTINCT FROM " + ref}
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
