package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/cases"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/plan"
	"weir/internal/project"
	"weir/internal/source"
)

func (a *app) validateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "validate", Short: "Find every mistake of the project without reading rows", Args: cobra.NoArgs, Long: `Find every mistake of the project without reading rows: in weir.yaml and definitions, in SQL and the columns it reads, in rules
and tests. All are told at once, in order of their places. Of what reads a table with a mistake nothing is said: one mistake,
one report. A mistake in weir.yaml keeps SQL from being held against columns.

Warnings are of what may be meant as it is, such as rows that tie in an order. They do not change the exit code.`, RunE: func(c *cobra.Command, _ []string) error {
		found, err := a.validate(c.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return found.printJSON(a.out)
		}
		return found.print(a.out)
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type validation struct {
	Tables   int               `json:"tables"`
	Bound    int               `json:"bound"`
	Unknown  map[string]string `json:"unknown,omitempty"` // tables whose columns cannot be known yet, and why
	Warnings []problemLine     `json:"warnings,omitempty"`
	Problems []problemLine     `json:"problems"`
}

type problemLine struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func problemLines(ps define.Problems) []problemLine {
	out := []problemLine{}
	for _, p := range ps {
		out = append(out, problemLine{p.File, p.Line, p.Col, p.Message, p.Hint})
	}
	return out
}

// validity is what there is to say of a project.
type validity struct {
	project          string
	tables           int
	bound            plan.Bound
	cases            int64
	warned, mistakes define.Problems
}

// validate finds every mistake: of definitions, of SQL as text, of SQL against what it reads, and of tests.
func (a *app) validate(ctx context.Context) (validity, error) {
	w, mistakes, err := a.loaded()
	if err != nil {
		return validity{}, err
	}
	out := validity{project: w.project.Name}
	if slices.ContainsFunc(mistakes, func(p project.Problem) bool { return p.File == project.ConfigFile }) {
		// Where the lake is, what connections there are and how SQL is computed is not known, so that nothing can be bound.
		out.mistakes, err = asProblems(w.allProblems(ctx, mistakes))
		return out, err
	}
	err = errors.Join(w.validate(ctx, mistakes, &out), w.close())
	if err != nil && len(out.mistakes) > 0 && ctx.Err() == nil {
		err = nil // a lake that cannot be reached hides no mistake
	}
	return out, err
}

func (w *workspace) validate(ctx context.Context, mistakes []project.Problem, out *validity) error {
	more, err := asProblems(w.openText(ctx))
	mistakes = append(mistakes, more...)
	if err == nil {
		out.tables, out.warned = len(w.graph.Nodes), project.SortProblems(w.graph.Warnings)
		err = w.openData(ctx)
	}
	if err == nil {
		out.bound, err = w.bind(ctx)
		more, err = asProblems(err)
		mistakes = append(mistakes, more...)
	}
	if err == nil {
		var suites []*cases.Suite
		suites, err = w.readTests(ctx, func(table string) bool { return len(mistakes) == 0 || out.bound.Columns[table] != nil })
		out.cases = countCases(suites)
		more, err = asProblems(err)
		mistakes = append(mistakes, more...)
	}
	out.mistakes = project.SortProblems(mistakes)
	return err
}

// asProblems takes mistakes out of an error that is made of nothing else.
func asProblems(err error) (define.Problems, error) {
	var problems define.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	return nil, err
}

func (v validity) printJSON(out io.Writer) error {
	err := writeJSON(out, validation{Tables: v.tables, Bound: len(v.bound.Columns), Unknown: v.bound.Unknown,
		Warnings: problemLines(v.warned), Problems: problemLines(v.mistakes)})
	if len(v.mistakes) > 0 {
		return errors.Join(err, exitCode(fault.ExitUsage))
	}
	return err
}

func (v validity) print(out io.Writer) error {
	for _, p := range v.warned {
		fmt.Fprintf(out, "%s: warning: %s; %s\n", p.Place, p.Message, p.Hint)
	}
	if len(v.mistakes) > 0 {
		return define.NewProblems(v.mistakes)
	}
	for _, name := range keys(v.bound.Unknown) {
		fmt.Fprintf(out, "%s is not bound: %s\n", name, v.bound.Unknown[name])
	}
	tests := ""
	if v.cases > 0 {
		tests = ", " + plural(v.cases, "test case")
	}
	_, err := fmt.Fprintf(out, "%s is valid: %s, %d of them bound to their columns%s\n", v.project, plural(int64(v.tables), "table"), len(v.bound.Columns), tests)
	return err
}

func countCases(suites []*cases.Suite) (n int64) {
	for _, s := range suites {
		n += int64(len(s.Cases))
	}
	return n
}

func (w *workspace) bind(ctx context.Context) (plan.Bound, error) {
	s, err := w.engine.Session(ctx)
	if err != nil {
		return plan.Bound{}, err
	}
	defer s.Close()
	bound, err := plan.Bind(ctx, w.graph, s, w.params(), w.sourceColumns)
	var problems, more define.Problems
	if err != nil && !errors.As(err, &problems) {
		return bound, err
	}
	// What cannot be kept up as it says is a mistake like others, and reported with them.
	if err := plan.CheckIncremental(ctx, w.graph, bound, w.params(), w.engine.Open); err != nil && !errors.As(err, &more) {
		return bound, err
	}
	return bound, define.NewProblems(append(problems, more...))
}

// sourceColumns gives the columns of a table that reads a source: what the lake holds and, before the first build, what
// the source says of itself.
func (w *workspace) sourceColumns(ctx context.Context, t *define.Table) ([]job.Column, error) {
	stored, err := w.lake.Table(ctx, t.Name)
	if err != nil && !isNoTable(err) {
		return nil, err
	}
	if err == nil {
		return build.Ahead(t, stored.Columns()), nil
	}
	cols, err := w.sniff(ctx, t)
	if err != nil && len(t.Columns) > 0 {
		// Nothing to look at yet; what is declared is known.
		cols, err = t.Columns, nil
	}
	if err != nil || len(cols) == 0 || t.Mode != define.History {
		return cols, err
	}
	return build.Columns(t, cols)
}

func (w *workspace) sniff(ctx context.Context, t *define.Table) (cols []job.Column, err error) {
	src, err := w.sources.open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	scan, err := src.Begin(ctx, job.Read{Table: t.Name, Time: time.Now().UTC(), Look: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, scan.Close()) }()
	if rows, ok := scan.(source.Batched); ok {
		return build.SourceColumns(ctx, t, rows)
	}
	able, ok := scan.(source.Scannable)
	if !ok || len(scan.Splits()) == 0 {
		return t.Columns, nil
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rel, err := able.Relation(ctx, s)
	if err != nil {
		return nil, err
	}
	if rel.Close != nil {
		defer func() { err = errors.Join(err, rel.Close(ctx)) }()
	}
	return rel.Columns, nil
}
