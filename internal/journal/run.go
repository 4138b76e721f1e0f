package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"weir/internal/fault"
)

// Status is how a run stands.
type Status string

// Statuses of a run.
const (
	Running     Status = "running"
	Done        Status = "done"
	Failed      Status = "failed"
	Partly      Status = "partly" // some tables committed, some failed
	Interrupted Status = "interrupted"
)

// Run is one execution of builds. Times are UTC and whole microseconds.
type Run struct {
	Number int64 `json:"number"` // 1, 2, 3 …
	// ID is the number and a random part, such as 000018-3f9ac2: unique even where a lost journal starts to count again.
	ID        string    `json:"id"`
	Project   string    `json:"project"`
	Env       string    `json:"env,omitempty"`
	Selection string    `json:"selection,omitempty"` // as a person wrote it
	Time      time.Time `json:"time,omitzero"`       // logical time, the only clock that data sees
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Status    Status    `json:"status"`
	PID       int       `json:"pid,omitempty"`
	Host      string    `json:"host,omitempty"`
	// Process tells the run's process from a later one of the same PID, "" where the system has no such mark.
	Process string `json:"-"`
	Retry   string `json:"retry,omitempty"` // id of the run this one retries
	Error   string `json:"error,omitempty"` // why the run as a whole did not come to its end
}

// Begin writes down that a run starts and gives it its number, id, status and start. Its logical time is now, unless r
// names one; its process is this one, unless r names another. The run is on disk when Begin returns, because data will
// bear its id and its time.
func (j *Journal) Begin(ctx context.Context, r Run) (Run, error) {
	r.Status, r.Started, r.Ended = Running, now(), time.Time{}
	if r.Time.IsZero() {
		r.Time = r.Started
	}
	r.Time = r.Time.UTC().Truncate(time.Microsecond)
	if r.PID == 0 {
		r.PID, r.Host = os.Getpid(), j.host
	}
	r.Process = mark(r.PID)
	r.Selection, r.Error = j.text(r.Selection), j.text(r.Error)
	suffix := make([]byte, 3)
	_, _ = rand.Read(suffix) // never fails
	err := j.writeDurably(ctx, "begin run", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) + 1 FROM runs`).Scan(&r.Number); err != nil {
			return err
		}
		r.ID = fmt.Sprintf("%06d-%s", r.Number, hex.EncodeToString(suffix))
		return insertRun(ctx, tx, r)
	})
	if err != nil {
		return Run{}, err
	}
	return r, nil
}

const runColumns = `id, number, project, env, selection, time, started, ended, status, pid, host, process, retry, error`

func insertRun(ctx context.Context, tx *sql.Tx, r Run) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO runs (`+runColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Number, r.Project, r.Env, r.Selection, stamp(r.Time), stamp(r.Started), stamp(r.Ended), string(r.Status),
		r.PID, r.Host, r.Process, r.Retry, r.Error)
	return err
}

func (r *Run) places() []any {
	return []any{&r.ID, &r.Number, &r.Project, &r.Env, &r.Selection, micros{&r.Time}, micros{&r.Started}, micros{&r.Ended}, &r.Status,
		&r.PID, &r.Host, &r.Process, &r.Retry, &r.Error}
}

// Finish writes down how a run ended. An unknown id gives ErrNoRun.
func (j *Journal) Finish(ctx context.Context, id string, s Status) error {
	return j.write(ctx, "finish run", func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `UPDATE runs SET status = ?, ended = ? WHERE id = ?`, string(s), stamp(now()), id))
		if err == nil && n == 0 {
			return noRun(id)
		}
		return err
	})
}

// Runs gives the latest runs, latest first; limit 0 means all.
func (j *Journal) Runs(ctx context.Context, limit int) ([]Run, error) {
	return read(ctx, j, "read runs", (*Run).places, `SELECT `+runColumns+` FROM runs ORDER BY number DESC, started DESC, rowid DESC LIMIT ?`, upTo(limit))
}

// RunByNumber finds a run by its number: the latest of those that bear it. None gives ErrNoRun.
func (j *Journal) RunByNumber(ctx context.Context, n int64) (Run, error) {
	return j.oneRun(ctx, n, `SELECT `+runColumns+` FROM runs WHERE number = ? ORDER BY started DESC, rowid DESC LIMIT 1`)
}

// RunByID finds a run by its id. None gives ErrNoRun.
func (j *Journal) RunByID(ctx context.Context, id string) (Run, error) {
	return j.oneRun(ctx, id, `SELECT `+runColumns+` FROM runs WHERE id = ?`)
}

func (j *Journal) oneRun(ctx context.Context, which any, query string) (Run, error) {
	rs, err := read(ctx, j, "read run", (*Run).places, query, which)
	if err != nil {
		return Run{}, err
	}
	if len(rs) == 0 {
		return Run{}, fmt.Errorf("read run: %w", noRun(which))
	}
	return rs[0], nil
}

func noRun(which any) error {
	return fault.New(fault.Usage, "%w: %v", ErrNoRun, which)
}
