// Package diff compares the rows of two tables, or of two versions of one: which came, which went, which changed and in
// what. It runs inside the engine, whose joins and groups spill to disk, so that memory is bounded whatever the tables
// hold (promise 5).
package diff

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/job"
)

// Session is the part of an engine's session that a comparison needs.
type Session interface {
	Exec(ctx context.Context, sql string) error
	// Query hands each row of a small result to scan.
	Query(ctx context.Context, sql string, scan func(row []any) error) error
}

// Query is what to compare, and how.
type Query struct {
	// Was and Is are queries over the rows of either side, without those of Rest, which stand in both; Rest is "" for none and
	// has the columns of Is.
	Was, Is, Rest string
	Columns       Columns
	// Key tells which row of one side is which of the other. Without a key whole rows are compared, each as often as it stands
	// there.
	Key []string
	// Only are the columns to compare; nil compares all that both sides have.
	Only    []string
	Samples int // of each kind of difference, at most
}

// Result is how two sides differ.
type Result struct {
	Key      []string       `json:"key,omitempty"`      // empty: whole rows were compared
	Compared []string       `json:"compared"`           // columns, as the later side names them
	Added    int64          `json:"added"`              // rows of the later side alone
	Removed  int64          `json:"removed"`            // rows of the earlier side alone
	Changed  int64          `json:"changed"`            // keys that both sides have, with other values
	Values   []ColumnChange `json:"columns,omitempty"`  // columns with changed values
	Repeated int64          `json:"repeated_keys"`      // keys that stand in several rows, among the rows that were read
	NullKeys int64          `json:"rows_without_a_key"` // rows with a null in their key, of both sides
	Samples  Samples        `json:"samples"`
}

// Same says that no row differs.
func (r Result) Same() bool { return r.Added == 0 && r.Removed == 0 && r.Changed == 0 }

// ColumnChange is how often the values of a column changed.
type ColumnChange struct {
	Column  string `json:"column"`
	Changed int64  `json:"changed"`
}

// Samples are rows of each kind, in the order of their keys or, without, of their values.
type Samples struct {
	Columns []string     `json:"columns"` // of added and removed rows
	Added   [][]*string  `json:"added,omitempty"`
	Removed [][]*string  `json:"removed,omitempty"`
	Changed []ChangedRow `json:"changed,omitempty"`
}

// ChangedRow is one key with what changed in its row.
type ChangedRow struct {
	Key    []*string      `json:"key"`
	Values []ChangedValue `json:"values"`
}

// ChangedValue is a value before and after; nil is null.
type ChangedValue struct {
	Column string  `json:"column"`
	Was    *string `json:"was"`
	Is     *string `json:"is"`
}

// Compare compares. A key or a column that is not on both sides is an error of class usage.
func Compare(ctx context.Context, s Session, q Query) (Result, error) {
	c, err := newComparison(s, q)
	if err != nil {
		return Result{}, err
	}
	if err := c.run(ctx); err != nil {
		return c.out, fmt.Errorf("compare rows: %w", err)
	}
	return c.out, nil
}

// comparison is one comparison under way. In its SQL the compared columns are c0, c1, …, of which the first are the key.
type comparison struct {
	s     Session
	q     Query
	pairs []Pair
	keys  int // how many of pairs are the key
	out   Result
}

func newComparison(s Session, q Query) (*comparison, error) {
	c := &comparison{s: s, q: q, keys: len(q.Key)}
	key, err := q.Columns.only(q.Key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	rest := q.Columns.Pairs
	if q.Only != nil {
		if rest, err = q.Columns.only(q.Only); err != nil {
			return nil, err
		}
	}
	c.pairs = key
	for _, p := range rest {
		if find(c.pairs, p.Is.Name) < 0 {
			c.pairs = append(c.pairs, p)
		}
	}
	c.out.Compared = []string{}
	for i, p := range c.pairs {
		if i < c.keys {
			c.out.Key = append(c.out.Key, p.Is.Name)
		}
		c.out.Compared = append(c.out.Compared, p.Is.Name)
	}
	c.out.Samples.Columns = c.out.Compared
	return c, nil
}

// Names of what a comparison makes in the session.
const (
	wasView  = "__weir_diff_was"
	isView   = "__weir_diff_is"
	restView = "__weir_diff_rest"
	repeated = "__weir_diff_repeated" // keys that cannot tell rows, c0, c1, …
	// Tables of one row, each with counts and samples: of keys on one side only, of keys on both with other values, of rows that
	// are compared whole.
	oneSided     = "__weir_diff_one_sided"
	changedTable = "__weir_diff_changed"
	byRow        = "__weir_diff_by_row"
)

func (c *comparison) run(ctx context.Context) error {
	if len(c.pairs) == 0 {
		return nil // no column in common: nothing to compare but the counts
	}
	if err := c.views(ctx); err != nil {
		return err
	}
	if c.keys == 0 {
		return c.wholeRows(ctx, "true")
	}
	if err := c.findRepeated(ctx); err != nil {
		return err
	}
	if err := c.joinKeys(ctx); err != nil {
		return err
	}
	if c.out.Repeated+c.out.NullKeys > 0 {
		return c.wholeRows(ctx, "NOT "+c.told())
	}
	return nil
}

// views give the compared columns of each side in one type and under one name.
func (c *comparison) views(ctx context.Context) error {
	for view, sql := range map[string]string{wasView: c.q.Was, isView: c.q.Is, restView: c.q.Rest} {
		if sql == "" {
			continue
		}
		items := make([]string, len(c.pairs))
		for i, p := range c.pairs {
			of := p.Is
			if view == wasView {
				of = p.Was
			}
			items[i] = job.Quote(of.Name)
			if of.Type != p.Type {
				items[i] = "CAST(" + items[i] + " AS " + p.Type + ")"
			}
			items[i] += " AS " + col(i)
		}
		if err := c.s.Exec(ctx, "CREATE OR REPLACE TEMP VIEW "+view+" AS SELECT "+strings.Join(items, ", ")+" FROM ("+sql+"\n)"); err != nil {
			return err
		}
	}
	return nil
}

func col(i int) string { return "c" + strconv.Itoa(i) }

// cols writes the first n columns with something before each.
func cols(n int, before string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = before + col(i)
	}
	return strings.Join(out, ", ")
}

// each joins a text made for every column of a range.
func each(from, to int, between string, text func(c string) string) string {
	out := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, text(col(i)))
	}
	return strings.Join(out, between)
}

// row writes the first n columns as one value. Lists of such values come out in order.
func row(n int, before string) string {
	return "{" + each(0, n, ", ", func(c string) string { return c + ": " + before + c }) + "}"
}
