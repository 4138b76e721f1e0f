package binlog

import (
	"context"
	"fmt"
	"math/bits"

	"weir/internal/fault"
	"weir/internal/source/mysql/value"
)

// Types of columns.
const (
	colDecimal    = 0
	colTiny       = 1
	colShort      = 2
	colLong       = 3
	colFloat      = 4
	colDouble     = 5
	colTimestamp  = 7
	colLongLong   = 8
	colInt24      = 9
	colDate       = 10
	colTime       = 11
	colDatetime   = 12
	colYear       = 13
	colNewDate    = 14
	colVarchar    = 15
	colBit        = 16
	colTimestamp2 = 17
	colDatetime2  = 18
	colTime2      = 19
	colVector     = 242
	colJSON       = 245
	colNewDecimal = 246
	colEnum       = 247
	colSet        = 248
	colTinyBlob   = 249
	colMediumBlob = 250
	colLongBlob   = 251
	colBlob       = 252
	colVarString  = 253
	colString     = 254
	colGeometry   = 255
)

// Column is a column as a table map has it. Names, signs, character sets and members are there with binlog_row_metadata=FULL.
type Column struct {
	Type     byte // with what CHAR, ENUM and SET hide behind each other told apart
	Meta     int  // the length, fraction or precision that the type needs
	Nullable bool
	Name     string // "" where it is not told
	Unsigned bool
	Charset  int // collation, 0 where it is not told; 63 is binary
	Members  [][]byte
}

// Table is what rows are of, as it was when they were written.
type Table struct {
	ID           uint64
	Schema, Name string
	Columns      []Column
	Named        bool  // the columns' names are told
	Signed       bool  // and their signs
	Key          []int // columns of the primary key, nil where it is not told
}

// parseTable reads a table map.
func parseTable(f *Format, b []byte) (*Table, error) {
	c := cursor{b: b}
	t := &Table{ID: tableID(f, typeTableMap, &c)}
	c.bytes(2)
	t.Schema = string(c.bytes(int(c.uint(1))))
	c.bytes(1)
	t.Name = string(c.bytes(int(c.uint(1))))
	c.bytes(1)
	n := c.size()
	types := c.bytes(n)
	meta := cursor{b: c.text()}
	nulls := c.bytes((n + 7) / 8)
	if c.bad {
		return nil, damaged("a table map ends early")
	}
	t.Columns = make([]Column, n)
	for i := range t.Columns {
		t.Columns[i] = parseColumn(types[i], &meta)
		t.Columns[i].Nullable = bit(nulls, i)
	}
	if meta.bad {
		return nil, damaged("the table map of %s.%s ends early", t.Schema, t.Name)
	}
	for len(c.b) > 0 {
		field := byte(c.uint(1))
		part := cursor{b: c.text()}
		t.more(field, &part)
		if c.bad || part.bad {
			return nil, damaged("the further fields of the table map of %s.%s end early", t.Schema, t.Name)
		}
	}
	return t, nil
}

// tableID has 6 bytes, in logs of old 4.
func tableID(f *Format, typ byte, c *cursor) uint64 {
	if f.fixedPart(typ) == 6 {
		return c.uint(4)
	}
	return c.uint(6)
}

