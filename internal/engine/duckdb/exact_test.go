package duckdb

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/fault"
)

func TestExact(t *testing.T) {
	s := session(t, open(t, Options{}))
	for _, c := range []struct {
		value, from, to string
		want            string // "" where the value does not fit
	}{
		{"1.00", "DECIMAL(4,2)", "DECIMAL(3,1)", "1.0"},
		{"1.05", "DECIMAL(4,2)", "DECIMAL(3,1)", ""},
		{"1.00", "DECIMAL(4,2)", "INTEGER", "1"},
		{"1.50", "DECIMAL(4,2)", "INTEGER", ""},
		{"99.99", "DECIMAL(4,2)", "DECIMAL(12,4)", "99.9900"},
		{"2.0", "DOUBLE", "INTEGER", "2"},
		{"2.5", "DOUBLE", "INTEGER", ""},
		{"0.1", "DOUBLE", "DECIMAL(5,2)", "0.10"},
		{"0.1 + 0.2::DOUBLE", "DOUBLE", "DECIMAL(5,2)", ""},
		{"1e300", "DOUBLE", "FLOAT", ""},
		{"0.1", "DOUBLE", "FLOAT", ""},
		{"0.5", "DOUBLE", "FLOAT", "0.5"},
		{"'nan'", "DOUBLE", "FLOAT", "nan"},
		{"'nan'", "DOUBLE", "BIGINT", ""},
		{"9007199254740993", "BIGINT", "DOUBLE", ""},
		{"9007199254740992", "BIGINT", "DOUBLE", "9007199254740992.0"},
		{"9223372036854775807", "BIGINT", "DOUBLE", ""},
		{"300", "INTEGER", "TINYINT", ""},
		{"2", "INTEGER", "BOOLEAN", ""},
		{"1", "INTEGER", "BOOLEAN", "true"},
		{"12345", "INTEGER", "DECIMAL(4,0)", ""},
		{"'2026-01-02 03:04:05'", "TIMESTAMP", "DATE", ""},
		{"'2026-01-02'", "TIMESTAMP", "DATE", "2026-01-02"},
		{"'2026-01-02 03:04:05.123456789'", "TIMESTAMP_NS", "TIMESTAMP", ""},
		{"'2026-01-02 03:04:05.123456'", "TIMESTAMP_NS", "TIMESTAMP", "2026-01-02 03:04:05.123456"},
		{"'2026-01-02 03:04:05+01'", "TIMESTAMPTZ", "TIMESTAMP", "2026-01-02 02:04:05"},
		{"'2026-01-02'", "DATE", "TIMESTAMP", "2026-01-02 00:00:00"},
		{"'1.005'", "VARCHAR", "DECIMAL(3,2)", ""},
		{"'1.500'", "VARCHAR", "DECIMAL(3,1)", "1.5"},
		{"' -.5 '", "VARCHAR", "DECIMAL(3,1)", "-0.5"},
		{"'12,50'", "VARCHAR", "DECIMAL(12,2)", ""},
		{"'1e-40'", "VARCHAR", "DECIMAL(12,2)", ""},
		{"'1.5e1'", "VARCHAR", "DECIMAL(12,2)", "15.00"},
		{"'1.5'", "VARCHAR", "INTEGER", ""},
		{"'1.0'", "VARCHAR", "INTEGER", "1"},
		{"'1e2'", "VARCHAR", "INTEGER", "100"},
		{"'15e-1'", "VARCHAR", "INTEGER", ""},
		{"'99999999999999999999'", "VARCHAR", "BIGINT", ""},
		{"''", "VARCHAR", "INTEGER", ""},
		{"'2026-01-02 12:00:00'", "VARCHAR", "DATE", ""},
		{"'2026-01-02'", "VARCHAR", "DATE", "2026-01-02"},
		{"'2026-02-30'", "VARCHAR", "DATE", ""},
		{"'2026-01-02 03:04:05.1234567'", "VARCHAR", "TIMESTAMP", ""},
		{"'2026-01-02 03:04:05.123456000'", "VARCHAR", "TIMESTAMP", "2026-01-02 03:04:05.123456"},
		{"'2026-01-02 03:04:05+02'", "VARCHAR", "TIMESTAMP", ""},
		{"'2026-01-02T03:04:05Z'", "VARCHAR", "TIMESTAMP", "2026-01-02 03:04:05"},
		{"'2026-01-02 03:04:05+00:00'", "VARCHAR", "TIMESTAMP", "2026-01-02 03:04:05"},
		{"'2026-01-02 03:04-02:30'", "VARCHAR", "TIMESTAMP", ""},
		{"'2026-01-02 03:04:05+02'", "VARCHAR", "TIMESTAMPTZ", "2026-01-02 01:04:05+00"},
		{"'10:00:00.1234567'", "VARCHAR", "TIME", ""},
		{"'1e400'", "VARCHAR", "DOUBLE", ""},
		{"'1e-400'", "VARCHAR", "DOUBLE", ""},
		{"'0.0'", "VARCHAR", "DOUBLE", "0.0"},
		{"'-Infinity'", "VARCHAR", "DOUBLE", "-inf"},
		{"'yes'", "VARCHAR", "BOOLEAN", "true"},
		{"'maybe'", "VARCHAR", "BOOLEAN", ""},
		{"'[1.5]'", "VARCHAR", "INTEGER[]", ""},
		{"'[1, 2]'", "VARCHAR", "INTEGER[]", "[1, 2]"},
		{"'1.5'", "JSON", "DECIMAL(3,1)", "1.5"},
		{"'1.55'", "JSON", "DECIMAL(3,1)", ""},
		{"'null'", "JSON", "DECIMAL(3,1)", "NULL"},
		{"'{\"a\": 1.5}'", "JSON", "STRUCT(a INTEGER)", ""},
		{"'{\"a\": 1}'", "JSON", "STRUCT(a INTEGER)", "{'a': 1}"},
		{"[1.0, NULL, 2.0]", "DECIMAL(3,1)[]", "INTEGER[]", "[1, NULL, 2]"},
		{"[1.0, 2.5]", "DECIMAL(3,1)[]", "INTEGER[]", ""},
		{"[[1.0], [2.5]]", "DECIMAL(3,1)[][]", "INTEGER[][]", ""},
		{"[1.0, 2.0]", "DECIMAL(3,1)[2]", "INTEGER[]", "[1, 2]"},
		{"{'a': 1.0, 'b c': 'x'}", `STRUCT(a DECIMAL(3,1), "b c" VARCHAR)`, `STRUCT("a" INTEGER, "b c" VARCHAR)`, "{'a': 1, 'b c': x}"},
		{"{'a': 1.5}", "STRUCT(a DECIMAL(3,1))", "STRUCT(a INTEGER)", ""},
		{"{'a': 1, 'b': 2}", "STRUCT(a INTEGER, b INTEGER)", "STRUCT(a INTEGER)", ""},
		{"{'a': 1, 'b': NULL}", "STRUCT(a INTEGER, b INTEGER)", "STRUCT(a INTEGER)", "{'a': 1}"},
		{"{'a': 1}", "STRUCT(a INTEGER)", "STRUCT(a INTEGER, b VARCHAR)", "{'a': 1, 'b': NULL}"},
		{"MAP {'k': 1.0}", "MAP(VARCHAR, DECIMAL(3,1))", "MAP(VARCHAR, INTEGER)", "{k=1}"},
		{"MAP {'k': 1.5}", "MAP(VARCHAR, DECIMAL(3,1))", "MAP(VARCHAR, INTEGER)", ""},
		{"NULL", "MAP(VARCHAR, DECIMAL(3,1))", "MAP(VARCHAR, INTEGER)", "NULL"},
		{"NULL", "STRUCT(a DECIMAL(3,1))", "STRUCT(a INTEGER)", "NULL"},
		{"NULL", "VARCHAR", "INTEGER", "NULL"},
		{"NULL", "DOUBLE", "INTEGER", "NULL"},
		{"'x'", "ENUM('x', 'y')", "VARCHAR", "x"},
		{"170141183460469231731687303715884105727", "HUGEINT", "DECIMAL(38,0)", ""},
		{"1", "UBIGINT", "DECIMAL(20,0)", "1"},
	} {
		// What fails gives null where it may not fail, and all else is the same.
		loose := fmt.Sprintf("SELECT %s FROM (SELECT CAST(%s AS %s) AS v)", s.ExactlyOrNull("v", c.from, c.to), c.value, c.from)
		if got, err := s.Strings(context.Background(), loose); err != nil || got[0][0].Valid != (c.want != "" && c.want != "NULL") || got[0][0].Valid && got[0][0].Value != c.want {
			t.Errorf("%s as %s to %s or null: %v, %v, want %q", c.value, c.from, c.to, got, err, c.want)
		}
		sql := fmt.Sprintf("SELECT %s FROM (SELECT CAST(%s AS %s) AS v)", Exact("v", c.from, c.to), c.value, c.from)
		got, err := s.Strings(context.Background(), sql)
		switch {
		case c.want == "" && fault.ClassOf(err) != fault.Data:
			t.Errorf("%s as %s to %s: %v, %v", c.value, c.from, c.to, got, err)
		case c.want == "":
		case err != nil:
			t.Errorf("%s as %s to %s: %v", c.value, c.from, c.to, err)
		default:
			text := got[0][0].Value
			if !got[0][0].Valid {
				text = "NULL"
			}
			if text != c.want {
				t.Errorf("%s as %s to %s: %s, want %s", c.value, c.from, c.to, text, c.want)
			}
		}
	}
}

