package define

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines without a zone database, too

	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/secret"
)

// configKeys are the keys of weir.yaml.
type configKeys struct {
	Name         string        `yaml:"name" doc:"the project's name; by default its folder's"`
	Lake         lakeKeys      `yaml:"lake" default:"lake" doc:"where tables lie: a folder, s3://bucket/prefix, or a map of these keys"`
	Catalog      string        `yaml:"catalog" enum:"local" default:"local" doc:"what keeps the list of tables; local is a file in the lake or beside the project"`
	Timezone     string        `yaml:"timezone" default:"UTC" doc:"IANA time zone of every session of every engine; the machine's own is never used"`
	Memory       project.Size  `yaml:"memory" doc:"memory of the process's engine, shared by all builds; by default half of the machine's, at most 8GB"`
	Connections  *project.Node `yaml:"connections" doc:"outside systems by name, each with its type and the keys of that type"`
	Vars         *project.Node `yaml:"vars" doc:"values bound to $names in SQL: texts, numbers, true and false"`
	Environments *project.Node `yaml:"environments" doc:"by name, keys that are laid over the others with --env NAME, key by key at every depth; null takes a key away"`
	OnFailure    string        `yaml:"on_failure" doc:"shell command that is run after a run with failures, with the run's result as JSON on its standard input"`
	Timeout      time.Duration `yaml:"timeout" doc:"how long one try of a build may take; by default as long as it needs"`
	Retries      int           `yaml:"retries" default:"2" doc:"tries after the first, for errors that can pass"`
	Keep         keepKeys      `yaml:"keep" doc:"which snapshots of every table stay when weir maintain expires the others"`
	Secrets      secretKeys    `yaml:"secrets" doc:"where secrets are kept: a folder, or a map of these keys"`
	Development  bool          `yaml:"development" default:"off" doc:"whether the lake is for development, where weir run --limit may build tables from a part of their rows"`
	Publish      bool          `yaml:"publish" default:"off" doc:"whether tables are copied to their destinations; off unless an environment says on; has nothing to do with weir branch publish"`
}

// lakeKeys is lake: a location, or a map.
type lakeKeys struct {
	Location string `yaml:"location" default:"lake" doc:"a folder relative to the project, or s3://bucket/prefix"`
	S3       `yaml:",inline"`
}

// DecodeNode reads a location or a map.
func (k *lakeKeys) DecodeNode(n *project.Node) []project.Problem {
	type keys lakeKeys // without this method
	if n.Kind == project.Map {
		return project.Decode(n, (*keys)(k))
	}
	if n.Kind != project.Text {
		return []project.Problem{n.Problem("lake: expected a folder or s3://bucket/prefix, found %s", n.Describe())}
	}
	problems := project.Decode(nil, (*keys)(k))
	k.Location = n.Text
	return problems
}

// secretKeys is secrets: a folder, or a map.
type secretKeys struct {
	secret.Settings `yaml:",inline"`
}

// DecodeNode reads a folder or a map.
func (k *secretKeys) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind == project.Text {
		k.Settings = secret.Settings{Type: "file", Folder: n.Text}
		return nil
	}
	return project.Decode(n, &k.Settings)
}

func fieldsOf[T any]() []project.Field { return project.Fields(reflect.TypeFor[T]()) }

var bucketForm = regexp.MustCompile(`^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/|$)`)

// settings takes over the keys that stand for themselves.
func (l *loader) settings(n *project.Node, k *configKeys) {
	p := l.out
	p.Name, p.Timezone, p.Memory = k.Name, k.Timezone, int64(k.Memory)
	p.OnFailure, p.Timeout, p.Retries, p.Publish, p.Development = k.OnFailure, k.Timeout, k.Retries, k.Publish, k.Development
	at := func(key string) project.Place { return valuePlace(n, key) }
	if p.Name == "" {
		p.Name = filepath.Base(p.Root)
	} else if !wordForm.MatchString(p.Name) {
		l.add(at("name").Problem("name: %q is not a name", p.Name).WithHint("letters, digits, _ and -, a letter first"))
	}
	if !l.validZone(at("timezone"), p.Timezone) {
		p.Timezone = "UTC"
	}
	if p.Memory != 0 && p.Memory < 64<<20 {
		l.add(at("memory").Problem("memory: this is too little").WithHint("64MB is the least"))
	}
	if p.Retries < 0 || p.Retries > 100 {
		l.add(at("retries").Problem("retries lies between 0 and 100"))
	}
	p.Keep = l.keep(k.Keep, p.Keep, func(key string) project.Place { return placeOf(n, key, project.Place{}) })
	l.lake(n, k.Lake)
}

