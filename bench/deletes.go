package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite"

	"weir/internal/lake"
)

// runDeletes is a child process that deletes rows of raw.lineitem as other tools do, merge on read: bench deletes LAKE ORDERS.
// Of the orders from 1 to ORDERS every tenth goes by equality deletes; then 2 % of the rows, those of 200 suppliers, by
// position deletes.
func runDeletes(ctx context.Context, args []string) error {
	var orders int64
	if len(args) != 2 {
		return errors.New("usage: bench deletes LAKE ORDERS")
	}
	if _, err := fmt.Sscan(args[1], &orders); err != nil {
		return fmt.Errorf("read number of orders: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(args[0], "catalog.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return fmt.Errorf("open catalog: %w", err)
	}
	defer db.Close()
	cat, err := sqlcat.NewCatalog(lake.CatalogName, db, sqlcat.SQLite, iceberg.Properties{"warehouse": "file:///none"})
	if err != nil {
		return fmt.Errorf("open catalog: %w", err)
	}
	for _, remove := range []func(context.Context, *table.Table) (*table.Transaction, error){
		func(ctx context.Context, t *table.Table) (*table.Transaction, error) {
			return byEquality(ctx, t, orders)
		},
		byPosition,
	} {
		t, err := cat.LoadTable(ctx, table.Identifier{"raw", "lineitem"})
		if err != nil {
			return fmt.Errorf("load table: %w", err)
		}
		tx, err := remove(ctx, t)
		if err != nil {
			return fmt.Errorf("delete rows: %w", err)
		}
		if _, err := tx.Commit(ctx); err != nil {
			return fmt.Errorf("delete rows: %w", err)
		}
	}
	return nil
}

func byEquality(ctx context.Context, t *table.Table, orders int64) (*table.Transaction, error) {
	field, ok := t.Schema().FindFieldByName("l_orderkey")
	if !ok {
		return nil, errors.New("the table has no l_orderkey")
	}
	schema, err := table.SchemaToArrowSchema(iceberg.NewSchema(0, field), nil, true, false)
	if err != nil {
		return nil, err
	}
	keys := array.NewInt64Builder(memory.DefaultAllocator)
	for order := int64(10); order <= orders; order += 10 {
		keys.Append(order)
	}
	batch := array.NewRecordBatch(schema, []arrow.Array{keys.NewArray()}, -1)
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		return nil, err
	}
	tx := t.NewTransaction()
	files, err := tx.WriteEqualityDeletes(ctx, []int{field.ID}, array.IterFromReader(reader))
	if err != nil {
		return nil, err
	}
	return tx, tx.NewRowDelta(nil).AddDeletes(files...).Commit(ctx)
}

func byPosition(ctx context.Context, t *table.Table) (*table.Transaction, error) {
	tx := t.NewTransaction()
	if err := tx.SetProperties(iceberg.Properties{"write.delete.mode": "merge-on-read"}); err != nil {
		return nil, err
	}
	return tx, tx.Delete(ctx, iceberg.LessThanEqual(iceberg.Reference("l_suppkey"), int64(200)), nil)
}
