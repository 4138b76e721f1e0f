package define

import (
	"path/filepath"
	"sort"
	"strings"

	"weir/internal/fault"
	"weir/internal/project"
	"weir/internal/secret"
	"weir/internal/source"
)

// Kinds are the kinds of source a project may use, by the type of a connection.
type Kinds map[string]source.Kind

// Load reads the project in a folder as it is in one environment, "" for none. Every mistake is reported at once: the error
// then is of class fault.Usage, holds Problems, and the project beside it is what could be understood, good enough to look
// for further mistakes and for nothing else. Any other error comes without a project. Nothing outside the folder is asked,
// and no secret is resolved.
func Load(root, env string, kinds Kinds, sinks Sinks) (*Project, error) {
	folder, err := project.Read(root)
	if err != nil {
		return nil, err
	}
	l := &loader{folder: folder, kinds: kinds, sinks: sinks, problems: folder.Problems, out: &Project{kinds: kinds,
		Root: folder.Root, Env: env, Redactor: &secret.Redactor{}, Keep: Keep{Snapshots: keepSnapshots, AtLeast: keepAtLeast},
		Connections: map[string]*Connection{}, Tables: map[string]*Table{}, Pipelines: map[string]*Pipeline{},
	}}
	if err := l.config(env); err != nil {
		return nil, err
	}
	l.macros()
	for _, f := range folder.Tables {
		l.table(f)
	}
	l.seeds()
	l.pipelines()
	l.flaws()
	return l.out, NewProblems(l.problems)
}

type loader struct {
	folder    *project.Folder
	kinds     Kinds
	sinks     Sinks
	out       *Project
	problems  []project.Problem
	published map[string]string // tables by their destinations
}

// flaws marks the tables whose files have mistakes.
func (l *loader) flaws() {
	flawed := map[string]bool{}
	for _, p := range l.problems {
		flawed[p.File] = true
	}
	for _, t := range l.out.Tables {
		t.Flawed = flawed[t.File]
	}
}

func (l *loader) add(ps ...project.Problem) { l.problems = append(l.problems, ps...) }

// config reads weir.yaml, with the environment laid over it.
func (l *loader) config(env string) error {
	node := l.folder.Config
	if node == nil {
		node = &project.Node{Place: project.Place{File: project.ConfigFile, Line: 1, Col: 1}, Kind: project.Map}
	}
	merged, err := l.environment(node, env)
	if err != nil {
		return err
	}
	l.add(project.Substitute(merged, l.folder.Lookup)...)
	var keys configKeys
	l.add(project.Decode(merged, &keys)...)
	l.settings(merged, &keys)
	l.connections(keys.Connections)
	l.vars(keys.Vars)
	l.out.Resolver = secret.NewResolver(l.out.Redactor, keys.Secrets.Stores(l.folder.Root, l.folder.Lookup)...)
	return nil
}

// environment lays the keys of one environment over the others. The keys of all environments are checked, their values
// only where they are used: a laptop need not have the variables of production.
func (l *loader) environment(node *project.Node, env string) (*project.Node, error) {
	all := node.Get("environments")
	base := *node
	base.Pairs = nil
	for _, p := range node.Pairs {
		if p.Key != "environments" {
			base.Pairs = append(base.Pairs, p)
		}
	}
	var names []string
	if !all.IsNull() && all.Kind != project.Map {
		l.add(all.Problem("environments: expected names of environments, found %s", all.Describe()))
		all = nil
	}
	if all != nil {
		for _, p := range all.Pairs {
			names = append(names, p.Key)
			l.environmentKeys(p)
		}
	}
	l.out.Envs = names
	if env == "" || l.folder.Config == nil {
		return &base, nil
	}
	over := all.Pair(env)
	if over == nil {
		hint := "weir.yaml has none"
		if len(names) > 0 {
			hint = project.NearestHint(env, names)
		}
		return nil, fault.New(fault.Usage, "environment %q is not in weir.yaml", env).WithHint("%s", hint)
	}
	if over.Value.IsNull() || over.Value.Kind != project.Map {
		return &base, nil
	}
	return project.Merge(&base, over.Value), nil
}

func (l *loader) environmentKeys(p project.Pair) {
	if !wordForm.MatchString(p.Key) {
		l.add(p.At.Problem("%q cannot be the name of an environment", p.Key).WithHint("letters, digits, _ and -, a letter first"))
	}
	if p.Value.IsNull() {
		return
	}
	if p.Value.Kind != project.Map {
		l.add(p.Value.Problem("%s: expected keys and values, found %s", p.Key, p.Value.Describe()))
		return
	}
	var allowed []project.Field
	for _, f := range fieldsOf[configKeys]() {
		if f.Key != "environments" {
			allowed = append(allowed, f)
		}
	}
	l.add(project.UnknownKeys(p.Value, allowed)...)
}

func (l *loader) macros() {
	for _, f := range l.folder.Macros {
		if f.Doc != nil {
			l.add(f.Doc.Problem("a file of macros takes no header"))
		}
		if f.SQL != nil && !f.Broken {
			l.out.Macros = append(l.out.Macros, Macro{File: f.Path, SQL: f.SQL.Body})
		}
	}
}

// placeOf finds the place of a key, "a.b" for b in a; where it is not written, that of the nearest around it.
func placeOf(n *project.Node, key string, otherwise project.Place) project.Place {
	at := otherwise
	if n != nil {
		at = n.Place
	}
	for rest := key; rest != "" && n != nil; {
		p := n.Pair(rest) // a key may have dots of its own
		part := rest
		if p == nil {
			part, _, _ = strings.Cut(rest, ".")
			p = n.Pair(part)
		}
		if p == nil {
			return at
		}
		at, n = p.At, p.Value
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, part), ".")
	}
	return at
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// absolute makes a folder of the project absolute.
func (l *loader) absolute(path string) string {
	path = filepath.FromSlash(strings.TrimPrefix(path, "file://"))
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.folder.Root, path)
	}
	return filepath.Clean(path)
}
