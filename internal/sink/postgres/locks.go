package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// shownHolders is how many sessions that hold a lock are named.
const shownHolders = 3

// held is the error of a load that waited in vain for another one of the same destination.
func (l *load) held(ctx context.Context, what string) error {
	key := lockKey(l.schema, l.target.Table)
	who := l.holders(ctx, "k.locktype = 'advisory' AND k.classid = $1::bigint::oid AND k.objid = $2::bigint::oid", int64(uint64(key)>>32), int64(uint64(key)&0xffffffff))
	return fault.New(fault.Conflict, "%s%s", what, who).WithHint("it is tried again; lock_timeout of the connection says how long each try waits")
}

// named names who holds a lock that was waited for in vain; other errors stay as they are.
func (l *load) named(ctx context.Context, err error) error {
	if postgres.Code(err) != "55P03" {
		return err
	}
	who := l.holders(ctx, "k.locktype IN ('relation', 'tuple') AND k.relation IN (to_regclass($1), to_regclass($2))", l.name(), postgres.Quote(l.schema, loadsTable))
	return fault.New(fault.Conflict, "%s is locked%s: %w", l.target.Name, who, err).WithHint("it is tried again; lock_timeout of the connection says how long each try waits")
}

// holders names the sessions that hold a lock. What they do is not told: statements may hold secrets.
func (l *load) holders(ctx context.Context, where string, args ...any) string {
	// The transaction ended with the error, so nothing more can be asked in it.
	if err := l.tx.Rollback(ctx); err != nil {
		return ""
	}
	l.tx = nil
	rows, err := l.conn.Query(ctx, `SELECT DISTINCT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::bigint AS seconds
		FROM pg_locks k JOIN pg_stat_activity a USING (pid) WHERE k.granted AND k.pid <> pg_backend_pid() AND `+where+` ORDER BY seconds DESC`, args...)
	if err != nil {
		return ""
	}
	defer rows.Close()
	var who []string
	for rows.Next() {
		var pid int32
		var user, app, state string
		var seconds int64
		if err := rows.Scan(&pid, &user, &app, &state, &seconds); err != nil {
			return ""
		}
		text := fmt.Sprintf("pid %d (user %s", pid, user)
		if app != "" {
			text += ", " + app
		}
		if state != "" {
			text += ", " + state
		}
		who = append(who, fmt.Sprintf("%s, for %s)", text, time.Duration(seconds)*time.Second))
	}
	if len(who) > shownHolders {
		who = append(who[:shownHolders], fmt.Sprintf("and %d more", len(who)-shownHolders))
	}
	if len(who) == 0 {
		return ""
	}
	return " by " + strings.Join(who, ", ")
}
