package mysql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/source/mysql/binlog"
	"weir/internal/source/mysql/value"
)

// gathering makes changes of tables out of a log's events.
type gathering struct {
	f       *following
	ctx     context.Context
	control *wire.Conn
	keep    func(feed.Changes) error
	of      map[binlog.TableName][]*writer
	pool    *record.Pool

	at   binlog.Position // what had been read when the transaction under way began
	tx   binlog.Transaction
	seq  int
	size int // bytes gathered, about
}

// writer gathers the changes of one table of the lake.
type writer struct {
	table  string
	reader *Reader
	key    []string
	after  binlog.Position // what it has already

	source  *binlog.Table // as it was when its changes were written
	columns []value.Column
	lake    []job.Column // without those of a change
	keyed   []int
	builder *record.Builder
	cells   []*value.Cell // by column of the source, nil for one that is not read
	rejects []record.Reject
	guessed bool // changes were told by the columns that the table has now, as the log does not name them
}

// mostGathered is how many bytes of changes are held at once, over all tables (promise 5).
const mostGathered = 64 << 20

func (g *gathering) release() {
	for _, list := range g.of {
		for _, w := range list {
			w.forget()
		}
	}
	if g.pool != nil {
		g.pool.Close()
	}
}

func (w *writer) forget() {
	if w.source != nil {
		w.builder.Release()
	}
	w.source = nil
}

