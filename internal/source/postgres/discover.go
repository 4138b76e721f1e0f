package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"weir/internal/postgres"
	"weir/internal/source"
)

const listSQL = `
SELECT CASE WHEN n.nspname ~ '^[a-z_][a-z0-9_]*$' THEN n.nspname ELSE quote_ident(n.nspname) END || '.' ||
  CASE WHEN c.relname ~ '^[a-z_][a-z0-9_]*$' THEN c.relname ELSE quote_ident(c.relname) END,
  CASE WHEN c.reltuples < 0 OR c.relkind NOT IN ('r', 'm', 'p') THEN -1 ELSE c.reltuples END::int8, CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE 0 END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
  AND c.relpersistence <> 't' AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1`

// list gives the tables a role may read.
func list(ctx context.Context, c *pgx.Conn) ([]source.Dataset, error) {
	rows, err := c.Query(ctx, listSQL)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", postgres.Classify(ctx, err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d source.Dataset, err error) {
		err = row.Scan(&d.Name, &d.Rows, &d.Bytes)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", postgres.Classify(ctx, err))
	}
	return found, nil
}

// Discover lists the tables, views and partitioned tables that the role may read, partitions with their parents.
func (t *table) Discover(ctx context.Context) (found []source.Dataset, err error) {
	c, err := t.server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	return list(ctx, c)
}
