package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
)

// rowErrors are errors about a row whose SQLSTATE does not tell so.
var rowErrors = []uint16{
	1265, // a value would be cut
	1364, // a column has no default, and nothing is brought for it
	1366, // a text cannot be written in the column's character set
	1526, // no partition takes the row
	3819, // a CHECK of MySQL
	1644, // SIGNAL, as of a trigger
}

// refused says whether an error is about a row and not about the statement.
func refused(err error) bool {
	var said *wire.Error
	if !errors.As(err, &said) {
		return false
	}
	if slices.Contains(rowErrors, said.Code) {
		return true
	}
	return len(said.State) == 5 && (said.State[:2] == "22" || said.State[:2] == "23" || said.State[:2] == "45")
}

var (
	constraintName = regexp.MustCompile("(?i)constraint [`']([^`']+)[`']")
	columnOf       = regexp.MustCompile("(?i)column [`']([^`']+)[`']")
)

// refusal takes what the server said apart.
func refusal(cause error) sink.Refusal {
	f := sink.Refusal{Reason: cause.Error()}
	var said *wire.Error
	if errors.As(cause, &said) {
		f.Reason = said.Message
	}
	if m := constraintName.FindStringSubmatch(f.Reason); m != nil {
		f.Constraint = m[1]
	}
	if m := columnOf.FindStringSubmatch(f.Reason); m != nil {
		f.Column = m[1]
	}
	// The number of a row counts those of the statement, which nobody sees.
	f.Reason = strings.TrimSuffix(f.Reason, " at row 1")
	return f
}

// named tells, of an error of a lock that was waited for in vain, who has transactions open there, as far as we may know; other
// errors stay as they are.
func (l *load) named(ctx context.Context, err error) error {
	var said *wire.Error
	if !errors.As(err, &said) || said.Code != 1205 || l.conn == nil || l.conn.Broken() {
		return err
	}
	_ = l.conn.Exec(ctx, "ROLLBACK")
	l.begun = false
	who := ""
	rows, qerr := l.conn.Strings(ctx, "SELECT p.ID, p.USER, TIMESTAMPDIFF(SECOND, t.trx_started, now()) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE p.ID <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 3")
	if qerr == nil {
		var open []string
		for _, r := range rows {
			open = append(open, fmt.Sprintf("connection %s (user %s, for %s s)", r[0].Value, r[1].Value, r[2].Value))
		}
		if len(open) > 0 {
			who = "; open transactions there: " + strings.Join(open, ", ")
		}
	}
	return fault.New(fault.Conflict, "%s is locked: %w%s", l.target.Name, err, who).WithHint("it is tried again")
}

// rights adds what to grant to an error of a user who may not.
func (l *load) rights(err error) error {
	var said *wire.Error
	if !errors.As(err, &said) || !slices.Contains([]uint16{1044, 1142, 1143, 1227, 1370}, said.Code) {
		return err
	}
	return fault.New(fault.Usage, "%w", err).WithHint("the user needs SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER and CREATE TEMPORARY TABLES on %s.*", wire.Name(l.database))
}
