package mysql

import (
	"context"
	"errors"
	"fmt"
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

	at  binlog.Position // where the transaction under way begins
	tx  binlog.Transaction
	seq int
}

// writer gathers the changes of one table of the lake.
type writer struct {
	table  string
	reader *Reader
	key    []string
	after  binlog.Position // what it has already

	source      *binlog.Table // as it was when its changes were written
	columns     []value.Column
	lake        []job.Column
	keyed       []int
	before, now *images
	rejects     []record.Reject
}

// images are rows under way: those before a change that moved a key, and all others. Their order is that of the position they
// carry.
type images struct {
	b     *record.Builder
	cells []*value.Cell
}

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
		w.before.b.Release()
		w.now.b.Release()
	}
	w.source = nil
}

// flush hands on what was gathered.
func (g *gathering) flush() error {
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
	if w.source == nil {
		return nil
	}
	for _, i := range []*images{w.before, w.now} {
		if i.b.Rows() == 0 {
			continue
		}
		if err := g.keep(feed.Changes{Table: w.table, Columns: w.lake, Batch: i.b.Take()}); err != nil {
			return err
		}
	}
	return nil
}

// take works one event off.
func (g *gathering) take(e binlog.Event, at binlog.Position) error {
	switch e.Kind {
	case binlog.Begin:
		g.at, g.tx, g.seq = at, e.Transaction, 0
	case binlog.Change:
		return g.change(e.Rows)
	case binlog.Schema:
		return g.schema(e, at)
	}
	return nil
}

// schema ends what was gathered of tables that look different from here on, or that were emptied.
func (g *gathering) schema(e binlog.Event, at binlog.Position) error {
	for _, name := range e.Tables {
		for _, w := range g.of[name] {
			if e.Truncate {
				if err := g.truncate(name, w, at); err != nil {
					return err
				}
				continue
			}
			if err := g.send(w); err != nil {
				return err
			}
			w.forget()
		}
	}
	return nil
}

// place is the position of the next change, as text that sorts.
func (g *gathering) place() string {
	text := fmt.Sprintf("%s:%012d-%08d", g.at.File, g.at.Pos, g.seq)
	g.seq++
	return text
}

// truncate notes that all rows of a table are gone.
func (g *gathering) truncate(name binlog.TableName, w *writer, at binlog.Position) error {
	if at.Before(&w.after) {
		return nil
	}
	g.at = at
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
	b := w.now.b
	for i := range w.lake {
		b.Columns[i].Null()
	}
	w.finish(b, feed.OpTruncate, g.tx.Time.UnixMicro(), g.place(), nil)
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
				return err
			}
		}
		own := *rows // each reads them for itself
		for g.seq = first; own.More(); {
			if err := g.row(w, &own); err != nil {
				return err
			}
		}
		last = max(last, g.seq)
	}
	g.seq = last
	return nil
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
	w.columns, w.lake, w.keyed = columns, make([]job.Column, len(columns)), nil
	for i := range columns {
		w.lake[i] = columns[i].Lake()
	}
	for _, k := range w.key {
		for i := range columns {
			if strings.EqualFold(columns[i].Name, k) {
				w.keyed = append(w.keyed, i)
			}
		}
	}
	if len(w.key) == 0 {
		w.keyed = t.Key
	}
	if w.before, err = g.images(w); err != nil {
		return err
	}
	if w.now, err = g.images(w); err != nil {
		return err
	}
	w.source = t
	return nil
}

func (g *gathering) images(w *writer) (*images, error) {
	b, err := record.NewBuilder(append(append([]job.Column(nil), w.lake...), feed.Columns()...), g.pool)
	if err != nil {
		return nil, err
	}
	i := &images{b: b, cells: make([]*value.Cell, len(w.columns))}
	for at, c := range w.columns {
		cell := value.NewCell(c, &b.Columns[at], w.reader.maxValue())
		i.cells[at] = &cell
	}
	return i, nil
}

// row takes one changed row.
func (g *gathering) row(w *writer, rows *binlog.Rows) error {
	var before, after []*value.Cell
	switch rows.Op {
	case binlog.Insert:
		after = w.now.cells
	case binlog.Update:
		before, after = w.before.cells, w.now.cells
	case binlog.Delete:
		before = w.now.cells
	}
	err := rows.Next(before, after)
	if err != nil {
		w.before.b.Undo()
		w.now.b.Undo()
		return g.reject(w, rows, err)
	}
	at := g.tx.Time.UnixMicro()
	if rows.Op == binlog.Update {
		if w.moved() {
			w.finish(w.before.b, feed.OpBefore, at, g.place(), nil)
		} else {
			w.before.b.Undo()
		}
	}
	w.finish(w.now.b, rows.Op.String(), at, g.place(), w.absent(rows))
	if w.now.b.Full() || w.before.b.Full() || w.now.b.Heavy() {
		return g.send(w)
	}
	return nil
}

// moved says whether an update changed the key of the row under way.
func (w *writer) moved() bool {
	for _, i := range w.keyed {
		if !w.before.b.Columns[i].SameLast(&w.now.b.Columns[i]) {
			return true
		}
	}
	return false
}

// absent names the columns that a change does not tell.
func (w *writer) absent(rows *binlog.Rows) (names []string) {
	after := rows.Op != binlog.Delete
	for i := range w.columns {
		if !rows.Tells(after, i) {
			names = append(names, w.columns[i].Name)
		}
	}
	return names
}

// finish completes a row with the columns of a change.
func (w *writer) finish(b *record.Builder, op string, micros int64, place string, absent []string) {
	own := b.Columns[len(w.lake):]
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
	b.EndRow()
}

// reject turns a change away whose value does not fit; other errors end the read.
func (g *gathering) reject(w *writer, rows *binlog.Rows, err error) error {
	var misfit *binlog.Misfit
	if !errors.As(err, &misfit) {
		return err
	}
	place := g.place()
	if len(w.rejects) >= mostRejects {
		return fault.New(fault.Data, "more than %d changes of %s do not fit; the last: %s", mostRejects, w.table, misfit)
	}
	dataset := shown(binlog.TableName{Schema: rows.Table.Schema, Name: rows.Table.Name})
	w.rejects = append(w.rejects, record.Reject{ID: dataset + " " + place, Kind: record.KindReject, Dataset: dataset, Offset: -1,
		Column: misfit.Column, Reason: rows.Op.String() + ": " + misfit.Error(), Raw: "{}"})
	return nil
}
