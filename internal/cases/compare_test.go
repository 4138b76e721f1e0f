package cases

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/job"
	"weir/internal/source"
)

func row(values ...string) []source.Text {
	out := make([]source.Text, len(values))
	for i, v := range values {
		out[i] = source.Text{Value: v, Valid: v != "~"}
		if !out[i].Valid {
			out[i].Value = ""
		}
	}
	return out
}

func columns(types ...string) (out []job.Column) {
	for i, t := range types {
		out = append(out, job.Column{Name: string(rune('a' + i)), Type: t})
	}
	return out
}

// Two bags are equal just if sorting makes them equal, and a difference accounts for every row of both.
func TestBagsOfRows(t *testing.T) {
	value := rapid.SampledFrom([]string{"~", "", "1", "2"})
	rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []source.Text { return row(value.Draw(t, "a"), value.Draw(t, "b")) }), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		want, got := rows.Draw(t, "want"), rows.Draw(t, "got")
		c := comparison{columns: columns("VARCHAR", "VARCHAR")}
		if rapid.Bool().Draw(t, "keyed") {
			c.key = []int{0}
		}
		count := map[string]int{}
		for _, r := range want {
			count[fmt.Sprint(r)]++
		}
		for _, r := range got {
			count[fmt.Sprint(r)]--
		}
		missing, unexpected := 0, 0
		for _, n := range count {
			missing, unexpected = missing+max(n, 0), unexpected+max(-n, 0)
		}
		d, message := c.compare(want, got)
		if (message == "") != (missing+unexpected == 0) {
			t.Fatalf("%q for %d missing, %d unexpected", message, missing, unexpected)
		}
		if d == nil {
			return
		}
		for _, l := range d.Lines {
			if l.Mark != '+' {
				missing--
			}
			if l.Mark != '-' {
				unexpected--
			}
		}
		if missing != 0 || unexpected != 0 {
			t.Fatalf("the difference leaves %d missing and %d unexpected out:\n%s", missing, unexpected, d)
		}
	})
}

// Where every float stands within the tolerance of one it was expected as, in whatever order, nothing differs.
func TestTolerance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "rows")
		var want, got [][]source.Text
		for range n {
			x := rapid.IntRange(0, 40).Draw(t, "x")
			want = append(want, row("k", fmt.Sprint(x)))
			got = append(got, row("k", fmt.Sprint(x+rapid.IntRange(-2, 2).Draw(t, "off"))))
		}
		c := comparison{columns: columns("VARCHAR", "DOUBLE"), tolerance: 2}
		if _, message := c.compare(want, rapid.Permutation(got).Draw(t, "got")); message != "" {
			t.Fatal(message)
		}
	})
}

func TestFloatsAreNumbers(t *testing.T) {
	c := comparison{columns: columns("DOUBLE")}
	for _, p := range [][2]string{{"0", "-0.0"}, {"1e3", "1000.0"}, {"nan", "nan"}, {"inf", "inf"}} {
		if _, message := c.compare([][]source.Text{row(p[0])}, [][]source.Text{row(p[1])}); message != "" {
			t.Errorf("%v: %s", p, message)
		}
	}
	for _, p := range [][2]string{{"0", "~"}, {"nan", "1"}, {"inf", "-inf"}, {"0.1", "0.10000000000000002"}} {
		if _, message := c.compare([][]source.Text{row(p[0])}, [][]source.Text{row(p[1])}); message == "" {
			t.Errorf("%v are equal", p)
		}
	}
}

// Rows of one key are one row, however much else differs; without a key rows that differ in little are.
func TestPairs(t *testing.T) {
	want, got := [][]source.Text{row("1", "x", "y", "z"), row("2", "x", "y", "z")}, [][]source.Text{row("1", "p", "q", "r"), row("9", "x", "y", "z")}
	for name, c := range map[string]struct {
		key  []int
		want string
	}{"key": {[]int{0}, "1 missing, 1 unexpected, 1 changed"}, "no key": {nil, "1 missing, 1 unexpected, 1 changed"}} {
		d, message := comparison{columns: columns("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR"), key: c.key}.compare(want, got)
		if !strings.Contains(message, c.want) {
			t.Errorf("%s: %s", name, message)
		}
		if changed := "x → p"; strings.Contains(d.String(), changed) != (c.key != nil) {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestWideRows(t *testing.T) {
	var names []string
	want, got := []source.Text{}, []source.Text{}
	for i := range 40 {
		names = append(names, fmt.Sprintf("column_%d", i))
		want, got = append(want, row(fmt.Sprint(i))...), append(got, row(fmt.Sprint(i))...)
	}
	got[7] = source.Text{Value: strings.Repeat("long ", 50) + "end", Valid: true}
	var cols []job.Column
	for _, n := range names {
		cols = append(cols, job.Column{Name: n, Type: "VARCHAR"})
	}
	d, _ := comparison{columns: cols, key: []int{0}}.compare([][]source.Text{want}, [][]source.Text{got})
	text := d.String()
	if !strings.HasPrefix(text, "  ~ column_7 7 → long") {
		t.Error("what differs does not stand first:\n" + text)
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(line)); n > lineWidth+cellWidth {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

func TestManyRows(t *testing.T) {
	var want [][]source.Text
	for i := range 1000 {
		want = append(want, row(fmt.Sprint(i)))
	}
	d, message := comparison{columns: columns("VARCHAR")}.compare(want, nil)
	if !strings.Contains(message, "1000 missing") || !strings.Contains(d.String(), "and 980 more rows that differ") {
		t.Errorf("%s\n%s", message, d)
	}
}

func TestValuesAreShown(t *testing.T) {
	for text, want := range map[string]string{"~": "null", "": `""`, "null": `"null"`, " x": `" x"`, "a\nb": `"a\nb"`, "é x": "é x"} {
		if got := show(row(text)[0]); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	long := strings.Repeat("a", 60)
	if got := (DiffCell{Want: long + "x", Got: long + "y", Differs: true}).String(); !strings.Contains(got, "x → ") || !strings.HasSuffix(got, "y") {
		t.Errorf("what differs in long texts is not shown: %s", got)
	}
}
