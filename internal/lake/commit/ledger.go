// Package commit is the protocol by which a build becomes part of a table: data and position together, a run once, on
// the very version it was planned and judged against. It knows nothing of Iceberg or files. What it needs of them is
// the interface World, which the lake implements for real and the simulation in this package's tests in memory.
package commit

import (
	"slices"
	"time"

	"weir/internal/job"
)

// Version of the ledger's JSON.
const Version = 1

// Limits of what a ledger carries forward.
const (
	keepRuns    = 1000 // run ids
	keepChanges = 200  // change-sets
)

// Ledger says what a table's rows stand for. A ledger is immutable: every commit writes a new one, and the snapshot of the
// commit names it.
type Ledger struct {
	Version    int          `json:"version"`
	Snapshot   int64        `json:"snapshot"` // that names this ledger
	Sequence   int64        `json:"sequence"` // of that snapshot
	Position   job.Position `json:"position,omitempty"`
	Server     string       `json:"server,omitempty"`     // identity of the outside system the position belongs to
	Definition string       `json:"definition,omitempty"` // hash the table was last built from
	Meaning    job.Meaning  `json:"meaning,omitempty"`    // what that definition said, part by part
	Limited    int64        `json:"limited,omitempty"`    // rows that each read was cut to: the table is no complete build; 0: it is
	Counts     job.Counts   `json:"counts"`               // of this commit
	Runs       []RunMark    `json:"runs,omitempty"`       // oldest first, the last 1,000
	Rejects    []RejectFile `json:"rejects,omitempty"`
	// Closed are ids of rejects replayed or discarded; older ones lie in ClosedFiles, JSON arrays of ids.
	Closed      []string    `json:"closed,omitempty"`
	ClosedFiles []string    `json:"closed_files,omitempty"`
	Notes       []string    `json:"notes,omitempty"`   // locations of what was done to rejects, by whom and why
	Changes     []ChangeSet `json:"changes,omitempty"` // of recent commits, oldest first
}

// RunMark says that a run has committed.
type RunMark struct {
	ID       string `json:"id"`
	Snapshot int64  `json:"snapshot"`
	Sequence int64  `json:"sequence"`
	Ledger   string `json:"ledger"` // location of that commit's ledger
}

// RejectFile is a Parquet file of record.RejectColumns.
type RejectFile struct {
	Path     string `json:"path"` // full location; while being staged, a local path
	Run      string `json:"run"`
	Rows     int64  `json:"rows"`
	Kind     string `json:"kind"`               // record.KindReject or record.KindQuarantined
	Snapshot int64  `json:"snapshot,omitempty"` // of the data it was read with
	// Time is the logical time of its run; zero of files that were written before ledgers told it.
	Time time.Time `json:"time,omitzero"`
}

// ChangeSet are the rows before and after, of a commit that is not a pure append.
type ChangeSet struct {
	Snapshot int64    `json:"snapshot"`
	Parent   int64    `json:"parent"`
	Files    []string `json:"files"` // full locations of Parquet files
}

// Run finds the mark of a run.
func (l Ledger) Run(id string) (RunMark, bool) {
	for i := len(l.Runs) - 1; i >= 0; i-- {
		if l.Runs[i].ID == id {
			return l.Runs[i], true
		}
	}
	return RunMark{}, false
}

// HasRun says whether a run has committed.
func (l Ledger) HasRun(id string) bool {
	_, ok := l.Run(id)
	return ok
}

// next is the ledger after a commit. Slices are copied, for the old ledger may be read by others.
func (l Ledger) next(in Intent, p Proposed) Ledger {
	n := l
	n.Version, n.Snapshot, n.Sequence, n.Counts = Version, p.Snapshot, p.Sequence, p.Counts
	n.Position = moved(l.Position, in)
	if in.Server != "" {
		n.Server = in.Server
	}
	if in.Definition != "" {
		n.Definition, n.Meaning = in.Definition, in.Meaning
	}
	if in.Limited != nil {
		n.Limited = *in.Limited
	}
	n.Runs = append(tail(l.Runs, keepRuns-1), RunMark{ID: in.RunID, Snapshot: p.Snapshot, Sequence: p.Sequence, Ledger: p.Ledger})
	n.Rejects = slices.Clone(l.Rejects)
	for _, r := range p.Rejects {
		r.Snapshot = p.Snapshot
		n.Rejects = append(n.Rejects, r)
	}
	n.Closed = append(slices.Clone(l.Closed), in.CloseRejects...)
	n.Notes = append(slices.Clone(l.Notes), in.Notes...)
	n.Changes = slices.Clone(l.Changes)
	if len(p.ChangeSet) > 0 {
		n.Changes = append(tail(l.Changes, keepChanges-1), ChangeSet{Snapshot: p.Snapshot, Parent: p.Parent, Files: p.ChangeSet})
	}
	return n
}

func tail[T any](s []T, n int) []T { return slices.Clone(s[max(0, len(s)-n):]) }

// moved is a position after an intent. A split whose next value is "" is forgotten.
func moved(p job.Position, in Intent) job.Position {
	n := job.Position{}
	if !in.Whole {
		n = p.Clone()
	}
	for split, value := range in.Next {
		if value == "" {
			delete(n, split)
		} else {
			n[split] = value
		}
	}
	return n
}
