package binlog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/source/mysql/value"
	"weir/test/env"
)

// rig is a database of a server whose log is read.
type rig struct {
	t        *testing.T
	url      string
	database string
	conn     *wire.Conn
	charsets *value.Charsets
	pool     *record.Pool
	names    []string
}

func each(t *testing.T, test func(t *testing.T, r *rig)) {
	env.EachMySQL(t, func(t *testing.T, of string) { test(t, newRig(t, of)) })
}

func newRig(t *testing.T, of string) *rig {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, url: of, database: u.Path[1:], pool: record.NewPool(), names: []string{"t"}}
	t.Cleanup(r.pool.Close)
	r.conn = r.dial()
	if r.charsets, err = value.ReadCharsets(t.Context(), r.dialer()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) dialer() func(context.Context) (*wire.Conn, error) {
	r.t.Helper()
	server, err := (&mysql.Settings{URL: r.url}).Prepare("", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return server.Dial
}

func (r *rig) dial() *wire.Conn {
	r.t.Helper()
	c, err := r.dialer()(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) exec(statements ...string) {
	r.t.Helper()
	for _, s := range statements {
		if err := r.conn.Exec(r.t.Context(), s); err != nil {
			r.t.Fatalf("%.300s: %v", s, err)
		}
	}
}

func (r *rig) now() Position {
	r.t.Helper()
	p, err := Now(r.t.Context(), r.conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// log opens the log from a position to its end.
func (r *rig) log(ctx context.Context, from Position) *Log {
	r.t.Helper()
	o := Options{From: from, Tables: map[TableName]bool{}, Ends: true}
	for _, n := range r.names {
		o.Tables[TableName{r.database, n}] = true
	}
	l, err := Open(ctx, r.dial(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = l.Close() })
	return l
}

// known are the columns of a table by the server's catalog.
func (r *rig) known(table string) (columns []value.Column) {
	r.t.Helper()
	rows, err := r.conn.Strings(r.t.Context(), "SELECT column_name, data_type, column_type, numeric_precision, numeric_scale, datetime_precision,"+
		" character_set_name FROM information_schema.columns WHERE table_schema = database() AND table_name = "+wire.Literal(table)+" ORDER BY ordinal_position")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range rows {
		n := func(i int) int { v, _ := strconv.Atoi(f[i].Value); return v }
		c, err := value.Describe(value.Declared{Name: f[0].Value, DataType: f[1].Value, Type: f[2].Value, Precision: n(3), Scale: n(4), Fraction: n(5), Charset: f[6].Value}, value.TextZero)
		if err != nil {
			r.t.Fatal(err)
		}
		columns = append(columns, c)
	}
	return columns
}

// shape is a builder for rows of some columns, and its cells.
type shape struct {
	columns []value.Column
	builder *record.Builder
	cells   []*value.Cell
}

func (r *rig) shape(columns []value.Column) *shape {
	r.t.Helper()
	s := &shape{columns: columns}
	var lake []job.Column
	for i := range columns {
		lake = append(lake, columns[i].Lake())
	}
	var err error
	if s.builder, err = record.NewBuilder(lake, r.pool); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.builder.Release)
	for i, c := range columns {
		cell := value.NewCell(c, &s.builder.Columns[i], 0)
		s.cells = append(s.cells, &cell)
	}
	return s
}

// row gives the row that was read into the cells, as text.
func (s *shape) row() string {
	s.builder.EndRow()
	b := s.builder.Take()
	defer b.Release()
	return rowTexts(b)[0]
}

func rowTexts(b arrow.RecordBatch) (rows []string) {
	for i := range int(b.NumRows()) {
		var texts []string
		for _, c := range b.Columns() {
			texts = append(texts, cellText(c, i))
		}
		rows = append(rows, strings.Join(texts, "|"))
	}
	return rows
}

func cellText(c arrow.Array, i int) string {
	if !c.IsNull(i) {
		switch a := c.(type) {
		case *array.Binary:
			return hex.EncodeToString(a.Value(i))
		case *array.Float32:
			return fmt.Sprintf("%08x", math.Float32bits(a.Value(i)))
		case *array.Float64:
			return fmt.Sprintf("%016x", math.Float64bits(a.Value(i)))
		}
	}
	return strings.Clone(c.ValueStr(i))
}

// query reads rows by a query, as texts.
func (r *rig) query(table, rest string) (rows []string) {
	r.t.Helper()
	columns := r.known(table)
	s := r.shape(columns)
	var exprs []string
	for _, c := range columns {
		exprs = append(exprs, c.Expression(wire.Name(c.Name)))
	}
	answer, err := r.conn.Query(r.t.Context(), "SELECT "+strings.Join(exprs, ", ")+" FROM "+wire.Name(table)+" "+rest)
	if err != nil {
		r.t.Fatal(err)
	}
	for {
		row, err := answer.Next()
		if err == io.EOF {
			return rows
		} else if err != nil {
			r.t.Fatal(err)
		}
		for _, c := range s.cells {
			v, null, _ := row.Next()
			if null {
				c.Null()
			} else if f := c.FromText(v); f != value.OK {
				r.t.Fatalf("%s %s", c.Name, f)
			}
		}
		rows = append(rows, s.row())
	}
}

// told is what a log told, one line an event.
func (r *rig) told(from Position) (lines []string, to Position) {
	r.t.Helper()
	l := r.log(r.t.Context(), from)
	for {
		e, err := l.Next()
		if errors.Is(err, io.EOF) {
			return lines, l.Position()
		} else if err != nil {
			r.t.Fatalf("%v (after %q)", err, lines)
		}
		switch e.Kind {
		case Begin:
			lines = append(lines, "begin")
		case Commit:
			lines = append(lines, "commit")
		case Schema:
			what := "schema"
			if e.Truncate {
				what = "truncate"
			}
			for _, t := range e.Tables {
				what += " " + t.Name
			}
			lines = append(lines, what)
		case Change:
			lines = append(lines, r.changes(e.Rows)...)
		}
	}
}

func (r *rig) changes(rows *Rows) (lines []string) {
	r.t.Helper()
	return r.changesOf(rows, r.known(rows.Table.Name))
}

func (r *rig) changesOf(rows *Rows, known []value.Column) (lines []string) {
	r.t.Helper()
	columns, err := rows.Table.Describe(r.t.Context(), known, r.charsets, value.TextZero)
	if err != nil {
		r.t.Fatal(err)
	}
	before, after := r.shape(columns), r.shape(columns)
	for rows.More() {
		left := rows.left
		if err := rows.Next(); err != nil {
			r.t.Fatalf("%v: % x", err, left[:min(len(left), 40)])
		}
		put(r.t, rows, before.cells, after.cells)
		line := rows.Op.String()
		if rows.Op != Insert {
			line += " -" + before.row()
		}
		if rows.Op != Delete {
			line += " +" + after.row()
		}
		lines = append(lines, line)
	}
	return lines
}

// changed leaves only changes of what was told.
func changed(lines []string) (out []string) {
	for _, l := range lines {
		if l != "begin" && l != "commit" && !strings.HasPrefix(l, "schema") {
			out = append(out, l)
		}
	}
	return out
}

func put(t *testing.T, rows *Rows, before, after []*value.Cell) {
	t.Helper()
	if rows.Op != Insert {
		if err := rows.Before.Put(before); err != nil {
			t.Fatal(err)
		}
	}
	if rows.Op != Delete {
		if err := rows.After.Put(after); err != nil {
			t.Fatal(err)
		}
	}
}
