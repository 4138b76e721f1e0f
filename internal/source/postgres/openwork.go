package postgres

import (
	"context"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// openWork is what was going on in the server when the end of a cursor had been looked up, and may still bring rows below it:
// transactions that have written, by their numbers, and all that had begun, since one may have taken its time without having
// written yet.
type openWork struct {
	before string // number of the first transaction that had not begun to write
	since  time.Time
}

// fixCursor settles the end: the greatest value there was when everything that was open at that moment had ended. Later
// transactions take later numbers and times. It must be called before the snapshot is opened.
func (s *scan) fixCursor(ctx context.Context) (bound string, err error) {
	c := s.cursor
	if err := s.sighted(ctx); err != nil {
		return "", err
	}
	if c.seen, err = s.greatest(ctx, c, ""); err != nil {
		return "", err
	}
	// Only now: what begins between the two questions may bring less than the greatest value.
	w, err := s.lookAtWork(ctx)
	if err != nil {
		return "", err
	}
	deadline := time.Now().Add(s.reader.wait())
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		ended, err := s.ended(ctx, w)
		if err != nil || ended {
			return c.seen.Value, err
		}
		if time.Now().After(deadline) {
			return s.holdBack(ctx, w)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// sighted refuses a cursor where the role may not see when transactions of others began: such a one may take its time or its
// number now and commit when the cursor has gone by. A look-back says that who wrote the definition has thought of that.
func (s *scan) sighted(ctx context.Context) error {
	err := s.control.QueryRow(ctx, "SELECT pg_has_role('pg_read_all_stats', 'USAGE')").Scan(&s.cursor.sees)
	if err != nil {
		return fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	if s.cursor.sees || s.reader.Lookback > 0 {
		return nil
	}
	return fault.New(fault.Usage, "cursor: the role may not see when other transactions began, and rows of those that commit late would be missed").
		WithHint("GRANT pg_read_all_stats to it (or pg_monitor); or, for a cursor that is a time, lookback: 10m, longer than any transaction, with a key so that rows that are read twice are one")
}

func (s *scan) lookAtWork(ctx context.Context) (w openWork, err error) {
	function := "pg_snapshot_xmax(pg_current_snapshot())"
	if s.id.Version < 130000 {
		function = "txid_snapshot_xmax(txid_current_snapshot())"
	}
	err = s.control.QueryRow(ctx, "SELECT "+function+"::text, clock_timestamp()").Scan(&w.before, &w.since)
	if err != nil {
		return w, fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	return w, nil
}

// begun are other sessions' transactions in this database, but for those of Weir that only read.
const begun = `FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
	AND (backend_xid IS NOT NULL OR xact_start IS NOT NULL AND application_name <> 'weir')`

// ended says whether everything that was open has ended. A time is taken when the transaction begins, a number just before it
// writes its first row. Who may not see sessions of others can only ask about transactions that have written, in all databases.
func (s *scan) ended(ctx context.Context, w openWork) (ended bool, err error) {
	if s.cursor.sees {
		err = s.control.QueryRow(ctx, "SELECT NOT EXISTS (SELECT 1 "+begun+" AND xact_start <= $1) AND NOT EXISTS ("+prepared+")", w.since).Scan(&ended)
	} else {
		function := "pg_snapshot_xmin(pg_current_snapshot())"
		if s.id.Version < 130000 {
			function = "txid_snapshot_xmin(txid_current_snapshot())"
		}
		err = s.control.QueryRow(ctx, "SELECT "+function+"::text::numeric >= $1::text::numeric", w.before).Scan(&ended)
	}
	if err != nil {
		return false, fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	return ended, nil
}

// prepared are transactions of this database that wait for a second commit.
const prepared = "SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()"

// written says, of a cursor that is a number, whether all have ended that had begun to write. One that took its number and has
// written nothing all the while is taken for one that only reads: reports may stay open for hours.
func (s *scan) written(ctx context.Context, w openWork) (bool, error) {
	if s.cursor.timely || !s.cursor.sees {
		return false, nil
	}
	var writing bool
	err := s.control.QueryRow(ctx, "SELECT EXISTS (SELECT 1 "+begun+" AND xact_start <= $1 AND backend_xid IS NOT NULL) OR EXISTS ("+prepared+")", w.since).Scan(&writing)
	if err != nil {
		return false, fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	return !writing, nil
}

// holdBack is the end while transactions stay open: before the first of them began, where the cursor is a time of the server's
// clock; else nothing is read now, and the error says who holds it up.
func (s *scan) holdBack(ctx context.Context, w openWork) (string, error) {
	if ended, err := s.written(ctx, w); err != nil || ended {
		return s.cursor.seen.Value, err
	}
	var waiting int
	if err := s.control.QueryRow(ctx, "SELECT count(*) FROM ("+prepared+") AS p").Scan(&waiting); err != nil {
		return "", fmt.Errorf("look at open transactions: %w", postgres.Classify(ctx, err))
	}
	var pid int
	var began *time.Time
	var user string
	err := s.control.QueryRow(ctx, "SELECT pid, xact_start, coalesce(usename, '') "+begun+" ORDER BY xact_start NULLS FIRST LIMIT 1").Scan(&pid, &began, &user)
	if err == nil && began != nil && waiting == 0 && s.cursor.zoned {
		return began.UTC().Format("2006-01-02 15:04:05.999999Z"), nil
	}
	e := fault.New(fault.Unavailable, "nothing read of %s: a transaction has been open for more than %s and may still bring rows before the end of the cursor", s.rel.shown(), s.reader.wait())
	switch {
	case waiting > 0:
		return "", e.WithHint("%d prepared transactions wait for COMMIT PREPARED or ROLLBACK PREPARED", waiting)
	case err == nil && began != nil:
		return "", e.WithHint("process %d of %s, since %s; end it, or wait longer: cursor_wait", pid, user, began.UTC().Format(time.DateTime))
	}
	return "", e.WithHint("cursor_wait says how long to wait for it")
}
