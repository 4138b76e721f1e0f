package cli

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/run"
)

// runOptions are the flags of weir run.
type runOptions struct {
	selection
	full, destroy bool
	forward       bool
	jobs          int
	json          bool
	at            string
	branch        string
	deferred      string
	limit         int64
	republish     bool // destinations get all rows: of weir publish
	follow        bool
	every         time.Duration
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run [SELECTION...]",
		Short: "Build what is out of date, in order",
		Long: `Build what is out of date: every table, or those of a selection.

A selection is names and patterns: marts.daily, 'marts.*', +t (with what it needs), t+ (with what needs it), tag:x.
Tables that do not need each other are built side by side. A table that fails stays exactly as it was and
blocks only those that need it.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.patterns = o.runNumber(args)
			return a.onBranch(c.Context(), o.branch, func(w *workspace) error { return w.run(c.Context(), o) })
		},
	}
	selectionFlags(c, &o.selection)
	f := c.Flags()
	f.StringVar(&o.failed, "failed", "", "build again what failed, was blocked or interrupted in a run, with that run's logical time")
	f.Lookup("failed").NoOptDefVal = lastRun
	f.BoolVar(&o.full, "full", false, "read everything again")
	f.BoolVar(&o.forward, "forward-only", false, "where a definition changed, keep the rows there are and take it for new ones")
	c.MarkFlagsMutuallyExclusive("full", "forward-only")
	f.BoolVar(&o.destroy, "destroy-history", false, "with --full: allow a table to lose a past that may not be read again")
	branchFlag(c, &o.branch)
	deferFlag(c, &o.deferred)
	f.Int64Var(&o.limit, "limit", 0, "for development: read at most this many rows into each table that is read from a source")
	f.IntVar(&o.jobs, "jobs", 0, "tables built side by side (default: the number of cores)")
	f.BoolVar(&o.follow, "follow", false, "go on until stopped: build what is out of date again and again")
	f.DurationVar(&o.every, "every", 10*time.Second, "with --follow, how long to wait between two runs")
	f.StringVar(&o.at, "time", "", "logical time of the run, RFC 3339 (default: now)")
	for _, other := range []string{"full", "failed", "limit", "time"} {
		c.MarkFlagsMutuallyExclusive("follow", other)
	}
	f.BoolVar(&o.json, "json", false, "print the run's result as JSON")
	a.memoryFlag(c)
	return c
}

// Flags that change what a run does with its tables. The journal keeps them with the selection, so that a retry of the run
// does what the run would have done.
const (
	fullFlag    = "--full"
	destroyFlag = "--destroy-history"
	branchWord  = "--branch"
	deferWord   = "--defer"
	limitWord   = "--limit"
	forwardFlag = "--forward-only"
)

// asked writes what a person asked for.
func (o runOptions) asked() string {
	parts := []string{o.text()}
	if o.full {
		parts = append(parts, fullFlag)
	}
	if o.destroy {
		parts = append(parts, destroyFlag)
	}
	if o.branch != "" {
		parts = append(parts, branchWord+" "+o.branch)
	}
	if o.deferred != "" {
		parts = append(parts, deferWord+" "+o.deferred)
	}
	if o.limit > 0 {
		parts = append(parts, limitWord+" "+strconv.FormatInt(o.limit, 10))
	}
	if o.forward {
		parts = append(parts, forwardFlag)
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// like takes the flags of a run that is built again.
func (o *runOptions) like(prior journal.Run) {
	words := strings.Fields(prior.Selection)
	o.full = o.full || slices.Contains(words, fullFlag)
	o.destroy = o.destroy || slices.Contains(words, destroyFlag)
	o.forward = o.forward || !o.full && slices.Contains(words, forwardFlag)
	limit := ""
	for word, to := range map[string]*string{branchWord: &o.branch, deferWord: &o.deferred, limitWord: &limit} {
		if i := slices.Index(words, word); i >= 0 && i+1 < len(words) && *to == "" {
			*to = words[i+1]
		}
	}
	if n, err := strconv.ParseInt(limit, 10, 64); err == nil && o.limit == 0 {
		o.limit = n
	}
}

func selectionFlags(c *cobra.Command, s *selection) {
	c.Flags().StringSliceVar(&s.exclude, "exclude", nil, "leave these out")
	c.Flags().StringVar(&s.pipeline, "pipeline", "", "the tables of a pipeline")
	c.Flags().BoolVar(&s.changed, "changed", false, "only tables whose definition changed, and those that need them")
}

func (a *app) memoryFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.memory, "memory", "", "memory budget of the process, such as 2GB")
}

// run builds the selected tables and reports.
func (w *workspace) run(ctx context.Context, o runOptions) error {
	if o.jobs < 0 {
		return fault.New(fault.Usage, "--jobs: %d is no number of tables", o.jobs)
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	if err := w.deferTo(ctx, o.deferred); err != nil {
		return err
	}
	tables, prior, err := w.resolve(ctx, o.selection)
	if err != nil {
		return err
	}
	if prior != nil && len(tables) == 0 {
		return w.nothingFailed(o, prior.Number)
	}
	if prior != nil {
		o.like(*prior)
	}
	if err := errors.Join(w.useBranch(o.branch), w.deferTo(ctx, o.deferred)); err != nil {
		return err
	}
	if err := w.mayLimit(o); err != nil {
		return err
	}
	if o.follow {
		return w.follow(ctx, j, o, tables)
	}
	r, err := w.beginRun(ctx, j, o, prior)
	if err != nil {
		return err
	}
	e := newExecution(w, j, r, o)
	results, err := e.do(ctx, tables)
	if err != nil {
		return errors.Join(err, j.Finish(context.WithoutCancel(ctx), r.ID, journal.Failed))
	}
	return e.finish(context.WithoutCancel(ctx), results)
}

func (w *workspace) beginRun(ctx context.Context, j *journal.Journal, o runOptions, prior *journal.Run) (journal.Run, error) {
	host, _ := os.Hostname()
	r := journal.Run{Project: w.project.Name, Env: w.project.Env, Selection: o.asked(), PID: os.Getpid(), Host: host}
	if prior != nil {
		// The same logical time, so that the rows are those the run would have written (design: Time).
		r.Retry, r.Time = prior.ID, prior.Time
	}
	if o.at != "" {
		at, err := time.Parse(time.RFC3339Nano, o.at)
		if err != nil {
			return r, fault.New(fault.Usage, "--time: %q is not a time", o.at).WithHint("write it like 2026-03-05T02:00:00Z")
		}
		r.Time = at.UTC().Truncate(time.Microsecond)
	}
	return j.Begin(ctx, r)
}

// steps are the selected tables that store something, as the runner wants them.
func (w *workspace) steps(tables []string) []run.Step {
	var steps []run.Step
	chosen := map[string]bool{}
	for _, name := range tables {
		chosen[name] = true
	}
	for _, name := range w.graph.Order {
		t := w.graph.Nodes[name].Table
		if !chosen[name] || t.Mode == define.View {
			continue
		}
		s := run.Step{Name: name, Timeout: t.Timeout, Retries: t.Retries}
		for _, need := range w.graph.Needs(name) {
			if chosen[need] {
				s.Needs = append(s.Needs, need)
			}
		}
		steps = append(steps, s)
	}
	return steps
}

func parallel(jobs int) int {
	if jobs > 0 {
		return jobs
	}
	return runtime.GOMAXPROCS(0)
}
