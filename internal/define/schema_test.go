package define

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/internal/project"
)

// node is any part of a schema.
type node struct {
	Type       string                     `json:"type"`
	Ref        string                     `json:"$ref"`
	Doc        string                     `json:"description"`
	Enum       []string                   `json:"enum"`
	Default    json.RawMessage            `json:"default"`
	Required   []string                   `json:"required"`
	AnyOf      []node                     `json:"anyOf"`
	Properties map[string]node            `json:"properties"`
	Additional json.RawMessage            `json:"additionalProperties"`
	Defs       map[string]json.RawMessage `json:"$defs"`
}

func schemaOf(t *testing.T) (node, func(name string) node) {
	t.Helper()
	text, err := Schema(fakeKinds())
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	return root, func(name string) node {
		var n node
		if err := json.Unmarshal(root.Defs[name], &n); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
}

func TestSchemaHasEveryKeyAndNoOther(t *testing.T) {
	_, def := schemaOf(t)
	table := slices.Concat(fieldsOf[sourceKeys](), fieldsOf[changeKeys](), fieldsOf[tableKeys](), project.Fields(reflect.TypeFor[fakeReader]()), project.Fields(reflect.TypeFor[fakeTable]()))
	for name, fields := range map[string][]project.Field{
		"project": fieldsOf[configKeys](), "table": table, "header": slices.Concat(fieldsOf[changeKeys](), fieldsOf[tableKeys]()),
		"seed": seedFields(fakeKinds()), "pipeline": fieldsOf[pipelineKeys](),
	} {
		n := def(name)
		var keys, want []string
		for key, p := range n.Properties {
			keys = append(keys, key)
			if p.Doc == "" {
				t.Errorf("%s.%s is not described", name, key)
			}
		}
		for _, f := range fields {
			want = append(want, f.Key)
		}
		slices.Sort(keys)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(keys, want) {
			t.Errorf("%s has %v, want %v", name, keys, want)
		}
		if string(n.Additional) != "false" {
			t.Errorf("%s takes other keys: %s", name, n.Additional)
		}
	}
}

func TestSchemaKnowsChoicesAndDefaults(t *testing.T) {
	root, def := schemaOf(t)
	mode := def("table").Properties["mode"]
	if want := []string{"append", "replace", "upsert", "partitions", "history", "changes", "view"}; !slices.Equal(mode.AnyOf[0].Enum, want) {
		t.Errorf("modes %v", mode.AnyOf)
	}
	project := def("project").Properties
	for key, want := range map[string]string{"timezone": `"UTC"`, "retries": "2", "publish": "false", "lake": `"lake"`} {
		if got := string(project[key].Default); got != want {
			t.Errorf("default of %s is %s, want %s", key, got, want)
		}
	}
	if got := def("table").Required; !slices.Equal(got, []string{"from"}) {
		t.Errorf("a table needs %v", got)
	}
	var connection node
	if err := json.Unmarshal(project["connections"].Additional, &connection); err != nil || len(connection.AnyOf) != 2 || connection.AnyOf[1].Required[1] != "url" {
		t.Errorf("connections %s", project["connections"].Additional)
	}
	text, _ := json.Marshal(root)
	for _, part := range strings.Split(string(text), `"$ref":"`)[1:] {
		ref, _, _ := strings.Cut(part, `"`)
		if ref != "" && root.Defs[strings.TrimPrefix(ref, "#/$defs/")] == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	}
}

func TestReferenceHasEveryKey(t *testing.T) {
	page := Reference(fakeKinds())
	fields := slices.Concat(fieldsOf[configKeys](), fieldsOf[sourceKeys](), fieldsOf[changeKeys](), fieldsOf[tableKeys](), fieldsOf[pipelineKeys](), fieldsOf[secretKeys](),
		project.Fields(reflect.TypeFor[fakeReader]()), project.Fields(reflect.TypeFor[fakeDatabase]()))
	for _, f := range fields {
		if f.Doc == "" || !strings.Contains(page, "| `"+f.Key+"`") {
			t.Errorf("%s is not in the reference", f.Key)
		}
	}
	for _, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("a broken row: %s", line)
		}
	}
	if page != Reference(fakeKinds()) {
		t.Error("two pages of one code differ")
	}
}
