package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/lake"
)

func branchFlag(c *cobra.Command, branch *string) {
	c.Flags().StringVar(branch, "branch", "", "work on a branch of the lake: tables that have it are its own, the others main's")
}

// onBranch is with, on a branch of the lake; "" is main.
func (a *app) onBranch(ctx context.Context, branch string, do func(w *workspace) error) error {
	return a.with(ctx, func(w *workspace) error {
		if err := w.useBranch(branch); err != nil {
			return err
		}
		return do(w)
	})
}

// useBranch makes the lake the one a branch shows.
func (w *workspace) useBranch(branch string) error {
	if branch == "" || w.lake.BranchName() == branch {
		return nil
	}
	on, err := w.lake.Branch(branch)
	if err != nil {
		return fmt.Errorf("--branch: %w", err)
	}
	main := w.lake
	w.lake = on
	if w.sources != nil {
		w.sources.onMain = func(ctx context.Context, table string) (job.Position, error) { return positionIn(ctx, main, table) }
	}
	return nil
}

// mayLimit refuses a limit where a table that was built with one could be taken for a complete one.
func (w *workspace) mayLimit(o runOptions) error {
	switch {
	case o.limit == 0 || o.limit > 0 && o.branch != "":
		return nil
	case o.limit < 0:
		return fault.New(fault.Usage, "--limit: %d is no number of rows", o.limit)
	case w.project.Publish:
		return fault.New(fault.Usage, "--limit is refused: this environment copies its tables to destinations (publish: on)").WithHint("build on a branch: weir run --limit %d --branch NAME", o.limit)
	case !w.project.Development:
		return fault.New(fault.Usage, "--limit is refused: the lake %s is not one for development", w.project.Lake).
			WithHint("build on a branch: --branch NAME · or write development: on in weir.yaml, or in an environment of it")
	}
	return nil
}

// place says where a run writes, "" for main.
func (o runOptions) place() string {
	if o.branch == "" {
		return ""
	}
	return " · branch " + o.branch
}

func (a *app) branchCommand() *cobra.Command {
	c := &cobra.Command{Use: "branch", Short: "Branches of the lake that weir run --branch builds: list, diff, publish (make it main), drop",
		Args: cobra.NoArgs, Long: `Branches of the lake that weir run --branch builds.

weir branch publish makes main what a branch is: it stays inside the lake, and no rows are copied. The key publish: of an
environment is another thing: it lets tables be copied to destinations outside of the lake.`, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.branchList(), a.branchDiff(), a.branchPublish(), a.branchDrop())
	return c
}

// branched is a table that has a branch.
type branched struct {
	main, on *lake.Table
}

// branchedTables are the tables that have a branch, in the order of their needs, and then those without a definition.
func (w *workspace) branchedTables(ctx context.Context, branch string) ([]branched, error) {
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return nil, err
	}
	on, err := w.lake.Branch(branch)
	if err != nil {
		return nil, err
	}
	order := slices.Clone(w.graph.Order)
	for _, name := range stored {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	var out []branched
	for _, name := range order {
		if !slices.Contains(stored, name) {
			continue
		}
		main, err := w.lake.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		if !main.HasBranch(branch) {
			continue
		}
		t, err := on.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, branched{main: main, on: t})
	}
	return out, nil
}

// someBranched is branchedTables where there has to be one.
func (w *workspace) someBranched(ctx context.Context, branch string) ([]branched, error) {
	tables, err := w.branchedTables(ctx, branch)
	if err != nil || len(tables) > 0 {
		return tables, err
	}
	lines, err := w.branchLines(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range lines {
		names = append(names, l.Branch)
	}
	return nil, fault.New(fault.Usage, "no table has a branch %s", branch).WithHint("%s", nearest(branch, names))
}

type branchLine struct {
	Branch string    `json:"branch"`
	Tables []string  `json:"tables"`
	Built  time.Time `json:"built"` // of the latest commit
	// Tables that keep the branch from being published: their main has moved on, or the branch's base has expired; or they were
	// built with a limit.
	Moved   []string `json:"moved,omitempty"`
	Limited []string `json:"limited,omitempty"`
}

func (a *app) branchList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "The lake's branches and the tables that have them", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return a.with(c.Context(), func(w *workspace) error {
			lines, err := w.branchLines(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(w.app.out, lines)
			}
			w.printBranches(lines)
			return nil
		})
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

func (w *workspace) branchLines(ctx context.Context) ([]branchLine, error) {
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]*branchLine{}
	for _, name := range stored {
		t, err := w.lake.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, b := range t.Branches() {
			if by[b.Name] == nil {
				by[b.Name] = &branchLine{Branch: b.Name}
			}
			if err := w.addBranched(ctx, by[b.Name], t, b); err != nil {
				return nil, err
			}
		}
	}
	lines := []branchLine{}
	for _, name := range keys(by) {
		lines = append(lines, *by[name])
	}
	return lines, nil
}

