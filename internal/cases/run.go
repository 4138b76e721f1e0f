package cases

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/project"
	"weir/internal/source"
)

// Runner runs cases.
type Runner struct {
	Engine engine.Engine
	Macros []define.Macro
	Vars   job.Params
	Dir    string // an absolute folder for lakes that are gone with their cases
	// Done, where set, is told of each case as it ends, in no order, from several goroutines.
	Done func(r Result)
}

// Result is what came of a case.
type Result struct {
	Suite    *Suite
	Case     *define.Case
	Took     time.Duration
	Failures []Failure // none: it passed
}

// Failure is one way in which a build of a case was not as expected.
type Failure struct {
	Build   int // 0 the first
	Message string
	Hint    string
	Diff    *Diff // nil where rows were not compared
}

// Run runs the cases of suites side by side and gives a result for each, in order. The error is of what keeps cases from being
// run at all: an interrupt, a full disk; or, as define.Problems, of values that do not fit, which only a build could tell.
func (r *Runner) Run(ctx context.Context, suites []*Suite) ([]Result, error) {
	var results []Result
	for _, s := range suites {
		for _, c := range s.Cases {
			results = append(results, Result{Suite: s, Case: c})
		}
	}
	problems := make([][]project.Problem, len(results))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range results {
		g.Go(func() error {
			started := time.Now()
			err := r.run(ctx, &results[i], filepath.Join(r.Dir, fmt.Sprintf("case%d", i)))
			results[i].Took = time.Since(started)
			var found define.Problems
			if errors.As(err, &found) {
				problems[i] = found
				return nil
			}
			if err == nil && r.Done != nil {
				r.Done(results[i])
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []project.Problem
	for _, found := range problems {
		all = append(all, found...)
	}
	return results, define.NewProblems(all)
}

// trial is a case under way.
type trial struct {
	r       *Runner
	result  *Result
	suite   *Suite
	c       *define.Case
	dir     string
	lake    *lake.Lake
	session engine.Session // for what is given and what is expected; each build has its own
	builder *build.Builder
	inputs  []build.Input
}

func (r *Runner) run(ctx context.Context, result *Result, dir string) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := lake.Open(ctx, lake.Config{Location: filepath.Join(dir, "lake"), Fleeting: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	s, err := r.Engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	t := &trial{r: r, result: result, suite: result.Suite, c: result.Case, dir: dir, lake: l, session: s, inputs: result.Suite.reads(result.Case)}
	vars := maps.Clone(r.Vars)
	if vars == nil {
		vars = job.Params{}
	}
	maps.Copy(vars, t.c.Vars)
	t.builder = &build.Builder{Lake: l, Engine: r.Engine, Macros: r.Macros, Vars: vars, Source: noSource, Scratch: filepath.Join(dir, "builds")}
	for i := range t.c.Builds {
		if err := t.build(ctx, i); err != nil || len(result.Failures) > 0 {
			return err
		}
	}
	return nil
}

// noSource is what a table of a test reads beside lake tables: nothing.
func noSource(context.Context, *define.Table) (source.Source, error) {
	return nil, fault.New(fault.Internal, "a test reads a source")
}

// build gives the inputs what they get, builds the table and looks at what came of it.
func (t *trial) build(ctx context.Context, i int) error {
	b := t.c.Builds[i]
	if err := t.give(ctx, i, b); err != nil {
		if errors.Is(err, errGiven) {
			t.fail(i, nil, "", "%v", strings.TrimSuffix(err.Error(), ": "+errGiven.Error()))
			return nil
		}
		return t.explain(ctx, b, err)
	}
	actual, err := t.make(ctx, i, b)
	if err != nil && stops(err) {
		return err
	}
	switch {
	case err != nil && b.Error == "":
		t.fail(i, nil, fault.HintOf(err), "the build failed: %v", err)
		return nil
	case err != nil && !strings.Contains(fold(err.Error()+" "+fault.HintOf(err)), fold(b.Error)):
		t.fail(i, nil, "", "the build failed with another error than expected: %v\nexpected in it: %s", err, b.Error)
		return nil
	case err == nil && b.Error != "":
		t.fail(i, nil, "", "the build went through, but was expected to fail with: %s", b.Error)
	}
	return t.judge(ctx, i, b, actual)
}

// stops says whether an error is none of the build: no further case would fare better.
func stops(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Canceled, fault.Internal, fault.Unavailable:
		return true
	}
	return false
}

// fold makes texts comparable whose case and line breaks do not matter.
func fold(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

func (t *trial) fail(build int, diff *Diff, hint, format string, args ...any) {
	t.result.Failures = append(t.result.Failures, Failure{Build: build, Message: fmt.Sprintf(format, args...), Hint: hint, Diff: diff})
}

// give commits what the inputs get before a build. An input that is not named is empty at first and then stays as it is.
func (t *trial) give(ctx context.Context, i int, b define.CaseBuild) error {
	f := &fixture{lake: t.lake, session: t.session, dir: t.dir}
	named := map[string]*define.Given{}
	for at := range b.Given {
		named[t.suite.input(b.Given[at].Input).name] = &b.Given[at]
	}
	for _, in := range t.inputs {
		given := named[in.Name]
		if in.View != "" || given == nil && i > 0 {
			continue
		}
		if err := f.commit(ctx, t.suite.inputs[in.Name], given, fmt.Sprintf("%06d-given", i+1), b.Time); err != nil {
			return fmt.Errorf("give rows to %s: %w", in.Name, err)
		}
	}
	return nil
}

// explain makes problems of an error where it comes of values that do not fit: types that are known only now.
func (t *trial) explain(ctx context.Context, b define.CaseBuild, err error) error {
	if stops(err) {
		return err
	}
	fit := &Fitter{Session: t.session, Dir: t.dir}
	for _, g := range b.Given {
		in := t.suite.input(g.Input)
		for _, rows := range g.All() {
			fit.add(rows, in.columns)
		}
	}
	problems, ferr := fit.check(ctx)
	if ferr != nil || len(problems) == 0 {
		problems = append(problems, t.c.Problem("%v", err))
	}
	return define.NewProblems(problems)
}

// make builds the table and gives the query of its rows.
func (t *trial) make(ctx context.Context, i int, b define.CaseBuild) (relation, error) {
	task := t.suite.task
	task.Inputs, task.RunID, task.Time = t.inputs, runID(i), b.Time
	if t.suite.table.Mode == define.View {
		return t.view(ctx, task)
	}
	_, err := t.builder.Build(ctx, task)
	return t.stored(ctx, err)
}

func runID(build int) string { return fmt.Sprintf("%06d-test", build+1) }
