// Package verify compares two copies of a table by what their rows come to, where they are: counts and sums of digests part by
// part, then the rows of the parts that differ. Only these travel.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/source"
)

// Result is what a comparison found.
type Result struct {
	Rows, OtherRows int64
	Columns         []string // that were compared
	Left            []string // that could not be
	Missing         int64    // rows that only the other side has
	Extra           int64    // rows that only this side has
	Different       int64    // rows with a key on both sides that differ
	Changing        int64    // rows that changed while they were looked at, and are counted nowhere else
	Samples         []Sample
}

// Equal says whether both sides have the same rows.
func (r Result) Equal() bool { return r.Missing+r.Extra+r.Different == 0 && r.Rows == r.OtherRows }

// Sample is one row that differs.
type Sample struct {
	Key     []string `json:"key"`
	Kind    string   `json:"kind"` // missing, extra, different
	Columns []Values `json:"columns,omitempty"`
}

// Values are the canonical texts of one column.
type Values struct {
	Name        string `json:"name"`
	Here, There string
}

// Options say how to compare.
type Options struct {
	Columns []job.Column // of this side
	Key     []string
	Parts   int           // 0: 1024
	Samples int           // rows to show
	Again   time.Duration // how long to wait before rows that differ are looked at once more
}

// Compare holds this side against the other.
func Compare(ctx context.Context, this, other source.Summed, o Options) (Result, error) {
	both, err := comparable(ctx, this, other, o.Columns)
	if err != nil {
		return Result{}, err
	}
	r := Result{}
	for _, c := range o.Columns {
		if slices.ContainsFunc(both, func(b job.Column) bool { return b.Name == c.Name }) {
			r.Columns = append(r.Columns, c.Name)
		} else {
			r.Left = append(r.Left, c.Name)
		}
	}
	q := source.Summing{Columns: both, Key: o.Key, Parts: cmp.Or(o.Parts, 1024)}
	differing, err := r.sum(ctx, this, other, q)
	if err != nil || len(differing) == 0 {
		return r, err
	}
	return r, r.narrow(ctx, this, other, q, differing, o)
}

func comparable(ctx context.Context, this, other source.Summed, cols []job.Column) ([]job.Column, error) {
	cols, err := this.Comparable(ctx, cols)
	if err != nil {
		return nil, err
	}
	return other.Comparable(ctx, cols)
}

// sum compares the parts and gives those that differ.
func (r *Result) sum(ctx context.Context, this, other source.Summed, q source.Summing) ([]int, error) {
	here, err := this.Sums(ctx, q)
	if err != nil {
		return nil, err
	}
	there, err := other.Sums(ctx, q)
	if err != nil {
		return nil, err
	}
	var differing []int
	for p := range q.Parts {
		a, b := here[p], there[p]
		r.Rows, r.OtherRows = r.Rows+a.Rows, r.OtherRows+b.Rows
		if a != b {
			differing = append(differing, p)
		}
	}
	return differing, nil
}

// rowsOf collects digests by key; a key that stands more than once has all of its digests.
func rowsOf(ctx context.Context, s source.Summed, q source.Summing, parts []int) (map[string]string, error) {
	out := map[string]string{}
	err := s.Rows(ctx, q, parts, func(r source.Row) error {
		k := strings.Join(r.Key, "\x1f")
		if was, twice := out[k]; twice {
			digests := append(strings.Split(was, "+"), r.Digest)
			slices.Sort(digests)
			out[k] = strings.Join(digests, "+")
			return nil
		}
		out[k] = r.Digest
		return nil
	})
	return out, err
}

// held is how many parts' rows are looked at together: a small table's all at once, since each look waits for the second one.
func (r *Result) held(parts int) int {
	const least, rows = 64, 200_000
	each := max(1, max(r.Rows, r.OtherRows)/int64(parts))
	return int(max(least, rows/each))
}

func (r *Result) narrow(ctx context.Context, this, other source.Summed, q source.Summing, differing []int, o Options) error {
	for parts := range slices.Chunk(differing, r.held(q.Parts)) {
		here, err := rowsOf(ctx, this, q, parts)
		if err != nil {
			return err
		}
		there, err := rowsOf(ctx, other, q, parts)
		if err != nil {
			return err
		}
		later := there
		if o.Again > 0 {
			select {
			case <-time.After(o.Again):
			case <-ctx.Done():
				return ctx.Err()
			}
			if later, err = rowsOf(ctx, other, q, parts); err != nil {
				return err
			}
		}
		r.count(here, there, later, o.Samples)
	}
	return r.explain(ctx, this, other, q)
}

// count compares rows by key. One that the other side has changed between two looks is on its way, not wrong.
func (r *Result) count(here, there, later map[string]string, samples int) {
	keys := map[string]bool{}
	for _, side := range []map[string]string{here, there, later} {
		for k := range side {
			keys[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		a, hasA := here[k]
		b, hasB := there[k]
		kind := ""
		switch {
		case hasA == hasB && a == b:
			continue
		case b != later[k]:
			r.Changing++
			continue
		case !hasA:
			r.Missing++
			kind = "missing"
		case !hasB:
			r.Extra++
			kind = "extra"
		default:
			r.Different++
			kind = "different"
		}
		if len(r.Samples) < samples {
			r.Samples = append(r.Samples, Sample{Key: strings.Split(k, "\x1f"), Kind: kind})
		}
	}
}

// explain finds which columns of the sampled rows differ.
func (r *Result) explain(ctx context.Context, this, other source.Summed, q source.Summing) error {
	var keys [][]string
	for _, s := range r.Samples {
		if s.Kind == "different" {
			keys = append(keys, s.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	here, err := this.Texts(ctx, q, keys)
	if err != nil {
		return err
	}
	there, err := other.Texts(ctx, q, keys)
	if err != nil {
		return err
	}
	for i := range r.Samples {
		s := &r.Samples[i]
		k := strings.Join(s.Key, "\x1f")
		a, b := here[k], there[k]
		for j, c := range q.Columns {
			if j < len(a) && j < len(b) && a[j] != b[j] {
				s.Columns = append(s.Columns, Values{Name: c.Name, Here: a[j], There: b[j]})
			}
		}
	}
	return nil
}

// String is the comparison in a sentence.
func (r Result) String() string {
	if r.Equal() {
		return fmt.Sprintf("%d rows on both sides, equal", r.Rows)
	}
	return fmt.Sprintf("%d rows here, %d there: %d missing here, %d extra, %d different", r.Rows, r.OtherRows, r.Missing, r.Extra, r.Different)
}
