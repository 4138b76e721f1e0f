package postgres

import (
	"context"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// open are transactions that may still bring rows with a small cursor value: they may have taken it before now.
type open struct {
	virtual  []string // ids of transactions that go on in a session, also of those that have not written yet
	prepared []string // names of those that wait for COMMIT PREPARED
	before   string   // on a standby, the first transaction that had not begun; the sessions of the primary are not seen there
}

// readers are the names of sessions that write nothing, however long they go on.
const readers = "('" + readerName + "', 'pg_dump')"

// readerName is how sessions that hold a snapshot for reading call themselves.
const readerName = "weir reads"

// openSQL lists this database's transactions by their virtual ids, which every role may see: a transaction has one from its
// first moment on, before it takes a time or a number. Sessions without a user are the server's own.
const openSQL = `SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
	WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid() AND a.application_name NOT IN ` + readers

// breath is how long after its clock was asked a transaction may take to be seen: the server notes the time at which a statement
// arrives, and a moment later that there is a transaction.
const breath = 50 * time.Millisecond

// fixCursor settles the end: the greatest value there was when every transaction open after that was seen has ended. Others take
// their numbers and times later. It must be called before the snapshot is opened. held says that transactions stay open, and that
// only what lies before the bound may be read.
func (s *scan) fixCursor(ctx context.Context) (bound string, held bool, err error) {
	c := s.cursor
	// In this order: a transaction with a smaller number than the greatest is open, or has ended, when the greatest is seen.
	if bound, err = s.greatest(ctx, c, ""); err != nil {
		return "", false, err
	}
	if c.timely {
		if err := pause(ctx, breath); err != nil {
			return "", false, err
		}
	}
	o, err := s.openNow(ctx)
	if err != nil {
		return "", false, err
	}
	deadline := time.Now().Add(s.reader.wait())
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		if err := s.still(ctx, o); err != nil {
			return "", false, err
		}
		switch {
		case o.ended():
			return bound, false, nil
		case time.Now().After(deadline):
			bound, err = s.holdBack(ctx, o)
			return bound, true, err
		}
		if err := pause(ctx, wait); err != nil {
			return "", false, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *open) ended() bool { return len(o.virtual) == 0 && len(o.prepared) == 0 && o.before == "" }

// openNow lists open transactions.
func (s *scan) openNow(ctx context.Context) (*open, error) {
	o := &open{}
	var err error
	if s.id.Standby {
		err = s.control.QueryRow(ctx, "SELECT txid_snapshot_xmax(txid_current_snapshot())::text").Scan(&o.before)
	} else {
		err = s.control.QueryRow(ctx, "SELECT ARRAY("+openSQL+"), ARRAY(SELECT gid FROM pg_prepared_xacts WHERE database = current_database())").Scan(&o.virtual, &o.prepared)
	}
	if err != nil {
		return nil, fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	return o, nil
}

// still takes those away that have ended.
func (s *scan) still(ctx context.Context, o *open) (err error) {
	switch {
	case o.ended():
	case o.before != "":
		var ended bool
		err = s.control.QueryRow(ctx, "SELECT txid_snapshot_xmin(txid_current_snapshot()) >= $1::text::int8", o.before).Scan(&ended)
		if ended {
			o.before = ""
		}
	default:
		// What was open and is prepared now goes on under another name.
		err = s.control.QueryRow(ctx, `SELECT ARRAY(SELECT v FROM unnest($1::text[]) v WHERE v IN (SELECT virtualtransaction FROM pg_locks WHERE locktype = 'virtualxid')),
			ARRAY(SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND (gid = ANY ($2::text[]) OR cardinality($1::text[]) > 0))`, o.virtual, o.prepared).Scan(&o.virtual, &o.prepared)
	}
	if err != nil {
		return fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	return nil
}

// holdBack is the end while transactions stay open: before the first of them began, where the cursor is a time of the server's
// clock and the role may see when that was; else nothing is read now, and the error says who holds it up.
func (s *scan) holdBack(ctx context.Context, o *open) (string, error) {
	e := fault.New(fault.Unavailable, "nothing read of %s: a transaction has been open for more than %s and may still bring rows before the end of the cursor", s.rel.shown(), s.reader.wait())
	if len(o.prepared) > 0 {
		return "", e.WithHint("prepared transaction %q waits for COMMIT PREPARED or ROLLBACK PREPARED", o.prepared[0])
	}
	var pid int
	var began *time.Time
	var user string
	err := s.control.QueryRow(ctx, `SELECT a.pid, a.xact_start, coalesce(a.usename, '?') FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.virtualtransaction = ANY ($1::text[]) ORDER BY a.xact_start NULLS FIRST LIMIT 1`, o.virtual).Scan(&pid, &began, &user)
	switch {
	case err != nil:
		return "", e.WithHint("run it again, or wait longer: cursor_wait")
	case !s.cursor.zoned && began != nil:
		return "", e.WithHint("process %d of %s, since %s; end it, or wait longer: cursor_wait", pid, user, began.UTC().Format(time.DateTime))
	case began == nil:
		return "", e.WithHint("process %d of %s; end it, or wait longer: cursor_wait", pid, user)
	}
	return began.UTC().Format("2006-01-02 15:04:05.999999Z"), nil
}
