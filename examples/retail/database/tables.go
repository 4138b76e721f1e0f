package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const schema = `
create table products (
  sku text primary key, name text not null, category text not null, price numeric(10,2) not null check (price > 0));
create table customers (
  customer_id bigint primary key, name text not null, email text, city text, country char(2) not null,
  created_at timestamp not null, updated_at timestamp not null);
create table orders (
  order_id bigint primary key, customer_id bigint not null references customers, store_id text not null,
  status text not null check (status in ('placed', 'paid', 'shipped', 'returned', 'cancelled')),
  ordered_at timestamp not null, updated_at timestamp not null, total numeric(12,2) not null check (total >= 0));
create table order_lines (
  order_id bigint references orders, line_no integer, sku text not null references products,
  quantity integer not null check (quantity > 0), unit_price numeric(10,2) not null check (unit_price >= 0),
  discount numeric(10,2) not null, primary key (order_id, line_no));`

func makeTables(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, schema); err != nil {
		return fmt.Errorf("make the shop's tables: %w", err)
	}
	return nil
}

// write brings a day: what is not of orders first, then orders, so many a transaction.
func (d day) write(ctx context.Context, c *pgx.Conn, pace time.Duration) error {
	if d.orders.at("channel") >= 0 {
		if _, err := c.Exec(ctx, "alter table orders add column if not exists channel text"); err != nil {
			return fmt.Errorf("add a column to orders: %w", err)
		}
	}
	if err := (day{products: d.products, customers: d.customers}).transaction(ctx, c); err != nil {
		return err
	}
	const together = 250
	for _, p := range d.part(together) {
		if err := p.transaction(ctx, c); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pace):
		}
	}
	return nil
}

func (d day) transaction(ctx context.Context, c *pgx.Conn) (err error) {
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
		}
	}()
	for _, t := range []struct {
		name, key, newer string
		rows             records
	}{
		{"products", "sku", "", d.products},
		{"customers", "customer_id", "updated_at", d.customers},
		{"orders", "order_id", "updated_at", d.orders},
		{"order_lines", "order_id, line_no", "", d.lines},
	} {
		if len(t.rows.rows) == 0 {
			continue
		}
		if err := upsert(ctx, tx, t.name, t.key, t.newer, t.rows); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return tx.Commit(ctx)
}

// upsert writes rows by their key. Of two rows of a key the newer one stays, where a column tells which that is; a row that
// says what is there already changes nothing.
func upsert(ctx context.Context, tx pgx.Tx, table, key, newer string, rows records) error {
	temp := "new_" + table
	if _, err := tx.Exec(ctx, fmt.Sprintf("create temp table %s (%s text) on commit drop", temp, strings.Join(rows.columns, " text, "))); err != nil {
		return err
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{temp}, rows.columns, pgx.CopyFromSlice(len(rows.rows), func(i int) ([]any, error) {
		out := make([]any, len(rows.rows[i]))
		for j, v := range rows.rows[i] {
			if out[j] = v; v == "" {
				out[j] = nil
			}
		}
		return out, nil
	}))
	if err != nil {
		return err
	}
	typed, err := casts(ctx, tx, table, rows.columns)
	if err != nil {
		return err
	}
	order, old, fresh := key, []string{}, []string{}
	if newer != "" {
		order += ", " + newer + " desc"
	}
	for _, c := range rows.columns {
		old, fresh = append(old, "t."+c), append(fresh, "excluded."+c)
	}
	where := fmt.Sprintf("(%s) is distinct from (%s)", strings.Join(old, ", "), strings.Join(fresh, ", "))
	if newer != "" {
		where += fmt.Sprintf(" and excluded.%s > t.%s", newer, newer)
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("insert into %s as t (%s) select distinct on (%s) %s from %s order by %s on conflict (%s) do update set (%s) = row(%s) where %s",
		table, strings.Join(rows.columns, ", "), key, strings.Join(typed, ", "), temp, order, key,
		strings.Join(rows.columns, ", "), strings.Join(fresh, ", "), where))
	return err
}

// casts are the columns of a table, each from its text.
func casts(ctx context.Context, tx pgx.Tx, table string, columns []string) ([]string, error) {
	rows, err := tx.Query(ctx, `select quote_ident(attname) || '::' || format_type(atttypid, atttypmod) || ' as ' || quote_ident(attname), attname
		from pg_attribute where attrelid = $1::regclass and attname = any($2)`, table, columns)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(columns))
	var expression, name string
	_, err = pgx.ForEachRow(rows, []any{&expression, &name}, func() error {
		out[slices.Index(columns, name)] = expression
		return nil
	})
	return out, err
}
