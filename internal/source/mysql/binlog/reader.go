package binlog

import (
	"bytes"
	"io"
	"strings"
	"time"

	"weir/internal/fault"
)

// Kind is what an event of a reader tells.
type Kind uint8

// What is told.
const (
	Begin  Kind = iota + 1 // a transaction
	Change                 // of rows
	Schema                 // tables were made, changed, dropped or emptied
	Commit                 // all of a transaction has been told; the reading may go on from here
	Idle                   // the server has nothing more for now
)

// Event is what a reader tells.
type Event struct {
	Kind        Kind
	Transaction Transaction
	Rows        *Rows       // of Change
	Tables      []TableName // of Schema: those concerned; a name without table is a whole database
	Truncate    bool        // of Schema: they were emptied
	Lost        bool        // of Schema: rows came or went with it that the log does not tell
	Statement   string      // of Schema
}

// events is where a reader gets raw events from: each holds until the next; io.EOF where the log ends.
type events interface {
	Next() ([]byte, error)
}

// Reader makes transactions of a log's events. It holds one event at a time, whatever the size of a transaction: a log has
// transactions whole, one after the other, and only such as have been committed.
type Reader struct {
	from   events
	follow map[TableName]bool
	most   int // bytes of an event

	format  Format
	sum     bool     // events before the first format have a checksum
	at      Position // before the transaction under way
	file    string   // where the last event ended
	pos     uint64
	tables  map[uint64]*mapped
	packed  *payload // a compressed transaction under way
	ready   []Event
	tx      Transaction
	open    bool // a transaction
	began   bool // it has its BEGIN
	touched bool // it has rows of followed tables
}

// mapped is a table map; table is nil where it is not followed.
type mapped struct {
	raw   []byte
	table *Table
}

// mostTables is how many table maps are kept: they come again with every statement.
const mostTables = 4096

func newReader(from events, at Position, checksum bool, most int, follow map[TableName]bool) *Reader {
	return &Reader{from: from, follow: follow, most: most, sum: checksum, at: at, file: at.File, pos: at.Pos, tables: map[uint64]*mapped{}}
}

// Position is what has been told of whole: inside of a transaction, all before it.
func (r *Reader) Position() Position { return r.at.Clone() }

// Next tells what comes next; io.EOF where the log ends and that was asked for. Rows of a Change hold until then.
func (r *Reader) Next() (Event, error) {
	for len(r.ready) == 0 {
		raw, packed, err := r.raw()
		if err != nil {
			return Event{}, err
		}
		if err := r.take(raw, packed); err != nil {
			return Event{}, err
		}
	}
	e := r.ready[0]
	r.ready = r.ready[1:]
	if len(r.ready) == 0 {
		r.ready = nil
	}
	return e, nil
}

// raw gives the next event without checksum, out of a compressed transaction where one is under way.
func (r *Reader) raw() (b []byte, packed bool, err error) {
	if r.packed != nil {
		if b, err = r.packed.next(r.most); err != io.EOF {
			return b, true, err
		}
		r.packed.close()
		r.packed = nil
	}
	b, err = r.from.Next()
	if err != nil {
		return nil, false, err
	}
	if len(b) > 4 && b[4] == typeFormat {
		return b, false, nil
	}
	if r.format.Checksum || r.format.fixed == nil && r.sum {
		whole := len(b)
		if b, err = verify(b); err != nil {
			return nil, false, err
		}
		// From here on the event is as long as what is left of it.
		b[9], b[10], b[11], b[12] = byte(whole-4), byte((whole-4)>>8), byte((whole-4)>>16), byte((whole-4)>>24)
	}
	return b, false, nil
}

// take works one event off.
func (r *Reader) take(raw []byte, packed bool) error {
	h, body, err := parseHeader(raw)
	if err != nil {
		return err
	}
	if !packed && h.Next != 0 && h.Flags&flagArtificial == 0 && h.Type != typeHeartbeat && h.Type != typeHeartbeat2 && h.Type != typeRotate {
		r.advance(h.Next)
	}
	switch h.Type {
	case typeFormat:
		r.format, err = parseFormat(body)
		clear(r.tables)
		return err
	case typeRotate:
		to, err := parseRotate(body)
		if err != nil {
			return err
		}
		r.file, r.pos = to.file, to.pos
		r.settle()
		return nil
	case typeHeartbeat, typeHeartbeat2:
		r.tell(Event{Kind: Idle})
		return nil
	case typeIncident:
		return damaged("the server notes that it lost events").WithHint("read the tables anew with --full")
	case typeTransactionPayload:
		r.packed, err = parsePayload(append([]byte(nil), body...))
		return err
	}
	err = r.takeTransaction(h, body)
	r.settle()
	return err
}

