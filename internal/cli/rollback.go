package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
)

func (a *app) rollbackCommand() *cobra.Command {
	var to string
	var yes bool
	c := &cobra.Command{
		Use:   "rollback TABLE --to SNAPSHOT",
		Short: "Make an earlier snapshot of a table the current one, with its position",
		Long: `Make an earlier snapshot of a table the current one again. The position goes back with the rows: the next run reads
again what came since. Nothing is deleted: until the snapshots that are undone expire, weir rollback leads forward to them too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.rollback(c.Context(), args[0], to, yes) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "the snapshot: number or id, a time, run:N, previous, @-N")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (w *workspace) rollback(ctx context.Context, name, to string, yes bool) error {
	if to == "" {
		return fault.New(fault.Usage, "--to is missing").WithHint("weir rollback %s --to previous · weir show %s --history lists the snapshots", name, name)
	}
	now, err := w.inLake(ctx, w.lake, name)
	if err != nil {
		return err
	}
	then, err := w.named(ctx, now, to)
	if err != nil {
		return err
	}
	from, _ := now.Snapshot()
	target, _ := then.Snapshot()
	if from.ID == target.ID {
		fmt.Fprintf(w.app.out, "%s is at %s already\n", now.Name(), numbered(target))
		return nil
	}
	if err := w.tellRollback(ctx, now, then); err != nil {
		return err
	}
	if err := w.agreed(yes, "roll "+now.Name()+" back?", "weir rollback "+now.Name()+" --to "+to+" --yes"); err != nil {
		return err
	}
	return w.recorded(ctx, "rollback "+now.Name()+" --to "+strconv.FormatInt(target.ID, 10), now.Name(), func(journal.Run) (build.Outcome, error) {
		err := w.lake.Rollback(ctx, now.Name(), from.ID, target.ID)
		if err == nil {
			fmt.Fprintf(w.app.out, "%s is at %s again; back to where it was: weir rollback %s --to %s\n", now.Name(), numbered(target), now.Name(), nameOf(from))
		}
		return build.Outcome{Before: from.ID, After: target.ID}, err
	})
}

func numbered(s lake.Snapshot) string { return "snapshot " + nameOf(s) }

// nameOf is how a person names a snapshot.
func nameOf(s lake.Snapshot) string {
	if s.Number > 0 {
		return strconv.FormatInt(s.Number, 10)
	}
	return strconv.FormatInt(s.ID, 10)
}

// tellRollback says what a rollback means before it is done.
func (w *workspace) tellRollback(ctx context.Context, now, then *lake.Table) error {
	from, _ := now.Snapshot()
	target, _ := then.Snapshot()
	rowsNow, err := now.RowCount(ctx)
	if err != nil {
		return err
	}
	rowsThen, err := then.RowCount(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.app.out, "%s: %s (%s rows) → %s of %s UTC (%s rows)\n", now.Name(), numbered(from), count(rowsNow), numbered(target), when(target.At), count(rowsThen))
	w.tellUndone(now.Lineage(), then.Lineage(), target)
	fmt.Fprintf(w.app.out, "  the rows in detail: weir diff %s --against %s\n", now.Name(), nameOf(target))
	if err := w.tellPosition(ctx, now, then); err != nil {
		return err
	}
	return w.tellReaders(ctx, now.Name(), then)
}

// tellUndone lists the snapshots that go, or come back.
func (w *workspace) tellUndone(now, then []lake.Snapshot, target lake.Snapshot) {
	word, one, other := "undone", now, then
	if !slices.ContainsFunc(now, func(s lake.Snapshot) bool { return s.ID == target.ID }) {
		word, one, other = "done again", then, now
	}
	g := &grid{}
	for _, s := range one {
		if slices.ContainsFunc(other, func(o lake.Snapshot) bool { return o.ID == s.ID }) {
			break
		}
		g.add(append([]string{"  " + word + ": " + numbered(s)}, snapshotCells(s)...)...)
	}
	g.write(w.app.out)
}

// tellPosition says what the next run reads again.
func (w *workspace) tellPosition(ctx context.Context, now, then *lake.Table) error {
	is, err := now.Ledger(ctx)
	if err != nil {
		return err
	}
	was, err := then.Ledger(ctx)
	if err != nil {
		return err
	}
	var again []string
	for _, split := range keys(is.Position) {
		if was.Position[split] != is.Position[split] {
			again = append(again, split)
		}
	}
	n := w.graph.Nodes[now.Name()]
	switch {
	case n == nil:
		fmt.Fprintln(w.app.out, "  it has no definition: no run builds it again")
	case n.Table.Kind == define.FromSQL:
		fmt.Fprintf(w.app.out, "  the next run builds it again from what its inputs hold then\n")
	case len(again) > 0:
		fmt.Fprintf(w.app.out, "  the next run reads again what came since: %s\n", few(again, 5))
		fmt.Fprintln(w.app.out, "    as far as the source still has it: files that are gone, and changes that a slot or a topic holds no longer, do not come back")
	default:
		fmt.Fprintln(w.app.out, "  its position stays")
	}
	if n := len(is.Rejects) - len(was.Rejects); n > 0 {
		fmt.Fprintf(w.app.out, "  rejects noted since go with it; what is read again is judged again\n")
	}
	return nil
}

// tellReaders names the tables that have read what is undone.
func (w *workspace) tellReaders(ctx context.Context, name string, then *lake.Table) error {
	for _, reader := range w.graph.Order {
		if w.graph.Nodes[reader].Table.Mode == define.View || !slices.Contains(w.graph.Needs(reader), name) {
			continue
		}
		t, err := w.lake.Table(ctx, reader)
		if isNoTable(err) {
			continue
		}
		if err != nil {
			return err
		}
		l, err := t.Ledger(ctx)
		if err != nil {
			return err
		}
		if read, ok := l.Position[name]; ok && read != build.PositionOf(then) {
			fmt.Fprintf(w.app.out, "  %s has read another snapshot of it: the next run builds it again\n", reader)
		}
	}
	return nil
}

// few lists the first of some names.
func few(names []string, n int) string {
	if len(names) <= n {
		return list(names)
	}
	return list(names[:n]) + fmt.Sprintf(" and %s more", count(int64(len(names)-n)))
}

// agreed asks before something is done that a person may regret. Where nobody answers it is not done.
func (w *workspace) agreed(yes bool, question, otherwise string) error {
	if yes {
		return nil
	}
	fmt.Fprint(w.app.out, question+" [y/N] ")
	answer, err := bufio.NewReader(w.app.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.New(fault.Usage, "read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	if !strings.HasSuffix(answer, "\n") {
		fmt.Fprintln(w.app.out)
	}
	return fault.New(fault.Usage, "nothing was done: the answer was not yes").WithHint("where nobody can answer: %s", otherwise)
}
