package cli

import (
	"context"

	"weir/internal/journal"
	"weir/internal/quality"
)

// mostPast is how many builds of a table rules look back at: two years of daily ones.
const mostPast = 732

// measured gives rules what they measured before, as the journal has it.
func (w *workspace) measured(table, run string) quality.History { return past{w.journal, table, run} }

type past struct {
	j          *journal.Journal
	table, run string
}

// Past gives the values of a metric in earlier runs, the latest first.
func (p past) Past(ctx context.Context, metric string) ([]quality.Past, error) {
	builds, err := p.j.RulesOf(ctx, p.table, mostPast)
	if err != nil {
		return nil, err
	}
	var out []quality.Past
	for _, b := range builds {
		for _, r := range b.Rules {
			if v, ok := r.Metrics[metric]; ok && r.RunID != p.run && r.Part == "" {
				out = append(out, quality.Past{At: b.Time, Value: v})
				break
			}
		}
	}
	return out, nil
}
