// Package journal keeps what happened: runs, builds, events and rule results, in one SQLite file that several processes
// may write at once. It is a record, never the truth about data: tables and positions stand in the lake, and a lost
// journal is filled again from there as far as the lake can tell.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"weir/internal/fault"
)

// Journal is an open journal. Its methods may be called from several goroutines.
type Journal struct {
	// Redact, where set, takes secrets out of every text that is written (promise 9). Set it before the first write.
	Redact func(string) string

	db   *sql.DB
	path string
	host string
}

// Open opens the journal at a path and makes it where there is none, its folder included.
//
// A file that is damaged or is no journal gives ErrDamaged, one of a later version ErrNewer (class usage). A place that
// cannot be written is class usage, a full or failing disk and a lock held too long are class unavailable.
func Open(ctx context.Context, path string) (*Journal, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "open journal: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fault.New(fault.Usage, "open journal: %w", err).WithHint("the folder %s must be writable", filepath.Dir(path))
	}
	db, err := connect(path, "immediate", "synchronous(NORMAL)", "foreign_keys(1)")
	if err != nil {
		return nil, explain(ctx, "open journal", path, err)
	}
	host, _ := os.Hostname() // without a name no other process is taken for dead
	j := &Journal{db: db, path: path, host: host}
	if err := j.prepare(ctx); err != nil {
		return nil, errors.Join(explain(ctx, "open journal", path, err), db.Close())
	}
	return j, nil
}

// connect gives a pool of a single connection: SQLite has one writer anyway, and so goroutines of this process queue for
// it in order where SQLite itself would have them poll.
func connect(path, lock string, pragmas ...string) (*sql.DB, error) {
	// The driver applies busy_timeout before all other pragmas. A transaction takes its lock at the start: one that read
	// first and then wanted to write could only fail where another process wrote in between.
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// Close lets go of the file. What was written stays, whether Close is reached or not.
func (j *Journal) Close() error {
	if err := j.db.Close(); err != nil {
		return explain(context.Background(), "close journal", j.path, err)
	}
	return nil
}

// write does one transaction, all or nothing. op names it in errors. It is safe against a killed process; with the power
// a last record may be lost, which costs no data.
func (j *Journal) write(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	return explain(ctx, op, j.path, transact(ctx, j.db, do))
}

// writeDurably is a write that is on disk when it returns.
func (j *Journal) writeDurably(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	c, err := j.db.Conn(ctx)
	if err != nil {
		return explain(ctx, op, j.path, err)
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, `PRAGMA synchronous = FULL`); err != nil {
		return explain(ctx, op, j.path, err)
	}
	defer func() {
		// Were this to fail, later writes would only be slower.
		_, _ = c.ExecContext(context.WithoutCancel(ctx), `PRAGMA synchronous = NORMAL`)
	}()
	return explain(ctx, op, j.path, transact(ctx, c, do))
}

type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

func transact(ctx context.Context, b beginner, do func(tx *sql.Tx) error) error {
	tx, err := b.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error is the one that tells
		return err
	}
	return tx.Commit()
}

// read collects the rows of a query. A fresh list of places to scan into is made for each row.
func read[T any](ctx context.Context, j *Journal, op string, places func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := j.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(ctx, op, j.path, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(places(&v)...); err != nil {
			return nil, explain(ctx, op, j.path, err)
		}
		out = append(out, v)
	}
	return out, explain(ctx, op, j.path, rows.Err())
}

// upTo is a limit as SQL wants it: no limit where a caller names none.
func upTo(limit int) int {
	if limit <= 0 {
		return -1
	}
	return limit
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	return n, nil
}
