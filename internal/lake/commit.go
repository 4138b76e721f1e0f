package lake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake/commit"
)

// TableSpec says how a table is made.
type TableSpec struct {
	Columns    []job.Column
	Partition  []job.PartitionField
	Properties map[string]string
	FileBytes  int64    // target size of a data file, for tools that write or compact the table
	Sort       []string // SQL order terms of the rows in each file that is added, as in job.Write; also of a table that exists
	Doc        string
}

// Intent is what a build wants to make of a table.
type Intent struct {
	Table string
	RunID string
	Time  time.Time  // the run's logical time
	New   *TableSpec // how to make the table where it does not exist; nil: then it is an error
	// Base is the value of every split this read started from, "" for one not read before, Next the value after it.
	// With ReplacePosition the whole position must be Base and becomes Next.
	Base, Next      job.Position
	ReplacePosition bool
	Server          string      // identity of the source server; "" keeps the ledger's
	Definition      string      // hash of the definition; "" keeps the ledger's, and its meaning
	Meaning         job.Meaning // what the definition says
	// Limited is how many rows each read was cut to, 0 for a complete build, nil for what is no build and changes nothing in that.
	Limited *int64
	// SchemaID and LastColumnID are those of the table the files were staged against; SchemaID is -1 where there was none.
	SchemaID, LastColumnID int
	Rejects                []RejectFile // sealed; Change may name more
	CloseRejects           []string     // ids of rejects replayed or discarded
	Notes                  []string     // locations that NoteRejects gave
	// Replace says that every row is swapped, so that columns may go or change their type.
	Replace bool
	// Plan says what to add and remove, and judges the result. It is called on every version of the table the commit is tried
	// on, again after a conflict; t is nil where the table does not exist. Its error ends the commit.
	Plan func(ctx context.Context, t *Table) (Change, job.Counts, error)
}

// Change is what a commit does to a table. All files are sealed.
type Change struct {
	Add       []job.File
	Remove    []string     // locations of live data files
	Columns   []job.Column // the table's columns after it; nil: unchanged
	ChangeSet []string     // locations of change-set files
	Rejects   []RejectFile
	// Rewrite says that the files added hold just the rows of those removed: a snapshot that is no change to readers. Delete
	// files that then delete nothing go as well.
	Rewrite bool
}

// Committed is what became of a commit.
type Committed struct {
	Snapshot Snapshot
	Already  bool // the run had committed before; nothing was done
	Attempts int
}

// Commit makes one snapshot of files, schema change and ledger (promise 1). It succeeds only if the run is not in the ledger yet, the base
// position is still the table's, and its schema the one that was staged against; while other writers are first it plans
// again. Class conflict means that the build has to start again from the table as it is now.
func (l *Lake) Commit(ctx context.Context, in Intent) (Committed, error) {
	if in.RunID == "" || in.Plan == nil {
		return Committed{}, fault.New(fault.Internal, "commit to %s: no run id or no plan", in.Table)
	}
	if err := l.writable(); err != nil {
		return Committed{}, fmt.Errorf("commit to %s: %w", in.Table, err)
	}
	id, err := identOf(in.Table)
	if err != nil {
		return Committed{}, err
	}
	w := &world{lake: l, in: in, ident: id, stage: l.openStage(in.Table, in.RunID)}
	r, err := commit.Protocol[*Table, *proposal]{World: w}.Run(ctx, commit.Intent{
		Table: in.Table, RunID: in.RunID, Base: in.Base, Next: in.Next, Whole: in.ReplacePosition, Server: in.Server,
		Definition: in.Definition, Meaning: in.Meaning, Limited: in.Limited, SchemaID: in.SchemaID, LastColumnID: in.LastColumnID, CloseRejects: in.CloseRejects, Notes: in.Notes,
	})
	w.settle(r, err)
	if err != nil {
		return Committed{Attempts: r.Attempts}, err
	}
	done := Committed{Already: r.Already, Attempts: r.Attempts}
	if p := w.made[r.Snapshot]; p != nil {
		done.Snapshot = snapshotOf(*p.snapshot)
		w.removeOldMetadata(context.WithoutCancel(ctx), p)
		return done, nil
	}
	done.Snapshot, err = l.committedBefore(ctx, in, r.Snapshot)
	return done, err
}

func (l *Lake) openStage(table, runID string) *Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stages[table+"\x00"+runID]
}

// committedBefore describes the snapshot an earlier attempt of the run made; its details may have expired.
func (l *Lake) committedBefore(ctx context.Context, in Intent, id int64) (Snapshot, error) {
	t, err := l.Table(ctx, in.Table)
	if err != nil {
		return Snapshot{}, err
	}
	if s := t.ice.SnapshotByID(id); s != nil {
		return snapshotOf(*s), nil
	}
	return Snapshot{ID: id, RunID: in.RunID, SchemaID: -1}, nil
}

// settle tells the build's stage how the commit ended.
func (w *world) settle(r commit.Result, err error) {
	if w.stage == nil {
		return
	}
	w.stage.mu.Lock()
	defer w.stage.mu.Unlock()
	w.stage.doubt = errors.Is(err, commit.ErrUnknown)
	if err != nil {
		return
	}
	w.stage.kept = map[string]bool{}
	if p := w.made[r.Snapshot]; p != nil {
		for _, f := range p.named {
			w.stage.kept[f] = true
		}
	}
}

// world is the lake as the commit protocol acts on it.
type world struct {
	lake  *Lake
	in    Intent
	ident []string
	stage *Stage // of this build; nil where nothing was staged
	made  map[int64]*proposal
}

var _ commit.World[*Table, *proposal] = (*world)(nil)

// Load reads the table as it is now.
func (w *world) Load(ctx context.Context) (commit.Head[*Table], error) {
	t, err := w.lake.Table(ctx, w.in.Table)
	if errors.Is(err, ErrNoTable) {
		return commit.Head[*Table]{SchemaID: -1}, nil
	}
	if err != nil {
		return commit.Head[*Table]{}, fmt.Errorf("commit to %s: %w", w.in.Table, err)
	}
	return t.head(), nil
}

// ReadLedger reads a ledger.
func (w *world) ReadLedger(ctx context.Context, location string) (commit.Ledger, error) {
	return w.lake.readLedger(ctx, location)
}

// WriteLedger stores a ledger, durably.
func (w *world) WriteLedger(ctx context.Context, location string, l commit.Ledger) error {
	if err := w.lake.writeLedger(ctx, location, l); err != nil {
		return fmt.Errorf("commit to %s: %w", w.in.Table, err)
	}
	return nil
}

// Pause waits before another try.
func (w *world) Pause(ctx context.Context, n int) error {
	t := time.NewTimer(fault.Backoff(n))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
