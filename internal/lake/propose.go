package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake/commit"
)

// proposal is a table version that only has to be swapped in.
type proposal struct {
	meta     table.Metadata
	snapshot *table.Snapshot
	location string   // where its metadata file will lie
	last     string   // metadata it replaces, "" for none
	named    []string // locations of staged files it makes part of the table
	stale    []string // metadata files that drop out of the log
	written  *recorder
}

// Stage asks the build for its plan and writes everything of the next version but its ledger and its metadata file.
func (w *world) Stage(ctx context.Context, base *Table) (commit.Proposed, *proposal, error) {
	change, counts, err := w.in.Plan(ctx, base)
	if err != nil {
		return commit.Proposed{}, nil, err
	}
	p, proposed, err := w.propose(ctx, base, change, counts)
	if err != nil {
		if p != nil {
			w.Forget(ctx, p)
		}
		return proposed, nil, fmt.Errorf("commit to %s: %w", w.in.Table, err)
	}
	if w.made == nil {
		w.made = map[int64]*proposal{}
	}
	w.made[p.snapshot.SnapshotID] = p
	return proposed, p, nil
}

func (w *world) propose(ctx context.Context, base *Table, change Change, counts job.Counts) (*proposal, commit.Proposed, error) {
	p := &proposal{written: &recorder{}}
	var proposed commit.Proposed
	if err := inTime(base); err != nil {
		return p, proposed, err
	}
	removes, err := w.removals(ctx, base, change.Remove, change.Rewrite)
	if err != nil {
		return p, proposed, err
	}
	d, err := w.draft(ctx, base, change, removes)
	if err != nil {
		return p, proposed, err
	}
	proposed.Ledger = newLedgerAt(strings.TrimSuffix(d.meta.Location(), "/"))
	if err := w.write(ctx, d, p, change, removes, proposed.Ledger, counts); err != nil {
		return p, proposed, err
	}
	if base != nil {
		p.last = base.ice.MetadataLocation()
		p.stale = droppedMetadata(base.ice.Metadata(), p.meta)
	}
	p.location = metadataLocation(p.meta.Location(), p.last)
	p.name(change, w.in.Rejects)
	proposed.Snapshot, proposed.Sequence, proposed.Counts = p.snapshot.SnapshotID, p.snapshot.SequenceNumber, counts
	if p.snapshot.ParentSnapshotID != nil {
		proposed.Parent = *p.snapshot.ParentSnapshotID
	}
	proposed.Rejects = append(append(proposed.Rejects, w.in.Rejects...), change.Rejects...)
	proposed.ChangeSet = change.ChangeSet
	return p, proposed, nil
}

// maxSkew is how far clocks of writers may differ: Iceberg takes no snapshot that is older by more than the one before.
const maxSkew = time.Minute

func inTime(base *Table) error {
	if base == nil {
		return nil
	}
	last, now := time.UnixMilli(base.ice.Metadata().LastUpdatedMillis()).UTC(), time.Now().UTC()
	if last.Sub(now) < maxSkew {
		return nil
	}
	return fault.New(fault.Unavailable, "the table was last changed at %s, but it is %s here", last.Format(time.RFC3339), now.Format(time.RFC3339)).
		WithHint("set the clocks of the machines that write the table")
}

// name notes the staged files that become part of the table.
func (p *proposal) name(c Change, rejects []RejectFile) {
	for _, f := range c.Add {
		if f.Rows > 0 {
			p.named = append(p.named, f.Path)
		}
	}
	for _, r := range append(append([]RejectFile(nil), rejects...), c.Rejects...) {
		p.named = append(p.named, r.Path)
	}
	p.named = append(p.named, c.ChangeSet...)
}

// draft is the metadata a snapshot is added to: that of the base, with the schema the change asks for.
type draft struct {
	meta    table.Metadata
	updates []table.Update // that made meta out of base
	base    table.Metadata // as the lake's branch has it; nil for a new table
	real    table.Metadata // base as it lies in the catalog
	from    string         // location of base's metadata
	on      *Table         // the base as it was loaded, nil for a new table
}

func (w *world) draft(ctx context.Context, base *Table, change Change, removes removals) (draft, error) {
	if base == nil {
		return w.draftNew(ctx, change)
	}
	d := draft{meta: base.ice.Metadata(), base: base.ice.Metadata(), real: base.real.Metadata(), from: base.ice.MetadataLocation(), on: base}
	schema, err := w.schemaAfter(base, change, removes)
	if err != nil {
		return d, err
	}
	spec, err := w.specAfter(base, schema, removes)
	if err != nil {
		return d, err
	}
	if schema != nil {
		d.updates = append(d.updates, table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(-1))
	}
	if spec != nil {
		d.updates = append(d.updates, table.NewAddPartitionSpecUpdate(spec, false), table.NewSetDefaultSpecUpdate(-1))
	}
	order, err := w.orderAfter(base, schema)
	if err != nil {
		return d, err
	}
	if order != nil {
		d.updates = append(d.updates, order...)
	}
	if len(d.updates) == 0 {
		return d, nil
	}
	d.meta, err = table.UpdateTableMetadata(d.base, d.updates, "")
	return d, err
}

