package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"weir/internal/fault"
)

// A packet is a length of 3 bytes, a number of 1 byte that counts up within a command, and a payload. A payload of
// maxPayload bytes is continued by the next packet.
const (
	headerSize = 4
	maxPayload = 1<<24 - 1
	bufferSize = 256 << 10
)

// DefaultLimit is the largest message taken from a server where Config.Limit does not say another: a row with all its values.
const DefaultLimit = 256 << 20

// stream frames packets. Payloads are parts of its buffer and hold until the next read.
type stream struct {
	nc     net.Conn
	buf    []byte
	r, w   int
	seq    byte
	large  []byte // a payload that does not fit the buffer or spans packets
	out    []byte
	limit  int
	broken bool // mid-packet or mid-result: no further command can be sent
}

func newStream(nc net.Conn, limit int) *stream {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &stream{nc: nc, buf: make([]byte, bufferSize), limit: limit}
}

// read gives the payload of the next message.
func (s *stream) read() ([]byte, error) {
	n, err := s.header()
	if err != nil {
		return nil, err
	}
	if n < bufferSize-headerSize {
		return s.take(n)
	}
	s.large = s.large[:0]
	for size := 0; ; {
		if size += n; size <= s.limit {
			err = s.readLarge(n)
		} else {
			err = s.discard(n)
		}
		if err != nil {
			return nil, err
		}
		if n < maxPayload {
			if size > s.limit {
				return nil, &Oversize{Size: size, Head: s.large}
			}
			return s.large, nil
		}
		if n, err = s.header(); err != nil {
			return nil, err
		}
	}
}

// Oversize is the error of a message, most often a row, that is larger than Config.Limit. It was read over: the connection
// goes on with what follows.
type Oversize struct {
	Size int
	Head []byte // what was kept of it, until the next read
}

func (o *Oversize) Error() string {
	return fmt.Sprintf("a row of %d bytes is larger than the limit", o.Size)
}

// discard reads over n bytes.
func (s *stream) discard(n int) error {
	for n > 0 {
		if s.r == s.w {
			if err := s.fill(1); err != nil {
				return err
			}
		}
		k := min(n, s.w-s.r)
		if room := min(bufferSize, s.limit) - len(s.large); room > 0 {
			s.large = append(s.large, s.buf[s.r:s.r+min(k, room)]...)
		}
		s.r, n = s.r+k, n-k
	}
	return nil
}

func (s *stream) header() (int, error) {
	head, err := s.take(headerSize)
	if err != nil {
		return 0, err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if head[3] != s.seq {
		s.broken = true
		return 0, fault.New(fault.Unavailable, "read from the server: packet %d came where %d was due", head[3], s.seq)
	}
	s.seq++
	return n, nil
}

// take gives the next n bytes, which fit the buffer.
func (s *stream) take(n int) ([]byte, error) {
	if s.w-s.r < n {
		if err := s.fill(n); err != nil {
			return nil, err
		}
	}
	b := s.buf[s.r : s.r+n : s.r+n]
	s.r += n
	return b, nil
}

func (s *stream) fill(n int) error {
	if s.r > 0 && s.r+n > len(s.buf) || s.r == s.w {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	got, err := io.ReadAtLeast(s.nc, s.buf[s.w:], n-(s.w-s.r))
	s.w += got
	if err != nil {
		s.broken = true
	}
	return err
}

func (s *stream) readLarge(n int) error {
	have := len(s.large)
	if cap(s.large) < have+n {
		larger := make([]byte, have, max(have+n, min(2*cap(s.large), s.limit)))
		copy(larger, s.large)
		s.large = larger
	}
	s.large = s.large[:have+n]
	got := copy(s.large[have:], s.buf[s.r:min(s.w, s.r+n)])
	s.r += got
	if _, err := io.ReadFull(s.nc, s.large[have+got:]); err != nil {
		s.broken = true
		return err
	}
	return nil
}

// command begins a new command and sends its payload.
func (s *stream) command(code byte, payload []byte) error {
	s.seq = 0
	return s.write([]byte{code}, payload)
}

// write sends a message made of parts.
func (s *stream) write(parts ...[]byte) error {
	s.out = append(s.out[:0], 0, 0, 0, 0)
	at, n := 0, 0
	for _, p := range parts {
		for len(p) > 0 {
			k := min(len(p), maxPayload-n)
			s.out = append(s.out, p[:k]...)
			p, n = p[k:], n+k
			if n == maxPayload {
				s.finish(at, n)
				at, n = len(s.out), 0
				s.out = append(s.out, 0, 0, 0, 0)
			}
		}
	}
	s.finish(at, n)
	_, err := s.nc.Write(s.out)
	if cap(s.out) > bufferSize {
		s.out = nil
	}
	if err != nil {
		s.broken = true
	}
	return err
}

func (s *stream) finish(at, n int) {
	s.out[at], s.out[at+1], s.out[at+2], s.out[at+3] = byte(n), byte(n>>8), byte(n>>16), s.seq
	s.seq++
}

// cursor reads the fields of a payload. What does not fit makes it bad, and every further field empty.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if v := c.bytes(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if v := c.bytes(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if v := c.bytes(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

// text reads up to a zero byte, or to the end where there is none.
func (c *cursor) text() string {
	for i, b := range c.b {
		if b == 0 {
			v := string(c.b[:i])
			c.b = c.b[i+1:]
			return v
		}
	}
	return string(c.bytes(len(c.b)))
}

func (c *cursor) lenenc() uint64 {
	n, size := Length(c.b)
	if size == 0 {
		c.b, c.bad = nil, true
		return 0
	}
	c.b = c.b[size:]
	return n
}

func (c *cursor) lenencBytes() []byte {
	n := c.lenenc()
	if n > uint64(len(c.b)) {
		c.b, c.bad = nil, true
		return nil
	}
	return c.bytes(int(n))
}

// Length reads a length-encoded number at the beginning of b and says how many bytes it takes; 0 where there is none.
func Length(b []byte) (n uint64, size int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] < 0xfb:
		return uint64(b[0]), 1
	case b[0] == 0xfc && len(b) >= 3:
		return uint64(binary.LittleEndian.Uint16(b[1:])), 3
	case b[0] == 0xfd && len(b) >= 4:
		return uint64(b[1]) | uint64(b[2])<<8 | uint64(b[3])<<16, 4
	case b[0] == 0xfe && len(b) >= 9:
		return binary.LittleEndian.Uint64(b[1:]), 9
	}
	return 0, 0
}

func appendLength(b []byte, n int) []byte {
	switch {
	case n < 0xfb:
		return append(b, byte(n))
	case n < 1<<16:
		return append(b, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(b, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xfe), uint64(n))
}
