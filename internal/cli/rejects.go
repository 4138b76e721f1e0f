package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/record"
)

func (a *app) rejectsCommand() *cobra.Command {
	c := &cobra.Command{Use: "rejects", Short: "Records that could not be taken: list, show, export, replay, discard",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.rejectsList(), a.rejectsShow(), a.rejectsExport(), a.rejectsReplay(), a.rejectsDiscard())
	return c
}

func (a *app) rejectsList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "Tables with open rejects", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.listRejects(c.Context(), asJSON) })
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// openReject is a reject and the run it belongs to.
type openReject struct {
	record.Reject
	Run string `json:"run"`
}

type rejectSummary struct {
	Table       string `json:"table"`
	Rejected    int64  `json:"rejected"`
	Quarantined int64  `json:"quarantined"`
	Failed      int64  `json:"of_failed_run"` // of a last build that failed; they go when it succeeds
	Publish     int64  `json:"of_publish"`    // rows of the table that destinations refused
}

func (w *workspace) listRejects(ctx context.Context, asJSON bool) error {
	out := []rejectSummary{}
	for _, name := range w.graph.Order {
		s, err := w.summarise(ctx, name)
		if fault.ClassOf(err) == fault.Data {
			// One damaged table does not hide the others (promise 8).
			fmt.Fprintln(w.app.err, w.app.redact(err.Error()))
			continue
		}
		if err != nil {
			return err
		}
		if s.Rejected+s.Quarantined+s.Failed+s.Publish > 0 {
			out = append(out, s)
		}
	}
	if asJSON {
		return writeJSON(w.app.out, out)
	}
	if len(out) == 0 {
		fmt.Fprintln(w.app.out, "no open rejects")
		return nil
	}
	g := &grid{head: []string{"table", "rejected", "quarantined", "of a failed run", "of publish"}}
	for _, s := range out {
		g.add(s.Table, count(s.Rejected), count(s.Quarantined), count(s.Failed), count(s.Publish))
	}
	g.write(w.app.out)
	return nil
}

func (a *app) rejectsShow() *cobra.Command {
	var f rejectFilter
	var asJSON bool
	var limit int
	c := &cobra.Command{Use: "show TABLE", Short: "Each reject with its place, reason and raw text", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.showRejects(c.Context(), args[0], f, limit, asJSON) })
	}}
	f.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().IntVar(&limit, "limit", 20, "how many, 0 for all")
	return c
}

func (w *workspace) showRejects(ctx context.Context, table string, f rejectFilter, limit int, asJSON bool) error {
	if err := w.known(table); err != nil {
		return err
	}
	open, failed, err := w.rejectsOf(ctx, table)
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	refused, err := w.refusedOf(ctx, table)
	if err != nil {
		return err
	}
	open, failed, refused = f.pick(open), f.pick(failed), f.pick(refused)
	if asJSON {
		return writeJSON(w.app.out, slices.Concat([]openReject{}, open, failed, refused))
	}
	if len(open)+len(failed)+len(refused) == 0 {
		fmt.Fprintf(w.app.out, "%s has no open rejects\n", table)
		return nil
	}
	w.printRejects(open, limit)
	if len(failed) > 0 {
		fmt.Fprintf(w.app.out, "of run %s, which failed; nothing of it is in the table:\n", job.RunNumber(failed[0].Run))
		w.printRejects(failed, limit)
	}
	if len(refused) > 0 {
		fmt.Fprintln(w.app.out, "rows of the table that a destination refused:")
		w.printRejects(refused, limit)
	}
	return nil
}

func (w *workspace) printRejects(rs []openReject, limit int) {
	for i, r := range rs {
		if limit > 0 && i == limit {
			fmt.Fprintf(w.app.out, "… and %s more (--limit 0 shows all)\n", count(int64(len(rs)-limit)))
			return
		}
		place := r.Dataset
		if r.Line > 0 {
			place += ":" + strconv.FormatInt(r.Line, 10)
		}
		fmt.Fprintf(w.app.out, "%s  %s  run %s\n  %s\n  %s\n", place, r.Kind, job.RunNumber(r.Run), r.Reason, strings.ReplaceAll(r.Raw, "\n", "\n  "))
		fmt.Fprintf(w.app.out, "  id %s\n", r.ID)
	}
}

func (a *app) rejectsExport() *cobra.Command {
	var f rejectFilter
	var output string
	c := &cobra.Command{Use: "export TABLE", Short: "Write open rejects as NDJSON, to be mended and replayed", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.exportRejects(c.Context(), args[0], f, output) })
	}}
	f.flags(c)
	c.Flags().StringVarP(&output, "output", "o", "-", "file to write, - for standard output")
	return c
}