func (l *loader) lake(n *project.Node, k lakeKeys) {
	at := valuePlace(n, "lake")
	l.learn("", n.Get("lake"))
	l.out.LakeS3 = k.S3
	location := strings.TrimSpace(k.Location)
	scheme, _, isURL := strings.Cut(location, "://")
	switch {
	case location == "" && unset(n.Get("lake")):
		return
	case location == "":
		l.add(at.Problem("lake: a location is missing").WithHint("write a folder or s3://bucket/prefix"))
	case scheme == "s3" && isURL:
		if !bucketForm.MatchString(location) {
			l.add(at.Problem("lake: %q names no bucket", location).WithHint("write s3://bucket/prefix"))
		}
		l.out.Lake = strings.TrimRight(location, "/")
	case isURL && scheme != "file":
		l.add(at.Problem("lake: %s:// is not a place a lake can be", scheme).WithHint("write a folder or s3://bucket/prefix"))
	default:
		l.out.Lake = l.absolute(location)
		if k.Endpoint != "" || k.AccessKey != "" || k.SecretKey != "" {
			l.add(at.Problem("lake: endpoint and keys go with a location that starts with s3://"))
		}
	}
	if (k.AccessKey == "") != (k.SecretKey == "") {
		l.add(at.Problem("lake: access_key and secret_key go together"))
	}
}

// validZone says whether a time zone is known, and reports it where it is not.
func (l *loader) validZone(at project.Place, zone string) bool {
	_, err := time.LoadLocation(zone)
	if err == nil && zone != "Local" && zone != "" {
		return true
	}
	l.add(at.Problem("timezone: %q is not a time zone", zone).WithHint("write its IANA name, such as UTC or Europe/London"))
	return false
}

// valuePlace is the place of a key's value, or of the map where it is not written.
func valuePlace(n *project.Node, key string) project.Place {
	if v := n.Get(key); v != nil {
		return v.Place
	}
	if n == nil {
		return project.Place{}
	}
	return n.Place
}

// unset says whether a variable without a value stands in a node or right below it.
func unset(n *project.Node) bool {
	if n == nil {
		return false
	}
	for _, p := range n.Pairs {
		if p.Value.Unset {
			return true
		}
	}
	return n.Unset
}

// learn lets the redactor know of secrets that are written in plain (promise 9).
func (l *loader) learn(key string, n *project.Node) {
	if n == nil {
		return
	}
	for _, p := range n.Pairs {
		l.learn(p.Key, p.Value)
	}
	for _, item := range n.Items {
		l.learn(key, item)
	}
	if n.Kind == project.Text {
		l.out.Redactor.Learn(key, n.Text)
	}
}

// vars reads the values that are bound to $names.
func (l *loader) vars(n *project.Node) {
	l.out.Vars = job.Params{}
	if n.IsNull() {
		return
	}
	if n.Kind != project.Map {
		l.add(n.Problem("vars: expected names with values, found %s", n.Describe()))
		return
	}
	for _, p := range n.Pairs {
		value, ok := p.Value.Value()
		l.out.Vars[p.Key] = nil // it is there, whatever is wrong with it
		switch {
		case p.Value.Unset:
		case !namePart.MatchString(p.Key):
			l.add(p.At.Problem("%q cannot be the name of a variable", p.Key).WithHint("letters, digits and _, a letter first"))
		case p.Key == "run_time":
			l.add(p.At.Problem("run_time is the run's logical time").WithHint("give the variable another name"))
		case !ok || value == nil:
			l.add(p.Value.Problem("%s: expected a text, a number, or true or false, found %s", p.Key, p.Value.Describe()))
		case p.Value.Kind == project.Text && secret.HasReference(p.Value.Text):
			l.add(p.Value.Problem("%s: a variable cannot hold a secret: it would end up in data", p.Key))
		default:
			l.out.Vars[p.Key] = value
		}
	}
}
