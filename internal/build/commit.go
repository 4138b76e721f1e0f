package build

import (
	"context"
	"fmt"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// merged is what a mode makes of the delta against one version of the table.
type merged struct {
	add     []job.File // staged files, local paths
	remove  []string   // locations of live files that go
	changes []string   // change-set files, local paths
	counts  job.Counts // inserted, updated, deleted, accepted, superseded, stale
}

// commit makes the delta part of the table: one snapshot with data, position and rejects (promise 1). The lake calls plan
// on each version of the table it tries, so that after a conflict everything is planned and judged again.
func (w *work) commit(ctx context.Context) error {
	superseded, err := w.superseded(ctx)
	if err != nil {
		return err
	}
	in := lake.Intent{
		Table: w.t.Table.Name, RunID: w.t.RunID, Time: w.t.Time,
		New:  &lake.TableSpec{Columns: w.columns, Partition: w.t.Table.Partition, FileBytes: w.t.Table.FileBytes, Sort: w.t.Table.Sort, Doc: w.t.Table.Description},
		Base: w.read.base, Next: w.read.next, ReplacePosition: w.read.whole,
		Server: w.read.server, Definition: w.t.Definition, Meaning: w.t.Meaning,
		SchemaID: -1, CloseRejects: append(superseded, w.read.closes...), Notes: w.read.notes, Replace: w.swaps() || w.begins,
		Plan: w.plan,
	}
	if !w.read.beside {
		in.Limited = &w.out.Limited
	}
	if w.state.table != nil {
		in.SchemaID, in.LastColumnID = w.state.table.SchemaID(), w.state.table.LastColumnID()
	}
	if w.read.beside && !w.read.settles {
		in.Definition = "" // the rows that were there before are still those of the definition the ledger names
	}
	done, err := w.b.Lake.Commit(ctx, in)
	if err != nil {
		return err
	}
	w.out.After, w.out.Already = done.Snapshot.ID, done.Already
	if done.Already && done.Snapshot.Counts != nil {
		w.out.Counts = *done.Snapshot.Counts
	}
	if w.read.committed != nil {
		_ = w.read.committed(context.WithoutCancel(ctx)) // a hint (promise 1); where it is not heard, the next run gives it
	}
	_ = w.keepStates(context.WithoutCancel(ctx)) // what is not kept is asked again
	// The table has changed, whatever becomes of the rest: an error here would say that it has not, and what stays behind of
	// the stage goes with its lease.
	_ = w.stage.Done(context.WithoutCancel(ctx))
	return nil
}

func (w *work) plan(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
	if err := w.forget(); err != nil {
		return lake.Change{}, job.Counts{}, err
	}
	if err := stillOpen(ctx, t, w.read.closes); err != nil {
		return lake.Change{}, job.Counts{}, err
	}
	m, err := w.mergeInto(ctx, t)
	w.last = m
	if err != nil {
		return lake.Change{}, job.Counts{}, fmt.Errorf("merge: %w", err)
	}
	counts, err := w.reconcile(ctx, t, m)
	if err != nil {
		return lake.Change{}, job.Counts{}, err
	}
	if err := w.judgeTable(ctx, t, m); err != nil {
		return lake.Change{}, job.Counts{}, err
	}
	ch := lake.Change{Remove: m.remove, Columns: w.columns}
	extra := append(w.rejectPaths(), m.changes...)
	if ch.Add, extra, err = w.stage.Seal(ctx, m.add, extra); err != nil {
		return lake.Change{}, job.Counts{}, err
	}
	for i, r := range w.rejects {
		r.Path = extra[i]
		ch.Rejects = append(ch.Rejects, r)
	}
	ch.ChangeSet = extra[len(w.rejects):]
	w.out.Counts, w.out.Files, w.out.BytesWritten = counts, len(m.add), bytesOf(m.add)
	return ch, counts, nil
}

// forget removes what an earlier plan of this commit staged beside the delta.
func (w *work) forget() error {
	ours := map[string]bool{}
	for _, f := range w.delta.files {
		ours[f.Path] = true
	}
	var extra []job.File
	for _, f := range w.last.add {
		if !ours[f.Path] {
			extra = append(extra, f)
		}
	}
	for _, path := range w.last.changes {
		extra = append(extra, job.File{Path: path})
	}
	w.last = merged{}
	return removeFiles(extra)
}

func (w *work) mergeInto(ctx context.Context, t *lake.Table) (merged, error) {
	if err := w.notPresent(ctx, t); err != nil {
		return merged{}, err
	}
	if w.read.beside && !w.t.Table.Mode.Keyed() {
		return w.mergeAppend(ctx, t)
	}
	if w.read.part != nil {
		return w.mergePart(ctx, t)
	}
	switch w.t.Table.Mode {
	case define.Append:
		return w.mergeAppend(ctx, t)
	case define.Replace:
		return w.mergeReplace(ctx, t)
	case define.Partitions:
		return w.mergePartitions(ctx, t)
	case define.Upsert, define.Changes:
		return w.mergeUpsert(ctx, t)
	case define.History:
		return w.mergeHistory(ctx, t)
	}
	return merged{}, fault.New(fault.Internal, "mode %s cannot be built", w.t.Table.Mode)
}

// reconcile holds promise 2: what was read is accounted for to the row, and the table grows by just what was written.
func (w *work) reconcile(ctx context.Context, t *lake.Table, m merged) (job.Counts, error) {
	c := w.out.Counts
	// A feed's changes that delete, or that were overtaken, are no rows of the delta.
	c.Accepted, c.Superseded, c.Stale = m.counts.Accepted+w.applied.deletes, m.counts.Superseded+w.applied.lost, m.counts.Stale
	c.Inserted, c.Updated, c.Deleted = m.counts.Inserted, m.counts.Updated, m.counts.Deleted
	var removed int64
	c.Before = 0
	if t != nil {
		var err error
		if c.Before, err = t.RowCount(ctx); err != nil {
			return c, err
		}
		if removed, err = w.liveRows(ctx, t, m.remove); err != nil {
			return c, err
		}
	}
	c.After = c.Before - removed + rowsOf(m.add)
	if c.Read != c.Accepted+c.Rejected+c.Quarantined+c.Filtered+c.Superseded+c.Stale {
		return c, fault.New(fault.Data, "counts do not reconcile: %d read, but %d accepted + %d rejected + %d quarantined + %d filtered + %d superseded + %d stale",
			c.Read, c.Accepted, c.Rejected, c.Quarantined, c.Filtered, c.Superseded, c.Stale)
	}
	if c.After != c.Before+c.Inserted-c.Deleted {
		return c, fault.New(fault.Data, "counts do not reconcile: table had %d rows, %d inserted, %d deleted, but would have %d",
			c.Before, c.Inserted, c.Deleted, c.After)
	}
	return c, nil
}

// liveRows counts the rows of data files: those that delete files of other tools leave of them.
func (w *work) liveRows(ctx context.Context, t *lake.Table, paths []string) (int64, error) {
	if len(paths) == 0 {
		return 0, nil
	}
	want := map[string]bool{}
	for _, p := range paths {
		want[p] = true
	}
	files, err := t.Files(ctx)
	if err != nil {
		return 0, err
	}
	var n int64
	var pruned []string
	for _, f := range files {
		switch {
		case !want[f.Path]:
		case f.Pruned:
			pruned = append(pruned, f.Path)
		default:
			n += f.Rows
		}
	}
	if len(pruned) == 0 {
		return n, nil
	}
	rel, err := t.Scan(ctx, lake.ScanOptions{Files: pruned})
	if err != nil {
		return 0, err
	}
	left, err := w.s.Int(ctx, "SELECT count(*) FROM ("+rel.SQL+")")
	return n + left, err
}
