// Package sinktest is the suite that every sink passes.
package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/record"
	"weir/internal/sink"
)

// System is an outside system under test, empty at first.
type System struct {
	Sink   sink.Sink
	Schema string // that destinations lie in; "" for the connection's own
	// Exec runs a statement there, as an owner would.
	Exec func(sql string) error
	// Rows gives a query's rows as texts, in order, "NULL" for null: 1|a.
	Rows func(sql string) ([]string, error)
	// Quote writes a name in statements.
	Quote func(name string) string
}

// suite is one test of a system.
type suite struct {
	*testing.T
	System
	n int // positions given out
}

// Run puts a kind of sink to the suite; fresh gives an empty system for each part.
func Run(t *testing.T, fresh func(t *testing.T) System) {
	for name, part := range map[string]func(*suite){
		"first load": (*suite).firstLoad, "nothing without commit": (*suite).nothingWithoutCommit, "upsert": (*suite).upsert,
		"append": (*suite).append, "replace": (*suite).replace, "all of an upsert": (*suite).full, "columns change": (*suite).columnsChange,
		"columns that do not fit": (*suite).doNotFit, "refused rows": (*suite).refused, "many rows, some refused": (*suite).manyRefused,
		"one after the other": (*suite).oneAfterTheOther, "rows that break": (*suite).breaks, "looking": (*suite).looks,
		"odd names": (*suite).oddNames, "only a position": (*suite).onlyPosition, "long values": (*suite).longValues,
	} {
		t.Run(name, func(t *testing.T) { part(&suite{T: t, System: fresh(t)}) })
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) begin(table string) sink.Load {
	s.Helper()
	l, err := s.Sink.Begin(s.Context(), sink.Target{Name: "sys." + table, Schema: s.Schema, Table: table})
	s.must(err)
	return l
}

// load brings a delivery and commits it.
func (s *suite) load(table string, d sink.Delivery) sink.Loaded {
	s.Helper()
	l := s.begin(table)
	out, err := l.Apply(s.Context(), d)
	s.must(err)
	s.must(l.Commit(s.Context(), s.next(d)))
	s.must(l.Close(s.Context()))
	return out
}

// fails brings a delivery that must fail, and gives the error.
func (s *suite) fails(table string, d sink.Delivery) (sink.Loaded, error) {
	s.Helper()
	l := s.begin(table)
	out, err := l.Apply(s.Context(), d)
	if err == nil {
		s.Error("the delivery was taken")
	}
	s.must(l.Close(s.Context()))
	return out, err
}

// next is another position.
func (s *suite) next(d sink.Delivery) sink.Position {
	s.n++
	p := sink.Position{Table: "t", UUID: "u", Snapshot: int64(s.n), Number: int64(s.n), Run: "r", Mode: d.Mode, Sole: true, At: time.Now().UTC()}
	for _, c := range d.Columns {
		p.Columns = append(p.Columns, sink.PublishedColumn{ID: c.ID, Name: c.Name, Type: c.Type})
	}
	return p
}

// position is the snapshot that the destination says it holds, 0 for none.
func (s *suite) position(table string) int64 {
	s.Helper()
	l := s.begin(table)
	p, _ := l.Stored()
	s.must(l.Close(s.Context()))
	return p.Snapshot
}

func (s *suite) name(table string) string {
	if s.Schema == "" {
		return s.Quote(table)
	}
	return s.Quote(s.Schema) + "." + s.Quote(table)
}

// holds compares a destination's rows.
func (s *suite) holds(table, cols string, want ...string) {
	s.Helper()
	got, err := s.Rows("SELECT " + cols + " FROM " + s.name(table) + " ORDER BY 1, 2")
	s.must(err)
	if !slices.Equal(got, want) {
		s.Errorf("%s holds\n%s\nwant\n%s", table, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (s *suite) delivery(mode sink.Mode, batches ...string) sink.Delivery {
	cols := columns(s.Sink, "id BIGINT", "name VARCHAR")
	d := sink.Delivery{Mode: mode, Columns: cols}
	if mode == sink.Upsert {
		d.Key = []string{"id"}
	}
	if batches != nil {
		d.Rows = rows(s, cols, batches...)
	}
	return d
}

func (s *suite) firstLoad() {
	out := s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"},{"id":2,"name":null}]`, `[{"id":3,"name":"c"}]`))
	if !out.Creates || !out.Empty || out.Brought != 3 || out.Written != 3 || out.Refused != 0 {
		s.Errorf("the first load says %+v", out)
	}
	s.holds("t", "id, name", "1|a", "2|NULL", "3|c")
	l := s.begin("t")
	defer l.Close(s.Context())
	p, ok := l.Stored()
	if !ok || p.Snapshot != 1 || p.Table != "t" || !p.Sole || len(p.Columns) != 2 || p.Columns[1] != (sink.PublishedColumn{ID: 2, Name: "name", Type: "VARCHAR"}) {
		s.Errorf("stored %+v, %v", p, ok)
	}
}

// Rows, shape and position are there together or not at all (promise 1).
func (s *suite) nothingWithoutCommit() {
	for range 2 {
		l := s.begin("t")
		_, err := l.Apply(s.Context(), s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
		s.must(err)
		s.must(l.Close(s.Context()))
		s.must(l.Close(s.Context()))
	}
	if at := s.position("t"); at != 0 {
		s.Errorf("position %d without a commit", at)
	}
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	for _, d := range []sink.Delivery{s.delivery(sink.Upsert, `[{"id":1,"name":"b"}]`), s.delivery(sink.Append, `[{"id":7,"name":"b"}]`), s.delivery(sink.Replace, `[{"id":1,"name":"b"}]`)} {
		l := s.begin("t")
		_, err := l.Apply(s.Context(), d)
		s.must(err)
		s.must(l.Close(s.Context()))
		s.holds("t", "id, name", "1|a")
	}
	if at := s.position("t"); at != 1 {
		s.Errorf("position %d, want that of the commit", at)
	}
}

func (s *suite) upsert() {
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}]`))
	d := s.delivery(sink.Upsert, `[{"id":1,"name":"a"},{"id":2,"name":"B"},{"id":4,"name":"d"}]`)
	d.Gone = rows(s, d.Columns[:1], `[{"id":3},{"id":99}]`)
	out := s.load("t", d)
	s.holds("t", "id, name", "1|a", "2|B", "4|d")
	if out.Brought != 3 || out.Written != 2 || out.Deleted != 1 || out.Creates {
		s.Errorf("the upsert says %+v", out)
	}
	// The same again changes nothing.
	out = s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"},{"id":2,"name":"B"},{"id":4,"name":"d"}]`))
	if out.Written != 0 {
		s.Errorf("rows that are there already: %+v", out)
	}
	d = s.delivery(sink.Upsert)
	d.Gone = rows(s, d.Columns[:1], `[{"id":4}]`)
	s.load("t", d)
	s.holds("t", "id, name", "1|a", "2|B")
}

func (s *suite) append() {
	s.load("t", s.delivery(sink.Append, `[{"id":1,"name":"a"}]`))
	out := s.load("t", s.delivery(sink.Append, `[{"id":1,"name":"a"},{"id":2,"name":"b"}]`))
	s.holds("t", "id, name", "1|a", "1|a", "2|b")
	if out.Brought != 2 || out.Written != 2 {
		s.Errorf("the append says %+v", out)
	}
}

func (s *suite) replace() {
	s.load("t", s.delivery(sink.Replace, `[{"id":1,"name":"a"},{"id":1,"name":"a"}]`))
	out := s.load("t", s.delivery(sink.Replace, `[{"id":2,"name":"b"}]`))
	s.holds("t", "id, name", "2|b")
	if out.Brought != 1 || out.Written != 1 {
		s.Errorf("the replacement says %+v", out)
	}
	s.load("t", s.delivery(sink.Replace, `[]`))
	s.holds("t", "id, name")
	if at := s.position("t"); at != 3 {
		s.Errorf("position %d after three loads", at)
	}
}

// full brings all rows by key: what else is there goes only where loads alone brought it.
func (s *suite) full() {
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"},{"id":2,"name":"b"}]`))
	d := s.delivery(sink.Upsert, `[{"id":2,"name":"b"},{"id":3,"name":"c"}]`)
	d.Full = true
	out := s.load("t", d)
	s.holds("t", "id, name", "1|a", "2|b", "3|c")
	if out.Deleted != 0 || out.Written != 1 {
		s.Errorf("all rows into one that others write, too: %+v", out)
	}
	d.Sole = true
	out = s.load("t", d)
	s.holds("t", "id, name", "2|b", "3|c")
	if out.Deleted != 1 || out.Written != 0 {
		s.Errorf("all rows: %+v", out)
	}
}

func (s *suite) columnsChange() {
	cols := columns(s.Sink, "id INTEGER", "name VARCHAR", "sum DECIMAL(6,2)")
	s.load("t", sink.Delivery{Mode: sink.Upsert, Key: []string{"id"}, Columns: cols, Rows: rows(s, cols, `[{"id":1,"name":"a","sum":"1234.50"}]`)})
	now := columns(s.Sink, "id BIGINT", "label VARCHAR", "sum DECIMAL(12,2)", "extra DATE")
	for i, c := range cols {
		now[i].Was = c.Type
	}
	now[1].Old = "name"
	d := sink.Delivery{Mode: sink.Upsert, Key: []string{"id"}, Columns: now, Rows: rows(s, now, `[{"id":5000000000,"label":"b","sum":"1234567890.25","extra":"2026-03-01"}]`)}
	l := s.begin("t")
	changes, err := l.Check(s.Context(), d)
	s.must(err)
	s.must(l.Close(s.Context()))
	if len(changes.Added) != 1 || len(changes.Renamed) != 1 || len(changes.Widened) != 2 {
		s.Errorf("would change %+v", changes)
	}
	out := s.load("t", d)
	if !slices.Equal(out.Added, []string{"extra"}) || !slices.Equal(out.Renamed, []string{"name → label"}) || len(out.Widened) != 2 {
		s.Errorf("changed %+v", out.Changes)
	}
	s.holds("t", "id, label, sum, extra", "1|a|1234.50|NULL", "5000000000|b|1234567890.25|2026-03-01")
	// Columns that are there and come no more are null in new rows.
	few := columns(s.Sink, "id BIGINT", "label VARCHAR")
	s.load("t", sink.Delivery{Mode: sink.Upsert, Key: []string{"id"}, Columns: few, Rows: rows(s, few, `[{"id":1,"label":"A"},{"id":2,"label":"c"}]`)})
	s.holds("t", "id, label, sum", "1|A|1234.50", "2|c|NULL", "5000000000|b|1234567890.25")
}

func (s *suite) doNotFit() {
	s.must(s.Exec("CREATE TABLE " + s.name("t") + " (id bigint PRIMARY KEY, name integer, at date)"))
	cols := columns(s.Sink, "id BIGINT", "name VARCHAR", "at TIMESTAMP")
	_, err := s.fails("t", sink.Delivery{Mode: sink.Upsert, Key: []string{"id"}, Columns: cols, Rows: rows(s, cols, `[]`)})
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "column name") || !strings.Contains(err.Error(), "column at") {
		s.Errorf("columns that do not fit: %v", err)
	}
	s.must(s.Exec("CREATE TABLE " + s.name("u") + " (id bigint, name varchar(20))"))
	_, err = s.fails("u", s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "unique") {
		s.Errorf("a table without the key: %v", err)
	}
}

