package define

import (
	"fmt"
	"reflect"
	"time"

	"weir/internal/project"
)

// described is a type that reads itself from YAML and says so in words and as a schema.
type described interface {
	describe() (words string, s *schema)
}

// textNode is a text that is looked at closer, in its place.
type textNode struct{ *project.Node }

// DecodeNode takes the node over.
func (t *textNode) DecodeNode(n *project.Node) []project.Problem {
	t.Node = n
	return nil
}

func (textNode) describe() (string, *schema) { return "text", &schema{Type: "string"} }

func (columnRef) describe() (string, *schema) { return "column", &schema{Type: "string"} }

func (columnList) describe() (string, *schema) {
	one := object("a column", fieldsOf[columnKeys]())
	return "map of names to types", &schema{Type: "object", Additional: &additional{&schema{AnyOf: []*schema{{Type: "string"}, one}}}}
}

func (tableRef) describe() (string, *schema) { return "table", &schema{Type: "string"} }

func (spanText) describe() (string, *schema) {
	return "span", &schema{Type: "string", Pattern: `^0$|^[0-9]+ ?(h|hours?|d|days?|w|weeks?|mo|months?|q|quarters?|y|years?)$|\$\{`}
}

func (columnNames) describe() (string, *schema) {
	return "column or list", oneOrMore(&schema{Type: "string"})
}

func (partitionFields) describe() (string, *schema) {
	return "transform or list", oneOrMore(&schema{Type: "string"})
}

func (sortTerms) describe() (string, *schema) {
	return "column or list", oneOrMore(&schema{Type: "string"})
}

func (ruleList) describe() (string, *schema) {
	one := object("a rule and what it does", fieldsOf[ruleKeys]())
	return "list, or text", &schema{AnyOf: []*schema{{Type: "string"}, {Type: "array", Items: &schema{AnyOf: []*schema{{Type: "string"}, one}}}}}
}

func (limitText) describe() (string, *schema) {
	zero := 0
	return "rows, percentage or `unlimited`", &schema{AnyOf: []*schema{{Type: "integer", Minimum: &zero}, {Type: "string", Pattern: `^[0-9.]+%$|^unlimited$|\$\{`}}}
}

func (lakeKeys) describe() (string, *schema) {
	type keys lakeKeys
	return "location, or map", &schema{AnyOf: []*schema{{Type: "string"}, object("", project.Fields(reflect.TypeFor[keys]()))}}
}

func (secretKeys) describe() (string, *schema) {
	return "folder, or map", &schema{AnyOf: []*schema{{Type: "string"}, object("", fieldsOf[secretKeys]())}}
}

// words says in a word or two what a key takes.
func words(f project.Field) string {
	t := f.Type
	for t.Kind() == reflect.Pointer && t != reflect.TypeFor[*project.Node]() {
		t = t.Elem()
	}
	if d, ok := reflect.New(t).Interface().(described); ok {
		text, _ := d.describe()
		return text
	}
	switch t {
	case reflect.TypeFor[*project.Node]():
		return "map"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[project.Size]():
		return "size"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice:
		inner := f
		inner.Type, inner.Single = t.Elem(), false
		if f.Single {
			return words(inner) + " or list"
		}
		return "list of " + words(inner) + "s"
	case reflect.Map, reflect.Struct:
		return "map"
	case reflect.String:
		if len(f.Enum) > 0 {
			return fmt.Sprintf("`%s`", joinEnum(f.Enum))
		}
		return "text"
	}
	return "whole number"
}
