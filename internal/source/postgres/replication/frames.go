package replication

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"time"

	"weir/internal/fault"
)

// frames reads a connection in a goroutine of its own and gives whole messages of the server, many a hand-over: a walsender
// writes every change by itself, and one system call and one wake-up a change would cost more than its decoding. At most
// three buffers are alive, so a reader that does not come back stops the server and not memory (promise 5).
type frames struct {
	conn  net.Conn
	more  func() bool // the connection has something to read without waiting
	most  int         // bytes a message may have
	full  chan []byte // runs of whole messages; closed at the end
	empty chan []byte
	done  chan struct{} // closed by stop
	err   error         // why full was closed
	now   []byte        // the run at hand
	rest  []byte        // what of it was not given yet
	timer *time.Timer

	patience time.Duration // the longest wait where no deadline is given; 0: none
}

const bufferBytes = 256 << 10

// readFrames begins to read a connection that was dialled through gather.
func readFrames(conn net.Conn, most int) *frames {
	below := conn
	if secured, ok := conn.(*tls.Conn); ok {
		below = secured.NetConn()
	}
	more := func() bool { return false }
	if g, ok := below.(*gathered); ok {
		g.begin()
		more = g.more
	}
	f := &frames{conn: conn, more: more, most: most, full: make(chan []byte, 1), empty: make(chan []byte, 3), done: make(chan struct{}), timer: time.NewTimer(time.Hour)}
	for range 3 {
		f.empty <- make([]byte, 0, bufferBytes)
	}
	go f.read()
	return f
}

// read ends when the connection is closed or breaks, or after stop.
func (f *frames) read() {
	defer close(f.full)
	buf := <-f.empty
	for {
		whole, want, err := f.split(buf)
		if err != nil {
			f.err = err
			return
		}
		if whole > 0 {
			next, ok := f.handOver(buf, whole)
			if !ok {
				return
			}
			buf = next
			continue
		}
		if want > cap(buf) {
			buf = append(make([]byte, 0, want+bufferBytes), buf...)
		}
		if buf, err = f.fill(buf); err != nil {
			f.err = err
			return
		}
	}
}

// fill reads at least one byte, and goes on while nothing has to be waited for: TLS hands out what the server sent at once and no
// more.
func (f *frames) fill(buf []byte) ([]byte, error) {
	for first := true; len(buf) < cap(buf) && (first || f.more()); first = false {
		n, err := f.conn.Read(buf[len(buf):cap(buf)])
		if buf = buf[:len(buf)+n]; err != nil && n == 0 {
			return buf, err
		}
	}
	return buf, nil
}

// split says how many bytes at the front are whole messages, and how many the first message needs where there are none.
func (f *frames) split(buf []byte) (whole, want int, err error) {
	for len(buf)-whole >= 5 {
		n := 1 + int(binary.BigEndian.Uint32(buf[whole+1:]))
		switch {
		case n < 5:
			return 0, 0, errBroken
		case n > f.most:
			return 0, 0, fault.New(fault.Data, "one change has %d bytes, limit %d", n, f.most).WithHint("max_value_bytes sets the limit")
		case n > len(buf)-whole:
			return whole, n, nil
		}
		whole += n
	}
	return whole, 5, nil
}

// handOver gives the whole messages away and the buffer that goes on with what is left.
func (f *frames) handOver(buf []byte, whole int) (next []byte, ok bool) {
	select {
	case next = <-f.empty:
	case <-f.done:
		return nil, false
	}
	left := buf[whole:]
	if cap(next) < len(left)+bufferBytes/2 {
		next = make([]byte, 0, len(left)+bufferBytes)
	}
	next = append(next[:0], left...)
	select {
	case f.full <- buf[:whole]:
		return next, true
	case <-f.done:
		return nil, false
	}
}

// next gives a message's type and body, valid until the next call. At the deadline, where it is not zero, ok is false.
func (f *frames) next(ctx context.Context, deadline time.Time) (kind byte, body []byte, ok bool, err error) {
	if len(f.rest) == 0 {
		if ok, err := f.refill(ctx, deadline); !ok || err != nil {
			return 0, nil, false, err
		}
	}
	n := 1 + int(binary.BigEndian.Uint32(f.rest[1:]))
	kind, body = f.rest[0], f.rest[5:n]
	f.rest = f.rest[n:]
	return kind, body, true, nil
}

func (f *frames) refill(ctx context.Context, deadline time.Time) (bool, error) {
	if f.now != nil {
		if cap(f.now) > 4*bufferBytes { // one large value does not keep its room
			f.now = make([]byte, 0, bufferBytes)
		}
		f.empty <- f.now[:0]
		f.now = nil
	}
	var late <-chan time.Time
	switch {
	case !deadline.IsZero():
		f.timer.Reset(time.Until(deadline))
		late = f.timer.C
	case f.patience > 0:
		f.timer.Reset(f.patience)
		late = f.timer.C
	}
	select {
	case run, open := <-f.full:
		if !open {
			if f.err == nil {
				f.err = io.ErrUnexpectedEOF
			}
			return false, f.err
		}
		f.now, f.rest = run, run
		return true, nil
	case <-late:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// stop closes the connection and ends the goroutine.
func (f *frames) stop() {
	close(f.done)
	_ = f.conn.Close() // nothing is lost: what was confirmed has been said before
	for range f.full { // until the reader is gone
	}
	f.timer.Stop()
}
