package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"
	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"weir/internal/fault"
	"weir/internal/job"
)

// Stream is a result read batch by batch: DuckDB computes as it is read, so that memory does not grow with the result
// (promise 5; the driver's own queries hold all of it). A batch has at most 2,048 rows. Until Release the session can do
// nothing else. Types that Arrow lacks come as text.
type Stream struct {
	ctx     context.Context
	s       *Session
	end     func() // gives the session back
	columns []job.Column
	schema  *arrow.Schema
	prep    bindings.PreparedStatement
	pending bindings.PendingResult
	result  bindings.Result
	builder *array.RecordBuilder
	readers []appender
	batch   arrow.RecordBatch
	err     error
	refs    atomic.Int64
	stop    chan struct{}
	stopped sync.WaitGroup
}

var _ array.RecordReader = (*Stream)(nil)

// Stream starts a query. The stream must be released.
func (s *Session) Stream(ctx context.Context, sql string, p job.Params) (*Stream, error) {
	cols, err := s.DescribeParams(ctx, sql, p)
	if err != nil {
		return nil, err
	}
	st := &Stream{ctx: ctx, s: s, columns: cols, stop: make(chan struct{})}
	items, fields := make([]string, len(cols)), make([]arrow.Field, len(cols))
	for i, c := range cols {
		// Columns are named by number: two of a result may have one name.
		items[i] = fmt.Sprintf("q.c%d", i)
		typ, ok := arrowType(c.Type)
		if !ok {
			items[i], typ = "CAST("+items[i]+" AS VARCHAR)", arrow.BinaryTypes.String
		}
		fields[i] = arrow.Field{Name: c.Name, Type: typ, Nullable: true}
	}
	st.schema = arrow.NewSchema(fields, nil)
	if st.end, err = s.begin(); err != nil {
		return nil, err
	}
	st.refs.Store(1)
	st.builder = array.NewRecordBuilder(memory.DefaultAllocator, st.schema)
	query := "SELECT " + strings.Join(items, ", ") + " FROM (" + s.resolve(sql) + "\n) AS q(" + aliases(len(cols)) + ")"
	st.watch()
	if err := st.start(query, p); err != nil {
		st.Release()
		return nil, err
	}
	return st, nil
}

func aliases(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return strings.Join(names, ", ")
}

// watch interrupts DuckDB when the context ends, again and again until it has stopped: an interrupt between two steps is lost.
func (st *Stream) watch() {
	st.stopped.Go(func() {
		select {
		case <-st.stop:
			return
		case <-st.ctx.Done():
		}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			mapping.Interrupt(st.s.raw)
			select {
			case <-st.stop:
				return
			case <-tick.C:
			}
		}
	})
}

func (st *Stream) start(query string, p job.Params) error {
	if mapping.Prepare(st.s.raw, query, &st.prep) == mapping.StateError {
		return st.failed(mapping.PrepareError(st.prep))
	}
	if err := bindAll(st.prep, p); err != nil {
		return err
	}
	if bindings.PendingPreparedStreaming(st.prep, &st.pending) == mapping.StateError {
		return st.failed(mapping.PendingError(st.pending))
	}
	if mapping.ExecutePending(st.pending, &st.result) == mapping.StateError {
		return st.failed(mapping.ResultError(&st.result))
	}
	st.readers = make([]appender, st.schema.NumFields())
	for i, b := range st.builder.Fields() {
		var err error
		if st.readers[i], err = newAppender(b, mapping.ColumnLogicalType(&st.result, mapping.IdxT(i))); err != nil {
			return err
		}
	}
	return nil
}

func (st *Stream) failed(msg string) error {
	return classify(st.ctx, &driver.Error{Msg: msg}, -1)
}

// bindAll binds parameters with the same types as arguments does.
func bindAll(prep bindings.PreparedStatement, p job.Params) error {
	for i := mapping.IdxT(1); i <= mapping.NParams(prep); i++ {
		name := mapping.ParameterName(prep, i)
		v, ok := lookup(p, name)
		if !ok {
			return fault.New(fault.Usage, "parameter $%s has no value", name).WithHint("known: %s", strings.Join(names(p), ", "))
		}
		state := mapping.StateSuccess
		switch v := v.(type) {
		case nil:
			state = mapping.BindNull(prep, i)
		case string:
			state = mapping.BindVarcharLength(prep, i, v, mapping.IdxT(len(v)))
		case int64:
			state = mapping.BindInt64(prep, i, v)
		case int:
			state = mapping.BindInt64(prep, i, int64(v))
		case float64:
			state = mapping.BindDouble(prep, i, v)
		case bool:
			state = mapping.BindBoolean(prep, i, v)
		case time.Time:
			state = mapping.BindTimestampTZ(prep, i, mapping.NewTimestamp(v.UnixMicro()))
		default:
			return fault.New(fault.Internal, "parameter $%s: a %T cannot be bound", name, v)
		}
		if state == mapping.StateError {
			return fault.New(fault.Internal, "parameter $%s: %w", name, errors.New(mapping.PrepareError(prep)))
		}
	}
	return nil
}

// Columns are the result's columns with their types in DuckDB's spelling.
func (st *Stream) Columns() []job.Column { return st.columns }

// Schema is the shape of every batch.
func (st *Stream) Schema() *arrow.Schema { return st.schema }

// Next reads the next batch; false at the end or after an error, which Err tells.
func (st *Stream) Next() bool {
	st.drop()
	if st.err != nil {
		return false
	}
	if st.err = st.ctx.Err(); st.err != nil {
		return false
	}
	chunk := mapping.FetchChunk(st.result)
	if chunk.Ptr == nil {
		if msg := mapping.ResultError(&st.result); msg != "" {
			st.err = st.failed(msg)
		} else {
			st.err = st.ctx.Err()
		}
		return false
	}
	defer mapping.DestroyDataChunk(&chunk)
	n := int(mapping.DataChunkGetSize(chunk))
	if n == 0 {
		return false
	}
	st.builder.Reserve(n)
	for i, r := range st.readers {
		r(mapping.DataChunkGetVector(chunk, mapping.IdxT(i)), 0, n)
	}
	st.batch = st.builder.NewRecordBatch()
	return true
}

// RecordBatch is the batch Next has read. It is valid until the next call of Next unless retained.
func (st *Stream) RecordBatch() arrow.RecordBatch { return st.batch }

// Record is RecordBatch under its older name, which arrow-go still asks for.
func (st *Stream) Record() arrow.RecordBatch { return st.batch }

// Err tells why Next gave false; nil at the end of the result.
func (st *Stream) Err() error { return st.err }

// Retain adds a holder.
func (st *Stream) Retain() { st.refs.Add(1) }

// Release takes a holder away; with the last the query ends and the session is free again.
func (st *Stream) Release() {
	if st.refs.Add(-1) != 0 {
		return
	}
	close(st.stop)
	st.stopped.Wait()
	st.drop()
	st.builder.Release()
	mapping.DestroyResult(&st.result)
	mapping.DestroyPending(&st.pending)
	mapping.DestroyPrepare(&st.prep)
	st.end()
}

func (st *Stream) drop() {
	if st.batch != nil {
		st.batch.Release()
		st.batch = nil
	}
}
