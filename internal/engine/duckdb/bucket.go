package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"
)

// Names of the functions that compute Iceberg's bucket numbers, by what they hash.
const (
	bucketLong    = "weir_bucket_long"    // whole numbers, dates as days, times and timestamps as microseconds
	bucketText    = "weir_bucket_text"    // strings
	bucketBytes   = "weir_bucket_bytes"   // binary
	bucketDecimal = "weir_bucket_decimal" // decimals as the digits of their unscaled value
	bucketUUID    = "weir_bucket_uuid"    // UUIDs as text
)

// registerBuckets makes the bucket functions known to the whole instance: each takes a value and the number of buckets.
func registerBuckets(conn *sql.Conn) error {
	functions := []struct {
		name  string
		value driver.Type
		of    func(v any) (iceberg.Literal, error)
	}{
		{bucketLong, driver.TYPE_BIGINT, longLiteral},
		{bucketText, driver.TYPE_VARCHAR, textLiteral},
		{bucketBytes, driver.TYPE_BLOB, bytesLiteral},
		{bucketDecimal, driver.TYPE_VARCHAR, decimalLiteral},
		{bucketUUID, driver.TYPE_VARCHAR, uuidLiteral},
	}
	for _, f := range functions {
		b, err := newBucket(f.value, f.of)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := driver.RegisterScalarUDF(conn, f.name, b); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// bucket is a chunk function from a value and a number of buckets to a bucket number; null gives null.
type bucket struct {
	value, number driver.TypeInfo
	of            func(v any) (iceberg.Literal, error)
}

func newBucket(t driver.Type, of func(v any) (iceberg.Literal, error)) (*bucket, error) {
	value, err := driver.NewTypeInfo(t)
	if err != nil {
		return nil, err
	}
	number, err := driver.NewTypeInfo(driver.TYPE_INTEGER)
	if err != nil {
		return nil, err
	}
	return &bucket{value: value, number: number, of: of}, nil
}

// Config describes the function to DuckDB.
func (b *bucket) Config() driver.ScalarFuncConfig {
	return driver.ScalarFuncConfig{InputTypeInfos: []driver.TypeInfo{b.value, b.number}, ResultTypeInfo: b.number}
}

// Executor computes a chunk at a time.
func (b *bucket) Executor() driver.ScalarFuncExecutor {
	return driver.ScalarFuncExecutor{ChunkContextExecutor: b.chunk}
}

func (b *bucket) chunk(_ context.Context, chunk *driver.ChunkIteratorState) error {
	for row, err := range chunk.Rows() {
		if err != nil {
			return err
		}
		n, ok := (*row.GetValuePtr(1)).(int32)
		if !ok {
			return fmt.Errorf("number of buckets is a %T", *row.GetValuePtr(1))
		}
		v, err := b.of(*row.GetValuePtr(0))
		if err != nil {
			return err
		}
		got := iceberg.BucketTransform{NumBuckets: int(n)}.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: v})
		number, ok := got.Val.(iceberg.Int32Literal)
		if !got.Valid || !ok {
			return fmt.Errorf("a %T has no bucket of %d", v, n)
		}
		if err := row.SetResult(int32(number)); err != nil {
			return err
		}
	}
	return nil
}

func longLiteral(v any) (iceberg.Literal, error) {
	n, ok := v.(int64)
	if !ok {
		return nil, fmt.Errorf("a %T is no whole number", v)
	}
	return iceberg.Int64Literal(n), nil
}

func textLiteral(v any) (iceberg.Literal, error) {
	t, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a %T is no text", v)
	}
	return iceberg.StringLiteral(t), nil
}

func bytesLiteral(v any) (iceberg.Literal, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("a %T is not binary", v)
	}
	return iceberg.BinaryLiteral(b), nil
}

func decimalLiteral(v any) (iceberg.Literal, error) {
	digits, _ := v.(string)
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, fmt.Errorf("%q is no unscaled decimal", digits)
	}
	return iceberg.DecimalLiteral{Val: decimal128.FromBigInt(n)}, nil
}

func uuidLiteral(v any) (iceberg.Literal, error) {
	t, _ := v.(string)
	id, err := uuid.Parse(t)
	if err != nil {
		return nil, fmt.Errorf("read uuid: %w", err)
	}
	return iceberg.UUIDLiteral(id), nil
}
