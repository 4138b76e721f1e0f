package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// Slot is the state of a replication slot. A slot keeps the server's log from being removed, whether or not it is read.
type Slot struct {
	Name     string
	Plugin   string
	Database string
	PID      int    // of the session that reads it, 0 for none
	Status   string // of its log: reserved, extended, unreserved (about to go), lost
	Reason   string // why it was lost; servers before 17 do not say

	Restart   LSN // log from here on is kept
	Confirmed LSN // transactions that committed before are not sent again
	TwoPhase  bool

	Retained int64 // bytes of log kept
	Behind   int64 // bytes of log between Confirmed and the end of the log
	Safe     int64 // bytes of log that may still come before the slot is lost; -1 without a limit
}

// Active says whether someone reads the slot.
func (s *Slot) Active() bool { return s.PID != 0 }

// Lost says whether the server has given up the slot.
func (s *Slot) Lost() bool { return s.Status == "lost" || s.Reason != "" }

// Gone is the error of a slot that the server has given up.
func (s *Slot) Gone() *fault.Error {
	why := s.Status
	if s.Reason != "" {
		why += ", " + s.Reason
	}
	return lost(s.Name, "the server has removed log that it needed ("+why+")")
}

const end = `CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END`

// FindSlot asks for a slot's state; ok is false where there is no such slot.
func FindSlot(ctx context.Context, c *pgx.Conn, name string) (s Slot, ok bool, err error) {
	reason := "''"
	if version(c) >= 170000 {
		reason = "coalesce(invalidation_reason, '')"
	}
	row := c.QueryRow(ctx, `SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(active_pid, 0), coalesce(wal_status, ''), `+reason+`,
		coalesce(restart_lsn, '0/0')::text, coalesce(confirmed_flush_lsn, '0/0')::text, `+twoPhase(c)+`,
		coalesce(pg_wal_lsn_diff(`+end+`, restart_lsn), 0)::int8, coalesce(pg_wal_lsn_diff(`+end+`, confirmed_flush_lsn), 0)::int8, coalesce(safe_wal_size, -1)
		FROM pg_replication_slots WHERE slot_name = $1`, name)
	var restart, confirmed string
	s.Name = name
	err = row.Scan(&s.Plugin, &s.Database, &s.PID, &s.Status, &s.Reason, &restart, &confirmed, &s.TwoPhase, &s.Retained, &s.Behind, &s.Safe)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, false, nil
	}
	if err == nil {
		s.Restart, err = ParseLSN(restart)
	}
	if err == nil {
		s.Confirmed, err = ParseLSN(confirmed)
	}
	if err != nil {
		return s, false, fmt.Errorf("state of slot %s: %w", name, postgres.Classify(ctx, err))
	}
	return s, true, nil
}

func twoPhase(c *pgx.Conn) string {
	if version(c) >= 150000 {
		return "two_phase"
	}
	return "false"
}

// Created is a new slot. Its snapshot shows the database exactly as it is before the first change of the slot, to transactions that
// begin with SET TRANSACTION SNAPSHOT, until Close.
type Created struct {
	Name     string
	At       LSN    // the position of everything read in the snapshot
	Snapshot string // "" where none was asked for
	conn     *pgconn.PgConn
}

// CreateSlot makes a slot for pgoutput. A temporary one goes with Close.
func CreateSlot(ctx context.Context, server *postgres.Server, name string, snapshot, temporary bool) (*Created, error) {
	conn, err := dial(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("create slot %s: %w", name, err)
	}
	results, err := conn.Exec(ctx, createCommand(name, snapshot, temporary, versionOf(conn))).ReadAll()
	if err == nil && (len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < 3) {
		err = errBroken
	}
	c := &Created{Name: name, conn: conn}
	if err == nil {
		row := results[0].Rows[0]
		c.Snapshot = string(row[2])
		c.At, err = ParseLSN(string(row[1]))
	}
	if err != nil {
		_ = c.Close(ctx) // the error at hand says why
		return nil, fmt.Errorf("create slot %s: %w", name, notCreated(ctx, server, err))
	}
	return c, nil
}

// createCommand speaks the grammar of servers since 15, or the one before.
func createCommand(name string, snapshot, temporary bool, version int) string {
	command := "CREATE_REPLICATION_SLOT " + postgres.Quote(name)
	if temporary {
		command += " TEMPORARY"
	}
	command += " LOGICAL pgoutput"
	switch {
	case version >= 150000 && snapshot:
		return command + " (SNAPSHOT 'export')"
	case version >= 150000:
		return command + " (SNAPSHOT 'nothing')"
	case snapshot:
		return command + " EXPORT_SNAPSHOT"
	}
	return command + " NOEXPORT_SNAPSHOT"
}

func notCreated(ctx context.Context, server *postgres.Server, err error) error {
	text := postgres.Message(err)
	switch postgres.Code(err) {
	case codeExists:
		return fault.New(fault.Conflict, "%s", text)
	case codeState:
		return fault.New(fault.Usage, "%s", text).WithHint("set wal_level = logical and restart the server; on RDS: rds.logical_replication = 1")
	case codeNoSlots:
		return fault.New(fault.Usage, "%s", text).WithHint("drop a slot that no one reads, or raise max_replication_slots")
	case codeRights:
		return noRights(text)
	case codeLock:
		return heldUp(ctx, server, err)
	case "42602", "42622":
		return fault.New(fault.Usage, "%s", text).WithHint("a slot's name has lower-case letters, digits and _, 63 at most")
	}
	return postgres.Classify(ctx, err)
}

// Close ends the snapshot, and a temporary slot with it.
func (c *Created) Close(ctx context.Context) error { return c.conn.Close(ctx) }

// DropSlot removes a slot; one that is not there is no error.
func DropSlot(ctx context.Context, c *pgx.Conn, name string) error {
	_, err := c.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", name)
	if err == nil || postgres.Code(err) == codeUndefined {
		return nil
	}
	o := Options{Slot: name}
	return fmt.Errorf("drop the slot: %w", o.explain(ctx, err))
}

// Advance confirms everything before an LSN for a slot that no one reads.
func Advance(ctx context.Context, c *pgx.Conn, name string, to LSN) error {
	_, err := c.Exec(ctx, `SELECT pg_replication_slot_advance(slot_name, $2::text::pg_lsn) FROM pg_replication_slots
		WHERE slot_name = $1 AND confirmed_flush_lsn < $2::text::pg_lsn`, name, to.String())
	if err != nil {
		o := Options{Slot: name}
		return fmt.Errorf("confirm %s: %w", to, o.explain(ctx, err))
	}
	return nil
}
