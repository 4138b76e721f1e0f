package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
)

// Identity says which data a connection leads to: the cluster's system identifier, which copies of its data share, and the
// database. A position belongs to one (promise 7).
type Identity struct {
	System   string // "" where the role may not ask
	Database string
	Version  int // server_version_num, 150018 is 15.18
	Standby  bool
}

// String is the identity as positions keep it.
func (i Identity) String() string {
	if i.System == "" {
		return "postgres " + i.Database
	}
	return "postgres " + i.System + " " + i.Database
}

// Identify asks a server what it is.
func Identify(ctx context.Context, c *pgx.Conn) (Identity, error) {
	var id Identity
	err := c.QueryRow(ctx, "SELECT current_database(), current_setting('server_version_num')::int, pg_is_in_recovery()").Scan(&id.Database, &id.Version, &id.Standby)
	if err != nil {
		return id, fmt.Errorf("identify the server: %w", Classify(ctx, err))
	}
	err = c.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&id.System)
	if code := Code(err); err != nil && code != "42501" && code != "42883" {
		return id, fmt.Errorf("identify the server: %w", Classify(ctx, err))
	}
	return id, nil
}

// Quote writes a name as a quoted identifier.
func Quote(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// Blocked explains a lock that was not got: who holds one on the relation, or on a partition or child of it, by a connection of its
// own.
func Blocked(ctx context.Context, s *Server, oid uint32, err error) error {
	holder := "another session holds a lock on it"
	if c, derr := s.Dial(ctx); derr == nil {
		var pid *int // a prepared transaction has no process
		var user, state string
		row := c.QueryRow(ctx, `WITH RECURSIVE tree AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON t.oid = i.inhparent)
			SELECT l.pid, coalesce(a.usename, '?'), coalesce(a.state, '?') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
			WHERE l.relation IN (SELECT oid FROM tree) AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.granted
			ORDER BY l.mode = 'AccessExclusiveLock' DESC, a.xact_start LIMIT 1`, oid)
		if row.Scan(&pid, &user, &state) == nil {
			if holder = "a prepared transaction holds a lock on it"; pid != nil {
				holder = fmt.Sprintf("process %d of %s holds a lock on it (%s)", *pid, user, state)
			}
		}
		_ = c.Close(context.WithoutCancel(ctx))
	}
	return fault.New(fault.Unavailable, "%s: %w", holder, &ServerError{Code: Code(err), Text: Message(err), cause: err}).
		WithHint("lock_timeout of the connection says how long to wait for it")
}
