package replication

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/record"
)

// Columns of a change that stand behind those of the table. ColumnLSN and ColumnSeq order all changes of a server.
const (
	ColumnOp   = "_op"        // VARCHAR, one of the Ops
	ColumnTime = "_commit_ts" // TIMESTAMP WITH TIME ZONE of the commit, by the server's clock
	ColumnLSN  = "_lsn"       // BIGINT, where the commit record begins
	ColumnSeq  = "_seq"       // BIGINT, index in the transaction, from 0
	// VARCHAR[], the columns whose value this row does not tell although they are null here: those stored out of line that an
	// update did not change, and all but the key where only the key of a row is known. Null where every value is known.
	ColumnAbsent = "_absent"
)

// Ops. A before row stands in front of an update: the row as it was, under the key that it had.
const (
	OpInsert   = "insert"
	OpBefore   = "before"
	OpUpdate   = "update"
	OpDelete   = "delete"
	OpTruncate = "truncate" // all rows of the table are gone; every column is null
)

// Conversion says what the values of a column become.
type Conversion struct {
	Type string                             // of the lake, as in job.Column
	Text func(*record.Column, []byte) error // appends a value from its text form
}

// transaction is the one whose changes are being read.
type transaction struct {
	open bool
	xid  uint32
	lsn  LSN   // where the commit record begins
	time int64 // µs since 1970
	seq  int64 // of the next row
}

// rows gathers the changes of one relation.
type rows struct {
	relation *Relation
	after    LSN    // changes of transactions that committed before are in the table
	before   bool   // every update is preceded by the row as it was, where that is sent
	key      []bool // columns of the key of the lake's table
	convert  []Conversion
	columns  []job.Column // the relation's, then those of a change
	builder  *record.Builder
	rejects  []record.Reject
	size     int   // bytes gathered, about
	broken   error // the table's changes can't be told; nothing else is here then
}

func (w *rows) release() {
	if w.builder != nil {
		w.builder.Release()
	}
}

// changeColumns are the columns behind the table's own.
func changeColumns() []job.Column {
	return []job.Column{{Name: ColumnOp, Type: "VARCHAR"}, {Name: ColumnTime, Type: "TIMESTAMP WITH TIME ZONE"}, {Name: ColumnLSN, Type: "BIGINT"},
		{Name: ColumnSeq, Type: "BIGINT"}, {Name: ColumnAbsent, Type: "VARCHAR[]"}}
}

func newRows(ctx context.Context, r *Relation, f Follow, o *Options) (*rows, error) {
	w := &rows{relation: r, after: f.After, before: f.Before, key: make([]bool, len(r.Columns)), convert: make([]Conversion, len(r.Columns))}
	for i, c := range r.Columns {
		w.key[i] = slices.ContainsFunc(f.Key, func(k string) bool { return strings.EqualFold(k, c.Name) }) || len(f.Key) == 0 && c.Key
		if w.key[i] && !c.Key {
			return nil, fault.New(fault.Usage, "column %s is of the key of a table that follows %s, and not of what its changes tell of a row as it was (its replica identity)", c.Name, r.Table()).
				WithHint("ALTER TABLE %s REPLICA IDENTITY FULL, or USING INDEX with a unique index of the key; or make its primary key the key; then read the table anew with --full", postgres.Quote(r.Schema, r.Name))
		}
	}
	cols := make([]job.Column, len(r.Columns))
	for i, c := range r.Columns {
		for _, own := range changeColumns() {
			if c.Name == own.Name {
				return nil, fault.New(fault.Usage, "%s has a column %s, which is the name of one that changes carry", r.Table(), c.Name)
			}
		}
		conversion, err := o.Convert(ctx, r.Table(), c)
		if err != nil {
			return nil, fmt.Errorf("%s, column %s: %w", r.Table(), c.Name, err)
		}
		w.convert[i], cols[i] = conversion, job.Column{Name: c.Name, Type: conversion.Type}
	}
	var err error
	w.columns = append(cols, changeColumns()...)
	w.builder, err = record.NewBuilder(w.columns, o.Pool)
	return w, err
}

// change appends what a message says of a row.
func (w *rows) change(tx *transaction, m *Message) error {
	switch m.Kind {
	case KindInsert:
		return w.row(tx, OpInsert, false, image{values: values{m.New.data}, n: m.New.n})
	case KindDelete:
		return w.row(tx, OpDelete, m.OldKind == imageKey, image{values: values{m.Old.data}, n: m.Old.n})
	}
	if m.OldKind == imageNone {
		return w.row(tx, OpUpdate, false, image{values: values{m.New.data}, n: m.New.n})
	}
	if m.OldKind == imageFull && !w.before && !w.moved(m) {
		tx.seq++ // numbers do not depend on what is asked for
	} else if err := w.row(tx, OpBefore, m.OldKind == imageKey, image{values: values{m.Old.data}, n: m.Old.n}); err != nil {
		return err
	}
	now := image{values: values{m.New.data}, n: m.New.n}
	if m.OldKind == imageFull && m.Old.n == m.New.n {
		now.old, now.merge = values{m.Old.data}, true
	}
	return w.row(tx, OpUpdate, false, now)
}

