package replication_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/source/postgres/replication"
	"weir/test/env"
)

// rig is a database with a publication of all tables and a slot.
type rig struct {
	t      testing.TB
	url    string
	server *postgres.Server
	conn   *pgx.Conn
	slot   string
	start  replication.LSN
	pool   *record.Pool
}

func newRig(t testing.TB, ddl ...string) *rig {
	t.Helper()
	return newRigAt(t, env.Postgres(t), ddl...)
}

func newRigAt(t testing.TB, url string, ddl ...string) *rig {
	t.Helper()
	r := &rig{t: t, url: url, pool: record.NewPool()}
	t.Cleanup(r.pool.Close)
	var err error
	if r.server, err = (&postgres.Settings{URL: r.url}).Prepare("", nil); err != nil {
		t.Fatal(err)
	}
	r.conn = r.dial()
	r.slot = strings.ToLower(r.conn.Config().Database)
	r.exec(ddl...)
	r.exec("CREATE PUBLICATION p FOR ALL TABLES")
	r.create()
	return r
}

// create makes the slot, which goes with the test before its database does.
func (r *rig) create() {
	r.t.Helper()
	slot, err := replication.CreateSlot(r.t.Context(), r.server, r.slot, false, false)
	if err != nil {
		r.t.Fatal(err)
	}
	r.start = slot.At
	if err := slot.Close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) dial() *pgx.Conn {
	r.t.Helper()
	c, err := r.server.Dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close(context.Background()) }) // the test is over
	return c
}

func (r *rig) exec(statements ...string) {
	r.t.Helper()
	for _, s := range statements {
		if _, err := r.conn.Exec(r.t.Context(), s); err != nil {
			r.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (r *rig) now() replication.LSN {
	r.t.Helper()
	at, err := replication.Now(r.t.Context(), r.conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// options follow tables, everything as text.
func (r *rig) options(tables ...string) replication.Options {
	o := replication.Options{Slot: r.slot, Publication: "p", Pool: r.pool, Tables: map[replication.Table]replication.Follow{}, Convert: asText}
	for _, t := range tables {
		o.Tables[replication.Table{Schema: "public", Name: t}] = replication.Follow{After: r.start}
	}
	return o
}

func asText(context.Context, replication.Table, replication.Column) (replication.Conversion, error) {
	return replication.Conversion{Type: "VARCHAR", Text: func(c *record.Column, v []byte) error { c.Bytes(v); return nil }}, nil
}

// change is a row as read.
type change struct {
	table, op string
	lsn, seq  int64
	values    map[string]string // nulls are not there
	columns   []string
	absent    []string
}

func (c change) String() string {
	parts := []string{c.op, c.table}
	for _, k := range slices.Sorted(maps.Keys(c.values)) {
		v := c.values[k]
		if len(v) > 20 {
			v = fmt.Sprintf("%.3s… %d", v, len(v))
		}
		parts = append(parts, k+"="+v)
	}
	for _, a := range c.absent {
		parts = append(parts, a+"?")
	}
	return strings.Join(parts, " ")
}

// read reads a feed to its end, and gives the changes and the last mark.
func (r *rig) read(o replication.Options) (all []change, at replication.LSN) {
	r.t.Helper()
	f, err := replication.Open(r.t.Context(), r.server, o)
	if err != nil {
		r.t.Fatal(err)
	}
	all, at = drain(r.t, r.t.Context(), f, nil)
	f.Committed(at)
	if err := f.Close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return all, at
}

// drain reads until the end, or until stop says so at a mark.
func drain(t testing.TB, ctx context.Context, f *replication.Feed, stop func(replication.LSN) bool) (all []change, at replication.LSN) {
	t.Helper()
	for {
		e, err := f.Next(ctx)
		if err == io.EOF {
			return all, at
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Mark != 0 {
			if e.Mark <= at {
				t.Fatalf("mark %s after mark %s", e.Mark, at)
			}
			at = e.Mark
			if stop != nil && stop(at) {
				return all, at
			}
			continue
		}
		for _, reject := range e.Rejects {
			t.Errorf("rejected: %+v", reject)
		}
		for _, c := range changes(e) {
			if c.lsn < int64(at) {
				t.Fatalf("%v of a transaction at %X after mark %s", c, c.lsn, at)
			}
			all = append(all, c)
		}
	}
}

func changes(e replication.Event) (all []change) {
	defer e.Batch.Release()
	n := len(e.Relation.Columns)
	op, lsn := e.Batch.Column(n).(*array.String), e.Batch.Column(n+2).(*array.Int64)
	seq, absent := e.Batch.Column(n+3).(*array.Int64), e.Batch.Column(n+4).(*array.List)
	for i := range int(e.Batch.NumRows()) {
		c := change{table: e.Relation.Name, op: strings.Clone(op.Value(i)), lsn: lsn.Value(i), seq: seq.Value(i), values: map[string]string{}}
		for j, col := range e.Relation.Columns {
			c.columns = append(c.columns, col.Name)
			if a := e.Batch.Column(j).(*array.String); !a.IsNull(i) {
				c.values[col.Name] = strings.Clone(a.Value(i))
			}
		}
		if !absent.IsNull(i) {
			from, to := absent.ValueOffsets(i)
			for k := from; k < to; k++ {
				c.absent = append(c.absent, strings.Clone(absent.ListValues().(*array.String).Value(int(k))))
			}
		}
		all = append(all, c)
	}
	return all
}

func lines(all []change) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

// wait asks a condition of the server until it holds.
func (r *rig) wait(query string, args ...any) {
	r.t.Helper()
	for range 100 {
		var ok bool
		if err := r.conn.QueryRow(r.t.Context(), query, args...).Scan(&ok); err != nil {
			r.t.Fatal(err)
		}
		if ok {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("does not come true: %s", query)
}
