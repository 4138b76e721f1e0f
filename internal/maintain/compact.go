package maintain

import (
	"context"
	"errors"
	"slices"
	"time"

	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// Compacted is what a compaction did.
type Compacted struct {
	Before, After    int64 // snapshot ids
	Files, Written   int   // data files rewritten, and those in their place
	Bytes, BytesLeft int64 // of these
	Counts           job.Counts
	Overtaken        int // groups left alone, because other writers changed their files meanwhile
}

// maxTries bounds how often a compaction starts again after the schema moved under it.
const maxTries = 3

// compact rewrites as much as one pass takes and commits it in one snapshot. What other writers were faster with is left to
// the next compaction: their rows are never touched.
func (u *Upkeep) compact(ctx context.Context, t Table, run string, at time.Time) (c Compacted, more bool, err error) {
	for n := 1; ; n++ {
		c, more, err = u.tryCompact(ctx, t, run, at)
		if fault.ClassOf(err) != fault.Conflict || n == maxTries {
			return c, more, err
		}
	}
}

func (u *Upkeep) tryCompact(ctx context.Context, t Table, run string, at time.Time) (Compacted, bool, error) {
	table, err := u.Lake.Table(ctx, t.Name)
	if err != nil {
		return Compacted{}, false, err
	}
	all, _, err := u.groups(ctx, table, t)
	if err != nil || len(all) == 0 {
		return Compacted{}, false, err
	}
	chosen := u.pass(all)
	s, err := u.Engine.Open(ctx)
	if err != nil {
		return Compacted{}, false, err
	}
	defer s.Close()
	w := &rewriting{u: u, t: t, base: table, options: u.options(table, t), session: s}
	if w.stage, err = u.Lake.NewStage(ctx, t.Name, run); err != nil {
		return Compacted{}, false, err
	}
	err = w.rewrite(ctx, chosen)
	if err == nil {
		err = w.commit(ctx, run, at)
	}
	if errors.Is(err, errOvertaken) {
		w.done, err = Compacted{Overtaken: len(chosen)}, nil
	}
	// After a commit this keeps what the table names.
	if derr := w.stage.Discard(context.WithoutCancel(ctx)); w.done.After == 0 {
		err = errors.Join(err, derr)
	}
	return w.done, len(chosen) < len(all), err
}

// pass takes the groups of one commit.
func (u *Upkeep) pass(all []lake.Group) []lake.Group {
	limit := u.PassBytes
	if limit <= 0 {
		limit = passBytes
	}
	var bytes int64
	for i, g := range all {
		if bytes += g.Bytes; bytes > limit && i > 0 {
			return all[:i]
		}
	}
	return all
}

// rewriting is one compaction under way.
type rewriting struct {
	u       *Upkeep
	t       Table
	base    *lake.Table // as the files were planned
	options lake.CompactOptions
	session engine.Session
	stage   *lake.Stage
	staged  []rewritten
	done    Compacted
}

// rewritten is a group and the files that hold its rows now.
type rewritten struct {
	group lake.Group
	files []job.File
	rows  int64
}

// rewrite stages every group anew, one after the other: the engine uses all cores for each, and memory for one.
func (w *rewriting) rewrite(ctx context.Context, groups []lake.Group) error {
	columns := w.base.Columns()
	ids, err := lake.FieldIDs(columns, w.base)
	if err != nil {
		return err
	}
	for _, g := range groups {
		rel, err := w.base.Scan(ctx, lake.ScanOptions{Files: g.Paths()})
		if err != nil {
			return err
		}
		write := job.Write{SQL: rel.SQL, Columns: columns, Dir: w.stage.Dir(), Prefix: "compact", Sort: w.options.Sort, FileBytes: w.target(g), AtRest: true}
		if g.Spread {
			write.Partition = w.base.Partition()
		}
		files, err := w.session.Stage(ctx, write, ids, nil)
		if err != nil {
			return err
		}
		if !g.Spread {
			for i := range files {
				files[i].Partition = g.Partition
			}
		}
		r := rewritten{group: g, files: files}
		if r.rows, err = w.reconcile(ctx, g, rel.SQL, files); err != nil {
			return err
		}
		w.staged = append(w.staged, r)
	}
	return nil
}

// target is the size of the files a group is written in. A group not much larger than one file becomes one: a second, small
// one would only be joined again later.
func (w *rewriting) target(g lake.Group) int64 {
	if !g.Spread && 2*g.Bytes <= 3*w.options.FileBytes {
		if len(w.options.Sort) > 0 {
			return 0 // one sorted file
		}
		return 4 * w.options.FileBytes
	}
	return w.options.FileBytes
}

// reconcile holds promise 2 for a group: as many rows go out as came in.
func (w *rewriting) reconcile(ctx context.Context, g lake.Group, sql string, files []job.File) (int64, error) {
	var in, out int64
	pruned := slices.ContainsFunc(g.Files, func(f lake.DataFile) bool { return f.Pruned })
	for _, f := range g.Files {
		in += f.Rows
	}
	if pruned {
		var err error
		if in, err = w.session.Int(ctx, "SELECT count(*) FROM ("+sql+")"); err != nil {
			return 0, err
		}
	}
	for _, f := range files {
		out += f.Rows
	}
	if in != out {
		return 0, fault.New(fault.Data, "counts do not reconcile: %d rows in %d files became %d", in, len(g.Files), out)
	}
	return in, nil
}

// errOvertaken ends a commit that has nothing left to do.
var errOvertaken = errors.New("other writers changed the files meanwhile")

func (w *rewriting) commit(ctx context.Context, run string, at time.Time) error {
	in := lake.Intent{Table: w.t.Name, RunID: run, Time: at, New: &lake.TableSpec{Sort: w.options.Sort},
		SchemaID: w.base.SchemaID(), LastColumnID: w.base.LastColumnID(), Plan: w.plan}
	done, err := w.u.Lake.Commit(ctx, in)
	if err != nil {
		return err
	}
	w.done.Before, w.done.After = done.Snapshot.Parent, done.Snapshot.ID
	return nil
}

// plan is called on each version of the table the commit is tried on. Groups whose files are gone, or have lost rows since,
// are left out.
func (w *rewriting) plan(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
	ch, done := lake.Change{Rewrite: true}, Compacted{}
	var add []job.File
	var rows int64
	for _, r := range w.staged {
		fits, err := t.Holds(ctx, r.group)
		if err != nil {
			return ch, job.Counts{}, err
		}
		if !fits {
			done.Overtaken++
			continue
		}
		ch.Remove, add, rows = append(ch.Remove, r.group.Paths()...), append(add, r.files...), rows+r.rows
		done.Files, done.Bytes = done.Files+len(r.group.Files), done.Bytes+r.group.Bytes
	}
	if len(ch.Remove) == 0 {
		return ch, job.Counts{}, errOvertaken
	}
	counts, err := whole(ctx, t, ch.Remove, rows)
	if err != nil {
		return ch, counts, err
	}
	if ch.Add, _, err = w.stage.Seal(ctx, add, nil); err != nil {
		return ch, counts, err
	}
	for _, f := range add {
		done.Written, done.BytesLeft = done.Written+1, done.BytesLeft+f.Bytes
	}
	done.Counts = counts
	w.done = done
	return ch, counts, nil
}

// whole holds promise 2 for the table: it has as many rows after as before. Where no other file has deleted rows, the rows of
// the files that go follow from the table's, counted by another reader than the engine that rewrote them.
func whole(ctx context.Context, t *lake.Table, remove []string, rows int64) (job.Counts, error) {
	before, err := t.RowCount(ctx)
	if err != nil {
		return job.Counts{}, err
	}
	files, err := t.Files(ctx)
	if err != nil {
		return job.Counts{}, err
	}
	going := make(map[string]bool, len(remove))
	for _, path := range remove {
		going[path] = true
	}
	rest, exact := int64(0), true
	for _, f := range files {
		if !going[f.Path] {
			rest, exact = rest+f.Rows, exact && !f.Pruned
		}
	}
	if exact && rest+rows != before {
		return job.Counts{}, fault.New(fault.Data, "counts do not reconcile: the table has %d rows, the compacted one would have %d", before, rest+rows)
	}
	return job.Counts{Before: before, After: before}, nil
}
