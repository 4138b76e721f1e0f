package commit

import (
	"context"
	"errors"

	"weir/internal/job"
)

// Errors a World answers with.
var (
	// ErrLost says that a swap did not happen, because the table had moved on.
	ErrLost = errors.New("another writer was first")
	// ErrNotApplied says that a swap was refused before it could happen.
	ErrNotApplied = errors.New("the catalog was not changed")
	// ErrStale says that a plan no longer fits its base: files it would remove are gone.
	ErrStale = errors.New("the plan does not fit the table any more")
)

// ErrUnknown is what Run gives up with when it could not learn whether its swap took place. What was staged must stay:
// the table may name it.
var ErrUnknown = errors.New("it is not known whether the commit took place")

// World is what the protocol acts on. V is one loaded version of the table, P a version that is ready to be swapped in.
type World[V, P any] interface {
	// Load reads the table as it is now.
	Load(ctx context.Context) (Head[V], error)
	ReadLedger(ctx context.Context, location string) (Ledger, error)
	// Stage plans and judges against a version, and makes everything of the next one that does not depend on its ledger
	// durable. It may be called again after it lost; files only an earlier call staged are the caller's to remove then.
	Stage(ctx context.Context, base V) (Proposed, P, error)
	// WriteLedger stores a ledger at a location that Stage chose.
	WriteLedger(ctx context.Context, location string, l Ledger) error
	// Swap makes p the table's version if base still is. Errors: ErrLost, ErrNotApplied, or any other where the
	// answer is not known.
	Swap(ctx context.Context, base V, p P) error
	// Forget removes what Stage made, once it is certain that it can never be swapped in.
	Forget(ctx context.Context, p P)
	// Pause waits before try n (1 is the first retry).
	Pause(ctx context.Context, n int) error
}

// Head is one version of a table as the protocol sees it.
type Head[V any] struct {
	Version      string // what Swap compares; "" where the table does not exist
	SchemaID     int
	LastColumnID int
	Current      *Snapshot // nil: no snapshot
	Property     string    // the ledger the table's property names, "" for none
	Value        V
	// Find looks a snapshot up, also one that has expired where earlier metadata still tells of it. remembered is true for those.
	Find func(ctx context.Context, id int64) (s Snapshot, remembered, ok bool, err error)
}

// Snapshot is what the protocol knows of one.
type Snapshot struct {
	ID       int64
	Parent   int64  // 0 for none
	Sequence int64  // grows with every snapshot of a table, also after a rollback
	Ledger   string // location of the ledger it names, "" for one another tool made
}

// Intent is what a build wants of the protocol.
type Intent struct {
	Table string // for messages
	RunID string
	// Base is the value of every split the build started from, "" for a split not read before, and Next the value after it.
	Base, Next job.Position
	Whole      bool // the whole position must be Base and becomes Next
	Server     string
	Definition string
	Meaning    job.Meaning
	Limited    *int64 // nil keeps the ledger's
	// SchemaID and LastColumnID are those the build staged against; SchemaID is -1 where there was no table.
	SchemaID, LastColumnID int
	CloseRejects           []string
	Notes                  []string // locations of what was done to rejects
}

// Proposed is what Stage made.
type Proposed struct {
	Snapshot  int64
	Parent    int64 // 0 for none
	Sequence  int64
	Ledger    string // where its ledger is to lie; the snapshot names it already
	Counts    job.Counts
	Rejects   []RejectFile
	ChangeSet []string
}

// Result of a commit.
type Result struct {
	Snapshot int64
	Already  bool // the run had committed before: nothing was done
	Attempts int
}
