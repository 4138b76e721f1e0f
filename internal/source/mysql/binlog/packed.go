package binlog

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/klauspost/compress/zstd"
)

// payload is a transaction whose events are compressed together (MySQL).
type payload struct {
	from io.Reader
	zstd *zstd.Decoder // nil: not compressed
	buf  []byte
	// ended says that the transaction has been committed.
	ended bool
}

// mostWindow is how much of what was unpacked a decoder may look back on, whatever the size of the transaction.
const mostWindow = 64 << 20

// parsePayload reads the fields before the events: each with its number and length.
func parsePayload(b []byte) (*payload, error) {
	const (
		fieldEnd         = 0
		fieldSize        = 1
		fieldCompression = 2
		zstandard        = 0
		none             = 255
	)
	c := cursor{b: b}
	compression := uint64(zstandard)
	for !c.bad {
		field := c.packed()
		if field == fieldEnd {
			break
		}
		v := cursor{b: c.text()}
		if field == fieldCompression {
			compression = v.packed()
		}
	}
	if c.bad {
		return nil, damaged("a compressed transaction ends early")
	}
	p := &payload{from: bytes.NewReader(c.b)}
	switch compression {
	case none:
	case zstandard:
		d, err := zstd.NewReader(p.from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(mostWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, damaged("a compressed transaction: %w", err)
		}
		p.from, p.zstd = d, d
	default:
		return nil, damaged("a transaction is compressed in a way (%d) that is not known", compression)
	}
	return p, nil
}

// next gives the next event of the transaction, which holds until the one after it; io.EOF after the last. Such events have no
// checksum.
func (p *payload) next(most int) ([]byte, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(p.from, head[:]); err == io.EOF {
		return nil, io.EOF
	} else if err != nil {
		return nil, damaged("a compressed transaction: %w", err)
	}
	size := int(little(head[9:13]))
	if size < headerSize || size > most {
		return nil, damaged("a compressed transaction has an event of %d bytes", size)
	}
	if cap(p.buf) < size {
		p.buf = make([]byte, size)
	}
	p.buf = p.buf[:size]
	copy(p.buf, head[:])
	if _, err := io.ReadFull(p.from, p.buf[headerSize:]); err != nil {
		return nil, damaged("a compressed transaction: %w", err)
	}
	return p.buf, nil
}

func (p *payload) close() {
	if p.zstd != nil {
		p.zstd.Close()
	}
}

// inflate unpacks what MariaDB has compressed: a byte whose lowest three bits say how many bytes the size has, those, the highest
// first, and zlib's data.
func inflate(b []byte, most int) ([]byte, error) {
	if len(b) == 0 || b[0]&0x80 == 0 || b[0]>>4&7 != 0 {
		return nil, damaged("a compressed event has no known form")
	}
	n := int(b[0] & 7)
	if n < 1 || n > 4 || len(b) < 1+n {
		return nil, damaged("a compressed event ends early")
	}
	size := int(big(b[1 : 1+n]))
	if size > most {
		return nil, damaged("a compressed event has %d bytes", size)
	}
	z, err := zlib.NewReader(bytes.NewReader(b[1+n:]))
	if err != nil {
		return nil, damaged("a compressed event: %w", err)
	}
	defer z.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(z, int64(size)+1)); err != nil {
		return nil, damaged("a compressed event: %w", err)
	}
	if out.Len() != size {
		return nil, damaged("a compressed event has not the size it says")
	}
	return out.Bytes(), nil
}
