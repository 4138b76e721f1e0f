package profile

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// look is what the rows looked at have in one column.
type look struct {
	counts  map[string]int64 // by text
	clipped bool             // some texts may be longer
	present int64            // rows with a value
	places  []float64        // by row, NaN for none; nil where the kind has none
}

// look reads rows one by one: all where there are few, else some from all over the relation.
func (p *profiler) look(ctx context.Context) error {
	p.looks = make([]look, len(p.out.Columns))
	p.out.Looked = p.out.Rows
	want := int64(max(leastRows, min(lookRows, lookValues/max(1, len(p.out.Columns)))))
	if p.out.Rows == 0 {
		return nil
	}
	for from := 0; from < len(p.out.Columns); from += chunk {
		if err := p.lookAt(ctx, from, min(from+chunk, len(p.out.Columns)), want); err != nil {
			return err
		}
	}
	return nil
}

// lookAt reads some columns. The rows of one call are other ones than those of another, where they are not all.
func (p *profiler) lookAt(ctx context.Context, from, to int, want int64) error {
	var items []string
	var read []func(v any)
	for i := from; i < to; i++ {
		c, l := &p.out.Columns[i], &p.looks[i]
		l.counts = map[string]int64{}
		if !c.Kind.listable() {
			continue
		}
		items = append(items, c.text())
		read = append(read, l.text)
		if at := c.place(); at != "" {
			items = append(items, at)
			read = append(read, l.place)
		}
	}
	if len(items) == 0 {
		return nil
	}
	var rows int64
	err := p.q.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+some(p.relation, p.out.Rows, want), func(row []any) error {
		rows++
		for i, v := range row {
			read[i](v)
		}
		return nil
	})
	p.out.Looked = min(p.out.Looked, rows)
	return err
}

// some is a relation's rows, or about so many of them. Runs of rows are chosen first and rows of those then: choosing single rows
// would read everything, and runs alone would be too few to stand for a sorted table.
func some(relation string, rows, want int64) string {
	if rows <= 3*want {
		return relation
	}
	const spread = 64
	part := float64(want) / float64(rows)
	if part*spread > 0.5 || rows < 2_000_000 {
		return fmt.Sprintf("%s WHERE random() < %g", relation, part)
	}
	return fmt.Sprintf("(SELECT * FROM %s USING SAMPLE %g PERCENT (system)) WHERE random() < %g", relation, 100*part*spread, 1.0/spread)
}

func (l *look) text(v any) {
	if s, ok := v.(string); ok {
		l.present++
		l.clipped = l.clipped || len(s) >= clip
		l.counts[s]++
	}
}

func (l *look) place(v any) {
	f, ok := v.(float64)
	if !ok {
		f = math.NaN()
	}
	l.places = append(l.places, f)
}

// few says whether a column seems to have so few different values that they can be counted one by one. Long ones would have
// to be kept whole for that.
func (l *look) few(whole bool) bool {
	n := len(l.counts)
	return n > 0 && n <= fewValues && !l.clipped && (whole || l.present >= int64(20*n))
}

// mean is that of the finite places, each divided before they are added up.
func (l *look) mean() float64 {
	n, mean := 0.0, 0.0
	for _, at := range l.places {
		if !math.IsNaN(at) && !math.IsInf(at, 0) {
			n++
			mean += at/n - mean/n
		}
	}
	return mean
}
