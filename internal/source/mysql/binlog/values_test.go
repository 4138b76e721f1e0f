package binlog

import (
	"fmt"
	"strings"
	"testing"
)

// columnsOfAllTypes are types and values for them, by server: "" for both.
var allTypes = []struct {
	declared, only string
	values         []string
}{
	{"TINYINT", "", []string{"-128", "127", "0", "NULL"}},
	{"TINYINT UNSIGNED", "", []string{"255", "128", "0"}},
	{"SMALLINT", "", []string{"-32768", "32767"}},
	{"SMALLINT UNSIGNED", "", []string{"65535"}},
	{"MEDIUMINT", "", []string{"-8388608", "8388607", "-1"}},
	{"MEDIUMINT UNSIGNED", "", []string{"16777215"}},
	{"YEAR", "", []string{"2155", "1901", "0"}},
	{"INT", "", []string{"-2147483648", "2147483647"}},
	{"INT UNSIGNED", "", []string{"4294967295"}},
	{"BIGINT", "", []string{"-9223372036854775808", "9223372036854775807"}},
	{"BIGINT UNSIGNED", "", []string{"18446744073709551615", "0"}},
	{"DECIMAL(10,2)", "", []string{"0.05", "-0.05", "-99999999.99", "0"}},
	{"DECIMAL(20,0)", "", []string{"1000000000000000005", "-99999999999999999999"}},
	{"DECIMAL(9,9)", "", []string{"0.123456789", "-0.000000001"}},
	{"DECIMAL(38,30)", "", []string{"-99999999.999999999999999999999999999999", "1e-30", "0"}},
	{"DECIMAL(65,30)", "", []string{"-12345678901234567890123456789012345.123456789012345678901234567891", "1", "-0.5", "0"}},
	{"DECIMAL(65,0)", "", []string{strings.Repeat("9", 65), "-" + strings.Repeat("1", 65)}},
	{"DECIMAL(5,1) UNSIGNED ZEROFILL", "", []string{"7.5"}},
	{"FLOAT", "", []string{"0.1", "3.4e38", "-1.17549435e-38"}},
	{"FLOAT(10,2) UNSIGNED", "", []string{"1234567.89"}},
	{"DOUBLE", "", []string{"0.1", "1.7976931348623157e308", "-5e-300"}},
	{"DATE", "", []string{"'2024-02-29'", "'9999-12-31'", "'0000-00-00'", "'2024-00-15'"}},
	{"DATETIME", "", []string{"'2024-02-29 23:59:59'", "'1000-01-01'", "'0000-00-00'"}},
	{"DATETIME(1)", "", []string{"'2024-02-29 23:59:59.9'"}},
	{"DATETIME(2)", "", []string{"'2024-02-29 23:59:59.12'"}},
	{"DATETIME(3)", "", []string{"'2024-02-29 23:59:59.123'"}},
	{"DATETIME(4)", "", []string{"'2024-02-29 23:59:59.1234'"}},
	{"DATETIME(5)", "", []string{"'2024-02-29 23:59:59.12345'"}},
	{"DATETIME(6)", "", []string{"'9999-12-31 23:59:59.999999'", "'2024-00-00 00:00:00.000001'"}},
	{"TIMESTAMP NULL", "", []string{"'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00'", "NULL"}},
	{"TIMESTAMP(6) NULL", "", []string{"'2024-03-31 02:30:00.000005'"}},
	{"TIMESTAMP(3) NULL", "", []string{"'2024-03-31 02:30:00.045'", "'0000-00-00'"}},
	{"TIME", "", []string{"'-838:59:59'", "'00:00:00'", "'25:00:01'", "'-00:00:01'"}},
	{"TIME(1)", "", []string{"'-00:00:00.1'", "'12:34:56.7'"}},
	{"TIME(3)", "", []string{"'-00:00:00.001'", "'-100:59:00.999'"}},
	{"TIME(4)", "", []string{"'-00:00:00.0001'", "'-100:00:00.0000'"}},
	{"TIME(6)", "", []string{"'838:59:58.000001'", "'-838:59:58.999999'", "'-00:00:00.5'"}},
	{"BIT(1)", "", []string{"b'1'", "b'0'", "NULL"}},
	{"BIT(10)", "", []string{"b'1000000001'"}},
	{"BIT(64)", "", []string{"0xfffffffffffffffe"}},
	{"ENUM('a','it''s','x,y','b\\c','ü')", "", []string{"'a'", "'it''s'", "4", "'ü'", "0", "NULL"}},
	{"ENUM('ä','ö') CHARACTER SET latin1", "", []string{"'ö'"}},
	{"SET('a','b','ü') CHARACTER SET latin2", "", []string{"'ü,a'", "''"}},
	{"SET('s0','s1','s2','s3','s4','s5','s6','s7','s8','s9')", "", []string{"'s0,s9'"}},
	{"JSON", "", []string{`'{"b":1,"a":[1,2.5,null,"ü"]}'`, "NULL"}},
	{"CHAR(5)", "", []string{"'ab '", "''", "'ü€漢'"}},
	{"CHAR(200)", "", []string{"repeat('€', 200)"}},
	{"VARCHAR(20) CHARACTER SET latin1", "", []string{"'Zürich € '"}},
	{"VARCHAR(300)", "", []string{"repeat('€', 300)", "''"}},
	{"VARCHAR(20) CHARACTER SET utf16", "", []string{"'漢字😀'", "'a'"}},
	{"VARCHAR(20) CHARACTER SET ucs2", "", []string{"'漢字'"}},
	{"VARCHAR(20) CHARACTER SET utf32", "", []string{"'漢字😀'"}},
	{"TINYTEXT CHARACTER SET cp1251", "", []string{"'Привет'"}},
	{"TEXT CHARACTER SET sjis", "", []string{"'日本語'"}},
	{"MEDIUMTEXT CHARACTER SET gbk", "", []string{"'中文'"}},
	{"LONGTEXT", "", []string{"repeat('x', 70000)"}},
	{"BINARY(4)", "", []string{"0x6100", "0x00", "0xffffffff"}},
	{"BINARY(255)", "", []string{"0x0100"}},
	{"VARBINARY(9)", "", []string{"0x00ff6100", "''"}},
	{"TINYBLOB", "", []string{"0x00"}},
	{"LONGBLOB", "", []string{"0xdeadbeef"}},
	{"GEOMETRY", "", []string{"ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(1 2,3 4)', 3857)"}},
	{"UUID", "mariadb", []string{"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-00000000000f'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
		"'0190163d-8694-739b-aea5-966c26f8ad91'", "'6ba7b810-9dad-61d1-80b4-00c04fd430c8'", "'123e4567-e89b-4000-8000-000000000000'", "'123e4567-e89b-82d3-2456-426655440000'"}},
	{"INET6", "mariadb", []string{"'2001:db8::1'", "'::ffff:10.1.2.3'", "'::'", "'::1'", "'::10.1.2.3'", "'1:0:0:2:0:0:0:3'", "'1:0:2:3:4:5:6:0'", "'::1:0'", "'::2:3:0'"}},
	{"INET4", "mariadb", []string{"'10.1.2.3'", "'0.0.0.0'", "'255.255.255.0'"}},
	{"VECTOR(3)", "mysql", []string{"to_vector('[1,-2.5,0.1]')"}},
}

