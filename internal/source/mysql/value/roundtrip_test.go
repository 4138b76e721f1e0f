package value

import (
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/test/env"
)

func dial(t *testing.T, of string) *wire.Conn {
	t.Helper()
	server, err := (&mysql.Settings{URL: of}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := server.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, c *wire.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%.300s: %v", s, err)
		}
	}
}

// describe gives the columns of table t.
func describe(t *testing.T, c *wire.Conn, zero ZeroDates) (columns []Column) {
	t.Helper()
	rows, err := c.Strings(t.Context(), "SELECT column_name, data_type, column_type, numeric_precision, numeric_scale, datetime_precision,"+
		" character_set_name FROM information_schema.columns WHERE table_schema = database() AND table_name = 't' ORDER BY ordinal_position")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		n := func(i int) int { v, _ := strconv.Atoi(r[i].Value); return v }
		col, err := Describe(Declared{Name: r[0].Value, DataType: r[1].Value, Type: r[2].Value, Precision: n(3), Scale: n(4), Fraction: n(5), Charset: r[6].Value}, zero)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, col)
	}
	return columns
}

// read gives the rows of a table as texts and the flaws of its cells.
func read(t *testing.T, c *wire.Conn, columns []Column, most int) (rows [][]string, flaws []Flaw) {
	t.Helper()
	pool := record.NewPool()
	defer pool.Close()
	lake, exprs := []job.Column{}, []string{}
	for _, col := range columns {
		lake = append(lake, col.Lake())
		exprs = append(exprs, col.Expression(wire.Name(col.Name)))
	}
	b, err := record.NewBuilder(lake, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	cells := make([]Cell, len(columns))
	for i := range cells {
		cells[i] = NewCell(columns[i], &b.Columns[i], most)
	}
	answer, err := c.Query(t.Context(), "SELECT "+strings.Join(exprs, ", ")+" FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	for {
		row, err := answer.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if f := take(t, cells, row); f != OK {
			flaws = append(flaws, f)
			b.Undo()
			continue
		}
		b.EndRow()
	}
	batch := b.Take()
	defer batch.Release()
	for r := range int(batch.NumRows()) {
		texts := make([]string, len(columns))
		for i := range texts {
			texts[i] = strings.Clone(batch.Column(i).ValueStr(r))
			switch a := batch.Column(i).(type) {
			case *array.Binary:
				if !a.IsNull(r) {
					texts[i] = hex.EncodeToString(a.Value(r))
				}
			case *array.Float32:
				if !a.IsNull(r) {
					texts[i] = fmt.Sprintf("%08x", math.Float32bits(a.Value(r)))
				}
			case *array.Float64:
				if !a.IsNull(r) {
					texts[i] = fmt.Sprintf("%016x", math.Float64bits(a.Value(r)))
				}
			}
		}
		rows = append(rows, texts)
	}
	return rows, flaws
}

func take(t *testing.T, cells []Cell, row wire.Row) Flaw {
	for i := range cells {
		v, null, ok := row.Next()
		if !ok {
			t.Fatal("a row ends early")
		}
		if null {
			cells[i].Null()
		} else if f := cells[i].FromText(v); f != OK {
			return f
		}
	}
	return OK
}

// A value is written as SQL and read as the lake's type has it.
type trip struct{ sql, want string }

var trips = []struct {
	declared, lake string
	only           string // mariadb or mysql; "" for both
	values         []trip
}{
	{"TINYINT", "INTEGER", "", []trip{{"-128", "-128"}, {"127", "127"}, {"0", "0"}, {"NULL", "(null)"}}},
	{"TINYINT UNSIGNED", "INTEGER", "", []trip{{"255", "255"}}},
	{"BOOLEAN", "INTEGER", "", []trip{{"true", "1"}, {"7", "7"}}},
	{"SMALLINT", "INTEGER", "", []trip{{"-32768", "-32768"}, {"32767", "32767"}}},
	{"SMALLINT UNSIGNED", "INTEGER", "", []trip{{"65535", "65535"}}},
	{"MEDIUMINT", "INTEGER", "", []trip{{"-8388608", "-8388608"}, {"8388607", "8388607"}}},
	{"MEDIUMINT UNSIGNED", "INTEGER", "", []trip{{"16777215", "16777215"}}},
	{"INT", "INTEGER", "", []trip{{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}}},
	{"INT UNSIGNED", "BIGINT", "", []trip{{"4294967295", "4294967295"}}},
	{"INT(8) ZEROFILL", "BIGINT", "", []trip{{"42", "42"}, {"4294967295", "4294967295"}}},
	{"BIGINT", "BIGINT", "", []trip{{"-9223372036854775808", "-9223372036854775808"}, {"9223372036854775807", "9223372036854775807"}}},
	{"BIGINT UNSIGNED", "DECIMAL(20,0)", "", []trip{{"18446744073709551615", "18446744073709551615"}, {"0", "0"}}},
	{"DECIMAL(10,2)", "DECIMAL(10,2)", "", []trip{{"0.05", "0.05"}, {"-0.05", "-0.05"}, {"-99999999.99", "-99999999.99"}, {"0", "0"}}},
	{"DECIMAL(20,0)", "DECIMAL(20,0)", "", []trip{{"1000000000000000005", "1000000000000000005"}, {"-99999999999999999999", "-99999999999999999999"}}},
	{"DECIMAL(38,38)", "DECIMAL(38,38)", "mariadb", []trip{{"0.00000000000000000000000000000000000001", "1e-38"}, {"-0.99999999999999999999999999999999999999", "-0.99999999999999999999999999999999999999"}}},
	{"DECIMAL(38,30)", "DECIMAL(38,30)", "", []trip{{"-99999999.999999999999999999999999999999", "-99999999.999999999999999999999999999999"}, {"1e-30", "1e-30"}}},
	{"DECIMAL(38,0)", "DECIMAL(38,0)", "", []trip{{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"}, {"-1000000000000000000000000000000000000", "-1000000000000000000000000000000000000"}}},
	{"DECIMAL(65,30)", "VARCHAR", "", []trip{{"-12345678901234567890123456789012345.123456789012345678901234567891", "-12345678901234567890123456789012345.123456789012345678901234567891"}, {"1", "1.000000000000000000000000000000"}}},
	{"DECIMAL(5,1) UNSIGNED ZEROFILL", "DECIMAL(5,1)", "", []trip{{"7.5", "7.5"}}},
	{"FLOAT", "FLOAT", "", []trip{{"0.1", "3dcccccd"}, {"3.4028234663852886e38", "7f7fffff"}, {"1.17549435e-38", "00800000"}, {"16777217", "4b800000"}, {"-0.0", "00000000"}, {"123456.789", "47f12065"}}},
	{"FLOAT(10,2)", "FLOAT", "", []trip{{"1234567.89", "4996b43f"}, {"0.1", "3dcccccd"}}},
	{"DOUBLE", "DOUBLE", "", []trip{{"0.1", "3fb999999999999a"}, {"1.7976931348623157e308", "7fefffffffffffff"}, {"2.2250738585072014e-308", "0010000000000000"}, {"123456789.123456789", "419d6f34547e6b75"}}},
	{"DOUBLE(10,2)", "DOUBLE", "", []trip{{"12345.67", "40c81cd5c28f5c29"}}},
	{"DATE", "DATE", "", []trip{{"'2024-02-29'", "2024-02-29"}, {"'9999-12-31'", "9999-12-31"}, {"'1000-01-01'", "1000-01-01"}, {"'0001-01-01'", "0001-01-01"}, {"'1969-12-31'", "1969-12-31"}}},
	{"DATETIME", "TIMESTAMP", "", []trip{{"'2024-02-29 23:59:59'", "2024-02-29T23:59:59"}, {"'1000-01-01 00:00:00'", "1000-01-01T00:00:00"}}},
	{"DATETIME(3)", "TIMESTAMP", "", []trip{{"'2024-02-29 23:59:59.123'", "2024-02-29T23:59:59.123"}}},
	{"DATETIME(6)", "TIMESTAMP", "", []trip{{"'9999-12-31 23:59:59.999999'", "9999-12-31T23:59:59.999999"}, {"'1969-12-31 23:59:59.000001'", "1969-12-31T23:59:59.000001"}}},
	{"TIMESTAMP NULL", "TIMESTAMP WITH TIME ZONE", "", []trip{{"'1970-01-01 00:00:01'", "1970-01-01T00:00:01Z"}, {"'2038-01-19 03:14:07'", "2038-01-19T03:14:07Z"}, {"NULL", "(null)"}}},
	{"TIMESTAMP(6) NULL", "TIMESTAMP WITH TIME ZONE", "", []trip{{"'2024-03-31 02:30:00.5'", "2024-03-31T02:30:00.5Z"}}},
	{"TIME", "VARCHAR", "", []trip{{"'-838:59:59'", "-838:59:59"}, {"'00:00:00'", "00:00:00"}, {"'25:00:00'", "25:00:00"}}},
	{"TIME(6)", "VARCHAR", "", []trip{{"'838:59:58.000001'", "838:59:58.000001"}, {"'-00:00:00.5'", "-00:00:00.500000"}}},
	{"YEAR", "INTEGER", "", []trip{{"2155", "2155"}, {"1901", "1901"}, {"0000", "0"}}},
	{"BIT(1)", "BOOLEAN", "", []trip{{"b'1'", "true"}, {"b'0'", "false"}, {"NULL", "(null)"}}},
	{"BIT(10)", "BIGINT", "", []trip{{"b'1000000001'", "513"}}},
	{"BIT(64)", "DECIMAL(20,0)", "", []trip{{"0xffffffffffffffff", "18446744073709551615"}}},
	{"ENUM('a','it''s','x,y','b\\c','ü')", "VARCHAR", "", []trip{{"'a'", "a"}, {"'it''s'", "it's"}, {"'x,y'", "x,y"}, {"4", "b\\c"}, {"'ü'", "ü"}, {"0", ""}}},
	{"SET('a','b','ü')", "VARCHAR", "", []trip{{"'ü,a'", "a,ü"}, {"''", ""}}},
	{"JSON", "VARCHAR", "mysql", []trip{{`'{"b":1,"aa":[1,2.50,null,"ü\"\\"]}'`, `{"b": 1, "aa": [1, 2.5, null, "ü\"\\"]}`}}},
	{"JSON", "VARCHAR", "mariadb", []trip{{`'{"b":1, "a" : 2.50}'`, `{"b":1, "a" : 2.50}`}}},
	{"CHAR(5)", "VARCHAR", "", []trip{{"'ab '", "ab"}, {"''", ""}}},
	{"VARCHAR(20) CHARACTER SET latin1", "VARCHAR", "", []trip{{"'Zürich € '", "Zürich € "}}},
	{"VARCHAR(20) CHARACTER SET utf8mb4", "VARCHAR", "", []trip{{"'漢字😀'", "漢字😀"}}},
	{"VARCHAR(20) CHARACTER SET utf16", "VARCHAR", "", []trip{{"'漢字😀'", "漢字😀"}}},
	{"TEXT CHARACTER SET cp1251", "VARCHAR", "", []trip{{"'Привет'", "Привет"}}},
	{"LONGTEXT CHARACTER SET sjis", "VARCHAR", "", []trip{{"'日本語'", "日本語"}}},
	{"MEDIUMTEXT CHARACTER SET gbk", "VARCHAR", "", []trip{{"'中文'", "中文"}}},
	{"BINARY(4)", "BLOB", "", []trip{{"0x6100", "61000000"}}},
	{"VARBINARY(9)", "BLOB", "", []trip{{"0x00ff6100", "00ff6100"}, {"''", ""}}},
	{"LONGBLOB", "BLOB", "", []trip{{"0xdeadbeef", "deadbeef"}}},
	{"GEOMETRY", "BLOB", "", []trip{
		{"ST_GeomFromText('POINT(1 2)')", "0101000000000000000000f03f0000000000000040"},
		{"ST_GeomFromText('POINT(1 2)', 3857)", "0101000020110f0000000000000000f03f0000000000000040"}}},
	{"UUID", "UUID", "mariadb", []trip{{"'123e4567-e89b-12d3-a456-426655440000'", "123e4567-e89b-12d3-a456-426655440000"}, {"'00000000-0000-0000-0000-00000000000f'", "00000000-0000-0000-0000-00000000000f"}}},
	{"INET6", "VARCHAR", "mariadb", []trip{{"'2001:db8::1'", "2001:db8::1"}, {"'::ffff:10.1.2.3'", "::ffff:10.1.2.3"}}},
	{"INET4", "VARCHAR", "mariadb", []trip{{"'10.1.2.3'", "10.1.2.3"}}},
	{"VECTOR(3)", "FLOAT[]", "mysql", []trip{{"to_vector('[1,-2.5,0.1]')", "[1,-2.5,0.1]"}}},
}

// Every type brings its values to the lake as they were written, from a real server.
func TestValuesArriveAsWritten(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, of)
		kind := map[bool]string{true: "mariadb", false: "mysql"}[c.Server.Maria]
		for _, e := range trips {
			if e.only != "" && e.only != kind {
				continue
			}
			must(t, c, "DROP TABLE IF EXISTS t", "CREATE TABLE t (v "+e.declared+")")
			columns := describe(t, c, RejectZero)
			if got := columns[0].Lake().Type; got != e.lake {
				t.Errorf("%s is %s, not %s", e.declared, got, e.lake)
			}
			for _, v := range e.values {
				must(t, c, "DELETE FROM t", "INSERT INTO t VALUES ("+v.sql+")")
				rows, flaws := read(t, c, columns, 0)
				if len(flaws) > 0 || rows[0][0] != v.want {
					t.Errorf("%s: %s became %v %v, not %s", e.declared, v.sql, rows, flaws, v.want)
				}
			}
		}
	})
}

// Dates that no calendar has follow the policy.
func TestZeroDates(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, of)
		must(t, c, "SET sql_mode = 'ALLOW_INVALID_DATES'", "CREATE TABLE t (d DATE, dt DATETIME(2), ts TIMESTAMP NULL)",
			"INSERT INTO t VALUES ('0000-00-00', '2024-00-15 01:02:03.45', '0000-00-00 00:00:00'), ('2024-02-30', '0000-00-00', '2024-01-01'), ('2024-01-02', '2024-01-02 03:04:05.67', '2024-01-02')")
		for zero, want := range map[ZeroDates]string{
			RejectZero: "2024-01-02 2024-01-02T03:04:05.67 2024-01-02T00:00:00Z",
			NullZero:   "(null) (null) (null);(null) (null) 2024-01-01T00:00:00Z;2024-01-02 2024-01-02T03:04:05.67 2024-01-02T00:00:00Z",
			TextZero:   "0000-00-00 2024-00-15 01:02:03.45 0000-00-00 00:00:00;2024-02-30 0000-00-00 00:00:00.00 2024-01-01 00:00:00;2024-01-02 2024-01-02 03:04:05.67 2024-01-02 00:00:00",
		} {
			rows, flaws := read(t, c, describe(t, c, zero), 0)
			var got []string
			for _, r := range rows {
				got = append(got, strings.Join(r, " "))
			}
			if strings.Join(got, ";") != want || (zero == RejectZero) != (len(flaws) == 2) {
				t.Errorf("policy %d: %q, flaws %v", zero, got, flaws)
			}
		}
	})
}

