package wire

import (
	"context"
	"errors"
	"io"
)

// Changed is the answer to a statement without rows.
type Changed struct {
	Rows     int64 // that it changed
	Warnings int   // at most 65,535 are counted
}

// Change runs a statement that changes rows or definitions.
func (c *Conn) Change(ctx context.Context, sql string) (Changed, error) {
	r, err := c.Query(ctx, sql)
	if err != nil {
		return Changed{}, err
	}
	return r.changed, r.Drain()
}

// Load runs a LOAD DATA LOCAL statement, of a connection with Config.Loads. What the server then asks for is what rows gives, in
// whole pieces until io.EOF, whatever name of a file it asks with: no file of this machine is ever opened. Where rows ends with
// another error, the server has loaded what came before it, and the error is given as it is.
func (c *Conn) Load(ctx context.Context, sql string, rows func() ([]byte, error)) (Changed, error) {
	var out Changed
	var broken error // of rows
	err := c.run(ctx, "load rows", func() error {
		if err := c.command(comQuery, []byte(sql)); err != nil {
			return err
		}
		p, err := c.read()
		switch {
		case err != nil:
			return err
		case len(p) > 0 && p[0] == headErr:
			return parseError(p)
		case len(p) == 0 || p[0] != headLocalFile:
			return c.unexpected(p)
		}
		if broken, err = c.send(rows); err != nil {
			return err
		}
		if p, err = c.read(); err != nil {
			return err
		}
		if len(p) > 0 && p[0] == headErr {
			return parseError(p)
		}
		if len(p) == 0 || p[0] != headOK {
			return c.unexpected(p)
		}
		out.parse(p)
		return nil
	})
	if broken != nil {
		return out, broken
	}
	return out, err
}

// send sends pieces and the empty message that ends them.
func (c *Conn) send(rows func() ([]byte, error)) (broken, err error) {
	for {
		piece, rerr := rows()
		if errors.Is(rerr, io.EOF) {
			break
		}
		if broken = rerr; broken != nil {
			break
		}
		for len(piece) > 0 {
			n := min(len(piece), maxPayload-1)
			if err := c.write(piece[:n]); err != nil {
				return nil, err
			}
			piece = piece[n:]
		}
	}
	return broken, c.write()
}

// parse reads the answer's figures.
func (a *Changed) parse(p []byte) {
	f := cursor{b: p[1:]}
	a.Rows = int64(f.lenenc())
	f.lenenc() // last id
	f.uint16() // status
	a.Warnings = int(f.uint16())
}
