package define

import (
	"fmt"
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/project"
)

// Tests are the cases of one table: a file of tests/.
type Tests struct {
	Table string // the table they are about, by the file's path
	File  string
	Cases []*Case
}

// Case is one test: builds of the table in a row, each with what the inputs are given before and what is expected after.
type Case struct {
	project.Place
	Name      string
	Vars      job.Params // that replace the project's
	Tolerance float64    // by which floats may differ
	Ordered   bool       // rows are compared in their order
	Key       []string   // columns by which the rows of a difference are paired; nil: those of the table
	Builds    []CaseBuild
}

// CaseBuild is one build of a case.
type CaseBuild struct {
	project.Place
	Time        time.Time // logical time
	Given       []Given
	Expect      *Rows // of the table after the build; nil: not compared
	Count       *int64
	Quarantined *Rows  // that this build's rules turned away
	Error       string // part of the message of a build that is to fail, "" for one that is not
}

// Given is what one input gets before a build.
type Given struct {
	project.Place
	Input   string
	Rows    *Rows // that come in: by key where the input has one, else as new rows
	Add     *Rows
	Change  *Rows // new values of rows of the same key
	Remove  *Rows // that match what goes, in the columns they name
	Replace *Rows // that are all the input holds then
}

// All are the rows given in any way.
func (g Given) All() (all []*Rows) {
	for _, rows := range []*Rows{g.Rows, g.Add, g.Change, g.Remove, g.Replace} {
		if rows != nil {
			all = append(all, rows)
		}
	}
	return all
}

// testFileKeys are the keys of a file in tests/.
type testFileKeys struct {
	Description string    `yaml:"description" doc:"what the cases are about"`
	Given       givenMap  `yaml:"given" doc:"rows by input that every case begins with, but for the inputs it gives rows itself"`
	Vars        varMap    `yaml:"vars" doc:"values for $names in place of the project's"`
	RunTime     textNode  `yaml:"run_time" doc:"logical time of each case's first build: 2026-03-01T09:00:00Z, or a date; by default 2000-01-01"`
	Tolerance   float64   `yaml:"tolerance" doc:"by how much a float or double may differ from what is expected; by default not at all"`
	Cases       caseNodes `yaml:"cases" required:"true" doc:"the cases, a list of maps"`
}

// caseKeys are the keys of one case.
type caseKeys struct {
	Name        textNode    `yaml:"name" required:"true" doc:"what the case shows; no two of a file have one name"`
	Description string      `yaml:"description" doc:"more about it"`
	Vars        varMap      `yaml:"vars" doc:"values for $names in place of the file's and the project's"`
	Tolerance   *float64    `yaml:"tolerance" doc:"by how much a float or double may differ from what is expected"`
	Ordered     bool        `yaml:"ordered" doc:"whether the order of rows counts: as the table stores them, or the view gives them"`
	Key         columnNames `yaml:"key" doc:"columns that pair expected and actual rows where they differ; by default the table's key"`
	Builds      buildNodes  `yaml:"builds" doc:"several builds in a row, each a map of the keys of a build; a case of one build has these keys itself"`
	Build       buildKeys   `yaml:",inline"`
}

// buildKeys are the keys of one build of a case.
type buildKeys struct {
	RunTime     textNode `yaml:"run_time" doc:"logical time of the build; by default a day after the build before"`
	Given       givenMap `yaml:"given" doc:"rows by input: a list of maps, or CSV as a text; an input that is not named is empty in the first build and stays as it is in later ones"`
	Expect      rowsNode `yaml:"expect" doc:"the table's rows after the build, in any order, with the columns that matter"`
	Count       *int64   `yaml:"expect_count" doc:"how many rows the table has after the build"`
	Quarantined rowsNode `yaml:"expect_quarantined" doc:"the rows that this build's rules turned away"`
	Error       string   `yaml:"expect_error" doc:"part of the message of a build that is to fail, as by a rule; the table stays as it was"`
}

// LoadTests reads the tests of a project, whose tables must be known by now. Every mistake is reported, and what could be
// understood beside them is given.
func LoadTests(p *Project) ([]*Tests, []project.Problem) {
	files, problems := project.ReadTests(p.Root)
	var out []*Tests
	for _, f := range files {
		t, found := loadTests(p, f)
		problems = append(problems, found...)
		if t != nil {
			out = append(out, t)
		}
	}
	return out, problems
}

func loadTests(p *Project, f project.File) (*Tests, []project.Problem) {
	table, ok := p.Tables[f.Name]
	at := project.Place{File: f.Path, Line: 1, Col: 1}
	switch {
	case !ok:
		return nil, []project.Problem{at.Problem("there is no table %s that this could test", f.Name).
			WithHint("%s", testHint(f.Name, sorted(p.Tables)))}
	case table.Flawed && table.Kind != FromSQL:
		return nil, nil // what it is made of cannot be read, which is said there
	case table.Kind != FromSQL:
		return nil, []project.Problem{at.Problem("%s is not made by SQL: it reads a source, which tests do not stand in for", f.Name).
			WithHint("give its rows to the tables that read it: given: { %s: … }", f.Name)}
	case f.Broken:
		return nil, nil
	}
	var keys testFileKeys
	problems := project.Decode(f.Doc, &keys)
	l := &testLoader{project: p, file: keys, out: &Tests{Table: f.Name, File: f.Path}, problems: problems}
	for _, n := range keys.Cases {
		l.addCase(n)
	}
	if len(problems) == 0 && len(keys.Cases) == 0 {
		l.add(at.Problem("there are no cases in this file"))
	}
	return l.out, l.problems
}

