package replication

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What is written by the manual's description of a message is read as it was meant.
func TestDecodeReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := drawMessage(rt)
		var got Message
		if err := Decode(write(want), &got); err != nil {
			rt.Fatalf("%+v: %v", want, err)
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("got\n%+v\nwant\n%+v", got, want)
		}
	})
}

// Nothing a server sends makes the reader fall over, and what it takes apart it never reads beyond.
func FuzzDecode(f *testing.F) {
	for _, k := range []Kind{KindBegin, KindCommit, KindOrigin, KindRelation, KindType, KindInsert, KindUpdate, KindDelete, KindTruncate, KindStreamStart,
		KindStreamCommit, KindStreamAbort} {
		for i := range 3 {
			f.Add(write(rapid.Custom(func(rt *rapid.T) Message { return drawKind(rt, k) }).Example(i)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message
		if err := Decode(data, &m); err == nil {
			walk(&m)
		}
		if len(data) > 0 {
			if _, rest, _, err := inStream(bytes.Clone(data)); err == nil && Decode(rest, &m) == nil {
				walk(&m)
			}
		}
	})
}

func walk(m *Message) {
	for _, t := range []Tuple{m.Old, m.New} {
		v := values{t.data}
		for range t.n {
			if kind, _ := v.next(); kind == 0 {
				break
			}
		}
	}
}

// A copy that is broken is an error, never a fall.
func FuzzRow(f *testing.F) {
	f.Add([]byte(copyHeader+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01E"), []byte("\x00\x01\x00\x00\x00\x01E"))
	f.Add([]byte(copyHeader+"\x00\x00\x00\x00\x00\x00\x00\x00"), []byte("\xff\xff"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		p := &peek{}
		if _, err := p.row(first); err == nil {
			_, _ = p.row(second) // whatever it says
		}
	})
}

func drawMessage(rt *rapid.T) Message {
	return drawKind(rt, rapid.SampledFrom([]Kind{KindBegin, KindCommit, KindOrigin, KindRelation, KindType, KindInsert, KindUpdate, KindDelete, KindTruncate,
		KindStreamStart, KindStreamStop, KindStreamCommit, KindStreamAbort}).Draw(rt, "kind"))
}

func drawKind(rt *rapid.T, k Kind) Message {
	m := Message{Kind: k}
	lsn := rapid.Map(rapid.Uint64(), func(n uint64) LSN { return LSN(n) })
	id, name := rapid.Uint32(), rapid.StringMatching(`[a-zä]{0,6}`)
	moment := rapid.Int64Range(-epoch, epoch)
	switch k {
	case KindBegin:
		m.LSN, m.Time, m.Xid = lsn.Draw(rt, "lsn"), moment.Draw(rt, "time"), id.Draw(rt, "xid")
	case KindCommit:
		m.LSN, m.End, m.Time = lsn.Draw(rt, "lsn"), lsn.Draw(rt, "end"), moment.Draw(rt, "time")
	case KindOrigin:
		m.LSN, m.Text = lsn.Draw(rt, "lsn"), name.Draw(rt, "name")
	case KindRelation:
		m.Defined = Relation{ID: id.Draw(rt, "id"), Schema: "s" + name.Draw(rt, "schema"), Name: name.Draw(rt, "name"), Identity: IdentityFull, Columns: []Column{}}
		for range rapid.IntRange(0, 3).Draw(rt, "columns") {
			m.Defined.Columns = append(m.Defined.Columns, Column{Name: name.Draw(rt, "column"), Type: id.Draw(rt, "type"), Modifier: rapid.Int32().Draw(rt, "modifier"),
				Key: rapid.Bool().Draw(rt, "key")})
		}
	case KindType:
		m.Named = TypeName{OID: id.Draw(rt, "oid"), Schema: name.Draw(rt, "schema"), Name: name.Draw(rt, "name")}
	case KindInsert:
		m.Relation, m.New = id.Draw(rt, "id"), drawTuple(rt)
	case KindUpdate:
		m.Relation, m.New = id.Draw(rt, "id"), drawTuple(rt)
		if m.OldKind = rapid.SampledFrom([]byte{imageNone, imageKey, imageFull}).Draw(rt, "image"); m.OldKind != imageNone {
			m.Old = drawTuple(rt)
		}
	case KindDelete:
		m.Relation, m.Old, m.OldKind = id.Draw(rt, "id"), drawTuple(rt), rapid.SampledFrom([]byte{imageKey, imageFull}).Draw(rt, "image")
	case KindTruncate:
		m.Relations = rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, "relations")
	case KindStreamStart:
		m.Xid = id.Draw(rt, "xid")
	case KindStreamCommit:
		m.Xid, m.LSN, m.End, m.Time = id.Draw(rt, "xid"), lsn.Draw(rt, "lsn"), lsn.Draw(rt, "end"), moment.Draw(rt, "time")
	case KindStreamAbort:
		m.Xid, m.Sub = id.Draw(rt, "xid"), id.Draw(rt, "sub")
	}
	return m
}

func drawTuple(rt *rapid.T) Tuple {
	t := Tuple{n: rapid.IntRange(0, 4).Draw(rt, "values"), data: []byte{}}
	for range t.n {
		kind := rapid.SampledFrom([]byte{valueNull, valueUnchanged, valueText, valueBinary}).Draw(rt, "value kind")
		t.data = append(t.data, kind)
		if kind == valueText || kind == valueBinary {
			v := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(rt, "value")
			t.data = append(binary.BigEndian.AppendUint32(t.data, uint32(len(v))), v...)
		}
	}
	return t
}

// write is a message in bytes.
func write(m Message) []byte {
	b := []byte{byte(m.Kind)}
	u32 := func(v uint32) { b = binary.BigEndian.AppendUint32(b, v) }
	u64 := func(v uint64) { b = binary.BigEndian.AppendUint64(b, v) }
	text := func(s string) { b = append(append(b, s...), 0) }
	tuple := func(kind byte, t Tuple) {
		b = append(binary.BigEndian.AppendUint16(append(b, kind), uint16(t.n)), t.data...)
	}
	switch m.Kind {
	case KindBegin:
		u64(uint64(m.LSN))
		u64(uint64(m.Time - epoch))
		u32(m.Xid)
	case KindStreamCommit, KindCommit:
		if m.Kind == KindStreamCommit {
			u32(m.Xid)
		}
		b = append(b, 0)
		u64(uint64(m.LSN))
		u64(uint64(m.End))
		u64(uint64(m.Time - epoch))
	case KindOrigin:
		u64(uint64(m.LSN))
		text(m.Text)
	case KindRelation:
		u32(m.Defined.ID)
		text(m.Defined.Schema)
		text(m.Defined.Name)
		b = binary.BigEndian.AppendUint16(append(b, byte(m.Defined.Identity)), uint16(len(m.Defined.Columns)))
		for _, c := range m.Defined.Columns {
			if b = append(b, 0); c.Key {
				b[len(b)-1] = 1
			}
			text(c.Name)
			u32(c.Type)
			u32(uint32(c.Modifier))
		}
	case KindType:
		u32(m.Named.OID)
		text(m.Named.Schema)
		text(m.Named.Name)
	case KindInsert, KindUpdate, KindDelete:
		u32(m.Relation)
		if m.OldKind != imageNone {
			tuple(m.OldKind, m.Old)
		}
		if m.Kind != KindDelete {
			tuple(imageNew, m.New)
		}
	case KindTruncate:
		u32(uint32(len(m.Relations) / 4))
		b = append(append(b, 0), m.Relations...)
	case KindStreamStart:
		u32(m.Xid)
		b = append(b, 1)
	case KindStreamAbort:
		u32(m.Xid)
		u32(m.Sub)
	}
	return b
}
