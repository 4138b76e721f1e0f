package define

import (
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// columnList is columns: a map of names to types, or to maps of type, description and required, in the order written.
type columnList []columnText

// columnText is one column as it is declared.
type columnText struct {
	job.Column               // without a type where only its earlier name is told
	was        string        // its earlier name, "" for none
	personal   string        // what it tells of a person, "" for nothing that is known
	at         project.Place // of the earlier name
}

// columnKeys are the keys of a column that is written as a map.
type columnKeys struct {
	Type        string `yaml:"type" doc:"type as in DuckDB: varchar, bigint, decimal(12,2), timestamptz, varchar[], struct(a integer), map(varchar, bigint)"`
	Description string `yaml:"description" doc:"what the column holds"`
	Required    bool   `yaml:"required" doc:"a row with a null is turned away, as by a rule with on_fail: quarantine, within max_quarantined"`
	Nullable    *bool  `yaml:"nullable" doc:"the opposite of required: nullable: false is required: true"`
	Personal    string `yaml:"personal" enum:"none|direct|indirect|sensitive" doc:"what the column tells of a person: direct names one by itself, indirect only beside others, sensitive is what laws protect more (health, faith, origin); none says that someone looked"`
	Was         string `yaml:"was" doc:"the name the column had before; its values stay, and files that still have that name are read"`
}

// DecodeNode reads the map.
func (c *columnList) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind != project.Map {
		return []project.Problem{n.Problem("columns: expected names with types, found %s", n.Describe()).WithHint("write columns: { id: bigint }")}
	}
	var problems []project.Problem
	seen := map[string]string{}
	for _, p := range n.Pairs {
		if other, twice := seen[strings.ToLower(p.Key)]; twice {
			problems = append(problems, p.At.Problem("columns %q and %q are one: names of columns tell no case apart", other, p.Key))
			continue
		}
		seen[strings.ToLower(p.Key)] = p.Key
		column, found := decodeColumn(p)
		problems = append(problems, found...)
		if len(found) == 0 {
			*c = append(*c, column)
		}
	}
	return append(problems, c.renames()...)
}

// renames checks earlier names against each other and the names there are now.
func (c *columnList) renames() (problems []project.Problem) {
	seen := map[string]string{}
	for _, column := range *c {
		if column.was == "" {
			continue
		}
		fold := strings.ToLower(column.was)
		for _, other := range *c {
			if strings.EqualFold(other.Name, column.was) {
				problems = append(problems, column.at.Problem("was: %s is the name of a column still", column.was).WithHint("take was: out once the renamed column has been built"))
			}
		}
		if other, twice := seen[fold]; twice {
			problems = append(problems, column.at.Problem("was: %s is the earlier name of %q, too", column.was, other))
		}
		seen[fold] = column.Name
	}
	return problems
}

// personal are the classes of the columns that have one, by name.
func (c columnList) personal() map[string]string {
	out := map[string]string{}
	for _, column := range c {
		if column.personal != "" {
			out[column.Name] = column.personal
		}
	}
	return out
}

// personalMark begins what a description in the lake says of persons, where other engines see it too.
const personalMark = " [personal: "

// PlainDoc is a column's description without what it says of persons.
func PlainDoc(doc string) string {
	text, _, _ := strings.Cut(" "+doc, personalMark)
	return strings.TrimSpace(text)
}

// columns parts a list into the columns with a type, and the earlier names by the names there are now.
func (c columnList) columns() (typed []job.Column, was map[string]string) {
	for _, column := range c {
		if column.Type != "" {
			typed = append(typed, column.Column)
		}
		if column.was != "" {
			if was == nil {
				was = map[string]string{}
			}
			was[column.Name] = column.was
		}
	}
	return typed, was
}

func decodeColumn(p project.Pair) (columnText, []project.Problem) {
	column := columnText{Column: job.Column{Name: p.Key}}
	switch {
	case strings.TrimSpace(p.Key) == "":
		return column, []project.Problem{p.At.Problem("a column needs a name")}
	case p.Value.IsNull():
		return column, []project.Problem{p.At.Problem("column %q has no type", p.Key).WithHint("write %s: varchar", p.Key)}
	case p.Value.Kind == project.Map:
		return decodeColumnMap(column, p)
	case p.Value.Kind == project.List:
		return column, []project.Problem{p.Value.Problem("column %q: expected a type, found a list", p.Key).WithHint("write the type of a list as varchar[]")}
	}
	return column, column.take(p.Value)
}

