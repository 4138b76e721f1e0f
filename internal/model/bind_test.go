package model

import (
	"math"
	"testing"
	"time"

	"weir/internal/job"
)

func TestBind(t *testing.T) {
	p := job.Params{"s": "it's", "n": int64(-5), "f": 1.5, "b": true, "run_time": time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)}
	for sql, want := range map[string]string{
		"select $s, $S, $b, $other": "select 'it''s', 'it''s', true, $other",
		"select 1 -$n":              "select 1 -CAST(-5 AS BIGINT)",
		"select '$s' , \"$s\", $$ $s $$ -- $s\n/* /* */ $s */": "select '$s' , \"$s\", $$ $s $$ -- $s\n/* /* */ $s */",
		"select a$s, $ss, $f": "select a$s, $ss, CAST('1.5' AS DOUBLE)",
		"select $run_time":    "select TIMESTAMPTZ '2026-03-01 12:00:00.000005+00'",
		`select e'\'$s', $s`:  `select e'\'$s', 'it''s'`,
	} {
		if got := Bind(sql, p); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}

// What is written means the same to DuckDB as the value bound would.
func TestBindTypes(t *testing.T) {
	d := newDuck(t)
	for _, c := range []struct {
		v    any
		want string
	}{
		{int64(math.MinInt64), "BIGINT -9223372036854775808"}, {0.1, "DOUBLE 0.1"}, {math.Inf(-1), "DOUBLE -inf"}, {math.NaN(), "DOUBLE nan"},
		{"", "VARCHAR "}, {"a'b", "VARCHAR a'b"}, {false, "BOOLEAN false"}, {int64(1), "BIGINT 1"},
	} {
		got := ""
		if err := d.db.QueryRow(Bind("SELECT typeof($v) || ' ' || $v::VARCHAR", job.Params{"v": c.v})).Scan(&got); err != nil || got != c.want {
			t.Errorf("%v: %q, %v, want %q", c.v, got, err, c.want)
		}
	}
}