func TestExactNamesTheColumn(t *testing.T) {
	s := session(t, open(t, Options{}))
	sql := "SELECT " + exactly{column: `to"tal`}.cast("v", "VARCHAR", "DECIMAL(12,2)") + " FROM (SELECT '12,50' AS v)"
	_, err := s.Strings(context.Background(), sql)
	if want := `column "to""tal": "12,50" is not exactly DECIMAL(12,2)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A decimal text is either refused or read to the last digit.
func TestExactDecimalText(t *testing.T) {
	s := session(t, open(t, Options{}))
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[+-]?[0-9]{0,8}(\.[0-9]{0,8})?(e[+-]?[0-9]{1,2})?`).Draw(t, "digits")
		scale := rapid.IntRange(0, 6).Draw(t, "scale")
		sql := fmt.Sprintf("SELECT %s = CAST(v AS DOUBLE)::DECIMAL(38,%d) AND CAST(%s AS DOUBLE) = CAST(v AS DOUBLE) FROM (SELECT '%s' AS v)",
			Exact("v", "VARCHAR", fmt.Sprintf("DECIMAL(18,%d)", scale)), scale, Exact("v", "VARCHAR", fmt.Sprintf("DECIMAL(18,%d)", scale)), digits)
		got, err := s.Strings(context.Background(), sql)
		if err == nil && got[0][0].Value != "true" {
			t.Fatalf("%q as DECIMAL(18,%d): changed", digits, scale)
		}
		if err != nil && fault.ClassOf(err) != fault.Data {
			t.Fatal(err)
		}
	})
}

