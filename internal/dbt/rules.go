package dbt

import (
	"strings"

	"weir/internal/project"
)

// test is one test of dbt's.
type test struct {
	name, column, where string
	warn                bool
	at                  project.Place
	arguments           *project.Node
}

// rules are the rules that ask the same; what has none is said why. dbt's own tests and those of dbt_utils and dbt_expectations
// pass over nulls, which rules fail.
func (t test) rules() (texts []string, why string) {
	of := t.column
	if named := scalar(t.arguments.Get("column_name")); named != "" {
		of = named
	}
	short := t.name[strings.LastIndexByte(t.name, '.')+1:]
	if kind, ok := ofTables()[short]; ok {
		return kind(t)
	}
	kind, ok := ofColumns()[short]
	switch {
	case !ok:
		return nil, "no rule asks the same; CustomSql can ask any SQL"
	case of == "":
		return nil, "it names no column"
	}
	return kind(t, of)
}

func ofColumns() map[string]func(t test, column string) ([]string, string) {
	unique := func(t test, c string) ([]string, string) { return t.one("IsUnique "+quoted(c), t.present(c)) }
	complete := func(t test, c string) ([]string, string) { return t.one("IsComplete "+quoted(c), t.where) }
	among := func(t test, c string) ([]string, string) { return t.among(c, "in") }
	outside := func(t test, c string) ([]string, string) { return t.among(c, "not in") }
	within := func(t test, c string) ([]string, string) { return t.within("ColumnValues "+quoted(c), t.present(c)) }
	about := func(metric string) func(test, string) ([]string, string) {
		return func(t test, c string) ([]string, string) { return t.within(metric+" "+quoted(c), t.where) }
	}
	return map[string]func(t test, column string) ([]string, string){
		"unique": unique, "expect_column_values_to_be_unique": unique,
		"not_null": complete, "expect_column_values_to_not_be_null": complete,
		"accepted_values": among, "expect_column_values_to_be_in_set": among, "expect_column_values_to_not_be_in_set": outside,
		"accepted_range": within, "expect_column_values_to_be_between": within,
		"expect_column_mean_to_be_between": about("Mean"), "expect_column_sum_to_be_between": about("Sum"), "expect_column_stdev_to_be_between": about("StandardDeviation"),
		"expect_column_unique_value_count_to_be_between": about("DistinctValuesCount"),
		"expect_column_value_lengths_to_be_between":      func(t test, c string) ([]string, string) { return t.within("ColumnLength "+quoted(c), t.present(c)) },
		"expect_column_to_exist":                         func(_ test, c string) ([]string, string) { return []string{"ColumnExists " + quoted(c)}, "" },
		"not_empty_string": func(t test, c string) ([]string, string) {
			return t.one("ColumnValues "+quoted(c)+" not in [EMPTY, WHITESPACES_ONLY]", t.where)
		},
		"at_least_one": func(t test, c string) ([]string, string) { return t.one("Completeness "+quoted(c)+" > 0.0", t.where) },
		"not_constant": func(t test, c string) ([]string, string) {
			return t.one("DistinctValuesCount "+quoted(c)+" > 1", t.where)
		},
		"not_null_proportion":                     func(t test, c string) ([]string, string) { return t.proportion(c) },
		"expect_column_values_to_match_regex":     func(t test, c string) ([]string, string) { return t.pattern(c, "matches") },
		"expect_column_values_to_not_match_regex": func(t test, c string) ([]string, string) { return t.pattern(c, "not matches") },
		"relationships":                           func(t test, c string) ([]string, string) { return t.relationship(c) },
	}
}

func ofTables() map[string]func(t test) ([]string, string) {
	return map[string]func(t test) ([]string, string){
		"unique_combination_of_columns":        func(t test) ([]string, string) { return t.together("combination_of_columns") },
		"expect_compound_columns_to_be_unique": func(t test) ([]string, string) { return t.together("column_list") },
		"expect_table_row_count_to_be_between": func(t test) ([]string, string) { return t.within("RowCount", t.where) },
		"expect_table_row_count_to_equal":      func(t test) ([]string, string) { return t.equal("RowCount") },
		"expect_table_column_count_to_equal":   func(t test) ([]string, string) { return t.equal("ColumnCount") },
		"expression_is_true":                   func(t test) ([]string, string) { return t.expression() },
		"equal_rowcount": func(t test) ([]string, string) {
			return nil, "RowCountMatch asks it, which a project's rules cannot yet ask of other tables"
		},
		"expect_table_row_count_to_equal_other_table": func(t test) ([]string, string) {
			return nil, "RowCountMatch asks it, which a project's rules cannot yet ask of other tables"
		},
	}
}

