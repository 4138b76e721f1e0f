// Package wire speaks the client's side of the protocol of MySQL and MariaDB: it signs in, runs statements whose rows are
// read where they arrived, and asks for binary logs. It is written from the protocol's public description.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"weir/internal/fault"
)

// Config says where a server is and who asks.
type Config struct {
	Network  string // "tcp" or "unix"
	Address  string // host:port, or the path of a socket
	User     string
	Password string
	Database string
	TLS      *tls.Config // nil: not encrypted
	// OptionalTLS goes on without encryption where the server has none.
	OptionalTLS bool
	// Cleartext allows to send the password as it is where the server asks for that (tokens of RDS): over TLS only, and
	// for a caller who has the certificate verified.
	Cleartext bool
	// Loads lets statements load rows that the caller hands out, with Load. A server that asks for a file in answer to another
	// statement gets nothing, and loses the connection.
	Loads bool
	Limit int // bytes of the largest row, 0: DefaultLimit
}

// Conn is one connection. It serves one statement after the other; only Close may be called beside them.
type Conn struct {
	*stream
	Server  Server
	caps    uint32
	private bool // TLS, or a socket on this machine
}

// Server is what a server says of itself.
type Server struct {
	Version string // 8.4.3, 10.11.6
	Maria   bool
	Thread  uint32 // the connection's number there
}

// Dial connects and signs in.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second}
	nc, err := d.DialContext(ctx, cfg.Network, cfg.Address)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("connect to %s: %w", cfg.Address, ctx.Err())
	}
	if err != nil {
		return nil, unreached(cfg.Address, err)
	}
	c := &Conn{stream: newStream(nc, cfg.Limit), private: cfg.Network == "unix"}
	done := c.during(ctx)
	err = c.signIn(ctx, cfg)
	done()
	if err != nil {
		_ = nc.Close()
		return nil, c.failed(ctx, "sign in to "+cfg.Address, err)
	}
	if err := c.Exec(ctx, session); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("prepare the session: %w", err)
	}
	return c, nil
}

// session makes every connection the same whatever the server's defaults: texts come as utf8mb4, timestamps in UTC, a
// backslash in a literal is a backslash, and a reader that has to wait for its disk is waited for.
const session = "SET NAMES utf8mb4, SESSION time_zone = '+00:00', SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'," +
	" SESSION net_write_timeout = 3600, SESSION wait_timeout = 86400"

// during lets a context's end interrupt reads and writes until the function it gives is called.
func (c *Conn) during(ctx context.Context) func() {
	nc := c.nc
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if !stop() {
			c.broken = true // the deadline has passed or is about to
		}
	}
}

// failed classes an error of an operation.
func (c *Conn) failed(ctx context.Context, doing string, err error) error {
	var known *fault.Error
	var said *Error
	var over *Oversize
	switch {
	case ctx.Err() != nil:
		return &fault.Error{Class: fault.ClassOf(ctx.Err()), Err: errors.Join(errors.New(doing), ctx.Err())}
	case errors.As(err, &said):
		e := fault.New(said.class(), "%s: %w", doing, said)
		e.Hint = said.hint()
		return e
	case errors.As(err, &over):
		return fault.New(fault.Data, "%s: %w", doing, err)
	case errors.As(err, &known):
		e := fault.New(known.Class, "%s: %w", doing, err)
		return e
	}
	c.broken = true
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errGone // io.EOF means the end of rows, which this is not
	}
	return fault.New(fault.Unavailable, "%s: %w", doing, err)
}

var errGone = errors.New("the server closed the connection")

// Broken says whether the connection can't be used any more.
func (c *Conn) Broken() bool { return c.broken }

// Ping asks the server for a sign of life.
func (c *Conn) Ping(ctx context.Context) error {
	return c.run(ctx, "ping", func() error {
		if err := c.command(comPing, nil); err != nil {
			return err
		}
		return c.readOK()
	})
}

func (c *Conn) run(ctx context.Context, doing string, do func() error) error {
	if c.broken {
		return fault.New(fault.Unavailable, "%s: the connection was lost", doing)
	}
	done := c.during(ctx)
	err := do()
	done()
	if err != nil {
		return c.failed(ctx, doing, err)
	}
	return nil
}

// Close says goodbye where the server listens, and closes.
func (c *Conn) Close() error {
	if !c.broken {
		_ = c.nc.SetDeadline(time.Now().Add(time.Second))
		_ = c.command(comQuit, nil)
	}
	c.broken = true
	return c.nc.Close()
}

// readOK reads the answer to a command without rows.
func (c *Conn) readOK() error {
	p, err := c.read()
	if err != nil {
		return err
	}
	switch {
	case len(p) > 0 && (p[0] == headOK || p[0] == headEOF):
		return nil
	case len(p) > 0 && p[0] == headErr:
		return parseError(p)
	}
	return c.unexpected(p)
}

func (c *Conn) unexpected(p []byte) error {
	c.broken = true
	first := -1
	if len(p) > 0 {
		first = int(p[0])
	}
	return fault.New(fault.Unavailable, "the server sent a message of %d bytes that begins with %d, which was not due", len(p), first)
}

// Commands and the first bytes of answers.
const (
	comQuit           = 0x01
	comQuery          = 0x03
	comPing           = 0x0e
	comBinlogDump     = 0x12
	comRegisterSlave  = 0x15
	comBinlogDumpGTID = 0x1e

	headOK        = 0x00
	headMore      = 0x01
	headLocalFile = 0xfb
	headEOF       = 0xfe
	headErr       = 0xff
)

// version parts what a server calls its version: MariaDB puts 5.5.5- before it for old clients.
func version(s string) (string, bool) {
	maria := strings.Contains(s, "MariaDB")
	if maria {
		s = strings.TrimPrefix(s, "5.5.5-")
	}
	number, _, _ := strings.Cut(s, "-")
	return number, maria
}

// unreached says in plain words why no server answers at an address.
func unreached(address string, err error) error {
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fault.New(fault.Unavailable, "connect to %s: no host is named %q", address, name.Name).WithHint("check host, or url, of the connection")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Unavailable, "connect to %s: connection refused: no server listens there", address).
			WithHint("does it run, and are host and port of the connection right?")
	}
	return fault.New(fault.Unavailable, "connect to %s: %w", address, err)
}
