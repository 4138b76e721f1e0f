package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/plan"
)

// selection is what a person asked for, the same in every command that takes tables.
type selection struct {
	patterns []string
	exclude  []string
	pipeline string
	failed   string
	changed  bool
}

// text writes the selection as it was asked for.
func (s selection) text() string {
	parts := slices.Clone(s.patterns)
	if s.pipeline != "" {
		parts = append(parts, "--pipeline "+s.pipeline)
	}
	for _, e := range s.exclude {
		parts = append(parts, "--exclude "+e)
	}
	if s.failed != "" {
		parts = append(parts, "--failed "+s.failed)
	}
	if s.changed {
		parts = append(parts, "--changed")
	}
	return strings.Join(parts, " ")
}

// runNumber takes the run of --failed N out of the arguments: the flag stands alone for the last run, so that its value
// comes as an argument. No table's name is a number.
func (s *selection) runNumber(args []string) []string {
	if s.failed != lastRun || len(args) == 0 {
		return args
	}
	if _, err := strconv.ParseInt(args[0], 10, 64); err != nil {
		return args
	}
	s.failed = args[0]
	return args[1:]
}

// lastRun is what --failed means without a number.
const lastRun = "last"

// resolve finds the selected tables. prior is the run of --failed.
func (w *workspace) resolve(ctx context.Context, s selection) (tables []string, prior *journal.Run, err error) {
	patterns := s.patterns
	if s.pipeline != "" {
		p, ok := w.project.Pipelines[s.pipeline]
		if !ok {
			return nil, nil, fault.New(fault.Usage, "pipeline %q is not in pipelines/", s.pipeline).
				WithHint("%s", nearest(s.pipeline, keys(w.project.Pipelines)))
		}
		patterns = append(slices.Clone(patterns), p.Tables...)
	}
	if s.failed != "" {
		failed, run, err := w.failedOf(ctx, s.failed)
		if err != nil || len(failed) == 0 && len(patterns) == 0 {
			return nil, run, err
		}
		patterns, prior = append(slices.Clone(patterns), failed...), run
	}
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	tables, err = plan.Select(w.nodes(), patterns, s.exclude)
	if err != nil || !s.changed {
		return tables, prior, err
	}
	tables, err = w.changedOnly(ctx, tables)
	return tables, prior, err
}

func (w *workspace) nodes() []plan.Selectable {
	var nodes []plan.Selectable
	for _, name := range w.graph.Order {
		n := w.graph.Nodes[name]
		nodes = append(nodes, plan.Selectable{Name: name, Tags: n.Table.Tags, Needs: n.Inputs})
	}
	return nodes
}

// failedOf lists the tables of a run that did not come through.
func (w *workspace) failedOf(ctx context.Context, number string) ([]string, *journal.Run, error) {
	j, err := w.openJournal(ctx)
	if err != nil {
		return nil, nil, err
	}
	run, err := w.failedRun(ctx, j, number)
	if err != nil {
		return nil, nil, err
	}
	builds, err := j.Builds(ctx, run.ID)
	if err != nil {
		return nil, nil, err
	}
	done := map[string]bool{}
	for _, b := range builds {
		done[b.Table] = done[b.Table] || b.Status == journal.BuildBuilt || b.Status == journal.BuildSkipped
	}
	publishes, err := j.Publishes(ctx, run.ID)
	if err != nil {
		return nil, nil, err
	}
	reached := map[string]bool{}
	for _, p := range publishes {
		reached[p.Destination] = reached[p.Destination] || p.Status == journal.Published || p.Status == journal.PublishSkipped
	}
	for _, p := range publishes {
		if !reached[p.Destination] {
			done[p.Table] = false
		}
	}
	var failed []string
	for _, name := range keys(done) {
		if !done[name] && w.graph.Nodes[name] != nil {
			failed = append(failed, name)
		}
	}
	return failed, &run, nil
}

// failedRun finds the run of --failed: the last weir run where no number is given, not the replays and other changes of a
// single table, which the journal keeps as runs too.
func (w *workspace) failedRun(ctx context.Context, j *journal.Journal, number string) (journal.Run, error) {
	if number != lastRun {
		return findRun(ctx, j, number)
	}
	runs, err := j.Runs(ctx, 0)
	if err != nil {
		return journal.Run{}, err
	}
	for _, r := range runs {
		if !strings.HasPrefix(r.Selection, changePrefix) {
			return r, nil
		}
	}
	return findRun(ctx, j, lastRun)
}

// findRun finds a run by number; "" and "last" mean the latest.
func findRun(ctx context.Context, j *journal.Journal, number string) (journal.Run, error) {
	if number == "" || number == lastRun {
		runs, err := j.Runs(ctx, 1)
		if err != nil {
			return journal.Run{}, err
		}
		if len(runs) == 0 {
			return journal.Run{}, fault.New(fault.Usage, "there are no runs yet").WithHint("weir run makes one")
		}
		return runs[0], nil
	}
	n, err := strconv.ParseInt(job.RunNumber(number), 10, 64)
	if err != nil {
		return journal.Run{}, fault.New(fault.Usage, "run %q is not a number", number).WithHint("weir runs lists them")
	}
	run, err := j.RunByNumber(ctx, n)
	if errors.Is(err, journal.ErrNoRun) {
		return run, fault.New(fault.Usage, "there is no run %d", n).WithHint("weir runs lists them")
	}
	return run, err
}

// changedOnly keeps the tables whose definition is not the one they were last built from, and those that need them.
func (w *workspace) changedOnly(ctx context.Context, tables []string) ([]string, error) {
	b := w.builder()
	if w.elsewhere != "" {
		b.Lake = w.others[w.elsewhere] // what differs from there has to be built here
	}
	changed := map[string]bool{}
	var out []string
	for _, name := range w.graph.Order {
		is, err := b.DefinitionChanged(ctx, w.graph.Task(name))
		if err != nil {
			return nil, err
		}
		for _, in := range w.graph.Nodes[name].Inputs {
			is = is || changed[in]
		}
		changed[name] = is
		if is && slices.Contains(tables, name) {
			out = append(out, name)
		}
	}
	return out, nil
}
