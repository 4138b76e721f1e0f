package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/sink"
)

// chunk is how many bytes are encoded before they are handed to the connection.
const chunk = 256 << 10

// copier sends rows to the server: one goroutine lets the engine compute and encodes, while another writes what is ready.
type copier struct {
	encoder  *encoder
	key      []int // columns that name a row
	refusals *sink.Refusals
	brought  int64 // rows that came, those refused among them
	bytes    int64

	full, free chan []byte
	err        error // of the encoding side, once full is closed
	rest       []byte
	whole      []byte
}

// copyRows sends rows into a table.
func (a *applying) copyRows(ctx context.Context, into string, cols []placed, rows record.Reader, asText bool) (*copier, error) {
	c := &copier{encoder: newEncoder(cols, asText), refusals: a.refusals, full: make(chan []byte, 2), free: make(chan []byte, 3)}
	for range cap(c.free) {
		c.free <- make([]byte, 0, chunk+chunk/4)
	}
	for i, p := range cols {
		if holds(a.d.Key, p.Name) {
			c.key = append(c.key, i)
		}
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		c.err = c.encode(inner, rows)
		close(c.full)
	}()
	_, err := a.load.conn.PgConn().CopyFrom(ctx, c, "COPY "+into+" ("+names(cols)+") FROM STDIN (FORMAT binary)")
	cancel()
	for range c.full { // until the encoder has ended
	}
	switch {
	case c.err != nil && !(err != nil && errors.Is(c.err, context.Canceled) && ctx.Err() == nil):
		return c, c.err // the server only says that it was told to stop
	case err != nil:
		return c, fmt.Errorf("load rows into %s: %w", into, postgres.Classify(ctx, err))
	}
	return c, nil
}

// Read gives what is encoded; it is the connection's side.
func (c *copier) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.whole != nil {
			c.free <- c.whole[:0]
			c.whole = nil
		}
		next, ok := <-c.full
		if !ok {
			if c.err != nil {
				return 0, c.err
			}
			return 0, io.EOF
		}
		c.whole, c.rest = next, next
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// encode turns all rows into bytes.
func (c *copier) encode(ctx context.Context, rows record.Reader) error {
	b, err := c.next(ctx, nil)
	if err != nil {
		return err
	}
	b = append(b, signature...)
	for {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		b, err = c.batch(ctx, b, batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
	_, err = c.next(ctx, append(b, trailer...))
	return err
}

func (c *copier) batch(ctx context.Context, b []byte, batch arrow.RecordBatch) (_ []byte, err error) {
	if err := c.encoder.bind(batch); err != nil {
		return b, err
	}
	for i := range int(batch.NumRows()) {
		start := len(b)
		var column int
		var reason string
		if b, column, reason = c.encoder.row(b, i); reason != "" {
			b = b[:start]
			if err := c.refusals.Add(c.refusal(batch, i, column, reason), -1); err != nil {
				return b, err
			}
		}
		if len(b) >= chunk {
			if b, err = c.next(ctx, b); err != nil {
				return b, err
			}
		}
	}
	c.brought += batch.NumRows()
	return b, nil
}

// next hands over a buffer and gives an empty one.
func (c *copier) next(ctx context.Context, b []byte) ([]byte, error) {
	if b != nil {
		c.bytes += int64(len(b))
		select {
		case c.full <- b:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case b = <-c.free:
		if cap(b) > 8*chunk { // one huge row does not keep its room
			b = make([]byte, 0, chunk+chunk/4)
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refusal tells of a row that has a value which the server does not have.
func (c *copier) refusal(batch arrow.RecordBatch, row, column int, reason string) sink.Refusal {
	f := sink.Refusal{Column: c.encoder.columns[column].name, Reason: reason}
	var keys, values []string
	for _, k := range c.key {
		keys, values = append(keys, c.encoder.columns[k].name), append(values, batch.Column(k).ValueStr(row))
	}
	f.Key = keyText(keys, values)
	one := batch.NewSlice(int64(row), int64(row)+1)
	defer one.Release()
	if text, err := one.MarshalJSON(); err == nil {
		f.Raw = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(text)), "["), "]"))
	}
	return f
}

func holds(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// keyText names a row by its key.
func keyText(names, values []string) string {
	if len(names) == 0 {
		return ""
	}
	return "(" + strings.Join(names, ", ") + ") = (" + strings.Join(values, ", ") + ")"
}