// What is no text, or longer than a value may be, is a flaw, and the row's other values are gone with it.
func TestFlaws(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, of)
		must(t, c, "CREATE TABLE t (a INT, b TEXT CHARACTER SET utf8mb4)", "INSERT INTO t VALUES (1, repeat('x', 100)), (2, 'ok')")
		rows, flaws := read(t, c, describe(t, c, RejectZero), 99)
		if len(rows) != 1 || rows[0][0] != "2" || len(flaws) != 1 || flaws[0] != TooLong {
			t.Errorf("%v %v", rows, flaws)
		}
	})
}

// Floating numbers lose no bit.
func TestFloatsAreWhole(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, of)
		must(t, c, "CREATE TABLE t (f FLOAT, d DOUBLE)")
		rng := rand.New(rand.NewPCG(1, 2))
		var values, want []string
		for range 4000 {
			f, d := math.Float32frombits(rng.Uint32()), math.Float64frombits(rng.Uint64())
			if f != f || d != d || math.IsInf(float64(f), 0) || math.IsInf(d, 0) || math.Abs(d) < 0x1p-1022 {
				continue // neither can be stored; numbers under 2^-1022 some servers read as 0
			}
			values = append(values, fmt.Sprintf("(%v, %v)", strconv.FormatFloat(float64(f), 'e', -1, 64), strconv.FormatFloat(d, 'e', -1, 64)))
			want = append(want, fmt.Sprintf("%08x %016x", math.Float32bits(f), math.Float64bits(d)))
		}
		must(t, c, "INSERT INTO t VALUES "+strings.Join(values, ","))
		rows, flaws := read(t, c, describe(t, c, RejectZero), 0)
		if len(rows) != len(want) || len(flaws) > 0 {
			t.Fatalf("%d rows of %d, flaws %v", len(rows), len(want), flaws)
		}
		for i, r := range rows {
			if got := strings.Join(r, " "); got != want[i] {
				t.Errorf("%s became %s, not %s", values[i], got, want[i])
			}
		}
	})
}
