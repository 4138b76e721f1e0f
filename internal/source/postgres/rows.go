package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/source"
)

// Rows reads all ranges of the snapshot, side by side over several connections.
func (s *scan) Rows(ctx context.Context) (source.Rows, error) {
	if err := s.fix(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.read.Table, err)
	}
	cols, err := s.Columns(ctx)
	if err != nil {
		return nil, err
	}
	r := &rows{scan: s, at: s.startText(), cols: cols, pool: record.NewPool(), batches: make(chan arrow.RecordBatch, 2)}
	first, err := record.NewBuilder(cols, r.pool)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.read.Table, err)
	}
	r.schema = first.Schema()
	ctx, r.cancel = context.WithCancel(ctx)
	go r.run(ctx)
	return r, nil
}

// rows are those of one pass over a scan.
type rows struct {
	scan    *scan
	at      string // position of rows in a log of changes
	cols    []job.Column
	pool    *record.Pool
	schema  *arrow.Schema
	batches chan arrow.RecordBatch
	cancel  context.CancelFunc
	next    atomic.Int64 // the range to read next
	err     error        // set before batches is closed

	mu      sync.Mutex
	rejects []record.Reject
}

var _ source.Rows = (*rows)(nil)

func (r *rows) Schema() *arrow.Schema { return r.schema }

func (r *rows) Columns() []job.Column { return r.cols }

// Rejects are the rows that did not fit.
func (r *rows) Rejects() []record.Reject {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rejects
}

// Next gives the next batch of any range.
func (r *rows) Next(ctx context.Context) (arrow.RecordBatch, error) {
	select {
	case batch, ok := <-r.batches:
		if ok {
			return batch, r.scan.pace.Wait(ctx, batch.NumRows())
		}
		if r.err != nil {
			return nil, fmt.Errorf("read %s: %w", r.scan.read.Table, r.err)
		}
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close stops the reading.
func (r *rows) Close() error {
	r.cancel()
	for batch := range r.batches {
		batch.Release()
	}
	r.pool.Close()
	return nil
}

// run reads with as many connections as there are ranges for, one of the connection's allowance being the snapshot's own.
func (r *rows) run(ctx context.Context) {
	defer close(r.batches)
	ranges := len(r.scan.fixed.ranges)
	workers := max(1, min(ranges, r.scan.server.Connections()-1, mostWorkers))
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { return r.work(gctx) })
	}
	r.err = g.Wait()
}

// mostWorkers is how many ranges are decoded at once; what is after it, writing files, takes as much of the machine again.
const mostWorkers = 4

// work reads ranges until none is left.
func (r *rows) work(ctx context.Context) error {
	c, err := r.join(ctx)
	if err != nil {
		return err
	}
	w, err := hijack(ctx, c)
	if err != nil {
		return errors.Join(err, c.Close(context.WithoutCancel(ctx)))
	}
	defer w.close()
	b, err := record.NewBuilder(r.cols, r.pool)
	if err != nil {
		return err
	}
	defer b.Release()
	d := &decoder{ctx: ctx, rows: r, columns: r.scan.columns, builder: b, most: r.scan.reader.maxValue()}
	for {
		at := int(r.next.Add(1)) - 1
		if at >= len(r.scan.fixed.ranges) {
			return d.send()
		}
		if err := w.copyOut(ctx, r.scan.copySQL(r.scan.fixed.ranges[at]), rowMost*d.most, d); err != nil {
			return err
		}
	}
}

// rowMost is how many times the limit of a value a row may have.
const rowMost = 4

// join opens a connection that sees the scan's snapshot.
func (r *rows) join(ctx context.Context) (*pgx.Conn, error) {
	c, err := r.scan.server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	sql := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if name := r.scan.fixed.name; name != "" {
		sql += "; SET TRANSACTION SNAPSHOT " + quoteLiteral(name)
	}
	sql += "; SET LOCAL application_name = " + quoteLiteral(readerName)
	if encoding(c) == "SQL_ASCII" {
		sql += "; SET LOCAL client_encoding = 'SQL_ASCII'" // else one value that is no UTF-8 would end the whole read
	}
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, errors.Join(fmt.Errorf("join the snapshot: %w", postgres.Classify(ctx, err)), c.Close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// decoder makes columns of one connection's rows.
type decoder struct {
	ctx     context.Context
	rows    *rows
	columns []column
	builder *record.Builder
	most    int // bytes of a value
}

var _ tuples = (*decoder)(nil)

// tuple decodes one row's fields: a length each, -1 for null.
func (d *decoder) tuple(p []byte) error {
	row := p
	for i := range d.columns {
		if len(p) < 4 {
			return errShort
		}
		size := int(int32(binary.BigEndian.Uint32(p)))
		p = p[4:]
		to := &d.builder.Columns[i]
		if size < 0 {
			to.Null()
			continue
		}
		if len(p) < size {
			return errShort
		}
		if size > d.most {
			return d.reject(i, row, &unfit{tooLong(size)})
		}
		if err := d.columns[i].value(to, p[:size]); err != nil {
			return d.reject(i, row, err)
		}
		p = p[size:]
	}
	if d.rows.scan.reader.log {
		d.mark()
	}
	d.builder.EndRow()
	if d.builder.Full() || len(row) > 1<<16 && d.builder.Heavy() {
		return d.send()
	}
	return nil
}

// mark makes the row one of a log of changes: it was there when the log began.
func (d *decoder) mark() {
	own := d.builder.Columns[len(d.columns):]
	own[0].Text(feed.OpRead)
	own[1].Int64(d.rows.scan.read.Time.UnixMicro())
	own[2].Text(d.rows.at)
	own[3].Null()
}

// oversize rejects a row that is too large to be held: for the first value that is, or for its largest.
func (d *decoder) oversize(fields []field, size int) error {
	largest := 0
	for i, f := range fields[:min(len(fields), len(d.columns))] {
		if f.size > d.most {
			return d.turnAway(d.columns[i].name, tooLong(f.size), rawRow(d.columns, fields))
		}
		if f.size > fields[largest].size {
			largest = i
		}
	}
	return d.turnAway(d.columns[largest].name, fmt.Sprintf("and others make a row of %d bytes, more than %d times max_value_bytes", size, rowMost), rawRow(d.columns, fields))
}

func tooLong(size int) string {
	return fmt.Sprintf("is %d bytes long, more than max_value_bytes", size)
}

// send hands the rows gathered on.
func (d *decoder) send() error {
	if d.builder.Rows() == 0 {
		return nil
	}
	batch := d.builder.Take()
	select {
	case d.rows.batches <- batch:
		return nil
	case <-d.ctx.Done():
		batch.Release()
		return d.ctx.Err()
	}
}

// reject turns a row away whose value does not fit; other errors end the read.
func (d *decoder) reject(at int, row []byte, err error) error {
	var u *unfit
	if !errors.As(err, &u) {
		return fault.New(fault.Internal, "column %q: %w", d.columns[at].name, err)
	}
	d.builder.Undo()
	return d.turnAway(d.columns[at].name, u.reason, rawRow(d.columns, fieldsOf(row)))
}
