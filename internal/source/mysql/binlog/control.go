package binlog

import (
	"strings"
	"time"

	"weir/internal/mysql/gtid"
)

// Transaction is what begins one: the id of its group, and when it was committed.
type Transaction struct {
	Source gtid.Source // of MySQL
	Number int64       // 0: it has no id
	Maria  gtid.Maria  // of MariaDB
	Alone  bool        // MariaDB: a statement by itself, without BEGIN and COMMIT
	Time   time.Time   // of the commit
	// File and Pos are a place of its own in the server's log, by which transactions can be put in order.
	File string
	Pos  uint64
}

// parseGTID reads the id of a transaction: flags, UUID, number, and since 5.7 the order of commits and times in microseconds. An
// anonymous transaction has the same fields.
func parseGTID(h Header, b []byte) (Transaction, error) {
	c := cursor{b: b}
	t := Transaction{Time: time.Unix(int64(h.Time), 0)}
	c.bytes(1)
	copy(t.Source.UUID[:], c.bytes(16))
	t.Number = int64(c.uint(8))
	if c.bad {
		return t, damaged("a GTID ends early")
	}
	if h.Type == typeAnonymousGTID {
		t.Source, t.Number = gtid.Source{}, 0
	}
	const sequence = 1 + 8 + 8
	if len(c.b) >= sequence+7 && c.b[0] == 2 {
		c.bytes(sequence)
		t.Time = time.UnixMicro(int64(c.uint(7) &^ (1 << 55)))
	}
	return t, nil
}

// parseTagged reads the id of a transaction with a tag. The event is a message of fields, each with its number before it: numbers
// have as many bytes as the lowest bits of the first that are set, and one.
func parseTagged(h Header, b []byte) (Transaction, error) {
	const (
		fieldUUID   = 1
		fieldNumber = 2
		fieldTag    = 3
		fieldTime   = 6
		fieldLast   = 11
	)
	t := Transaction{Time: time.Unix(int64(h.Time), 0)}
	c := cursor{b: b}
	for range 3 { // the coding's version, the size, the last field that may not be ignored
		c.variable()
	}
	for len(c.b) > 0 && !c.bad {
		switch field := c.variable(); {
		case field == fieldUUID:
			for i := range t.Source.UUID {
				t.Source.UUID[i] = byte(c.variable())
			}
		case field == fieldNumber:
			t.Number = c.variableSigned()
		case field == fieldTag:
			t.Source.Tag = string(c.bytes(int(c.variable())))
		case field == fieldTime:
			t.Time = time.UnixMicro(int64(c.variable()))
		case field > fieldLast:
			c.b = nil
		default:
			c.variable()
		}
	}
	if c.bad || t.Number < 1 {
		return t, damaged("a tagged GTID can't be read")
	}
	return t, nil
}

// variable reads a number of up to nine bytes.
func (c *cursor) variable() uint64 {
	if len(c.b) == 0 {
		c.bad = true
		return 0
	}
	first := c.b[0]
	more := 0
	for more < 8 && first&(1<<more) != 0 {
		more++
	}
	if more == 8 {
		c.bytes(1)
		return c.uint(8)
	}
	b := c.bytes(more + 1)
	return little(b) >> (more + 1)
}

// variableSigned reads a number whose lowest bit is the sign.
func (c *cursor) variableSigned() int64 {
	n := c.variable()
	if n&1 != 0 {
		return -int64(n>>1) - 1
	}
	return int64(n >> 1)
}

// Flags of a transaction of MariaDB.
const (
	mariaStandalone = 1
	mariaPreparedXA = 64
)

// parseMariaGTID reads the id of a transaction of MariaDB; its server is the one that the header names.
func parseMariaGTID(h Header, b []byte) (t Transaction, prepared bool, err error) {
	c := cursor{b: b}
	t.Maria = gtid.Maria{Sequence: c.uint(8), Domain: uint32(c.uint(4)), Server: h.Server}
	flags := c.uint(1)
	t.Alone, t.Time = flags&mariaStandalone != 0, time.Unix(int64(h.Time), 0)
	if c.bad {
		return t, false, damaged("a GTID ends early")
	}
	return t, flags&mariaPreparedXA != 0, nil
}

// rotate is where the log goes on.
type rotate struct {
	file string
	pos  uint64
}

func parseRotate(b []byte) (rotate, error) {
	c := cursor{b: b}
	r := rotate{pos: c.uint(8)}
	r.file = string(c.b)
	if c.bad || r.file == "" || strings.ContainsRune(r.file, 0) {
		return r, damaged("it goes on in a file without name")
	}
	return r, nil
}

// query is a statement that is in the log as text.
type query struct {
	schema string
	text   string
}

// parseQuery reads a statement: the session, its duration, the length of the schema's name, an error code, the length of the
// variables it ran with; then those, the name and the statement.
func parseQuery(b []byte) (query, error) {
	c := cursor{b: b}
	c.bytes(8)
	schema := int(c.uint(1))
	c.bytes(2)
	c.bytes(int(c.uint(2)))
	q := query{schema: string(c.bytes(schema))}
	c.bytes(1)
	q.text = string(c.b)
	if c.bad {
		return q, damaged("a statement ends early")
	}
	return q, nil
}