// settle moves the position to where the last event ended, unless a transaction is under way.
func (r *Reader) settle() {
	if !r.open && (r.packed == nil || r.packed.ended) {
		r.at.File, r.at.Pos = r.file, r.pos
	}
}

// advance moves the position to where an event ends, of which 32 bits are told.
func (r *Reader) advance(next uint32) {
	high := r.pos &^ 0xffffffff
	if uint64(next)|high < r.pos {
		high += 1 << 32
	}
	r.pos = high | uint64(next)
}

// takeTransaction works off events of transactions.
func (r *Reader) takeTransaction(h Header, body []byte) error {
	switch h.Type {
	case typeGTID, typeAnonymousGTID, typeTaggedGTID, typeMariaGTID:
		return r.begin(h, body)
	case typeQuery:
		return r.takeQuery(h, body)
	case typeMariaQueryCompressed:
		return r.takePackedQuery(h, body)
	case typeXID:
		r.commit()
		return nil
	case typeXAPrepare:
		return r.prepared(body)
	case typeTableMap:
		return r.takeTable(body)
	case typePartialUpdateRows:
		return r.partial(h, body)
	case typeMariaWriteCompressed, typeMariaUpdateCompressed, typeMariaDeleteCompressed,
		typeWriteRows1, typeUpdateRows1, typeDeleteRows1, typeWriteRows2, typeUpdateRows2, typeDeleteRows2:
		return r.takeRows(h, body)
	}
	return r.other(h)
}

// Types of events that say nothing about rows: variables of statements, notes, sets of transactions in earlier files.
func (r *Reader) other(h Header) error {
	switch h.Type {
	case typeStop, 5, 13, 14, typeRowsQuery, typePreviousGTIDs, 36, 37, typeMariaAnnotate, typeMariaCheckpoint, typeMariaGTIDList, typeMariaEncryption:
		return nil
	case 17, 18:
		return unloggedRows("LOAD DATA")
	}
	if h.Flags&flagIgnorable != 0 {
		return nil
	}
	return damaged("an event of type %d is not known", h.Type).WithHint("a newer version of Weir may know it")
}

func (r *Reader) tell(e Event) {
	e.Transaction = r.tx
	r.ready = append(r.ready, e)
}

// begin begins a transaction with its id.
func (r *Reader) begin(h Header, body []byte) (err error) {
	if r.open {
		return damaged("a transaction begins within another")
	}
	switch h.Type {
	case typeTaggedGTID:
		r.tx, err = parseTagged(h, body)
	case typeMariaGTID:
		r.at.Maria = true
		r.tx, _, err = parseMariaGTID(h, body)
	default:
		r.tx, err = parseGTID(h, body)
	}
	r.tx.File, r.tx.Pos = r.file, r.pos
	if err != nil {
		return err
	}
	r.open, r.touched = true, false
	r.began = h.Type == typeMariaGTID && !r.tx.Alone
	r.tell(Event{Kind: Begin})
	return nil
}

// commit ends a transaction.
func (r *Reader) commit() {
	r.at.add(r.tx)
	r.tell(Event{Kind: Commit})
	r.open, r.began, r.touched, r.tx = false, false, false, Transaction{}
	if r.packed != nil { // nothing follows in a compressed transaction
		r.packed.ended = true
	}
}

func (r *Reader) takePackedQuery(h Header, body []byte) error {
	const fixed = 13
	if len(body) < fixed {
		return damaged("a statement ends early")
	}
	// What is before the statement is not compressed: the session and the lengths, the variables, the schema's name and its zero.
	head := fixed + int(little(body[11:13])) + int(body[8]) + 1
	if len(body) < head {
		return damaged("a statement ends early")
	}
	text, err := inflate(body[head:], r.most)
	if err != nil {
		return err
	}
	return r.takeQuery(h, append(bytes.Clone(body[:head]), text...))
}