func decodeColumnMap(column columnText, p project.Pair) (columnText, []project.Problem) {
	var keys columnKeys
	problems := project.Decode(p.Value, &keys)
	column.Doc, column.Required, column.personal = keys.Description, keys.Required, keys.Personal
	if keys.Personal != "" {
		column.Doc = strings.TrimSpace(column.Doc + personalMark + keys.Personal + "]")
	}
	if keys.Nullable != nil && len(problems) == 0 {
		if n := p.Value.Get("nullable"); p.Value.Get("required") != nil && keys.Required == *keys.Nullable {
			problems = append(problems, n.Problem("nullable: %t and required: %t say opposite things", *keys.Nullable, keys.Required).WithHint("one of them is enough"))
		}
		column.Required = keys.Required || !*keys.Nullable
	}
	if n := p.Value.Get("was"); len(problems) == 0 && !n.IsNull() && !n.Unset {
		name, problem := earlierName(n, p.Key)
		if problem != nil {
			problems = append(problems, *problem)
		}
		column.was, column.at = name, n.Place
	}
	at := p.Value.Get("type")
	if at.IsNull() {
		if keys.Was == "" || column.Doc != "" || column.Required || column.personal != "" {
			problems = append([]project.Problem{p.Value.Problem("key %q is missing", "type")}, problems...)
		}
		return column, problems
	}
	if len(problems) > 0 {
		return column, problems
	}
	return column, column.take(at)
}

// take reads the column's type.
func (c *columnText) take(n *project.Node) []project.Problem {
	if n.Unset {
		return nil
	}
	canonical, err := parseType(n.Text)
	if err != nil {
		return []project.Problem{n.Problem("column %q: %s", c.Name, err.message).WithHint("%s", err.hint)}
	}
	c.Type = canonical
	return nil
}

// earlierName reads was.
func earlierName(n *project.Node, is string) (string, *project.Problem) {
	name, ok := columnName(n.Text)
	var problem project.Problem
	switch {
	case !ok:
		problem = n.Problem("was: %q is not the name of a column", n.Text).WithHint(`a name with odd characters is quoted as in SQL: '"order no"'`)
	case strings.Contains(name, ".") && !strings.HasPrefix(strings.TrimSpace(n.Text), `"`):
		problem = n.Problem("was: %s names a member inside a column, and members of nested columns cannot be renamed", n.Text).
			WithHint("rename a whole column, or build the member as a column of its own; a column whose name has a dot is quoted as in SQL")
	case strings.EqualFold(name, is):
		problem = n.Problem("was: %s is the name the column has", name).WithHint("take it out")
	default:
		return name, nil
	}
	return "", &problem
}

// columnNames is a list of columns, or one: key.
type columnNames []string

// DecodeNode reads one name or a list.
func (c *columnNames) DecodeNode(n *project.Node) []project.Problem {
	var problems []project.Problem
	for _, item := range itemsOf(n) {
		if item.Unset {
			continue
		}
		if item.Kind >= project.List || item.IsNull() {
			problems = append(problems, item.Problem("expected the name of a column, found %s", item.Describe()))
			continue
		}
		name, ok := columnName(item.Text)
		if !ok {
			problems = append(problems, item.Problem("%q is not the name of a column", item.Text).WithHint(`a name with odd characters is quoted as in SQL: '"order no"'`))
			continue
		}
		for _, other := range *c {
			if strings.EqualFold(other, name) {
				problems = append(problems, item.Problem("column %q is named twice", name))
			}
		}
		*c = append(*c, name)
	}
	return problems
}

// columnRef is the name of one column.
type columnRef string

// DecodeNode reads the name.
func (c *columnRef) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind == project.List {
		return []project.Problem{n.Problem("expected the name of one column, found %s", n.Describe())}
	}
	var names columnNames
	problems := names.DecodeNode(n)
	if len(names) == 1 {
		*c = columnRef(names[0])
	}
	return problems
}

// itemsOf gives the items of a list, or the value that stands for a list of one.
func itemsOf(n *project.Node) []*project.Node {
	if n.Kind == project.List {
		return n.Items
	}
	return []*project.Node{n}
}
