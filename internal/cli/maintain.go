package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
	"weir/internal/maintain"
	"weir/internal/project"
)

// maintainOptions are the flags of weir maintain.
type maintainOptions struct {
	selection
	yes, dry  bool
	json      bool
	olderThan string
}

func (a *app) maintainCommand() *cobra.Command {
	var o maintainOptions
	c := &cobra.Command{
		Use:   "maintain [SELECTION...]",
		Short: "Join small files, expire old snapshots, remove files that nothing names",
		Long: `Keep tables in shape: join small files, take deleted rows out of files for good, sort files as sort: says, let
snapshots expire as keep: says, and remove files that nothing names.

The plan is printed first and carried out after a yes. No row changes: readers of a table see no change, and builds
may run at the same time.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.patterns = args
			return a.with(c.Context(), func(w *workspace) error { return w.maintain(c.Context(), o) })
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.exclude, "exclude", nil, "leave these out")
	f.StringVar(&o.pipeline, "pipeline", "", "the tables of a pipeline")
	f.BoolVar(&o.yes, "yes", false, "do it without asking")
	f.BoolVar(&o.dry, "dry-run", false, "print the plan and do nothing")
	f.StringVar(&o.olderThan, "older-than", "3d", "how old a file must be that nothing names, to be removed; 1h is the least")
	f.BoolVar(&o.json, "json", false, "print as JSON: the plan, with --yes also what was done")
	c.MarkFlagsMutuallyExclusive("yes", "dry-run")
	a.memoryFlag(c)
	return c
}

// leastOrphanAge is the least --older-than. What a writer has written and not committed yet looks like an orphan.
const leastOrphanAge = time.Hour

func (o maintainOptions) orphanAge() (time.Duration, error) {
	age, err := project.ParseDuration(o.olderThan)
	if err != nil {
		return 0, fault.New(fault.Usage, "--older-than: %w", err).WithHint("write it like 3d or 12h")
	}
	if age < leastOrphanAge {
		return 0, fault.New(fault.Usage, "--older-than: %s is too little: the files of a build that is under way are named by nothing yet", o.olderThan).
			WithHint("1h is the least")
	}
	return age, nil
}

// upkeep is one weir maintain.
type upkeep struct {
	w      *workspace
	u      *maintain.Upkeep
	o      maintainOptions
	places lake.Places
	now    time.Time
	lines  []*upkeepLine
}

func (w *workspace) maintain(ctx context.Context, o maintainOptions) error {
	age, err := o.orphanAge()
	if err != nil {
		return err
	}
	tables, _, err := w.resolve(ctx, o.selection)
	if err != nil {
		return err
	}
	k := &upkeep{w: w, o: o, u: &maintain.Upkeep{Lake: w.lake, Engine: w.engine, OrphanAge: age}, now: time.Now().UTC()}
	if k.places, err = w.lake.Places(ctx); err != nil {
		return err
	}
	if err := k.plan(ctx, tables); err != nil {
		return err
	}
	if !o.json {
		k.printPlan()
	}
	do := k.todo() > 0 && !o.dry
	if do && !o.yes {
		// A program that wants JSON is not asked.
		if do = !o.json; do {
			do, err = k.ask()
		}
	}
	if do {
		err = k.do(ctx)
	}
	if err != nil {
		return err
	}
	return k.end()
}

// destinations adds those of a table to its readers: what changes since the snapshot they hold is still to be brought.
func (k *upkeep) destinations(ctx context.Context, t *define.Table, readers map[string][]lake.Reader) error {
	for _, to := range t.Publish {
		j, err := k.w.openJournal(ctx)
		if err != nil {
			return err
		}
		held, err := j.Held(ctx, t.Name, to.To)
		if err != nil {
			return err
		}
		if held != 0 {
			readers[t.Name] = append(readers[t.Name], lake.Reader{Table: to.To, Snapshot: held})
		}
	}
	return nil
}

// plan plans every table that is there. One that cannot be read keeps nobody from the others (promise 8).
func (k *upkeep) plan(ctx context.Context, tables []string) error {
	readers, err := k.u.Readers(ctx, k.w.readings())
	if err != nil {
		return err
	}
	for _, name := range tables {
		d := k.w.graph.Nodes[name].Table
		if d.Mode == define.View {
			continue
		}
		if err := k.destinations(ctx, d, readers); err != nil {
			return err
		}
		t := maintain.Table{Name: name, FileBytes: d.FileBytes, Sort: d.Sort,
			Keep: lake.Keep{Age: d.Keep.Snapshots, AtLeast: d.Keep.AtLeast, Readers: readers[name], Now: k.now}}
		p, err := k.u.Plan(ctx, t, k.places)
		switch {
		case isNoTable(err):
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		}
		p.Table = t
		l := &upkeepLine{plan: p, keep: d.Keep, err: err}
		if err == nil {
			l.planned = l.steps(k.u.OrphanAge)
		}
		k.lines = append(k.lines, l)
	}
	return nil
}

// readings are the tables of the project that read others in SQL, with what they read, directly and through views.
func (w *workspace) readings() map[string][]string {
	out := map[string][]string{}
	for name, n := range w.graph.Nodes {
		if n.Table.Kind != define.FromSQL || n.Table.Mode == define.View {
			continue
		}
		for _, in := range w.graph.Task(name).Inputs {
			if in.View == "" {
				out[name] = append(out[name], in.Name)
			}
		}
	}
	return out
}

func (k *upkeep) todo() (n int) {
	for _, l := range k.lines {
		if l.err == nil && !l.plan.Nothing() {
			n++
		}
	}
	return n
}

// do carries the plans out, one table after the other: the engine takes all cores for each. A table with more to compact than
// one commit takes has its turn again in a run of its own, since a run commits once to a table (promise 4).
func (k *upkeep) do(ctx context.Context) error {
	for _, l := range k.lines {
		if l.err != nil || l.plan.Nothing() {
			continue
		}
		for more := true; more && l.err == nil; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			more = k.pass(ctx, l)
		}
		if !k.o.json {
			l.printDone(k.w.app)
		}
	}
	return nil
}

// pass does one pass over a table and writes it into the journal.
func (k *upkeep) pass(ctx context.Context, l *upkeepLine) (more bool) {
	l.err = k.w.recorded(ctx, "maintain "+l.plan.Table.Name, l.plan.Table.Name, func(run journal.Run) (build.Outcome, error) {
		done, err := k.u.Do(ctx, l.plan, run.ID, run.Time, k.places)
		l.add(run.Number, done)
		c := done.Compacted
		more = done.More && c.After != 0
		return build.Outcome{Why: l.text(done), Counts: c.Counts, Before: c.Before, After: c.After, Files: c.Written, BytesRead: c.Bytes, BytesWritten: c.BytesLeft}, err
	})
	// What expires and what is an orphan was dealt with in the first pass.
	l.plan.Expire.Snapshots, l.plan.Orphans = nil, lake.Orphans{}
	return more
}

// end reports, and gives the exit code: that of the failure where all failed.
func (k *upkeep) end() error {
	if k.o.json {
		return errors.Join(k.printJSON(), k.code())
	}
	return k.code()
}

func (k *upkeep) code() error {
	var failed []error
	for _, l := range k.lines {
		if l.err != nil {
			if !k.o.json {
				text := l.err.Error()
				if !strings.Contains(text, l.plan.Table.Name+":") {
					text = l.plan.Table.Name + ": " + text
				}
				fmt.Fprintln(k.w.app.err, k.w.app.redact(text))
				if hint := fault.HintOf(l.err); hint != "" {
					fmt.Fprintln(k.w.app.err, "  "+k.w.app.redact(hint))
				}
			}
			failed = append(failed, l.err)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) < len(k.lines):
		return exitCode(fault.ExitPartly)
	}
	return exitCode(fault.ExitCode(failed[0]))
}
