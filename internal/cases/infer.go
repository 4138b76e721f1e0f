package cases

import (
	"regexp"
	"strconv"
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// kind is a type as values tell it. The zero kind is that of null: it takes any other.
type kind struct {
	name    string // BOOLEAN, BIGINT, …, LIST or STRUCT
	element *kind  // of a LIST
	members []member
}

type member struct {
	name string
	kind kind
}

var (
	dateForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	timeForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$`)
	zoneForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)$`)
)

// kindOf tells a value's type from how it is written. What stands in quotes is a text.
func kindOf(n *project.Node) kind {
	switch {
	case n.IsNull():
		return kind{}
	case n.Kind == project.List:
		element := kind{}
		for _, item := range n.Items {
			element = element.join(kindOf(item))
		}
		return kind{name: "LIST", element: &element}
	case n.Kind == project.Map:
		k := kind{name: "STRUCT"}
		for _, p := range n.Pairs {
			k.members = append(k.members, member{p.Key, kindOf(p.Value)})
		}
		return k
	case n.Kind == project.Bool:
		return kind{name: "BOOLEAN"}
	case n.Kind == project.Int:
		if _, err := strconv.ParseInt(n.Text, 10, 64); err != nil {
			return kind{name: "DECIMAL(38,0)"}
		}
		return kind{name: "BIGINT"}
	case n.Kind == project.Float:
		return kind{name: "DOUBLE"}
	case n.Style != project.Plain:
		return kind{name: "VARCHAR"}
	case dateForm.MatchString(n.Text):
		return kind{name: "DATE"}
	case timeForm.MatchString(n.Text):
		return kind{name: "TIMESTAMP"}
	case zoneForm.MatchString(n.Text):
		return kind{name: "TIMESTAMP WITH TIME ZONE"}
	}
	return kind{name: "VARCHAR"}
}

// wider orders types of which each takes the values of those before it.
var wider = [][]string{
	{"BIGINT", "DECIMAL(38,0)"},
	{"BIGINT", "DOUBLE"},
	{"DATE", "TIMESTAMP"},
}

// join is a type for the values of both; text where there is no other.
func (k kind) join(o kind) kind {
	switch {
	case k.name == "":
		return o
	case o.name == "":
		return k
	case k.name == "LIST" && o.name == "LIST":
		element := k.element.join(*o.element)
		return kind{name: "LIST", element: &element}
	case k.name == "STRUCT" && o.name == "STRUCT":
		return kind{name: "STRUCT", members: joinMembers(k.members, o.members)}
	case k.name == o.name:
		return k
	}
	for _, pair := range wider {
		if k.name == pair[0] && o.name == pair[1] || k.name == pair[1] && o.name == pair[0] {
			return kind{name: pair[1]}
		}
	}
	return kind{name: "VARCHAR"}
}

func joinMembers(a, b []member) []member {
	out := append([]member(nil), a...)
next:
	for _, m := range b {
		for i := range out {
			if strings.EqualFold(out[i].name, m.name) {
				out[i].kind = out[i].kind.join(m.kind)
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}

// String is the type in DuckDB's spelling. Where all values are null it is text.
func (k kind) String() string {
	switch {
	case k.name == "" || k.name == "STRUCT" && len(k.members) == 0:
		return "VARCHAR"
	case k.name == "LIST":
		return k.element.String() + "[]"
	case k.name == "STRUCT":
		members := make([]string, len(k.members))
		for i, m := range k.members {
			members[i] = job.Quote(m.name) + " " + m.kind.String()
		}
		return "STRUCT(" + strings.Join(members, ", ") + ")"
	}
	return k.name
}
