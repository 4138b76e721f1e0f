package quality

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// columnDataType wants every value to be one of a type, whatever the column's own type is. NULL is of no type.
func columnDataType(c *compiler, l *leaf) error {
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	cond, ok := l.rule.Condition.(*dqdl.StringCondition)
	if !ok {
		return noAnalyzer(l)
	}
	if cond.Op != dqdl.Equal && cond.Op != dqdl.NotEqual {
		return fault.New(fault.Usage, "ColumnDataType is compared with = or !=, not with %s", cond.Op)
	}
	keywords, values := cond.Values()
	if len(keywords) > 0 || len(values) != 1 {
		return fault.New(fault.Usage, "ColumnDataType needs the name of a type")
	}
	s, err := col.asText()
	if err != nil {
		return err
	}
	is, err := isOfType(s, strings.ToUpper(strings.TrimSpace(values[0])), l.rule)
	if err != nil {
		return err
	}
	l.test = &test{sql: is, fail: cond.Op == dqdl.NotEqual}
	l.mute = true
	l.judgeRows(rowsAsk{ratio: metricName([]column{col}, "ColumnDataType.Compliance"), empty: true,
		reason: list([]column{col}) + " " + isNot(cond)})
	return nil
}

var likeDecimalType = regexp.MustCompile(`^DECIMAL\s*(?:\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\))?$`)

// isOfType is the condition that a text is the value of a type.
func isOfType(s, name string, r *dqdl.Rule) (string, error) {
	trimmed := "trim(" + s + ")"
	whole := func(typ string) string {
		return `regexp_full_match(` + trimmed + `, '[+-]?\d+(\.0*)?') AND TRY_CAST(` + trimmed + " AS " + typ + ") IS NOT NULL"
	}
	if name == "DATE" {
		return isDate(s, r)
	}
	if _, given := r.Tag("format"); given {
		return "", fault.New(fault.Usage, "a format belongs to DATE, not to %s", name)
	}
	switch name {
	case "BOOLEAN":
		return "lower(" + trimmed + ") IN ('t', 'true', 'y', 'yes', '1', 'f', 'false', 'n', 'no', '0')", nil
	case "TIMESTAMP":
		return "TRY_CAST(" + trimmed + " AS TIMESTAMP) IS NOT NULL", nil
	case "INTEGER":
		return whole("INTEGER"), nil
	case "LONG":
		return whole("BIGINT"), nil
	case "FLOAT":
		return "TRY_CAST(" + trimmed + " AS FLOAT) IS NOT NULL", nil
	case "DOUBLE":
		return "TRY_CAST(" + trimmed + " AS DOUBLE) IS NOT NULL", nil
	}
	parts := likeDecimalType.FindStringSubmatch(name)
	if parts == nil {
		return "", fault.New(fault.Usage, "Unrecognized data type %q", name).WithHint("BOOLEAN, DATE, TIMESTAMP, INTEGER, LONG, FLOAT, DOUBLE or DECIMAL(p,s)")
	}
	precision, scale := 10, 0
	if parts[1] != "" {
		precision, scale = digits(parts[1]), digits(parts[2])
	}
	if precision < 1 || precision > 38 || scale > precision {
		return "", fault.New(fault.Usage, "Unrecognized data type %q: it has 1 to 38 digits, of which no more are decimals", name)
	}
	return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(%d,%d)) IS NOT NULL", trimmed, precision, scale), nil
}

// digits reads a number of at most two digits, 0 for none.
func digits(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// isDate is the condition that a text is a date, by ISO or in the format of a tag. Formats without a day mean the first,
// those without a year 2000.
func isDate(s string, r *dqdl.Rule) (string, error) {
	for _, t := range r.Tags {
		if t.Name != "format" {
			return "", fault.New(fault.Usage, "tag %s says nothing about a DATE", t.Name).WithHint(`format is there, as in: with format = "dd-MM-yyyy"`)
		}
	}
	format, given := r.Tag("format")
	if !given {
		return "TRY_CAST(" + s + " AS DATE) IS NOT NULL", nil
	}
	sign := "-"
	if strings.Contains(format, "/") {
		sign = "/"
	}
	shape, pattern, text := "", "", s
	switch strings.ReplaceAll(format, "/", "-") {
	case "dd-MM-yyyy":
		shape, pattern = `\d{2}-\d{2}-\d{4}`, "%d-%m-%Y"
	case "MM-dd-yyyy":
		shape, pattern = `\d{2}-\d{2}-\d{4}`, "%m-%d-%Y"
	case "yyyy-MM-dd":
		shape, pattern = `\d{4}-\d{2}-\d{2}`, "%Y-%m-%d"
	case "MM-yyyy":
		shape, pattern, text = `\d{2}-\d{4}`, "%d-%m-%Y", "'01"+sign+"' || "+s
	case "yyyy-MM":
		shape, pattern, text = `\d{4}-\d{2}`, "%Y-%m-%d", s+" || '"+sign+"01'"
	case "dd-MM":
		shape, pattern, text = `\d{2}-\d{2}`, "%d-%m-%Y", s+" || '"+sign+"2000'"
	case "MM-dd":
		shape, pattern, text = `\d{2}-\d{2}`, "%m-%d-%Y", s+" || '"+sign+"2000'"
	default:
		return "", fault.New(fault.Usage, "format %q of a date is not known", format).
			WithHint("dd-MM-yyyy, MM-dd-yyyy, yyyy-MM-dd, MM-yyyy, yyyy-MM, dd-MM or MM-dd, with - or / between the parts")
	}
	signed := func(t string) string { return job.Literal(strings.ReplaceAll(t, "-", sign)) }
	return "regexp_full_match(" + s + ", " + signed(shape) + ") AND try_strptime(" + text + ", " + signed(pattern) + ") IS NOT NULL", nil
}
