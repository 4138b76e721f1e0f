package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/model/lineage"
	"weir/internal/plan"
)

// explained is what weir plan --explain says of one table.
type explained struct {
	Table      string             `json:"table"`
	File       string             `json:"file"`
	Reads      string             `json:"reads,omitempty"` // of a table that reads a connection
	Step       plan.Step          `json:"step"`
	Key        []string           `json:"key,omitempty"`
	Inputs     []build.InputState `json:"inputs,omitempty"`
	Views      []string           `json:"views,omitempty"` // among what it reads
	Local      []explainedLocal   `json:"row_local,omitempty"`
	Groups     []string           `json:"groups,omitempty"` // of incremental by: how a row of the driving input tells its group, by place
	Definition string             `json:"definition"`       // first build, unchanged or changed
	Columns    []explainedColumn  `json:"columns"`
	Rules      []explainedRule    `json:"rules,omitempty"`
	Warnings   []problemLine      `json:"warnings,omitempty"`
	SQL        string             `json:"sql,omitempty"` // with parameters written into it
	Macros     []string           `json:"macros,omitempty"`

	table *define.Table
}

type explainedLocal struct {
	plan.Local
	At string `json:"at,omitempty"` // file:line:col
}

type explainedColumn struct {
	job.Column
	From []string `json:"from,omitempty"`
}

type explainedRule struct {
	Rule   string `json:"rule"`
	OnFail string `json:"on_fail"`
}

// explain says what the build of one table would do, and why.
func (w *workspace) explain(ctx context.Context, name string, how plan.How, asJSON bool) error {
	name = w.spelled(name, nil)
	if err := w.known(name); err != nil {
		return err
	}
	e, err := w.explained(ctx, name, how)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.app.out, e)
	}
	w.printExplained(e)
	if e.Step.Err != nil {
		if hint := fault.HintOf(e.Step.Err); hint != "" {
			fmt.Fprintln(w.app.err, "  "+w.app.redact(hint))
		}
		return exitCode(fault.ExitCode(e.Step.Err))
	}
	return nil
}

func (w *workspace) explained(ctx context.Context, name string, how plan.How) (*explained, error) {
	t := w.graph.Nodes[name].Table
	e := &explained{Table: name, File: t.File, Key: t.Key, Columns: []explainedColumn{}, table: t}
	// What it needs is planned as well, since a run builds it before; a full build is asked of the table alone.
	tables := []string{name}
	if !how.Full && w.elsewhere == "" {
		tables = append(tables, w.graph.Needs(name)...)
	}
	p, err := plan.Make(ctx, w.graph, tables, how, w.building([]string{name}))
	if err != nil {
		return nil, err
	}
	e.Step = p.Steps[len(p.Steps)-1]
	e.Step.Problem = w.app.redact(e.Step.Problem)
	if err := w.explainDefinition(ctx, e); err != nil {
		return nil, err
	}
	for _, r := range t.Rules {
		e.Rules = append(e.Rules, explainedRule{r.Text, string(r.OnFail)})
	}
	for _, p := range w.graph.Warnings {
		if p.File == t.File {
			e.Warnings = append(e.Warnings, problemLines(define.Problems{p})...)
		}
	}
	if t.Kind == define.FromSQL {
		if err := w.explainSQL(ctx, e, t); err != nil {
			return nil, err
		}
	} else if t.Reader != nil {
		e.Reads = t.Connection + ": " + t.Reader.Summary()
	}
	return e, w.explainColumns(ctx, e)
}

// explainDefinition says whether the definition is that of the last build.
func (w *workspace) explainDefinition(ctx context.Context, e *explained) error {
	if e.Step.Action == plan.View {
		return nil
	}
	_, err := w.lake.Table(ctx, e.Table)
	if isNoTable(err) {
		e.Definition = "first build"
		return nil
	}
	if err != nil {
		return err
	}
	changed, err := w.builder().DefinitionChanged(ctx, w.graph.Task(e.Table))
	if e.Definition = "unchanged"; changed {
		e.Definition = "changed since the last build"
	}
	return err
}

// explainSQL looks at the inputs of a SQL table, and at what its SQL does with their rows.
func (w *workspace) explainSQL(ctx context.Context, e *explained, t *define.Table) (err error) {
	for _, in := range w.graph.Nodes[e.Table].Inputs {
		if w.graph.Nodes[in].Table.Mode == define.View {
			e.Views = append(e.Views, in)
		}
	}
	if e.Inputs, err = w.building([]string{e.Table}).InputStates(ctx, w.graph.Task(e.Table)); err != nil {
		return err
	}
	params := w.params()
	e.SQL = strings.TrimSpace(model.Bind(t.SQL, params))
	e.Macros = w.graph.MacroSQL(e.Table)
	bound, err := w.bind(ctx)
	var problems define.Problems
	if errors.As(err, &problems) {
		return err // a mistake of any table: validate says the same
	}
	if err != nil || !w.knows(bound, e.Table) {
		return err
	}
	locals, err := plan.Locality(ctx, w.graph, e.Table, bound, params, w.engine.Open)
	if err != nil {
		return err
	}
	for _, l := range locals {
		at := ""
		if l.Place.File != "" {
			at = fmt.Sprintf("%s:%d:%d", l.Place.File, l.Place.Line, l.Place.Col)
		}
		e.Local = append(e.Local, explainedLocal{l, at})
	}
	return w.explainGroups(ctx, e, t, bound, params)
}

// knows says whether the columns of all that a table reads are known.
func (w *workspace) knows(bound plan.Bound, name string) bool {
	return !slices.ContainsFunc(w.graph.Needs(name), func(in string) bool { return len(bound.Columns[in]) == 0 })
}

