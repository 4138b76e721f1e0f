package duckdb

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// numbers is a reader of batches: n rows, then an error or the end.
type numbers struct {
	b      *record.Builder
	left   int
	fails  error
	closed int
}

func (r *numbers) Schema() *arrow.Schema { return r.b.Schema() }

func (r *numbers) Close() error { r.closed++; return nil }

func (r *numbers) Next(context.Context) (arrow.RecordBatch, error) {
	for r.left > 0 && !r.b.Full() {
		r.left--
		r.b.Columns[0].Int64(int64(r.left))
		if r.left%3 == 0 {
			r.b.Columns[1].Null()
		} else {
			r.b.Columns[1].Text("text that is longer than twelve bytes")
		}
		r.b.Columns[2].Decimal(uint64(r.left), 0)
		r.b.Columns[3].UUID([16]byte{15: 7})
		r.b.Columns[4].Item.Int32(int32(r.left))
		r.b.Columns[4].Item.Null()
		r.b.Columns[4].EndList()
		r.b.EndRow()
	}
	if r.b.Rows() > 0 {
		return r.b.Take(), nil
	}
	if r.fails != nil {
		return nil, r.fails
	}
	return nil, io.EOF
}

func newNumbers(t *testing.T, n int, fails error) *numbers {
	pool := record.NewPool()
	t.Cleanup(pool.Close)
	b, err := record.NewBuilder([]job.Column{{Name: "n", Type: "BIGINT"}, {Name: "t", Type: "VARCHAR"}, {Name: "d", Type: "DECIMAL(12,2)"},
		{Name: "u", Type: "UUID"}, {Name: "l", Type: "INTEGER[]"}}, pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Release)
	return &numbers{b: b, left: n, fails: fails}
}

func TestBatches(t *testing.T) {
	ctx, s := t.Context(), session(t, open(t, Options{}))
	r := newNumbers(t, 100_000, nil)
	release, err := s.Batches(ctx, "weir_in", r)
	if err != nil {
		t.Fatal(err)
	}
	cols, err := s.Describe(ctx, "SELECT * FROM weir_in")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"BIGINT", "VARCHAR", "DECIMAL(12,2)", "UUID", "INTEGER[]"} {
		if cols[i].Type != want {
			t.Errorf("%s is %s, not %s", cols[i].Name, cols[i].Type, want)
		}
	}
	rows, err := s.Strings(ctx, "SELECT count(*), sum(n), count(t), sum(d), min(u), sum(l[1]), count(l[2]) FROM weir_in")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"100000", "4999950000", "66666", "49999500.00", "00000000-0000-0000-0000-000000000007", "4999950000", "0"} {
		if rows[0][i].Value != want {
			t.Errorf("value %d is %s, not %s", i, rows[0][i].Value, want)
		}
	}
	if n, err := s.Int(ctx, "SELECT count(*) FROM duckdb_views() WHERE view_name = 'weir_in'"); n != 1 || err != nil {
		t.Errorf("%d views, %v", n, err)
	}
	if err := errors.Join(release(), release()); err != nil || r.closed != 1 {
		t.Errorf("release: %v, closed %d times", err, r.closed)
	}
	if n, err := s.Int(ctx, "SELECT count(*) FROM duckdb_views() WHERE view_name = 'weir_in'"); n != 0 || err != nil {
		t.Errorf("%d views are left, %v", n, err)
	}
}

func TestBatchesThatFail(t *testing.T) {
	ctx, s := t.Context(), session(t, open(t, Options{}))
	cause := fault.New(fault.Unavailable, "the line is cut")
	release, err := s.Batches(ctx, "weir_in", newNumbers(t, 50_000, cause))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Strings(ctx, "SELECT * FROM weir_in"); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if n, err := s.Int(ctx, "SELECT 7"); n != 7 || err != nil {
		t.Errorf("the session is spoilt: %d, %v", n, err)
	}
}
