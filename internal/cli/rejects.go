package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/job"
)

func (a *app) rejectsCommand() *cobra.Command {
	c := &cobra.Command{Use: "rejects", Short: "Records that could not be taken: list, show, export, edit, replay, discard",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.rejectsList(), a.rejectsShow(), a.rejectsExport(), a.rejectsEdit(), a.rejectsReplay(), a.rejectsDiscard())
	return c
}

func (a *app) rejectsShow() *cobra.Command {
	var f rejectFilter
	var asJSON bool
	var limit int
	var state string
	c := &cobra.Command{Use: "show TABLE", Short: "Each reject with its place, reason and raw text", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.showRejects(c.Context(), args[0], f, state, limit, asJSON) })
	}}
	f.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().IntVar(&limit, "limit", 20, "how many, 0 for all")
	c.Flags().StringVar(&state, "state", "open", "open, or settled: those that were replayed, discarded or superseded")
	return c
}

func (w *workspace) showRejects(ctx context.Context, table string, f rejectFilter, state string, limit int, asJSON bool) error {
	if err := w.known(table); err != nil {
		return err
	}
	if err := f.check(time.Now()); err != nil {
		return err
	}
	var all waiting
	var settled []openReject
	var err error
	switch state {
	case "open":
		all, err = w.waitingOf(ctx, table)
	case "settled":
		settled, err = w.settledOf(ctx, table)
	default:
		err = fault.New(fault.Usage, "--state: %q is not known", state).WithHint("open or settled")
	}
	if err != nil {
		return err
	}
	open, failed, refused, settled := f.pick(all.open), f.pick(all.failed), f.pick(all.refused), f.pick(settled)
	if asJSON {
		return writeJSON(w.app.out, slices.Concat([]openReject{}, open, failed, refused, settled))
	}
	if len(open)+len(failed)+len(refused)+len(settled) == 0 {
		fmt.Fprintf(w.app.out, "%s has no %s rejects\n", table, state)
		return nil
	}
	w.printRejects(slices.Concat(open, settled), limit)
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

// place is where a reject stood.
func (r openReject) placeText() string {
	if r.Line > 0 {
		return r.Dataset + ":" + strconv.FormatInt(r.Line, 10)
	}
	return r.Dataset
}

func (w *workspace) printRejects(rs []openReject, limit int) {
	for i, r := range rs {
		if limit > 0 && i == limit {
			fmt.Fprintf(w.app.out, "… and %s more (--limit 0 shows all)\n", count(int64(len(rs)-limit)))
			return
		}
		fmt.Fprintf(w.app.out, "%s  %s  run %s\n  %s\n  %s\n", r.placeText(), r.Kind, job.RunNumber(r.Run), r.Reason, strings.ReplaceAll(r.Raw, "\n", "\n  "))
		if r.Original != "" {
			fmt.Fprintf(w.app.out, "  was %s\n", strings.ReplaceAll(r.Original, "\n", "\n  "))
		}
		for _, d := range r.Deeds {
			fmt.Fprintf(w.app.out, "  %s\n", d)
		}
		if r.State == stateSuperseded {
			fmt.Fprintln(w.app.out, "  superseded: what it stood in was read again, or all rows were made anew")
		}
		fmt.Fprintf(w.app.out, "  id %s\n", r.ID)
	}
}

// String says what was done, by whom, when and why.
func (d rejectDeed) String() string {
	text := d.What
	if d.By != "" {
		text += " by " + d.By
	}
	text += " in run " + job.RunNumber(d.Run) + ", " + when(d.At)
	if d.Why != "" {
		text += ": " + d.Why
	}
	return text
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
	all, err := w.waitingOf(ctx, table)
	if err != nil {
		return err
	}
	picked, err := f.choose(table, all)
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
