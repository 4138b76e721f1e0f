package files

import (
	"fmt"
	"strings"
	"time"
)

// timeFormat is a strptime format, as the engine reads it and as this package does.
type timeFormat struct {
	strptime string
	layout   string // the same as a layout of package time
}

// directives of strptime that both sides know.
func directive(c byte) string {
	switch c {
	case 'Y':
		return "2006"
	case 'y':
		return "06"
	case 'm':
		return "1"
	case 'd':
		return "2"
	case 'H':
		return "15"
	case 'I':
		return "3"
	case 'M':
		return "4"
	case 'S':
		return "5"
	case 'p':
		return "PM"
	case 'b':
		return "Jan"
	case 'B':
		return "January"
	case 'a':
		return "Mon"
	case 'A':
		return "Monday"
	case 'z':
		return "-0700"
	case 'T':
		return "15:4:5"
	case 'F':
		return "2006-1-2"
	case '%':
		return "%"
	}
	return ""
}

// compileFormat reads a format; "" gives nil.
func compileFormat(format string) (*timeFormat, error) {
	if format == "" {
		return nil, nil
	}
	var layout strings.Builder
	rest := format
	for rest != "" {
		if strings.HasPrefix(rest, "%S.%f") {
			layout.WriteString("5") // package time reads a fraction behind seconds by itself
			rest = rest[5:]
			continue
		}
		if rest[0] != '%' {
			if c := rest[0]; isAlnum(c) && c != 'T' && c != 'Z' {
				return nil, fmt.Errorf("format %q: letters and digits other than T and Z must be directives such as %%Y", format)
			}
			layout.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		at := strings.TrimPrefix(rest[1:], "-")
		if at == "" || directive(at[0]) == "" {
			return nil, fmt.Errorf("format %q: a directive is not known; known are %%Y %%y %%m %%d %%H %%I %%M %%S.%%f %%p %%b %%B %%a %%A %%z %%T %%F", format)
		}
		layout.WriteString(directive(at[0]))
		rest = at[1:]
	}
	return &timeFormat{strptime: format, layout: layout.String()}, nil
}

// normal reads a text by the format and gives it in ISO 8601; sub-microseconds do not fit.
func (f *timeFormat) normal(s string) (string, bool) {
	t, err := time.Parse(f.layout, s)
	if err != nil || t.Nanosecond()%1000 != 0 {
		return "", false
	}
	if strings.Contains(f.layout, "-0700") {
		t = t.UTC()
		return t.Format("2006-01-02 15:04:05.000000") + "+00:00", true
	}
	return t.Format("2006-01-02 15:04:05.000000"), true
}