func bit(b []byte, i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

func parseColumn(typ byte, meta *cursor) Column {
	c := Column{Type: typ}
	switch typ {
	case colFloat, colDouble, colTinyBlob, colMediumBlob, colLongBlob, colBlob, colGeometry, colJSON, colVector, colTime2, colDatetime2, colTimestamp2, colMariaBlob:
		c.Meta = int(meta.uint(1))
	case colVarchar, colVarString, colMariaVarchar:
		c.Meta = int(meta.uint(2))
	case colBit: // bits over whole bytes, bytes
		c.Meta = int(meta.uint(1))
		c.Meta += int(meta.uint(1)) * 8
	case colNewDecimal: // precision, scale
		c.Meta = int(meta.uint(1)) << 8
		c.Meta |= int(meta.uint(1))
	case colString, colEnum, colSet:
		// The first byte is the true type, whose bits 4 and 5 are those of the length, turned round, where it is over 255.
		first, length := int(meta.uint(1)), int(meta.uint(1))
		c.Type = byte(first)
		if c.Meta = length; first&0x30 != 0x30 {
			c.Type, c.Meta = byte(first|0x30), length|(first&0x30^0x30)<<4
		}
	}
	return c
}

// Further fields of a table map.
const (
	fieldSigns         = 1
	fieldCharset       = 2
	fieldCharsets      = 3
	fieldNames         = 4
	fieldSetMembers    = 5
	fieldEnumMembers   = 6
	fieldKey           = 8
	fieldKeyPrefixes   = 9
	fieldMemberCharset = 10
	fieldMembersOf     = 11
)

// more reads one further field; others, known or of later versions, are passed over.
func (t *Table) more(field byte, c *cursor) {
	switch field {
	case fieldSigns:
		t.Signed = true
		for n, i := range t.which(isNumber) {
			if n>>3 >= len(c.b) {
				c.bad = true
				return
			}
			t.Columns[i].Unsigned = c.b[n>>3]&(0x80>>(n&7)) != 0
		}
	case fieldCharset:
		t.defaultCharset(c, isText)
	case fieldMemberCharset:
		t.defaultCharset(c, isMembers)
	case fieldCharsets:
		t.charsets(c, isText)
	case fieldMembersOf:
		t.charsets(c, isMembers)
	case fieldNames:
		t.Named = true
		for i := range t.Columns {
			t.Columns[i].Name = string(c.text())
		}
	case fieldSetMembers:
		t.members(c, colSet)
	case fieldEnumMembers:
		t.members(c, colEnum)
	case fieldKey, fieldKeyPrefixes:
		for len(c.b) > 0 && !c.bad {
			i := c.packed()
			if field == fieldKeyPrefixes {
				c.packed()
			}
			if i >= uint64(len(t.Columns)) {
				c.bad = true
				return
			}
			t.Key = append(t.Key, int(i))
		}
	}
}

func isNumber(typ byte) bool {
	switch typ {
	case colTiny, colShort, colInt24, colLong, colLongLong, colFloat, colDouble, colNewDecimal, colDecimal, colYear:
		return true
	}
	return false
}

func isText(typ byte) bool {
	switch typ {
	case colVarchar, colVarString, colString, colTinyBlob, colMediumBlob, colLongBlob, colBlob, colMariaVarchar, colMariaBlob:
		return true
	}
	return false
}

func isMembers(typ byte) bool { return typ == colEnum || typ == colSet }

// which lists columns of a kind, in their order.
func (t *Table) which(of func(byte) bool) (found []int) {
	for i := range t.Columns {
		if of(t.Columns[i].Type) {
			found = append(found, i)
		}
	}
	return found
}

// defaultCharset reads one collation for all columns of a kind, and those that have another.
func (t *Table) defaultCharset(c *cursor, of func(byte) bool) {
	columns := t.which(of)
	usual := int(c.packed())
	for _, i := range columns {
		t.Columns[i].Charset = usual
	}
	for len(c.b) > 0 && !c.bad {
		n, charset := c.packed(), int(c.packed())
		if n >= uint64(len(columns)) {
			c.bad = true
			return
		}
		t.Columns[columns[n]].Charset = charset
	}
}

func (t *Table) charsets(c *cursor, of func(byte) bool) {
	for _, i := range t.which(of) {
		t.Columns[i].Charset = int(c.packed())
	}
}

func (t *Table) members(c *cursor, typ byte) {
	for _, i := range t.which(func(x byte) bool { return x == typ }) {
		n := c.size()
		all := make([][]byte, 0, min(n, len(c.b)))
		for range n {
			if all = append(all, append([]byte(nil), c.text()...)); c.bad {
				return
			}
		}
		t.Columns[i].Members = all
	}
}

// Describe gives the columns whose values can be read. known are the table's columns by other knowledge: they give names,
// signs, character sets and members where the map does not tell them, and say which bytes are UUIDs and addresses.
func (t *Table) Describe(ctx context.Context, known []value.Column, charsets *value.Charsets, zero value.ZeroDates) ([]value.Column, error) {
	if !t.Named && len(known) != len(t.Columns) {
		return nil, damaged("a change of %s.%s has %d columns, where %d are known, and does not tell their names", t.Schema, t.Name, len(t.Columns), len(known)).
			WithHint("set binlog_row_metadata = FULL at the server")
	}
	out := make([]value.Column, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		var hint *value.Column
		if t.Named {
			for k := range known {
				if known[k].Name == c.Name {
					hint = &known[k]
				}
			}
		} else {
			hint = &known[i]
		}
		d := describer{ctx: ctx, charsets: charsets, signed: t.Signed, column: c, hint: hint}
		described, err := d.describe()
		if err != nil {
			return nil, fmt.Errorf("column %q of %s.%s: %w", described.Name, t.Schema, t.Name, err)
		}
		described.Zero = zero
		out[i] = described
	}
	return out, nil
}

// describer describes one column.
type describer struct {
	ctx      context.Context
	charsets *value.Charsets
	signed   bool
	column   *Column
	hint     *value.Column // what is known of it otherwise, nil for nothing
}

// untold is the error of a column that the log tells too little of.
func untold(what string) error {
	return damaged("%s", what).WithHint("set binlog_row_metadata = FULL at the server, or read the table anew with --full")
}

func (d *describer) describe() (value.Column, error) {
	c := d.column
	v := value.Column{Name: c.Name, Unsigned: c.Unsigned, Nullable: c.Nullable}
	if d.hint != nil {
		if v.Comment = d.hint.Comment; c.Name == "" {
			v.Name = d.hint.Name
		}
		if !d.signed {
			v.Unsigned = d.hint.Unsigned
		}
	}
	switch c.Type {
	case colLong:
		if v.Kind = value.Int32; v.Unsigned {
			v.Kind = value.Int64
		}
	case colLongLong:
		if v.Kind = value.Int64; v.Unsigned {
			v.Kind = value.Uint64
		}
	case colNewDecimal:
		v.Digits, v.Scale = c.Meta>>8, c.Meta&0xff
		if v.Kind = value.Decimal; v.Digits > 38 {
			v.Kind = value.LongDec
		}
	case colBit:
		if v.Kind, v.Width = value.Bits, c.Meta; c.Meta == 1 {
			v.Kind = value.Bool
		}
	case colEnum, colSet:
		return d.members(v)
	case colVarchar, colVarString, colString, colTinyBlob, colMediumBlob, colLongBlob, colBlob:
		return d.text(v)
	default:
		kind, ok := kinds[c.Type]
		if !ok {
			return v, fault.New(fault.Usage, "its type is not supported in a binary log").WithHint("a column that is COMPRESSED, or of a newer server, can't be followed")
		}
		v.Kind, v.Fraction = kind, c.Meta
	}
	return v, nil
}

// kinds are those of types that need no more than their number.
var kinds = map[byte]value.Kind{
	colTiny: value.Int32, colShort: value.Int32, colInt24: value.Int32, colFloat: value.Float32, colDouble: value.Float64, colYear: value.Year,
	colDate: value.Date, colNewDate: value.Date, colTime: value.Time, colTime2: value.Time, colDatetime: value.Datetime, colDatetime2: value.Datetime,
	colTimestamp: value.Timestamp, colTimestamp2: value.Timestamp, colJSON: value.JSON, colGeometry: value.Geometry, colVector: value.Vector,
}

func (d *describer) members(v value.Column) (value.Column, error) {
	if v.Kind = value.Enum; d.column.Type == colSet {
		v.Kind = value.Set
	}
	if d.column.Members == nil {
		if d.hint == nil || d.hint.Kind != v.Kind {
			return v, untold("its members are not told")
		}
		v.Members = d.hint.Members
		return v, nil
	}
	decode, err := d.charsets.Decoder(d.ctx, d.charsets.Name(d.column.Charset))
	if err != nil {
		return v, err
	}
	for _, m := range d.column.Members {
		text, ok := decode(nil, m)
		if !ok {
			return v, damaged("a member is no text")
		}
		v.Members = append(v.Members, string(text))
	}
	return v, nil
}

const binary63 = 63 // the collation of bytes

func (d *describer) text(v value.Column) (value.Column, error) {
	if d.column.Type == colString {
		v.Width = d.column.Meta
	}
	if d.hint != nil {
		switch d.hint.Kind {
		case value.UUID, value.Inet4, value.Inet6: // types of MariaDB that its log has as bytes
			v.Kind = d.hint.Kind
			return v, nil
		}
	}
	switch charset := d.column.Charset; {
	case charset == binary63:
		v.Kind = value.Blob
		return v, nil
	case charset != 0:
		v.Kind, v.Charset = value.Text, d.charsets.Name(charset)
	case d.hint == nil:
		return v, untold("its character set is not told")
	case d.hint.Kind == value.Blob:
		v.Kind = value.Blob
		return v, nil
	case d.hint.Kind == value.Text || d.hint.Kind == value.JSON:
		v.Kind, v.Charset = value.Text, d.hint.Charset
	default:
		return v, untold("it is another column than the table has now")
	}
	var err error
	v.Decode, err = d.charsets.Decoder(d.ctx, v.Charset)
	return v, err
}

// ones counts the columns that an image has.
func ones(b []byte, n int) (count int) {
	for i, x := range b {
		if left := n - 8*i; left < 8 {
			x &= 1<<left - 1
		}
		count += bits.OnesCount8(x)
	}
	return count
}
