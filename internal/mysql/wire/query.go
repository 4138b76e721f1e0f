package wire

import (
	"context"
	"io"

	"weir/internal/fault"
)

// ColumnDef is a column of a result.
type ColumnDef struct {
	Name     string
	Type     byte
	Charset  uint16 // 63: binary
	Length   uint32
	Flags    uint16
	Decimals byte
}

// Rows is the answer to a query, read row by row while it arrives. The connection serves nothing else until it is closed.
type Rows struct {
	Columns []ColumnDef
	c       *Conn
	done    func()
	ctx     context.Context
	ended   bool
	changed Changed // of a statement without rows
}

// Row holds the values of a row, one after the other, in the connection's buffer: it holds until the next row is read.
type Row []byte

// Next cuts the next value off. null values have no bytes; ok is false where the row ends early.
func (r *Row) Next() (value []byte, null, ok bool) {
	b := *r
	if len(b) == 0 {
		return nil, false, false
	}
	n, size := int(b[0]), 1
	if n >= 0xfb {
		if n == 0xfb {
			*r = b[1:]
			return nil, true, true
		}
		long, s := Length(b)
		if s == 0 || long > uint64(len(b)) {
			return nil, false, false
		}
		n, size = int(long), s
	}
	if size+n > len(b) {
		return nil, false, false
	}
	*r = b[size+n:]
	return b[size : size+n : size+n], false, true
}

// Query runs a statement that gives rows.
func (c *Conn) Query(ctx context.Context, sql string) (*Rows, error) {
	if c.broken {
		return nil, fault.New(fault.Unavailable, "query: the connection was lost")
	}
	r := &Rows{c: c, ctx: ctx, done: c.during(ctx)}
	if err := r.begin(sql); err != nil {
		r.end()
		return nil, c.failed(ctx, "query", err)
	}
	return r, nil
}

func (r *Rows) begin(sql string) error {
	if err := r.c.command(comQuery, []byte(sql)); err != nil {
		return err
	}
	p, err := r.c.read()
	switch {
	case err != nil:
		return err
	case len(p) == 0:
		return r.c.unexpected(p)
	case p[0] == headErr:
		return parseError(p)
	case p[0] == headOK:
		r.changed.parse(p)
		r.end() // a context that ends later has no part in the connection any more
		return nil
	case p[0] == headLocalFile:
		return r.c.unexpected(p)
	}
	f := cursor{b: p}
	n := f.lenenc()
	if f.bad || n == 0 || n > 1<<16 {
		return r.c.unexpected(p)
	}
	r.Columns = make([]ColumnDef, n)
	for i := range r.Columns {
		if p, err = r.c.read(); err != nil {
			return err
		}
		if !r.Columns[i].parse(p) {
			return r.c.unexpected(p)
		}
	}
	if r.c.caps&capDeprecateEOF == 0 {
		if p, err = r.c.read(); err != nil {
			return err
		} else if !isEOF(p) {
			return r.c.unexpected(p)
		}
	}
	return nil
}

func (d *ColumnDef) parse(p []byte) bool {
	f := cursor{b: p}
	for range 4 { // catalog, schema, table, table's own name
		f.lenencBytes()
	}
	d.Name = string(f.lenencBytes())
	f.lenencBytes()
	f.lenenc()
	d.Charset = f.uint16()
	d.Length = f.uint32()
	d.Type = f.byte()
	d.Flags = f.uint16()
	d.Decimals = f.byte()
	return !f.bad
}

func isEOF(p []byte) bool { return len(p) > 0 && len(p) < 9 && p[0] == headEOF }

// Next reads a row; io.EOF after the last. After an Oversize the rows go on.
func (r *Rows) Next() (Row, error) {
	if r.ended {
		return nil, io.EOF
	}
	p, err := r.c.read()
	if err != nil {
		if over, ok := err.(*Oversize); ok {
			return nil, over
		}
		r.end()
		return nil, r.c.failed(r.ctx, "read rows", err)
	}
	// A row begins with 0xfe where its first value has 16 MiB or more, so that it is longer than any last message.
	if len(p) > 0 && p[0] >= headEOF && (p[0] == headErr || len(p) < maxPayload) {
		r.end()
		if p[0] == headErr {
			return nil, r.c.failed(r.ctx, "read rows", parseError(p))
		}
		return nil, io.EOF
	}
	return p, nil
}

func (r *Rows) end() {
	r.ended = true
	if r.done != nil {
		r.done()
		r.done = nil
	}
}

// Close ends the reading. Rows not read yet cost the connection: there may be millions of them.
func (r *Rows) Close() error {
	if !r.ended {
		r.c.broken = true
		_ = r.c.nc.Close()
	}
	r.end()
	return nil
}

// Drain reads over the rows that are left, so that the connection serves further statements.
func (r *Rows) Drain() error {
	for {
		_, err := r.Next()
		if _, over := err.(*Oversize); err == nil || over {
			continue
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
}

// Exec runs a statement and ignores rows it may give.
func (c *Conn) Exec(ctx context.Context, sql string) error {
	r, err := c.Query(ctx, sql)
	if err != nil {
		return err
	}
	return r.Drain()
}

// Text is a nullable text.
type Text struct {
	Value string
	Valid bool
}

// Strings runs a query and gives its rows as texts. For small results.
func (c *Conn) Strings(ctx context.Context, sql string) ([][]Text, error) {
	r, err := c.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	var all [][]Text
	for {
		row, err := r.Next()
		if err == io.EOF {
			return all, r.Close()
		} else if err != nil {
			return nil, err
		}
		texts := make([]Text, len(r.Columns))
		for i := range texts {
			v, null, ok := row.Next()
			if !ok {
				_ = r.Close()
				return nil, fault.New(fault.Unavailable, "query: a row ends before its last column")
			}
			texts[i] = Text{Value: string(v), Valid: !null}
		}
		all = append(all, texts)
	}
}
