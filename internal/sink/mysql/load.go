package mysql

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
)

// load is one load under way, with a connection of its own.
type load struct {
	sink     *Sink
	target   sink.Target
	database string
	conn     *wire.Conn
	loads    bool   // LOAD DATA LOCAL is allowed
	packet   int    // bytes a statement may have
	there    *table // nil: the destination is not there
	text     string // the stored position as it stands, "" for none
	stored   sink.Position
	found    bool
	made     int  // staging tables
	fresh    bool // the rows are in a table that gets the destination's name with the commit
	begun    bool // a transaction is open
}

var _ sink.Load = (*load)(nil)

// Begin waits for other loads of the destination, finishes or undoes what one that was killed has left, and looks.
func (s *Sink) Begin(ctx context.Context, t sink.Target) (_ sink.Load, err error) {
	l := &load{sink: s, target: t, database: t.Schema}
	if l.database == "" {
		l.database = s.database
	}
	if l.database == "" {
		return nil, fault.New(fault.Usage, "%s is in no database", t.Name).WithHint("write connection.database.table, or give the connection a database")
	}
	for _, n := range []string{l.database, t.Table} {
		if err := shortEnough(n); err != nil {
			return nil, err
		}
	}
	if l.conn, err = s.dial(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := l.session(ctx); err != nil {
		return nil, err
	}
	if t.Look {
		return l, l.look(ctx)
	}
	if err := l.lock(ctx); err != nil {
		return nil, err
	}
	if err := l.ensure(ctx); err != nil {
		return nil, err
	}
	// A DELETE of more than one table fails where no database is selected, whatever its names say.
	if err := l.exec(ctx, "select the database", "USE "+wire.Name(l.database)); err != nil {
		return nil, err
	}
	if err := l.settle(ctx); err != nil {
		return nil, l.named(ctx, err)
	}
	l.there, err = l.describe(ctx)
	return l, err
}

// maxName is how many letters of a name the server keeps.
const maxName = 64

func shortEnough(name string) error {
	if n := len([]rune(name)); n > maxName {
		return fault.New(fault.Usage, "the name %q has %d letters: MySQL keeps %d", name, n, maxName)
	}
	return nil
}

// session makes every value that does not fit an error, and lets nobody wait for a lock for long.
func (l *load) session(ctx context.Context) error {
	seconds := max(1, int(l.sink.patience.Seconds()))
	err := l.conn.Exec(ctx, fmt.Sprintf("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', SESSION foreign_key_checks = 1, SESSION unique_checks = 1,"+
		" SESSION autocommit = 1, SESSION innodb_lock_wait_timeout = %d, SESSION lock_wait_timeout = %d, SESSION net_read_timeout = 3600", seconds, seconds))
	if err == nil {
		err = l.conn.Exec(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
	}
	if err != nil {
		return fmt.Errorf("prepare the session: %w", err)
	}
	rows, err := l.ask(ctx, "ask the server", "SELECT @@GLOBAL.local_infile, @@max_allowed_packet")
	if err != nil {
		return err
	}
	l.loads, l.packet = rows[0][0].Value == "1", int(number(rows[0][1], 1<<20))
	return nil
}

// lockName is the name under which loads of one destination find each other; it has at most 64 letters.
func (l *load) lockName() string { return fmt.Sprintf("weir load %016x", l.hash()) }

func (l *load) hash() uint64 {
	h := fnv.New64a()
	h.Write([]byte(l.database + "\x00" + l.target.Table))
	return h.Sum64()
}

func (l *load) lock(ctx context.Context) error {
	rows, err := l.ask(ctx, "wait for other loads", fmt.Sprintf("SELECT GET_LOCK(%s, %d)", wire.Literal(l.lockName()), max(1, int(l.sink.patience.Seconds()))))
	if err != nil {
		return err
	}
	if rows[0][0].Value == "1" {
		return nil
	}
	who := ""
	if rows, err := l.conn.Strings(ctx, "SELECT p.ID, p.USER, p.TIME FROM information_schema.PROCESSLIST p WHERE p.ID = IS_USED_LOCK("+wire.Literal(l.lockName())+")"); err == nil && len(rows) > 0 {
		who = fmt.Sprintf(" by connection %s (user %s)", rows[0][0].Value, rows[0][1].Value)
	}
	return fault.New(fault.Conflict, "another load of %s is under way%s", l.target.Name, who).WithHint("it is tried again")
}

// Names of tables that are there while a load is under way. Nobody else may use them.
func (l *load) newName() string { return l.quoted(fmt.Sprintf("_weir_new_%016x", l.hash())) }
func (l *load) oldName() string { return l.quoted(fmt.Sprintf("_weir_old_%016x", l.hash())) }
func (l *load) name() string    { return l.quoted(l.target.Table) }

// quoted is a table's name with its database.
func (l *load) quoted(table string) string { return wire.Name(l.database) + "." + wire.Name(table) }

// exec runs a statement. The error says what it was for.
func (l *load) exec(ctx context.Context, what, sql string) error {
	if err := l.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (l *load) ask(ctx context.Context, what, sql string) ([][]wire.Text, error) {
	rows, err := l.conn.Strings(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return rows, nil
}

// Stored is the position the last load left.
func (l *load) Stored() (sink.Position, bool) { return l.stored, l.found }

// begin opens the transaction and makes sure that the position is still the one that was read.
func (l *load) begin(ctx context.Context) error {
	if err := l.exec(ctx, "begin", "START TRANSACTION"); err != nil {
		return err
	}
	l.begun = true
	rows, err := l.ask(ctx, "lock the position", "SELECT position FROM "+l.quoted(loadsTable)+" WHERE destination = "+wire.Literal(l.target.Table)+" FOR UPDATE")
	if err != nil {
		return l.named(ctx, err)
	}
	now := ""
	if len(rows) > 0 {
		now = rows[0][0].Value
	}
	if now != l.text {
		return fault.New(fault.Conflict, "another load of %s came between", l.target.Name)
	}
	return nil
}

// Commit makes the load seen, together with the position.
func (l *load) Commit(ctx context.Context, p sink.Position) error {
	if l.fresh {
		return l.named(ctx, l.rename(ctx, p))
	}
	if !l.begun {
		if err := l.begin(ctx); err != nil {
			return err
		}
	}
	if err := l.writePosition(ctx, "position", p); err != nil {
		return l.named(ctx, err)
	}
	// Where the connection goes in the middle the server may have committed: the next try reads the position.
	if err := l.exec(ctx, "commit", "COMMIT"); err != nil {
		return err
	}
	l.begun = false
	return nil
}

// Close gives the connection back, and with it everything that was not committed: the transaction, staging tables, the lock. A new
// table that did not get the destination's name goes; where that cannot be done now the next load does it.
func (l *load) Close(ctx context.Context) error {
	if l.conn == nil {
		return nil
	}
	conn := l.conn
	l.conn = nil
	if !conn.Broken() && l.begun {
		_ = conn.Exec(ctx, "ROLLBACK")
	}
	if !conn.Broken() && l.fresh {
		_ = conn.Exec(ctx, "DROP TABLE IF EXISTS "+l.newName())
	}
	// An error here changes nothing for anyone.
	_ = conn.Close()
	return nil
}
