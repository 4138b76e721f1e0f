package define

import (
	"regexp"
	"strings"
	"time"

	"weir/internal/project"
)

// pipelineKeys are the keys of a file in pipelines/.
type pipelineKeys struct {
	Description string        `yaml:"description" doc:"what the pipeline is for"`
	Schedule    string        `yaml:"schedule" doc:"when it runs, as Amazon EventBridge Scheduler writes it: cron(0 2 * * ? *), rate(15 minutes), at(2026-03-01T02:00:00)"`
	Timezone    string        `yaml:"timezone" doc:"IANA time zone of the schedule; by default the project's"`
	Tables      []textNode    `yaml:"tables,single" required:"true" doc:"tables it builds, selected as on the command line: marts.*, +t, t+, tag:x"`
	SLA         time.Duration `yaml:"sla" doc:"how long after its start it should be done"`
}

func (l *loader) pipelines() {
	for _, f := range l.folder.Pipelines {
		p := &Pipeline{Name: f.Name, File: f.Path, Timezone: l.out.Timezone}
		if !wordForm.MatchString(strings.ReplaceAll(f.Name, ".", "-")) {
			l.add(project.Place{File: f.Path, Line: 1, Col: 1}.Problem("%q cannot be the name of a pipeline", f.Name).WithHint("letters, digits, _ and -, a letter first"))
		}
		l.out.Pipelines[f.Name] = p
		if f.Broken {
			continue
		}
		l.add(project.Substitute(f.Doc, l.folder.Lookup)...)
		var keys pipelineKeys
		found := project.Decode(f.Doc, &keys)
		l.add(found...)
		p.Schedule, p.SLA = keys.Schedule, keys.SLA
		if keys.Timezone != "" && l.validZone(valuePlace(f.Doc, "timezone"), keys.Timezone) {
			p.Timezone = keys.Timezone
		}
		if wrong := badSchedule(keys.Schedule); keys.Schedule != "" && wrong != "" {
			l.add(valuePlace(f.Doc, "schedule").Problem("schedule: %q is not a schedule: %s", keys.Schedule, wrong).
				WithHint("write cron(0 2 * * ? *) with six fields, rate(15 minutes) or at(2026-03-01T02:00:00)"))
		}
		for _, n := range keys.Tables {
			if n.Node == nil {
				continue // an item without a value, which is said already
			}
			l.selection(p, n.Node)
		}
	}
}

// neighbours are the marks of a selection that take in what a table needs, and what needs it: 2+t+.
var neighbours = regexp.MustCompile(`^(?:[0-9]*\+)?(.*?)(?:\+[0-9]*)?$`)

// selection takes one pattern over and checks that it names a table of the project.
func (l *loader) selection(p *Pipeline, n *project.Node) {
	if n.Unset {
		return
	}
	if n.Kind >= project.List || n.IsNull() {
		l.add(n.Problem("tables: expected a selection such as marts.*, found %s", n.Describe()))
		return
	}
	p.Tables = append(p.Tables, n.Text)
	name := neighbours.ReplaceAllString(n.Text, "$1")
	if strings.Contains(name, ":") || strings.ContainsAny(name, ", ") {
		return
	}
	names := sorted(l.out.Tables)
	for _, table := range names {
		if matches(name, table) {
			return
		}
	}
	l.add(n.Problem("tables: no table is named %s", name).WithHint("%s", project.NearestHint(name, names)))
}

// matches says whether a name fits a pattern, in which * stands for any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}
