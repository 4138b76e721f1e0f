package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/sink"
)

// defaultSchema is where a destination without a schema lies.
const defaultSchema = "public"

// load is one load under way, with a connection of its own.
type load struct {
	sink   *Sink
	target sink.Target
	schema string
	conn   *pgx.Conn
	tx     pgx.Tx
	there  *table // nil: the destination is not there
	stored sink.Position
	found  bool
	made   int // staging tables
}

var _ sink.Load = (*load)(nil)

// Begin opens the transaction, waits for other loads of the destination and looks at it.
func (s *Sink) Begin(ctx context.Context, t sink.Target) (_ sink.Load, err error) {
	l := &load{sink: s, target: t, schema: t.Schema}
	if l.schema == "" {
		l.schema = defaultSchema
	}
	if err := l.names(t.Table, l.schema); err != nil {
		return nil, err
	}
	if l.conn, err = s.dial(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close(context.WithoutCancel(ctx)))
		}
	}()
	if t.Look {
		return l, l.look(ctx)
	}
	if err := l.ensure(ctx); err != nil {
		return nil, err
	}
	return l, l.begin(ctx)
}

// look reads without locking.
func (l *load) look(ctx context.Context) (err error) {
	if l.tx, err = l.conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}); err != nil {
		return fmt.Errorf("begin: %w", postgres.Classify(ctx, err))
	}
	if err := l.readPosition(ctx, true); err != nil {
		return err
	}
	l.there, err = describe(ctx, l.tx, l.schema, l.target.Table)
	return err
}

func (l *load) begin(ctx context.Context) (err error) {
	if l.tx, err = l.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}); err != nil {
		return fmt.Errorf("begin: %w", postgres.Classify(ctx, err))
	}
	// The engine may compute for long between two statements. Constraints are checked where a row can still be told.
	if err := l.exec(ctx, "prepare the session", "SET LOCAL idle_in_transaction_session_timeout = 0; SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	if _, err := l.tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey(l.schema, l.target.Table)); err != nil {
		if postgres.Code(err) == "55P03" {
			return l.held(ctx, "another load of "+l.target.Name+" is under way")
		}
		return fmt.Errorf("wait for other loads: %w", postgres.Classify(ctx, err))
	}
	if err := l.readPosition(ctx, false); err != nil {
		return l.named(ctx, err)
	}
	l.there, err = describe(ctx, l.tx, l.schema, l.target.Table)
	return l.named(ctx, err)
}

// lockKey is the number under which loads of one destination find each other.
func lockKey(schema, table string) int64 {
	h := fnv.New64a()
	h.Write([]byte("weir load\x00" + schema + "\x00" + table))
	return int64(h.Sum64())
}

// maxName is how many bytes of a name the server keeps.
const maxName = 63

// names refuses names that the server would cut.
func (l *load) names(names ...string) error {
	for _, n := range names {
		if len(n) > maxName {
			return fault.New(fault.Usage, "the name %q has %d bytes: PostgreSQL keeps %d", n, len(n), maxName)
		}
	}
	return nil
}

func (l *load) name() string { return postgres.Quote(l.schema, l.target.Table) }

// exec runs statements. The error says what they were for.
func (l *load) exec(ctx context.Context, what, sql string) error {
	if _, err := l.tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", what, postgres.Classify(ctx, err))
	}
	return nil
}

// Stored is the position the last load left.
func (l *load) Stored() (sink.Position, bool) { return l.stored, l.found }

// Commit stores the position and makes all of it seen at once.
func (l *load) Commit(ctx context.Context, p sink.Position) error {
	if err := l.writePosition(ctx, p); err != nil {
		return err
	}
	if err := l.tx.Commit(ctx); err != nil {
		// Where the connection went in the middle the server may have committed: the next try reads the position.
		return l.named(ctx, fmt.Errorf("commit: %w", postgres.Classify(ctx, err)))
	}
	l.tx = nil
	return nil
}

// Close gives the connection back; what was not committed is undone by the server, whatever becomes of us.
func (l *load) Close(ctx context.Context) error {
	if l.conn == nil {
		return nil
	}
	conn := l.conn
	l.conn = nil
	if l.tx != nil && !conn.IsClosed() {
		_ = l.tx.Rollback(ctx)
	}
	// An error here changes nothing for anyone.
	_ = conn.Close(ctx)
	return nil
}