// limited allows some refused rows.
func limited(d sink.Delivery, n int64) sink.Delivery {
	d.Limit = func(refused, _ int64) bool { return refused > n }
	return d
}

func (s *suite) refused() {
	s.must(s.Exec("CREATE TABLE " + s.name("t") + " (id bigint NOT NULL PRIMARY KEY, name varchar(3) NOT NULL, CONSTRAINT no_seven CHECK (id <> 7))"))
	good := `{"id":1,"name":"a"},{"id":2,"name":"b"}`
	for _, c := range []struct{ what, row, key, reason string }{
		{"check", `{"id":7,"name":"x"}`, "(id) = (7)", "no_seven"},
		{"null", `{"id":8,"name":null}`, "(id) = (8)", "name"},
		{"long", `{"id":9,"name":"long"}`, "(id) = (9)", ""},
	} {
		for _, mode := range []sink.Mode{sink.Append, sink.Upsert, sink.Replace} {
			d := s.delivery(mode, "["+good+","+c.row+"]")
			out, err := s.fails("t", d)
			if !errors.Is(err, sink.ErrTooMany) || len(out.Rejects) != 1 {
				s.Fatalf("%s, %s: %v, %+v", c.what, mode, err, out.Rejects)
			}
			r := out.Rejects[0]
			if text := r.Constraint + " " + r.Column + " " + r.Reason; !strings.Contains(text, c.reason) || d.Key != nil && r.Key != c.key || !strings.Contains(r.Raw, `"id"`) {
				s.Errorf("%s, %s: %+v", c.what, mode, r)
			}
			s.holds("t", "id, name")
			out = s.load("t", limited(d, 1))
			if out.Brought != 3 || out.Written != 2 || out.Refused != 1 {
				s.Errorf("%s, %s: %+v", c.what, mode, out)
			}
			s.holds("t", "id, name", "1|a", "2|b")
			s.must(s.Exec("DELETE FROM " + s.name("t")))
		}
	}
}

