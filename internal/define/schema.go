package define

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"

	"weir/internal/project"
)

// schema is a JSON Schema, draft 2020-12, as far as it is needed here.
type schema struct {
	Schema      string      `json:"$schema,omitempty"`
	ID          string      `json:"$id,omitempty"`
	Ref         string      `json:"$ref,omitempty"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	Type        string      `json:"type,omitempty"`
	Const       string      `json:"const,omitempty"`
	Enum        []string    `json:"enum,omitempty"`
	Pattern     string      `json:"pattern,omitempty"`
	Default     any         `json:"default,omitempty"`
	Minimum     *int        `json:"minimum,omitempty"`
	Items       *schema     `json:"items,omitempty"`
	AnyOf       []*schema   `json:"anyOf,omitempty"`
	Properties  properties  `json:"properties,omitempty"`
	Names       *schema     `json:"propertyNames,omitempty"`
	Required    []string    `json:"required,omitempty"`
	Additional  *additional `json:"additionalProperties,omitempty"`
	Defs        properties  `json:"$defs,omitempty"`
}

// properties are members of a JSON object in the order given.
type properties []property

type property struct {
	name string
	of   *schema
}

// MarshalJSON writes an object whose members keep their order.
func (p properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, x := range p {
		name, err := json.Marshal(x.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(x.of)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// additional is a schema for keys that are not listed; nil inside forbids them.
type additional struct{ of *schema }

// MarshalJSON writes false or the schema.
func (a additional) MarshalJSON() ([]byte, error) {
	if a.of == nil {
		return []byte("false"), nil
	}
	return json.Marshal(a.of)
}

// Schema is the JSON Schema of a project's files, for editors. Each kind of file is one of $defs: project, table, header (of
// SQL files), seed, pipeline, tests.
func Schema(kinds Kinds) ([]byte, error) {
	ref := func(name string) *schema { return &schema{Ref: "#/$defs/" + name} }
	table := slices.Concat(fieldsOf[sourceKeys](), fieldsOf[changeKeys](), fieldsOf[tableKeys]())
	for _, name := range sorted(kinds) {
		for _, f := range project.Fields(reflect.TypeOf(kinds[name].Reader())) {
			if !slices.ContainsFunc(table, func(o project.Field) bool { return o.Key == f.Key }) {
				table = append(table, f)
			}
		}
	}
	root := &schema{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "Files of a Weir project",
		AnyOf: []*schema{ref("project"), ref("table"), ref("seed"), ref("pipeline"), ref("tests")},
		Defs: properties{
			{"project", projectSchema(kinds)},
			{"environment", environmentSchema()},
			{"table", object("tables/**/*.yaml: a table that reads a connection", table)},
			{"header", object("the header of tables/**/*.sql", slices.Concat(fieldsOf[changeKeys](), fieldsOf[tableKeys]()))},
			{"seed", object("seeds/*.yaml: the types of a CSV file", seedFields(kinds))},
			{"pipeline", object("pipelines/*.yaml", fieldsOf[pipelineKeys]())},
			{"tests", object("tests/**/*.yaml: the cases of a SQL table", fieldsOf[testFileKeys]())},
		},
	}
	return json.MarshalIndent(root, "", "  ")
}

func projectSchema(kinds Kinds) *schema {
	s := object("weir.yaml", fieldsOf[configKeys]())
	connection := &schema{}
	for _, name := range sorted(kinds) {
		one := object("a connection of type "+name, project.Fields(reflect.TypeOf(kinds[name].Config())))
		one.Properties = append(properties{{"type", &schema{Const: name}}}, one.Properties...)
		one.Required = append([]string{"type"}, one.Required...)
		connection.AnyOf = append(connection.AnyOf, one)
	}
	s.set("connections", &schema{Type: "object", Names: &schema{Pattern: wordForm.String()}, Additional: &additional{connection}})
	s.set("environments", &schema{Type: "object", Additional: &additional{&schema{Ref: "#/$defs/environment"}}})
	s.set("vars", varsSchema())
	return s
}

// environmentSchema is weir.yaml without what only the whole has to have: an environment holds any part of it.
func environmentSchema() *schema {
	var fields []project.Field
	for _, f := range fieldsOf[configKeys]() {
		if f.Key != "environments" {
			f.Required, f.Default = false, ""
			fields = append(fields, f)
		}
	}
	s := object("keys laid over those of weir.yaml", fields)
	s.set("connections", &schema{Type: "object", Additional: &additional{&schema{Type: "object"}}})
	s.set("vars", varsSchema())
	return s
}

func varsSchema() *schema {
	return &schema{Type: "object", Names: &schema{Pattern: namePart.String()},
		Additional: &additional{&schema{AnyOf: []*schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}}}
}

// set gives a key another schema and keeps its description.
func (s *schema) set(key string, of *schema) {
	for i, p := range s.Properties {
		if p.name == key {
			of.Description = p.of.Description
			s.Properties[i].of = of
		}
	}
}

// object is the schema of a map with these keys and no others.
func object(description string, fields []project.Field) *schema {
	s := &schema{Type: "object", Description: description, Additional: &additional{}}
	for _, f := range fields {
		of := fieldSchema(f)
		of.Description = f.Doc
		of.Default = defaultValue(f)
		s.Properties = append(s.Properties, property{f.Key, of})
		if f.Required {
			s.Required = append(s.Required, f.Key)
		}
	}
	return s
}

// variableSchema is a value that a variable will give.
func variableSchema() *schema { return &schema{Type: "string", Pattern: `\$\{`} }

func fieldSchema(f project.Field) *schema {
	t := f.Type
	for t.Kind() == reflect.Pointer && t != reflect.TypeFor[*project.Node]() {
		t = t.Elem()
	}
	if d, ok := reflect.New(t).Interface().(described); ok {
		_, s := d.describe()
		return s
	}
	switch t {
	case reflect.TypeFor[*project.Node]():
		return &schema{}
	case reflect.TypeFor[time.Duration]():
		return &schema{Type: "string", Pattern: `^([0-9.]+(d|h|m|s|ms|us))+$|\$\{`}
	case reflect.TypeFor[project.Size]():
		return &schema{AnyOf: []*schema{{Type: "integer"}, {Type: "string", Pattern: `^[0-9.]+ ?[KMGTkmgt]?i?[Bb]?$|\$\{`}}}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &schema{AnyOf: []*schema{{Type: "boolean"}, {Enum: []string{"on", "off", "yes", "no"}}, variableSchema()}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{AnyOf: []*schema{{Type: "integer"}, variableSchema()}}
	case reflect.Float32, reflect.Float64:
		return &schema{AnyOf: []*schema{{Type: "number"}, variableSchema()}}
	case reflect.Slice:
		inner := f
		inner.Type, inner.Single = t.Elem(), false
		of := &schema{Type: "array", Items: fieldSchema(inner)}
		if f.Single {
			return oneOrMore(of.Items)
		}
		return of
	case reflect.Map:
		inner := f
		inner.Type = t.Elem()
		return &schema{Type: "object", Additional: &additional{fieldSchema(inner)}}
	case reflect.Struct:
		return object("", project.Fields(t))
	}
	return textSchema(f)
}

// textSchema is a text. A number stands for its digits; true and false are quoted, but where they are among the choices.
func textSchema(f project.Field) *schema {
	if len(f.Enum) == 0 {
		return &schema{AnyOf: []*schema{{Type: "string"}, {Type: "number"}}}
	}
	of := []*schema{{Enum: f.Enum}, variableSchema()}
	if slices.Contains(f.Enum, "true") {
		of = append(of, &schema{Type: "boolean"})
	}
	return &schema{AnyOf: of}
}

func oneOrMore(of *schema) *schema {
	return &schema{AnyOf: []*schema{of, {Type: "array", Items: of}}}
}

// defaultValue is a key's default in its JSON type, nil for none.
func defaultValue(f project.Field) any {
	t := f.Type
	switch {
	case f.Default == "":
		return nil
	case t.Kind() == reflect.Bool:
		return f.Default == "true" || f.Default == "on"
	case t.Kind() == reflect.String:
		return f.Default
	}
	if n, err := strconv.ParseInt(f.Default, 10, 64); err == nil {
		return n
	}
	return f.Default
}
