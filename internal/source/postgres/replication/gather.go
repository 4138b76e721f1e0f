package replication

import (
	"net"
	"time"
)

// A server sends each change by itself, in a packet and, with TLS, a record of its own. As long as changes flow they are read in
// larger parts: a reader waits until so many bytes have come, or so long. After a silence the first bytes are read at once.
const (
	enough = 128 << 10
	pause  = 20 * time.Millisecond
)

// gathered is a network connection, below TLS where there is any, that is read in larger parts once begin was called.
type gathered struct {
	net.Conn
	fill func(p []byte) (int, error) // nil before begin
	buf  []byte                      // for readers of small parts
	rest []byte                      // what of buf was not read yet
}

func gather(conn net.Conn) net.Conn { return &gathered{Conn: conn} }

// begin is called while no one reads.
func (g *gathered) begin() {
	g.fill = (&pausing{conn: g.Conn}).read
	if tcp, ok := g.Conn.(*net.TCPConn); ok {
		if marked, ok := lowWaterOf(tcp); ok {
			g.fill = marked.read
		}
	}
}

// more says whether the next read finds something without waiting.
func (g *gathered) more() bool { return len(g.rest) > 0 }

// Read gives what has gathered.
func (g *gathered) Read(p []byte) (int, error) {
	if g.fill == nil {
		return g.Conn.Read(p)
	}
	if len(g.rest) == 0 {
		if len(p) >= enough {
			return g.fill(p)
		}
		if g.buf == nil {
			g.buf = make([]byte, bufferBytes)
		}
		n, err := g.fill(g.buf)
		if n == 0 {
			return 0, err
		}
		g.rest = g.buf[:n] // an error comes again
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// pausing reads from any connection. What wakes this process up cannot be chosen, so it sleeps, and less.
type pausing struct {
	conn  net.Conn
	short bool // the last read brought little
}

func (p *pausing) read(b []byte) (int, error) {
	if p.short {
		time.Sleep(pause / 10)
	}
	n, err := p.conn.Read(b)
	p.short = n < min(enough, len(b))
	return n, err
}