func (r *Reader) takeQuery(h Header, body []byte) error {
	q, err := parseQuery(body)
	if err != nil {
		return err
	}
	s := understand(q.text, q.schema)
	if s.meaning == meansBegin {
		if !r.open {
			r.open = true
			r.tx = Transaction{File: r.file, Pos: r.pos, Time: time.Unix(int64(h.Time), 0)}
			r.tell(Event{Kind: Begin})
		}
		r.began = true
		return nil
	}
	switch s.meaning {
	case meansCommit:
		r.commit()
		return nil
	case meansRollback, meansUndo:
		if r.touched {
			return damaged("a transaction was rolled back in part (%s), and its rows can't be told apart", firstWords(q.text)).
				WithHint("tables of an engine without transactions took part; read the tables anew with --full")
		}
		if s.meaning == meansRollback {
			r.commit()
		}
		return nil
	case meansRows:
		if r.concerns(q) {
			return unloggedRows(firstWords(q.text))
		}
	case meansSchema, meansTruncate:
		if followed := r.followed(s.tables); len(followed) > 0 {
			r.touched = r.touched || r.began
			r.tell(Event{Kind: Schema, Tables: followed, Truncate: s.meaning == meansTruncate, Lost: s.lost, Statement: q.text})
		}
	case meansXA:
		if w := strings.ToUpper(firstWords(q.text)); !strings.HasPrefix(w, "XA COMMIT") && !strings.HasPrefix(w, "XA ROLLBACK") {
			return nil
		}
	}
	if !r.began { // a statement by itself
		r.commit()
	}
	return nil
}

// concerns says whether a statement may change a followed table: whether it ran in the database of one, or names one.
func (r *Reader) concerns(q query) bool {
	text := strings.ToLower(q.text)
	for t := range r.follow {
		if t.Schema == q.schema || strings.Contains(text, strings.ToLower(t.Name)) {
			return true
		}
	}
	return false
}

func unloggedRows(what string) error {
	return damaged("rows were changed by a statement that is not in the log row by row: %s", what).
		WithHint("set binlog_format = ROW at the server, for all sessions, and read the tables anew with --full")
}

func firstWords(text string) string {
	return strings.Join(strings.Fields(text[:min(len(text), 80)]), " ")
}

// followed are those of some tables that are followed; a name without table stands for a database.
func (r *Reader) followed(tables []TableName) (out []TableName) {
	for _, t := range tables {
		if r.follow[t] {
			out = append(out, t)
		}
		for f := range r.follow {
			if t.Name == "" && f.Schema == t.Schema {
				out = append(out, f)
			}
		}
	}
	return out
}

// prepared is the end of the first half of a distributed transaction. Its rows count only once the second half commits, which
// may be long after: that is not followed.
func (r *Reader) prepared(body []byte) error {
	if len(body) > 0 && body[0] != 0 { // committed in one
		r.commit()
		return nil
	}
	if r.touched {
		return damaged("a distributed transaction (XA PREPARE) changed followed tables, which is not supported").
			WithHint("let XA transactions leave these tables alone, and read them anew with --full")
	}
	r.commit()
	return nil
}

func (r *Reader) takeTable(body []byte) error {
	c := cursor{b: body}
	id := tableID(&r.format, typeTableMap, &c)
	if m, ok := r.tables[id]; ok && bytes.Equal(m.raw, body) {
		return nil
	}
	t, err := parseTable(&r.format, body)
	if err != nil {
		return err
	}
	if len(r.tables) >= mostTables {
		clear(r.tables)
	}
	m := &mapped{raw: bytes.Clone(body)}
	if r.follow[TableName{t.Schema, t.Name}] {
		m.table = t
	}
	r.tables[id] = m
	return nil
}

// lookUp finds the table of rows; nil where it is not followed.
func (r *Reader) lookUp(id uint64, c *cursor) (*Table, error) {
	if c.bad {
		return nil, damaged("rows end early")
	}
	m, ok := r.tables[id]
	if !ok {
		if c.b == nil || id == 0xffffff { // the end of a statement, without rows
			return nil, nil
		}
		return nil, damaged("rows came without their table map")
	}
	return m.table, nil
}

func (r *Reader) takeRows(h Header, body []byte) error {
	id, c := rowsHead(&r.format, h, body)
	t, err := r.lookUp(id, &c)
	if err != nil || t == nil {
		return err
	}
	if !r.open {
		return damaged("rows came outside of a transaction")
	}
	rows, err := parseRows(t, opOf(h.Type), c)
	if err != nil {
		return err
	}
	if h.Type >= typeMariaWriteCompressed {
		if rows.left, err = inflate(rows.left, r.most); err != nil {
			return err
		}
	}
	r.touched = true
	r.tell(Event{Kind: Change, Rows: rows})
	return nil
}

// partial refuses updates of which the log has only parts of documents.
func (r *Reader) partial(h Header, body []byte) error {
	id, c := rowsHead(&r.format, h, body)
	t, err := r.lookUp(id, &c)
	if err != nil || t == nil {
		return err
	}
	return fault.New(fault.Data, "binary log: an update of %s.%s tells only parts of JSON documents", t.Schema, t.Name).
		WithHint("set binlog_row_value_options = '' at the server, for all sessions, and read the table anew with --full")
}

// Close lets go of a compressed transaction under way.
func (r *Reader) Close() {
	if r.packed != nil {
		r.packed.close()
		r.packed = nil
	}
}