func TestShapeOf(t *testing.T) {
	for in, want := range map[string]string{
		"DECIMAL(12,2)": "DECIMAL 12 2 []",
		"STRUCT(a INTEGER, \"b,c\" DECIMAL(2,1)[])":  "STRUCT 0 0 [{a INTEGER} {b,c DECIMAL(2,1)[]}]",
		"MAP(VARCHAR, STRUCT(a INTEGER, b VARCHAR))": "MAP 0 0 [{ VARCHAR} { STRUCT(a INTEGER, b VARCHAR)}]",
		"STRUCT(a INTEGER)[]":                        "LIST 0 0 [{ STRUCT(a INTEGER)}]",
		"timestamp  with time zone":                  "TIMESTAMP WITH TIME ZONE 0 0 []",
		"ENUM('a(', 'b]')":                           "ENUM 0 0 []",
	} {
		s := shapeOf(in)
		if got := fmt.Sprint(s.kind, " ", s.digits, " ", s.scale, " ", s.fields); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func FuzzShapeOf(f *testing.F) {
	for _, s := range []string{"DECIMAL(12,2)", "STRUCT(a INTEGER)[]", "MAP(a", "(", "\"", "]", "STRUCT(\"a", "ENUM('x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shape := shapeOf(s)
		if strings.Contains(shape.kind, "\x00") && !strings.Contains(s, "\x00") {
			t.Fatal(shape)
		}
		Exact("v", s, "INTEGER")
		Exact("v", "VARCHAR", s)
		arrowType(s)
	})
}
