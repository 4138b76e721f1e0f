package project

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Decoder is a type that reads itself from a node. The node is not null.
type Decoder interface {
	DecodeNode(n *Node) []Problem
}

// Decode reads a map into a struct, strictly, and gives every mistake: unknown keys with the nearest valid one, values of
// a wrong type with what was expected. into is a pointer to a struct.
//
// Fields are found by the tag yaml:"key"; structs without it, embedded, share their parent's map. Other tags: default:"…"
// for a key that is not there, required:"true", enum:"a|b", single:"true" (or yaml:"key,single") for a list that may be
// written as one value. Fields may be texts, booleans, numbers, time.Duration (2h), Size (512MB), lists, maps with text
// keys, structs, pointers to these, *Node for the value as it stands, and Decoders.
func Decode(n *Node, into any) []Problem { return DecodeAll(n, into) }

// DecodeAll reads one map into several structs. A key is known if one of them has it, and goes to all that have it.
func DecodeAll(n *Node, into ...any) []Problem {
	var targets []reflect.Value
	for _, v := range into {
		targets = append(targets, reflect.ValueOf(v).Elem())
	}
	return decodeStructs(n, targets)
}

// Field is one key of a configuration struct.
type Field struct {
	Key      string
	Doc      string
	Default  string
	Enum     []string
	Required bool
	Single   bool // a list that may be written as one value
	Type     reflect.Type
	index    []int
}

// Fields lists the keys that a struct type takes, in order.
func Fields(t reflect.Type) []Field {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		key, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		inner := sf.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case key == "-" || !sf.IsExported():
			continue
		case key == "" && (sf.Anonymous || options == "inline") && inner.Kind() == reflect.Struct && sf.Type.Kind() == reflect.Struct:
			for _, f := range Fields(inner) {
				f.index = append([]int{i}, f.index...)
				out = append(out, f)
			}
			continue
		case key == "":
			continue
		}
		f := Field{Key: key, Doc: sf.Tag.Get("doc"), Default: sf.Tag.Get("default"), Type: sf.Type, index: []int{i},
			Required: sf.Tag.Get("required") == "true", Single: strings.Contains(options, "single") || sf.Tag.Get("single") != ""}
		if e := sf.Tag.Get("enum"); e != "" {
			f.Enum = strings.Split(e, "|")
		}
		out = append(out, f)
	}
	return out
}

func decodeStructs(n *Node, targets []reflect.Value) []Problem {
	if !n.IsNull() && n.Kind != Map {
		return []Problem{wantMap(n)}
	}
	var problems []Problem
	var fields []Field
	for _, target := range targets {
		own := Fields(target.Type())
		for _, f := range own {
			problems = append(problems, f.fill(n, f.Of(target))...)
		}
		fields = append(fields, own...)
	}
	return append(problems, UnknownKeys(n, fields)...)
}

// UnknownKeys gives a problem for every key of a map that no field has.
func UnknownKeys(n *Node, fields []Field) []Problem {
	if n == nil {
		return nil
	}
	var keys []string
	for _, f := range fields {
		if !slices.Contains(keys, f.Key) {
			keys = append(keys, f.Key)
		}
	}
	var problems []Problem
	for _, p := range n.Pairs {
		if !slices.Contains(keys, p.Key) {
			problems = append(problems, p.At.Problem("unknown key %q", p.Key).WithHint("%s", NearestHint(p.Key, keys)))
		}
	}
	return problems
}

// Of gives the field's value in a struct of the type it was listed for.
func (f Field) Of(structure reflect.Value) reflect.Value { return structure.FieldByIndex(f.index) }

func wantMap(n *Node) Problem {
	p := n.Problem("expected keys and values, found %s", n.Describe())
	if n.Kind == Text && n.Style == Plain {
		if key, value, ok := strings.Cut(n.Text, ":"); ok && !strings.ContainsAny(key, " \n") {
			p.Hint = fmt.Sprintf("write a space after the colon: %s: %s", key, clip(strings.TrimSpace(value)))
		}
	}
	return p
}

// fill sets one field from its key in a map, or from its default.
func (f Field) fill(n *Node, v reflect.Value) []Problem {
	value := n.Get(f.Key)
	if !value.IsNull() {
		return f.decode(value, v)
	}
	if f.Required {
		if p := n.Pair(f.Key); p != nil {
			return []Problem{p.At.Problem("key %q has no value", f.Key)}
		}
		at := Place{}
		if n != nil {
			at = n.Place
		}
		return []Problem{at.Problem("key %q is missing", f.Key)}
	}
	if f.Default != "" && v.IsZero() {
		return f.decode(&Node{Kind: Text, Text: f.Default, Replaced: true}, v)
	}
	return nil
}

var (
	nodeType     = reflect.TypeFor[*Node]()
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	decoderType  = reflect.TypeFor[Decoder]()
)

func (f Field) decode(n *Node, v reflect.Value) []Problem {
	t := v.Type()
	switch {
	case t == nodeType:
		v.Set(reflect.ValueOf(n))
		return nil
	case n.Unset:
		return nil
	case v.CanAddr() && reflect.PointerTo(t).Implements(decoderType):
		return v.Addr().Interface().(Decoder).DecodeNode(n)
	}
	switch t.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(t.Elem())
		problems := f.decode(n, fresh.Elem())
		v.Set(fresh)
		return problems
	case reflect.Struct:
		return decodeStructs(n, []reflect.Value{v})
	case reflect.Slice:
		return f.list(n, v)
	case reflect.Map:
		return f.mapping(n, v)
	}
	return f.scalar(n, v)
}

func (f Field) list(n *Node, v reflect.Value) []Problem {
	items := n.Items
	if n.Kind != List {
		if !f.Single || n.Kind == Map && v.Type().Elem().Kind() != reflect.Struct {
			p := n.Problem("%s: expected a list, found %s", f.Key, n.Describe())
			if n.Kind < List {
				p.Hint = fmt.Sprintf("write %s: [%s]", f.Key, clip(n.Text))
			}
			return []Problem{p}
		}
		items = []*Node{n}
	}
	var problems []Problem
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if item.IsNull() {
			p := item.Problem("%s: an item has no value", f.Key)
			if item.Text != "" {
				p = item.Problem("%s: %s is no text in YAML", f.Key, item.Text).WithHint("quote it: %s", quote(item.Text))
			}
			problems = append(problems, p)
			continue
		}
		problems = append(problems, f.decode(item, out.Index(i))...)
	}
	v.Set(out)
	return problems
}

func (f Field) mapping(n *Node, v reflect.Value) []Problem {
	if n.Kind != Map {
		return []Problem{wantMap(n)}
	}
	var problems []Problem
	out := reflect.MakeMapWithSize(v.Type(), len(n.Pairs))
	for _, p := range n.Pairs {
		item := reflect.New(v.Type().Elem()).Elem()
		inner := f
		inner.Key = p.Key
		problems = append(problems, inner.decode(p.Value, item)...)
		out.SetMapIndex(reflect.ValueOf(p.Key).Convert(v.Type().Key()), item)
	}
	v.Set(out)
	return problems
}