// write lets iceberg-go write manifests and build the snapshot, and keeps its updates from the catalog.
func (w *world) write(ctx context.Context, d draft, p *proposal, change Change, removes removals, ledger string, counts job.Counts) error {
	fsys := func(ctx context.Context) (iceio.IO, error) {
		return recording{files{ctx: ctx, store: w.lake.store, root: w.lake.root}, p.written}, nil
	}
	caught := &catcher{}
	ice := table.New(w.ident, d.meta, d.from, fsys, caught)
	caught.table = ice
	adds, err := w.dataFiles(ice, change.Add)
	if err != nil {
		return err
	}
	props, err := summary(w.in, d, ledger, counts)
	if err != nil {
		return err
	}
	if w.in.Limited != nil && *w.in.Limited > 0 {
		props[summaryLimit] = strconv.FormatInt(*w.in.Limited, 10)
	}
	props[summarySpec] = strconv.Itoa(d.meta.DefaultPartitionSpec())
	tx := ice.NewTransaction()
	switch {
	case change.Rewrite:
		if len(removes.data) == 0 {
			return fault.New(fault.Internal, "a rewrite removes no file")
		}
		err = rewrite(ctx, tx.NewRewrite(props), removes, adds)
	case len(removes.data) > 0:
		err = tx.ReplaceFiles(ctx, removes.data, adds, removes.deletes, props, table.WithoutAutoNameMapping())
	case len(adds) > 0:
		err = tx.AddDataFiles(ctx, adds, props, table.WithoutAutoNameMapping(), table.WithoutDuplicateCheck())
	default:
		// Position, rejects and history move together even where no row does.
		err = tx.AddFiles(ctx, nil, props, false)
	}
	if err == nil {
		err = tx.SetProperties(iceberg.Properties{summaryLedger: ledger})
	}
	if err != nil {
		return err
	}
	if _, err := tx.Commit(ctx); !errors.Is(err, errCaught) {
		return errors.Join(errors.New("iceberg did not hand its updates over"), err)
	}
	updates := slices.Concat(d.updates, caught.updates)
	if change.Rewrite && ice.NameMapping() == nil {
		// iceberg-go writes one with every rewrite. It would not follow the columns that come and go later.
		updates = append(updates, table.NewRemovePropertiesUpdate([]string{table.DefaultNameMappingKey}))
	}
	return w.lake.settle(d, p, updates)
}

// settle makes the next version out of the updates, on main or on the lake's branch.
func (l *Lake) settle(d draft, p *proposal, updates []table.Update) (err error) {
	on, real := d.base, d.real
	if on == nil {
		on = d.meta
	}
	from := d.from
	if p.meta, err = table.UpdateTableMetadata(on, updates, from); err != nil {
		return err
	}
	p.snapshot = p.meta.CurrentSnapshot()
	if l.branch == "" {
		return nil
	}
	if updates = l.toBranch(real, on, p.meta, updates); real == nil {
		real = d.meta
	}
	p.meta, err = table.UpdateTableMetadata(real, updates, from)
	return err
}

// rewrite puts files in the place of others, in a snapshot that Iceberg calls a replace.
func rewrite(ctx context.Context, r *table.RewriteFiles, removes removals, adds []iceberg.DataFile) error {
	for _, f := range append(slices.Clone(removes.data), removes.deletes...) {
		r.DeleteFile(f)
	}
	for _, f := range adds {
		r.AddDataFile(f)
	}
	return r.Commit(ctx)
}

// errCaught ends iceberg-go's commit where Weir's begins.
var errCaught = errors.New("caught")

// catcher stands in for a catalog and keeps what would be committed.
type catcher struct {
	table   *table.Table
	updates []table.Update
}

// LoadTable gives the version the commit is planned on.
func (c *catcher) LoadTable(context.Context, table.Identifier) (*table.Table, error) {
	return c.table, nil
}

// CommitTable keeps the updates.
func (c *catcher) CommitTable(_ context.Context, _ table.Identifier, _ []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	c.updates = updates
	return nil, "", errCaught
}

// recorder knows the files iceberg-go wrote, so that those of a lost proposal can go.
type recorder struct {
	mu    sync.Mutex
	names []string
}

// recording is files whose new names are recorded.
type recording struct {
	files
	to *recorder
}

func (r recording) Create(name string) (iceio.FileWriter, error) {
	r.to.mu.Lock()
	r.to.names = append(r.to.names, name)
	r.to.mu.Unlock()
	return r.files.Create(name)
}
