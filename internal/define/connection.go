package define

import (
	"weir/internal/project"
	"weir/internal/source"
)

// seedConnection is the connection that reads seeds/; Weir adds it by itself.
const seedConnection = "seeds"

// connectionKeys are the keys of every connection.
type connectionKeys struct {
	Type string `yaml:"type" required:"true" doc:"what kind of system it is"`
}

func (l *loader) connections(n *project.Node) {
	if n.IsNull() {
		return
	}
	if n.Kind != project.Map {
		l.add(n.Problem("connections: expected names of connections, found %s", n.Describe()))
		return
	}
	l.learn("", n)
	for _, p := range n.Pairs {
		l.connection(p)
	}
}

func (l *loader) connection(p project.Pair) {
	if !wordForm.MatchString(p.Key) {
		l.add(p.At.Problem("%q cannot be the name of a connection", p.Key).WithHint("letters, digits, _ and -, a letter first"))
	}
	if p.Key == seedConnection {
		l.add(p.At.Problem("connection %q is the project's own folder seeds/", p.Key).WithHint("give it another name"))
		return
	}
	// A connection that is wrong is kept: tables that read it are not wrong for that.
	out := &Connection{Name: p.Key, File: p.At.File, Line: p.At.Line}
	l.out.Connections[p.Key] = out
	if p.Value.IsNull() {
		l.add(p.At.Problem("connection %q has no type", p.Key).WithHint("write %s: { type: files, path: … }", p.Key))
		return
	}
	kindNode := p.Value.Get("type")
	if p.Value.Kind != project.Map || kindNode.IsNull() {
		var keys connectionKeys
		l.add(project.Decode(onlyKeys(p.Value, fieldsOf[connectionKeys]()), &keys)...)
		return
	}
	kind, ok := l.kinds[kindNode.Text]
	if !ok || kindNode.Kind >= project.List {
		if !kindNode.Unset {
			l.add(kindNode.Problem("%q is not a type of connection", kindNode.Text).WithHint("%s", project.NearestHint(kindNode.Text, sorted(l.kinds))))
		}
		return
	}
	out.Type, out.Config = kindNode.Text, kind.Config()
	var keys connectionKeys
	found := project.DecodeAll(p.Value, &keys, out.Config)
	if len(found) == 0 {
		found = findings(p.Value, p.At, out.Config.Findings())
	}
	l.add(found...)
}

// onlyKeys is a map without the keys that no field has; anything else is given back as it is.
func onlyKeys(n *project.Node, fields []project.Field) *project.Node {
	if n == nil || n.Kind != project.Map {
		return n
	}
	out := *n
	out.Pairs = nil
	for _, p := range n.Pairs {
		for _, f := range fields {
			if f.Key == p.Key {
				out.Pairs = append(out.Pairs, p)
				break
			}
		}
	}
	return &out
}

// findings places what a kind found wrong with its settings. Findings about values with a missing variable are left out.
func findings(n *project.Node, at project.Place, found []source.Finding) []project.Problem {
	var problems []project.Problem
	for _, f := range found {
		place := at
		if f.Key != "" {
			place = placeOf(n, f.Key, at)
			if v := n.Get(f.Key); v != nil {
				if v.Unset {
					continue
				}
				place = v.Place
			}
		}
		problems = append(problems, place.Problem("%s", f.Message))
	}
	return problems
}
