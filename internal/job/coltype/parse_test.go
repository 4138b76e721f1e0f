package coltype

import (
	"strings"
	"testing"
)

// print writes a type so that a test can see its parts.
func print(t Type) string {
	text := t.Kind
	if t.Kind == "DECIMAL" {
		return text + strings.Repeat("9", t.Digits-t.Scale) + "." + strings.Repeat("9", t.Scale)
	}
	var parts []string
	for _, f := range t.Fields {
		parts = append(parts, strings.TrimSpace(f.Name+" "+print(f.Type)))
	}
	if parts != nil {
		text += "<" + strings.Join(parts, ", ") + ">"
	}
	return text
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"int": "INTEGER", " Double  precision ": "DOUBLE", "numeric(4,1)": "DECIMAL999.9", "decimal(2)": "DECIMAL99.", "DECIMAL": "DECIMAL999999999999999.999",
		"timestamp with time zone": "TIMESTAMP WITH TIME ZONE", "varchar(20)": "VARCHAR", "int[][3]": "LIST<LIST<INTEGER>>", "ENUM('a)', 'b')": "ENUM",
		`struct(a int, "b ""c" varchar[])`: `STRUCT<a INTEGER, b "c LIST<VARCHAR>>`, "map(varchar, struct(x date))": "MAP<VARCHAR, STRUCT<x DATE>>",
		"row(a text)": "STRUCT<a VARCHAR>", `"BIGINT"`: "BIGINT", "union(n int, t text)": "UNION<n INTEGER, t VARCHAR>",
	} {
		got, err := Parse(text)
		if err != nil || print(got) != want {
			t.Errorf("%s is %s, %v, want %s", text, print(got), err, want)
		}
	}
	for _, text := range []string{"", "()", "int)", "decimal(39,0)", "decimal(3,4)", "decimal(x)", "decimal(3", "struct", "struct()", "struct(a)", "struct(a int, A int)", "struct(a int",
		"map(int)", "map", "int[", "int[x]", `"int`, "enum('a", strings.Repeat("struct(a ", 100)} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken for %s", text, print(got))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"DECIMAL(12,2)", `STRUCT("a b" INTEGER[], c MAP(VARCHAR, BIGINT))`, "ENUM('a', 'b')", "INT[3]", `"`, "MAP(", "STRUCT(a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := Parse(text); err == nil && got.Kind == "" {
			t.Fatalf("%q has no kind", text)
		}
	})
}
