package replication

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// lowWater reads a TCP socket with its low-water mark (SO_RCVLOWAT): as long as data flows, neither this process nor the server is
// held up by waking a reader for every change. With the mark down, the first bytes after a silence are read at once.
type lowWater struct {
	conn    *net.TCPConn
	raw     syscall.RawConn
	flowing bool // the last read brought something: the mark is up
}

func lowWaterOf(conn *net.TCPConn) (*lowWater, bool) {
	raw, err := conn.SyscallConn()
	return &lowWater{conn: conn, raw: raw}, err == nil
}

// read gives what has gathered, at least one byte.
func (l *lowWater) read(p []byte) (int, error) {
	if l.flowing {
		n, err := l.gather(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := l.mark(1); err != nil {
			return 0, err
		}
		l.flowing = false
	}
	n, err := l.conn.Read(p)
	if err == nil {
		err = l.mark(enough)
		l.flowing = true
	}
	return n, err
}

func (l *lowWater) mark(n int) (err error) {
	if failed := l.raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, n) }); failed != nil {
		return failed
	}
	return os.NewSyscallError("setsockopt", err)
}

// gather reads until enough is there or the pause is over; nothing where nothing came.
func (l *lowWater) gather(p []byte) (int, error) {
	r := reading{p: p}
	if err := l.conn.SetReadDeadline(time.Now().Add(pause)); err != nil {
		return 0, err
	}
	err := l.raw.Read(func(fd uintptr) bool { return r.drain(fd) || r.n >= min(enough, len(p)) })
	if err == nil {
		err = r.err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err := l.conn.SetReadDeadline(time.Time{}); err != nil {
			return r.n, err
		}
		if err = l.raw.Read(func(fd uintptr) bool { r.drain(fd); return true }); err == nil {
			err = r.err
		}
		return r.n, err
	}
	return r.n, errors.Join(err, l.conn.SetReadDeadline(time.Time{}))
}

// reading is one read under way.
type reading struct {
	p   []byte
	n   int
	err error
}

// drain takes what the socket has without waiting. It says whether no more can come.
func (r *reading) drain(fd uintptr) bool {
	for r.n < len(r.p) && r.err == nil {
		n, err := syscall.Read(int(fd), r.p[r.n:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		default:
			r.n += n
		}
	}
	return true
}
