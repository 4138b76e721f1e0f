package replication

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// Place says where a log is written: LSNs of another place mean nothing here (promise 7).
type Place struct {
	System   string // identifier of the cluster, which copies of its data share
	Timeline int    // grows when a copy takes over
	Database string
}

// Locate asks a server for its place and for the end of its log.
func Locate(ctx context.Context, server *postgres.Server) (p Place, at LSN, err error) {
	conn, err := dial(ctx, server)
	if err != nil {
		return p, 0, fmt.Errorf("identify the server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	results, err := conn.Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err == nil && (len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < 4) {
		err = errBroken
	}
	if err == nil {
		row := results[0].Rows[0]
		p.System, p.Database = string(row[0]), string(row[3])
		if p.Timeline, err = strconv.Atoi(string(row[1])); err == nil {
			at, err = ParseLSN(string(row[2]))
		}
	}
	if err != nil {
		return p, 0, fmt.Errorf("identify the server: %w", postgres.Classify(ctx, err))
	}
	return p, at, nil
}

// dial opens a connection that speaks the replication protocol.
func dial(ctx context.Context, server *postgres.Server) (*pgconn.PgConn, error) {
	conn, err := server.DialRaw(ctx, gather, [2]string{"replication", "database"}, [2]string{"statement_timeout", "0"})
	if postgres.Code(err) == codeRights {
		return nil, noRights(postgres.Message(err))
	}
	return conn, err
}

// Same says whether positions of p go on at q. What differs is an error that names the ways out.
func (p Place) Same(q Place) error {
	switch {
	case p.System != q.System:
		return fault.New(fault.Data, "server changed (system id %s → %s)", p.System, q.System).WithHint("positions belong to the old server: read its tables anew with --full")
	case p.Database != q.Database:
		return fault.New(fault.Data, "database changed (%s → %s)", p.Database, q.Database).WithHint("positions belong to the old database: read its tables anew with --full")
	case p.Timeline != q.Timeline:
		return fault.New(fault.Data, "another copy of the server has taken over (timeline %d → %d)", p.Timeline, q.Timeline).
			WithHint("changes may be missing that the old one had not passed on: accept the server if it lost nothing, or read the tables anew with --full")
	}
	return nil
}

// Now is the end of the log: everything that was committed before the call lies before it. Commits that the server does not wait
// for (synchronous_commit off) reach the log within a second, which is waited for.
func Now(ctx context.Context, c *pgx.Conn) (LSN, error) {
	for wait := time.Second; ; wait -= 50 * time.Millisecond {
		var text string
		var written bool
		err := c.QueryRow(ctx, "SELECT at::text, pg_is_in_recovery() OR pg_current_wal_insert_lsn() <= at FROM (SELECT "+end+" AS at) log").Scan(&text, &written)
		if err != nil {
			return 0, fmt.Errorf("end of the log: %w", postgres.Classify(ctx, err))
		}
		if written || wait <= 0 {
			at, err := ParseLSN(text)
			return withoutHeader(at), err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// withoutHeader steps back from behind the header of a page that has nothing else yet: a reader of the log comes only to the end of
// the page before.
func withoutHeader(at LSN) LSN {
	const page, header, segment, first = 8192, 24, 1 << 20, 40 // a segment, of 1 MiB at least, begins with a longer header
	if at%page == header || at%segment == first {
		return at - at%page
	}
	return at
}

// Beat writes an empty message into the log, so that a slot can be moved on in a database where nothing else happens.
func Beat(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, "SELECT pg_logical_emit_message(true, 'weir', '')"); err != nil {
		return fmt.Errorf("heartbeat: %w", postgres.Classify(ctx, err))
	}
	return nil
}

func version(c *pgx.Conn) int { return versionOf(c.PgConn()) }

// versionOf reads the version a server tells at login, "15.18 (Debian …)" or "17beta1", as server_version_num has it.
func versionOf(c *pgconn.PgConn) int {
	major, minor, _ := strings.Cut(c.ParameterStatus("server_version"), ".")
	return leading(major)*10000 + leading(minor)
}

func leading(s string) (n int) {
	for _, r := range s {
		if r < '0' || r > '9' {
			break
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// statusInterval is how often a server has to hear from its reader.
func statusInterval(ctx context.Context, c *pgconn.PgConn) time.Duration {
	const often = 10 * time.Second
	results, err := c.Exec(ctx, "SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'").ReadAll()
	if err != nil || len(results) != 1 || len(results[0].Rows) != 1 {
		return often
	}
	ms, err := strconv.Atoi(string(results[0].Rows[0][0]))
	if err != nil || ms <= 0 {
		return often
	}
	return max(min(often, time.Duration(ms)*time.Millisecond/3), 100*time.Millisecond)
}
