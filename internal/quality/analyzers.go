package quality

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// allColumns stands for every column in analyzers.
const allColumns = "AllColumns"

func noAnalyzer(l *leaf) error {
	return fault.New(fault.Usage, "%s needs a condition", l.rule.Name)
}

// analyzer compiles a rule without a condition, for what it measures.
func (c *compiler) analyzer(r *dqdl.Rule) (*node, error) {
	prepare, ok := kinds()[r.Name]
	if !ok {
		return nil, fault.New(fault.Usage, "analyzer %s is not known", r.Name)
	}
	l := &leaf{rule: r, scope: scopeOf(r), history: c.History, records: true}
	if err := prepare(c, l); err != nil {
		return nil, err
	}
	return &node{rule: r, leaf: l}, nil
}

// named gives the columns of an analyzer of one column or all.
func (c *compiler) named(r *dqdl.Rule) ([]job.Column, error) {
	if r.Params[0].Value() == allColumns {
		return c.Columns, nil
	}
	col, err := c.column(r, 0)
	return []job.Column{{Name: col.name, Type: col.typ}}, err
}

// allStatistics is an analyzer of several: the number of rows, of each column completeness and uniqueness, of one of numbers
// its statistics, of one of texts the lengths.
func allStatistics(c *compiler, l *leaf) error {
	cols, err := c.named(l.rule)
	if err != nil {
		return err
	}
	parts := []*dqdl.Rule{{Name: "RowCount"}}
	for _, col := range cols {
		names := []string{"Completeness", "Uniqueness"}
		switch familyOf(col.Type) {
		case number:
			names = append(names, "ColumnValues", "Mean", "Sum", "StandardDeviation", "Entropy")
		case text:
			names = append(names, "ColumnLength")
		}
		for _, n := range names {
			parts = append(parts, &dqdl.Rule{Name: n, Params: []dqdl.Param{{Text: string(dqdl.Quote(col.Name)), Quoted: true}}})
		}
	}
	return c.several(l, parts)
}

// several makes an analyzer of others. Metrics of which there are no values are left out.
func (c *compiler) several(l *leaf, rules []*dqdl.Rule) error {
	var parts []*leaf
	for _, r := range rules {
		n, err := c.analyzer(r)
		if err != nil {
			return err
		}
		parts = append(parts, n.leaf)
		l.asks = append(l.asks, n.leaf.asks...)
		l.groups = append(l.groups, n.leaf.groups...)
		l.queries = append(l.queries, n.leaf.queries...)
	}
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		all := verdict{passed: true, metrics: map[string]float64{}}
		for _, part := range parts {
			v, err := part.judge(ctx, p)
			if err != nil {
				return v, err
			}
			for name, value := range v.metrics {
				all.metrics[name] = value
			}
		}
		return all, nil
	}
	return nil
}

// Distribution is how often which values of a column occur, NULL left out.
type Distribution struct {
	Column   string
	DataType string
	// Of numbers: bins of one width. Bin i goes from edge i up to edge i+1, which only the last includes.
	BinEdges []float64
	Values   []string // of others: those that occur most
	Count    []int64
}

// maxBins is the number of bins, and of values, where no tag asks for fewer.
const maxBins = 20

// distribution is an analyzer of one column; of all, it looks at them one after the other.
func distribution(c *compiler, l *leaf) error {
	bins := maxBins
	if text, given := l.rule.Tag("bins"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxBins {
			return fault.New(fault.Usage, "bins: %q is not a number from 1 to %d", text, maxBins)
		}
		bins = n
	}
	if l.rule.Params[0].Value() == allColumns {
		return fault.New(fault.Usage, "Distribution looks at one column").WithHint("name one column for each Distribution")
	}
	col, err := c.column(l.rule, 0)
	if err != nil {
		return err
	}
	if col.family == other {
		return col.unfit("texts")
	}
	if col.family != number {
		l.judge = func(ctx context.Context, p *pass) (verdict, error) { return mostFrequent(ctx, p, col, bins) }
		return nil
	}
	x := "CAST(" + col.sql + " AS DOUBLE)"
	finite := " FILTER (WHERE isfinite(" + x + "))"
	low, high := "min("+x+")"+finite, "max("+x+")"+finite
	l.ask(low, high)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		from, ok := p.number(low)
		to, _ := p.number(high)
		if !ok {
			return noValues(l, p, []column{col}), nil
		}
		return binned(ctx, p, col, x, from, to, bins)
	}
	return nil
}

func binned(ctx context.Context, p *pass, col column, x string, from, to float64, bins int) (verdict, error) {
	d := &Distribution{Column: col.name, DataType: col.typ, Count: make([]int64, bins), BinEdges: make([]float64, bins+1)}
	width := to/float64(bins) - from/float64(bins)
	for i := range d.BinEdges {
		d.BinEdges[i] = from + float64(i)*width
	}
	d.BinEdges[bins] = to
	bin := "0"
	if width > 0 {
		bin = fmt.Sprintf("least(%d, greatest(0, CAST(floor((%s - (%s)) / %s) AS INTEGER)))", bins-1, x,
			strconv.FormatFloat(from, 'e', -1, 64), strconv.FormatFloat(width, 'e', -1, 64))
	}
	err := p.q.Query(ctx, "SELECT "+bin+" AS bin, count(*) FROM "+p.relation+" WHERE isfinite("+x+") GROUP BY bin", func(row []any) error {
		var at int
		switch v := row[0].(type) {
		case int32:
			at = int(v)
		case int64:
			at = int(v)
		}
		n, _ := float(row[1])
		d.Count[at] = int64(n)
		return nil
	})
	return verdict{passed: true, distribution: d}, userError(ctx, err)
}

func mostFrequent(ctx context.Context, p *pass, col column, n int) (verdict, error) {
	d := &Distribution{Column: col.name, DataType: col.typ}
	sql := fmt.Sprintf("SELECT CAST(%s AS VARCHAR) AS v, count(*) AS n FROM %s WHERE %s IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT %d", col.sql, p.relation, col.sql, n)
	err := p.q.Query(ctx, sql, func(row []any) error {
		count, _ := float(row[1])
		d.Values, d.Count = append(d.Values, strings.ToValidUTF8(fmt.Sprint(row[0]), "\ufffd")), append(d.Count, int64(count))
		return nil
	})
	return verdict{passed: true, distribution: d}, userError(ctx, err)
}

// userError adds what failed.
func userError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("count values: %w", err)
}
