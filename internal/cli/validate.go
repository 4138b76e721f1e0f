package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/cases"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/plan"
	"weir/internal/source"
)

func (a *app) validateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "validate", Short: "Find every mistake of the project without reading rows", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		err := a.with(c.Context(), func(w *workspace) error { return w.validate(c.Context(), asJSON) })
		var problems define.Problems
		if asJSON && errors.As(err, &problems) {
			return errors.Join(writeJSON(a.out, validation{Problems: problemLines(problems)}), exitCode(fault.ExitUsage))
		}
		return err
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

func (w *workspace) validate(ctx context.Context, asJSON bool) error {
	bound, err := w.bind(ctx)
	if err != nil {
		return err
	}
	suites, err := w.readTests(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.app.out, validation{Tables: len(w.graph.Nodes), Bound: len(bound.Columns), Unknown: bound.Unknown,
			Warnings: problemLines(w.graph.Warnings), Problems: []problemLine{}})
	}
	for _, p := range w.graph.Warnings {
		fmt.Fprintf(w.app.out, "%s:%d:%d: warning: %s; %s\n", p.File, p.Line, p.Col, p.Message, p.Hint)
	}
	for _, name := range keys(bound.Unknown) {
		fmt.Fprintf(w.app.out, "%s is not bound: %s\n", name, bound.Unknown[name])
	}
	tests := ""
	if n := countCases(suites); n > 0 {
		tests = ", " + plural(n, "test case")
	}
	fmt.Fprintf(w.app.out, "%s is valid: %s, %d of them bound to their columns%s\n", w.project.Name, plural(int64(len(w.graph.Nodes)), "table"), len(bound.Columns), tests)
	return nil
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
	scan, err := src.Begin(ctx, job.Read{Table: t.Name, Time: time.Now().UTC()})
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