// moved says whether an update with a full old row changed the row's key.
func (w *rows) moved(m *Message) bool {
	now, old := values{m.New.data}, values{m.Old.data}
	for i := range min(m.New.n, m.Old.n, len(w.key)) {
		kind, value := now.next()
		oldKind, oldValue := old.next()
		if w.key[i] && kind != valueUnchanged && (kind != oldKind || !bytes.Equal(value, oldValue)) {
			return true
		}
	}
	return false
}

// image walks a row, and beside it the full old row, which tells the values that the new one leaves out.
type image struct {
	values
	n     int
	old   values
	merge bool
}

func (i *image) next() (kind byte, value []byte) {
	kind, value = i.values.next()
	if i.merge {
		if oldKind, oldValue := i.old.next(); kind == valueUnchanged && oldKind != 0 {
			return oldKind, oldValue
		}
	}
	return kind, value
}

// row appends one row. keyOnly says that it tells only the columns of the replica identity.
func (w *rows) row(tx *transaction, op string, keyOnly bool, from image) error {
	seq := tx.seq
	tx.seq++
	return w.append(tx, seq, op, keyOnly, from, nil)
}

// append appends a row without those of its values that are unfit.
func (w *rows) append(tx *transaction, seq int64, op string, keyOnly bool, from image, unfit map[int]bool) error {
	if from.n != len(w.convert) {
		return fault.New(fault.Internal, "%s of %s has %d values, the table %d columns", op, w.relation.Table(), from.n, len(w.convert))
	}
	absent, v := false, from
	past := op == OpBefore || op == OpDelete
	for i := range w.convert {
		col := &w.builder.Columns[i]
		kind, value := v.next()
		var err error
		if unfit[i] {
			kind = valueUnchanged
		}
		switch kind {
		case valueText:
			err = w.convert[i].Text(col, value)
		case valueNull:
			col.Null()
			absent = absent || keyOnly && !w.relation.Columns[i].Key
		case valueUnchanged:
			col.Null()
			absent = true
		default:
			return fmt.Errorf("%s of %s: %w", op, w.relation.Table(), errBroken)
		}
		if err != nil {
			w.builder.Undo()
			if past && !w.key[i] { // a row that is no more need not fit, as long as its key does
				if unfit == nil {
					unfit = make(map[int]bool)
				}
				unfit[i] = true
				return w.append(tx, seq, op, keyOnly, from, unfit)
			}
			w.reject(tx, seq, op, from, w.relation.Columns[i].Name, err)
			return nil
		}
	}
	w.finish(tx, seq, op)
	if col := w.absent(); absent {
		w.list(col, keyOnly, from, unfit)
	} else {
		col.Null()
	}
	w.builder.EndRow()
	w.size += len(from.data) + 40
	return nil
}

// absent is the column that lists what a row does not tell.
func (w *rows) absent() *record.Column { return &w.builder.Columns[len(w.convert)+4] }

// list appends the names of the columns whose value a row does not tell.
func (w *rows) list(col *record.Column, keyOnly bool, v image, unfit map[int]bool) {
	for i := range w.relation.Columns {
		c := &w.relation.Columns[i]
		if kind, _ := v.next(); kind == valueUnchanged || unfit[i] || keyOnly && !c.Key {
			col.Item.Text(c.Name)
		}
	}
	col.EndList()
}

// finish appends the columns of the change but the last.
func (w *rows) finish(tx *transaction, seq int64, op string) {
	more := w.builder.Columns[len(w.convert):]
	more[0].Text(op)
	more[1].Int64(tx.time)
	more[2].Int64(int64(tx.lsn))
	more[3].Int64(seq)
}

// truncate appends that all rows are gone.
func (w *rows) truncate(tx *transaction) {
	for i := range w.convert {
		w.builder.Columns[i].Null()
	}
	w.finish(tx, tx.seq, OpTruncate)
	tx.seq++
	w.absent().Null()
	w.builder.EndRow()
	w.size += 40
}

// reject keeps a change that does not fit, in its raw form (promise 6).
func (w *rows) reject(tx *transaction, seq int64, op string, from image, column string, cause error) {
	raw := w.raw(from)
	place := fmt.Sprintf("%s %s %d", w.relation.Table(), tx.lsn, seq)
	w.rejects = append(w.rejects, record.Reject{ID: place, Kind: record.KindReject, Dataset: w.relation.Table().String(), Line: seq, Offset: int64(tx.lsn),
		Column: column, Reason: op + ": " + cause.Error(), Raw: raw})
	w.size += len(raw) + 200
}

// raw is a tuple as a JSON object of texts. What the change does not tell is not in it.
func (w *rows) raw(v image) string {
	out := []byte{'{'}
	for _, c := range w.relation.Columns {
		kind, value := v.next()
		if kind == valueUnchanged {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(c.Name) // a text always can be
		out = append(append(out, name...), ':')
		switch kind {
		case valueText:
			text, _ := json.Marshal(string(value))
			out = append(out, text...)
		default:
			out = append(out, "null"...)
		}
	}
	return string(append(out, '}'))
}

// take gives away what was gathered; nil where there is nothing.
func (w *rows) take() (batch arrow.RecordBatch, rejects []record.Reject) {
	if w.builder != nil && w.builder.Rows() > 0 {
		batch = w.builder.Take()
	}
	rejects, w.rejects, w.size = w.rejects, nil, 0
	return batch, rejects
}
