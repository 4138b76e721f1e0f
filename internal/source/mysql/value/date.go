package value

import "fmt"

// Moment is a date, or a date and a time of day, as the server has it: any part may be zero.
type Moment struct {
	Year, Month, Day     int
	Hour, Minute, Second int
	Micro                int
}

// real says whether a calendar has the date.
func (m *Moment) real() bool {
	return m.Month >= 1 && m.Month <= 12 && m.Day >= 1 && m.Day <= daysIn(m.Year, m.Month) && m.Hour < 24 && m.Minute < 60 && m.Second < 60
}

// Moment appends a Date, Datetime or Timestamp.
func (c *Cell) Moment(m Moment) Flaw {
	switch {
	case c.asText:
		c.scratch = m.appendText(c.scratch[:0], c.Kind, c.Fraction)
		c.to.Bytes(c.scratch)
	case !m.real():
		if c.Zero != NullZero {
			return NotDate
		}
		c.to.Null()
	case c.Kind == Date:
		c.to.Int32(int32(days(m.Year, m.Month, m.Day)))
	default:
		c.to.Int64(m.micros())
	}
	return OK
}

// micros counts from 1970.
func (m *Moment) micros() int64 {
	seconds := int64(days(m.Year, m.Month, m.Day))*86400 + int64(m.Hour*3600+m.Minute*60+m.Second)
	return seconds*1e6 + int64(m.Micro)
}

// AtUnix is a moment that is given as seconds and microseconds since 1970, in UTC.
func AtUnix(seconds int64, micro int) Moment {
	day := seconds / 86400
	rest := seconds % 86400
	if rest < 0 {
		day, rest = day-1, rest+86400
	}
	m := Moment{Hour: int(rest / 3600), Minute: int(rest / 60 % 60), Second: int(rest % 60), Micro: micro}
	m.Year, m.Month, m.Day = civil(int(day))
	return m
}

func (m *Moment) appendText(b []byte, k Kind, fraction int) []byte {
	b = fmt.Appendf(b, "%04d-%02d-%02d", m.Year, m.Month, m.Day)
	if k == Date {
		return b
	}
	b = fmt.Appendf(b, " %02d:%02d:%02d", m.Hour, m.Minute, m.Second)
	return appendFraction(b, m.Micro, fraction)
}

// appendFraction writes so many digits of microseconds.
func appendFraction(b []byte, micro, digits int) []byte {
	if digits == 0 {
		return b
	}
	return append(b, fmt.Sprintf(".%06d", micro)[:1+digits]...)
}

// Duration appends a Time as the server prints it: [-]HH:MM:SS[.ffffff] with as many digits as the column has, and as
// many of hours as it takes.
func (c *Cell) Duration(negative bool, hours, minutes, seconds, micro int) Flaw {
	b := c.scratch[:0]
	if negative {
		b = append(b, '-')
	}
	b = fmt.Appendf(b, "%02d:%02d:%02d", hours, minutes, seconds)
	c.scratch = appendFraction(b, micro, c.Fraction)
	c.to.Bytes(c.scratch)
	return OK
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts days since 1970-01-01 in the calendar of today, stretched to all years: March begins the year, so that the
// leap day ends it, and 400 years have 146097 days.
func days(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	inEra := year - era*400
	inYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + inEra*365 + inEra/4 - inEra/100 + inYear - 719468
}

// civil is the reverse of days.
func civil(n int) (year, month, day int) {
	n += 719468
	era := floorDiv(n, 146097)
	inEra := n - era*146097
	ofEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*ofEra + ofEra/4 - ofEra/100)
	m := (5*inYear + 2) / 153
	day = inYear - (153*m+2)/5 + 1
	year, month = ofEra+era*400, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func floorDiv(a, b int) int {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}
