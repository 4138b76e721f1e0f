package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// wire is a connection whose frames are read here: the driver's own COPY hands out one row a call and costs a third more.
type wire struct {
	conn *pgconn.HijackedConn
	buf  []byte
	r, w int // unread bytes are buf[r:w]
	done func() bool
}

// frameBuffer is how many bytes are asked of the network at once.
const frameBuffer = 512 << 10

// hijack takes a connection away from the driver. It must not be in the middle of anything.
func hijack(ctx context.Context, c *pgx.Conn) (*wire, error) {
	raw, err := postgres.Hijack(ctx, c.PgConn())
	if err != nil {
		return nil, err
	}
	w := &wire{conn: raw, buf: make([]byte, frameBuffer)}
	// A context that ends wakes whatever waits on the network.
	w.done = context.AfterFunc(ctx, func() { raw.Conn.SetDeadline(time.Unix(1, 0)) })
	return w, nil
}

// close ends the session at the server.
func (w *wire) close() {
	if w.done() {
		w.conn.Conn.SetDeadline(time.Now().Add(time.Second))
		w.conn.Conn.Write([]byte{'X', 0, 0, 0, 4})
	}
	w.conn.Conn.Close()
}

// query sends a statement of the simple protocol.
func (w *wire) query(sql string) error {
	q := make([]byte, 5, len(sql)+6)
	q[0] = 'Q'
	q = append(append(q, sql...), 0)
	binary.BigEndian.PutUint32(q[1:], uint32(len(q)-1))
	_, err := w.conn.Conn.Write(q)
	return err
}

// tuples takes the rows of COPY … TO STDOUT (FORMAT binary).
type tuples interface {
	// tuple takes one row: the fields as they stand behind their count, valid until it returns.
	tuple(p []byte) error
	// oversize is told of a row of more bytes than the limit, and of how its fields begin.
	oversize(fields []field, size int) error
}

// field is a value as it came; head is all of it where it is not too long to be kept.
type field struct {
	size int // -1 for null
	head []byte
}

// The signature COPY's binary format begins with, and the length of the header with its flags and extension.
const (
	copySignature = "PGCOPY\n\xff\r\n\x00"
	copyHeader    = 19
)

// copyOut runs a COPY and hands every row to t, until the server is ready again. Rows over limit bytes are not held.
func (w *wire) copyOut(ctx context.Context, sql string, limit int, t tuples) error {
	if err := w.query(sql); err != nil {
		return w.gone(ctx, err)
	}
	first := true
	var refused error
	for {
		kind, size, err := w.head()
		if err != nil {
			return w.gone(ctx, err)
		}
		if size > limit && kind == 'd' {
			err := w.skip(size, first, t)
			first = false
			var network net.Error
			if errors.As(err, &network) || errors.Is(err, io.EOF) {
				return w.gone(ctx, err)
			}
			if err != nil {
				return err
			}
			continue
		}
		p, err := w.take(size)
		if err != nil {
			return w.gone(ctx, err)
		}
		switch kind {
		case 'd':
			if first {
				if p, err = unsigned(p); err != nil {
					return err
				}
				if first = false; len(p) == 0 {
					continue
				}
			}
			if err := row(p, t); err != nil {
				return err
			}
		case 'E':
			refused = serverError(p)
		case 'Z':
			return postgres.Classify(ctx, refused)
		}
	}
}

// unsigned strips the header that the first row comes behind.
func unsigned(p []byte) ([]byte, error) {
	if len(p) < copyHeader || string(p[:len(copySignature)]) != copySignature {
		return nil, fault.New(fault.Internal, "the server's COPY does not begin as it should")
	}
	return p[copyHeader:], nil
}

// row strips the count of fields; -1 is the end of the rows.
func row(p []byte, t tuples) error {
	if len(p) < 2 {
		return errShort
	}
	if int16(binary.BigEndian.Uint16(p)) < 0 {
		return nil
	}
	return t.tuple(p[2:])
}

// head reads a frame's type and the size of what follows.
func (w *wire) head() (kind byte, size int, err error) {
	for w.w-w.r < 5 {
		if err := w.fill(); err != nil {
			return 0, 0, err
		}
	}
	kind, size = w.buf[w.r], int(binary.BigEndian.Uint32(w.buf[w.r+1:]))-4
	if size < 0 {
		return 0, 0, fault.New(fault.Unavailable, "a frame of the server has no length")
	}
	w.r += 5
	return kind, size, nil
}

// take gives the next size bytes, valid until the next call.
func (w *wire) take(size int) ([]byte, error) {
	for w.w-w.r < size {
		if len(w.buf) < size {
			bigger := make([]byte, size+frameBuffer)
			w.w = copy(bigger, w.buf[w.r:w.w])
			w.r, w.buf = 0, bigger
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	p := w.buf[w.r : w.r+size]
	w.r += size
	return p, nil
}

// fill reads more bytes behind those there are.
func (w *wire) fill() error {
	if w.r > 0 {
		copy(w.buf, w.buf[w.r:w.w])
		w.w -= w.r
		w.r = 0
	}
	n, err := w.conn.Conn.Read(w.buf[w.w:])
	w.w += n
	if n > 0 {
		return nil
	}
	return err
}

// Bytes that are kept of a value, and of all values, of a row that is too large.
const (
	headMost  = 64 << 10
	headsMost = 256 << 10
)

// skip passes over a row that is too large to be held and tells how its fields begin.
func (w *wire) skip(size int, first bool, t tuples) error {
	left, room := size, headsMost
	if first {
		p, err := w.take(copyHeader)
		if err == nil {
			_, err = unsigned(p)
		}
		if err != nil {
			return err
		}
		left -= copyHeader
	}
	if _, err := w.take(2); err != nil { // how many fields follow
		return err
	}
	left -= 2
	var fields []field
	for left >= 4 {
		p, err := w.take(4)
		if err != nil {
			return err
		}
		f := field{size: int(int32(binary.BigEndian.Uint32(p)))}
		left -= 4
		if n := min(f.size, left); n > 0 {
			keep := min(n, headMost, room)
			if p, err = w.take(keep); err != nil {
				return err
			}
			f.head = bytes.Clone(p)
			if err := w.discard(n - keep); err != nil {
				return err
			}
			left, room = left-n, room-keep
		}
		fields = append(fields, f)
	}
	if err := w.discard(left); err != nil {
		return err
	}
	return t.oversize(fields, size)
}

// discard passes over bytes.
func (w *wire) discard(left int) error {
	for left > 0 {
		if w.r == w.w {
			if err := w.fill(); err != nil {
				return err
			}
		}
		n := min(left, w.w-w.r)
		w.r, left = w.r+n, left-n
	}
	return nil
}

func (w *wire) gone(ctx context.Context, err error) error {
	return fmt.Errorf("read from the server: %w", postgres.Classify(ctx, err))
}

// serverError reads an ErrorResponse.
func serverError(p []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(p); err != nil {
		return fault.New(fault.Unavailable, "the server sent an error that does not parse: %w", err)
	}
	return pgconn.ErrorResponseToPgError(&m)
}
