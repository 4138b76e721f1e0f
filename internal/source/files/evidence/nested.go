package evidence

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Decide chooses the column's type; whole says that every value of the table was looked at.
func (c *Column) Decide(whole bool) Verdict {
	c.strings.gaps = c.empty > 0
	d := c.decide(c.Name, whole, 0)
	if c.empty > 0 && c.empty < c.rows {
		d.Why += fmt.Sprintf("; %s empty", Count(c.empty))
	}
	return d
}

func (n *node) decide(name string, whole bool, depth int) Verdict {
	seen := n.seen()
	switch {
	case len(seen) == 0: // of a text file, or nothing came
		return n.strings.decide(name, whole)
	case len(seen) > 1:
		return n.many(seen)
	}
	switch seen[0] {
	case aNumber:
		return n.numbers.decide("", whole)
	case aTruth:
		return Verdict{Type: "BOOLEAN", Why: fmt.Sprintf("%s of %s values are true or false", Count(n.count[aTruth]), Count(n.count[aTruth]))}
	case aList:
		return n.list(whole, depth)
	case anObject:
		return n.object(whole, depth)
	}
	return n.jsonText(name, whole)
}

// jsonText is the type of JSON strings. A string that holds digits is still a string; dates and times have no other form.
func (n *node) jsonText(name string, whole bool) Verdict {
	d := n.strings.choose(name, whole)
	switch d.Type {
	case "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME":
		if d.DateFormat == "" && d.TimestampFormat == "" && n.strings.count[tokens] == 0 {
			return d
		}
	}
	return text(fmt.Sprintf("%s, up to %s", plural(int(n.strings.total+n.strings.count[tokens]), "text", "texts"), plural(n.strings.longest, "byte", "bytes")), d.Doubt)
}

// many is a column with values of several kinds: text, which holds each as it is written.
func (n *node) many(seen []kind) Verdict {
	names := make([]string, len(seen))
	least := seen[0]
	for i, k := range seen {
		names[i] = Count(n.count[k]) + " " + k.String()
		if n.count[k] == 1 {
			names[i] = strings.TrimSuffix(names[i], "s")
		}
		if n.count[k] < n.count[least] {
			least = k
		}
	}
	why := strings.Join(names, ", ")
	d := text(why, "values of several kinds ("+why+"); text keeps each as it is")
	at := n.first[least].at
	d.At = &at
	return d
}

func (n *node) list(whole bool, depth int) Verdict {
	if depth >= maxDepth {
		return text("nested deeper than types go", "")
	}
	why := plural(int(n.count[aList]), "list", "lists")
	if n.over {
		return text(why, "values nested in too many ways; text keeps them as they are")
	}
	if n.elem == nil || len(n.elem.seen()) == 0 {
		return Verdict{Type: "VARCHAR[]", Why: why + ", all empty", Doubt: "every list is empty, so the type of its elements is not known"}
	}
	d := n.elem.decide("", whole, depth+1)
	return Verdict{Type: d.Type + "[]", Why: why + " of " + d.Why, Doubt: d.Doubt, At: d.At}
}

// dataKeys are keys that are values themselves: numbers, dates, ids.
var dataKeys = regexp.MustCompile(`^(\d[\d.:_-]*|[0-9a-fA-F-]{16,})$`)

func (n *node) object(whole bool, depth int) Verdict {
	why := plural(int(n.count[anObject]), "object", "objects")
	switch {
	case depth >= maxDepth:
		return text("nested deeper than types go", "")
	case n.over:
		return text(why, "an object with too many members; text keeps it as it is")
	case len(n.order) == 0:
		return text(why+" without members", "every object is empty, so its members are not known")
	case len(n.order) > mapFields, n.dataKeys():
		return n.mapping(whole, depth, why)
	}
	seen := map[string]bool{}
	var members []string
	var doubt string
	var at *Place
	for _, key := range n.order {
		folded := strings.ToLower(key)
		if key == "" || seen[folded] || strings.ContainsRune(key, 0) {
			return text(why, fmt.Sprintf("member %q can be no member of a struct; text keeps the object as it is", key))
		}
		seen[folded] = true
		d := n.fields[key].decide(key, whole, depth+1)
		if d.Doubt != "" && doubt == "" {
			doubt, at = key+": "+d.Doubt, d.At
		}
		members = append(members, `"`+strings.ReplaceAll(key, `"`, `""`)+`" `+d.Type)
	}
	return Verdict{Type: "STRUCT(" + strings.Join(members, ", ") + ")", Why: why + " of " + plural(len(members), "member", "members"), Doubt: doubt, At: at}
}

func (n *node) dataKeys() bool {
	const few = 3
	return len(n.order) >= few && !slices.ContainsFunc(n.order, func(k string) bool { return !dataKeys.MatchString(k) })
}

// mapping is the type of an object whose keys are data: a map where its values have one type, else text.
func (n *node) mapping(whole bool, depth int, why string) Verdict {
	typ := ""
	for _, key := range n.order {
		f := n.fields[key]
		if len(f.seen()) == 0 {
			continue // null wherever it is
		}
		d := f.decide("", false, depth+1)
		if typ == "" {
			typ = d.Type
		}
		if typ = wider(typ, d.Type); typ == "" {
			break
		}
	}
	why += fmt.Sprintf(" of %s different keys", Count(int64(len(n.order))))
	if typ == "" {
		return text(why, "an object with many keys; text keeps it as it is")
	}
	return Verdict{Type: "MAP(VARCHAR, " + typ + ")", Why: why}
}

// wider is a type that holds the values of both, "" for none but text.
func wider(a, b string) string {
	var ap, as, bp, bs int
	if a == b {
		return a
	}
	number := func(t string, p, s *int) bool {
		if t == "BIGINT" {
			*p, *s = 19, 0
			return true
		}
		n, _ := fmt.Sscanf(t, "DECIMAL(%d,%d)", p, s)
		return n == 2
	}
	if number(a, &ap, &as) && number(b, &bp, &bs) {
		scale := max(as, bs)
		if digits := max(ap-as, bp-bs) + scale; digits <= 38 {
			return fmt.Sprintf("DECIMAL(%d,%d)", digits, scale)
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