// The log gives each value as a query gives it.
func TestValuesAreThoseOfQueries(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		kind := map[bool]string{true: "mariadb", false: "mysql"}[r.conn.Server.Maria]
		r.exec("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES'")
		columns, most := []string{"id INT PRIMARY KEY"}, 0
		for i, a := range allTypes {
			if a.only == "" || a.only == kind {
				columns = append(columns, fmt.Sprintf("c%d %s", i, a.declared))
				most = max(most, len(a.values))
			}
		}
		r.exec("CREATE TABLE t (" + strings.Join(columns, ", ") + ")")
		from := r.now()
		for row := range most {
			values := []string{fmt.Sprint(row)}
			for _, a := range allTypes {
				if a.only != "" && a.only != kind {
					continue
				}
				values = append(values, a.values[row%len(a.values)])
			}
			r.exec("INSERT INTO t VALUES (" + strings.Join(values, ", ") + ")")
		}
		want := r.query("t", "ORDER BY id")
		lines, _ := r.told(from)
		lines = changed(lines)
		if len(lines) != len(want) {
			t.Fatalf("%d changes of %d", len(lines), len(want))
		}
		for i := range lines {
			got, want := strings.Split(strings.TrimPrefix(lines[i], "insert +"), "|"), strings.Split(want[i], "|")
			for k := range want {
				if k >= len(got) || got[k] != want[k] {
					t.Errorf("row %d, %s: the log has %.100q, the query %.100q", i, columns[k], got[k], want[k])
				}
			}
		}
	})
}

// Texts of every character set are as the server itself converts them.
func TestCharsetsAreThoseOfTheServer(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		sets, err := r.conn.Strings(t.Context(), "SELECT character_set_name, maxlen FROM information_schema.character_sets WHERE character_set_name NOT IN ('binary', 'filename')")
		if err != nil {
			t.Fatal(err)
		}
		r.exec("SET sql_mode = ''")
		for _, set := range sets {
			name := set[0].Value
			r.exec("DROP TABLE IF EXISTS t", "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(4) CHARACTER SET "+name+")")
			from := r.now()
			for _, part := range textsOf(name, set[1].Value) {
				r.exec("INSERT INTO t (v) VALUES " + strings.Join(part, ", "))
			}
			want := r.query("t", "ORDER BY id")
			lines, _ := r.told(from)
			got := changed(lines)
			if len(got) != len(want) {
				t.Fatalf("%s: %d texts of %d", name, len(got), len(want))
			}
			different := 0
			for i := range got {
				if got[i] != "insert +"+want[i] {
					if different++; different < 4 {
						t.Errorf("%s: %q is %q by a query", name, got[i], want[i])
					}
				}
			}
		}
	})
}

// textsOf are all texts of one byte, and some of more; what is none becomes null or empty.
func textsOf(name, size string) (parts [][]string) {
	add := func(from, to int, format string) {
		var part []string
		for c := from; c <= to; c += 1 + c>>8%7 { // other ones of each row, and not all
			if c == 0x8ea0 { // MySQL stores this in ujis, though it is none of its characters
				continue
			}
			part = append(part, fmt.Sprintf("(CONVERT(0x"+format+" USING %s))", c, name))
			if len(part) == 4000 {
				parts, part = append(parts, part), nil
			}
		}
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	switch {
	case name == "utf32":
		add(0x20, 0x17f, "%08x")
		add(0x1f600, 0x1f610, "%08x")
	case strings.HasPrefix(name, "utf16"), name == "ucs2":
		add(0x0120, 0xd7ff, "%04x")
	case strings.HasPrefix(name, "utf8"):
		add(0x20, 0x7f, "%02x")
		add(0xc380, 0xc3bf, "%04x")
		add(0xe4b8ad, 0xe4b8bf, "%06x")
	default:
		add(0x01, 0xff, "%02x")
		if size != "1" {
			add(0x8130, 0xfefe, "%04x")
		}
		if size == "3" {
			add(0x8fb0a1, 0x8fb0fe, "%06x")
		}
		if size == "4" {
			add(0x81308130, 0x81308139, "%08x")
		}
	}
	return parts
}
