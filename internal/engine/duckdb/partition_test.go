package duckdb

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/job"
)

// sample is a value as DuckDB and as Iceberg have it.
type sample struct {
	sql, typ string
	lit      iceberg.Literal
	src      iceberg.Type
}

func transform(f job.PartitionField) iceberg.Transform {
	switch f.Transform {
	case "year":
		return iceberg.YearTransform{}
	case "month":
		return iceberg.MonthTransform{}
	case "day":
		return iceberg.DayTransform{}
	case "hour":
		return iceberg.HourTransform{}
	case "bucket":
		return iceberg.BucketTransform{NumBuckets: f.Width}
	}
	return iceberg.TruncateTransform{Width: f.Width}
}

// icebergText writes what Iceberg's own transform gives in the form of job.File.Partition.
func icebergText(t interface{ Fatalf(string, ...any) }, f job.PartitionField, v sample) string {
	got := transform(f).Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: v.lit})
	if !got.Valid {
		t.Fatalf("iceberg: %s of %s has no value", f.Transform, v.sql)
	}
	switch l := got.Val.(type) {
	case iceberg.DateLiteral:
		return fmt.Sprint(int32(l))
	case iceberg.DecimalLiteral:
		return l.Val.ToString(int32(l.Scale))
	case iceberg.StringLiteral:
		return string(l)
	}
	return got.Val.String()
}

func partitionText(s *Session, f job.PartitionField, v sample) (string, error) {
	value, err := partitionValue(f, "v", v.typ)
	if err != nil {
		return "", err
	}
	got, err := s.Strings(context.Background(), "SELECT "+value+" FROM (SELECT CAST("+v.sql+" AS "+v.typ+") AS v)")
	if err != nil {
		return "", err
	}
	return got[0][0].Value, nil
}

func day(n int) sample {
	d := time.Unix(int64(n)*86400, 0).UTC()
	return sample{sql: fmt.Sprintf("DATE '1970-01-01' + %d::INTEGER", n), typ: "DATE", lit: iceberg.DateLiteral(n), src: iceberg.PrimitiveTypes.Date}.check(d)
}

func (v sample) check(time.Time) sample { return v }

func micros(n int64, typ string) sample {
	src := iceberg.Type(iceberg.PrimitiveTypes.Timestamp)
	sql := fmt.Sprintf("make_timestamp(%d)", n)
	if typ != "TIMESTAMP" {
		src, sql = iceberg.PrimitiveTypes.TimestampTz, fmt.Sprintf("make_timestamptz(%d)", n)
	}
	return sample{sql: sql, typ: typ, lit: iceberg.TimestampLiteral(n), src: src}
}

func decimalOf(unscaled *big.Int, digits, scale int) sample {
	n := decimal128.FromBigInt(unscaled)
	return sample{sql: "'" + n.ToString(int32(scale)) + "'", typ: fmt.Sprintf("DECIMAL(%d,%d)", digits, scale),
		lit: iceberg.DecimalLiteral{Val: n, Scale: scale}, src: iceberg.DecimalTypeOf(digits, scale)}
}