// manyRefused has refused rows at the beginning, in the middle and at the end of many, and more than are allowed.
func (s *suite) manyRefused() {
	const n = 5000
	bad := []string{"0", "1", "2500", "2501", "4999"}
	s.must(s.Exec("CREATE TABLE " + s.name("t") + " (id bigint NOT NULL PRIMARY KEY, name varchar(40), CONSTRAINT but_some CHECK (id NOT IN (" + strings.Join(bad, ", ") + ")))"))
	d := s.delivery(sink.Upsert, numbers(0, n, 700, "row")...)
	out := s.load("t", limited(d, 5))
	if out.Brought != n || out.Written != n-5 || out.Refused != 5 || len(out.Rejects) != 5 {
		s.Errorf("says %d brought, %d written, %d refused", out.Brought, out.Written, out.Refused)
	}
	var keys []string
	for _, r := range out.Rejects {
		keys = append(keys, strings.TrimSuffix(strings.TrimPrefix(r.Key, "(id) = ("), ")"))
	}
	slices.Sort(keys)
	if !slices.Equal(keys, slices.Sorted(slices.Values(bad))) {
		s.Errorf("refused %q", keys)
	}
	got, err := s.Rows("SELECT count(*), min(id), max(id) FROM " + s.name("t"))
	s.must(err)
	if want := fmt.Sprintf("%d|2|4998", n-5); len(got) != 1 || got[0] != want {
		s.Errorf("holds %q, want %s", got, want)
	}
	out, err = s.fails("t", limited(d, 2))
	if !errors.Is(err, sink.ErrTooMany) || out.Refused != 3 {
		s.Errorf("over the limit: %d refused, %v", out.Refused, err)
	}
}

