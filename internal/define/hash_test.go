package define

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/job"
)

func meaningOf(t testing.TB, file, text string) job.Meaning {
	t.Helper()
	p := load(t, map[string]string{file: text})
	for _, table := range p.Tables {
		return table.Meaning
	}
	t.Fatal("no table")
	return nil
}

func TestMeaning(t *testing.T) {
	const upsert = "/* weir\nkey: id\n%s*/\nselect 1"
	const source = "from: inbox\npath: a\n%s"
	for _, c := range []struct{ file, frame, is, was, parts string }{
		{"x.sql", upsert, "", "# a comment\n", ""},
		{"x.sql", upsert, "", "description: x\nowner: y\ntags: [z]\nrules: [RowCount > 0]\ntimeout: 5m\nretries: 1\nmax_quarantined: 5\n", ""},
		{"x.sql", upsert, "", "partition: [day(ts)]\nsort: ts\ntarget_file_size: 64MB\n", ""},
		{"x.sql", upsert, "mode: upsert\ndeletes: ignore\n", "", ""},
		{"x.sql", upsert, "deletes: remove\n", "", "deletes (none → remove)"},
		{"x.sql", upsert, "order_by: a\n", "order_by: b\n", "order_by (b → a)"},
		{"x.sql", upsert, "columns: {a: int, b: text}\n", "columns: {b: varchar, A: integer}\n", ""},
		{"x.sql", upsert, "columns: {a: int}\n", "columns: {a: bigint}\n", "columns"},
		{"x.sql", upsert, "columns: {a: {type: int, was: b}}\n", "columns: {a: {type: int, description: x}}\n", ""},
		{"x.sql", "/* weir\n%s*/\nselect 1", "mode: append\n", "key: [a, b]\n", "key (a, b → none), mode (upsert → append)"},
		{"x.sql", "/* weir\nmode: partitions\n%s*/\nselect 1", "partition: [day(ts), \"bucket(4, id)\", c]\n", "partition: c\n", "partition (c → day(ts), bucket(4, id), c)"},
		{"x.yaml", source, "mode: append\ndelimiter: ','\nmax_rejects: 5\non_changed_file: stop\n", "", ""},
		{"x.yaml", source, "delimiter: ';'\n", "", "delimiter"},
		{"x.yaml", source, "null_values: NA\n", "null_values: ''\n", "null_values"},
		{"x.yaml", source, "columns: {a: date}\n", "", "columns"},
		{"x.yaml", source, "columns: {a: date, b: date}\n", "columns: {b: date, a: date}\n", "columns"},
		{"x.yaml", "from: inbox\npath: %s\n", "a", "b", "path"},
	} {
		is, was := meaningOf(t, "tables/a/"+c.file, fmt.Sprintf(c.frame, c.is)), meaningOf(t, "tables/a/"+c.file, fmt.Sprintf(c.frame, c.was))
		var parts []string
		for _, d := range is.Differs(was) {
			parts = append(parts, d.String())
		}
		if got := strings.Join(parts, ", "); got != c.parts {
			t.Errorf("%q after %q differs in %q, want %q", c.is, c.was, got, c.parts)
		}
		if (is.Hash() == was.Hash()) != (c.parts == "") {
			t.Errorf("%q after %q: hashes are the same: %t", c.is, c.was, is.Hash() == was.Hash())
		}
	}
}

// Layout of YAML, comments and the order of its keys change nothing.
func TestMeaningDoesNotSeeLayout(t *testing.T) {
	keys := [][]string{
		{"from: inbox", "from:   'inbox'", "from: \"inbox\"  # where it is"},
		{"path: a/*.csv", "path: \"a/*.csv\"", "path: >-\n  a/*.csv"},
		{"key: [id, day]", "key:\n  - id\n  - day", "key: [ 'id',day ]"},
		{"columns: { id: bigint, total: 'decimal(12,2)' }", "columns:\n  id: { type: int8 }\n\n  total: numeric( 12 , 2 )", "columns:\n  # note\n  id: BIGINT\n  total: { type: \"decimal(12, 2)\", description: sum }"},
		{"delimiter: ';'", "delimiter: \";\" # semicolon"},
		{"", "description: x", "tags: [a, b]", "mode: upsert", "rules:\n  - RowCount > 0", "max_rejects: 5%"},
	}
	want := ""
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for _, k := range rapid.Permutation(keys).Draw(rt, "order") {
			lines = append(lines, rapid.SampledFrom(k).Draw(rt, "form"), rapid.SampledFrom([]string{"", "# comment", "\n"}).Draw(rt, "gap"))
		}
		text := strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n") + "\n"
		got := meaningOf(t, "tables/a/x.yaml", text).Hash()
		if want == "" {
			want = got
		}
		if got != want {
			rt.Fatalf("%q means something else", text)
		}
	})
}
