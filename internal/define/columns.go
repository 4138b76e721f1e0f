package define

import (
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// columnList is columns: a map of names to types, or to maps of type, description and required, in the order written.
type columnList []job.Column

// columnKeys are the keys of a column that is written as a map.
type columnKeys struct {
	Type        string `yaml:"type" required:"true" doc:"type as in DuckDB: varchar, bigint, decimal(12,2), timestamptz, varchar[], struct(a integer), map(varchar, bigint)"`
	Description string `yaml:"description" doc:"what the column holds"`
	Required    bool   `yaml:"required" doc:"a null is not taken"`
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
	return problems
}

func decodeColumn(p project.Pair) (job.Column, []project.Problem) {
	column := job.Column{Name: p.Key}
	text, at := "", p.Value
	switch {
	case strings.TrimSpace(p.Key) == "":
		return column, []project.Problem{p.At.Problem("a column needs a name")}
	case p.Value.IsNull():
		return column, []project.Problem{p.At.Problem("column %q has no type", p.Key).WithHint("write %s: varchar", p.Key)}
	case p.Value.Kind == project.Map:
		var keys columnKeys
		if problems := project.Decode(p.Value, &keys); len(problems) > 0 {
			return column, problems
		}
		column.Doc, column.Required = keys.Description, keys.Required
		text, at = keys.Type, p.Value.Get("type")
	case p.Value.Kind == project.List:
		return column, []project.Problem{p.Value.Problem("column %q: expected a type, found a list", p.Key).WithHint("write the type of a list as varchar[]")}
	default:
		text = p.Value.Text
	}
	if at.Unset {
		return column, nil
	}
	canonical, err := parseType(text)
	if err != nil {
		return column, []project.Problem{at.Problem("column %q: %s", p.Key, err.message).WithHint("%s", err.hint)}
	}
	column.Type = canonical
	return column, nil
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
