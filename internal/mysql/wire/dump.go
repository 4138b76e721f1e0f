package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"weir/internal/fault"
)

// DumpStart says from where a binary log is read: by file and position, by the coded set of transactions that one has (MySQL) or,
// with an empty file and position 4, by what the session was told before (MariaDB).
type DumpStart struct {
	Reader   uint32 // the reader's number among the server's replicas
	File     string
	Position uint32
	Set      []byte // nil: by file and position
	Ends     bool   // at the end of the log, in the place of waiting for more
	// Silence is how long the server may send nothing, not even a heartbeat.
	Silence time.Duration
}

// Dump is a binary log that is being read. Its connection serves nothing else any more.
type Dump struct {
	c       *Conn
	ctx     context.Context
	done    func()
	silence time.Duration
}

// Dump asks for a binary log. The context governs all of its reading.
func (c *Conn) Dump(ctx context.Context, s DumpStart) (*Dump, error) {
	d := &Dump{c: c, ctx: ctx, silence: s.Silence}
	if err := c.run(ctx, "register as a replica", func() error {
		b := binary.LittleEndian.AppendUint32(nil, s.Reader)
		// No host, user and password; no port; no rank; no source's number.
		if err := c.command(comRegisterSlave, append(b, make([]byte, 3+2+4+4)...)); err != nil {
			return err
		}
		return c.readOK()
	}); err != nil {
		return nil, err
	}
	d.done = c.during(ctx)
	var flags uint16
	if s.Ends {
		flags = 1
	}
	code, b := byte(comBinlogDump), binary.LittleEndian.AppendUint32(nil, s.Position)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = append(binary.LittleEndian.AppendUint32(b, s.Reader), s.File...)
	if s.Set != nil {
		code, b = comBinlogDumpGTID, binary.LittleEndian.AppendUint16(nil, flags)
		b = binary.LittleEndian.AppendUint32(b, s.Reader)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s.File))), s.File...)
		b = binary.LittleEndian.AppendUint64(b, 4)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s.Set))), s.Set...)
	}
	if err := c.command(code, b); err != nil {
		d.done()
		return nil, c.failed(ctx, "ask for the binary log", err)
	}
	return d, nil
}

// Next gives the next event, which holds until the one after it; io.EOF at the end, where that was asked for.
func (d *Dump) Next() ([]byte, error) {
	if d.silence > 0 && d.c.r == d.c.w {
		_ = d.c.nc.SetReadDeadline(time.Now().Add(d.silence))
		if d.ctx.Err() != nil { // the deadline that interrupts may have been overwritten
			_ = d.c.nc.SetReadDeadline(time.Unix(1, 0))
		}
	}
	p, err := d.c.read()
	switch {
	case err != nil:
	case len(p) > 0 && p[0] == headOK:
		return p[1:], nil
	case isEOF(p):
		return nil, io.EOF
	case len(p) > 0 && p[0] == headErr:
		err = parseError(p)
	default:
		err = d.c.unexpected(p)
	}
	var over *Oversize
	if errors.As(err, &over) {
		return nil, fault.New(fault.Data, "read the binary log: a change of %d bytes is larger than the limit", over.Size)
	}
	return nil, d.c.failed(d.ctx, "read the binary log", err)
}

// Close ends the reading and the connection.
func (d *Dump) Close() error {
	d.done()
	d.c.broken = true
	return d.c.nc.Close()
}
