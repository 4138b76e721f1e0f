package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/run"
)

// publishOptions are the flags of weir publish.
type publishOptions struct {
	selection
	to   string
	full bool
	look bool
	json bool
	jobs int
}

func (a *app) publishCommand() *cobra.Command {
	var o publishOptions
	c := &cobra.Command{
		Use:   "publish [SELECTION...]",
		Short: "Bring tables, or what changed in them, to their destinations",
		Long: `Bring tables to the destinations that publish: in their definitions names, all of them or those of a selection.

A destination keeps its own position: only what changed since is brought, in one transaction with the new position.
weir run does the same after each table, where the environment says publish: on.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.patterns = args
			return a.with(c.Context(), func(w *workspace) error { return w.publish(c.Context(), o) })
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.exclude, "exclude", nil, "leave these out")
	f.StringVar(&o.to, "to", "", "only this destination")
	f.BoolVar(&o.full, "full", false, "bring all rows, whatever the destination has")
	f.BoolVar(&o.look, "dry-run", false, "say what would be brought, and change nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.IntVar(&o.jobs, "jobs", 0, "destinations reached side by side (default: the number of cores)")
	a.memoryFlag(c)
	return c
}

// toPublish are the destinations that are meant.
func (w *workspace) toPublish(ctx context.Context, o publishOptions) ([]publishing, error) {
	if !w.project.Publish {
		env := w.project.Env
		if env == "" {
			env = "prod"
		}
		return nil, fault.New(fault.Usage, "tables are not published here: an environment has to say publish: on").
			WithHint("weir.yaml: environments: { %s: { publish: on } }, and weir --env %s publish", env, env)
	}
	tables, _, err := w.resolve(ctx, o.selection)
	if err != nil {
		return nil, err
	}
	var out []publishing
	var known []string
	for _, p := range w.destinations(tables) {
		known = append(known, p.to.To)
		if o.to == "" || o.to == p.to.To {
			out = append(out, p)
		}
	}
	if len(out) == 0 && o.to != "" {
		return nil, fault.New(fault.Usage, "--to: no table of the selection is published to %q", o.to).WithHint("%s", nearest(o.to, known))
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Usage, "no table of the selection has a destination").WithHint("publish: in a table's definition names them: publish: { to: connection.schema.table }")
	}
	return out, nil
}

func (w *workspace) publish(ctx context.Context, o publishOptions) error {
	to, err := w.toPublish(ctx, o)
	if err != nil {
		return err
	}
	if o.look {
		return w.lookToPublish(ctx, to, o)
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	what := changePrefix + "publish " + o.text()
	if o.to != "" {
		what += " --to " + o.to
	}
	if o.full {
		what += " " + fullFlag
	}
	ro := runOptions{selection: selection{patterns: []string{what}}, json: o.json, jobs: o.jobs, republish: o.full}
	r, err := w.beginRun(ctx, j, ro, nil)
	if err != nil {
		return err
	}
	e := newExecution(w, j, r, ro)
	e.show.began(fmt.Sprintf("run %d · %s", r.Number, plural(int64(len(to)), "destination")))
	results, err := run.Graph(ctx, e.publishSteps(nil, to), run.Options{Parallel: parallel(o.jobs), Notify: e.notify}, e.step(nil))
	e.show.stop()
	if err != nil {
		return errors.Join(err, j.Finish(context.WithoutCancel(ctx), r.ID, journal.Failed))
	}
	return e.finish(context.WithoutCancel(ctx), results)
}
