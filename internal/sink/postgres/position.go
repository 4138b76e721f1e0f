package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/sink"
)

// loadsTable keeps the positions of the destinations in its schema, a row each. The columns beside position are for people.
const loadsTable = "_weir_loads"

const createLoads = `CREATE TABLE IF NOT EXISTS %s (
	destination text PRIMARY KEY,
	lake_table  text NOT NULL,
	table_uuid  text NOT NULL,
	snapshot    bigint NOT NULL,
	run         text NOT NULL,
	rows        bigint NOT NULL,
	loaded_at   timestamptz NOT NULL,
	position    jsonb NOT NULL
)`

// ensure makes the schema and the table of positions where they are missing, in a transaction of its own: loads of other tables
// need not wait for this one then.
func (l *load) ensure(ctx context.Context) error {
	var there bool
	if err := l.conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", postgres.Quote(l.schema, loadsTable)).Scan(&there); err != nil || there {
		return postgres.Classify(ctx, err)
	}
	err := pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		// Two that make one table at once would meet in the catalog, and one would fail.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey(l.schema, loadsTable)); err != nil {
			return err
		}
		var known bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", l.schema).Scan(&known); err != nil {
			return err
		}
		if !known {
			if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+postgres.Quote(l.schema)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(createLoads, postgres.Quote(l.schema, loadsTable)))
		return err
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("make the table of positions %s: %w", postgres.Quote(l.schema, loadsTable), postgres.Classify(ctx, err))
	if postgres.Code(err) == "42501" {
		return fault.New(fault.Usage, "%w", err).WithHint("the role needs CREATE on the schema, or on the database where the schema is new")
	}
	return err
}

// readPosition reads what the last load left, and keeps others from it until the transaction ends.
func (l *load) readPosition(ctx context.Context, look bool) error {
	lock := " FOR UPDATE"
	if look {
		var there bool
		if err := l.tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", postgres.Quote(l.schema, loadsTable)).Scan(&there); err != nil || !there {
			return postgres.Classify(ctx, err)
		}
		lock = ""
	}
	var text string
	err := l.tx.QueryRow(ctx, "SELECT position::text FROM "+postgres.Quote(l.schema, loadsTable)+" WHERE destination = $1"+lock, l.target.Table).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the position there: %w", postgres.Classify(ctx, err))
	}
	var p sink.Position
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fault.New(fault.Data, "read the position there: %w", err).WithHint("table %s of the destination keeps it", loadsTable)
	}
	if p.Version > sink.PositionVersion {
		return fault.New(fault.Usage, "the position there was written by a newer weir").WithHint("use that one: this one cannot tell what it means")
	}
	l.stored, l.found = p, true
	return nil
}

func (l *load) writePosition(ctx context.Context, p sink.Position) error {
	p.Version = sink.PositionVersion
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = l.tx.Exec(ctx, "INSERT INTO "+postgres.Quote(l.schema, loadsTable)+` AS t (destination, lake_table, table_uuid, snapshot, run, rows, loaded_at, position)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) ON CONFLICT (destination) DO UPDATE SET lake_table = excluded.lake_table, table_uuid = excluded.table_uuid,
		snapshot = excluded.snapshot, run = excluded.run, rows = excluded.rows, loaded_at = excluded.loaded_at, position = excluded.position`,
		l.target.Table, p.Table, p.UUID, p.Snapshot, p.Run, p.Rows, p.At, string(text))
	if err != nil {
		return fmt.Errorf("store the position: %w", postgres.Classify(ctx, err))
	}
	return nil
}
