package define

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of Amazon EventBridge Scheduler, whose expressions schedules are.
const maxSchedule = 256

var (
	scheduleForm = regexp.MustCompile(`^(cron|rate|at)\((.*)\)$`)
	rateForm     = regexp.MustCompile(`^([1-9][0-9]{0,8}) (minute|hour|day)s?$`)
)

// badSchedule says what is wrong with a schedule, "" for nothing: cron(minutes hours day-of-month month day-of-week year),
// rate(15 minutes), at(2026-03-01T02:00:00).
func badSchedule(text string) string {
	m := scheduleForm.FindStringSubmatch(text)
	switch {
	case len(text) > maxSchedule:
		return fmt.Sprintf("it has more than %d characters", maxSchedule)
	case m == nil:
		return "it is none of cron(…), rate(…) and at(…)"
	case m[1] == "cron":
		return badCron(m[2])
	case m[1] == "rate":
		if !rateForm.MatchString(m[2]) {
			return fmt.Sprintf("%q is not a number above 0 and one of minutes, hours, days", m[2])
		}
		return ""
	}
	if _, err := time.Parse("2006-01-02T15:04:05", m[2]); err != nil || len(m[2]) != len("2006-01-02T15:04:05") {
		return fmt.Sprintf("%q is not a date and time without a zone", m[2])
	}
	return ""
}

// cronField is what one field of a cron expression may hold.
type cronField struct {
	name     string
	low, top int
	names    []string                                   // of the values from low on
	special  func(item string) (own bool, wrong string) // judges items with signs of the field's own
}

func cronFields() []cronField {
	return []cronField{
		{name: "minutes", top: 59},
		{name: "hours", top: 23},
		{name: "day of month", low: 1, top: 31, special: specialDay},
		{name: "month", low: 1, top: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
		{name: "day of week", low: 1, top: 7, names: weekdays(), special: specialWeekday},
		{name: "year", low: 1970, top: 2199},
	}
}

// weekdays begin with Sunday, which is 1.
func weekdays() []string { return []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"} }

func badCron(text string) string {
	parts, fields := strings.Fields(text), cronFields()
	if len(parts) != len(fields) || strings.Join(parts, " ") != text {
		return fmt.Sprintf("cron has %d fields with a space between them (minutes hours day-of-month month day-of-week year), found %d", len(fields), len(parts))
	}
	for i, f := range fields {
		if wrong := f.bad(parts[i]); wrong != "" {
			return f.name + ": " + wrong
		}
	}
	if (parts[2] == "?") == (parts[4] == "?") {
		return "one of day of month and day of week is ?, and not both"
	}
	return ""
}

// bad says what is wrong with a field's text.
func (f cronField) bad(text string) string {
	items := strings.Split(text, ",")
	for _, item := range items {
		own := false
		wrong := ""
		if f.special != nil {
			own, wrong = f.special(item)
		}
		switch {
		case !own:
			wrong = f.badItem(item)
		case wrong == "" && len(items) > 1:
			wrong = item + " stands alone, without a list"
		}
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// badItem judges *, a, a-b and, with a step, */n, a/n, a-b/n.
func (f cronField) badItem(item string) string {
	span, step, stepped := strings.Cut(item, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > f.top) {
		return fmt.Sprintf("%q is not a step from 1 to %d", step, f.top)
	}
	if span == "*" {
		return ""
	}
	from, to, ranged := strings.Cut(span, "-")
	if wrong := f.badValue(from); wrong != "" || !ranged {
		return wrong
	}
	return f.badValue(to) // a range may wrap, as in 22-2
}

func (f cronField) badValue(text string) string {
	if slices.Contains(f.names, strings.ToUpper(text)) {
		return ""
	}
	if n, err := strconv.Atoi(text); err == nil && n >= f.low && n <= f.top && text[0] != '+' && text[0] != '-' {
		return ""
	}
	if len(f.names) > 0 {
		return fmt.Sprintf("%q is not %d to %d or %s to %s", text, f.low, f.top, f.names[0], f.names[len(f.names)-1])
	}
	return fmt.Sprintf("%q is not %d to %d", text, f.low, f.top)
}

// specialDay knows ?, L for the last day of a month, and 3W for the weekday nearest to the third.
func specialDay(item string) (own bool, wrong string) {
	number, nearest := strings.CutSuffix(item, "W")
	if n, err := strconv.Atoi(number); nearest && (err != nil || n < 1 || n > 31) {
		wrong = fmt.Sprintf("%q is not a day of the month from 1W to 31W", item)
	}
	return nearest || item == "?" || item == "L", wrong
}

// specialWeekday knows ?, L for the last day of a week, 6L for the last Friday of a month and 3#2 for its second Tuesday.
func specialWeekday(item string) (own bool, wrong string) {
	day := cronField{low: 1, top: 7, names: weekdays()}
	if before, last := strings.CutSuffix(item, "L"); last {
		if before != "" && day.badValue(before) != "" {
			wrong = fmt.Sprintf("%q is not a day and L, as in 6L or FRIL", item)
		}
		return true, wrong
	}
	before, nth, has := strings.Cut(item, "#")
	if has && (day.badValue(before) != "" || len(nth) != 1 || nth[0] < '1' || nth[0] > '5') {
		wrong = fmt.Sprintf("%q is not a day and which of the month it is, as in 3#2", item)
	}
	return has || item == "?", wrong
}
