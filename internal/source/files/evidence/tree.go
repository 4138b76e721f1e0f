package evidence

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
	over    bool     // there are more members than are told apart
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
	// maxFields bounds the members that are told apart of one object, maxNodes those of all objects and lists of a survey
	// (promise 5); an object with more is text.
	maxFields = 256
	maxNodes  = 20_000
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

// Budget counts what is told apart of nested values, of all columns together.
type Budget struct{ nodes int }

// fresh is a new node, nil where there are too many.
func (b *Budget) fresh() *node {
	if b.nodes >= maxNodes {
		return nil
	}
	b.nodes++
	return &node{}
}

// JSON adds a valid JSON value without space around it.
func (c *Column) JSON(r Reader, b *Budget, raw []byte, at Place) {
	c.rows++
	if string(raw) == "null" {
		c.empty++
		return
	}
	c.node.add(r, b, raw, at, 0)
}

func (n *node) add(r Reader, b *Budget, raw []byte, at Place, depth int) {
	switch raw[0] {
	case 'n':
	case '"':
		n.note(aText, raw, at)
		n.strings.add(r.Unquote(raw), at)
	case 't', 'f':
		n.note(aTruth, raw, at)
	case '{':
		n.note(anObject, raw, at)
		n.members(r, b, raw, at, depth)
	case '[':
		n.note(aList, raw, at)
		n.elements(r, b, raw, at, depth)
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

func (n *node) members(r Reader, b *Budget, raw []byte, at Place, depth int) {
	if depth >= maxDepth {
		return
	}
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	r.Members(raw, func(key string, value []byte) {
		f := n.fields[key]
		if f == nil && !n.over && len(n.fields) < maxFields {
			if f = b.fresh(); f != nil {
				n.fields[key] = f
				n.order = append(n.order, key)
			}
		}
		if f == nil {
			n.over = true
			return
		}
		f.add(r, b, value, at, depth+1)
	})
}

func (n *node) elements(r Reader, b *Budget, raw []byte, at Place, depth int) {
	if depth >= maxDepth {
		return
	}
	r.Elements(raw, func(value []byte) {
		if n.elem == nil && !n.over {
			n.elem = b.fresh()
		}
		if n.elem == nil {
			n.over = true
			return
		}
		n.elem.add(r, b, value, at, depth+1)
	})
}

// Counted sets rows and how many of them have no value, where they were counted elsewhere.
func (c *Column) Counted(rows, empty int64) { c.rows, c.empty = rows, empty }

// Tokens are the values seen that are known to stand for null.
func (c *Column) Tokens() []string { return sortedKeys(c.strings.null) }
