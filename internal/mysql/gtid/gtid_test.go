package gtid

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const one, two = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "ffffffff-0000-11e1-9e33-000000000001"

func TestSetsAreWrittenAsTheServerWritesThem(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		one + ":1-5":     one + ":1-5",
		one + ":5:1-3:4": one + ":1-5",
		one + ":7:1-5":   one + ":1-5:7",
		strings.ToUpper(one) + ":1, \n" + two + ":2-3": one + ":1," + two + ":2-3",
		one + ":1:tag:4-5:2":                           one + ":1:tag:2:4-5",
		one + ":b:1:a:1," + one + ":9":                 one + ":9:a:1:b:1",
	} {
		s, err := Parse(in)
		if err != nil || s.String() != want {
			t.Errorf("%q is written %q: %v", in, s, err)
		}
	}
	for _, bad := range []string{"x", one, one + ":", one + ":0", one + ":3-2", one + ":1-x", one[:30] + ":1", one + ":9223372036854775807"} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q was read as %q", bad, s)
		}
	}
}

// A set behaves as a map of all its numbers would.
func TestSetsAgainstMaps(t *testing.T) {
	names := []string{one, two, one + ":tag"}
	rapid.Check(t, func(rt *rapid.T) {
		draw := func() (Set, map[string]bool) {
			var s Set
			m := map[string]bool{}
			for range rapid.IntRange(0, 12).Draw(rt, "spans") {
				name := rapid.SampledFrom(names).Draw(rt, "source")
				first := rapid.Int64Range(1, 30).Draw(rt, "first")
				last := first + rapid.Int64Range(0, 4).Draw(rt, "more")
				part, err := Parse(fmt.Sprintf("%s:%d-%d", name, first, last))
				if err != nil {
					rt.Fatal(err)
				}
				s.Union(part)
				for n := first; n <= last; n++ {
					m[fmt.Sprintf("%s %d", name, n)] = true
				}
			}
			return s, m
		}
		a, inA := draw()
		b, inB := draw()
		contained := true
		for n := range inB {
			contained = contained && inA[n]
		}
		if a.Contains(b) != contained || a.Equal(b) != (contained && len(inA) == len(inB)) {
			rt.Fatalf("%s contains %s: %v", a, b, a.Contains(b))
		}
		for _, form := range []func(Set) (Set, error){
			func(s Set) (Set, error) { return Parse(s.String()) },
			func(s Set) (Set, error) { return Decode(s.Encode()) },
			func(s Set) (Set, error) { return s.Clone(), nil },
		} {
			again, err := form(a)
			if err != nil || !again.Equal(a) || again.String() != a.String() {
				rt.Fatalf("%s came back as %s: %v", a, again, err)
			}
			for n := range inA {
				name, number, _ := strings.Cut(n, " ")
				if one, _ := Parse(name + ":" + number); !again.Contains(one) {
					rt.Fatalf("%s lacks %s", again, n)
				}
			}
		}
		for _, spans := range a.of {
			if !slices.IsSortedFunc(spans, func(x, y span) int { return int(x.last + 1 - y.first) }) {
				rt.Fatalf("spans touch: %s", a)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	s, _ := Parse(one + ":1-5:7:tag:1")
	f.Add(s.Encode())
	s, _ = Parse(one + ":1-5:7")
	f.Add(s.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Decode(b); err == nil {
			if again, err := Parse(s.String()); err != nil || !again.Equal(s) {
				t.Errorf("%s does not come back: %v", s, err)
			}
		}
	})
}

func TestMaria(t *testing.T) {
	l, err := ParseLast("1-2-7,0-1-100")
	if err != nil || l.String() != "0-1-100,1-2-7" {
		t.Fatalf("%s: %v", l, err)
	}
	before := l.Clone()
	l.Add(Maria{0, 3, 101})
	if l.String() != "0-3-101,1-2-7" || !l.Contains(before) || before.Contains(l) || !l.Has(Maria{0, 1, 100}) || l.Has(Maria{2, 1, 1}) {
		t.Errorf("%s after %s", l, before)
	}
	before.Union(l)
	if !before.Contains(l) {
		t.Errorf("%s lacks %s", before, l)
	}
	for _, bad := range []string{"1-2", "1-2-x", "1-2-3-4", "-1-2-3"} {
		if _, err := ParseLast(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
