package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/run"
)

// backfillOptions are the flags of weir backfill.
type backfillOptions struct {
	table, from, to, chunk string
	yes, restart           bool
	parallel               int
}

// maxParallel bounds how many windows are built at once: they share one budget of memory.
const maxParallel = 32

func (a *app) backfillCommand() *cobra.Command {
	var o backfillOptions
	c := &cobra.Command{
		Use:   "backfill TABLE --from TIME [--to TIME]",
		Short: "Compute windows of the past again",
		Long: `Compute windows of the past again, of a table with incremental: { window: … }.

The range is widened to whole grains of the window and cut into windows of --chunk, which are computed from what the inputs
hold now and replaced one by one. No position moves: the next run goes on where the last one ended. A backfill that was
interrupted goes on with the windows that are not done when the same command is given again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.table = args[0]
			return a.with(c.Context(), func(w *workspace) error { return w.backfill(c.Context(), o) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "first moment, such as 2026-03-01, in the project's time zone")
	f.StringVar(&o.to, "to", "", "moment after the last (default: now)")
	f.StringVar(&o.chunk, "chunk", "", "length of a window: 12h, 7d, 1mo (default: one grain)")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.BoolVar(&o.restart, "restart", false, "do not go on with an interrupted backfill, begin anew")
	f.IntVar(&o.parallel, "parallel", 1, "windows built at once")
	a.memoryFlag(c)
	return c
}

// filling is one backfill under way.
type filling struct {
	w      *workspace
	o      backfillOptions
	j      *journal.Journal
	task   build.Task
	plan   build.Windows
	inputs string       // the snapshots it reads
	root   string       // run id that the windows' own ids begin with
	done   map[int]bool // windows that an interrupted backfill has committed
	run    journal.Run

	mu       sync.Mutex
	outcomes map[string]build.Outcome
}

func (w *workspace) backfill(ctx context.Context, o backfillOptions) error {
	if err := w.known(o.table); err != nil {
		return err
	}
	if o.from == "" {
		return fault.New(fault.Usage, "--from is missing").WithHint("weir backfill %s --from 2026-03-01 --to 2026-04-01", o.table)
	}
	if o.parallel < 1 || o.parallel > maxParallel {
		return fault.New(fault.Usage, "--parallel: %d is not between 1 and %d", o.parallel, maxParallel)
	}
	chunk, ok := define.ParseSpan(o.chunk)
	if !ok && o.chunk != "" {
		return fault.New(fault.Usage, "--chunk: %q is not a length of time", o.chunk).WithHint("write it like 12h, 7d, 2w or 1mo")
	}
	f := &filling{w: w, o: o, task: w.graph.Task(o.table), done: map[int]bool{}, outcomes: map[string]build.Outcome{}}
	f.task.Time = time.Now().UTC().Truncate(time.Microsecond)
	var err error
	if f.plan, err = w.builder().Windows(ctx, f.task, o.from, o.to, chunk); err != nil {
		return err
	}
	if f.j, err = w.openJournal(ctx); err != nil {
		return err
	}
	if f.inputs, err = f.versions(ctx); err != nil {
		return err
	}
	if err := f.resume(ctx); err != nil {
		return err
	}
	f.print()
	if len(f.done) == len(f.plan.Each) {
		return nil
	}
	if err := f.ask(); err != nil {
		return err
	}
	return f.do(ctx)
}

// selection tells one backfill from another in the journal.
func (f *filling) selection() string {
	return fmt.Sprintf("backfill %s --from '%s' --to '%s' --chunk '%s'", f.o.table, f.plan.All.From, f.plan.All.To, f.o.chunk)
}

// resume finds the last backfill of the same windows, if it did not come to its end.
func (f *filling) resume(ctx context.Context) error {
	if f.o.restart {
		return nil
	}
	runs, err := f.j.Runs(ctx, 0)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Selection != f.selection() {
			continue
		}
		if r.Status == journal.Done {
			return nil
		}
		f.run.Retry, f.run.Time, f.root = r.ID, r.Time, r.ID
		if r.Retry != "" {
			f.root = r.Retry
			f.run.Retry = r.Retry
		}
		break
	}
	if f.root == "" {
		return nil
	}
	t, err := f.w.lake.Table(ctx, f.o.table)
	if err != nil {
		return err
	}
	ledger, err := t.Ledger(ctx)
	if err != nil {
		return err
	}
	for i := range f.plan.Each {
		f.done[i] = ledger.HasRun(f.id(i))
		if !f.done[i] {
			delete(f.done, i)
		}
	}
	return nil
}

// versions names the snapshots of what the table reads.
func (f *filling) versions(ctx context.Context) (string, error) {
	var out strings.Builder
	for _, name := range f.w.graph.Needs(f.o.table) {
		t, err := f.w.lake.Table(ctx, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s %d\n", name, t.RowsSince())
	}
	return out.String(), nil
}

// id is the run id of one window: that of the backfill, what the window is, and what it is computed from. A window that was
// computed from inputs as they are no more is not done.
func (f *filling) id(i int) string {
	s := f.plan.Each[i]
	sum := sha256.Sum256([]byte(s.From + "\x00" + s.To + "\x00" + f.task.Definition + "\x00" + f.inputs))
	return fmt.Sprintf("%s-w%d-%x", f.root, i+1, sum[:4])
}

// shownWindows is how many windows a plan lists.
const shownWindows = 20

func (f *filling) print() {
	out := f.w.app.out
	g := &grid{}
	for i, s := range f.plan.Each {
		if i == shownWindows {
			break
		}
		what := plural(s.Rows, "row") + " there now"
		if f.done[i] {
			what = "done before"
		}
		g.add(s.From, s.To, what)
	}
	g.write(out)
	if n := len(f.plan.Each) - shownWindows; n > 0 {
		fmt.Fprintf(out, "… and %s\n", plural(int64(n), "further window"))
	}
	var rows int64
	for i, s := range f.plan.Each {
		if !f.done[i] {
			rows += s.Rows
		}
	}
	left := len(f.plan.Each) - len(f.done)
	fmt.Fprintf(out, "%s of %s to compute, %d at once: %s there now to be replaced; each reads up to %s. No position moves.\n",
		plural(int64(left), "window"), f.o.table, min(f.o.parallel, max(1, left)), plural(rows, "row"), size(f.plan.Bytes))
	if len(f.done) > 0 {
		fmt.Fprintf(out, "going on with run %s; --restart begins anew\n", runOf(f.root))
	}
}

func runOf(id string) string {
	number, _, _ := strings.Cut(strings.TrimLeft(id, "0"), "-")
	return number
}

// ask waits for a yes on a terminal.
func (f *filling) ask() error {
	if f.o.yes {
		return nil
	}
	in, ok := f.w.app.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fault.New(fault.Usage, "nothing was done: there is no terminal to ask on").WithHint("add --yes")
	}
	fmt.Fprint(f.w.app.out, "go on? [y/N] ")
	line, _ := bufio.NewReader(in).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return fault.New(fault.Usage, "nothing was done")
	}
	return nil
}

func (f *filling) do(ctx context.Context) error {
	host, _ := os.Hostname()
	f.run.Project, f.run.Env, f.run.Selection, f.run.PID, f.run.Host = f.w.project.Name, f.w.project.Env, f.selection(), os.Getpid(), host
	if f.run.Time.IsZero() {
		f.run.Time = f.task.Time
	}
	r, err := f.j.Begin(ctx, f.run)
	if err != nil {
		return err
	}
	if f.run = r; f.root == "" {
		f.root = r.ID
	}
	var steps []run.Step
	at := map[string]int{}
	for i, s := range f.plan.Each {
		if !f.done[i] {
			steps = append(steps, run.Step{Name: s.From, Timeout: f.task.Table.Timeout, Retries: f.task.Table.Retries})
			at[s.From] = i
		}
	}
	b := f.w.builder()
	started := time.Now()
	results, err := run.Graph(ctx, steps, run.Options{Parallel: f.o.parallel, Notify: f.notify}, func(ctx context.Context, s run.Step, _ int) (bool, error) {
		return false, f.window(ctx, b, at[s.Name])
	})
	keep := context.WithoutCancel(ctx)
	if err != nil {
		return errors.Join(err, f.j.Finish(keep, r.ID, journal.Failed))
	}
	code := run.Exit(results)
	if err := f.j.Finish(keep, r.ID, statusOf(code, results)); err != nil {
		return err
	}
	return f.finished(results, code, time.Since(started))
}

// window computes one window and writes down what came of it.
func (f *filling) window(ctx context.Context, b *build.Builder, i int) error {
	task := f.task
	task.RunID, task.Time, task.Backfill = f.id(i), f.run.Time, &f.plan.Each[i].Range
	note := journal.Build{RunID: f.run.ID, Table: f.o.table, Attempt: i + 1, Status: journal.BuildRunning, Mode: string(task.Table.Mode),
		Started: time.Now().UTC(), Definition: task.Definition}
	if err := f.j.Build(ctx, note); err != nil {
		return err
	}
	out, err := b.Build(ctx, task)
	note.Ended = time.Now().UTC()
	(&execution{}).fill(&note, out, err)
	f.mu.Lock()
	f.outcomes[task.Backfill.From] = out
	f.mu.Unlock()
	keep := context.WithoutCancel(ctx)
	return errors.Join(err, f.j.Build(keep, note), f.j.Rules(keep, ruleResults(f.run.ID, f.o.table, task.Backfill.From+" to "+task.Backfill.To, out)))
}

func (f *filling) notify(ev run.Event) {
	if ev.Kind != run.Finished {
		return
	}
	f.mu.Lock()
	out := f.outcomes[ev.Step]
	defer f.mu.Unlock()
	switch r := ev.Result; r.Status {
	case run.Built:
		fmt.Fprintf(f.w.app.out, "%s  built  %s  %s\n", ev.Step, counted(out), seconds(r.Ended.Sub(r.Started)))
	case run.Failed:
		fmt.Fprintf(f.w.app.out, "%s  FAILED  %s\n", ev.Step, f.w.app.redact(strings.TrimPrefix(r.Err.Error(), "build "+f.o.table+": ")))
	}
}

func (f *filling) finished(results []run.Result, code int, took time.Duration) error {
	built := 0
	for _, r := range results {
		if r.Status == run.Built {
			built++
		}
	}
	line := fmt.Sprintf("%d of %s computed in %s", built, plural(int64(len(results)), "window"), seconds(took))
	if code != fault.ExitDone {
		line += ". The same command goes on with those that are left"
	}
	fmt.Fprintln(f.w.app.out, line)
	if code != fault.ExitDone {
		return exitCode(code)
	}
	return nil
}
