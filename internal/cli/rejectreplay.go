package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/record"
)

// replayOptions are the flags of weir rejects replay.
type replayOptions struct {
	rejectFilter
	from    string
	present string
	why     string
	json    bool
}

func (a *app) rejectsReplay() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{Use: "replay TABLE", Short: "Take rejects again, as they were or as they were edited", Args: cobra.ExactArgs(1),
		Long: `Take rejects again through the table's definition as it is now, and commit those that can be taken.

Records are read again by their source, quarantined rows are judged again by the rules, and rows that a destination refused are sent
again as the table has them now. A reject is settled by the commit that brings its row. Those that fail again stay in the queue.
--from FILE takes the raw forms from a file that weir rejects export wrote and a person mended.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.replayRejects(c.Context(), args[0], o) })
		}}
	o.flags(c)
	c.Flags().StringVar(&o.from, "from", "", "file of mended rejects, - for standard input")
	c.Flags().StringVar(&o.present, "present", "", "keep or replace: what becomes of rows whose key the table has, where no order_by tells which is newer")
	c.Flags().StringVar(&o.why, "why", "", "reason, kept with the rejects")
	c.Flags().BoolVar(&o.json, "json", false, "print as JSON")
	return c
}

type replayReport struct {
	Table       string          `json:"table"`
	Taken       int64           `json:"taken"`
	Quarantined int64           `json:"quarantined,omitempty"` // records that can be read now, but that a rule turns away
	Still       []record.Reject `json:"still,omitempty"`       // rejected again, with the new reason
	Counts      job.Counts      `json:"counts"`
	Sent        []sentReport    `json:"sent,omitempty"` // rows that destinations had refused
}

func (w *workspace) replayRejects(ctx context.Context, table string, o replayOptions) error {
	if err := w.known(table); err != nil {
		return err
	}
	switch build.Present(o.present) {
	case build.RefusePresent, build.KeepPresent, build.ReplacePresent:
	default:
		return fault.New(fault.Usage, "--present: %q is not known", o.present).WithHint("keep or replace")
	}
	all, err := w.waitingOf(ctx, table)
	if err != nil {
		return err
	}
	if o.from != "" {
		if all.open, err = w.mended(o.from, all.open); err != nil {
			return err
		}
	}
	picked, err := o.choose(table, all)
	if err != nil {
		return err
	}
	rep := replayReport{Table: table}
	if len(picked) == 0 {
		if !o.json {
			fmt.Fprintf(w.app.out, "%s has no open rejects to replay\n", table)
			return nil
		}
		return writeJSON(w.app.out, rep)
	}
	var errs []error
	for _, kind := range []string{record.KindReject, record.KindQuarantined} {
		if rs := ofKind(picked, kind); len(rs) > 0 {
			errs = append(errs, w.replayKind(ctx, table, rs, o, &rep))
		}
	}
	if rs := ofKind(picked, record.KindPublish); len(rs) > 0 {
		errs = append(errs, w.sendAgain(ctx, table, rs, o, &rep))
	}
	if o.json {
		errs = append(errs, writeJSON(w.app.out, rep))
	}
	return errors.Join(errs...)
}

func ofKind(rs []openReject, kind string) []openReject {
	return slices.DeleteFunc(slices.Clone(rs), func(r openReject) bool { return r.Kind != kind })
}

// replayKind replays records, or quarantined rows, in a run of their own.
func (w *workspace) replayKind(ctx context.Context, table string, picked []openReject, o replayOptions, rep *replayReport) error {
	return w.recorded(ctx, "rejects replay "+table, table, func(run journal.Run) (build.Outcome, error) {
		task := w.graph.Task(table)
		task.RunID, task.Time = run.ID, run.Time
		rs := make([]record.Reject, len(picked))
		for i, r := range picked {
			rs[i] = r.Reject
		}
		out, err := w.builder().Replay(ctx, task, build.Replay{Rejects: rs, Present: build.Present(o.present), By: whoami(), Why: o.why})
		rep.Still = append(rep.Still, out.Still...)
		if err == nil {
			rep.Taken += out.Taken
			rep.Quarantined += out.Outcome.Counts.Quarantined
			rep.Counts = out.Outcome.Counts
		}
		if o.json {
			return out.Outcome, err
		}
		if err == nil {
			w.printReplayed(table, len(rs), o.present != "", out)
		}
		for _, r := range out.Still {
			fmt.Fprintf(w.app.out, "  still rejected: %s  %s  id %s\n", openReject{Reject: r}.placeText(), r.Reason, r.ID)
		}
		return out.Outcome, err
	})
}

func (w *workspace) printReplayed(table string, of int, kept bool, out build.Replayed) {
	c := out.Outcome.Counts
	fmt.Fprintf(w.app.out, "%s: %s of %s rejects taken, %s\n", table, count(out.Taken), count(int64(of)), became(c))
	if c.Stale > 0 && kept {
		fmt.Fprintf(w.app.out, "  %s whose key the table has: settled, not written\n", plural(c.Stale, "row"))
	} else if c.Stale > 0 {
		fmt.Fprintf(w.app.out, "  %s older than what the table has of the key: settled, not written\n", plural(c.Stale, "row"))
	}
	if c.Quarantined > 0 {
		fmt.Fprintf(w.app.out, "  %s can be read now, but a rule turned it away: weir rejects show %s --kind quarantined\n", plural(c.Quarantined, "record"), table)
	}
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
