package sink

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/record"
)

// RowEncoder writes rows in the form that a system takes them in.
type RowEncoder interface {
	// Bind points at the values of a batch.
	Bind(b arrow.RecordBatch) error
	// Row adds a row of the bound batch to b. Where a value is one that the system does not have, it gives the column and why,
	// and what was added is worth nothing.
	Row(b []byte, i int) (out []byte, column int, reason string)
}

// chunk is how many bytes are encoded before they are handed over.
const chunk = 256 << 10

// Pipe sends rows to a system: one goroutine lets the engine compute, and encodes, while another writes what is ready to the
// connection. At most three chunks are under way (promise 5).
type Pipe struct {
	Brought int64 // rows that came, those refused among them; once the pipe has ended
	Bytes   int64

	encoder       RowEncoder
	head, tail    string
	names         []string // of the columns
	key           []int    // columns that name a row
	refusals      *Refusals
	full, free    chan []byte
	err           error // of the encoding side, once full is closed
	current, rest []byte
	cancel        context.CancelFunc
}

// NewPipe makes a pipe. head comes before the rows, tail after them. key are the columns that name a row.
func NewPipe(e RowEncoder, head, tail string, names, key []string, refusals *Refusals) *Pipe {
	p := &Pipe{encoder: e, head: head, tail: tail, names: names, refusals: refusals, full: make(chan []byte, 2), free: make(chan []byte, 3)}
	for range cap(p.free) {
		p.free <- make([]byte, 0, chunk+chunk/4)
	}
	for i, name := range names {
		if slices.ContainsFunc(key, func(k string) bool { return strings.EqualFold(k, name) }) {
			p.key = append(p.key, i)
		}
	}
	return p
}

// Start begins to encode rows.
func (p *Pipe) Start(ctx context.Context, rows record.Reader) {
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		p.err = p.encode(ctx, rows)
		close(p.full)
	}()
}

// End waits until the encoding side has ended, and gives the error of the whole: cause is the connection's. Where both failed, one
// failed because of the other.
func (p *Pipe) End(ctx context.Context, cause error) error {
	p.cancel()
	for range p.full {
	}
	if p.err != nil && (cause == nil || !errors.Is(p.err, context.Canceled) || ctx.Err() != nil) {
		return p.err // the system only says that it was told to stop
	}
	return cause
}

// Read gives what is encoded, as an io.Reader.
func (p *Pipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		next, err := p.Chunk()
		if err != nil {
			return 0, err
		}
		p.rest = next
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Chunk gives whole rows, until the next call; io.EOF after the last.
func (p *Pipe) Chunk() ([]byte, error) {
	if p.current != nil {
		p.free <- p.current[:0]
		p.current = nil
	}
	next, ok := <-p.full
	if !ok {
		if p.err != nil {
			return nil, p.err
		}
		return nil, io.EOF
	}
	p.current = next
	return next, nil
}

// encode turns all rows into bytes.
func (p *Pipe) encode(ctx context.Context, rows record.Reader) error {
	b, err := p.next(ctx, nil)
	if err != nil {
		return err
	}
	b = append(b, p.head...)
	for {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		b, err = p.batch(ctx, b, batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
	if b = append(b, p.tail...); len(b) > 0 {
		_, err = p.next(ctx, b)
	}
	return err
}

func (p *Pipe) batch(ctx context.Context, b []byte, batch arrow.RecordBatch) (_ []byte, err error) {
	if err := p.encoder.Bind(batch); err != nil {
		return b, err
	}
	for i := range int(batch.NumRows()) {
		start := len(b)
		var column int
		var reason string
		if b, column, reason = p.encoder.Row(b, i); reason != "" {
			b = b[:start]
			if err := p.refusals.Add(p.refusal(batch, i, column, reason), -1); err != nil {
				return b, err
			}
		}
		if len(b) >= chunk {
			if b, err = p.next(ctx, b); err != nil {
				return b, err
			}
		}
	}
	p.Brought += batch.NumRows()
	return b, nil
}

// next hands over a buffer and gives an empty one.
func (p *Pipe) next(ctx context.Context, b []byte) ([]byte, error) {
	if b != nil {
		p.Bytes += int64(len(b))
		select {
		case p.full <- b:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case b = <-p.free:
		if cap(b) > 8*chunk { // one huge row does not keep its room
			b = make([]byte, 0, chunk+chunk/4)
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refusal tells of a row that has a value which the system does not have.
func (p *Pipe) refusal(batch arrow.RecordBatch, row, column int, reason string) Refusal {
	f := Refusal{Column: p.names[column], Reason: reason}
	var keys, values []string
	for _, k := range p.key {
		keys, values = append(keys, p.names[k]), append(values, batch.Column(k).ValueStr(row))
	}
	f.Key = KeyText(keys, values)
	one := batch.NewSlice(int64(row), int64(row)+1)
	defer one.Release()
	if text, err := one.MarshalJSON(); err == nil {
		f.Raw = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(text)), "["), "]"))
	}
	return f
}

// KeyText names a row by its key: (day, store) = (2026-03-01, 7).
func KeyText(names, values []string) string {
	if len(names) == 0 {
		return ""
	}
	return "(" + strings.Join(names, ", ") + ") = (" + strings.Join(values, ", ") + ")"
}
