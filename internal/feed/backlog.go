package feed

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// Backlog are changes of one table, which can be read more than once.
type Backlog struct {
	segments []*segment
	pool     *record.Pool
}

// Rows is how many changes there are, rejected ones not among them.
func (b *Backlog) Rows() (n int64) {
	for _, s := range b.segments {
		n += s.rows
	}
	return n
}

// Empty says whether there is nothing, not even a reject.
func (b *Backlog) Empty() bool { return b.Rows() == 0 && len(b.Rejects()) == 0 }

// Rejects are the changes that could not be taken.
func (b *Backlog) Rejects() (out []record.Reject) {
	for _, s := range b.segments {
		out = append(out, s.rejects...)
	}
	return out
}

// Close lets go of the changes. It may be called twice.
func (b *Backlog) Close() {
	forget(b.segments)
	b.segments = nil
}

// Columns are the table's columns and those of a change: all that stand in any segment, typed as in the last that has them. In
// changes from before a column came, and after it went, it is null. Without changes they are those that are known.
func (b *Backlog) Columns(known []job.Column) []job.Column {
	var own []job.Column
	if len(b.segments) == 0 {
		own = slices.DeleteFunc(slices.Clone(known), func(c job.Column) bool { return at(Columns(), c.Name) >= 0 })
	}
	for _, s := range b.segments {
		for _, c := range s.columns {
			if i := at(own, c.Name); i >= 0 {
				own[i] = c
			} else {
				own = append(own, c)
			}
		}
	}
	return append(own, Columns()...)
}

func at(cols []job.Column, name string) int {
	for i, c := range cols {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// Read begins to read the changes.
func (b *Backlog) Read(known []job.Column) (*Reader, error) {
	builder, err := record.NewBuilder(b.Columns(known), b.pool)
	if err != nil {
		return nil, err
	}
	return &Reader{backlog: b, schema: builder.Schema()}, nil
}

// Reader reads a backlog in batches of one shape.
type Reader struct {
	backlog *Backlog
	schema  *arrow.Schema
	next    int
	now     *reading
}

var _ record.Reader = (*Reader)(nil)

// Schema is the shape of the batches.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Next gives the next batch.
func (r *Reader) Next(ctx context.Context) (arrow.RecordBatch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.now == nil {
			if r.next == len(r.backlog.segments) {
				return nil, io.EOF
			}
			var err error
			if r.now, err = r.backlog.segments[r.next].open(r.backlog.pool); err != nil {
				return nil, err
			}
			r.next++
			continue
		}
		batch, err := r.now.next()
		if err != nil {
			return nil, err
		}
		if batch != nil {
			return r.shaped(ctx, batch)
		}
		r.now.close()
		r.now = nil
	}
}

// Close ends the reading.
func (r *Reader) Close() error {
	if r.now != nil {
		r.now.close()
		r.now = nil
	}
	r.next = len(r.backlog.segments)
	return nil
}

// shaped gives a batch the columns of all.
func (r *Reader) shaped(ctx context.Context, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	if batch.Schema().Equal(r.schema) {
		return batch, nil
	}
	defer batch.Release()
	arrays := make([]arrow.Array, r.schema.NumFields())
	defer func() {
		for _, a := range arrays {
			if a != nil {
				a.Release()
			}
		}
	}()
	for i, f := range r.schema.Fields() {
		found := batch.Schema().FieldIndices(f.Name)
		if len(found) == 0 {
			arrays[i] = array.MakeArrayOfNull(r.backlog.pool, f.Type, int(batch.NumRows()))
			continue
		}
		a, err := widened(ctx, batch.Column(found[0]), f.Type)
		if err != nil {
			return nil, fault.New(fault.Data, "column %q changed its type from %s to %s among the changes, which is not a widening: %w", f.Name, batch.Column(found[0]).DataType(), f.Type, err).
				WithHint("read the table anew with --full")
		}
		arrays[i] = a
	}
	return array.NewRecordBatch(r.schema, arrays, batch.NumRows()), nil
}

// widened gives an array another type where no value can change by that.
func widened(ctx context.Context, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	if arrow.TypeEqual(a.DataType(), to) {
		a.Retain()
		return a, nil
	}
	if !widens(a.DataType(), to) {
		return nil, fmt.Errorf("values of %s are not all values of %s", a.DataType(), to)
	}
	return compute.CastArray(ctx, a, compute.SafeCastOptions(to))
}

func widens(from, to arrow.DataType) bool {
	switch from.ID() {
	case arrow.INT32:
		return to.ID() == arrow.INT64
	case arrow.FLOAT32:
		return to.ID() == arrow.FLOAT64
	case arrow.DECIMAL128:
		f, t, ok := decimals(from, to)
		return ok && t.Scale >= f.Scale && t.Precision-t.Scale >= f.Precision-f.Scale
	}
	return false
}

func decimals(a, b arrow.DataType) (x, y *arrow.Decimal128Type, ok bool) {
	x, okX := a.(*arrow.Decimal128Type)
	y, okY := b.(*arrow.Decimal128Type)
	return x, y, okX && okY
}