func (w *workspace) explainGroups(ctx context.Context, e *explained, t *define.Table, bound plan.Bound, params job.Params) error {
	if t.Incremental == nil || len(t.Incremental.By) == 0 {
		return nil
	}
	keys, err := plan.Keys(ctx, w.graph, e.Table, bound, params, w.engine.Open)
	if err != nil {
		return err
	}
	for _, k := range keys {
		e.Groups = append(e.Groups, strings.Join(k.Exprs, ", "))
	}
	return nil
}

// explainColumns lists the columns with what they are made of.
func (w *workspace) explainColumns(ctx context.Context, e *explained) error {
	g, err := w.lineageGraph(ctx)
	if err != nil {
		return err
	}
	n := g.Node(e.Table)
	for _, c := range n.Columns {
		out := explainedColumn{Column: c}
		for _, edge := range g.Up(lineage.ID{Table: e.Table, Column: c.Name}) {
			out.From = append(out.From, sourceText(edge.From))
		}
		e.Columns = append(e.Columns, out)
	}
	return nil
}

func (w *workspace) printExplained(e *explained) {
	out := w.app.out
	fmt.Fprintf(out, "%s · %s\n", e.Table, e.File)
	g := &grid{}
	why := e.Step.Why
	if e.Step.Err != nil {
		why = e.Step.Problem
	}
	read := ""
	if e.Step.Action == plan.Build {
		read = toRead(e.Step)
	}
	g.add("next run", e.Step.Action+": "+why+suffix(read))
	g.add("mode", modeText(e))
	if e.Reads != "" {
		g.add("reads", e.Reads)
	}
	if e.Definition != "" {
		g.add("definition", e.Definition)
	}
	g.write(out)
	w.printChanges(plan.Plan{Steps: []plan.Step{e.Step}})
	section(out, "reads", inputLines(e))
	section(out, "how", howLines(e))
	columns := &grid{}
	for _, c := range e.Columns {
		columns.add("  "+c.Name, strings.ToLower(c.Type), strings.Join(c.From, ", "))
	}
	if len(e.Columns) > 0 {
		fmt.Fprintln(out, "columns")
		columns.write(out)
	} else {
		fmt.Fprintln(out, "columns are not known yet")
	}
	var rules []string
	for _, r := range e.Rules {
		rules = append(rules, r.Rule+" ("+r.OnFail+")")
	}
	section(out, "rules", rules)
	var warnings []string
	for _, p := range e.Warnings {
		warnings = append(warnings, fmt.Sprintf("%s:%d:%d: %s; %s", p.File, p.Line, p.Col, p.Message, p.Hint))
	}
	section(out, "warnings", warnings)
	if e.SQL != "" {
		section(out, "sql", strings.Split(e.SQL, "\n"))
	}
	section(out, "macros", strings.Split(strings.Join(e.Macros, "\n"), "\n"))
}

// section prints a heading and lines below it, nothing where there are none.
func section(out io.Writer, head string, lines []string) {
	if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
		return
	}
	fmt.Fprintln(out, head)
	for _, l := range lines {
		fmt.Fprintln(out, strings.TrimRight("  "+l, " "))
	}
}

func suffix(text string) string {
	if text == "" {
		return ""
	}
	return " · " + text
}

func modeText(e *explained) string {
	text := e.Step.Mode
	if len(e.Key) > 0 {
		text += " by " + strings.Join(e.Key, ", ")
	}
	return text
}

func inputLines(e *explained) (lines []string) {
	for _, in := range e.Inputs {
		switch {
		case !in.Built:
			lines = append(lines, in.Name+": not built yet")
			continue
		case in.Snapshot == 0:
			lines = append(lines, in.Name+": empty")
			continue
		}
		by := "another tool"
		if in.Run != "" {
			by = "run " + in.Run
		}
		name := in.Name
		if in.Env != "" {
			name += " of " + in.Env
		}
		line := fmt.Sprintf("%s: snapshot %d by %s, %s, %s", name, in.Snapshot, by, plural(in.Rows, "row"), size(in.Bytes))
		switch {
		case in.Seen == 0:
		case !in.New:
			line += "; nothing new since the last build"
		case in.Since != nil:
			line += fmt.Sprintf("; since the last build %s inserted, %s updated, %s deleted", count(in.Since.Inserted), count(in.Since.Updated), count(in.Since.Deleted))
		default:
			line += "; changed since the last build"
		}
		lines = append(lines, line)
	}
	for _, v := range e.Views {
		lines = append(lines, v+": a view, read through")
	}
	return lines
}

// howLines say whether a build computes the whole table or a part of it, and what stands in the way of less.
func howLines(e *explained) (lines []string) {
	inc := e.table.Incremental
	switch {
	case e.table.Kind != define.FromSQL || e.table.Mode == define.View:
		return nil
	case inc == nil:
		lines = append(lines, "each build computes the whole table: the definition has no incremental")
	case inc.Window != nil:
		lines = append(lines, fmt.Sprintf("each build computes windows of a %s of %s again", inc.Window.Grain, inc.Window.Column))
	case len(inc.By) > 0:
		lines = append(lines, fmt.Sprintf("changed rows of %s touch groups by %s, which are computed again", inc.Input, strings.Join(inc.By, ", ")))
		for _, g := range e.Groups {
			lines = append(lines, "groups of a row: "+g)
		}
	default:
		lines = append(lines, "only new rows of "+inc.Input+" are read")
	}
	for _, l := range e.Local {
		if l.Reason == "" {
			lines = append(lines, "row-local in "+l.Input+": each of its rows yields rows of its own")
			continue
		}
		line := "not row-local in " + l.Input + ": " + l.Reason
		if l.At != "" {
			line += " (" + l.At + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
