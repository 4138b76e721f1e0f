package mysql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// openWork is what was going on in the server when the end of a cursor was looked up, and may still bring rows below it: open
// transactions that have written, and statements that have begun and may have taken a time, but wait to write.
type openWork struct {
	transactions map[string]string // by id: the session
	statements   map[string]bool   // sessions
	since        time.Time
}

// fixCursor settles the end: the greatest value there was when everything that was open at that moment had ended. Later
// transactions take later numbers and times. It must be called before the snapshot is opened.
func (s *scan) fixCursor(ctx context.Context) (bound string, err error) {
	if bound, err := s.blind(ctx); err != nil || bound != "" {
		return bound, err
	}
	c := s.cursor
	if c.seen, err = s.greatest(ctx, ""); err != nil {
		return "", err
	}
	w, err := s.lookAtWork(ctx)
	if err != nil {
		return "", err
	}
	deadline := time.Now().Add(s.reader.wait())
	for !w.ended() {
		if time.Now().After(deadline) {
			return s.holdBack(ctx, w)
		}
		// The server keeps its list of transactions for a tenth of a second.
		select {
		case <-time.After(120 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if err := s.lookAgain(ctx, w); err != nil {
			return "", err
		}
	}
	return c.seen.Value, nil
}

// blind gives the end where open transactions can't be seen: on a replica, which does not know those of its source, and for a
// user without PROCESS. Then a lookback has to cover what comes late.
func (s *scan) blind(ctx context.Context) (bound string, err error) {
	rows, err := s.conn.Strings(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'innodb_read_only') AND Value = 'ON'")
	if err != nil {
		return "", fmt.Errorf("look whether the server is a replica: %w", err)
	}
	why := fault.New(fault.Usage, "cursor: the server is read-only, so a replica, which does not show transactions that may still bring rows below the cursor's end").
		WithHint("read from the server itself; or, with a cursor that is a time, read again what may come late: lookback: 10m")
	if len(rows) == 0 {
		_, err = s.conn.Strings(ctx, "SELECT 1 FROM information_schema.innodb_trx LIMIT 1")
		var said *wire.Error
		switch {
		case err == nil:
			return "", nil
		case !errors.As(err, &said) || said.Code != 1227:
			return "", fmt.Errorf("look at open transactions: %w", err)
		}
		why = fault.New(fault.Usage, "cursor: the user may not see transactions that may still bring rows below the cursor's end").
			WithHint("GRANT PROCESS ON *.* to the user; or, with a cursor that is a time, read again what may come late: lookback: 10m")
	}
	if s.reader.Lookback == 0 {
		return "", why
	}
	if s.cursor.seen, err = s.greatest(ctx, ""); err != nil {
		return "", err
	}
	if s.cursor.seen.Value == "" {
		return "", nil
	}
	return s.cursor.seen.Value, nil
}

// trxSQL lists transactions and says which have written: those that only read have no id (MariaDB) or one from 2^48 on (MySQL).
const trxSQL = "SELECT trx_id, trx_mysql_thread_id, trx_id + 0 BETWEEN 1 AND 281474976710655 FROM information_schema.innodb_trx"

const statementsSQL = "SELECT id, time FROM information_schema.processlist WHERE id <> connection_id() AND info IS NOT NULL" +
	" AND command IN ('Query', 'Execute') AND info NOT LIKE 'SELECT%' AND info NOT LIKE 'SHOW%'"

// lookAtWork lists what goes on now. The list of transactions may be a little old; a transaction of one's own, begun now,
// shows when it is not.
func (s *scan) lookAtWork(ctx context.Context) (*openWork, error) {
	w := &openWork{transactions: map[string]string{}, statements: map[string]bool{}, since: time.Now()}
	if err := s.conn.Exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT"); err != nil {
		return nil, fmt.Errorf("look at open transactions: %w", err)
	}
	rows, err := s.conn.Strings(ctx, statementsSQL)
	if err != nil {
		return nil, fmt.Errorf("look at running statements: %w", err)
	}
	for _, r := range rows {
		w.statements[r[0].Value] = true
	}
	own := fmt.Sprint(s.conn.Server.Thread)
	for fresh := false; !fresh; {
		if rows, err = s.conn.Strings(ctx, trxSQL); err != nil {
			return nil, fmt.Errorf("look at open transactions: %w", err)
		}
		for _, r := range rows {
			fresh = fresh || r[1].Value == own
		}
		if !fresh {
			select {
			case <-time.After(110 * time.Millisecond):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	for _, r := range rows {
		if r[2].Value == "1" && r[1].Value != own {
			w.transactions[r[0].Value] = r[1].Value
		}
	}
	return w, s.conn.Exec(ctx, "COMMIT")
}

func (w *openWork) ended() bool { return len(w.transactions)+len(w.statements) == 0 }

// lookAgain crosses out what has ended. A statement that ended may leave its transaction open, which is then waited for.
func (s *scan) lookAgain(ctx context.Context, w *openWork) error {
	running, err := s.conn.Strings(ctx, statementsSQL)
	if err != nil {
		return fmt.Errorf("look at running statements: %w", err)
	}
	still := map[string]bool{}
	for _, r := range running {
		// Its time is in whole seconds, and another statement's where it is less than the wait so far.
		if w.statements[r[0].Value] && number(r[1]) >= int64(time.Since(w.since)/time.Second) {
			still[r[0].Value] = true
		}
	}
	if len(still) < len(w.statements) {
		select { // past the age that the list of transactions may have
		case <-time.After(110 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	open, err := s.conn.Strings(ctx, trxSQL)
	if err != nil {
		return fmt.Errorf("look at open transactions: %w", err)
	}
	now := map[string]string{}
	for _, r := range open {
		_, known := w.transactions[r[0].Value]
		if known || r[2].Value == "1" && w.statements[r[1].Value] && !still[r[1].Value] {
			now[r[0].Value] = r[1].Value
		}
	}
	w.transactions, w.statements = now, still
	return nil
}

// holdBack is the end while transactions stay open: before the first of them began, where the cursor is a moment; else nothing
// is read now, and the error says who holds it up.
func (s *scan) holdBack(ctx context.Context, w *openWork) (string, error) {
	rows, err := s.conn.Strings(ctx, "SELECT trx_id, trx_mysql_thread_id, utc_timestamp(6) - INTERVAL 1 + timestampdiff(SECOND, trx_started, convert_tz(utc_timestamp(), '+00:00', 'SYSTEM')) SECOND"+
		" FROM information_schema.innodb_trx ORDER BY trx_started")
	if err != nil {
		return "", fmt.Errorf("look at open transactions: %w", err)
	}
	for _, r := range rows {
		if _, known := w.transactions[r[0].Value]; !known {
			continue
		}
		if s.cursor.zoned && len(w.statements) == 0 && r[2].Valid {
			return r[2].Value, nil
		}
		return "", s.heldUp().WithHint("session %s, since %s UTC; KILL %[1]s ends it, cursor_wait waits longer", r[1].Value, r[2].Value)
	}
	return "", s.heldUp().WithHint("SHOW PROCESSLIST shows it; cursor_wait says how long to wait")
}

func (s *scan) heldUp() *fault.Error {
	return fault.New(fault.Unavailable, "nothing read of %s: a transaction has been open for more than %s and may still bring rows before the end of the cursor", s.rel.shown(), s.reader.wait())
}
