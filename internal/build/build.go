// Package build makes one table once: read, stage, judge, commit. What it stages is visible to no one before its rules
// have passed, and it commits data and position together through the lake (promises 1 to 4).
package build

import (
	"context"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/quality"
	"weir/internal/source"
)

// Builder builds the tables of one project in one process.
type Builder struct {
	Lake   *lake.Lake
	Engine engine.Engine
	Macros []define.Macro
	Vars   job.Params
	// Source opens the source a table reads.
	Source func(ctx context.Context, t *define.Table) (source.Source, error)
	// Defer, where set, reads inputs that are not built here in another environment.
	Defer *Deferral
	// Scratch is a local folder for deltas that do not become data files themselves.
	Scratch string
	// History, where set, gives what rules measured of a table before a run.
	History func(table, run string) quality.History
	// States, where set, keep what rules found out about files.
	States States
}

// Input is one table a SQL table reads, directly or through views.
type Input struct {
	Name string
	View string // SQL of a view; "" for a table of the lake
	// Keeps says that the table still holds every row it ever held, or a later form of it.
	Keeps bool
}

// Task is one build.
type Task struct {
	Table *define.Table
	// Inputs of a SQL table, every view after what it reads.
	Inputs []Input
	// Definition is the hash of all that shapes the rows: the table's, its views' and macros' meaning, its vars.
	Definition string
	Meaning    job.Meaning // what it is the hash of, part by part
	Recursive  string      // where its SQL has a recursive CTE, which may have no end; "" for none
	RunID      string
	Time       time.Time // logical time
	Full       bool      // read everything again
	Forward    bool      // where the definition changed, keep the rows there are
	Destroy    bool      // a full build may lose a past that cannot be read again
	// Limit, of a table that is read from a source, is how many rows to read at most; 0 for all. Such a build replaces the table,
	// is marked in its ledger, and moves no position: the next complete build reads everything.
	Limit int64
	// Backfill, of a table with a window, is the only range to build; no position moves.
	Backfill *Range
	// Observe, where set, is given the session and the bytes to be read once these are known, so that progress can be shown.
	Observe func(p Progress, bytes int64)
}

// Progress is read by another goroutine while a build runs.
type Progress interface {
	Progress() (percent float64, rows, total uint64)
}

// Outcome is what a build did.
type Outcome struct {
	Skipped        bool
	Why            string // why it was skipped, or what was built
	Counts         job.Counts
	Rules          []quality.Outcome
	Before, After  int64 // snapshot ids, 0 for none
	Inputs         map[string]int64
	Deferred       []Deferred // inputs that were read in another environment
	Files          int
	BytesRead      int64
	BytesAll       int64 // that a full build would have read; 0 where that is BytesRead
	BytesWritten   int64
	Rejects        string // where a failed build's rejects lie
	Added, Widened []string
	Renamed        []string // old → new
	Change         Change   // of the definition since the build before, and the way that was taken
	Already        bool     // the run had committed this table before
	Limited        int64    // rows that each read was cut to: no complete build
}

// Build makes the table, or finds that nothing has to be done.
func (b *Builder) Build(ctx context.Context, t Task) (Outcome, error) {
	out, err := b.build(ctx, t)
	if err != nil {
		return out, fmt.Errorf("build %s: %w", t.Table.Name, err)
	}
	return out, nil
}

func (b *Builder) build(ctx context.Context, t Task) (Outcome, error) {
	state, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return Outcome{}, err
	}
	if state.committed(t.RunID) {
		return already(state, t), nil
	}
	w := &work{b: b, t: t, state: state}
	err = w.decide()
	if w.out.Change = w.change; err != nil {
		return w.out, err
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer s.Close()
	w.s = s
	defer w.close()
	err = w.run(ctx)
	return w.out, err
}

// already answers for a run id that is in the ledger: an earlier attempt committed and was not heard (promise 4).
func already(state state, t Task) Outcome {
	out := Outcome{Already: true, Why: "committed before by the same run"}
	for _, s := range state.table.Snapshots() {
		if s.RunID != t.RunID {
			continue
		}
		out.Before, out.After = s.Parent, s.ID
		if s.Counts != nil {
			out.Counts = *s.Counts
		}
	}
	return out
}
