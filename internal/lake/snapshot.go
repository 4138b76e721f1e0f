package lake

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"weir/internal/job"
	"weir/internal/lake/commit"
)

// Names under which a commit stands in its snapshot's summary; weir.ledger is also a property of the table.
const (
	summaryLedger = "weir.ledger"     // location of the ledger
	summaryRun    = "weir.run-id"     //
	summaryTime   = "weir.time"       // the run's logical time
	summaryCounts = "weir.counts"     // job.Counts
	summaryMarker = "weir.version"    // of these names
	summaryRows   = "weir.rows-since" // id of the snapshot since which the rows are these, of a commit that changes none
	summaryLimit  = "weir.limited"    // rows each read was cut to, of a build that is not complete
	summarySpec   = "weir.spec"       // id of the partition spec rows were added under
)

// Snapshot is a committed version of a table.
type Snapshot struct {
	ID        int64
	Number    int64     // counts the snapshots of a table; 0 in tables of Iceberg's first format
	Parent    int64     // 0 for none
	At        time.Time // of the commit
	Time      time.Time // the run's logical time; zero for a foreign snapshot
	RunID     string
	Operation string // append, overwrite, replace, delete
	SchemaID  int    // -1 where unknown
	Ledger    string // location of its ledger
	Counts    *job.Counts
	// RowsSince is the snapshot since which the table held these rows, where the snapshot tells: itself, if it changed rows.
	RowsSince int64
	Limited   int64 // rows that each read was cut to, 0 for a complete build
	Foreign   bool  // made by another tool
	Summary   map[string]string
}

func snapshotOf(s table.Snapshot) Snapshot {
	out := Snapshot{ID: s.SnapshotID, Number: s.SequenceNumber, At: time.UnixMilli(s.TimestampMs).UTC(), SchemaID: -1}
	if s.ParentSnapshotID != nil {
		out.Parent = *s.ParentSnapshotID
	}
	if s.SchemaID != nil {
		out.SchemaID = *s.SchemaID
	}
	if s.Summary != nil {
		out.Operation = string(s.Summary.Operation)
		out.Summary = s.Summary.Properties
	}
	out.RunID, out.Ledger = out.Summary[summaryRun], out.Summary[summaryLedger]
	out.Foreign = out.Ledger == ""
	out.Time, _ = time.Parse(time.RFC3339Nano, out.Summary[summaryTime])
	out.Limited, _ = strconv.ParseInt(out.Summary[summaryLimit], 10, 64)
	var c job.Counts
	if text := out.Summary[summaryCounts]; text != "" && json.Unmarshal([]byte(text), &c) == nil {
		out.Counts = &c
	}
	out.RowsSince, _ = strconv.ParseInt(out.Summary[summaryRows], 10, 64)
	if out.Counts != nil && !unchanged(c) {
		out.RowsSince = out.ID
	}
	return out
}

// known is what the commit protocol wants of a snapshot.
func known(s table.Snapshot) commit.Snapshot {
	k := commit.Snapshot{ID: s.SnapshotID, Sequence: s.SequenceNumber}
	if s.ParentSnapshotID != nil {
		k.Parent = *s.ParentSnapshotID
	}
	if s.Summary != nil {
		k.Ledger = s.Summary.Properties[summaryLedger]
	}
	return k
}

// head describes the table's current version to the commit protocol.
func (t *Table) head() commit.Head[*Table] {
	h := commit.Head[*Table]{
		Version: t.ice.MetadataLocation(), SchemaID: t.SchemaID(), LastColumnID: t.LastColumnID(),
		Property: t.ice.Properties()[summaryLedger], Value: t, Find: t.find,
	}
	if t.snap != nil {
		s := known(*t.snap)
		h.Current = &s
	}
	return h
}

// find looks a snapshot up in the metadata, and where it has expired in the metadata files before this one.
func (t *Table) find(ctx context.Context, id int64) (s commit.Snapshot, remembered, ok bool, err error) {
	if s := t.ice.SnapshotByID(id); s != nil {
		return known(*s), false, true, nil
	}
	past, err := t.past(ctx)
	if err != nil {
		return commit.Snapshot{}, false, false, err
	}
	s, ok = past[id]
	return s, ok, ok, nil
}

// past reads the snapshots that earlier metadata files name. It is only needed where an ancestor of a foreign snapshot has
// expired. Files that are gone or damaged are passed over: they are history, which nothing must keep.
func (t *Table) past(ctx context.Context) (map[int64]commit.Snapshot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.history != nil {
		return t.history, nil
	}
	seen := map[int64]commit.Snapshot{}
	for entry := range t.ice.Metadata().PreviousFiles() {
		old, err := table.NewFromLocation(ctx, t.ident, entry.MetadataFile, t.lake.fs, nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || old.Metadata().TableUUID() != t.ice.Metadata().TableUUID() {
			continue
		}
		for _, s := range old.Metadata().Snapshots() {
			seen[s.SnapshotID] = known(s)
		}
	}
	t.history = seen
	return seen, nil
}

// summary is what a commit writes into its snapshot beside Iceberg's own figures.
func summary(in Intent, d draft, ledger string, counts job.Counts) (map[string]string, error) {
	text, err := json.Marshal(counts)
	if err != nil {
		return nil, err
	}
	out := map[string]string{summaryMarker: strconv.Itoa(commit.Version), summaryLedger: ledger, summaryRun: in.RunID,
		summaryTime: in.Time.UTC().Format(time.RFC3339Nano), summaryCounts: strings.TrimSpace(string(text))}
	if since := rowsSince(d, counts); since != "" {
		out[summaryRows] = since
	}
	return out, nil
}
