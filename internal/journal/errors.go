package journal

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weir/internal/fault"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrDamaged = errors.New("the journal is damaged") // Rebuild helps
	ErrNewer   = errors.New("the journal was written by a newer version of weir")
	ErrNoRun   = errors.New("there is no such run")
)

// explain names what was done and gives an error its class. nil stays nil.
func explain(ctx context.Context, op, path string, err error) error {
	var known *fault.Error
	var raised *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged):
		return fault.New(fault.Usage, "%s: %s: %w", op, path, err).
			WithHint("move %s aside: the next command builds it anew from the lake", path)
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", op, err)
	case errors.As(err, &raised):
		return explainCode(ctx, op, path, raised)
	}
	return fmt.Errorf("%s: %w", op, err)
}

func explainCode(ctx context.Context, op, path string, err *sqlite.Error) error {
	switch err.Code() & 0xff { // the upper bits only say more about the same
	case sqlite3.SQLITE_INTERRUPT:
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", op, ctx.Err())
		}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return explain(ctx, op, path, fmt.Errorf("%w: %w", ErrDamaged, err))
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fault.New(fault.Usage, "%s: %s: %w", op, path, err).WithHint("the file and its folder must be writable")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return fault.New(fault.Unavailable, "%s: %s is held by another process: %w", op, path, err)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOLFS:
		return fault.New(fault.Unavailable, "%s: %s: %w", op, path, err).WithHint("is the disk full?")
	}
	return fault.New(fault.Internal, "%s: %s: %w", op, path, err)
}
