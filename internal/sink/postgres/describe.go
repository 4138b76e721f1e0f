package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// table is a destination as it is.
type table struct {
	oid     uint32
	kind    byte  // of pg_class: r, or p for a partitioned one
	rows    int64 // about; -1 where the server never counted
	empty   bool  // as far as we may look
	columns []column
	unique  [][]string // columns of the unique indexes that ON CONFLICT can go by; a primary key first
	primary bool       // whether unique begins with one
}

// column is one of a table's.
type column struct {
	name     string
	oid      uint32 // of its type
	mod      int    // type modifier, -1 for none
	base     uint32 // of its type, behind domains
	kind     byte   // of that in pg_type: b, e for an enum
	typeName string // without modifier, as SQL writes it
	shown    string // with modifier
	always   string // why nothing may be written into it: generated, identity
}

// find gives a column by name: as it stands, else in another case if that is only one's.
func (t *table) find(name string) (column, bool) {
	var fold []column
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
		if strings.EqualFold(c.name, name) {
			fold = append(fold, c)
		}
	}
	if len(fold) == 1 {
		return fold[0], true
	}
	return column{}, false
}

// hasKey says whether a unique index is over just these columns.
func (t *table) hasKey(key []string) bool {
	want := slices.Sorted(slices.Values(key))
	return slices.ContainsFunc(t.unique, func(u []string) bool { return slices.Equal(slices.Sorted(slices.Values(u)), want) })
}

// kinds are what a name may be that is no table.
var kinds = map[string]string{"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "c": "a type", "i": "an index", "t": "a TOAST table"}

// describe looks at the destination; nil where it is not there.
func describe(ctx context.Context, tx pgx.Tx, schema, name string) (*table, error) {
	t := &table{}
	var kind string
	var readable bool
	err := tx.QueryRow(ctx, `SELECT c.oid, c.relkind::text, c.reltuples::bigint, has_table_privilege(c.oid, 'SELECT')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`, schema, name).Scan(&t.oid, &kind, &t.rows, &readable)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the table there: %w", postgres.Classify(ctx, err))
	}
	if t.kind = kind[0]; kind != "r" && kind != "p" {
		return nil, fault.New(fault.Usage, "%s is %s there, which takes no rows", postgres.Quote(schema, name), kinds[kind]).WithHint("publish to a table, under another name")
	}
	if readable {
		if err := tx.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+postgres.Quote(schema, name)+")").Scan(&t.empty); err != nil {
			return nil, fmt.Errorf("look at the table there: %w", postgres.Classify(ctx, err))
		}
	}
	if err := t.describeColumns(ctx, tx); err != nil {
		return nil, fmt.Errorf("look at the columns there: %w", postgres.Classify(ctx, err))
	}
	if err := t.describeKeys(ctx, tx); err != nil {
		return nil, fmt.Errorf("look at the indexes there: %w", postgres.Classify(ctx, err))
	}
	return t, nil
}

func (t *table) describeColumns(ctx context.Context, tx pgx.Tx) error {
	// A domain's own type is followed down to one that is none.
	rows, err := tx.Query(ctx, `WITH RECURSIVE base AS (
		SELECT a.attnum, a.atttypid AS typ, a.atttypmod AS mod FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT b.attnum, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.mod END FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype = 'd')
		SELECT a.attname, a.atttypid, b.mod, b.typ, t.typtype::text, format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attgenerated <> '' THEN 'generated' WHEN a.attidentity = 'a' THEN 'generated always as identity' ELSE '' END
		FROM pg_attribute a JOIN base b USING (attnum) JOIN pg_type t ON t.oid = b.typ
		WHERE a.attrelid = $1 AND t.typtype <> 'd' ORDER BY a.attnum`, t.oid)
	if err != nil {
		return err
	}
	t.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c column, err error) {
		var kind string
		err = row.Scan(&c.name, &c.oid, &c.mod, &c.base, &kind, &c.typeName, &c.shown, &c.always)
		if kind != "" {
			c.kind = kind[0]
		}
		return c, err
	})
	return err
}

func (t *table) describeKeys(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT i.indisprimary, array_agg(a.attname::text ORDER BY k.n)
		FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(att, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att
		WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts
		GROUP BY i.indexrelid, i.indisprimary ORDER BY i.indisprimary DESC, i.indexrelid`, t.oid)
	if err != nil {
		return err
	}
	t.unique, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (key []string, err error) {
		var primary bool
		err = row.Scan(&primary, &key)
		t.primary = t.primary || primary
		return key, err
	})
	return err
}
