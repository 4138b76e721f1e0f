package define

import (
	"strings"

	"weir/internal/project"
)

// caseNodes are the cases of a file with the places they stand at.
type caseNodes []caseNode

type caseNode struct {
	*project.Node
	keys caseKeys
}

// DecodeNode reads one case.
func (c *caseNode) DecodeNode(n *project.Node) []project.Problem {
	c.Node = n
	return project.Decode(n, &c.keys)
}

func (caseNode) describe() (string, *schema) { return "map", object("a case", fieldsOf[caseKeys]()) }

// buildNodes are the builds of a case with the places they stand at.
type buildNodes []buildNode

type buildNode struct {
	*project.Node
	keys buildKeys
}

// DecodeNode reads one build.
func (b *buildNode) DecodeNode(n *project.Node) []project.Problem {
	b.Node = n
	return project.Decode(n, &b.keys)
}

func (buildNode) describe() (string, *schema) {
	return "map", object("a build", fieldsOf[buildKeys]())
}

// varMap is vars: names and the values they have.
type varMap struct{ pairs []project.Pair }

// DecodeNode takes the pairs over.
func (v *varMap) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind != project.Map {
		return []project.Problem{n.Problem("vars: expected names with values, found %s", n.Describe())}
	}
	v.pairs = n.Pairs
	return nil
}

func (varMap) describe() (string, *schema) { return "map of names to values", varsSchema() }

// rowsNode is rows where the key is expect.
type rowsNode struct {
	rows *Rows
	bad  bool // they could not be read, which is said
}

// DecodeNode reads the rows.
func (r *rowsNode) DecodeNode(n *project.Node) []project.Problem {
	rows, problems := readRows(n)
	r.rows, r.bad = rows, len(problems) > 0
	return problems
}

func (rowsNode) describe() (string, *schema) { return "list of maps, or CSV", rowsSchema() }

func rowsSchema() *schema {
	return &schema{AnyOf: []*schema{{Type: "string"}, {Type: "array", Items: &schema{Type: "object"}}}}
}

// givenMap is given: what each input gets.
type givenMap struct{ inputs []Given }

// changesKeys are the keys of an input whose rows are not only new ones.
type changesKeys struct {
	Add     rowsNode `yaml:"add" doc:"rows that are new"`
	Change  rowsNode `yaml:"change" doc:"new values of rows, which are found by the key of the input's definition; columns that are not named stay"`
	Remove  rowsNode `yaml:"remove" doc:"rows to take away: all that have the values of the columns named"`
	Replace rowsNode `yaml:"replace" doc:"rows that are all the input holds then; add, change and remove do not stand beside it"`
}

// DecodeNode reads every input.
func (g *givenMap) DecodeNode(n *project.Node) (problems []project.Problem) {
	if n.Kind != project.Map {
		return []project.Problem{n.Problem("given: expected tables with rows, found %s", n.Describe()).WithHint("write given: { raw.orders: [{ order_id: 1 }] }")}
	}
	seen := map[string]string{}
	for _, p := range n.Pairs {
		if other, twice := seen[strings.ToLower(p.Key)]; twice {
			problems = append(problems, p.At.Problem("%s and %s are one table: case does not tell names apart", other, p.Key))
			continue
		}
		seen[strings.ToLower(p.Key)] = p.Key
		one, found := readGiven(p)
		problems = append(problems, found...)
		g.inputs = append(g.inputs, one)
	}
	return problems
}

func readGiven(p project.Pair) (Given, []project.Problem) {
	g := Given{Place: p.At, Input: p.Key}
	if p.Value.IsNull() {
		g.Rows = &Rows{Place: p.At}
		return g, nil
	}
	if p.Value.Kind != project.Map {
		rows, problems := readRows(p.Value)
		g.Rows = rows
		return g, problems
	}
	var keys changesKeys
	problems := project.Decode(p.Value, &keys)
	g.Add, g.Change, g.Remove, g.Replace = keys.Add.rows, keys.Change.rows, keys.Remove.rows, keys.Replace.rows
	if g.Replace != nil && len(p.Value.Pairs) > 1 {
		problems = append(problems, p.Value.Problem("replace stands alone: it says all that %s holds", p.Key))
	}
	if len(p.Value.Pairs) == 0 {
		problems = append(problems, p.Value.Problem("expected rows, found an empty map").WithHint("write [] for no rows"))
	}
	return g, append(problems, g.Remove.same("remove")...)
}

func (givenMap) describe() (string, *schema) {
	input := rowsSchema()
	input.AnyOf = append(input.AnyOf, object("how an input changes", fieldsOf[changesKeys]()))
	return "map of tables to rows", &schema{Type: "object", Additional: &additional{input}}
}
