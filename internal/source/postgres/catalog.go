package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/project"
)

// relation is a table as the server's catalog has it.
type relation struct {
	oid          uint32
	schema, name string
	kind         string // r ordinary, p partitioned, v view, m materialized, f foreign
	rows         int64  // estimate, -1 where unknown
	bytes        int64  // with its partitions and children
	pages        int64  // of the largest of them
	parted       bool   // pages of all of them can be asked for by number
	columns      []attribute
	key          []string // primary key, in its order
}

// attribute is a column as the catalog has it, its domains resolved.
type attribute struct {
	name     string
	number   int16
	typ      uint32 // base type
	mod      int32  // type modifier, -1 for none
	shown    string // the type as the server prints it
	elem     uint32 // of an array, its items' base type
	elemMod  int32
	kind     string // typtype of the base type: b base, e enum, c composite, r range, m multirange
	elemKind string
	required bool
	allowed  bool // the role may read it
	doc      string
}

// quoted is the relation's name in SQL.
func (r *relation) quoted() string { return postgres.Quote(r.schema, r.name) }

func (r *relation) shown() string { return r.schema + "." + r.name }

func (r *relation) attribute(name string) (attribute, bool) {
	for _, a := range r.columns {
		if a.name == name {
			return a, true
		}
	}
	for _, a := range r.columns {
		if strings.EqualFold(a.name, name) {
			return a, true
		}
	}
	return attribute{}, false
}

const relationSQL = `
SELECT c.oid, c.relkind::text, c.reltuples::float8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`

// sizesSQL waits for a lock that keeps readers out. Pages are those of the heap alone: large values lie elsewhere.
const sizesSQL = `
WITH RECURSIVE tree AS (
  SELECT $1::oid AS oid
  UNION
  SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON t.oid = i.inhparent
)
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::int8, coalesce(max(pg_relation_size(c.oid)) / current_setting('block_size')::int8, 0)::int8,
  bool_and(c.relkind = 'p' OR c.relkind IN ('r', 'm') AND coalesce(m.amname, 'heap') = 'heap')
FROM tree t JOIN pg_class c ON c.oid = t.oid LEFT JOIN pg_am m ON m.oid = c.relam`

// attributesSQL resolves domains to what they stand on; a domain's own modifier wins over none.
const attributesSQL = `
WITH RECURSIVE base AS (
  SELECT a.attnum, a.atttypid AS typ, a.atttypmod AS mod FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attnum, t.typbasetype, CASE WHEN b.mod >= 0 THEN b.mod ELSE t.typtypmod END FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype = 'd'
), items AS (
  SELECT b.attnum, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END AS typ, b.mod FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype <> 'd'
  UNION ALL
  SELECT i.attnum, t.typbasetype, CASE WHEN i.mod >= 0 THEN i.mod ELSE t.typtypmod END FROM items i JOIN pg_type t ON t.oid = i.typ WHERE t.typtype = 'd'
)
SELECT a.attname, a.attnum, b.typ, b.mod, format_type(a.atttypid, a.atttypmod), t.typtype::text, a.attnotnull, has_column_privilege(a.attrelid, a.attnum, 'SELECT'), coalesce(col_description(a.attrelid, a.attnum), ''),
  i.typ, i.mod, coalesce(e.typtype::text, '')
FROM pg_attribute a
JOIN base b ON b.attnum = a.attnum JOIN pg_type t ON t.oid = b.typ AND t.typtype <> 'd'
JOIN items i ON i.attnum = a.attnum LEFT JOIN pg_type e ON e.oid = i.typ
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND (i.typ = 0 OR e.typtype <> 'd')
ORDER BY a.attnum`

const keySQL = `
SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(n, at) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n
WHERE i.indrelid = $1 AND i.indisprimary ORDER BY k.at`

// look finds a relation in the catalog.
func look(ctx context.Context, server *postgres.Server, c *pgx.Conn, schema, name string) (*relation, error) {
	r := &relation{schema: schema, name: name}
	var tuples float64
	err := c.QueryRow(ctx, relationSQL, schema, name).Scan(&r.oid, &r.kind, &tuples)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, missing(ctx, c, schema, name)
	}
	if err == nil {
		err = c.QueryRow(ctx, sizesSQL, r.oid).Scan(&r.bytes, &r.pages, &r.parted)
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", r.shown(), blocked(ctx, server, r.oid, err))
	}
	if r.rows = int64(tuples); tuples < 0 || tuples == 0 && r.bytes > 0 {
		r.rows = -1
	}
	if err := r.readColumns(ctx, c); err != nil {
		return nil, fmt.Errorf("look up %s: %w", r.shown(), postgres.Classify(ctx, err))
	}
	if len(r.columns) == 0 {
		return nil, fault.New(fault.Usage, "%s has no columns", r.shown())
	}
	return r, nil
}

// blocked names who holds the lock that a statement did not get.
func blocked(ctx context.Context, server *postgres.Server, oid uint32, err error) error {
	if postgres.Code(err) != "55P03" {
		return postgres.Classify(ctx, err)
	}
	return postgres.Blocked(ctx, server, oid, err)
}

func (r *relation) readColumns(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, attributesSQL, r.oid)
	if err != nil {
		return err
	}
	r.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (a attribute, err error) {
		err = row.Scan(&a.name, &a.number, &a.typ, &a.mod, &a.shown, &a.kind, &a.required, &a.allowed, &a.doc, &a.elem, &a.elemMod, &a.elemKind)
		return a, err
	})
	if err != nil {
		return err
	}
	rows, err = c.Query(ctx, keySQL, r.oid)
	if err != nil {
		return err
	}
	r.key, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}

// missing is the error of a table that is not there, or not for this role.
func missing(ctx context.Context, c *pgx.Conn, schema, name string) error {
	found, err := list(ctx, c)
	if err != nil {
		return err
	}
	names := make([]string, len(found))
	for i, d := range found {
		names[i] = d.Name
	}
	e := fault.New(fault.Usage, "there is no table %s.%s", schema, name)
	if near := project.Nearest(schema+"."+name, names); near != "" {
		return e.WithHint("nearest: %s", near)
	}
	if len(names) == 0 {
		return e.WithHint("this role sees no tables in the database")
	}
	return e.WithHint("there is: %s", strings.Join(names[:min(len(names), 8)], ", "))
}
