package journal

import (
	"context"
	"database/sql"
	"time"

	"weir/internal/job"
)

// BuildStatus is how a build stands.
type BuildStatus string

// Statuses of a build.
const (
	BuildRunning     BuildStatus = "running"
	BuildBuilt       BuildStatus = "built"
	BuildSkipped     BuildStatus = "skipped"
	BuildFailed      BuildStatus = "failed"
	BuildBlocked     BuildStatus = "blocked" // a table it needs did not come through
	BuildInterrupted BuildStatus = "interrupted"
)

// Build is one attempt at a table in a run. Times are UTC and whole microseconds, sizes bytes.
type Build struct {
	RunID   string      `json:"run"`
	Table   string      `json:"table"`
	Attempt int         `json:"attempt"` // from 1; 0 for a build that was never begun
	Status  BuildStatus `json:"status"`
	Mode    string      `json:"mode,omitempty"`
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	Counts  job.Counts  `json:"counts"`

	BytesRead    int64 `json:"bytes_read"`
	BytesWritten int64 `json:"bytes_written"`
	PeakMemory   int64 `json:"peak_memory,omitempty"` // of the process, 0 where unknown

	SnapshotBefore int64            `json:"snapshot_before,omitempty"` // 0 for none
	Snapshot       int64            `json:"snapshot,omitempty"`        // 0 where nothing was committed
	Inputs         map[string]int64 `json:"inputs,omitempty"`          // snapshots read, by table
	Files          int              `json:"files,omitempty"`           // data files written

	Class      string `json:"class,omitempty"` // of the error, see package fault
	Error      string `json:"error,omitempty"`
	Hint       string `json:"hint,omitempty"`
	Why        string `json:"why,omitempty"`        // why it was built, skipped or blocked
	Rejects    string `json:"rejects,omitempty"`    // where a failed build's rejects lie
	Definition string `json:"definition,omitempty"` // hash of the definition's meaning
}

const buildColumns = `run, tbl, attempt, status, mode, started, ended, counts, bytes_read, bytes_written, peak_memory,
	snapshot_before, snapshot, inputs, files, class, error, hint, why, rejects, definition`

// Build writes a build down, in place of what the journal says of the same run, table and attempt.
func (j *Journal) Build(ctx context.Context, b Build) error {
	b.Error, b.Hint, b.Why = j.text(b.Error), j.text(b.Hint), j.text(b.Why)
	return j.write(ctx, "record build of "+b.Table, func(tx *sql.Tx) error {
		if err := begun(ctx, tx, b.RunID); err != nil {
			return err
		}
		return putBuild(ctx, tx, b, `DO UPDATE SET status = excluded.status, mode = excluded.mode, started = excluded.started,
			ended = excluded.ended, counts = excluded.counts, bytes_read = excluded.bytes_read, bytes_written = excluded.bytes_written,
			peak_memory = excluded.peak_memory, snapshot_before = excluded.snapshot_before, snapshot = excluded.snapshot,
			inputs = excluded.inputs, files = excluded.files, class = excluded.class, error = excluded.error, hint = excluded.hint,
			why = excluded.why, rejects = excluded.rejects, definition = excluded.definition`)
	})
}

// putBuild inserts a build; conflict says what to do where the run's table and attempt are already known.
func putBuild(ctx context.Context, tx *sql.Tx, b Build, conflict string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO builds (`+buildColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, tbl, attempt) `+conflict,
		b.RunID, b.Table, b.Attempt, string(b.Status), b.Mode, stamp(b.Started), stamp(b.Ended), document{&b.Counts}, b.BytesRead, b.BytesWritten,
		b.PeakMemory, b.SnapshotBefore, b.Snapshot, document{&b.Inputs}, b.Files, b.Class, b.Error, b.Hint, b.Why, b.Rejects, b.Definition)
	return err
}

func (b *Build) places() []any {
	return []any{&b.RunID, &b.Table, &b.Attempt, &b.Status, &b.Mode, micros{&b.Started}, micros{&b.Ended}, document{&b.Counts}, &b.BytesRead, &b.BytesWritten,
		&b.PeakMemory, &b.SnapshotBefore, &b.Snapshot, document{&b.Inputs}, &b.Files, &b.Class, &b.Error, &b.Hint, &b.Why, &b.Rejects, &b.Definition}
}

// begun refuses to write about a run that was never begun: it could not be found again.
func begun(ctx context.Context, tx *sql.Tx, run string) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM runs WHERE id = ?`, run).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return noRun(run)
	}
	return nil
}

// Builds gives a run's builds in the order they were begun.
func (j *Journal) Builds(ctx context.Context, runID string) ([]Build, error) {
	return read(ctx, j, "read builds", (*Build).places, `SELECT `+buildColumns+` FROM builds WHERE run = ? ORDER BY seq`, runID)
}

// History gives a table's builds, those that ended last first and those still running before them; limit 0 means all.
func (j *Journal) History(ctx context.Context, table string, limit int) ([]Build, error) {
	return read(ctx, j, "read history of "+table, (*Build).places,
		`SELECT `+buildColumns+` FROM builds WHERE tbl = ? ORDER BY ended DESC NULLS FIRST, seq DESC LIMIT ?`, table, upTo(limit))
}