// Partition values are those Iceberg computes, over all types and both sides of 1970.
func TestPartitionValues(t *testing.T) {
	s := session(t, open(t, Options{Timezone: "America/New_York"}))
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 1000).Draw(t, "width")
		unscaled, _ := new(big.Int).SetString(rapid.StringMatching(`-?[1-9][0-9]{0,36}`).Draw(t, "unscaled"), 10)
		small := big.NewInt(rapid.Int64Range(-99999, 99999).Draw(t, "small"))
		n32, n64 := rapid.Int32Range(-2147480000, 2147483647).Draw(t, "n32"), rapid.Int64Range(-9223372036854770000, 9223372036854775807).Draw(t, "n64")
		text := strings.ReplaceAll(rapid.StringN(0, 8, 40).Draw(t, "text"), "\x00", "")
		at := rapid.Int64Range(-5e16, 5e16).Draw(t, "at")
		blob := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "blob")
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		values := map[string][]sample{
			"year month day": {day(rapid.IntRange(-500000, 500000).Draw(t, "day")), micros(at, "TIMESTAMP"), micros(at, "TIMESTAMP WITH TIME ZONE")},
			"hour":           {micros(at, "TIMESTAMP"), micros(at, "TIMESTAMP WITH TIME ZONE")},
			"truncate bucket": {
				{sql: fmt.Sprint(n32), typ: "INTEGER", lit: iceberg.Int32Literal(n32)},
				{sql: fmt.Sprint(n64), typ: "BIGINT", lit: iceberg.Int64Literal(n64)},
				decimalOf(unscaled, 38, 10), decimalOf(small, 5, 0), decimalOf(small, 6, 2), decimalOf(small, 5, 5),
				{sql: job.Literal(text), typ: "VARCHAR", lit: iceberg.StringLiteral(text)},
			},
			"bucket": {
				day(rapid.IntRange(-500000, 500000).Draw(t, "day2")), micros(at, "TIMESTAMP"), micros(at, "TIMESTAMP WITH TIME ZONE"),
				{sql: job.Literal(id.String()), typ: "UUID", lit: iceberg.UUIDLiteral(id)},
				{sql: fmt.Sprintf("unhex('%x')", blob), typ: "BLOB", lit: iceberg.BinaryLiteral(blob)},
			},
		}
		for names, list := range values {
			for _, name := range strings.Fields(names) {
				for _, v := range list {
					f := job.PartitionField{Name: "f", Column: "v", Transform: name, Width: width}
					got, err := partitionText(s, f, v)
					if err != nil {
						t.Fatalf("%s(%d) of %s %s: %v", name, width, v.typ, v.sql, err)
					}
					if want := icebergText(t, f, v); got != want {
						t.Fatalf("%s(%d) of %s %s: %s, Iceberg has %s", name, width, v.typ, v.sql, got, want)
					}
				}
			}
		}
	})
}

func TestPartitionIdentity(t *testing.T) {
	s := session(t, open(t, Options{Timezone: "Asia/Tokyo"}))
	for _, c := range []struct{ sql, typ, transform, want string }{
		{"'2026-01-02 03:04:05.5+09'", "TIMESTAMP WITH TIME ZONE", "identity", "2026-01-01 18:04:05.5+00"},
		{"'2026-01-02 03:04:05.5'", "TIMESTAMP", "identity", "2026-01-02 03:04:05.5"},
		{"true", "BOOLEAN", "identity", "true"},
		{"-0.05", "DECIMAL(4,2)", "identity", "-0.05"},
		{"'ab'::BLOB", "BLOB", "identity", "ab"},
		{"unhex('00ff41')", "BLOB", "truncate", `\x00\xFF`},
		{"-1", "INTEGER", "truncate", "-2"},
		{"-0.05", "DECIMAL(4,2)", "truncate", "-0.06"},
		{"'héllo'", "VARCHAR", "truncate", "hé"},
		{"'34'", "INTEGER", "bucket", "1"},
	} {
		got, err := partitionText(s, job.PartitionField{Transform: c.transform, Width: 2}, sample{sql: c.sql, typ: c.typ})
		if err != nil || got != c.want {
			t.Errorf("%s of %s: %q, %v, want %q", c.transform, c.sql, got, err, c.want)
		}
	}
	for _, c := range []struct {
		typ string
		f   job.PartitionField
	}{
		{"VARCHAR", job.PartitionField{Transform: "day"}}, {"DATE", job.PartitionField{Transform: "hour"}}, {"DOUBLE", job.PartitionField{Transform: "bucket", Width: 3}},
		{"INTEGER[]", job.PartitionField{Transform: "truncate", Width: 3}}, {"INTEGER", job.PartitionField{Transform: "bucket"}}, {"INTEGER", job.PartitionField{Transform: "void"}},
		{"VARCHAR", job.PartitionField{Transform: "truncate", Width: -1}},
	} {
		if _, err := partitionValue(c.f, "v", c.typ); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s of %s: %v", c.f.Transform, c.typ, err)
		}
	}
	if got := one(t, s, "SELECT "+bucketLong+"(NULL, 3), "+bucketText+"(NULL, 3)"); got != "NULL|NULL" {
		t.Error(got)
	}
}
