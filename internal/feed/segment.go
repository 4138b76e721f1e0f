package feed

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// segment is a run of changes of one table with the same columns, in a file of Arrow's stream format.
type segment struct {
	path    string
	columns []job.Column
	rows    int64
	rejects []record.Reject
	refs    atomic.Int64 // the hub, and backlogs that are read

	file *os.File
	buf  *bufio.Writer
	to   *ipc.Writer // nil until the first batch
}

// mostRejects is how many changes a segment turns away before the reading stops: they are held in memory.
const mostRejects = 100_000

func newSegment(path string, columns []job.Column) (*segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return nil, spoolError(err)
	}
	s := &segment{path: path, columns: columns, file: f, buf: bufio.NewWriterSize(f, 1<<20)}
	s.refs.Store(1)
	return s, nil
}

func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "keep changes on disk: %w", err)
}

func (s *segment) add(c Changes) error {
	s.rejects = append(s.rejects, c.Rejects...)
	if len(s.rejects) > mostRejects {
		return fault.New(fault.Data, "more than %d changes of %s do not fit; the last: %s", mostRejects, c.Table, s.rejects[len(s.rejects)-1].Reason)
	}
	if c.Batch == nil {
		return nil
	}
	if s.to == nil {
		s.to = ipc.NewWriter(s.buf, ipc.WithSchema(c.Batch.Schema()))
	}
	s.rows += c.Batch.NumRows()
	return spoolError(s.to.Write(c.Batch))
}

func (s *segment) finish() error {
	if s.file == nil {
		return nil
	}
	var err error
	if s.to != nil {
		err = s.to.Close()
	}
	err = errors.Join(err, s.buf.Flush(), s.file.Close())
	s.file, s.buf, s.to = nil, nil, nil
	return spoolError(err)
}

// release lets go of the segment; the last one to do so removes it.
func (s *segment) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	if s.file != nil {
		_ = s.file.Close() // it is being thrown away
	}
	_ = os.Remove(s.path)
}

func sameColumns(a, b []job.Column) bool {
	return slices.EqualFunc(a, b, func(x, y job.Column) bool { return x.Name == y.Name && x.Type == y.Type })
}

// open reads the segment's batches again.
func (s *segment) open(pool *record.Pool) (*reading, error) {
	if s.rows == 0 {
		return nil, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, spoolError(err)
	}
	r, err := ipc.NewReader(bufio.NewReaderSize(f, 1<<20), ipc.WithAllocator(pool))
	if err != nil {
		return nil, errors.Join(spoolError(err), f.Close())
	}
	return &reading{file: f, from: r}, nil
}

// reading is an open segment.
type reading struct {
	file *os.File
	from *ipc.Reader
}

// next gives a batch, which the caller releases; nil at the end.
func (r *reading) next() (arrow.RecordBatch, error) {
	if !r.from.Next() {
		return nil, spoolError(r.from.Err())
	}
	batch := r.from.RecordBatch()
	batch.Retain()
	return batch, nil
}

func (r *reading) close() {
	r.from.Release()
	_ = r.file.Close() // it was only read
}
