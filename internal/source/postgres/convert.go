package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/source/postgres/replication"
)

// converter finds what the values of a stream's columns become: what they become in a first read.
type converter struct {
	c        *pgx.Conn
	declared map[replication.Table][]job.Column
}

// Conversions are what the values of a stream's columns become where nothing is declared. The connection is for looking types up.
func Conversions(c *pgx.Conn) func(context.Context, replication.Table, replication.Column) (replication.Conversion, error) {
	return (&converter{c: c}).column
}

const typeSQL = `
WITH RECURSIVE base AS (
  SELECT 0 AS depth, $1::oid AS typ, $2::int4 AS mod
  UNION ALL
  SELECT b.depth + 1, t.typbasetype, CASE WHEN b.mod >= 0 THEN b.mod ELSE t.typtypmod END FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype = 'd'
), last AS (SELECT * FROM base ORDER BY depth DESC LIMIT 1), items AS (
  SELECT 0 AS depth, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END AS typ, l.mod FROM last l JOIN pg_type t ON t.oid = l.typ
  UNION ALL
  SELECT i.depth + 1, t.typbasetype, CASE WHEN i.mod >= 0 THEN i.mod ELSE t.typtypmod END FROM items i JOIN pg_type t ON t.oid = i.typ WHERE t.typtype = 'd'
)
SELECT l.typ, l.mod, t.typtype::text, i.typ, i.mod, coalesce(e.typtype::text, '')
FROM last l JOIN pg_type t ON t.oid = l.typ CROSS JOIN (SELECT * FROM items ORDER BY depth DESC LIMIT 1) i LEFT JOIN pg_type e ON e.oid = i.typ`

func (v *converter) column(ctx context.Context, t replication.Table, c replication.Column) (replication.Conversion, error) {
	a := attribute{name: c.Name}
	err := v.c.QueryRow(ctx, typeSQL, c.Type, c.Modifier).Scan(&a.typ, &a.mod, &a.kind, &a.elem, &a.elemMod, &a.elemKind)
	if err != nil {
		return replication.Conversion{}, fmt.Errorf("look up its type: %w", postgres.Classify(ctx, err))
	}
	col := columnOf(a)
	for _, d := range v.declared[t] {
		if strings.EqualFold(d.Name, c.Name) && d.Type == "VARCHAR" && col.typ != "VARCHAR" {
			col = asDeclaredText(a, col)
		}
	}
	col.checkText(v.c)
	return replication.Conversion{Type: col.typ, Text: func(to *record.Column, text []byte) error { return col.textValue(to, text) }}, nil
}
