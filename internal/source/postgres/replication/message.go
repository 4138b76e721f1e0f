package replication

import (
	"encoding/binary"
	"errors"
	"fmt"

	"weir/internal/fault"
)

// Kind is the first byte of a message of pgoutput.
type Kind byte

// Messages of protocol versions 1 and 2; see "Logical Replication Message Formats" in PostgreSQL's manual.
const (
	KindBegin        Kind = 'B'
	KindCommit       Kind = 'C'
	KindOrigin       Kind = 'O'
	KindRelation     Kind = 'R'
	KindType         Kind = 'Y'
	KindInsert       Kind = 'I'
	KindUpdate       Kind = 'U'
	KindDelete       Kind = 'D'
	KindTruncate     Kind = 'T'
	KindMessage      Kind = 'M'
	KindStreamStart  Kind = 'S'
	KindStreamStop   Kind = 'E'
	KindStreamCommit Kind = 'c'
	KindStreamAbort  Kind = 'A'
)

// Images of a row that stand in front of the new one.
const (
	imageNone byte = 0
	imageKey  byte = 'K' // the columns of the replica identity only; the others are sent as null
	imageFull byte = 'O' // the whole old row
	imageNew  byte = 'N'
)

// Message is one decoded message. Its bytes are those of the buffer it was decoded from.
type Message struct {
	Kind Kind
	Xid  uint32 // begin, stream start, commit and abort: the transaction
	Sub  uint32 // stream abort: the subtransaction, Xid itself where all of it is aborted

	LSN  LSN   // begin, commits: where the commit record begins; message, origin: its own place
	End  LSN   // commits: where the commit record ends
	Time int64 // begin, commits: µs since 1970

	Relation uint32 // insert, update, delete
	OldKind  byte   // update, delete: K, O, or 0 for none
	Old, New Tuple

	Defined Relation // relation
	Named   TypeName // type

	Relations []byte // truncate: 4 bytes each
	Text      string // origin: its name
}

// TypeName is a type that is not built in.
type TypeName struct {
	OID          uint32
	Schema, Name string
}

// Tuple is a row as sent: a byte for the kind of each value, and the value. Its values are read with values.
type Tuple struct {
	n    int
	data []byte
}

// Kinds of a value.
const (
	valueNull      byte = 'n'
	valueUnchanged byte = 'u' // stored out of line, not changed, not sent
	valueText      byte = 't'
	valueBinary    byte = 'b'
)

// values walks a tuple.
type values struct{ data []byte }

// next gives a value and its kind, 0 where the tuple is broken. Ask no more often than the tuple has values.
func (v *values) next() (kind byte, value []byte) {
	if len(v.data) == 0 {
		return 0, nil
	}
	kind = v.data[0]
	switch kind {
	case valueText, valueBinary:
		if len(v.data) < 5 {
			return 0, nil
		}
		n := int(binary.BigEndian.Uint32(v.data[1:]))
		if n < 0 || n > len(v.data)-5 {
			return 0, nil
		}
		value = v.data[5 : 5+n : 5+n]
		v.data = v.data[5+n:]
		return kind, value
	case valueNull, valueUnchanged:
		v.data = v.data[1:]
		return kind, nil
	}
	return 0, nil
}

var errBroken = errors.New("a message of the server is cut short or broken")

// microseconds between 1970 and 2000, PostgreSQL's epoch
const epoch = 946_684_800_000_000

// cursor takes fields off a message; the first that is not there makes it bad.
type cursor struct {
	data []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.data) {
		c.bad, c.data = true, nil
		return zeros[:min(max(n, 0), len(zeros))]
	}
	b := c.data[:n]
	c.data = c.data[n:]
	return b
}

var zeros [8]byte

func (c *cursor) byte() byte  { return c.take(1)[0] }
func (c *cursor) int16() int  { return int(binary.BigEndian.Uint16(c.take(2))) }
func (c *cursor) u32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }
func (c *cursor) lsn() LSN    { return LSN(binary.BigEndian.Uint64(c.take(8))) }
func (c *cursor) time() int64 { return int64(binary.BigEndian.Uint64(c.take(8))) + epoch }

