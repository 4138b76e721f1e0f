package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/plan"
)

func (a *app) planCommand() *cobra.Command {
	var s selection
	var how plan.How
	var asJSON bool
	var branch, elsewhere, explain string
	c := &cobra.Command{
		Use:   "plan [SELECTION...]",
		Short: "Show what a run would build or skip, and why",
		RunE: func(c *cobra.Command, args []string) error {
			if explain != "" && (len(args) > 0 || s.text() != "") {
				return fault.New(fault.Usage, "--explain tells of one table, and takes no selection").WithHint("weir plan --explain %s", explain)
			}
			s.patterns = s.runNumber(args)
			return a.onBranch(c.Context(), branch, func(w *workspace) error {
				if err := w.deferTo(c.Context(), elsewhere); err != nil {
					return err
				}
				if explain != "" {
					return w.explain(c.Context(), explain, how, asJSON)
				}
				return w.plan(c.Context(), s, how, asJSON)
			})
		},
	}
	selectionFlags(c, &s)
	branchFlag(c, &branch)
	deferFlag(c, &elsewhere)
	c.Flags().StringVar(&s.failed, "failed", "", "what failed, was blocked or interrupted in a run")
	c.Flags().Lookup("failed").NoOptDefVal = lastRun
	c.Flags().BoolVar(&how.Full, "full", false, "plan a full read")
	c.Flags().BoolVar(&how.Forward, "forward-only", false, "plan as weir run with this flag")
	c.MarkFlagsMutuallyExclusive("full", "forward-only")
	c.Flags().BoolVar(&how.Destroy, "destroy-history", false, "with --full: as weir run takes it")
	c.Flags().StringVar(&explain, "explain", "", "all about the build of one table: inputs, what is new, how it is built and why, columns, SQL")
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	return c
}

func (w *workspace) plan(ctx context.Context, s selection, how plan.How, asJSON bool) error {
	tables, _, err := w.resolve(ctx, s)
	if err != nil {
		return err
	}
	p, err := plan.Make(ctx, w.graph, tables, how, w.building(tables))
	if err != nil {
		return err
	}
	for i := range p.Steps {
		p.Steps[i].Problem = w.app.redact(p.Steps[i].Problem)
	}
	var to []lookReport
	var unreached error
	if w.project.Publish && w.lake.BranchName() == "" {
		if to, unreached = w.planPublish(ctx, p); fault.ClassOf(unreached) == fault.Canceled {
			return unreached
		}
	}
	if asJSON {
		return writeJSON(w.app.out, struct {
			plan.Plan
			Publish []lookReport `json:"publish,omitempty"`
		}{p, to})
	}
	if err := w.printOrphans(ctx); err != nil {
		return err
	}
	return w.printPlan(p, to, unreached)
}

// printOrphans names the lake's tables whose definition is gone. They stay as they are.
func (w *workspace) printOrphans(ctx context.Context) error {
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return err
	}
	for _, name := range stored {
		if w.graph.Nodes[name] == nil {
			fmt.Fprintf(w.app.out, "%s has no definition any more; the lake keeps it as it is\n  weir drop %s removes it; weir rename %s NEW, where its definition moved\n", name, name, name)
		}
	}
	return nil
}

func (w *workspace) printPlan(p plan.Plan, to []lookReport, unreached error) error {
	g := &grid{}
	n := map[string]int{}
	var bytes int64
	var first error
	for _, s := range p.Steps {
		n[s.Action]++
		why, read := s.Why, ""
		switch s.Action {
		case plan.Build:
			bytes += s.Bytes
			read = toRead(s)
		case plan.Error:
			why = s.Problem
			if first == nil {
				first = s.Err
			}
		}
		g.add(s.Table, s.Action, s.Mode, why, read)
	}
	g.write(w.app.out)
	if len(to) > 0 {
		fmt.Fprintln(w.app.out, "\nto be published")
		w.printLook(to)
		fmt.Fprintln(w.app.out)
	}
	for _, s := range p.Steps {
		for _, d := range s.Deferred {
			fmt.Fprintf(w.app.out, "%s %s\n", s.Table, deferredText(d))
		}
	}
	w.printChanges(p)
	line := fmt.Sprintf("%d to build, %d to skip", n[plan.Build], n[plan.Skip])
	if n[plan.View] > 0 {
		line += fmt.Sprintf(", %d views", n[plan.View])
	}
	if n[plan.Blocked] > 0 {
		line += fmt.Sprintf(", %d blocked", n[plan.Blocked])
	}
	if n[plan.Error] > 0 {
		line += fmt.Sprintf(", %d cannot be planned", n[plan.Error])
	}
	fmt.Fprintf(w.app.out, "%s · %s to read\n", line, size(bytes))
	if first == nil {
		first = unreached
	}
	if first != nil {
		if hint := fault.HintOf(first); hint != "" {
			fmt.Fprintln(w.app.err, "  "+hint)
		}
		return exitCode(fault.ExitCode(first))
	}
	return nil
}

// printChanges says which parts of which definitions changed, what follows, and what else could.
func (w *workspace) printChanges(p plan.Plan) {
	changed := 0
	for _, s := range p.Steps {
		if s.Changed == nil {
			continue
		}
		if changed++; changed == 1 {
			fmt.Fprintln(w.app.out, "\nchanged definitions")
		}
		c := *s.Changed
		if len(c.Renames) > 0 {
			fmt.Fprintf(w.app.out, "  %s renames %s\n", s.Table, list(c.Renames))
		}
		if c.Later != "" {
			fmt.Fprintf(w.app.out, "  %s %s\n    taken once all its rows are swapped\n", s.Table, c.Later)
		}
		if c.Way == build.Nothing {
			continue
		}
		fmt.Fprintf(w.app.out, "  %s %s\n    %s: %s\n", s.Table, c.What(), wayWords[c.Way], c.Says)
		for _, o := range c.Or {
			or := "or "
			if c.Way == build.Undecided {
				or = ""
			}
			fmt.Fprintf(w.app.out, "    %sweir run %s %s: %s\n", or, s.Table, o.Flags, o.Says)
		}
	}
	if changed > 0 {
		fmt.Fprintln(w.app.out)
	}
}

// wayWords name the ways.
var wayWords = map[build.Way]string{build.FullBuild: "full build", build.ForwardOnly: "forward only", build.Undecided: "choose"}

func toRead(s plan.Step) string {
	if s.Rows < 0 && s.Bytes == 0 {
		return "" // an input is built for the first time: nobody knows yet
	}
	if s.Rows < 0 {
		return "read " + size(s.Bytes)
	}
	return fmt.Sprintf("read %s rows, %s", count(s.Rows), size(s.Bytes))
}