// oneAfterTheOther has two loads of one destination at once: the second begins when the first has ended, and knows what it did.
func (s *suite) oneAfterTheOther() {
	first := s.begin("t")
	_, err := first.Apply(s.Context(), s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	s.must(err)
	type begun struct {
		l   sink.Load
		err error
	}
	second := make(chan begun, 1)
	go func() {
		l, err := s.Sink.Begin(s.Context(), sink.Target{Name: "sys.t", Schema: s.Schema, Table: "t"})
		second <- begun{l, err}
	}()
	other := s.begin("u") // another destination does not wait
	s.must(other.Close(s.Context()))
	select {
	case b := <-second:
		s.Fatalf("the second load began beside the first: %v", b.err)
	case <-time.After(300 * time.Millisecond):
	}
	s.must(first.Commit(s.Context(), s.next(s.delivery(sink.Upsert))))
	s.must(first.Close(s.Context()))
	b := <-second
	s.must(b.err)
	if p, ok := b.l.Stored(); !ok || p.Snapshot != 1 {
		s.Errorf("the second load stands at %+v", p)
	}
	s.must(b.l.Close(s.Context()))
}

// breaks has rows that end with an error, and a person who interrupts.
func (s *suite) breaks() {
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	broken := errors.New("the engine broke")
	for _, mode := range []sink.Mode{sink.Append, sink.Upsert, sink.Replace} {
		d := s.delivery(mode, numbers(10, 5000, 1000, "row")...)
		open := d.Rows
		d.Rows = func(ctx context.Context) (record.Reader, error) {
			r, err := open(ctx)
			if err == nil {
				r.(*reader).before = func(i int) error {
					if i == 3 {
						return broken
					}
					return nil
				}
			}
			return r, err
		}
		if _, err := s.fails("t", d); !errors.Is(err, broken) {
			s.Errorf("%s: the rows' own error became %v", mode, err)
		}
		ctx, cancel := context.WithCancel(s.Context())
		d.Rows = func(ctx context.Context) (record.Reader, error) {
			r, err := open(ctx)
			if err == nil {
				r.(*reader).before = func(i int) error {
					if i == 2 {
						cancel()
					}
					return nil
				}
			}
			return r, err
		}
		l, err := s.Sink.Begin(ctx, sink.Target{Name: "sys.t", Schema: s.Schema, Table: "t"})
		s.must(err)
		if _, err := l.Apply(ctx, d); !errors.Is(err, context.Canceled) {
			s.Errorf("%s: interrupted, says %v", mode, err)
		}
		s.must(l.Close(s.Context()))
		s.holds("t", "id, name", "1|a")
	}
	if at := s.position("t"); at != 1 {
		s.Errorf("position %d", at)
	}
}

// looks changes nothing.
func (s *suite) looks() {
	look := func() (sink.Position, sink.Changes) {
		l, err := s.Sink.Begin(s.Context(), sink.Target{Name: "sys.t", Schema: s.Schema, Table: "t", Look: true})
		s.must(err)
		p, _ := l.Stored()
		c, err := l.Check(s.Context(), s.delivery(sink.Upsert))
		s.must(err)
		s.must(l.Close(s.Context()))
		return p, c
	}
	if p, c := look(); p.Snapshot != 0 || !c.Creates {
		s.Errorf("nothing is there: %+v, %+v", p, c)
	}
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	busy := s.begin("t")
	defer busy.Close(s.Context())
	if p, c := look(); p.Snapshot != 1 || c.Creates || c.Empty {
		s.Errorf("one row is there: %+v, %+v", p, c)
	}
}

func (s *suite) oddNames() {
	cols := columns(s.Sink, "id BIGINT")
	cols = append(cols, columns(s.Sink, "x VARCHAR", "y VARCHAR")...)
	cols[1].Name, cols[2].Name = `Say "hi", it's a`+" `col`", "select"
	d := sink.Delivery{Mode: sink.Upsert, Key: []string{cols[2].Name}, Columns: cols, Rows: rows(s, cols, `[{"id":1,"select":"k"}]`)}
	const table = `Odd "table's" name`
	s.load(table, d)
	s.load(table, d)
	s.holds(table, "id, "+s.Quote("select")+", "+s.Quote(cols[1].Name), "1|k|NULL")
	if at := s.position(table); at != 2 {
		s.Errorf("position %d", at)
	}
	d.Mode, d.Key = sink.Replace, nil
	s.load(table, d)
	s.holds(table, "id, "+s.Quote("select"), "1|k")
}

func (s *suite) onlyPosition() {
	s.load("t", s.delivery(sink.Upsert, `[{"id":1,"name":"a"}]`))
	out := s.load("t", s.delivery(sink.Upsert))
	if out.Brought != 0 || out.Written != 0 {
		s.Errorf("nothing was brought: %+v", out)
	}
	s.holds("t", "id, name", "1|a")
	if at := s.position("t"); at != 2 {
		s.Errorf("position %d", at)
	}
}

// longValues are larger than the pieces that rows are sent in.
func (s *suite) longValues() {
	long := strings.Repeat("0123456789abcdef", 60_000)
	s.load("t", s.delivery(sink.Append, `[{"id":1,"name":"`+long+`"},{"id":2,"name":""}]`, `[{"id":3,"name":"`+long+`"}]`))
	got, err := s.Rows("SELECT id, length(name) FROM " + s.name("t") + " ORDER BY 1")
	s.must(err)
	if want := []string{"1|960000", "2|0", "3|960000"}; !slices.Equal(got, want) {
		s.Errorf("holds %q, want %q", got, want)
	}
}
