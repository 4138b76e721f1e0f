package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"weir/internal/journal"
	"weir/internal/lake"
)

// openJournal opens the journal, building it anew from the lake where it is lost or damaged. Runs whose process is gone
// are marked interrupted.
func (w *workspace) openJournal(ctx context.Context) (*journal.Journal, error) {
	if w.journal != nil {
		return w.journal, nil
	}
	path := filepath.Join(w.state, "journal.db")
	j, err := w.journalAt(ctx, path)
	if err != nil {
		return nil, err
	}
	j.Redact = w.project.Redactor.Redact
	w.journal = j
	gone, err := j.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range gone {
		// In this order: what is killed in between tidies again next time.
		if err := w.lake.DiscardRun(ctx, r.ID); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("tidy after run %d: %w", r.Number, err)
			}
			// A damaged table keeps nobody from the others (promise 8); the next command tries again.
			fmt.Fprintln(w.app.err, w.app.redact(fmt.Sprintf("run %d was killed, and what it left could not be tidied: %v", r.Number, err)))
			continue
		}
		if err := j.Interrupt(ctx, r.ID); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (w *workspace) journalAt(ctx context.Context, path string) (*journal.Journal, error) {
	fresh := !exists(path)
	if !fresh {
		j, err := journal.Open(ctx, path)
		if !errors.Is(err, journal.ErrDamaged) {
			return j, err
		}
		fmt.Fprintf(w.app.err, "the journal is damaged and is built anew from the lake; the old file is kept beside it\n")
	}
	commits, err := w.commits(ctx)
	if err != nil {
		return nil, fmt.Errorf("build journal anew: %w", err)
	}
	if fresh && len(commits) == 0 {
		return journal.Open(ctx, path)
	}
	if fresh {
		fmt.Fprintf(w.app.err, "there is no journal here of what the lake has: it is built anew from the lake, %s\n", plural(int64(len(commits)), "commit"))
	}
	return journal.Rebuild(ctx, path, commits)
}

// commits reads every commit the lake knows of.
func (w *workspace) commits(ctx context.Context) ([]journal.Commit, error) {
	names, err := w.lake.Tables(ctx)
	if err != nil {
		return nil, err
	}
	var out []journal.Commit
	for _, name := range names {
		t, err := w.lake.Table(ctx, name)
		if err != nil {
			continue // a damaged table tells nothing; it is reported where it is used
		}
		out = append(out, tableCommits(name, t)...)
	}
	return out, nil
}

func tableCommits(name string, t *lake.Table) (out []journal.Commit) {
	for _, s := range t.Snapshots() {
		if s.RunID == "" {
			continue
		}
		c := journal.Commit{RunID: s.RunID, Table: name, At: s.At, Time: s.Time, Snapshot: s.ID, Parent: s.Parent}
		if s.Counts != nil {
			c.Counts = *s.Counts
		}
		out = append(out, c)
	}
	return out
}
