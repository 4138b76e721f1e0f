package replication

import (
	"context"
	"fmt"
	"time"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// codeLock is the error of a wait that lock_timeout ended.
const codeLock = "55P03"

// oldestSQL finds the transaction that has held back a slot's beginning the longest: of all databases, that has written. Every role
// may see its lock; since when it goes on is told to roles that may see the sessions of others.
const oldestSQL = `SELECT l.pid, coalesce(a.usename::text, p.owner::text, '?'), coalesce(a.application_name, ''), coalesce(a.datname::text, p.database::text, '?'),
		coalesce(a.xact_start, p.prepared), coalesce(p.gid, '')
	FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN pg_prepared_xacts p ON p.transaction = l.transactionid
	WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND (a.pid IS NOT NULL OR p.gid IS NOT NULL)
	ORDER BY age(l.transactionid) DESC LIMIT 1`

// heldUp explains a slot that was not made in time: it begins when every transaction of the server that was open has ended, whatever
// its database.
func heldUp(ctx context.Context, server *postgres.Server, cause error) error {
	e := fault.New(fault.Unavailable, "a slot begins when all transactions of the server that have written are over, and one goes on for longer than lock_timeout: %w",
		postgres.Classify(ctx, cause))
	c, err := server.Dial(ctx)
	if err != nil {
		return e.WithHint("end it, or wait longer: lock_timeout of the connection")
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	var pid *int                                               // a prepared transaction has no process
	var user, application, database, gid string
	var began *time.Time
	err = c.QueryRow(ctx, oldestSQL).Scan(&pid, &user, &application, &database, &began, &gid)
	if err != nil { // it has ended just now, or cannot be told
		return e.WithHint("run it again, or wait longer: lock_timeout of the connection")
	}
	since := ""
	if began != nil {
		since = ", since " + began.UTC().Format(time.DateTime) + " UTC"
	}
	if pid == nil {
		return e.WithHint("prepared transaction %q of %s in database %s%s waits there for COMMIT PREPARED or ROLLBACK PREPARED", gid, user, database, since)
	}
	if application != "" {
		application = fmt.Sprintf(" (%s)", application)
	}
	return e.WithHint("process %d of %s%s in database %s%s; end it, or wait longer: lock_timeout of the connection", *pid, user, application, database, since)
}
