package replication

import (
	"io"
	"net"
	"time"
)

// A server sends each change by itself. What has just been followed by more is read in larger parts: a reader waits until so many
// bytes are there, or so long.
const (
	enough = 64 << 10
	pause  = 3 * time.Millisecond
)

// pausing reads in larger parts from any connection. What wakes this process up cannot be chosen here, so it sleeps less.
type pausing struct {
	net.Conn
	short bool // the last read brought little
}

// Read waits after a short read for more to come.
func (p *pausing) Read(b []byte) (int, error) {
	if p.short {
		time.Sleep(pause / 3)
	}
	n, err := p.Conn.Read(b)
	p.short = n < enough
	return n, err
}

// gathering is how a connection is read.
func gathering(conn net.Conn) io.Reader {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if r, ok := marked(tcp); ok {
			return r
		}
	}
	return &pausing{Conn: conn}
}