func (w *workspace) addBranched(ctx context.Context, l *branchLine, t *lake.Table, b lake.Branch) error {
	l.Tables = append(l.Tables, t.Name())
	for _, s := range t.Snapshots() {
		if s.ID == b.Snapshot && s.At.After(l.Built) {
			l.Built = s.At.UTC()
		}
	}
	_, err := w.lake.Publishable(ctx, t.Name(), b.Name)
	switch fault.ClassOf(err) {
	case "":
	case fault.Conflict, fault.Data:
		l.Moved = append(l.Moved, t.Name())
	case fault.Usage:
		l.Limited = append(l.Limited, t.Name())
	default:
		return err
	}
	return nil
}

func (w *workspace) printBranches(lines []branchLine) {
	if len(lines) == 0 {
		fmt.Fprintln(w.app.out, "no branches; weir run --branch NAME makes one")
		return
	}
	g := &grid{head: []string{"branch", "built (UTC)", "tables", "state"}}
	for _, l := range lines {
		state := "can become main"
		switch {
		case len(l.Moved) > 0:
			state = "main has moved: " + few(l.Moved, 3)
		case len(l.Limited) > 0:
			state = "built with a limit: " + few(l.Limited, 3)
		}
		g.add(l.Branch, when(l.Built), few(l.Tables, 4), state)
	}
	g.write(w.app.out)
}

func (a *app) branchDiff() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{Use: "diff NAME", Short: "What differs between a branch and main, table by table", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.diffBranch(c.Context(), args[0], o) })
	}}
	c.Flags().BoolVar(&o.json, "json", false, "print as JSON, with samples")
	c.Flags().IntVar(&o.limit, "limit", 5, "with --json: rows of each kind to show")
	c.Flags().BoolVar(&o.exit, "exit-code", false, "end with code 3 if anything differs")
	a.memoryFlag(c)
	return c
}

func (w *workspace) diffBranch(ctx context.Context, branch string, o diffOptions) error {
	tables, err := w.someBranched(ctx, branch)
	if err != nil {
		return err
	}
	if !o.json {
		o.limit = 0
	}
	reports, different := []diffReport{}, false
	g := &grid{head: []string{"table", "rows on main", "on branch", "added", "removed", "changed", "columns"}}
	for _, t := range tables {
		rep, err := w.compare(ctx, side{table: t.main}, side{table: t.on, branch: branch}, o)
		if err != nil {
			return fmt.Errorf("diff %s: %w", t.on.Name(), err)
		}
		reports, different = append(reports, rep), different || rep.Different
		g.add(t.on.Name(), count(rep.Was.Rows), count(rep.Is.Rows), count(rep.Rows.Added), count(rep.Rows.Removed), changedCell(rep), schemaCell(rep))
	}
	if o.json {
		err = writeJSON(w.app.out, reports)
	} else {
		g.write(w.app.out)
		fmt.Fprintf(w.app.out, "the rows of one: weir diff TABLE --branch %s\n", branch)
	}
	if err == nil && o.exit && different {
		return exitCode(exitDifferent)
	}
	return err
}

func changedCell(r diffReport) string {
	if len(r.Rows.Key) == 0 {
		return "-" // whole rows are added or removed
	}
	return count(r.Rows.Changed)
}

func schemaCell(r diffReport) string {
	var parts []string
	for _, c := range r.Schema {
		parts = append(parts, map[string]string{"added": "+", "removed": "-"}[c.Change]+c.Column)
	}
	return few(parts, 5)
}

