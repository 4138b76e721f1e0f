package files

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlainDay(t *testing.T) {
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(rapid.StringMatching(`[0-9]{4}-[0-9]{2}-[0-9]{2}`).Draw(t, "day"))
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			b[rapid.IntRange(0, 9).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		if plainDay(b) != want.Match(b) {
			t.Fatalf("%q", b)
		}
	})
}

func certifies(t testing.TB, text string, types ...string) bool {
	t.Helper()
	plain, _ := certified(t, text, types...)
	return plain
}

// certified says whether a file is plain, and whether its reader has nothing to reject.
func certified(t testing.TB, text string, types ...string) (plain, sure bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &certifier{d: dialect{delimiter: ',', quote: '"', escape: '"'}, nulls: []string{"NA"}}
	for _, s := range types {
		typ, err := parseType(s)
		if err != nil {
			t.Fatal(err)
		}
		check, _ := checkFor(typ)
		c.checks = append(c.checks, check)
	}
	_, err := c.run(t.Context(), path)
	return err == nil, !c.unsure.Load()
}

// What is plain may still be no value: then the reader is asked to note rejects.
func TestCertifySure(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-02-28,a,2026-01-02 03:04:05\n": true, "2024-02-29,ä,\n": true, "\"2026-02-28\",\"a\",\"2026-01-02T23:59:59.5Z\"\r\n": true, "2000-02-29,NA,NA": true,
		"2026-02-29,a,\n": false, "2026-13-01,a,\n": false, "2026-04-31,a,": false, "\"1900-02-29\",a,\n": false, ",a,2026-02-30 00:00:00\n": false, ",a,2026-02-03 03:60:00\n": false,
		",\xff,\n": false, ",\"\xe4\",\n": false, ",a,2026-02-03 30:00:00": false,
	} {
		plain, sure := certified(t, text, "DATE", "VARCHAR", "TIMESTAMP")
		if !plain || sure != want {
			t.Errorf("%q: plain %v, sure %v, want %v", text, plain, sure, want)
		}
	}
}

func TestCertify(t *testing.T) {
	types := []string{"INTEGER", "DECIMAL(12,2)", "DATE", "VARCHAR", "TIMESTAMP"}
	for text, want := range map[string]bool{
		"": true, "1,2.50,2026-01-02,x,2026-01-02 03:04:05\n": true, "1,2.50,2026-01-02,x,2026-01-02T03:04:05.123456Z": true,
		"-1,-2,,,\r\n\r\n2,3.1,2026-01-02,\"a,\"\"b\",NA\r\n": true, "NA,\"1.5\",\"2026-01-02\",\"\",\n": true,
		"1.5,,,,\n": false, "+1,,,,\n": false, "1,2.505,,,\n": false, "1,12345678901.5,,,\n": false, "1,1e2,,,\n": false, "1,1.,,,\n": false,
		"1,,2026-1-2,,\n": false, "1,,0000-01-02,,\n": false, "1,,,,0000-01-02 00:00:00\n": false, "1,,2026-01-02x,,\n": false, "1,,,,2026-01-02 24:00:00\n": false, "1,,,,2026-01-02 03:04:05+02\n": false,
		"1,,,,2026-01-02 03:04:05.1234567\n": false, "1,,,\n": false, "1,,,,,\n": false, "1,,,\"a\nb\",\n": false, "1,,,\"a\"b,\n": false,
		"1,,,a\rb,\n": false, "1000000000,,,,\n": false, "1,,,\"a,\n": false,
	} {
		if got := certifies(t, text, types...); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A bad value is found wherever it lies about the chunks' edges, and a good file of several chunks is good.
func TestCertifyChunks(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < 2*chunkSize+1000; i++ {
		fmt.Fprintf(&b, "%d,text %d,1.50\n", i, i*7919)
	}
	good := b.String()
	types := []string{"INTEGER", "VARCHAR", "DECIMAL(12,2)"}
	if !certifies(t, good, types...) {
		t.Fatal("a good file is doubted")
	}
	for _, edge := range []int{0, chunkSize, 2 * chunkSize} {
		for _, near := range []int{-60, -30, -1, 0, 1, 30} {
			at := strings.IndexByte(good[max(0, edge+near):], '\n') + max(0, edge+near)
			if certifies(t, good[:at]+"5"+good[at:], types...) {
				t.Errorf("1.505 at %d is not seen", at)
			}
			if certifies(t, good[:at]+"\n1,\"a\nb\",1.00"+good[at:], types...) {
				t.Errorf("a quoted line end at %d is not seen", at)
			}
		}
	}
}

func TestParted(t *testing.T) {
	size := 2 * runtime.GOMAXPROCS(0)
	var large, mixed branch
	large.format, mixed.format = formatCSV, formatCSV
	for i := range 2*size + 1 {
		n := &split{name: fmt.Sprint(i), mark: mark{Size: largeFile + 1}}
		large.splits = append(large.splits, n)
		mixed.splits = append(mixed.splits, n, &split{name: "small" + fmt.Sprint(i)})
	}
	few := &branch{format: formatCSV, splits: large.splits[:size]}
	for _, c := range []struct {
		b    *branch
		want []int
	}{{few, []int{size}}, {&large, []int{size, size, 1}}, {&mixed, []int{2*size + 1, size, size, 1}}} {
		var got []int
		files := map[string]bool{}
		for _, b := range parted([]*branch{c.b}) {
			got = append(got, len(b.splits))
			for _, n := range b.splits {
				files[n.name] = true
			}
		}
		if !slices.Equal(got, c.want) || len(files) != len(c.b.splits) {
			t.Errorf("parted into %v, want %v", got, c.want)
		}
	}
}
