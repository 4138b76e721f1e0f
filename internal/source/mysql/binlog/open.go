package binlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/mysql/gtid"
	"weir/internal/mysql/wire"
)

// Options say what is read of a log.
type Options struct {
	From   Position
	Tables map[TableName]bool // whose rows are told
	Ends   bool               // at the end of the log, in the place of waiting
	Number uint32             // the reader's own among the server's replicas; 0: one by chance
	Most   int                // bytes a change may have, 64 MiB by default
	Beat   time.Duration      // how often the server shows that it is there, 10 s by default
}

// DefaultMost is how many bytes a change, or a compressed transaction, may have.
const DefaultMost = 64 << 20

// Log is an open log.
type Log struct {
	*Reader
	dump *wire.Dump
}

// Open begins to read a log. The connection is the log's from then on, which closes it; the context governs all reading. The
// connection's limit has to be above Options.Most.
func Open(ctx context.Context, c *wire.Conn, o Options) (*Log, error) {
	if o.Beat == 0 {
		o.Beat = 10 * time.Second
	}
	if o.Most == 0 {
		o.Most = DefaultMost
	}
	if o.Number == 0 { // far from the numbers that people give; two readers of one number would end each other
		o.Number = 1<<31 + rand.Uint32N(1<<30)
	}
	l, err := open(ctx, c, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the binary log: %w", explain(err)), c.Close())
	}
	return l, nil
}

func open(ctx context.Context, c *wire.Conn, o Options) (*Log, error) {
	sums, err := c.Strings(ctx, "SELECT @@GLOBAL.binlog_checksum")
	if err != nil {
		return nil, err
	}
	start := wire.DumpStart{Reader: o.Number, File: o.From.File, Position: uint32(o.From.Pos), Ends: o.Ends, Silence: 3 * o.Beat}
	if o.From.Pos >= 1<<32 && !o.From.ByID() {
		return nil, fault.New(fault.Usage, "the log's file is larger than 4 GiB, and can't be read from byte %d by a position without GTID", o.From.Pos).
			WithHint("switch GTIDs on at the server, or read the table anew with --full")
	}
	sets := []string{"@master_binlog_checksum = @@GLOBAL.binlog_checksum", "@source_binlog_checksum = @@GLOBAL.binlog_checksum",
		fmt.Sprintf("@master_heartbeat_period = %d", o.Beat.Nanoseconds()), fmt.Sprintf("@source_heartbeat_period = %d", o.Beat.Nanoseconds())}
	switch {
	case c.Server.Maria:
		sets = append(sets, "@mariadb_slave_capability = 4")
		if o.From.ByID() {
			sets = append(sets, "@slave_connect_state = "+wire.Literal(o.From.Last.String()), "@slave_gtid_strict_mode = 1", "@slave_gtid_ignore_duplicates = 0")
			start.File, start.Position = "", 4
		}
	case o.From.ByID():
		start.Set, start.File = o.From.Set.Encode(), ""
	}
	if err := c.Exec(ctx, "SET "+strings.Join(sets, ", ")); err != nil {
		return nil, err
	}
	dump, err := c.Dump(ctx, start)
	if err != nil {
		return nil, err
	}
	at := o.From.Clone()
	at.Maria = c.Server.Maria
	return &Log{Reader: newReader(explained{dump}, at, sums[0][0].Value == "CRC32", o.Most, o.Tables), dump: dump}, nil
}

// Close ends the reading.
func (l *Log) Close() error {
	l.Reader.Close()
	return l.dump.Close()
}

// explained says what a server's refusal means.
type explained struct{ events }

func (e explained) Next() ([]byte, error) {
	b, err := e.events.Next()
	return b, explain(err)
}

// Torn says that a file of the log ends amid an event, as one does when MariaDB is killed while it writes. Of the transaction
// that the event is of the server has undone all, where no more is missing.
type Torn struct{ error }

func (t *Torn) Unwrap() error { return t.error }

// Within says whether the reading stands in a transaction.
func (l *Log) Within() bool { return l.open }

// explain names the refusal to read from a position: the log was purged, never was this server's, or was not written to its end.
func explain(err error) error {
	var said *wire.Error
	if !errors.As(err, &said) || said.Code != 1236 {
		return err
	}
	if strings.Contains(said.Message, "truncated in the middle of event") {
		return &Torn{fault.New(fault.Data, "a file of the server's binary log ends in the middle of a change: %w", said).
			WithHint("the server crashed, or its disk was full, while it wrote; what is not in its log can't be followed: read the table anew with --full")}
	}
	return fault.New(fault.Data, "the position is not in the server's binary log: %w", said).
		WithHint("the log was purged past it, or belongs to another server; read the table anew with --full, and keep logs longer: binlog_expire_logs_seconds (RDS: binlog retention hours)")
}

// Check says why a server's log can't be followed.
func Check(ctx context.Context, c *wire.Conn) error {
	rows, err := c.Strings(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options')")
	if err != nil {
		return fmt.Errorf("look at the server's settings: %w", err)
	}
	have := map[string]string{}
	for _, r := range rows {
		have[strings.ToLower(r[0].Value)] = strings.ToUpper(r[1].Value)
	}
	for _, want := range []struct{ name, value, how string }{
		{"log_bin", "ON", "switch the binary log on (RDS: automated backups, or a replica)"},
		{"binlog_format", "ROW", "set binlog_format = ROW"},
		{"binlog_row_image", "FULL", "set binlog_row_image = FULL"},
		{"binlog_row_value_options", "", "set binlog_row_value_options = ''"},
	} {
		if v, ok := have[want.name]; ok && v != want.value {
			return fault.New(fault.Usage, "the server's %s is %s, and changes can't be followed", want.name, strings.ToLower(v)).WithHint("%s at the server", want.how)
		}
	}
	return nil
}

// Now is the position at the end of the log.
func Now(ctx context.Context, c *wire.Conn) (Position, error) {
	p := Position{Maria: c.Server.Maria}
	rows, err := c.Strings(ctx, "SHOW BINARY LOG STATUS")
	var said *wire.Error
	if errors.As(err, &said) && said.State == "42000" && said.Code != 1227 { // servers before 8.2, and MariaDB
		rows, err = c.Strings(ctx, "SHOW MASTER STATUS")
	}
	if err != nil {
		return p, fmt.Errorf("ask for the end of the binary log: %w", err)
	}
	if len(rows) == 0 {
		return p, fault.New(fault.Usage, "the server has no binary log").WithHint("switch it on: log_bin")
	}
	p.File = rows[0][0].Value
	p.Pos, _ = strconv.ParseUint(rows[0][1].Value, 10, 64)
	if p.Maria {
		rows, err = c.Strings(ctx, "SELECT binlog_gtid_pos("+wire.Literal(p.File)+", "+strconv.FormatUint(p.Pos, 10)+")")
		if err != nil {
			return p, fmt.Errorf("ask for the end of the binary log: %w", err)
		}
		p.Last, err = gtid.ParseLast(rows[0][0].Value)
		return p, err
	}
	// Where GTIDs are not fully on, transactions without one come, too, and nobody is served by them.
	mode, err := c.Strings(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name = 'gtid_mode' AND Value = 'ON'")
	if err != nil {
		return p, fmt.Errorf("ask for the end of the binary log: %w", err)
	}
	if len(mode) > 0 {
		p.Set, err = gtid.Parse(strings.ReplaceAll(rows[0][len(rows[0])-1].Value, "\n", ""))
	}
	return p, err
}
