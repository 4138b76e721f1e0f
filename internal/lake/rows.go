package lake

import (
	"strconv"

	"weir/internal/job"
)

// RowsSince is the id of the snapshot since which the table holds the rows it does, 0 for none. Later snapshots may have settled
// rejects, moved a position or compacted files: none of this is a change to those that read the table, but another schema
// is.
func (t *Table) RowsSince() int64 {
	at, ok := t.Snapshot()
	if !ok {
		return 0
	}
	byID := t.byID()
	for at.RowsSince == 0 {
		parent, known := byID[at.Parent]
		if !known || !at.SameRows() || at.SchemaID != parent.SchemaID {
			return at.ID
		}
		at = parent
	}
	return at.RowsSince
}

// SameRows says whether a snapshot holds just the rows of its parent.
func (s Snapshot) SameRows() bool {
	if s.Foreign {
		return s.Operation == "replace" // Iceberg's name for a rewrite that changes no row
	}
	return s.Counts != nil && unchanged(*s.Counts)
}

func unchanged(c job.Counts) bool { return c.Inserted+c.Updated+c.Deleted == 0 }

// rowsSince is what a commit of Weir writes into its summary, so that it is still known when the snapshots before have
// expired: "" where the commit changes rows or the schema, for then it is the snapshot itself.
func rowsSince(d draft, c job.Counts) string {
	base := d.on
	if base == nil || !unchanged(c) || d.meta.CurrentSchema().ID != base.SchemaID() {
		return ""
	}
	if id := base.RowsSince(); id != 0 {
		return strconv.FormatInt(id, 10)
	}
	return ""
}
