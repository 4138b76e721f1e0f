package evidence

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Column gathers what is known of one column.
type Column struct {
	Name string
	node
	empty int64 // values that are empty or null
	rows  int64
}

// node is a value's place in nested records: a column, a member of an object, the elements of a list.
type node struct {
	strings values // texts; of CSV every value is one
	numbers values
	count   [kinds]int64 // JSON values of each kind
	first   [kinds]example
	fields  map[string]*node
	order   []string // of fields
	elem    *node
}

// kind is what a JSON value is; null is none.
type kind int

const (
	aText kind = iota
	aNumber
	aTruth
	anObject
	aList
	kinds
)

func (k kind) String() string {
	return [kinds]string{"texts", "numbers", "true or false", "objects", "lists"}[k]
}

const (
	// maxFields bounds the members that are told apart of one object; more are keys of a map (promise 5).
	maxFields = 256
	// mapFields is how many members make an object a map of its keys.
	mapFields = 64
	// maxDepth is how many levels of a nested value become types; what lies deeper is text.
	maxDepth = 16
)

// Text adds a value of a text file.
func (c *Column) Text(s string, at Place) {
	c.rows++
	if s == "" {
		c.empty++
		return
	}
	c.strings.add(s, at)
}

// Pad counts the rows of all that there are and that did not have the column.
func (c *Column) Pad(all int64) {
	c.empty += max(0, all-c.rows) // a key that comes twice in a record was counted twice
	c.rows = all
}

// Wide says whether a text held a character of several bytes.
func (c *Column) Wide() bool { return c.strings.wide }

// Complete says whether every row has a value.
func (c *Column) Complete() bool { return c.rows > 0 && c.empty == 0 && c.strings.count[tokens] == 0 }

// Empty is the count of rows without a value.
func (c *Column) Empty() int64 { return c.empty }

// Reader takes JSON values apart: calls f with each member or element in order.
type Reader interface {
	Members(object []byte, f func(key string, value []byte))
	Elements(array []byte, f func(value []byte))
	Unquote(text []byte) string
}

// JSON adds a valid JSON value without space around it.
func (c *Column) JSON(r Reader, raw []byte, at Place) {
	c.rows++
	if string(raw) == "null" {
		c.empty++
		return
	}
	c.node.add(r, raw, at, 0)
}

func (n *node) add(r Reader, raw []byte, at Place, depth int) {
	switch raw[0] {
	case 'n':
	case '"':
		n.note(aText, raw, at)
		n.strings.add(r.Unquote(raw), at)
	case 't', 'f':
		n.note(aTruth, raw, at)
	case '{':
		n.note(anObject, raw, at)
		n.members(r, raw, at, depth)
	case '[':
		n.note(aList, raw, at)
		n.elements(r, raw, at, depth)
	default:
		n.note(aNumber, raw, at)
		n.numbers.add(string(raw), at)
	}
}

func (n *node) note(k kind, raw []byte, at Place) {
	if n.count[k] == 0 {
		n.first[k] = example{clip(string(raw[:min(len(raw), 200)])), at}
	}
	n.count[k]++
}

// seen are the kinds that came.
func (n *node) seen() (out []kind) {
	for k := range kinds {
		if n.count[k] > 0 {
			out = append(out, k)
		}
	}
	return out
}

func (n *node) members(r Reader, raw []byte, at Place, depth int) {
	if depth >= maxDepth {
		return
	}
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	r.Members(raw, func(key string, value []byte) {
		f := n.fields[key]
		if f == nil && len(n.fields) >= maxFields {
			if n.elem == nil {
				n.elem = &node{}
			}
			f = n.elem // of a map, together with the lists' elements, which makes it text
		}
		if f == nil {
			f = &node{}
			n.fields[key] = f
			n.order = append(n.order, key)
		}
		f.add(r, value, at, depth+1)
	})
}

func (n *node) elements(r Reader, raw []byte, at Place, depth int) {
	if depth >= maxDepth {
		return
	}
	r.Elements(raw, func(value []byte) {
		if n.elem == nil {
			n.elem = &node{}
		}
		n.elem.add(r, value, at, depth+1)
	})
}

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
	if typ == "" || len(n.order) >= maxFields {
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

// Counted sets rows and how many of them have no value, where they were counted elsewhere.
func (c *Column) Counted(rows, empty int64) { c.rows, c.empty = rows, empty }

// Tokens are the values seen that are known to stand for null.
func (c *Column) Tokens() []string { return sortedKeys(c.strings.null) }
