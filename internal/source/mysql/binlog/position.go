package binlog

import (
	"encoding/json"

	"weir/internal/fault"
	"weir/internal/mysql/gtid"
)

// Position is a place between two transactions of a server's log: the transactions that one has, where they have ids, and
// file and byte where the next one begins.
type Position struct {
	Maria bool
	Set   gtid.Set  // of MySQL
	Last  gtid.Last // of MariaDB
	File  string
	Pos   uint64
}

// ByID says whether the position is one of transactions' ids, which another server of the same data knows as well.
func (p *Position) ByID() bool { return !p.Set.Empty() || !p.Last.Empty() }

// Clone copies the position.
func (p *Position) Clone() Position {
	c := *p
	c.Set, c.Last = p.Set.Clone(), p.Last.Clone()
	return c
}

type positionText struct {
	GTID string `json:"gtid,omitempty"`
	File string `json:"file,omitempty"`
	Pos  uint64 `json:"pos,omitempty"`
}

// String writes a position as ParsePosition reads it.
func (p *Position) String() string {
	t := positionText{GTID: p.Set.String(), File: p.File, Pos: p.Pos}
	if p.Maria {
		t.GTID = p.Last.String()
	}
	b, _ := json.Marshal(t)
	return string(b)
}

// ParsePosition reads a position in the log of MySQL or MariaDB.
func ParsePosition(text string, maria bool) (p Position, err error) {
	p.Maria = maria
	var t positionText
	if err := json.Unmarshal([]byte(text), &t); err != nil || t.GTID == "" && t.File == "" {
		return p, fault.New(fault.Data, "%q is not a position in a binary log", text)
	}
	p.File, p.Pos = t.File, t.Pos
	if maria {
		p.Last, err = gtid.ParseLast(t.GTID)
	} else {
		p.Set, err = gtid.Parse(t.GTID)
	}
	return p, err
}

// Before says whether one has more at o than here. Positions of one server compare by their ids; without, by file and byte.
func (p *Position) Before(o *Position) bool {
	switch {
	case p.Maria && p.ByID() && o.ByID():
		return o.Last.Contains(p.Last) && !p.Last.Contains(o.Last)
	case p.ByID() && o.ByID():
		return o.Set.Contains(p.Set) && !p.Set.Contains(o.Set)
	case p.File != o.File:
		return len(p.File) < len(o.File) || len(p.File) == len(o.File) && p.File < o.File
	}
	return p.Pos < o.Pos
}

// Has says whether a transaction is among those before the position.
func (p *Position) Has(t *Transaction) bool {
	switch {
	case t.Maria.Sequence != 0 && p.ByID():
		return p.Last.Has(t.Maria)
	case t.Number != 0 && p.ByID():
		return p.Set.Has(t.Source, t.Number)
	}
	at := Position{File: t.File, Pos: t.Pos}
	return !p.Before(&at) // the transaction's place is behind the position that it begins at
}

// add notes a transaction that has ended. A position without ids gets none: they would not be all that came before it.
func (p *Position) add(t Transaction) {
	switch {
	case !p.ByID():
	case t.Maria.Sequence != 0:
		p.Last.Add(t.Maria)
	case t.Number != 0:
		p.Set.Add(t.Source, t.Number)
	}
}
