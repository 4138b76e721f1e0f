package cli

import (
	"context"
	"fmt"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
	"weir/internal/record"
)

func (a *app) rejectsDiscard() *cobra.Command {
	var f rejectFilter
	var all, asJSON bool
	var why string
	c := &cobra.Command{Use: "discard TABLE", Short: "Settle rejects without taking them; who did it and why is kept", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if f.all() && !all {
			return fault.New(fault.Usage, "discard needs to know what").WithHint("--id ID for single ones, --reason, --rule, --run or --since for some, --all for every open reject of the table")
		}
		return a.with(c.Context(), func(w *workspace) error { return w.discardRejects(c.Context(), args[0], f, why, asJSON) })
	}}
	f.flags(c)
	c.Flags().BoolVar(&all, "all", false, "every open reject of the table")
	c.Flags().StringVar(&why, "why", "", "reason, kept with the rejects")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// settledReport says what was done to rejects.
type settledReport struct {
	Table   string   `json:"table"`
	What    string   `json:"what"`
	Rejects []string `json:"rejects"` // ids
}

func (w *workspace) discardRejects(ctx context.Context, table string, f rejectFilter, why string, asJSON bool) error {
	if err := w.known(table); err != nil {
		return err
	}
	waits, err := w.waitingOf(ctx, table)
	if err != nil {
		return err
	}
	picked, err := f.choose(table, waits)
	if err != nil {
		return err
	}
	if len(picked) == 0 && !asJSON {
		fmt.Fprintf(w.app.out, "%s has no open rejects\n", table)
		return nil
	}
	rep := settledReport{Table: table, What: string(lake.RejectDiscarded), Rejects: idsOf(picked)}
	if len(picked) == 0 {
		return writeJSON(w.app.out, rep)
	}
	return w.recorded(ctx, "rejects discard "+table, table, func(run journal.Run) (build.Outcome, error) {
		if refused := ofKind(picked, record.KindPublish); len(refused) > 0 {
			if err := w.settleRefused(ctx, refused, lake.RejectDiscarded, run, why); err != nil {
				return build.Outcome{}, err
			}
		}
		if kept := notOfKind(picked, record.KindPublish); len(kept) > 0 {
			if err := w.builder().Discard(ctx, table, deed(run, why), idsOf(kept)); err != nil {
				return build.Outcome{}, err
			}
		}
		if asJSON {
			return build.Outcome{}, writeJSON(w.app.out, rep)
		}
		fmt.Fprintf(w.app.out, "%s: %s discarded\n", table, plural(int64(len(picked)), "reject"))
		return build.Outcome{}, nil
	})
}

func deed(run journal.Run, why string) build.Deed {
	return build.Deed{RunID: run.ID, Time: run.Time, By: whoami(), Why: why}
}

// whoami is the person who runs the program, as the system knows them; "" where it does not.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

func idsOf(rs []openReject) []string {
	ids := make([]string, len(rs))
	for i, r := range rs {
		ids[i] = r.ID
	}
	return ids
}
