package record

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// Reader hands out rows of one shape in batches.
type Reader interface {
	Schema() *arrow.Schema
	// Next gives the next batch, which the caller releases; io.EOF after the last.
	Next(ctx context.Context) (arrow.RecordBatch, error)
	// Close ends the reading, wherever it stands, and may be called twice.
	Close() error
}
