package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// table is a destination as it is.
type table struct {
	rows    int64 // about; -1 where the server does not say
	empty   bool  // as far as we may look
	columns []column
	unique  [][]string // columns of the unique indexes, a primary key first
	primary bool       // whether unique begins with one
	bound   bool       // something hangs on it that a new table could not be given
	refers  bool       // foreign keys of other tables refer to it
}

// column is one of a table's.
type column struct {
	name      string
	kind      string // data type without its length: varchar
	full      string // with it: varchar(20)
	length    int    // letters, or bytes of blobs and texts without a length
	scale     int    // digits after the point, -1 for none
	fraction  int    // digits of seconds
	charset   string // "" for none
	collation string
	unsigned  bool
	null      bool
	comment   string
	generated bool
}

// find gives a column by name. The server tells no case apart in names of columns.
func (t *table) find(name string) (column, bool) {
	for _, c := range t.columns {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return column{}, false
}

func (t *table) hasKey(key []string) bool {
	want := lower(key)
	return slices.ContainsFunc(t.unique, func(u []string) bool { return slices.Equal(lower(u), want) })
}

func lower(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strings.ToLower(n))
	}
	slices.Sort(out)
	return out
}

// in is the condition on a table of information_schema that its rows are about the destination.
func (l *load) in(schema, name string) string {
	return schema + " = " + wire.Literal(l.database) + " AND " + name + " = " + wire.Literal(l.target.Table)
}

// describe looks at the destination; nil where it is not there.
func (l *load) describe(ctx context.Context) (*table, error) {
	rows, err := l.ask(ctx, "look at the table there", `SELECT t.TABLE_TYPE, t.ENGINE, t.TABLE_ROWS, e.TRANSACTIONS FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE `+l.in("t.TABLE_SCHEMA", "t.TABLE_NAME"))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	t := &table{rows: number(rows[0][2], -1)}
	switch kind := rows[0][0].Value; {
	case kind != "BASE TABLE" && kind != "SYSTEM VERSIONED":
		return nil, fault.New(fault.Usage, "%s is a %s there, which takes no rows", l.target.Name, strings.ToLower(kind)).WithHint("publish to a table, under another name")
	case rows[0][3].Value != "YES":
		return nil, fault.New(fault.Usage, "%s has the engine %s there, which has no transactions", l.target.Name, rows[0][1].Value).WithHint("ALTER TABLE %s ENGINE = InnoDB", l.name())
	case kind == "SYSTEM VERSIONED":
		t.bound = true
	}
	if err := l.describeColumns(ctx, t); err != nil {
		return nil, err
	}
	if err := l.describeKeys(ctx, t); err != nil {
		return nil, err
	}
	return t, l.describeBonds(ctx, t)
}

func number(t wire.Text, otherwise int64) int64 {
	n, err := strconv.ParseInt(t.Value, 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

func (l *load) describeColumns(ctx context.Context, t *table) error {
	rows, err := l.ask(ctx, "look at the columns there", `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_SCALE, DATETIME_PRECISION, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, COLUMN_COMMENT, EXTRA
		FROM information_schema.COLUMNS WHERE `+l.in("TABLE_SCHEMA", "TABLE_NAME")+" ORDER BY ORDINAL_POSITION")
	for _, r := range rows {
		t.columns = append(t.columns, column{name: r[0].Value, kind: strings.ToLower(r[1].Value), full: strings.ToLower(r[2].Value), length: int(number(r[3], 0)), scale: int(number(r[4], -1)),
			fraction: int(number(r[5], 0)), charset: r[6].Value, collation: r[7].Value, unsigned: strings.Contains(strings.ToLower(r[2].Value), "unsigned"), null: r[8].Value == "YES",
			comment: r[9].Value, generated: strings.Contains(strings.ToUpper(r[10].Value), " GENERATED")})
	}
	return err
}

func (l *load) describeKeys(ctx context.Context, t *table) error {
	rows, err := l.ask(ctx, "look at the indexes there", `SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE `+l.in("TABLE_SCHEMA", "TABLE_NAME")+
		" AND NON_UNIQUE = 0 ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX")
	if err != nil {
		return err
	}
	last := ""
	for _, r := range rows {
		if name := r[0].Value; name != last || t.unique == nil {
			t.unique, last = append(t.unique, nil), name
			t.primary = t.primary || name == "PRIMARY"
		}
		k := len(t.unique) - 1
		// Part of a column, or an expression, is no key to find rows by: it gets a name that no column has.
		part := r[1].Value
		if r[2].Valid || !r[1].Valid {
			part = "\x00"
		}
		t.unique[k] = append(t.unique[k], part)
	}
	return nil
}

func (l *load) describeBonds(ctx context.Context, t *table) error {
	rows, err := l.ask(ctx, "look at what hangs on the table there", "SELECT (SELECT count(*) FROM information_schema.TRIGGERS WHERE "+l.in("EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE")+
		"), (SELECT count(*) FROM information_schema.TABLE_CONSTRAINTS WHERE "+l.in("TABLE_SCHEMA", "TABLE_NAME")+" AND CONSTRAINT_TYPE IN ("+l.bonds()+")), (SELECT count(*) FROM "+l.referring()+")")
	if err != nil {
		return err
	}
	t.refers = rows[0][2].Value != "0"
	t.bound = t.bound || t.refers || rows[0][0].Value != "0" || rows[0][1].Value != "0"
	// Not every role that may write may also read; then it is taken for one that has rows.
	if rows, err := l.conn.Strings(ctx, "SELECT EXISTS (SELECT 1 FROM "+l.name()+" LIMIT 1)"); err == nil {
		t.empty = rows[0][0].Value == "0"
	} else if ctx.Err() != nil || l.conn.Broken() {
		return fmt.Errorf("look at the table there: %w", err)
	}
	return nil
}

// bonds are the constraints that a new table could not be given: foreign keys, and in MySQL, where their names are those of the whole
// database, also checks.
func (l *load) bonds() string {
	if l.conn.Server.Maria {
		return "'FOREIGN KEY'"
	}
	return "'FOREIGN KEY', 'CHECK'"
}

// referring are the foreign keys of other tables that refer to the table. MariaDB shows more of them to a reader in KEY_COLUMN_USAGE;
// a MySQL that is asked for it by a name with a quote, while backslashes are letters, calls that a mistake of ours.
func (l *load) referring() string {
	if l.conn.Server.Maria {
		return "information_schema.KEY_COLUMN_USAGE WHERE " + l.in("REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME") + " AND NOT (" + l.in("TABLE_SCHEMA", "TABLE_NAME") + ")"
	}
	return "information_schema.REFERENTIAL_CONSTRAINTS WHERE " + l.in("UNIQUE_CONSTRAINT_SCHEMA", "REFERENCED_TABLE_NAME") + " AND NOT (" + l.in("CONSTRAINT_SCHEMA", "TABLE_NAME") + ")"
}
