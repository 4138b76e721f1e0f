// Package profile says what is in the columns of a relation: how complete they are, what their values are, how these are
// spread, what they seem to mean.
//
// A look at single rows, few enough to be quick, finds the columns with few different values. Those are then counted
// value by value, all others are summed up, each in one scan that reads only them. What is known of single rows only is
// marked as estimated where those are not all.
package profile

import (
	"context"
	"fmt"

	"weir/internal/job"
	"weir/internal/quality/profile/meaning"
)

// Querier runs queries; rows come as the database/sql driver of the engine gives them.
type Querier interface {
	Query(ctx context.Context, sql string, scan func(row []any) error) error
}

// Profile is what is in a relation.
type Profile struct {
	Version int      `json:"version"`
	Name    string   `json:"name"`
	Rows    int64    `json:"rows"`
	Looked  int64    `json:"looked_at"` // rows that were looked at one by one
	Columns []Column `json:"columns"`
	// Correlations are of the numeric columns, as the rows looked at have it, the strongest first.
	Correlations []Correlation `json:"correlations"`
}

// Whole says whether nothing in a profile is estimated from some of the rows.
func (p *Profile) Whole() bool { return p.Looked == p.Rows }

// Column is what is in one column.
type Column struct {
	Name         string  `json:"name"`
	Type         string  `json:"type"`
	Kind         Kind    `json:"kind"`
	Missing      int64   `json:"missing"`
	Completeness float64 `json:"completeness"`
	Distinct     int64   `json:"distinct"` // different values, without null
	// DistinctExact is false where Distinct is estimated, right to about one in a hundred.
	DistinctExact bool    `json:"distinct_exact"`
	Min           *string `json:"min,omitempty"`
	Max           *string `json:"max,omitempty"`
	Number        *Number `json:"number,omitempty"`
	Text          *Text   `json:"text,omitempty"`
	// Quantiles of numbers, and of times as their text.
	Quantiles []Quantile `json:"quantiles,omitempty"`
	Histogram []Bin      `json:"histogram,omitempty"`
	// Top are the most frequent values, the most frequent first; all there are where Listed.
	Top      []Value          `json:"top,omitempty"`
	Listed   bool             `json:"all_values_listed"`
	Patterns []Value          `json:"patterns,omitempty"` // what texts look like: A an upper-case letter, a a lower-case one, 9 a digit
	Inferred string           `json:"inferred_type,omitempty"`
	Meaning  *meaning.Verdict `json:"meaning,omitempty"`
	// Estimated says that Quantiles and Histogram, and Top, are from the rows looked at.
	Estimated    bool `json:"spread_estimated"`
	TopEstimated bool `json:"top_estimated"`
}

// Number sums up finite numbers.
type Number struct {
	Min      float64  `json:"min"`
	Max      float64  `json:"max"`
	Mean     float64  `json:"mean"`
	StdDev   *float64 `json:"stddev,omitempty"` // of the whole population; nil where it is more than a DOUBLE holds
	Zeros    int64    `json:"zeros"`
	Negative int64    `json:"negative"`
	NaN      int64    `json:"nan,omitempty"`
	Infinite int64    `json:"infinite,omitempty"`
	Count    int64    `json:"finite"` // the others are what the figures are of
}

// Text sums up texts, in characters; of binary values in bytes, of lists in elements.
type Text struct {
	MinLength  int64   `json:"min_length"`
	MaxLength  int64   `json:"max_length"`
	MeanLength float64 `json:"mean_length"`
	Empty      int64   `json:"empty"`
	Blank      int64   `json:"blank"` // nothing but spaces
}

// Quantile is the value below which a share of the values lies.
type Quantile struct {
	Q     float64 `json:"q"`
	Value float64 `json:"value"` // of times, seconds since 1970
}

// Bin is a range of a histogram, its lower end in it; the last one's upper end, too. The first and the last also hold what
// lies beyond them.
type Bin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int64   `json:"count"` // of all rows
}

// Value is a value, or a pattern, and how often it comes.
type Value struct {
	Value string  `json:"value"`
	Count int64   `json:"count"` // of all rows
	Share float64 `json:"share"` // of rows with a value
}

// Correlation is Pearson's, over rows that have both.
type Correlation struct {
	A string  `json:"a"`
	B string  `json:"b"`
	R float64 `json:"r"`
}

// Bounds of what is looked at and kept (promise 5).
const (
	lookRows   = 20_000
	lookValues = 500_000
	leastRows  = 200
	clip       = 128  // characters of a value
	chunk      = 200  // columns that one query sums up
	fewValues  = 200  // of a column to be counted value by value
	mostValues = 2000 // that counting goes on to
	topValues  = 20
	bins       = 20
)

// Of profiles a relation: SQL that can stand behind FROM, with these columns. It asks for its count of rows, which a
// relation over Parquet files has at hand.
func Of(ctx context.Context, q Querier, name, relation string, cols []job.Column) (*Profile, error) {
	p := &profiler{q: q, relation: relation, out: &Profile{Version: 1, Name: name, Columns: make([]Column, len(cols)), Correlations: []Correlation{}}}
	for i, c := range cols {
		p.out.Columns[i] = Column{Name: c.Name, Type: c.Type, Kind: kindOf(c.Type)}
	}
	for _, step := range []func(context.Context) error{p.count, p.look, p.counted, p.summed} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("profile %s: %w", name, err)
		}
	}
	p.settle()
	return p.out, nil
}

// profiler is one profile being made.
type profiler struct {
	q        Querier
	relation string
	out      *Profile
	looks    []look // by column
}

func (p *profiler) count(ctx context.Context) error {
	return p.q.Query(ctx, "SELECT count(*)::BIGINT FROM "+p.relation, func(row []any) error {
		p.out.Rows = whole(row[0])
		return nil
	})
}

func whole(v any) int64 {
	n, _ := v.(int64)
	return n
}

func real(v any) float64 {
	f, _ := v.(float64)
	return f
}

func words(v any) *string {
	if s, ok := v.(string); ok {
		return &s
	}
	return nil
}
