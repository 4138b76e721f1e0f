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
	// Before and After are the images of the row that Next read: Before of updates and deletes, After of inserts and updates.
	Before, After Image
	left          []byte
}

// Image is a row before or after a change.
type Image struct {
	table   *Table
	present []byte // which columns it tells (binlog_row_image); nil where there is no image
	count   int
	values  [][]byte // by column; nil for null and for what is not told
}

// Tells says whether the image has a column.
func (m *Image) Tells(column int) bool { return m.present != nil && bit(m.present, column) }

// Whole says whether it has all of them.
func (m *Image) Whole() bool { return m.count == len(m.values) }

// Value is a column's value as the log has it; nil for null.
func (m *Image) Value(column int) []byte { return m.values[column] }

// Put appends the values to cells, one a column of the table, of which nil skips one; what is not told becomes null. A
// *Misfit leaves the cells unequal: they are to be undone.
func (m *Image) Put(cells []*value.Cell) error {
	for i, cell := range cells {
		if cell == nil {
			continue
		}
		if m.values[i] == nil {
			cell.Null()
		} else if flaw := m.table.Columns[i].put(cell, m.values[i]); flaw != value.OK {
			return &Misfit{i, cell.Name, flaw}
		}
	}
	return nil
}

// Misfit is a value that can't be taken.
type Misfit struct {
	Index  int
	Column string
	Flaw   value.Flaw
}

func (m *Misfit) Error() string { return m.Column + " " + m.Flaw.String() }

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
	first := c.bytes((n + 7) / 8)
	second := first
	if op == Update {
		second = c.bytes((n + 7) / 8)
	}
	if c.bad || n != len(t.Columns) {
		return nil, damaged("rows of %s.%s do not fit their table map", t.Schema, t.Name)
	}
	if op != Insert {
		r.Before = Image{table: t, present: first, count: ones(first, n), values: make([][]byte, n)}
	}
	if op != Delete {
		r.After = Image{table: t, present: second, count: ones(second, n), values: make([][]byte, n)}
	}
	r.left = c.b
	return r, nil
}

// More says whether there is another row.
func (r *Rows) More() bool { return len(r.left) > 0 }

// Next reads the next row's images.
func (r *Rows) Next() error {
	had := len(r.left)
	for _, m := range []*Image{&r.Before, &r.After} {
		if m.present != nil && !r.read(m) {
			r.left = nil
			return damaged("rows of %s.%s end early", r.Table.Schema, r.Table.Name)
		}
	}
	if len(r.left) == had { // a row of no bytes would come again and again
		r.left = nil
		return damaged("rows of %s.%s have no bytes", r.Table.Schema, r.Table.Name)
	}
	return nil
}

// read reads one image: a bit for each null among the columns it has, then their values.
func (r *Rows) read(m *Image) bool {
	if len(r.left) < (m.count+7)/8 {
		return false
	}
	nulls := r.left[:(m.count+7)/8]
	r.left = r.left[len(nulls):]
	at := 0
	for i := range m.values {
		m.values[i] = nil
		if !bit(m.present, i) {
			continue
		}
		null := bit(nulls, at)
		if at++; null {
			continue
		}
		head, size := r.Table.Columns[i].extent(r.left)
		if size < 0 || head+size > len(r.left) {
			return false
		}
		m.values[i] = r.left[head : head+size : head+size]
		r.left = r.left[head+size:]
	}
	return true
}
