package duckdb

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/job"
	"weir/internal/record"
)

// Rows is Stream for those that know of no engine: it hands out batches that the caller releases.
func (s *Session) Rows(ctx context.Context, sql string, p job.Params) (record.Reader, error) {
	st, err := s.Stream(ctx, sql, p)
	if err != nil {
		return nil, err
	}
	return &rowReader{st: st}, nil
}

type rowReader struct {
	st     *Stream
	closed bool
}

func (r *rowReader) Schema() *arrow.Schema { return r.st.Schema() }

// Next reads under the context the stream was started with as well.
func (r *rowReader) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !r.st.Next() {
		if err := r.st.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	batch := r.st.RecordBatch()
	batch.Retain()
	return batch, nil
}

func (r *rowReader) Close() error {
	if !r.closed {
		r.closed = true
		r.st.Release()
	}
	return nil
}
