package duckdb

/*
#include <stdint.h>
#include <stdlib.h>

// From duckdb.h, which comes with the library we link: makes a temporary view over an Arrow stream. The library's own Go
// wrapper of it stands behind a build tag.
int duckdb_arrow_scan(void *connection, const char *name, void *stream);

// The layout of a stream in Arrow's C interface: four functions and a pointer.
struct weir_stream { void *call[4]; void *data; };
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// Batches makes rows that come in batches readable as a view of the session, once: the first statement that reads the view uses
// them up. It has to take every column and every row: DuckDB tells a stream neither which columns nor which rows it wants, and
// takes what it gets for those. An error of the reader becomes the error of that statement, as it is. release ends the reader and drops the view; it
// must be called, and not while a statement runs.
func (s *Session) Batches(ctx context.Context, name string, r record.Reader) (release func() error, err error) {
	end, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer end()
	in := &incoming{ctx: ctx, from: r}
	in.refs.Store(1)
	stream := C.calloc(1, C.sizeof_struct_weir_stream)
	cdata.ExportRecordReader(in, (*cdata.CArrowArrayStream)(stream))
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	free := sync.OnceValue(func() error {
		delete(s.incoming, name)
		cdata.ReleaseCArrowArrayStream((*cdata.CArrowArrayStream)(stream))
		C.free(stream)
		return r.Close()
	})
	if C.duckdb_arrow_scan(s.raw.Ptr, text, stream) != 0 {
		return nil, errors.Join(fault.New(fault.Internal, "read batches: DuckDB does not take columns of these types: %s", r.Schema()), free())
	}
	s.incoming[name] = in
	return func() error {
		return errors.Join(s.Exec(context.WithoutCancel(ctx), "DROP VIEW IF EXISTS "+job.Quote(s.name)+".main."+job.Quote(name)), free())
	}, nil
}

// reads gives the error of a reader of batches in the place of what DuckDB made of it.
func (s *Session) reads(err error) error {
	if err == nil {
		return nil
	}
	for _, in := range s.incoming {
		if cause := in.cause(); cause != nil {
			return cause
		}
	}
	return err
}

// incoming is a record.Reader as Arrow's C interface reads one.
type incoming struct {
	ctx   context.Context
	from  record.Reader
	batch arrow.RecordBatch
	refs  atomic.Int64

	mu  sync.Mutex // guards err: DuckDB's threads read, the caller asks
	err error
}

var _ array.RecordReader = (*incoming)(nil)

func (in *incoming) cause() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// Err tells why Next gave false.
func (in *incoming) Err() error { return in.cause() }

// Schema is the shape of the batches.
func (in *incoming) Schema() *arrow.Schema { return in.from.Schema() }

// Next reads a batch. DuckDB asks from one thread at a time.
func (in *incoming) Next() bool {
	in.drop()
	if in.cause() != nil {
		return false
	}
	batch, err := in.next()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err != nil {
		in.mu.Lock()
		in.err = err
		in.mu.Unlock()
		return false
	}
	in.batch = batch
	return true
}

// next keeps a panic of a reader from unwinding through C.
func (in *incoming) next() (batch arrow.RecordBatch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "read batches: %w", fmt.Errorf("panic: %v", p))
		}
	}()
	return in.from.Next(in.ctx)
}

func (in *incoming) drop() {
	if in.batch != nil {
		in.batch.Release()
		in.batch = nil
	}
}

// Record is RecordBatch under its older name.
func (in *incoming) Record() arrow.RecordBatch { return in.batch }

// RecordBatch is the batch that was read.
func (in *incoming) RecordBatch() arrow.RecordBatch { return in.batch }

// Retain adds a holder.
func (in *incoming) Retain() { in.refs.Add(1) }

// Release takes a holder away.
func (in *incoming) Release() {
	if in.refs.Add(-1) == 0 {
		in.drop()
	}
}
