package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/project"
	"weir/internal/source"
	"weir/internal/source/mysql/value"
)

// relation is a table as the server's catalog has it.
type relation struct {
	database, name string
	view           bool
	rows           int64 // estimate, -1 where unknown
	bytes          int64
	columns        []value.Declared
}

// quoted is the relation's name in SQL.
func (r *relation) quoted() string { return wire.Name(r.database) + "." + wire.Name(r.name) }

func (r *relation) shown() string { return mysql.ShowName(r.database, r.name) }

func (r *relation) column(name string) (value.Declared, bool) {
	for _, c := range r.columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return value.Declared{}, false
}

const (
	tablesSQL = "SELECT table_schema, table_name, table_type, ifnull(table_rows, -1), ifnull(data_length, 0) FROM information_schema.tables WHERE "

	columnsSQL = "SELECT column_name, data_type, column_type, ifnull(numeric_precision, 0), ifnull(numeric_scale, 0), ifnull(datetime_precision, 0)," +
		" ifnull(character_set_name, ''), is_nullable, column_comment FROM information_schema.columns WHERE "
)

// look finds a relation in the catalog.
func look(ctx context.Context, c *wire.Conn, database, name string) (*relation, error) {
	r := &relation{database: database, name: name}
	only := "table_schema = " + wire.Literal(database) + " AND table_name = " + wire.Literal(name)
	found, err := c.Strings(ctx, tablesSQL+only)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", r.shown(), err)
	}
	if len(found) == 0 {
		return nil, missing(ctx, c, database, name)
	}
	f := found[0]
	r.database, r.name, r.view = f[0].Value, f[1].Value, f[2].Value != "BASE TABLE"
	r.rows, r.bytes = number(f[3]), number(f[4])
	found, err = c.Strings(ctx, columnsSQL+only+" ORDER BY ordinal_position")
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", r.shown(), err)
	}
	for _, f := range found {
		r.columns = append(r.columns, value.Declared{Name: f[0].Value, DataType: f[1].Value, Type: f[2].Value, Precision: int(number(f[3])),
			Scale: int(number(f[4])), Fraction: int(number(f[5])), Charset: f[6].Value, Nullable: f[7].Value == "YES", Comment: f[8].Value})
	}
	if len(r.columns) == 0 {
		return nil, fault.New(fault.Usage, "the user may read no column of %s", r.shown())
	}
	return r, nil
}

func number(t wire.Text) int64 {
	n, _ := strconv.ParseInt(t.Value, 10, 64) // of the server's own catalog
	return n
}

// columnsOf are the columns that are read of a relation: all, or those that strict declares. Dates and times that are
// declared as texts are read as texts, so that those no calendar has can be kept.
func columnsOf(r *relation, declared []job.Column, strict bool, zero value.ZeroDates) ([]value.Column, error) {
	var out []value.Column
	for _, d := range r.columns {
		want := ""
		for _, w := range declared {
			if strings.EqualFold(w.Name, d.Name) {
				want = w.Type
			}
		}
		if strict && want == "" {
			continue
		}
		policy := zero
		if want == "VARCHAR" {
			policy = value.TextZero
		}
		c, err := value.Describe(d, policy)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.shown(), err)
		}
		out = append(out, c)
	}
	return out, nil
}

// list gives the tables and views that a user may read.
func list(ctx context.Context, c *wire.Conn) ([]source.Dataset, error) {
	found, err := c.Strings(ctx, tablesSQL+"table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY 1, 2")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	out := make([]source.Dataset, len(found))
	for i, f := range found {
		out[i] = source.Dataset{Name: mysql.ShowName(f[0].Value, f[1].Value), Rows: number(f[3]), Bytes: number(f[4])}
	}
	return out, nil
}

// Discover lists the tables and views that the user may read.
func (t *table) Discover(ctx context.Context) (found []source.Dataset, err error) {
	c, err := t.server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return list(ctx, c)
}

// missing is the error of a table that is not there, or not for this user.
func missing(ctx context.Context, c *wire.Conn, database, name string) error {
	found, err := list(ctx, c)
	if err != nil {
		return err
	}
	names := make([]string, len(found))
	for i, d := range found {
		names[i] = d.Name
	}
	e := fault.New(fault.Usage, "there is no table %s", mysql.ShowName(database, name))
	if near := project.Nearest(mysql.ShowName(database, name), names); near != "" {
		return e.WithHint("nearest: %s", near)
	}
	if len(names) == 0 {
		return e.WithHint("this user sees no tables: grant it SELECT")
	}
	return e.WithHint("there is: %s", strings.Join(names[:min(len(names), 8)], ", "))
}
