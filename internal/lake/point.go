package lake

import (
	"context"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// pointedAt is what makes a version's main branch stand at a snapshot: the branch itself, and schema, partitioning and sort order
// as they were, for what is read and written next would not fit others. (Iceberg keeps these for the table, not for a snapshot.)
func pointedAt(meta table.Metadata, s table.Snapshot) []table.Update {
	schema := schemaOf(meta, s)
	updates := []table.Update{table.NewSetCurrentSchemaUpdate(schema.ID), table.NewSetDefaultSpecUpdate(specAt(meta, s, schema))}
	if !sorts(meta.SortOrder(), schema) {
		unsorted := table.UnsortedSortOrder
		updates = append(updates, table.NewAddSortOrderUpdate(&unsorted), table.NewSetDefaultSortOrderUpdate(table.UnsortedSortOrderID))
	}
	return append(updates, table.NewSetSnapshotRefUpdate(table.MainBranch, s.SnapshotID, table.BranchRef, 0, 0, 0))
}

// schemaOf is the schema a snapshot was written with.
func schemaOf(meta table.Metadata, s table.Snapshot) *iceberg.Schema {
	if s.SchemaID != nil {
		for _, schema := range meta.Schemas() {
			if schema.ID == *s.SchemaID {
				return schema
			}
		}
	}
	return meta.CurrentSchema()
}

// specAt is the partitioning a snapshot was written under: the one it names; of one that names none, the table's own where that
// fits the snapshot's schema, else the latest that does.
func specAt(meta table.Metadata, s table.Snapshot, schema *iceberg.Schema) int {
	if s.Summary != nil {
		id, err := strconv.Atoi(s.Summary.Properties[summarySpec])
		if err == nil && meta.PartitionSpecByID(id) != nil {
			return id
		}
	}
	fits := func(spec iceberg.PartitionSpec) bool {
		for _, f := range partsOf(spec) {
			if _, ok := schema.FindFieldByID(f.SourceIDs[0]); !ok {
				return false
			}
		}
		return true
	}
	best := meta.DefaultPartitionSpec()
	if fits(meta.PartitionSpec()) {
		return best
	}
	for _, spec := range meta.PartitionSpecs() {
		if fits(spec) {
			best = spec.ID()
		}
	}
	return best
}

func sorts(order table.SortOrder, schema *iceberg.Schema) bool {
	return order.CheckCompatibility(schema) == nil
}

// mover is the lake as the protocol moves a branch of one table.
type mover struct {
	*world
	// extra are further changes of the version that is swapped in.
	extra []table.Update
}

var _ commit.MoveWorld[*Table, *proposal] = (*mover)(nil)

func (l *Lake) mover(name string) (*mover, error) {
	if err := l.writable(); err != nil {
		return nil, err
	}
	id, err := identOf(name)
	return &mover{world: &world{lake: l, in: Intent{Table: name}, ident: id}}, err
}

// Point makes the version in which main stands at a snapshot. Its property names that snapshot's ledger, so that the ledger is
// found again even where ancestors of later snapshots expire.
func (m *mover) Point(ctx context.Context, base *Table, to int64) (*proposal, error) {
	if err := inTime(base); err != nil {
		return nil, err
	}
	updates, err := m.updates(ctx, base, to)
	if err != nil {
		return nil, err
	}
	meta := base.ice.Metadata()
	p := &proposal{written: &recorder{}, last: base.ice.MetadataLocation(), location: metadataLocation(meta.Location(), base.ice.MetadataLocation())}
	if p.meta, err = table.UpdateTableMetadata(meta, updates, p.last); err != nil {
		return nil, err
	}
	p.stale = droppedMetadata(meta, p.meta)
	return p, nil
}

func (m *mover) updates(ctx context.Context, base *Table, to int64) ([]table.Update, error) {
	if to == 0 {
		return m.extra, nil
	}
	at, err := base.At(ctx, to)
	if err != nil {
		return nil, err
	}
	if err := base.tells(ctx, at); err != nil {
		return nil, err
	}
	ledger, err := at.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	meta := base.ice.Metadata()
	return slices.Concat(pointedAt(meta, *at.snap), ledgerNamed(meta, summaryLedger, placeOfLedger(ledger)), m.extra), nil
}

// tells checks that the ledger of a snapshot can be known for certain. That of an ancestor always can; of another snapshot that a
// foreign tool made, only where what it came from is known up to one that names its ledger.
func (t *Table) tells(ctx context.Context, at *Table) error {
	if slices.ContainsFunc(t.Lineage(), func(s Snapshot) bool { return s.ID == at.snap.SnapshotID }) {
		return nil
	}
	for s := known(*at.snap); s.Ledger == "" && s.Parent != 0; {
		parent, _, ok, err := t.find(ctx, s.Parent)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Data, "snapshot %d was made by another tool, and what it came from has expired: nobody can tell its position", at.snap.SequenceNumber).
				WithHint("choose another snapshot: weir show %s --history", t.name)
		}
		s = parent
	}
	return nil
}

// placeOfLedger is where a ledger lies, "" for the empty one.
func placeOfLedger(l Ledger) string {
	if len(l.Runs) == 0 {
		return ""
	}
	return l.Runs[len(l.Runs)-1].Ledger
}

// ledgerNamed lets a property name a ledger, or none.
func ledgerNamed(meta table.Metadata, property, location string) []table.Update {
	if location != "" {
		return []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{property: location})}
	}
	if _, ok := meta.Properties()[property]; ok {
		return []table.Update{table.NewRemovePropertiesUpdate([]string{property})}
	}
	return nil
}

// Swapped says whether a version is the proposal or came after it.
func (m *mover) Swapped(_ context.Context, now *Table, p *proposal) (bool, error) {
	return now.descendsFrom(p.location), nil
}

// move lets the protocol move main.
func (m *mover) move(ctx context.Context, what string, from, to int64) error {
	return commit.Mover[*Table, *proposal]{World: m}.Run(ctx, commit.Move{Table: m.in.Table, What: what, From: from, To: to})
}
