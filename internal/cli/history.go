package cli

import (
	"context"
	"fmt"

	"weir/internal/job"
	"weir/internal/lake"
)

// snapshotLines are a table's snapshots as they are shown, oldest first.
func snapshotLines(t *lake.Table) (out []snapshotLine) {
	for _, s := range t.History() {
		out = append(out, snapshotLine{Number: s.Number, ID: s.ID, Parent: s.Parent, At: s.At.UTC(), Run: job.RunNumber(s.RunID),
			Operation: s.Operation, Counts: s.Counts, Foreign: s.Foreign, State: s.State, Branch: s.Branch, Limited: s.Limited})
	}
	return out
}

func (w *workspace) showHistory(ctx context.Context, name string, asJSON bool) error {
	t, err := w.inLake(ctx, w.lake, name)
	if err != nil {
		return err
	}
	lines := snapshotLines(t)
	if asJSON {
		return writeJSON(w.app.out, lines)
	}
	w.printSnapshots(lines, len(lines))
	return nil
}

// printSnapshots writes the latest of some snapshots, latest first.
func (w *workspace) printSnapshots(all []snapshotLine, most int) {
	g := &grid{head: []string{"  number", "id", "built (UTC)", "run", "operation", "added", "removed", "rows", ""}}
	for i := len(all) - 1; i >= 0 && len(g.rows) < most; i-- {
		s := all[i]
		g.add(append([]string{"  " + fmt.Sprint(s.Number), fmt.Sprint(s.ID)}, append(lineCells(s), s.marker())...)...)
	}
	g.write(w.app.out)
	if more := len(all) - most; more > 0 {
		fmt.Fprintf(w.app.out, "  … and %s; --history shows all\n", plural(int64(more), "earlier one"))
	}
}

// marker says what became of a snapshot, where it is not simply one of those before.
func (s snapshotLine) marker() string {
	limit := ""
	if s.Limited > 0 {
		limit = "limited to " + plural(s.Limited, "row") + " a read"
	}
	switch s.State {
	case lake.Earlier:
		return limit
	case lake.OnBranch:
		return join("branch "+s.Branch, limit)
	}
	return join(string(s.State), limit)
}

// lineCells are when a snapshot was made, by which run and how, and what it did to the rows.
func lineCells(s snapshotLine) []string {
	run := "run " + s.Run
	if s.Foreign || s.Run == "" {
		run = "another tool"
	}
	added, removed, rows := "-", "-", "-"
	if c := s.Counts; c != nil {
		added, removed, rows = count(c.Inserted), count(c.Deleted), count(c.After)
		if c.Updated > 0 {
			added += " + " + count(c.Updated) + " updated"
		}
	}
	return []string{when(s.At), run, s.Operation, added, removed, rows}
}

func snapshotCells(s lake.Snapshot) []string {
	cells := lineCells(snapshotLine{At: s.At, Run: job.RunNumber(s.RunID), Operation: s.Operation, Counts: s.Counts, Foreign: s.Foreign})
	what := ""
	if c := s.Counts; c != nil {
		what = became(*c)
	}
	return []string{cells[0], cells[1], cells[2], what}
}

// join puts a comma between two texts, where there are two.
func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ", " + b
}
