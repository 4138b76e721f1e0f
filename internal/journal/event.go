package journal

import (
	"context"
	"database/sql"
	"time"
)

// Event is something that happened in a run.
type Event struct {
	RunID   string    `json:"run"`
	Table   string    `json:"table,omitempty"` // "" where it is about the run as a whole
	Kind    string    `json:"kind"`            // one word: retry, rebuilt
	Message string    `json:"message"`
	At      time.Time `json:"at"` // UTC, whole microseconds; the zero time means now
}

// Event appends an event.
func (j *Journal) Event(ctx context.Context, e Event) error {
	e.Message = j.text(e.Message)
	return j.write(ctx, "record event", func(tx *sql.Tx) error {
		if err := begun(ctx, tx, e.RunID); err != nil {
			return err
		}
		return insertEvent(ctx, tx, e)
	})
}

const eventColumns = `run, tbl, kind, message, at`

func insertEvent(ctx context.Context, tx *sql.Tx, e Event) error {
	if e.At.IsZero() {
		e.At = now()
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO events (`+eventColumns+`) VALUES (?, ?, ?, ?, ?)`, e.RunID, e.Table, e.Kind, e.Message, stamp(e.At))
	return err
}

// Events gives a run's events in the order they were written.
func (j *Journal) Events(ctx context.Context, runID string) ([]Event, error) {
	places := func(e *Event) []any { return []any{&e.RunID, &e.Table, &e.Kind, &e.Message, micros{&e.At}} }
	return read(ctx, j, "read events", places, `SELECT `+eventColumns+` FROM events WHERE run = ? ORDER BY seq`, runID)
}