func (a *app) branchPublish() *cobra.Command {
	return &cobra.Command{Use: "publish NAME", Short: "Make main what a branch is, for every table that has the branch", Args: cobra.ExactArgs(1),
		Long: `Make main what a branch is: main of every table that has the branch moves forward to it, and the branch goes. Nothing is
copied, and nothing leaves the lake: the key publish:, which lets tables be copied to destinations, has no part in this.

First it is looked whether main of any of them has moved since; then nothing is done. Each table moves in one step of its
own. Where that ends in the middle, the same command goes on with the tables that are left.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.publishBranch(c.Context(), args[0]) })
		}}
}

func (w *workspace) publishBranch(ctx context.Context, branch string) error {
	tables, err := w.someBranched(ctx, branch)
	if err != nil {
		return err
	}
	var refused []error
	for _, t := range tables {
		if _, err := w.lake.Publishable(ctx, t.on.Name(), branch); err != nil {
			refused = append(refused, err)
		} else if err := w.readsMain(ctx, branch, t.on, tables); err != nil {
			refused = append(refused, err)
		}
	}
	if len(refused) > 0 {
		return w.notPublished(branch, refused)
	}
	for i, t := range tables {
		name := t.on.Name()
		err := w.recorded(ctx, "branch publish "+branch, name, func(journal.Run) (build.Outcome, error) {
			out := build.Outcome{}
			if s, ok := t.main.Snapshot(); ok {
				out.Before = s.ID
			}
			s, _ := t.on.Snapshot()
			out.After = s.ID
			return out, w.lake.Publish(ctx, name, branch)
		})
		if err != nil {
			fmt.Fprintf(w.app.out, "main of %d of %s is the branch's now; weir branch publish %s goes on with the others\n", i, plural(int64(len(tables)), "table"), branch)
			return err
		}
		s, _ := t.on.Snapshot()
		fmt.Fprintf(w.app.out, "%s is at %s\n", name, numbered(s))
	}
	fmt.Fprintf(w.app.out, "%s published: main is what branch %s was, and the branch is gone\n", plural(int64(len(tables)), "table"), branch)
	return nil
}

// notPublished names every table that stands in the way.
func (w *workspace) notPublished(branch string, refused []error) error {
	for _, err := range refused[1:] {
		fmt.Fprintln(w.app.err, w.app.redact(err.Error()))
	}
	err := refused[0]
	return fault.New(fault.ClassOf(err), "publish branch %s: nothing done: %w", branch, err).WithHint("%s", fault.HintOf(err))
}

func (a *app) branchDrop() *cobra.Command {
	var yes bool
	var only []string
	c := &cobra.Command{Use: "drop NAME", Short: "Take a branch away; main stays as it is", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.dropBranch(c.Context(), args[0], only, yes) })
	}}
	c.Flags().StringSliceVar(&only, "table", nil, "of these tables only")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (w *workspace) dropBranch(ctx context.Context, branch string, only []string, yes bool) error {
	tables, err := w.droppable(ctx, branch)
	if err != nil {
		return err
	}
	for _, name := range only {
		if !slices.Contains(tables, name) {
			return fault.New(fault.Usage, "table %s has no branch %s", name, branch).WithHint("%s", nearest(name, tables))
		}
	}
	if len(only) > 0 {
		tables = only
	}
	fmt.Fprintf(w.app.out, "branch %s of %s goes; main stays as it is\n", branch, list(tables))
	if err := w.agreed(yes, "drop branch "+branch+"?", "weir branch drop "+branch+" --yes"); err != nil {
		return err
	}
	for _, name := range tables {
		err := w.recorded(ctx, "branch drop "+branch, name, func(journal.Run) (build.Outcome, error) {
			return build.Outcome{}, w.lake.DropBranch(ctx, name, branch)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(w.app.out, "%s has no branch %s any more\n", name, branch)
	}
	return nil
}

// droppable are the tables with a branch. They are found without looking at the branch's snapshots, which may be gone.
func (w *workspace) droppable(ctx context.Context, branch string) ([]string, error) {
	lines, err := w.branchLines(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range lines {
		if names = append(names, l.Branch); l.Branch == branch {
			return l.Tables, nil
		}
	}
	return nil, fault.New(fault.Usage, "no table has a branch %s", branch).WithHint("%s", nearest(branch, names))
}

// readsMain says whether main will have, once tables are published, what a table of the branch was built from. It has not where
// an input was dropped from the branch.
func (w *workspace) readsMain(ctx context.Context, branch string, on *lake.Table, tables []branched) error {
	ledger, err := on.Ledger(ctx)
	if err != nil {
		return err
	}
	for _, input := range keys(ledger.Position) {
		read, err := strconv.ParseInt(ledger.Position[input], 10, 64)
		comes := slices.ContainsFunc(tables, func(t branched) bool { return t.on.Name() == input })
		if err != nil || comes || w.graph.Nodes[on.Name()] == nil || !slices.Contains(w.graph.Needs(on.Name()), input) {
			continue
		}
		main, err := w.lake.Table(ctx, input)
		if err != nil {
			return err
		}
		if main.RowsSince() != read && !slices.ContainsFunc(main.Lineage(), func(s lake.Snapshot) bool { return s.ID == read }) {
			return fault.New(fault.Conflict, "%s on branch %s was built from snapshot %d of %s, which main does not have and the branch no longer", on.Name(), branch, read, input).
				WithHint("build it again on what main is: weir branch drop %s --table %s, then weir run --branch %s %s", branch, on.Name(), branch, on.Name())
		}
	}
	return nil
}
