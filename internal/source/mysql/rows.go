package mysql

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/mysql/value"
)

// Rows reads the snapshot.
func (s *scan) Rows(ctx context.Context) (source.Rows, error) {
	if err := s.fix(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.read.Table, err)
	}
	cols, err := s.Columns(ctx)
	if err != nil {
		return nil, err
	}
	r := &rows{scan: s, cols: cols, pool: record.NewPool(), batches: make(chan arrow.RecordBatch, 2), stop: make(chan struct{})}
	b, err := record.NewBuilder(cols, r.pool)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.read.Table, err)
	}
	r.schema = b.Schema()
	go r.run(ctx, b)
	return r, nil
}

// rows are those of one pass over a scan.
type rows struct {
	scan    *scan
	cols    []job.Column
	pool    *record.Pool
	schema  *arrow.Schema
	batches chan arrow.RecordBatch
	stop    chan struct{} // closed by Close
	once    sync.Once
	err     error // set before batches is closed

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

// Next gives the next batch.
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

// Close stops the reading and leaves the connection, which holds the snapshot, as it was.
func (r *rows) Close() error {
	r.once.Do(func() {
		close(r.stop)
		for batch := range r.batches {
			batch.Release()
		}
		r.pool.Close()
	})
	return nil
}

// run reads all rows. Where the reader goes away in the middle, the server is told to end the query, not the session: its
// snapshot may be read once more.
func (r *rows) run(ctx context.Context, b *record.Builder) {
	defer close(r.batches)
	defer b.Release()
	answer, err := r.scan.conn.Query(ctx, r.scan.selectSQL())
	if err != nil {
		r.err = err
		return
	}
	defer answer.Close()
	ended := make(chan struct{})
	var killed sync.WaitGroup
	killed.Go(func() {
		select {
		case <-r.stop:
			r.kill(ctx, ended)
		case <-ended:
		}
	})
	d := decoder{rows: r, builder: b, cells: r.cells(b)}
	if r.err = d.all(ctx, answer); r.err == errStopped {
		_ = answer.Drain() // ends with the error of the killed query
	}
	close(ended)
	killed.Wait()
}

// kill ends the query that is running unless it ends by itself. Without another connection it is read to its end.
func (r *rows) kill(ctx context.Context, ended <-chan struct{}) {
	c, err := r.scan.at.Dial(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	select {
	case <-ended:
	default:
		_ = c.Exec(ctx, fmt.Sprintf("KILL QUERY %d", r.scan.conn.Server.Thread))
	}
}

func (r *rows) cells(b *record.Builder) []value.Cell {
	cells := make([]value.Cell, len(r.scan.columns))
	for i, c := range r.scan.columns {
		cells[i] = value.NewCell(c, &b.Columns[i], r.scan.reader.maxValue())
	}
	return cells
}

// errStopped says that nobody wants further rows.
var errStopped = fault.New(fault.Canceled, "the reading was stopped")

// decoder makes columns of rows.
type decoder struct {
	rows    *rows
	builder *record.Builder
	cells   []value.Cell
}

func (d *decoder) all(ctx context.Context, answer *wire.Rows) error {
	for {
		row, err := answer.Next()
		if err != nil {
			if err == io.EOF {
				return d.send(ctx)
			}
			over, ok := err.(*wire.Oversize)
			if !ok {
				return err
			}
			if d.rows.scan.cursor.had(over.Head) {
				continue
			}
			reason := fmt.Sprintf("the row has %d bytes, more than max_value_bytes", over.Size)
			if err := d.rows.turnAway(d.tooLong(over.Head), reason, over.Head); err != nil {
				return err
			}
			continue
		}
		if err := d.row(row); err != nil {
			return err
		}
		if d.builder.Full() || len(row) > 1<<16 && d.builder.Heavy() {
			if err := d.send(ctx); err != nil {
				return err
			}
		}
	}
}

// row decodes one row. Behind the columns a read by cursor has the cursor's value.
func (d *decoder) row(whole wire.Row) error {
	row := whole
	for i := range d.cells {
		v, null, ok := row.Next()
		switch {
		case !ok:
			return fault.New(fault.Unavailable, "a row ends before its last column")
		case null:
			d.cells[i].Null()
			continue
		}
		if flaw := d.cells[i].FromText(v); flaw != value.OK {
			d.builder.Undo()
			return d.rows.turnAway(d.cells[i].Name, flaw.String(), whole)
		}
	}
	if c := d.rows.scan.cursor; c != nil {
		if v, _, ok := row.Next(); ok && c.read(v, whole) {
			d.builder.Undo()
			return nil
		}
	}
	if d.rows.scan.reader.log {
		d.mark()
	}
	d.builder.EndRow()
	return nil
}

// mark makes the row one of a log of changes: it was there when the log began.
func (d *decoder) mark() {
	own := d.builder.Columns[len(d.cells):]
	own[0].Text(feed.OpRead)
	own[1].Int64(d.rows.scan.read.Time.UnixMicro())
	own[2].Text(d.rows.scan.startText())
	own[3].Null()
}

// tooLong names the column whose value is not whole in what was kept of a row.
func (d *decoder) tooLong(head wire.Row) string {
	for i := range d.cells {
		if _, _, ok := head.Next(); !ok {
			return d.cells[i].Name
		}
	}
	return "a value"
}

// send hands the rows gathered on.
func (d *decoder) send(ctx context.Context) error {
	if d.builder.Rows() == 0 {
		return nil
	}
	batch := d.builder.Take()
	select {
	case d.rows.batches <- batch:
		return nil
	case <-d.rows.stop:
		batch.Release()
		return errStopped
	case <-ctx.Done():
		batch.Release()
		return ctx.Err()
	}
}
