package journal

import (
	"context"
	"database/sql"
	"time"
)

// PublishStatus is how a publish stands.
type PublishStatus string

// Statuses of a publish.
const (
	PublishRunning     PublishStatus = "running"
	Published          PublishStatus = "published"
	PublishSkipped     PublishStatus = "skipped"
	PublishFailed      PublishStatus = "failed"
	PublishBlocked     PublishStatus = "blocked" // its table did not come through
	PublishInterrupted PublishStatus = "interrupted"
)

// Publish is one attempt at bringing a table to a destination in a run. What the destination holds is said there; this is a record.
type Publish struct {
	RunID       string        `json:"run"`
	Table       string        `json:"table"`
	Destination string        `json:"destination"`
	Attempt     int           `json:"attempt"` // from 1; 0 for one that was never begun
	Status      PublishStatus `json:"status"`
	Mode        string        `json:"mode,omitempty"`
	Started     time.Time     `json:"started,omitzero"`
	Ended       time.Time     `json:"ended,omitzero"`

	Before   int64 `json:"before,omitempty"`   // snapshot the destination held, 0 for none
	Snapshot int64 `json:"snapshot,omitempty"` // that it holds, 0 where nothing was committed
	Full     bool  `json:"full,omitempty"`     // all rows were brought
	Rows     int64 `json:"rows"`               // brought
	Written  int64 `json:"written"`            // inserted or changed there
	Deleted  int64 `json:"deleted"`
	Refused  int64 `json:"refused"`
	Bytes    int64 `json:"bytes"`

	Class   string `json:"class,omitempty"` // of the error, see package fault
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Why     string `json:"why,omitempty"`
	Rejects string `json:"rejects,omitempty"` // where refused rows lie
}

const publishColumns = `run, tbl, destination, attempt, status, mode, started, ended, snapshot_before, snapshot, whole, brought, written, deleted, refused, bytes,
	class, error, hint, why, rejects`

// Publish writes a publish down, in place of what the journal says of the same run, table, destination and attempt.
func (j *Journal) Publish(ctx context.Context, p Publish) error {
	p.Error, p.Hint, p.Why = j.text(p.Error), j.text(p.Hint), j.text(p.Why)
	return j.write(ctx, "record publish of "+p.Table, func(tx *sql.Tx) error {
		if err := begun(ctx, tx, p.RunID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO publishes (`+publishColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (run, tbl, destination, attempt) DO UPDATE SET status = excluded.status, ended = excluded.ended, snapshot_before = excluded.snapshot_before,
			snapshot = excluded.snapshot, whole = excluded.whole, brought = excluded.brought, written = excluded.written, deleted = excluded.deleted, refused = excluded.refused,
			bytes = excluded.bytes, class = excluded.class, error = excluded.error, hint = excluded.hint, why = excluded.why, rejects = excluded.rejects`,
			p.RunID, p.Table, p.Destination, p.Attempt, string(p.Status), p.Mode, stamp(p.Started), stamp(p.Ended), p.Before, p.Snapshot, p.Full, p.Rows, p.Written, p.Deleted,
			p.Refused, p.Bytes, p.Class, p.Error, p.Hint, p.Why, p.Rejects)
		return err
	})
}

func (p *Publish) places() []any {
	return []any{&p.RunID, &p.Table, &p.Destination, &p.Attempt, &p.Status, &p.Mode, micros{&p.Started}, micros{&p.Ended}, &p.Before, &p.Snapshot, &p.Full, &p.Rows, &p.Written,
		&p.Deleted, &p.Refused, &p.Bytes, &p.Class, &p.Error, &p.Hint, &p.Why, &p.Rejects}
}

// Publishes gives a run's publishes in the order they were begun.
func (j *Journal) Publishes(ctx context.Context, runID string) ([]Publish, error) {
	return read(ctx, j, "read publishes", (*Publish).places, `SELECT `+publishColumns+` FROM publishes WHERE run = ? ORDER BY seq`, runID)
}

// PublishesTo gives the publishes of a table to one destination in which rows were refused and that still count, latest first: the
// last one where it failed, and those since, and with, the last that brought all rows.
func (j *Journal) PublishesTo(ctx context.Context, table, destination string) ([]Publish, error) {
	all, err := read(ctx, j, "read publishes of "+table, (*Publish).places,
		`SELECT `+publishColumns+` FROM publishes WHERE tbl = ? AND destination = ? AND status IN ('published', 'failed') ORDER BY ended DESC, seq DESC`, table, destination)
	if err != nil {
		return nil, err
	}
	var out []Publish
	for i, p := range all {
		if p.Rejects != "" && (p.Status == Published || i == 0) {
			out = append(out, p)
		}
		if p.Status == Published && p.Full {
			break
		}
	}
	return out, nil
}

// Held gives the snapshot that a destination held when it was last reached, 0 where it never was.
func (j *Journal) Held(ctx context.Context, table, destination string) (int64, error) {
	places := func(p *Publish) []any { return []any{&p.Snapshot} }
	last, err := read(ctx, j, "read publishes of "+table, places, `SELECT snapshot FROM publishes
		WHERE tbl = ? AND destination = ? AND status IN ('published', 'skipped') ORDER BY ended DESC, seq DESC LIMIT 1`, table, destination)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Snapshot, nil
}

// PublishesOf gives a table's publishes, latest first; limit 0 means all.
func (j *Journal) PublishesOf(ctx context.Context, table string, limit int) ([]Publish, error) {
	return read(ctx, j, "read publishes of "+table, (*Publish).places,
		`SELECT `+publishColumns+` FROM publishes WHERE tbl = ? ORDER BY ended DESC NULLS FIRST, seq DESC LIMIT ?`, table, upTo(limit))
}
