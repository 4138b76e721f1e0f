package dqdl

import (
	"fmt"
	"strconv"
	"time"
)

// Moment is one operand of a condition on dates.
type Moment struct {
	Form  Form
	Text  string   // without quotes: 2022-01-01, 9:30 AM, 21:45; "" for the others
	Shift Duration // of Now; the zero Duration for plain now()
	Back  bool     // the shift goes back: now() - …
}

// Form says how a moment is written.
type Form string

// The forms of a moment.
const (
	Day       Form = "day"    // a date, its midnight
	Now       Form = "now"    // the current minute, maybe shifted
	TimeOfDay Form = "time"   // that time today
	NoMoment  Form = "absent" // NULL
)

func (m Moment) String() string {
	switch m.Form {
	case Now:
		if m.Shift == (Duration{}) {
			return "now()"
		}
		sign := "+"
		if m.Back {
			sign = "-"
		}
		return fmt.Sprintf("(now() %s %s)", sign, m.Shift)
	case NoMoment:
		return string(Null)
	}
	return `"` + m.Text + `"`
}

// At gives the moment in UTC. Times of day are those of zone; now loses its seconds. A moment of form NoMoment is the zero time.
func (m Moment) At(now time.Time, zone *time.Location) (time.Time, error) {
	switch m.Form {
	case NoMoment:
		return time.Time{}, nil
	case Now:
		by := time.Duration(m.Shift.Minutes()) * time.Minute
		if m.Back {
			by = -by
		}
		return now.UTC().Truncate(time.Minute).Add(by), nil
	case Day:
		t, err := time.Parse(time.DateOnly, m.Text)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is not a date", m.Text)
		}
		return t, nil
	}
	t, err := parseTime(m.Text)
	if err != nil {
		return time.Time{}, err
	}
	y, mo, d := now.In(zone).Date()
	return time.Date(y, mo, d, t.Hour(), t.Minute(), 0, 0, zone).UTC(), nil
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{"15:04", "3:04 PM"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time of day", text)
}

// Duration is a number of days, hours or minutes.
type Duration struct {
	Amount int64
	Unit   string // days, hours, minutes
}

func (d Duration) String() string { return strconv.FormatInt(d.Amount, 10) + " " + d.Unit }

// Minutes gives the length in minutes; a day has 1440.
func (d Duration) Minutes() int64 { return d.Amount * unitMinutes(d.Unit) }

func unitMinutes(unit string) int64 {
	switch unit {
	case "days":
		return 24 * 60
	case "hours":
		return 60
	case "minutes":
		return 1
	}
	return 0
}

// Bytes is a size. Units are powers of 1024.
type Bytes struct {
	Amount int64
	Unit   string // B, KB, MB, GB, TB, or "" for bytes written without a unit
}

func (b Bytes) String() string {
	text := strconv.FormatInt(b.Amount, 10)
	if b.Unit == "" {
		return text
	}
	return text + " " + b.Unit
}

// Count gives the size in bytes.
func (b Bytes) Count() int64 { return b.Amount * unitBytes(b.Unit) }

func unitBytes(unit string) int64 {
	switch unit {
	case "", "B":
		return 1
	case "KB":
		return 1 << 10
	case "MB":
		return 1 << 20
	case "GB":
		return 1 << 30
	case "TB":
		return 1 << 40
	}
	return 0
}
