package lake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake/commit"
)

// Table is one loaded version of a table; it does not change.
type Table struct {
	lake      *Lake
	name      string
	ident     table.Identifier
	real      *table.Table    // as it lies in the catalog
	ice       *table.Table    // as the lake's branch has it; on main the same
	snap      *table.Snapshot // nil: nothing was committed
	schema    *iceberg.Schema // of snap
	columns   []job.Column
	partition []job.PartitionField

	mu      sync.Mutex
	history map[int64]commit.Snapshot // expired snapshots, once looked for
	ledger  *Ledger
	live    []liveFile // once read
	read    bool
}

func (l *Lake) tableOf(name string, ice *table.Table) (*Table, error) {
	t := &Table{lake: l, name: name, ident: ice.Identifier(), real: ice, ice: ice}
	if l.branch != "" {
		var err error
		if t.ice, _, err = viewed(ice, l.branch); err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
	}
	t.snap = t.ice.CurrentSnapshot()
	return t, t.describe(t.ice.Schema())
}

// describe settles what the table looks like in a schema.
func (t *Table) describe(schema *iceberg.Schema) (err error) {
	t.schema = schema
	if t.columns, err = columnsOf(schema); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	if t.partition, err = partitionFields(t.ice.Spec(), t.ice.Schema()); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// Name is the dotted name.
func (t *Table) Name() string { return t.name }

// UUID is the table's own, which a table of the same name that is made later does not have.
func (t *Table) UUID() string { return t.ice.Metadata().TableUUID().String() }

// Location is where the table lies: file:///… or s3://….
func (t *Table) Location() string { return t.ice.Location() }

// Columns are the columns with their field ids and canonical DuckDB types.
func (t *Table) Columns() []job.Column { return slices.Clone(t.columns) }

// SchemaID is the id of the current schema.
func (t *Table) SchemaID() int { return t.ice.Schema().ID }

// LastColumnID is the highest field id the table ever gave.
func (t *Table) LastColumnID() int { return t.ice.Metadata().LastColumnID() }

// Partition are the fields new data is partitioned by.
func (t *Table) Partition() []job.PartitionField { return slices.Clone(t.partition) }

// Properties are the table's Iceberg properties.
func (t *Table) Properties() map[string]string { return t.ice.Properties() }

// Snapshot is the version's snapshot, false where nothing was committed.
func (t *Table) Snapshot() (Snapshot, bool) {
	if t.snap == nil {
		return Snapshot{}, false
	}
	return snapshotOf(*t.snap), true
}

// Snapshots are all snapshots the table still knows, oldest first.
func (t *Table) Snapshots() []Snapshot {
	all := slices.Clone(t.ice.Metadata().Snapshots())
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	out := make([]Snapshot, len(all))
	for i, s := range all {
		out[i] = snapshotOf(s)
	}
	return out
}

// At gives the table as of a snapshot.
func (t *Table) At(_ context.Context, snapshotID int64) (*Table, error) {
	s := t.ice.SnapshotByID(snapshotID)
	if s == nil {
		return nil, fault.New(fault.Usage, "table %s has no snapshot %d", t.name, snapshotID).
			WithHint("weir show %s lists its snapshots; older ones have expired", t.name)
	}
	past := &Table{lake: t.lake, name: t.name, ident: t.ident, real: t.real, ice: t.ice, snap: s}
	schema := t.ice.Schema()
	if s.SchemaID != nil {
		if of, ok := t.ice.Schemas()[*s.SchemaID]; ok {
			schema = of
		}
	}
	return past, past.describe(schema)
}

// AsOf gives the table as it was current at a time.
func (t *Table) AsOf(ctx context.Context, at time.Time) (*Table, error) {
	s := t.ice.SnapshotAsOf(at.UnixMilli(), true)
	if s == nil {
		return nil, fault.New(fault.Usage, "table %s has no snapshot as old as %s", t.name, at.Format(time.RFC3339)).
			WithHint("weir show %s lists its snapshots; older ones have expired", t.name)
	}
	return t.At(ctx, s.SnapshotID)
}
