package duckdb

import (
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// partitionValue gives SQL for the text of a partition value as Iceberg computes it from a column of the given type
// (Iceberg table spec, partition transforms). Null gives null.
func partitionValue(f job.PartitionField, expr, typ string) (string, error) {
	t := shapeOf(typ)
	value, err := "", error(nil)
	switch f.Transform {
	case "identity":
		value = identity(expr, t)
	case "year", "month", "day", "hour":
		value, err = ordinal(f.Transform, expr, t)
	case "truncate":
		value, err = truncate(f.Width, expr, t)
	case "bucket":
		value, err = bucketOf(f.Width, expr, t)
	default:
		err = fault.New(fault.Usage, "unknown transform %q", f.Transform)
	}
	if err != nil {
		return "", fmt.Errorf("partition field %s: %w", f.Name, err)
	}
	return "CAST(" + value + " AS VARCHAR)", nil
}

// identity writes instants in UTC, whatever the session's zone is.
func identity(expr string, t shape) string {
	if t.kind == "TIMESTAMP WITH TIME ZONE" {
		return "CAST(" + utc(expr, t) + " AS VARCHAR) || '+00'"
	}
	return expr
}

// utc is a timestamp without zone that holds UTC.
func utc(expr string, t shape) string {
	if t.kind == "TIMESTAMP WITH TIME ZONE" {
		return "make_timestamp(epoch_us(" + expr + "))"
	}
	return expr
}

// ordinal counts whole years, months, days or hours since 1970-01-01, downwards before it.
func ordinal(unit, expr string, t shape) (string, error) {
	switch t.kind {
	case "DATE":
		if unit == "hour" {
			return "", fault.New(fault.Usage, "hour needs a timestamp, not a DATE")
		}
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
	default:
		return "", fault.New(fault.Usage, "%s needs a date or timestamp, not %s", unit, t.kind)
	}
	v := utc(expr, t)
	if unit == "hour" {
		return "datediff('hour', TIMESTAMP '1970-01-01', date_trunc('hour', " + v + "))", nil
	}
	return "datediff('" + unit + "', DATE '1970-01-01', CAST(" + v + " AS DATE))", nil
}

// truncate cuts numbers down to a multiple of the width, text to its first characters and binary to its first bytes.
func truncate(width int, expr string, t shape) (string, error) {
	if width <= 0 {
		return "", fault.New(fault.Usage, "the width of truncate must be above 0")
	}
	switch {
	case t.kind == "VARCHAR":
		return fmt.Sprintf("left(%s, %d)", expr, width), nil
	case t.kind == "BLOB":
		return fmt.Sprintf("unhex(left(hex(%s), %d))", expr, 2*width), nil
	case t.kind == "INTEGER" || t.kind == "BIGINT":
		return "CAST(" + floor("CAST("+expr+" AS HUGEINT)", width) + " AS " + t.kind + ")", nil
	case t.kind == "DECIMAL":
		return decimalText(floor(unscaled(expr), width), t.scale), nil
	}
	return "", fault.New(fault.Usage, "a %s cannot be truncated", t.kind)
}

// floor takes a whole number down to a multiple of the width: DuckDB's remainder has the sign of the number.
func floor(expr string, width int) string {
	return fmt.Sprintf("(%s - ((%s %% %d) + %d) %% %d)", expr, expr, width, width, width)
}

// unscaled is a decimal's digits as a whole number: DuckDB writes all digits of the scale.
func unscaled(expr string) string {
	return "CAST(replace(CAST(" + expr + " AS VARCHAR), '.', '') AS HUGEINT)"
}

// decimalText writes a whole number as a decimal of a scale.
func decimalText(expr string, scale int) string {
	if scale == 0 {
		return expr
	}
	digits := fmt.Sprintf("lpad(CAST(abs(%s) AS VARCHAR), CAST(greatest(%d, length(CAST(abs(%s) AS VARCHAR))) AS INTEGER), '0')", expr, scale+1, expr)
	return fmt.Sprintf("CASE WHEN %s < 0 THEN '-' ELSE '' END || left(%s, -%d) || '.' || right(%s, %d)", expr, digits, scale, digits, scale)
}

func bucketOf(width int, expr string, t shape) (string, error) {
	if width <= 0 {
		return "", fault.New(fault.Usage, "the number of buckets must be above 0")
	}
	call := func(function, arg string) (string, error) {
		return fmt.Sprintf("%s(%s, %d::INTEGER)", function, arg, width), nil
	}
	switch {
	case t.kind == "INTEGER" || t.kind == "BIGINT":
		return call(bucketLong, "CAST("+expr+" AS BIGINT)")
	case t.kind == "DATE":
		return call(bucketLong, "CAST(datediff('day', DATE '1970-01-01', "+expr+") AS BIGINT)")
	case strings.HasPrefix(t.kind, "TIMESTAMP") || t.kind == "TIME":
		return call(bucketLong, "epoch_us("+expr+")")
	case t.kind == "DECIMAL":
		return call(bucketDecimal, "CAST("+unscaled(expr)+" AS VARCHAR)")
	case t.kind == "VARCHAR":
		return call(bucketText, expr)
	case t.kind == "UUID":
		return call(bucketUUID, "CAST("+expr+" AS VARCHAR)")
	case t.kind == "BLOB":
		return call(bucketBytes, expr)
	}
	return "", fault.New(fault.Usage, "a %s has no bucket", t.kind)
}
