package binlog

import (
	"weir/internal/source/mysql/value"
)

// Op is what was done to rows.
type Op uint8

// What was done.
const (
	Insert Op = iota + 1
	Update
	Delete
)

func (o Op) String() string { return [...]string{"", "insert", "update", "delete"}[o] }

// Rows are changes of one table, read one by one. They lie in the reader's buffer and hold until its next event.
type Rows struct {
	Table *Table
	Op    Op
	// before and after say which columns the images have; after is of inserts and updates.
	before, after   []byte
	nBefore, nAfter int
	left            []byte

	Unfit []Misfit // of the image before, of the row that Next has read
}

// rowsHead reads the fixed part of an event of rows.
func rowsHead(f *Format, h Header, b []byte) (id uint64, c cursor) {
	c = cursor{b: b}
	id = tableID(f, h.Type, &c)
	c.bytes(2)
	switch h.Type {
	case typeWriteRows2, typeUpdateRows2, typeDeleteRows2, typePartialUpdateRows:
		if n := int(c.uint(2)); n > 2 {
			c.bytes(n - 2)
		} else if n < 2 {
			c.bad = true
		}
	}
	return id, c
}

func opOf(typ byte) Op {
	switch typ {
	case typeWriteRows1, typeWriteRows2, typeMariaWriteCompressed:
		return Insert
	case typeUpdateRows1, typeUpdateRows2, typeMariaUpdateCompressed:
		return Update
	}
	return Delete
}

// parseRows reads what stands before the rows.
func parseRows(t *Table, op Op, c cursor) (*Rows, error) {
	r := &Rows{Table: t, Op: op}
	n := c.size()
	present := c.bytes((n + 7) / 8)
	r.before = present
	if op == Insert {
		r.before, r.after = nil, present
	}
	if op == Update {
		r.after = c.bytes((n + 7) / 8)
	}
	if c.bad || n != len(t.Columns) {
		return nil, damaged("rows of %s.%s do not fit their table map", t.Schema, t.Name)
	}
	r.nBefore, r.nAfter = ones(r.before, n), ones(r.after, n)
	r.left = c.b
	return r, nil
}

// More says whether there is another row.
func (r *Rows) More() bool { return len(r.left) > 0 }

// Tells says whether the image before or after a change has a column (binlog_row_image).
func (r *Rows) Tells(after bool, column int) bool {
	have := r.before
	if after {
		have = r.after
	}
	return have != nil && bit(have, column)
}

// Misfit is a value that can't be taken, of the column at an index. Its cell is null; the row's other values were taken.
type Misfit struct {
	Index  int
	Column string
	Flaw   value.Flaw
}

func (m *Misfit) Error() string { return m.Column + " " + m.Flaw.String() }

// Next reads the images of the next row into cells, one a column of the table; nil skips a column, a nil slice the image. A
// column that an image does not tell is null. A *Misfit is of the image after; those of the image before are in Unfit: a row that
// is no more need not fit, as long as its key does.
func (r *Rows) Next(before, after []*value.Cell) error {
	had := len(r.left)
	r.Unfit = r.Unfit[:0]
	if r.before != nil {
		if err := r.image(r.before, r.nBefore, before, &r.Unfit); err != nil {
			return err
		}
	}
	var misfits []Misfit
	if r.after != nil {
		if err := r.image(r.after, r.nAfter, after, &misfits); err != nil {
			return err
		}
	}
	if len(r.left) == had {
		return r.short() // a row of no bytes would come again and again
	}
	if len(misfits) > 0 {
		return &misfits[0]
	}
	return nil
}

func (r *Rows) image(present []byte, n int, cells []*value.Cell, misfits *[]Misfit) error {
	if len(r.left) < (n+7)/8 {
		return r.short()
	}
	nulls := r.left[:(n+7)/8]
	r.left = r.left[len(nulls):]
	at := 0
	for i := range r.Table.Columns {
		var cell *value.Cell
		if cells != nil {
			cell = cells[i]
		}
		if !bit(present, i) {
			if cell != nil {
				cell.Null()
			}
			continue
		}
		null := bit(nulls, at)
		at++
		if null {
			if cell != nil {
				cell.Null()
			}
			continue
		}
		c := &r.Table.Columns[i]
		head, size := c.extent(r.left)
		if size < 0 || head+size > len(r.left) {
			return r.short()
		}
		v := r.left[head : head+size]
		r.left = r.left[head+size:]
		if cell != nil {
			had := cell.Len()
			if flaw := c.put(cell, v); flaw != value.OK {
				if *misfits = append(*misfits, Misfit{i, cell.Name, flaw}); cell.Len() == had {
					cell.Null()
				}
			}
		}
	}
	return nil
}

func (r *Rows) short() error {
	r.left = nil
	return damaged("rows of %s.%s end early", r.Table.Schema, r.Table.Name)
}