func (w *workspace) exportRejects(ctx context.Context, table string, f rejectFilter, output string) (err error) {
	if err := w.known(table); err != nil {
		return err
	}
	open, failed, err := w.rejectsOf(ctx, table)
	if err != nil {
		return err
	}
	picked, err := f.choose(table, open, failed)
	if err != nil {
		return err
	}
	out := w.app.out
	if output != "-" {
		file, err := os.Create(output)
		if err != nil {
			return fault.New(fault.Usage, "export rejects of %s: %w", table, err)
		}
		defer func() {
			if cerr := file.Close(); err == nil && cerr != nil {
				err = fault.New(fault.Unavailable, "export rejects of %s: %w", table, cerr)
			}
		}()
		out = file
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, r := range picked {
		if err := enc.Encode(r); err != nil {
			return fault.New(fault.Unavailable, "export rejects of %s: %w", table, err)
		}
	}
	fmt.Fprintf(w.app.err, "%s exported\n", plural(int64(len(picked)), "reject"))
	return nil
}

func (a *app) rejectsReplay() *cobra.Command {
	var f rejectFilter
	var from string
	var asJSON bool
	c := &cobra.Command{Use: "replay TABLE", Short: "Read rejects again, mended ones from a file", Args: cobra.ExactArgs(1),
		Long: `Read rejects again and commit those that can be taken now.

--from FILE takes the raw texts from a file that weir rejects export wrote and a person mended.
Records that fail again stay in the queue.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.replayRejects(c.Context(), args[0], f, from, asJSON) })
		}}
	f.flags(c)
	c.Flags().StringVar(&from, "from", "", "file of mended rejects, - for standard input")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type replayReport struct {
	Table  string          `json:"table"`
	Taken  int64           `json:"taken"`
	Still  []record.Reject `json:"still,omitempty"` // rejected again
	Counts job.Counts      `json:"counts"`
}

func (w *workspace) replayRejects(ctx context.Context, table string, f rejectFilter, from string, asJSON bool) error {
	if err := w.known(table); err != nil {
		return err
	}
	open, failed, err := w.rejectsOf(ctx, table)
	if err != nil {
		return err
	}
	if from != "" {
		if open, err = w.mended(from, open); err != nil {
			return err
		}
	}
	picked, err := f.choose(table, open, failed)
	if err != nil {
		return err
	}
	if len(picked) == 0 && asJSON {
		return writeJSON(w.app.out, replayReport{Table: table})
	}
	if len(picked) == 0 {
		fmt.Fprintf(w.app.out, "%s has no open rejects to replay\n", table)
		return nil
	}
	return w.recorded(ctx, "rejects replay "+table, table, func(run journal.Run) (build.Outcome, error) {
		task := w.graph.Task(table)
		task.RunID, task.Time = run.ID, run.Time
		rs := make([]record.Reject, len(picked))
		for i, r := range picked {
			rs[i] = r.Reject
		}
		out, err := w.builder().Replay(ctx, task, rs)
		if err != nil {
			return out.Outcome, err
		}
		if asJSON {
			return out.Outcome, writeJSON(w.app.out, replayReport{table, out.Taken, out.Still, out.Outcome.Counts})
		}
		fmt.Fprintf(w.app.out, "%s: %s of %s rejects taken, %s\n", table, count(out.Taken), count(int64(len(rs))), became(out.Outcome.Counts))
		for _, r := range out.Still {
			fmt.Fprintf(w.app.out, "  still rejected: %s:%d %s\n", r.Dataset, r.Line, r.Reason)
		}
		return out.Outcome, nil
	})
}

// mended reads exported rejects back and lays their raw texts over the open ones of the same id.
func (w *workspace) mended(from string, open []openReject) ([]openReject, error) {
	in := w.app.in
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, fault.New(fault.Usage, "read mended rejects: %w", err)
		}
		defer f.Close()
		in = f
	}
	byID := map[string]openReject{}
	for _, r := range open {
		byID[r.ID] = r
	}
	var out []openReject
	reader := bufio.NewReader(in)
	for n := 1; ; n++ {
		text, err := reader.ReadString('\n')
		if strings.TrimSpace(text) != "" {
			var m openReject
			if jerr := json.Unmarshal([]byte(text), &m); jerr != nil {
				return nil, fault.New(fault.Usage, "%s:%d: not an exported reject: %w", from, n, jerr)
			}
			r, ok := byID[m.ID]
			if !ok {
				return nil, fault.New(fault.Usage, "%s:%d: reject %s is not open", from, n, m.ID)
			}
			r.Raw = m.Raw
			out = append(out, r)
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fault.New(fault.Unavailable, "read mended rejects: %w", err)
		}
	}
}

func (a *app) rejectsDiscard() *cobra.Command {
	var f rejectFilter
	var all bool
	c := &cobra.Command{Use: "discard TABLE", Short: "Settle rejects without taking them", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if len(f.ids) == 0 && !all {
			return fault.New(fault.Usage, "discard needs to know what").WithHint("--id ID for single ones, --all for every open reject of the table")
		}
		return a.with(c.Context(), func(w *workspace) error { return w.discardRejects(c.Context(), args[0], f) })
	}}
	f.flags(c)
	c.Flags().BoolVar(&all, "all", false, "every open reject of the table")
	return c
}

func (w *workspace) discardRejects(ctx context.Context, table string, f rejectFilter) error {
	if err := w.known(table); err != nil {
		return err
	}
	open, failed, err := w.rejectsOf(ctx, table)
	if err != nil {
		return err
	}
	picked, err := f.choose(table, open, failed)
	if err != nil {
		return err
	}
	if len(picked) == 0 {
		fmt.Fprintf(w.app.out, "%s has no open rejects\n", table)
		return nil
	}
	ids := make([]string, len(picked))
	for i, r := range picked {
		ids[i] = r.ID
	}
	return w.recorded(ctx, "rejects discard "+table, table, func(run journal.Run) (build.Outcome, error) {
		err := w.builder().Discard(ctx, table, run.ID, run.Time, ids)
		if err == nil {
			fmt.Fprintf(w.app.out, "%s: %s discarded\n", table, plural(int64(len(ids)), "reject"))
		}
		return build.Outcome{}, err
	})
}
