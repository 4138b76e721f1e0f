package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// serverError reads an error message of the server.
func serverError(body []byte) error {
	var r pgproto3.ErrorResponse
	if err := r.Decode(body); err != nil {
		return errBroken
	}
	return pgconn.ErrorResponseToPgError(&r)
}

// TableError is what keeps one table's changes from being told; those of others can be.
type TableError struct {
	Table Table
	Err   error
}

func (e *TableError) Error() string { return e.Err.Error() }

func (e *TableError) Unwrap() error { return e.Err }

// SQLSTATE codes that a slot answers with.
const (
	codeUndefined = "42704" // no such slot, no such publication
	codeExists    = "42710"
	codeInUse     = "55006"
	codeState     = "55000" // wal_level, a slot of another kind or database, a slot that was invalidated
	codeRights    = "42501"
	codeNoSlots   = "53400"
	codeNoFile    = "58P01" // the log that a slot needs is gone
)

// explain gives an error that came while a slot was read its class and a way out.
func (o *Options) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("slot %s: %w", o.Slot, o.named(ctx, err))
}

func (o *Options) named(ctx context.Context, err error) error {
	text := postgres.Message(err)
	switch postgres.Code(err) {
	case codeUndefined:
		return fault.New(fault.Usage, "%s", text).WithHint("a slot or a publication that was dropped is made again, and its tables are read anew")
	case codeInUse:
		return fault.New(fault.Conflict, "%s", text).WithHint("one slot has one reader: another run, or one that has just ended, still holds it")
	case codeState, codeNoFile:
		return lost(o.Slot, text)
	case codeRights:
		return noRights(text)
	}
	return postgres.Classify(ctx, err)
}

func noRights(text string) error {
	return fault.New(fault.Usage, "%s", text).WithHint("ALTER ROLE … REPLICATION; on RDS: GRANT rds_replication TO …")
}

// lost says that changes are gone that no one has read.
func lost(slot, why string) *fault.Error {
	return fault.New(fault.Data, "changes were lost that slot %s kept: %s", slot, why).
		WithHint("read its tables anew with --full, which makes a new slot; a larger max_slot_wal_keep_size keeps more")
}
