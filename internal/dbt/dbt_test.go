package dbt

import (
	"strings"
	"testing"

	"weir/internal/dqdl"
	"weir/internal/project"
)

func TestRules(t *testing.T) {
	for _, c := range []struct{ test, want string }{ // of column c; after " | " why there is none
		{"unique", `IsUnique "c" where "\"c\" is not null"`},
		{"not_null: { severity: warn, where: \"a = 'x'\" }", `IsComplete "c" where "a = 'x'" warn`},
		{"accepted_values: { values: [1, 2], quote: false }", `ColumnValues "c" in [1, 2] where "\"c\" is not null"`},
		{"accepted_values: { values: [] }", " | it names no values"},
		{"dbt_utils.accepted_range: { max_value: 5, inclusive: false }", `ColumnValues "c" < 5 where "\"c\" is not null"`},
		{"dbt_utils.accepted_range: { min_value: other }", ` | min_value is the text "other", not a number`},
		{"dbt_utils.not_null_proportion: { at_least: 0.95 }", `Completeness "c" >= 0.95`},
		{"dbt_utils.not_empty_string", `ColumnValues "c" not in [EMPTY, WHITESPACES_ONLY]`},
		{"dbt_utils.expression_is_true: { expression: '> 3' }", `CustomSql "select count(*) from primary where not (c > 3)" = 0`},
		{`dbt_expectations.expect_column_values_to_match_regex: { regex: '^a"\d' }`, `ColumnValues "c" matches "(?s:.*)(?:^a\"\\d)(?s:.*)" where "\"c\" is not null"`},
		{"dbt_expectations.expect_column_value_lengths_to_be_between: { min_value: 2, max_value: 3, strictly: true }", `ColumnLength "c" > 2 where "\"c\" is not null"; ColumnLength "c" < 3 where "\"c\" is not null"`},
		{"dbt_expectations.expect_table_row_count_to_be_between: { min_value: 1 }", "RowCount >= 1"},
		{"dbt_utils.unique_combination_of_columns: { combination_of_columns: [a, b c] }", `Uniqueness "a" "b c" = 1.0`},
		{"relationships: { to: ref('o'), field: id }", ` | ReferentialIntegrity "c" of ref('o') asks it, which a project's rules cannot yet ask of other tables`},
		{"{ name: mine, test_name: not_null }", `IsComplete "c"`},
		{"odd.test: 3", " | no rule asks the same; CustomSql can ask any SQL"},
	} {
		tables, problems := Read("schema.yml", "models:\n  - name: m\n    columns:\n      - name: c\n        tests:\n          - "+c.test+"\n")
		if len(problems) > 0 || len(tables) != 1 {
			t.Errorf("%s: %v", c.test, problems)
			continue
		}
		var got []string
		for _, r := range tables[0].Rules {
			text := r.Text
			if r.Warn {
				text += " warn"
			}
			got = append(got, text)
		}
		text := strings.Join(got, "; ")
		for _, l := range tables[0].Left {
			text += " | " + l.Why
		}
		if text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.test, text, c.want)
		}
	}
}

// Whatever a file holds, what comes of it are rules, and YAML that can be read.
func FuzzRead(f *testing.F) {
	f.Add("models:\n  - name: m\n    description: 'a: b'\n    columns: [{ name: on, data_type: int64, tests: [unique, { accepted_values: { values: [1, \"x'\"] } }] }]\n")
	f.Add("sources: [{ name: s, tables: [{ name: t, tests: [{ expression_is_true: { expression: 'a > 1' } }] }] }]")
	f.Add("models:\n- {name: x, columns: 3, tests: {a: b}}")
	f.Fuzz(func(t *testing.T, text string) {
		tables, _ := Read("schema.yml", text)
		for _, table := range tables {
			for _, r := range table.Rules {
				if _, err := dqdl.ParseRule(r.Text); err != nil {
					t.Fatalf("%s: %v", r.Text, err)
				}
			}
			var b strings.Builder
			if err := table.Write(&b); err != nil {
				t.Fatal(err)
			}
			if _, problems := project.ParseYAML("out.yaml", b.String()); len(problems) > 0 && unique(table.Columns) {
				t.Fatalf("%v\n%s", problems, b.String())
			}
		}
	})
}

func unique(columns []Column) bool {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return false
		}
		seen[c.Name] = true
	}
	return true
}