// one is a rule with the rows it is about.
func (t test) one(text, where string) ([]string, string) { return []string{text + scope(where)}, "" }

// present leaves out rows in which a column is null.
func (t test) present(column string) string {
	is := `"` + strings.ReplaceAll(column, `"`, `""`) + `" is not null`
	if t.where == "" {
		return is
	}
	return "(" + t.where + ") and " + is
}

func (t test) among(column, how string) ([]string, string) {
	list := items(t.arguments.Get("values"))
	if list == nil {
		list = items(t.arguments.Get("value_set"))
	}
	if len(list) == 0 {
		return nil, "it names no values"
	}
	quote := scalar(t.arguments.Get("quote")) != "false" && scalar(t.arguments.Get("quote_values")) != "false"
	var values []string
	for _, v := range list {
		switch {
		case v.Kind >= project.List || v.Kind == project.Null:
			return nil, "a value of its list is " + v.Describe()
		case quote || v.Kind == project.Text:
			values = append(values, quoted(v.Text))
		default:
			values = append(values, v.Text)
		}
	}
	return t.one("ColumnValues "+quoted(column)+" "+how+" ["+strings.Join(values, ", ")+"]", t.present(column))
}

// within bounds a figure by min_value and max_value.
func (t test) within(figure, where string) ([]string, string) {
	over, under := ">= ", "<= "
	if scalar(t.arguments.Get("inclusive")) == "false" || scalar(t.arguments.Get("strictly")) == "true" {
		over, under = "> ", "< "
	}
	var texts []string
	for _, b := range []struct{ key, how string }{{"min_value", over}, {"max_value", under}} {
		n := t.arguments.Get(b.key)
		switch {
		case n.IsNull():
		case n.Kind != project.Int && n.Kind != project.Float:
			return nil, b.key + " is " + n.Describe() + ", not a number"
		default:
			texts = append(texts, figure+" "+b.how+n.Text+scope(where))
		}
	}
	if len(texts) == 0 {
		return nil, "it names neither min_value nor max_value"
	}
	return texts, ""
}

func (t test) equal(figure string) ([]string, string) {
	n := t.arguments.Get("value")
	if n.IsNull() || n.Kind != project.Int {
		return nil, "its value is no whole number"
	}
	return t.one(figure+" = "+n.Text, t.where)
}

func (t test) together(key string) ([]string, string) {
	var columns []string
	for _, c := range items(t.arguments.Get(key)) {
		columns = append(columns, quoted(scalar(c)))
	}
	if len(columns) == 0 {
		return nil, "it names no columns"
	}
	if len(columns) == 1 {
		return t.one("IsUnique "+columns[0], t.where)
	}
	return t.one("Uniqueness "+strings.Join(columns, " ")+" = 1.0", t.where)
}

func (t test) proportion(column string) ([]string, string) {
	least := t.arguments.Get("at_least")
	if least.IsNull() {
		return nil, "it names no at_least"
	}
	texts := []string{"Completeness " + quoted(column) + " >= " + least.Text + scope(t.where)}
	if most := t.arguments.Get("at_most"); !most.IsNull() && scalar(most) != "1" && scalar(most) != "1.0" {
		texts = append(texts, "Completeness "+quoted(column)+" <= "+most.Text+scope(t.where))
	}
	return texts, ""
}

// pattern is found anywhere in a value by dbt, and is all of it in a rule.
func (t test) pattern(column, how string) ([]string, string) {
	re := scalar(t.arguments.Get("regex"))
	if re == "" {
		return nil, "it names no regex"
	}
	return t.one("ColumnValues "+quoted(column)+" "+how+" "+quoted("(?s:.*)(?:"+re+")(?s:.*)"), t.present(column))
}

// expression is SQL that every row satisfies, behind a column where it is one of a column.
func (t test) expression() ([]string, string) {
	e := scalar(t.arguments.Get("expression"))
	if e == "" {
		return nil, "it names no expression"
	}
	if t.column != "" {
		e = t.column + " " + e
	}
	sql := "select count(*) from primary where not (" + e + ")"
	if t.where != "" {
		sql += " and (" + t.where + ")"
	}
	return []string{"CustomSql " + quoted(sql) + " = 0"}, ""
}

func (t test) relationship(column string) ([]string, string) {
	return nil, "ReferentialIntegrity " + quoted(column) + " of " + scalar(t.arguments.Get("to")) + " asks it, which a project's rules cannot yet ask of other tables"
}

func scope(where string) string {
	if where == "" {
		return ""
	}
	return " where " + quoted(where)
}

// quoted is a text of DQDL.
func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