// flush hands on what was gathered.
func (g *gathering) flush() error {
	g.size = 0
	for _, list := range g.of {
		for _, w := range list {
			if err := g.send(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *gathering) send(w *writer) error {
	if len(w.rejects) > 0 {
		if err := g.keep(feed.Changes{Table: w.table, Columns: w.lake, Rejects: w.rejects}); err != nil {
			return err
		}
		w.rejects = nil
	}
	if w.source == nil || w.builder.Rows() == 0 {
		return nil
	}
	return g.keep(feed.Changes{Table: w.table, Columns: w.lake, Batch: w.builder.Take()})
}

// take works one event off.
func (g *gathering) take(e binlog.Event, at binlog.Position) error {
	switch e.Kind {
	case binlog.Begin:
		g.at, g.tx, g.seq = at, e.Transaction, 0
	case binlog.Change:
		return g.change(e.Rows)
	case binlog.Schema:
		return g.schema(e)
	case binlog.Commit:
		if g.size >= mostGathered {
			return g.flush()
		}
	}
	return nil
}

// schema works off a change of tables' shapes. Rows tell their shape themselves; what counts is that rows went or came without
// a change of their own.
func (g *gathering) schema(e binlog.Event) error {
	for _, name := range e.Tables {
		for _, w := range g.of[name] {
			if g.at.Before(&w.after) {
				continue
			}
			if e.Lost {
				return w.unreadable(fault.New(fault.Data, "%s was dropped, renamed or lost rows otherwise than by changes: %.100s", shown(name), strings.Join(strings.Fields(e.Statement), " ")).
					WithHint("weir run %s --full reads the table anew", w.table))
			}
			if w.guessed && !e.Truncate {
				return w.unreadable(fault.New(fault.Data, "%s was altered after some of its changes, and the log does not tell which columns they have", shown(name)).
					WithHint("weir run %s --full reads the table anew; with binlog_row_metadata = FULL at the server, the log tells from then on", w.table))
			}
			if e.Truncate {
				if err := g.truncate(name, w); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// place is the position of the next change, as text that sorts: the number of the log's file, the byte of the transaction in
// it, and the number of the change in that.
func (g *gathering) place() string {
	text := placeText(g.tx.File, g.tx.Pos) + fmt.Sprintf("-%08d", g.seq)
	g.seq++
	return text
}

func placeText(file string, pos uint64) string {
	return fmt.Sprintf("%010s:%014d", file[strings.LastIndexByte(file, '.')+1:], pos)
}

// truncate notes that all rows of a table are gone.
func (g *gathering) truncate(name binlog.TableName, w *writer) error {
	if w.source == nil {
		rel, err := look(g.ctx, g.control, name.Schema, name.Name)
		if err != nil {
			return err
		}
		columns, err := columnsOf(rel, w.reader.columns, false, w.reader.zeroDates())
		if err != nil {
			return err
		}
		if err := g.prepare(w, &binlog.Table{Schema: name.Schema, Name: name.Name}, columns); err != nil {
			return err
		}
	}
	for i := range w.lake {
		w.builder.Columns[i].Null()
	}
	w.finish(feed.OpTruncate, g.tx.Time.UnixMicro(), g.place(), nil)
	return nil
}

// change takes the rows of one event, for each table of the lake that follows theirs.
func (g *gathering) change(rows *binlog.Rows) error {
	first, last := g.seq, g.seq
	for _, w := range g.of[binlog.TableName{Schema: rows.Table.Schema, Name: rows.Table.Name}] {
		if g.at.Before(&w.after) {
			continue
		}
		if w.source != rows.Table {
			if err := g.describe(w, rows.Table); err != nil {
				return w.unreadable(err)
			}
		}
		own := *rows                     // each reads them for itself
		for g.seq = first; own.More(); { // numbers are those of the table, whoever follows it
			if err := g.row(w, &own); err != nil {
				return w.unreadable(err)
			}
		}
		last = max(last, g.seq)
	}
	g.seq = last
	return nil
}

// unreadable is the error of one table where it is of the data, and not of the network or this machine.
func (w *writer) unreadable(err error) error {
	switch fault.ClassOf(err) {
	case fault.Data, fault.Usage:
		return &feed.Unreadable{Tables: []string{w.table}, Err: err}
	}
	return err
}

// describe prepares for rows of a table as it was when they were written.
func (g *gathering) describe(w *writer, t *binlog.Table) error {
	rel, err := look(g.ctx, g.control, t.Schema, t.Name)
	var known []value.Column
	if err == nil {
		known, err = columnsOf(rel, w.reader.columns, false, w.reader.zeroDates())
	}
	if err != nil && !t.Named {
		return err
	}
	columns, err := t.Describe(g.ctx, known, g.f.charsets, w.reader.zeroDates())
	if err != nil {
		return err
	}
	for i := range columns {
		for _, d := range w.reader.columns {
			if strings.EqualFold(d.Name, columns[i].Name) && d.Type == "VARCHAR" {
				columns[i].Zero = value.TextZero
			}
		}
	}
	w.guessed = w.guessed || !t.Named
	return g.prepare(w, t, columns)
}

func (g *gathering) prepare(w *writer, t *binlog.Table, columns []value.Column) (err error) {
	if g.pool == nil {
		g.pool = record.NewPool()
	}
	if err := g.send(w); err != nil {
		return err
	}
	w.forget()
	w.columns, w.lake, w.keyed = columns, nil, nil
	for i := range columns {
		if w.reader.takes(columns[i].Name) {
			w.lake = append(w.lake, columns[i].Lake())
		}
	}
	for i := range columns {
		named := func(k string) bool { return strings.EqualFold(columns[i].Name, k) }
		if slices.ContainsFunc(w.key, named) || len(w.key) == 0 && slices.Contains(t.Key, i) {
			w.keyed = append(w.keyed, i)
		}
	}
	if w.builder, err = record.NewBuilder(append(slices.Clone(w.lake), feed.Columns()...), g.pool); err != nil {
		return err
	}
	w.cells = make([]*value.Cell, len(columns))
	for i, at := 0, 0; i < len(columns); i++ {
		if w.reader.takes(columns[i].Name) {
			cell := value.NewCell(columns[i], &w.builder.Columns[at], w.reader.maxValue())
			w.cells[i], at = &cell, at+1
		}
	}
	w.source = t
	return nil
}

// takes says whether a column is read.
func (r *Reader) takes(name string) bool {
	return !r.Strict || slices.ContainsFunc(r.columns, func(d job.Column) bool { return strings.EqualFold(d.Name, name) })
}

// row takes one changed row: an update that moved it to another key as two.
func (g *gathering) row(w *writer, rows *binlog.Rows) error {
	if err := rows.Next(); err != nil {
		return err
	}
	var err error
	switch {
	case rows.Op == binlog.Insert:
		err = g.image(w, feed.OpInsert, &rows.After)
	case rows.Op == binlog.Delete:
		err = g.image(w, feed.OpDelete, &rows.Before)
	default:
		if w.moved(rows) {
			err = g.image(w, feed.OpBefore, &rows.Before)
		}
		if err == nil {
			err = g.image(w, feed.OpUpdate, &rows.After)
		}
	}
	if err == nil && w.builder.Full() {
		return g.send(w)
	}
	return err
}

// moved says whether an update changed the key of the row. A key that the new image does not tell has not changed.
func (w *writer) moved(rows *binlog.Rows) bool {
	for _, i := range w.keyed {
		if rows.After.Tells(i) && !bytes.Equal(rows.Before.Value(i), rows.After.Value(i)) {
			return true
		}
	}
	return false
}

// image takes a row as it was or is.
func (g *gathering) image(w *writer, op string, m *binlog.Image) error {
	cells, unfit := w.cells, []string(nil)
	err := m.Put(cells)
	var misfit *binlog.Misfit
	for errors.As(err, &misfit) {
		w.builder.Undo()
		if past := op == feed.OpDelete || op == feed.OpBefore; past && !slices.Contains(w.keyed, misfit.Index) {
			// A row that is no more need not fit, as long as its key does.
			cells, unfit = slices.Clone(cells), append(unfit, w.columns[misfit.Index].Name)
			cells[misfit.Index] = nil
			if err = m.Put(cells); err == nil {
				w.voids(cells)
			}
			continue
		}
		return g.reject(w, op, m, misfit)
	}
	if err != nil {
		return err
	}
	w.finish(op, g.tx.Time.UnixMicro(), g.place(), append(w.absent(m), unfit...))
	size := 0
	for i := range w.columns {
		size += 8 + len(m.Value(i))
	}
	if g.size += size; size > 1<<16 && w.builder.Heavy() {
		return g.send(w)
	}
	return nil
}

// voids appends nulls for columns that were left out.
func (w *writer) voids(cells []*value.Cell) {
	for i, c := range cells {
		if c == nil && w.cells[i] != nil {
			w.cells[i].Null()
		}
	}
}

// absent names the columns that an image does not tell.
func (w *writer) absent(m *binlog.Image) (names []string) {
	if m.Whole() {
		return nil
	}
	for i := range w.columns {
		if w.cells[i] != nil && !m.Tells(i) {
			names = append(names, w.columns[i].Name)
		}
	}
	return names
}

// finish completes a row with the columns of a change.
func (w *writer) finish(op string, micros int64, place string, absent []string) {
	own := w.builder.Columns[len(w.lake):]
	own[0].Text(op)
	own[1].Int64(micros)
	own[2].Text(place)
	if absent == nil {
		own[3].Null()
	} else {
		for _, name := range absent {
			own[3].Item.Text(name)
		}
		own[3].EndList()
	}
	w.builder.EndRow()
}

// reject turns a change away whose value does not fit.
func (g *gathering) reject(w *writer, op string, m *binlog.Image, misfit *binlog.Misfit) error {
	if len(w.rejects) >= mostRejects {
		return fault.New(fault.Data, "more than %d changes of %s do not fit; the last: %s", mostRejects, w.table, misfit)
	}
	dataset := shown(binlog.TableName{Schema: w.source.Schema, Name: w.source.Name})
	w.rejects = append(w.rejects, record.Reject{ID: feed.RejectID(dataset, g.place()), Kind: record.KindReject, Dataset: dataset, Offset: -1,
		Column: misfit.Column, Reason: op + ": " + misfit.Error(), Raw: w.rawText(m)})
	return nil
}

// rawText writes a row as a JSON object of texts.
func (w *writer) rawText(m *binlog.Image) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range w.columns {
		if !m.Tells(i) || len(m.Value(i)) > rawMost {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(c.Name)
		b.Write(name)
		b.WriteByte(':')
		if m.Value(i) == nil {
			b.WriteString("null")
			continue
		}
		text, _ := json.Marshal(m.Text(i, c))
		b.Write(text)
	}
	b.WriteByte('}')
	return b.String()
}
