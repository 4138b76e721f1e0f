// Package source reads datasets of outside systems. Each vendor stands in its own folder and in the one map of
// kinds.go; what a vendor can do beyond a bounded read it shows by a further interface.
package source

import (
	"context"

	"weir/internal/job"
	"weir/internal/record"
)

// Dataset is something a connection can read: a table, a topic, a set of files.
type Dataset struct {
	Name  string
	Rows  int64 // estimate, -1 where unknown
	Bytes int64
}

// Source is one open connection.
type Source interface {
	// Server names the outside system a position belongs to (promise 7): a system id, a folder, a bucket.
	Server(ctx context.Context) (string, error)
	// Discover lists what can be read.
	Discover(ctx context.Context) ([]Dataset, error)
	// Begin fixes what a bounded read will read. Errors are classed: a missing folder is Usage, a server that does not
	// answer Unavailable, a definition that does not fit the data Data.
	Begin(ctx context.Context, r job.Read) (Scan, error)
	// Check tests that the connection works, for a person.
	Check(ctx context.Context) error
	Close() error
}

// Scan is one bounded read: what it covers is fixed.
type Scan interface {
	Splits() []Split   // what is to be read now, in order; empty: nothing new
	End() job.Position // the position after all splits are read; splits not read keep their value; cheapest once the relation is there
	Close() error
}

// Portable sources say why a position that was made on another server means nothing on the one they lead to; nil where it does.
type Portable interface {
	Portable(ctx context.Context, at job.Position) error
}

// Steady scans can say, after their relation has been read, whether what they read was changed under their hands: then the
// position would name another content than the rows have. The error is Unavailable.
type Steady interface {
	Unchanged(ctx context.Context) error
}

// Split is one part of a read.
type Split struct {
	Name  string // key in the position
	Bytes int64
	// Replaces is true where rows read earlier from this split are to be replaced (a changed file).
	Replaces bool
}

// Engine is what a scan needs of the engine that will read it.
type Engine interface {
	// Describe binds a query without running it and gives its columns.
	Describe(ctx context.Context, sql string) ([]job.Column, error)
	// Exec runs a statement in the session the relation will be read in.
	Exec(ctx context.Context, sql string) error
	// Strings runs a query and gives its rows as text, "" and false for null. For small results.
	Strings(ctx context.Context, sql string) ([][]Text, error)
}

// Text is a nullable text value.
type Text struct {
	Value string
	Valid bool
}

// Scannable scans are read by the engine itself: SQL in, no rows through Go.
type Scannable interface {
	// Relation gives the query over all splits. Its columns are typed and end with the provenance column _file (VARCHAR,
	// the split's name). Schema drift against Read.Known is settled here, by the dataset's policy.
	Relation(ctx context.Context, e Engine) (Relation, error)
	// Careful gives a slower query that turns records the fast one failed on into rejects. cause is the fast query's error;
	// where nothing can be done about it, it is returned, classed.
	Careful(ctx context.Context, e Engine, cause error) (Relation, error)
	// Replay gives a query that reads single records again, as if each stood where it was rejected.
	Replay(ctx context.Context, e Engine, rejects []record.Reject) (Relation, error)
}

// Complete scans can say that they cover all there is, whatever they were asked for, so that what they lack is gone.
type Complete interface {
	Complete() bool
}

// Explained scans say in a few words what they read and why: a plan shows it.
type Explained interface {
	Explain() string
}

// Batched scans hand out rows themselves: databases, streams.
type Batched interface {
	// Columns are those that will be read, typed as the lake stores them; nothing is read.
	Columns(ctx context.Context) ([]job.Column, error)
	// Rows begins to read all splits. It may be called again when the rows before are closed, and gives the same ones.
	Rows(ctx context.Context) (Rows, error)
}

// Rows are those of one read, in batches.
type Rows interface {
	record.Reader
	// Columns are typed as the lake stores what the source has.
	Columns() []job.Column
	// Rejects are the records that could not be taken. It is complete once Next has given io.EOF.
	Rejects() []record.Reject
}

// Relation is a query over a source and the rejects it leaves behind.
type Relation struct {
	job.Relation
	// Rejects is a SELECT of record.RejectColumns, valid in the same session after the query has run; "" where a record
	// can not fail. One row a record: the first thing wrong with it.
	Rejects string
	// Settle completes what Rejects will say, between the query and Rejects; nil where there is nothing to complete.
	Settle func(ctx context.Context) error
	// Filtered is a SELECT of one count: records left out on purpose; "" for none.
	Filtered string
	// Changes says that SQL also yields the columns of a change (package feed), and its rows are changes.
	Changes bool
	// Added are columns of Columns that Read.Known lacks; Widened those whose type is wider than the known one.
	Added, Widened []string
	// Close drops what the relation made in the session.
	Close func(ctx context.Context) error
}
