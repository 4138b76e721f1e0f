package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/postgres/replication"
)

// WithURL is a connection by its URL alone.
func (c *Config) WithURL(url string) *Config {
	c.URL = url
	return c
}

// TextDecoder is what a stream of changes decodes a column's values with.
func TextDecoder(ctx context.Context, c *pgx.Conn, table, column string) (func(*record.Column, []byte) error, string, error) {
	var typ uint32
	var mod int32
	err := c.QueryRow(ctx, "SELECT atttypid, atttypmod FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2", table, column).Scan(&typ, &mod)
	if err != nil {
		return nil, "", err
	}
	v := &converter{c: c}
	done, err := v.column(ctx, replication.Table{Schema: "public", Name: table}, replication.Column{Name: column, Type: typ, Modifier: mod})
	return done.Text, done.Type, err
}

// InParts has tables read in small parts.
func InParts(o source.Opened, bytes int64) { o.(*opened).part = bytes }

// Parts is in how many parts a scan reads, once it has begun.
func Parts(s source.Scan) int { return len(s.(*scan).fixed.ranges) }
