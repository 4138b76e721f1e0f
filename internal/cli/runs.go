package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/journal"
)

func (a *app) runsCommand() *cobra.Command {
	var asJSON bool
	var limit int
	c := &cobra.Command{Use: "runs [RUN]", Short: "The latest runs, or one run with its builds and rules", Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error {
			if len(args) == 1 {
				return w.oneRun(c.Context(), args[0], asJSON)
			}
			return w.runs(c.Context(), limit, asJSON)
		})
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	return c
}

func (w *workspace) runs(ctx context.Context, limit int, asJSON bool) error {
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	runs, err := j.Runs(ctx, limit)
	if err != nil {
		return err
	}
	if asJSON {
		if runs == nil {
			runs = []journal.Run{}
		}
		return writeJSON(w.app.out, runs)
	}
	g := &grid{head: []string{"run", "status", "started (UTC)", "took", "what"}}
	for _, r := range runs {
		g.add(fmt.Sprint(r.Number), string(r.Status), when(r.Started), took(r.Started, r.Ended), dash(r.Selection))
	}
	g.write(w.app.out)
	return nil
}

func took(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return "-"
	}
	return seconds(to.Sub(from))
}

type runReport struct {
	journal.Run
	Builds []journal.Build `json:"builds"`
	// Publishes are the attempts at destinations.
	Publishes []journal.Publish    `json:"publishes,omitempty"`
	Rules     []journal.RuleResult `json:"rules"`
	Events    []journal.Event      `json:"events"`
}

func (w *workspace) oneRun(ctx context.Context, number string, asJSON bool) error {
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	rep := runReport{}
	if rep.Run, err = findRun(ctx, j, number); err != nil {
		return err
	}
	if rep.Builds, err = j.Builds(ctx, rep.ID); err != nil {
		return err
	}
	if rep.Events, err = j.Events(ctx, rep.ID); err != nil {
		return err
	}
	if rep.Publishes, err = j.Publishes(ctx, rep.ID); err != nil {
		return err
	}
	if rep.Rules, err = j.RuleResults(ctx, rep.ID, ""); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.app.out, rep)
	}
	w.printRun(rep)
	return nil
}

func (w *workspace) printRun(rep runReport) {
	fmt.Fprintf(w.app.out, "run %d · %s · started %s UTC · logical time %s UTC · took %s\n", rep.Number, rep.Status, when(rep.Started), when(rep.Time), took(rep.Started, rep.Ended))
	w.printBuilds(rep.Builds)
	w.printPublishes(rep.Publishes)
	for _, r := range rep.Rules {
		mark := "holds"
		if !r.Passed {
			mark = "does not hold: " + r.Reason
		}
		of := r.Table
		if r.Part != "" {
			of += " " + r.Part
		}
		fmt.Fprintf(w.app.out, "rule  %s  %s  %s\n", of, r.Rule, mark)
	}
	for _, e := range rep.Events {
		fmt.Fprintf(w.app.out, "%s  %s  %s  %s\n", when(e.At), e.Table, e.Kind, e.Message)
	}
}

func (w *workspace) printBuilds(builds []journal.Build) {
	if len(builds) == 0 {
		return
	}
	g := &grid{head: []string{"table", "status", "read", "accepted", "rejected", "quarantined", "rows", "took", "why"}}
	for _, b := range builds {
		why := b.Why
		if b.Error != "" {
			why = b.Error
		}
		c := b.Counts
		g.add(b.Table, string(b.Status), count(c.Read), count(c.Accepted), count(c.Rejected), count(c.Quarantined), count(c.After), took(b.Started, b.Ended), why)
	}
	g.write(w.app.out)
}

func (w *workspace) printPublishes(publishes []journal.Publish) {
	if len(publishes) == 0 {
		return
	}
	g := &grid{head: []string{"destination", "status", "rows", "written", "deleted", "refused", "took", "why"}}
	for _, p := range publishes {
		why := p.Why
		if p.Error != "" {
			why = p.Error
		}
		g.add(p.Destination, string(p.Status), count(p.Rows), count(p.Written), count(p.Deleted), count(p.Refused), took(p.Started, p.Ended), why)
	}
	g.write(w.app.out)
}
