package job

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Meaning is what a definition says that shapes the rows of its table, part by part: the part's name (mode, key, sql,
// "view staging.orders") and what it says. Short plain values stand as they are, so that a change of them can be told as
// one; all others as a digest. What is not said has no part. It is small enough for every ledger to carry.
type Meaning map[string]string

// plainLength is up to how many bytes a value stands as it is.
const plainLength = 80

// Plain gives a part's value as it is, or its digest where it is long or no plain text.
func Plain(text string) string {
	odd := strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	if odd || len(text) > plainLength || strings.HasPrefix(text, digestMark) {
		return Digest(text)
	}
	return text
}

const digestMark = "#"

// Digest stands for a value that is too long to keep or not for all eyes. With several texts they are forms of one value:
// two values are the same where one of their forms is. The last one is the form that says the least of how it is written.
func Digest(forms ...string) string {
	parts := make([]string, len(forms))
	for i, f := range forms {
		sum := sha256.Sum256([]byte(f))
		parts[i] = hex.EncodeToString(sum[:10])
	}
	return digestMark + strings.Join(parts, digestMark)
}

// Hash is one value for the whole meaning, "" for none; of digests the last form counts.
func (m Meaning) Hash() string {
	if len(m) == 0 {
		return ""
	}
	h := sha256.New()
	for _, name := range m.names() {
		value := m[name]
		if strings.HasPrefix(value, digestMark) {
			value = value[strings.LastIndex(value, digestMark):]
		}
		fmt.Fprintf(h, "%q=%q\n", name, value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (m Meaning) names() []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Difference is one part that two meanings say differently.
type Difference struct {
	Part string `json:"part"`
	Was  string `json:"was,omitempty"` // "" where it was not said
	Is   string `json:"is,omitempty"`  // "" where it is not said any more
}

// Differs lists the parts that m says otherwise than was did, by name.
func (m Meaning) Differs(was Meaning) (out []Difference) {
	all := Meaning{}
	for name := range m {
		all[name] = ""
	}
	for name := range was {
		all[name] = ""
	}
	for _, name := range all.names() {
		if a, b := was[name], m[name]; !sameValue(a, b) {
			out = append(out, Difference{Part: name, Was: a, Is: b})
		}
	}
	return out
}

// sameValue compares two values; of digests with several forms one must agree.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	if !strings.HasPrefix(a, digestMark) || !strings.HasPrefix(b, digestMark) {
		return false
	}
	mine := strings.Split(b[1:], digestMark)
	return slices.ContainsFunc(strings.Split(a[1:], digestMark), func(f string) bool { return slices.Contains(mine, f) })
}

// String writes the difference for a person: key (id → id, region), or sql alone where the values are digests.
func (d Difference) String() string {
	if strings.HasPrefix(d.Was, digestMark) || strings.HasPrefix(d.Is, digestMark) {
		return d.Part
	}
	return fmt.Sprintf("%s (%s → %s)", d.Part, cmp.Or(d.Was, "none"), cmp.Or(d.Is, "none"))
}