func testHint(name string, tables []string) string {
	if near := project.Nearest(name, tables); near != "" {
		return fmt.Sprintf("nearest: %s; the file is then tests/%s.yaml", near, strings.ReplaceAll(near, ".", "/"))
	}
	return "tests/marts/daily.yaml holds the cases of marts.daily"
}

// testLoader makes cases of one file's keys.
type testLoader struct {
	project  *Project
	file     testFileKeys
	out      *Tests
	problems []project.Problem
}

func (l *testLoader) add(ps ...project.Problem) { l.problems = append(l.problems, ps...) }

// firstRun is the logical time of a case's first build, where none is written.
var firstRun = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (l *testLoader) addCase(n caseNode) {
	if n.keys.Name.Node == nil {
		return // which is said already
	}
	c := &Case{Place: n.Place, Name: strings.Join(strings.Fields(n.keys.Name.Text), " "), Vars: job.Params{}, Tolerance: l.file.Tolerance, Ordered: n.keys.Ordered, Key: n.keys.Key}
	l.name(c, n)
	if n.keys.Tolerance != nil {
		c.Tolerance = *n.keys.Tolerance
	}
	if c.Tolerance < 0 {
		l.add(placeOf(n.Node, "tolerance", n.Place).Problem("tolerance: a difference is not below 0"))
	}
	l.vars(l.file.Vars, c)
	l.vars(n.keys.Vars, c)
	builds := n.keys.Builds
	if n.Pair("builds") == nil {
		builds = buildNodes{{Node: n.Node, keys: n.keys.Build}}
	} else {
		l.alone(n)
	}
	at := l.time(l.file.RunTime, firstRun)
	at = l.time(n.keys.Build.RunTime, at)
	for i, b := range builds {
		if i > 0 {
			at = at.AddDate(0, 0, 1)
		}
		if b.Node != n.Node {
			at = l.time(b.keys.RunTime, at)
		}
		c.Builds = append(c.Builds, l.build(b, at, i == 0))
	}
	l.out.Cases = append(l.out.Cases, c)
}

func (l *testLoader) name(c *Case, n caseNode) {
	if c.Name == "" {
		l.add(n.keys.Name.Problem("name: a case needs a name"))
		return
	}
	for _, other := range l.out.Cases {
		if other.Name == c.Name {
			l.add(n.keys.Name.Problem("a case named %q is here already", c.Name).WithHint("first at line %d", other.Line))
		}
	}
}

// alone checks that what belongs to a build stands in the builds, where there are some.
func (l *testLoader) alone(n caseNode) {
	for _, key := range []string{"given", "expect", "expect_count", "expect_quarantined", "expect_error"} {
		if p := n.Pair(key); p != nil {
			l.add(p.At.Problem("%s stands beside builds", key).WithHint("move it into the build it belongs to"))
		}
	}
	if len(n.keys.Builds) == 0 {
		l.add(n.Problem("builds: a case needs a build"))
	}
}

func (l *testLoader) vars(vars varMap, c *Case) {
	for _, p := range vars.pairs {
		value, ok := p.Value.Value()
		if _, known := l.project.Vars[p.Key]; !known {
			l.add(p.At.Problem("%s is not among the project's vars", p.Key).WithHint("%s", project.NearestHint(p.Key, sorted(l.project.Vars))))
			continue
		}
		if !ok || value == nil {
			l.add(p.Value.Problem("%s: expected a text, a number, or true or false, found %s", p.Key, p.Value.Describe()))
			continue
		}
		c.Vars[p.Key] = value
	}
}

// timeForms are how a logical time may be written; without a zone it is UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

func (l *testLoader) time(n textNode, otherwise time.Time) time.Time {
	if n.Node == nil {
		return otherwise
	}
	for _, form := range timeForms {
		if at, err := time.Parse(form, n.Text); err == nil && n.Kind < project.List {
			return at.UTC().Truncate(time.Microsecond)
		}
	}
	l.add(n.Problem("run_time: expected a time, found %s", n.Describe()).WithHint("write it like 2026-03-05T02:00:00Z"))
	return otherwise
}

func (l *testLoader) build(n buildNode, at time.Time, first bool) CaseBuild {
	k := n.keys
	b := CaseBuild{Place: n.Place, Time: at, Given: k.Given.inputs, Expect: k.Expect.rows, Count: k.Count, Quarantined: k.Quarantined.rows, Error: k.Error}
	if first {
		b.Given = append(l.shared(b.Given), b.Given...)
	}
	if !k.Expect.bad && !k.Quarantined.bad && b.Expect == nil && b.Count == nil && b.Quarantined == nil && b.Error == "" {
		l.add(n.Problem("nothing is expected of this build").WithHint("write expect:, expect_count:, expect_quarantined: or expect_error:"))
	}
	for key, rows := range map[string]*Rows{"expect": b.Expect, "expect_quarantined": b.Quarantined} {
		l.add(rows.same(key)...)
	}
	if b.Count != nil && *b.Count < 0 {
		l.add(placeOf(n.Node, "expect_count", n.Place).Problem("expect_count: there are never fewer than 0 rows"))
	}
	return b
}

// shared are the rows the file gives to every case, but for the inputs the case gives rows itself.
func (l *testLoader) shared(own []Given) (out []Given) {
	for _, g := range l.file.Given.inputs {
		named := false
		for _, o := range own {
			named = named || strings.EqualFold(o.Input, g.Input)
		}
		if !named {
			out = append(out, g)
		}
	}
	return out
}
