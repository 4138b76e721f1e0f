package job

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlainAndDigest(t *testing.T) {
	for text, plain := range map[string]bool{"upsert": true, "id, region": true, "ä → b": true, "a\nb": false, "#abc": false, strings.Repeat("x", 81): false} {
		if got := Plain(text); (got == text) != plain {
			t.Errorf("%q stands as %q", text, got)
		}
	}
	if again := Digest("a"); again == Digest("b") || again != Digest("a") {
		t.Error("digests do not tell texts apart")
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		is, was          []string
		same, sameHashes bool
	}{
		{[]string{"text", "tree"}, []string{"text", "tree"}, true, true},
		{[]string{"other text", "tree"}, []string{"text", "tree"}, true, true},
		{[]string{"text", "other tree"}, []string{"text", "tree"}, true, false}, // written by another version of the parser
		{[]string{"other", "other tree"}, []string{"text", "tree"}, false, false},
		{[]string{"text"}, []string{"text", "tree"}, true, false},
	} {
		is, was := Meaning{"sql": Digest(c.is...)}, Meaning{"sql": Digest(c.was...)}
		if same := len(is.Differs(was)) == 0; same != c.same || (is.Hash() == was.Hash()) != c.sameHashes {
			t.Errorf("%v after %v: the same %t, hashes %t", c.is, c.was, same, is.Hash() == was.Hash())
		}
	}
}

// What differs is just what was changed, and the hash tells that something was.
func TestDiffers(t *testing.T) {
	values := rapid.SampledFrom([]string{"a", "b", "long\ntext", strings.Repeat("z", 100)})
	names := rapid.SampledFrom([]string{"mode", "key", "sql", "view a.b", "x=\"y\""})
	rapid.Check(t, func(rt *rapid.T) {
		is, was := Meaning{}, Meaning{}
		for k, v := range rapid.MapOf(names, values).Draw(rt, "is") {
			is[k] = Plain(v)
		}
		for k, v := range rapid.MapOf(names, values).Draw(rt, "was") {
			was[k] = Plain(v)
		}
		told := map[string]bool{}
		for _, d := range is.Differs(was) {
			told[d.Part] = true
			if d.Was != was[d.Part] || d.Is != is[d.Part] {
				rt.Fatalf("%+v of %v after %v", d, is, was)
			}
		}
		for _, name := range []string{"mode", "key", "sql", "view a.b", "x=\"y\""} {
			if told[name] != (is[name] != was[name]) {
				rt.Fatalf("%s is told %t, %v after %v", name, told[name], is, was)
			}
		}
		if (is.Hash() == was.Hash()) != (len(told) == 0) {
			rt.Fatalf("hashes of %v and %v", is, was)
		}
	})
}
