package binlog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"weir/internal/mysql/wire"
)

// Documents are written as the server writes them.
func TestDocumentsAreThoseOfQueries(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		if r.conn.Server.Maria {
			t.Skip("MariaDB has documents as text")
		}
		r.exec("CREATE TABLE t (id INT PRIMARY KEY, j JSON)")
		from := r.now()
		var values []string
		for _, e := range documents() {
			values = append(values, fmt.Sprintf("(%d, %s)", len(values), e))
		}
		for len(values) > 0 {
			n := min(len(values), 300)
			r.exec("INSERT INTO t VALUES " + strings.Join(values[:n], ", "))
			values = values[n:]
		}
		want := r.query("t", "ORDER BY id")
		lines, _ := r.told(from)
		got := changed(lines)
		if len(got) != len(want) {
			t.Fatalf("%d of %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != "insert +"+want[i] {
				t.Errorf("the log has\n%.300s, the query\n%.300s", got[i], want[i])
			}
		}
	})
}

// documents are expressions of SQL.
func documents() (all []string) {
	for _, text := range []string{`null`, `true`, `false`, `0`, `-1`, `32767`, `32768`, `-32769`, `65535`, `65536`, `2147483647`, `2147483648`, `-2147483649`,
		`4294967296`, `9223372036854775807`, `18446744073709551615`, `18446744073709551616`, `-9223372036854775808`, `1.0`, `-0.0`, `0.1`, `1e20`, `1e21`, `1e-7`, `1.5e300`,
		`""`, `"ü漢😀"`, `"\u0000\u0001\u001f\b\f\n\r\t\"\\/\u007f"`, `[]`, `{}`, `[[]]`, `{"":{}}`, `{"b":1,"a":2,"aa":3,"":4}`, `[1,"x",null,true,{"k":[1.5]}]`,
		`{"ü":"v","k\"":1}`, `"` + strings.Repeat("x", 127) + `"`, `"` + strings.Repeat("x", 128) + `"`, `"` + strings.Repeat("y", 70000) + `"`,
		`[` + strings.Repeat(`"abcdefghij",`, 7000) + `1, 70000, -70000]`, `{"` + strings.Repeat("k", 300) + `":{"x":[1,2,3]},"z":"` + strings.Repeat("z", 70000) + `","n":70000}`} {
		all = append(all, wire.Literal(text))
	}
	for _, cast := range []string{"CAST(1.50 AS DECIMAL(10,2))", "CAST(-12345678901234567890.5 AS DECIMAL(30,3))", "CAST(0 AS DECIMAL(5,5))", "CAST(0.00012 AS DECIMAL(10,5))", "DATE'2024-02-29'",
		"TIMESTAMP'2024-02-29 01:02:03.000004'", "CAST('2024-02-29 01:02:03' AS DATETIME)", "TIME'-100:02:03.5'", "TIME'00:00:00'", "CAST(0xdeadbeef AS BINARY)", "CAST('x' AS CHAR)", "b'101'"} {
		all = append(all, "JSON_OBJECT('v', "+cast+")", "JSON_ARRAY("+cast+", 1)")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 6000 {
		f := math.Float64frombits(rng.Uint64())
		switch i % 3 { // most numbers are no extremes
		case 1:
			f = rng.NormFloat64() * math.Pow(10, float64(rng.IntN(44)-22))
		case 2:
			f = float64(rng.Int64N(2_000_000_000)-1e9) / math.Pow(10, float64(rng.IntN(18)))
		}
		if f != f || math.IsInf(f, 0) || math.Abs(f) < 0x1p-1022 {
			continue
		}
		all = append(all, wire.Literal("["+strconv.FormatFloat(f, 'e', -1, 64)+"]"))
	}
	for e := -25; e < 30; e++ {
		all = append(all, wire.Literal(fmt.Sprintf("[1e%d, -1.25e%d, 123456789.125e%d]", e, e, e)))
	}
	for range 300 {
		all = append(all, wire.Literal(randomDocument(rng, 0)))
	}
	return all
}

func randomDocument(rng *rand.Rand, depth int) string {
	kind := rng.IntN(7)
	if depth > 4 {
		kind = rng.IntN(5)
	}
	switch kind {
	case 0:
		return []string{"null", "true", "false"}[rng.IntN(3)]
	case 1:
		return strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(63), 10)
	case 2:
		return strconv.Quote(strings.Repeat("aü", rng.IntN(100)))
	case 3:
		return strconv.FormatFloat(rng.NormFloat64(), 'f', -1, 64)
	case 4:
		return `"` + strings.Repeat("long ", rng.IntN(3000)*rng.IntN(2)) + `"`
	}
	var items []string
	for i := range rng.IntN(12) {
		item := randomDocument(rng, depth+1)
		if kind == 6 {
			item = fmt.Sprintf(`"k%d": %s`, i*rng.IntN(50), item)
		}
		items = append(items, item)
	}
	if kind == 6 {
		return "{" + strings.Join(items, ",") + "}"
	}
	return "[" + strings.Join(items, ",") + "]"
}
