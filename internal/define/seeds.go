package define

import (
	"reflect"
	"slices"
	"strings"

	"weir/internal/project"
)

// filesKind is the kind of source that reads seeds/.
const filesKind = "files"

// seedKeys are the keys of a seed's YAML file beside those of every table.
type seedKeys struct {
	MaxRejects limitText `yaml:"max_rejects" default:"0" doc:"records that cannot be taken and may be turned away in one build: 5, 0.1%, unlimited"`
}

// seeds makes a table seeds.NAME of each seeds/NAME.csv.
func (l *loader) seeds() {
	if len(l.folder.Seeds) == 0 {
		return
	}
	kind, ok := l.kinds[filesKind]
	if !ok {
		l.add(project.Place{File: l.folder.Seeds[0].CSV}.Problem("seeds need the kind of source %q", filesKind))
		return
	}
	config := kind.Config()
	l.add(project.Decode(pathNode(project.Place{File: "seeds"}, "seeds"), config)...)
	l.out.Connections[seedConnection] = &Connection{Name: seedConnection, Type: filesKind, Config: config, File: "seeds"}
	for _, s := range l.folder.Seeds {
		l.seed(s)
	}
}

// pathNode is a map of one key: path.
func pathNode(at project.Place, path string) *project.Node {
	value := &project.Node{Place: at, Kind: project.Text, Text: path, Style: project.Quoted}
	return &project.Node{Place: at, Kind: project.Map, Pairs: []project.Pair{{Key: "path", At: at, Value: value}}}
}

func (l *loader) seed(s project.Seed) {
	file := s.CSV
	if s.Path != "" {
		file = s.Path
	}
	t := &Table{Name: "seeds." + s.Name, File: file, Line: 1, Kind: FromSeed, Mode: Replace, Connection: seedConnection,
		Dataset: strings.TrimPrefix(s.CSV, "seeds/"), Deletes: Ignore, doc: s.Doc}
	l.add(checkTableName(s.CSV, s.CSV)...)
	l.claim(t)
	if s.Broken {
		return
	}
	l.add(project.Substitute(s.Doc, l.folder.Lookup)...)
	t.Reader = l.kinds[filesKind].Reader()
	t.Source = t.Reader
	var keys tableKeys
	var own seedKeys
	doc, found := l.seedNode(s)
	found = append(found, project.DecodeAll(doc, &keys, &own, t.Reader)...)
	l.common(t, keys)
	t.MaxRejects = Limit(own.MaxRejects)
	if len(found) == 0 {
		found = l.reader(t, doc)
	}
	l.add(found...)
	l.publish(t, keys.Publish)
	t.Meaning = meaning(t, t.Dataset)
}

// seedNode is a seed's YAML with the path of its CSV file, and without keys that make no sense for a seed.
func (l *loader) seedNode(s project.Seed) (*project.Node, []project.Problem) {
	at := project.Place{File: s.CSV, Line: 1, Col: 1}
	out := pathNode(at, strings.TrimPrefix(s.CSV, "seeds/"))
	if s.Doc == nil {
		return out, nil
	}
	if s.Doc.Kind != project.Map {
		return s.Doc, nil
	}
	out.Place = s.Doc.Place
	var problems []project.Problem
	senseless := slices.Concat(fieldsOf[changeKeys](), fieldsOf[sourceKeys]())
	for _, p := range s.Doc.Pairs {
		isSenseless := p.Key == "path" || slices.ContainsFunc(senseless, func(f project.Field) bool { return f.Key == p.Key && f.Key != "max_rejects" })
		if isSenseless {
			problems = append(problems, p.At.Problem("%s has no meaning for a seed: %s is replaced whole", p.Key, s.CSV).WithHint("take it out"))
			continue
		}
		out.Pairs = append(out.Pairs, p)
	}
	return out, problems
}

// seedFields lists the keys of a seed's YAML, for the schema and the reference.
func seedFields(kinds Kinds) []project.Field {
	fields := slices.Concat(fieldsOf[tableKeys](), fieldsOf[seedKeys]())
	if kind, ok := kinds[filesKind]; ok {
		for _, f := range project.Fields(reflect.TypeOf(kind.Reader())) {
			if f.Key != "path" {
				fields = append(fields, f)
			}
		}
	}
	return fields
}
