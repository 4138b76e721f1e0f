package files

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// fits says whether a text is a value of a scalar type, exactly, and gives the spelling the engine reads without a
// doubt. It is the last word on a value (promise 6); the fast read only suspects.
func (t ctype) fits(s string) (string, bool) {
	if t.kind != text && t.kind != other {
		s = strings.TrimSpace(s)
	}
	switch t.kind {
	case integer:
		return t.fitsInteger(s)
	case decimal:
		return t.fitsDecimal(s)
	case float:
		return t.fitsFloat(s)
	case boolean:
		return fitsBoolean(s)
	case date:
		d, clock, zone, ok := splitMoment(s)
		if !ok || zone != "" || strings.Trim(clock, "0:.") != "" {
			return "", false
		}
		return d, true
	case clock:
		return fitsClock(s)
	case moment, zoned:
		return t.fitsMoment(s)
	case other:
		if t.name == "UUID" {
			u, err := uuid.Parse(s)
			return u.String(), err == nil
		}
	}
	return s, true
}

// numberPattern is a decimal number; underscores between digits are read over, as the engine does.
var numberPattern = regexp.MustCompile(`^[+-]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$`)

func exactNumber(s string) (*big.Rat, bool) {
	if !numberPattern.MatchString(s) || len(s) > 1000 {
		return nil, false
	}
	return new(big.Rat).SetString(strings.ReplaceAll(s, "_", ""))
}

// integerBounds are the smallest and largest value of each width.
func integerBounds(name string) (lo, hi *big.Int) {
	bits := map[string]uint{"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
	one := big.NewInt(1)
	if strings.HasPrefix(name, "U") {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, bits[name[1:]]), one)
	}
	hi = new(big.Int).Lsh(one, bits[name]-1)
	return new(big.Int).Neg(hi), new(big.Int).Sub(hi, one)
}

// plainDigits counts the digits before and behind the point of a number without exponent; false for any other text.
func plainDigits(s string) (before, behind int, ok bool) {
	s = strings.TrimPrefix(s, "-")
	point := false
	for i := range len(s) {
		switch {
		case s[i] == '.' && !point:
			point = true
		case s[i]-'0' > 9:
			return 0, 0, false
		case point:
			behind++
		default:
			before++
		}
	}
	return before, behind, before > 0
}

// zeroFirst says whether digits follow a zero in front, as in 007, which the engine does not read as a JSON number.
func zeroFirst(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return len(s) > 1 && s[0] == '0' && s[1] != '.'
}

// sureDigits is how many digits every value of an integer type may have.
func sureDigits(name string) int {
	switch name {
	case "TINYINT", "UTINYINT":
		return 2
	case "SMALLINT", "USMALLINT":
		return 4
	case "INTEGER", "UINTEGER":
		return 9
	}
	return 18
}

func (t ctype) fitsInteger(s string) (string, bool) {
	if before, behind, ok := plainDigits(s); ok && behind == 0 && before <= sureDigits(t.name) && s[len(s)-1] != '.' && !zeroFirst(s) && (t.name[0] != 'U' || s[0] != '-') {
		return s, true
	}
	r, ok := exactNumber(s)
	if !ok || !r.IsInt() {
		return "", false
	}
	lo, hi := integerBounds(t.name)
	if r.Num().Cmp(lo) < 0 || r.Num().Cmp(hi) > 0 {
		return "", false
	}
	return r.Num().String(), true
}

func (t ctype) fitsDecimal(s string) (string, bool) {
	if before, behind, ok := plainDigits(s); ok && behind <= t.scale && before <= t.precision-t.scale {
		return s, true
	}
	r, ok := exactNumber(s)
	if !ok {
		return "", false
	}
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(pow10(t.scale)))
	if !scaled.IsInt() || scaled.Num().CmpAbs(pow10(t.precision)) >= 0 {
		return "", false
	}
	return r.FloatString(t.scale), true
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (t ctype) fitsFloat(s string) (string, bool) {
	bits := 64
	if t.name == "FLOAT" {
		bits = 32
	}
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "inf", "infinity", "nan":
		return s, true
	}
	if !numberPattern.MatchString(s) {
		return "", false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), bits)
	if err != nil || math.IsInf(f, 0) {
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, bits), true
}

func fitsBoolean(s string) (string, bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		return "true", true
	case "false", "f", "no", "n", "0":
		return "false", true
	}
	return "", false
}

var (
	momentPattern = regexp.MustCompile(`^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d+)?)?))?( ?(?:Z|UTC|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?))?$`)
	clockPattern  = regexp.MustCompile(`^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6})0*)?)?$`)
)

// splitMoment takes a date with an optional time and zone apart: 2026-01-02, 03:04:05.5, +02:00.
func splitMoment(s string) (day, clock, zone string, ok bool) {
	if len(s) == len("2026-01-02") && s[4] == '-' && s[7] == '-' {
		if _, err := time.Parse("2006-01-02", s); err == nil && s[:4] != "0000" {
			return s, "", "", true
		}
	}
	m := momentPattern.FindStringSubmatch(s)
	if m == nil {
		return "", "", "", false
	}
	y, _ := strconv.Atoi(m[1])
	mo, _ := strconv.Atoi(m[2])
	d, _ := strconv.Atoi(m[3])
	t := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if y == 0 || t.Year() != y || int(t.Month()) != mo || t.Day() != d {
		return "", "", "", false
	}
	return t.Format("2006-01-02"), m[4], strings.TrimSpace(m[5]), true
}

func fitsClock(s string) (string, bool) {
	m := clockPattern.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	h, _ := strconv.Atoi(m[1])
	mi, _ := strconv.Atoi(m[2])
	sec, _ := strconv.Atoi(m[3])
	if h > 23 || mi > 59 || sec > 59 {
		return "", false
	}
	return time.Date(1, 1, 1, h, mi, sec, 0, time.UTC).Format("15:04:05") + "." + (m[4] + "000000")[:6], true
}

// dayAfter is false behind the last day of the year 9999.
func dayAfter(day string) (string, bool) {
	t, err := time.Parse("2006-01-02", day)
	if err != nil {
		return "", false
	}
	next := t.AddDate(0, 0, 1).Format("2006-01-02")
	return next, len(next) == len(day)
}

func (t ctype) fitsMoment(s string) (string, bool) {
	day, clock, zone, ok := splitMoment(s)
	if !ok {
		return "", false
	}
	switch {
	case clock == "":
		clock = "00:00"
	case strings.HasPrefix(clock, "24:") && strings.Trim(clock[2:], "0:.") == "":
		// ISO 8601 writes the end of a day so.
		if day, ok = dayAfter(day); !ok {
			return "", false
		}
		clock = "00:00"
	}
	if clock, ok = fitsClock(clock); !ok {
		return "", false
	}
	if zone == "Z" || zone == "UTC" {
		zone = "+00:00"
	}
	if t.kind == zoned {
		return day + " " + clock + zone, true
	}
	// A timestamp without time zone has no place for an offset but that of UTC.
	if strings.Trim(zone, "+-0:") != "" {
		return "", false
	}
	return day + " " + clock, true
}
