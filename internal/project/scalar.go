package project

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// scalar sets a field of a plain type.
func (f Field) scalar(n *Node, v reflect.Value) []Problem {
	if n.Kind >= List {
		return []Problem{f.want(n, v)}
	}
	switch t := v.Type(); {
	case t == durationType:
		d, err := ParseDuration(n.Text)
		if err != nil || n.Kind == Bool {
			return []Problem{f.want(n, v)}
		}
		v.SetInt(int64(d))
		return nil
	case t == sizeType:
		size, err := ParseSize(n.Text)
		if err != nil || n.Kind == Bool {
			return []Problem{f.want(n, v)}
		}
		v.SetInt(int64(size))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		return f.text(n, v)
	case reflect.Bool:
		b, ok := truth(n.Text)
		if !ok || n.Style != Plain {
			return []Problem{f.want(n, v)}
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Text, base(n.Text), v.Type().Bits())
		if err != nil || n.Style != Plain {
			return []Problem{f.want(n, v)}
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		i, err := strconv.ParseUint(n.Text, base(n.Text), v.Type().Bits())
		if err != nil || n.Style != Plain {
			return []Problem{f.want(n, v)}
		}
		v.SetUint(i)
	case reflect.Float32, reflect.Float64:
		x, err := strconv.ParseFloat(n.Text, v.Type().Bits())
		if err != nil || n.Style != Plain || !floatForm.MatchString(n.Text) {
			return []Problem{f.want(n, v)}
		}
		v.SetFloat(x)
	case reflect.Interface:
		return f.any(n, v)
	default:
		return []Problem{f.want(n, v)}
	}
	return nil
}

// base is 0, which knows 0x and 0o, where the text has such a prefix, and 10 otherwise: 010 is ten.
func base(text string) int {
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0o") {
		return 0
	}
	return 10
}

// text sets a text. A word that some YAML readers take for true or false has to be quoted, a number is taken as written.
func (f Field) text(n *Node, v reflect.Value) []Problem {
	if _, ok := truth(n.Text); ok && n.Style == Plain && !n.Replaced && !slices.Contains(f.Enum, n.Text) {
		return []Problem{n.Problem("%s: expected %s, and YAML takes %s for true or false", f.Key, f.expected(v), n.Text).
			WithHint("quote it: %s", quote(n.Text))}
	}
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, n.Text) {
		p := n.Problem("%s: %q is not one of %s", f.Key, clip(n.Text), strings.Join(f.Enum, ", "))
		if near := Nearest(n.Text, f.Enum); near != "" {
			p.Hint = "nearest: " + near
		}
		return []Problem{p}
	}
	v.SetString(n.Text)
	return nil
}

// any sets a value of the type it has in YAML: a text, int64, float64 or bool.
func (f Field) any(n *Node, v reflect.Value) []Problem {
	value, ok := n.Value()
	if !ok || n.IsNull() {
		return []Problem{f.want(n, v)}
	}
	v.Set(reflect.ValueOf(value))
	return nil
}

// Value gives a scalar as string, int64, float64, bool or, for null, nil; false where it does not fit or is none.
func (n *Node) Value() (any, bool) {
	switch {
	case n.IsNull():
		return nil, true
	case n.Kind == Bool:
		b, _ := truth(n.Text)
		return b, true
	case n.Kind == Int:
		i, err := strconv.ParseInt(n.Text, base(n.Text), 64)
		return i, err == nil
	case n.Kind == Float:
		x, err := strconv.ParseFloat(n.Text, 64)
		return x, err == nil
	case n.Kind == Text:
		return n.Text, true
	}
	return nil, false
}

func (f Field) want(n *Node, v reflect.Value) Problem {
	return n.Problem("%s: expected %s, found %s", f.Key, f.expected(v), n.Describe())
}

// expected says in words what a field takes.
func (f Field) expected(v reflect.Value) string {
	switch t := v.Type(); {
	case t == durationType:
		return "a duration such as 30s, 15m or 2h"
	case t == sizeType:
		return "a size such as 512MB or 4GB"
	case len(f.Enum) > 0:
		return "one of " + strings.Join(f.Enum, ", ")
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Interface:
		return "a text, a number, or true or false"
	}
	return "a text"
}
