package define

import (
	"strings"
	"testing"
)

func TestSchedules(t *testing.T) {
	for _, text := range []string{
		"cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", "cron(30-30 13-13 ? * 2,4,6 *)", "cron(1-31/30 1-1 ? * 1,7 *)", "cron(*/15 * * * ? *)",
		"cron(0-59/10 0-23/2 ? * * *)", "cron(0 2 * * ? *)", "cron(0 10 ? * MON-FRI 2026-2030)", "cron(0 8 L * ? *)", "cron(0 8 3W JAN,jul ? *)",
		"cron(0 8 ? * 6L *)", "cron(0 8 ? * FRIL *)", "cron(0 8 ? * 3#2 *)", "cron(0 20-2 * * ? *)", "cron(0 0 1/5 * ? 2199)",
		"rate(1 minute)", "rate(15 minutes)", "rate(5 days)", "rate(2 hour)", "at(2026-03-01T02:00:00)",
	} {
		if wrong := badSchedule(text); wrong != "" {
			t.Errorf("%s: %s", text, wrong)
		}
	}
	for text, says := range map[string]string{
		"cron(0 1 * * * *)":                 "one of day of month and day of week is ?",
		"cron(0 1 ? * ? *)":                 "and not both",
		"cron(7 20 * * NOT *)":              `day of week: "NOT" is not 1 to 7 or SUN to SAT`,
		"cron(71 8 1 * ? *)":                `minutes: "71" is not 0 to 59`,
		"cron(0 24 1 * ? *)":                `hours: "24" is not 0 to 23`,
		"cron(0 8 32 * ? *)":                `day of month: "32" is not 1 to 31`,
		"cron(0 8 1 13 ? *)":                `month: "13" is not 1 to 12 or JAN to DEC`,
		"cron(0 8 1 * ? 1969)":              `year: "1969" is not 1970 to 2199`,
		"cron(0 8 ? * 0 *)":                 `day of week: "0"`,
		"cron(0 8 ? * 3#6 *)":               `"3#6" is not a day and which of the month it is`,
		"cron(0 8 ? * 3#2,5 *)":             "3#2 stands alone",
		"cron(0 8 32W * ? *)":               `"32W"`,
		"cron(0 8 ? * 8L *)":                `"8L"`,
		"cron(*/0 8 * * ? *)":               `"0" is not a step`,
		"cron(1- 8 * * ? *)":                `minutes: "" is not`,
		"cron(-1 8 * * ? *)":                `minutes: "" is not`,
		"cron(+1 8 * * ? *)":                `minutes: "+1" is not`,
		"cron(1,,2 8 * * ? *)":              `minutes: "" is not`,
		"cron(? 8 * * ? *)":                 `minutes: "?" is not`,
		"cron()":                            "found 0",
		"cron(0 2 * * *)":                   "found 5",
		"cron(0  2 * * ? *)":                "with a space between them",
		"rate(10 seconds)":                  "minutes, hours, days",
		"rate()":                            "minutes, hours, days",
		"rate(10)":                          "minutes, hours, days",
		"rate(10 minutess)":                 "minutes, hours, days",
		"rate(foo minutes)":                 "minutes, hours, days",
		"rate(-10 minutes)":                 "minutes, hours, days",
		"rate(0 minutes)":                   "above 0",
		"rate( 10 minutes )":                "minutes, hours, days",
		" rate(10 minutes)":                 "none of cron",
		"at(2021-12-31T23:59:59Z)":          "without a zone",
		"at(2021-12-31)":                    "without a zone",
		"at(2021-02-30T00:00:00)":           "not a date and time",
		"at(2021-12-31T23:59:59.5)":         "without a zone",
		"every day":                         "none of cron",
		"cron(" + strings.Repeat("1,", 200): "256",
	} {
		if wrong := badSchedule(text); !strings.Contains(wrong, says) {
			t.Errorf("%s: %q, want %q", text, wrong, says)
		}
	}
}

func FuzzSchedule(f *testing.F) {
	for _, text := range []string{"cron(0 2 * * ? *)", "rate(1 day)", "at(2026-03-01T02:00:00)", "cron(,-/#LW ? L # W *)", "cron(", "rate)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if badSchedule(text) == "" && !strings.HasSuffix(text, ")") {
			t.Fatalf("%q is taken for a schedule", text)
		}
	})
}
