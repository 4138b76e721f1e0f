package replication

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/postgres"
)

// dial opens a connection that speaks the replication protocol.
func dial(ctx context.Context, server *postgres.Server) (*pgconn.PgConn, error) {
	conn, err := server.DialRaw(ctx, gather, [2]string{"replication", "database"}, [2]string{"statement_timeout", "0"})
	if postgres.Code(err) == codeRights {
		return nil, noRights(postgres.Message(err))
	}
	return conn, err
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
