package evidence

import (
	"strings"
)

// format is a set of ways a date that is not ISO can be read; a column has the ways that all its values share.
type format uint16

const (
	dayFirst format = 1 << iota
	monthFirst
	yearFirst
	dots
	slashes
	dashes
	minutes // followed by hours and minutes
	seconds
	half // by AM or PM
)

const orders = dayFirst | monthFirst | yearFirst

func (f format) timed() bool { return f&(minutes|seconds) != 0 }

// narrow keeps what two values share; 0 where they are not written alike.
func (f format) narrow(o format) format {
	if f&^orders != o&^orders {
		return 0
	}
	if both := f & o & orders; both != 0 {
		return both | f&^orders
	}
	return 0
}

// sure says whether only one order is left.
func (f format) sure() bool {
	o := f & orders
	return o != 0 && o&(o-1) == 0
}

// strptime is the format as a definition writes it.
func (f format) strptime() string {
	sep := "."
	switch {
	case f&slashes != 0:
		sep = "/"
	case f&dashes != 0:
		sep = "-"
	}
	out := strings.Join([]string{"%d", "%m", "%Y"}, sep)
	switch {
	case f&monthFirst != 0:
		out = strings.Join([]string{"%m", "%d", "%Y"}, sep)
	case f&yearFirst != 0:
		out = strings.Join([]string{"%Y", "%m", "%d"}, sep)
	}
	hours := "%H"
	if f&half != 0 {
		hours = "%I"
	}
	switch {
	case f&seconds != 0:
		out += " " + hours + ":%M:%S"
	case f&minutes != 0:
		out += " " + hours + ":%M"
	}
	if f&half != 0 {
		out += " %p"
	}
	return out
}

// orderOf reads a date of three numbers with a year of four digits, in any order, with an optional time.
func orderOf(s string) format {
	date, time, timed := strings.Cut(s, " ")
	if len(date) < 8 || len(date) > 10 {
		return 0
	}
	f, sep := dots, "."
	switch {
	case strings.Contains(date, "/"):
		f, sep = slashes, "/"
	case strings.Contains(date, "-"):
		f, sep = dashes, "-"
	}
	parts := strings.Split(date, sep)
	if len(parts) != 3 {
		return 0
	}
	var v [3]int
	for i, p := range parts {
		if len(p) == 0 || len(p) > 4 || strings.Trim(p, "0123456789") != "" {
			return 0
		}
		for _, c := range []byte(p) {
			v[i] = v[i]*10 + int(c-'0')
		}
	}
	switch {
	case len(parts[0]) == 4 && len(parts[1]) <= 2 && len(parts[2]) <= 2 && validDate(v[0], v[1], v[2]):
		f |= yearFirst
	case len(parts[2]) == 4 && len(parts[0]) <= 2 && len(parts[1]) <= 2:
		if validDate(v[2], v[1], v[0]) {
			f |= dayFirst
		}
		if validDate(v[2], v[0], v[1]) {
			f |= monthFirst
		}
	}
	if f&orders == 0 {
		return 0
	}
	if !timed {
		return f
	}
	return f.withTime(time)
}

func (f format) withTime(s string) format {
	s, pm, isHalf := strings.Cut(s, " ")
	if isHalf {
		if p := strings.ToUpper(pm); p != "AM" && p != "PM" {
			return 0
		}
		f |= half
	}
	if len(s) > 1 && s[1] == ':' {
		s = "0" + s
	}
	rest, fine, ok := clock(s, false)
	if !ok || rest != "" || fine > 0 || strings.Contains(s, ".") || isHalf && (s[:2] == "00" || s[:2] > "12") {
		return 0
	}
	if len(s) > 5 {
		return f | seconds
	}
	return f | minutes
}

func validDate(y, m, d int) bool {
	if y < 1 || m < 1 || m > 12 || d < 1 {
		return false
	}
	last := 31
	switch m {
	case 4, 6, 9, 11:
		last = 30
	case 2:
		last = 28
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			last = 29
		}
	}
	return d <= last
}