func (c *cursor) string() string {
	for i, b := range c.data {
		if b == 0 {
			s := string(c.data[:i])
			c.data = c.data[i+1:]
			return s
		}
	}
	c.bad, c.data = true, nil
	return ""
}

// tuple takes a tuple off, whose values it walks to find the end.
func (c *cursor) tuple() Tuple {
	t := Tuple{n: c.int16(), data: c.data}
	v := values{data: c.data}
	for range t.n {
		if kind, _ := v.next(); kind == 0 {
			c.bad, c.data = true, nil
			return Tuple{}
		}
	}
	t.data = c.data[:len(c.data)-len(v.data)]
	c.data = v.data
	return t
}

// Decode reads a message. Changes inside a stream are to be rid of their transaction first: see inStream.
func Decode(data []byte, m *Message) error {
	if len(data) == 0 {
		return errBroken
	}
	c := cursor{data: data[1:]}
	m.Kind = Kind(data[0])
	switch m.Kind {
	case KindInsert, KindUpdate, KindDelete:
		c.change(m)
	case KindBegin:
		m.LSN, m.Time, m.Xid = c.lsn(), c.time(), c.u32()
	case KindCommit:
		c.byte()
		m.LSN, m.End, m.Time = c.lsn(), c.lsn(), c.time()
	case KindRelation:
		c.relation(&m.Defined)
	case KindType:
		m.Named = TypeName{OID: c.u32(), Schema: c.string(), Name: c.string()}
	case KindTruncate:
		n := int(c.u32())
		c.byte()
		if n > len(c.data)/4 {
			return errBroken
		}
		m.Relations = c.take(4 * n)
	case KindOrigin:
		m.LSN, m.Text = c.lsn(), c.string()
	case KindMessage: // of an application: not a change of a table
	case KindStreamStart:
		m.Xid = c.u32()
		c.byte()
	case KindStreamStop:
	case KindStreamCommit:
		m.Xid = c.u32()
		c.byte()
		m.LSN, m.End, m.Time = c.lsn(), c.lsn(), c.time()
	case KindStreamAbort:
		m.Xid, m.Sub = c.u32(), c.u32()
	case 'b', 'P', 'K', 'r', 'p':
		return fault.New(fault.Usage, "the server sends prepared transactions, which this reader does not follow").
			WithHint("make the replication slot without two_phase")
	default:
		return fmt.Errorf("message %q: not of the protocol's versions 1 and 2", data[0])
	}
	if c.bad {
		return fmt.Errorf("message %q: %w", data[0], errBroken)
	}
	return nil
}

// change reads an insert, update or delete.
func (c *cursor) change(m *Message) {
	m.Relation, m.OldKind = c.u32(), imageNone
	kind := c.byte()
	if m.Kind != KindInsert && (kind == imageKey || kind == imageFull) {
		m.OldKind, m.Old = kind, c.tuple()
		if m.Kind == KindDelete {
			return
		}
		kind = c.byte()
	}
	if kind != imageNew || m.Kind == KindDelete {
		c.bad = true
		return
	}
	// The last tuple ends with the message; its values are checked when they are read.
	m.New = Tuple{n: c.int16(), data: c.data}
}

// inStream takes the id of its transaction or subtransaction out of a message that stands between stream start and stop, and gives
// the message as it is elsewhere. ok is false for the messages that name none there. The bytes of data change.
func inStream(data []byte) (xid uint32, m []byte, ok bool, err error) {
	switch Kind(data[0]) {
	case KindInsert, KindUpdate, KindDelete, KindTruncate, KindRelation, KindType, KindMessage:
	default:
		return 0, data, false, nil
	}
	if len(data) < 5 {
		return 0, nil, false, errBroken
	}
	xid = binary.BigEndian.Uint32(data[1:])
	data[4] = data[0]
	return xid, data[4:], true, nil
}
