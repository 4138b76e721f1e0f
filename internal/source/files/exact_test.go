package files

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/job"
)

// numberText makes texts that look like numbers, many of them at the edges of what types hold.
func numberText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{0,4})?`),
		rapid.StringMatching(`-?[0-9]{7,22}(\.[0-9]{0,25})?`),
		rapid.StringMatching(`[+-]?[0-9]{1,3}(\.[0-9]{1,3})?[eE][+-]?[0-9]{1,2}`),
		rapid.StringMatching(`-?0\.0{0,18}[0-9]{1,18}`),
		rapid.SampledFrom([]string{"2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "9007199254740993", "0.30000000000000004", "1.005", "1e22", "123456789012345e3", "-0", "1_000", "0x10", "x", " 1", "1 "}),
	)
}

// Whatever comes through, fast or careful, equals what stands in the file, and nothing is lost (promises 2 and 6).
func TestNumbersAreExact(t *testing.T) {
	e := newEngine(t)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"INTEGER", "BIGINT", "SMALLINT", "DECIMAL(12,2)", "DECIMAL(15,0)", "DECIMAL(18,6)", "DECIMAL(38,10)"}).Draw(rt, "type")
		format := rapid.SampledFrom([]string{"csv", "ndjson"}).Draw(rt, "format")
		typ, err := parseType(name)
		if err != nil {
			rt.Fatal(err)
		}
		exactly(t, rt, e, typ, format, rapid.SliceOfN(numberText(), 1, 8).Draw(rt, "texts"))
	})
}

func exactly(t *testing.T, rt *rapid.T, e *engine, typ ctype, format string, texts []string) {
	var file strings.Builder
	if format == "csv" {
		file.WriteString("n,v\n")
	}
	for i, text := range texts {
		switch {
		case format == "csv":
			fmt.Fprintf(&file, "%d,%s\n", i, text)
		case isJSONNumber(text):
			fmt.Fprintf(&file, "{\"n\":%d,\"v\":%s}\n", i, text)
		default:
			fmt.Fprintf(&file, "{\"n\":%d,\"v\":%q}\n", i, text)
		}
	}
	r := Reader{Path: "a.*"}
	r.SetColumns([]job.Column{{Name: "n", Type: "INTEGER"}, {Name: "v", Type: typ.String()}})
	s, err := begin(t, inbox(t, map[string]string{"a." + format: file.String()}), r, job.Read{})
	if err != nil {
		rt.Fatal(err)
	}
	got, err := takeIn(t, e, s)
	if err != nil {
		rt.Fatal(err)
	}
	if len(got.rows)+len(got.rejects) != len(texts) {
		rt.Fatalf("%d rows and %d rejects of %d", len(got.rows), len(got.rejects), len(texts))
	}
	for _, row := range got.rows {
		var n int
		var v string
		parts := strings.Split(row, "|")
		fmt.Sscan(parts[0], &n)
		v = parts[1]
		want, ok := exactNumber(strings.TrimSpace(texts[n]))
		have, _ := new(big.Rat).SetString(v)
		if !ok || have == nil || want.Cmp(have) != 0 {
			rt.Fatalf("%q became %s", texts[n], v)
		}
	}
	for _, reject := range got.full {
		text := strings.TrimSpace(texts[reject[3].Value[0]-'1'-map[string]byte{"csv": 1}[format]])
		if _, fits := typ.fits(text); fits {
			rt.Fatalf("%q was rejected: %s", text, reject[6].Value)
		}
	}
}

func isJSONNumber(s string) bool {
	if !numberPattern.MatchString(s) || strings.ContainsAny(s, "_+") && !strings.ContainsAny(s, "eE") || s[0] == '+' || strings.HasSuffix(s, ".") || strings.Contains(s, ".e") || strings.Contains(s, ".E") {
		return false
	}
	digits := strings.TrimPrefix(s, "-")
	return len(digits) == 1 || digits[0] != '0' || digits[1] == '.' || digits[1]|0x20 == 'e'
}
